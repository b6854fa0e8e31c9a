"""Ruling of a crop: straight lines from rim to rim, which forms and exercise books print around a digit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.strokes import components, cut_off


def without_ruling(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take straight lines that run from rim to rim out of a mask (0 and 1), and mend the strokes that they crossed.

    Lines may lean by up to six degrees. Where nothing is left of what the middle held, or where the rest fills its crop
    too, there was no ruling: a tight crop of a 1 is a line from rim to rim, that of a 5 has a bar.
    """
    if min(mask.shape) < 24 or not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()):
        return mask
    # Both ways are looked for in the whole mask: taking one way out first would cut gaps into the other.
    level = _without_horizontals(mask)
    upright = np.ascontiguousarray(_without_horizontals(np.ascontiguousarray(mask.T)).T)
    cleaned = level & upright
    if np.array_equal(cleaned, mask):
        return mask
    height, width = mask.shape
    if not mask[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4].any():
        return cleaned
    # A lone line that belongs to what fills the crop is the bar of a tightly cropped 4.
    if (np.array_equal(level, mask) or np.array_equal(upright, mask)) and _sides_reached(mask) == 4:
        return mask
    return mask if _sides_reached(cleaned) >= 2 else cleaned


def _sides_reached(mask: NDArray[np.uint8]) -> int:
    """How many of the four rims the largest component reaches that does not keep to one; 4 where there is none."""
    height, width = mask.shape
    _, (x1, y1, x2, y2, area) = components(mask)
    rests = cut_off(x1, y1, x2, y2, mask.shape)
    if rests.all():
        return 4
    main = int(np.where(rests, 0, area).argmax())
    return sum((x1[main] <= 1, y1[main] <= 1, x2[main] >= width - 1, y2[main] >= height - 1))


#: A line is looked for as a chain of blocks across the picture, of 4 pixels in a crop, so that the gap between a digit
#: and a line shows,
_BLOCK, _MOST_BLOCKS = 4, 32
#: along these vertical drifts over the picture's width, as fractions of it: six degrees either way.
_DRIFTS = np.linspace(-0.105, 0.105, 17)


#: Of 255: how full the emptiest block of a line is at least, the mean block, and a block of its blurred edge.
_WEAKEST, _LINE, _EDGE = 100, 204, 140


def _without_horizontals(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Remove lines that fill nearly every block along one slope, from rim to rim."""
    height, width = mask.shape
    thick = cv2.dilate(mask * np.uint8(255), np.ones((3, 1), np.uint8))
    blocks = min(width // _BLOCK, _MOST_BLOCKS)
    filled = np.asarray(cv2.resize(thick, (blocks, height), interpolation=cv2.INTER_AREA), np.uint8)
    ends = filled[:, [0, -1]].max(axis=0)
    if int(ends.max()) < 128 or int((filled.max(axis=0) < _WEAKEST).sum()) > blocks // 2:
        return mask
    margin = int(np.ceil(0.06 * width))
    rows, columns = _chains(height, width, margin, blocks)
    # Beyond the top and bottom rim, 1 stands for "not in the picture": a leaning line may leave there.
    along = cv2.copyMakeBorder(filled | 1, margin, margin, 0, 0, cv2.BORDER_CONSTANT, value=0)[rows, columns]
    inside = along > 0
    count = np.count_nonzero(inside, axis=2)
    weakest = np.where(inside, along, 255).min(axis=2)
    mean = along.sum(axis=2) / np.maximum(count, 1)
    score = np.where((weakest >= _WEAKEST) & (count > blocks // 2), mean, 0.0)
    best = score.max(axis=0)
    if float(best.max()) < _LINE:
        return mask
    ruling = np.zeros_like(mask)
    # What blur makes of a line's edges goes with it.
    pen = 1 + 2 * max(1, round(0.02 * height))
    for slope, first, last in _bands(score, reach=max(1, round(0.06 * height))):
        drift = float(_DRIFTS[slope]) * width / 2
        for y in range(first, last):
            cv2.line(ruling, (0, round(y - drift)), (width - 1, round(y + drift)), 1, pen)
    cleaned = mask & (1 - ruling)
    thickness = int(ruling.sum(axis=0).max()) + 2
    bridged = np.asarray(cv2.morphologyEx(cleaned, cv2.MORPH_CLOSE, np.ones((thickness, 1), np.uint8)), np.uint8)
    return np.asarray(cleaned | (bridged & mask), np.uint8)


def _bands(score: NDArray[np.float64], reach: int) -> Iterator[tuple[int, int, int]]:
    """The lines in a table of scores [drifts, rows]: drift index, first row, last row + 1, strongest first.

    A line is its best row with the rows beside it along the same drift, as far as they are still mostly filled.
    """
    left = score.copy()
    while float(left.max()) >= _LINE:
        slope, row = divmod(int(left.argmax()), left.shape[1])
        first = last = row
        while first > max(0, row - reach) and score[slope, first - 1] >= _EDGE:
            first -= 1
        while last < min(score.shape[1] - 1, row + reach) and score[slope, last + 1] >= _EDGE:
            last += 1
        yield slope, first, last + 1
        left[:, max(0, first - 2) : last + 3] = 0.0


@lru_cache(maxsize=8)
def _chains(height: int, width: int, margin: int, blocks: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of the blocks that a line passes: [drifts, height, blocks], and [blocks]."""
    across = (np.arange(blocks) + 0.5) / blocks - 0.5
    offsets = np.rint(_DRIFTS[:, None] * width * across).astype(np.intp)
    return np.arange(height)[None, :, None] + offsets[:, None, :] + margin, np.arange(blocks)
