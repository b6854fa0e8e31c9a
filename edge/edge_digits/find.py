"""The ink of a picture -> where its digits are.

Connected components of the ink, freed of ruling and of what the rim cuts off, are put together where they are strokes
of one digit and told apart where they are neighbours. Made for single digits and for well-separated ones on plain
paper; it splits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.ink import Ink
from edge_digits.pixels import Gray

#: Ink is what stands out of the paper by this many standard deviations of its noise, and by this much at least: print
#: that shows through from the back of the sheet reaches about 16 of 255.
_NOISE_FACTOR = 3.0
_FAINTEST = 18
#: Of a picture of many digits, the least height that can be told from a speck, pixels.
_SMALLEST_DIGIT = 8
#: Components beyond this many, by area, are texture.
_MOST_STROKES = 400


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Glyph:
    """One candidate digit: its place in the picture and its own ink.

    Attributes:
        x, y: top left corner, pixels.
        ink: uint8 [h, w], the strength of its strokes, 0 elsewhere.
    """

    x: int
    y: int
    ink: Gray

    @property
    def width(self) -> int:
        return int(self.ink.shape[1])

    @property
    def height(self) -> int:
        return int(self.ink.shape[0])


def find_digit(ink: Ink) -> Glyph | None:
    """The one digit of a crop: the strongest group of strokes. None where there is no ink."""
    strokes = _strokes(ink)
    if len(strokes.area) == 0:
        return None
    groups = _group(strokes)
    return _glyph(ink, strokes, groups[int(np.argmax([float(strokes.weight[group].sum()) for group in groups]))])


def find_digits(ink: Ink) -> list[list[Glyph]]:
    """The digits of a picture in reading order: lines from the top, digits of a line from the left."""
    strokes = _strokes(ink)
    if len(strokes.area) == 0:
        return []
    groups = _group(strokes)
    heights = np.array([strokes.y2[g].max() - strokes.y1[g].min() for g in groups])
    weights = np.array([strokes.weight[g].sum() for g in groups])
    # Dots, commas and specks are small beside the digits; remains of lines and old marks are weak beside them.
    tallest = heights[weights >= 0.25 * weights.max()].max()
    smallest = max(_SMALLEST_DIGIT, 0.4 * tallest)
    kept = [g for g, h, w in zip(groups, heights, weights, strict=True) if h >= smallest and w >= 0.08 * weights.max()]
    return _lines([_glyph(ink, strokes, g) for g in kept])


@dataclass(frozen=True, eq=False)
class _Strokes:
    """Connected components: the label picture, then one entry each: label, box, area, sum of the strength."""

    labels: NDArray[np.int32]
    label: NDArray[np.int32]
    x1: NDArray[np.int32]
    y1: NDArray[np.int32]
    x2: NDArray[np.int32]
    y2: NDArray[np.int32]
    area: NDArray[np.int32]
    weight: NDArray[np.float64]

    def take(self, which: NDArray[np.bool_]) -> _Strokes:
        return _Strokes(
            self.labels,
            self.label[which],
            self.x1[which],
            self.y1[which],
            self.x2[which],
            self.y2[which],
            self.area[which],
            self.weight[which],
        )


def ink_mask(ink: Ink) -> NDArray[np.uint8]:
    """Where there is ink: uint8 [H, W] of 0 and 1, ruling and rim included."""
    strength = ink.strength
    if min(strength.shape) >= 48 or ink.noise >= 4.0:
        # Takes two thirds of the noise away, where it is not smeared by JPEG.
        strength = np.asarray(cv2.blur(strength, (3, 3)), np.uint8)
    threshold = max(_FAINTEST, round(_NOISE_FACTOR * ink.noise))
    return np.asarray(cv2.threshold(strength, min(threshold, 254), 1, cv2.THRESH_BINARY)[1], np.uint8)


def _strokes(ink: Ink) -> _Strokes:
    mask = without_ruling(ink_mask(ink))
    labels, (x1, y1, x2, y2, area) = _components(mask)
    inked = np.flatnonzero(mask)  # a few per cent of the picture, and label 0 does not count
    sums = np.bincount(labels.ravel()[inked], weights=ink.strength.ravel()[inked], minlength=len(area) + 1).astype(
        np.float64
    )
    strokes = _Strokes(labels, np.arange(1, len(area) + 1, dtype=np.int32), x1, y1, x2, y2, area, sums[1:])
    strokes = strokes.take(~_cut_off(x1, y1, x2, y2, mask.shape))
    if len(strokes.area) < 2:
        return strokes
    if len(strokes.area) > _MOST_STROKES:
        strokes = strokes.take(strokes.area >= np.sort(strokes.area)[-_MOST_STROKES])
    # Specks, and what is much paler than the main stroke: old pencil, print showing through, the grain of the paper.
    main = int(strokes.weight.argmax())
    pale = strokes.weight * strokes.area[main] < 0.35 * strokes.weight[main] * strokes.area
    return strokes.take((strokes.weight >= 0.01 * strokes.weight[main]) & ~pale)


def _components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Connected components: label picture, 0 for none, and [5, N] of x1, y1, x2, y2, area of the labels from 1."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    x1, y1, w, h, area = np.asarray(stats[1:], np.int32).T
    return np.asarray(labels, np.int32), np.stack([x1, y1, x1 + w, y1 + h, area])


def _cut_off(
    x1: NDArray[np.int32], y1: NDArray[np.int32], x2: NDArray[np.int32], y2: NDArray[np.int32], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which boxes reach over the rim and keep to it: rests of ruling, the digit next door."""
    height, width = shape
    touches = (x1 <= 0) | (y1 <= 0) | (x2 >= width) | (y2 >= height)
    off_x = np.abs(x1 + x2 - width) / width
    off_y = np.abs(y1 + y2 - height) / height
    return np.asarray(touches & (np.maximum(off_x, off_y) > 0.6))


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
    _, (x1, y1, x2, y2, area) = _components(mask)
    rests = _cut_off(x1, y1, x2, y2, mask.shape)
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


def _group(strokes: _Strokes) -> list[NDArray[np.intp]]:
    """Put strokes together that are one digit: one above the other, or closer than a pen's width."""
    count = len(strokes.area)
    if count == 1:
        return [np.array([0])]
    w, h = strokes.x2 - strokes.x1, strokes.y2 - strokes.y1
    tallest = int(h.max())
    overlap_x = np.minimum.outer(strokes.x2, strokes.x2) - np.maximum.outer(strokes.x1, strokes.x1)
    overlap_y = np.minimum.outer(strokes.y2, strokes.y2) - np.maximum.outer(strokes.y1, strokes.y1)
    joint_height = np.maximum.outer(strokes.y2, strokes.y2) - np.minimum.outer(strokes.y1, strokes.y1)
    above = (overlap_x >= 0.4 * np.minimum.outer(w, w)) & (joint_height <= 1.35 * tallest)
    pen = 0.08 * tallest
    near = (-overlap_x <= pen) & (-overlap_y <= pen) & (np.minimum.outer(h, h) < 0.7 * np.maximum.outer(h, h))
    linked = above | near
    parent = np.arange(count)
    for i, j in zip(*np.nonzero(np.triu(linked, 1)), strict=True):
        a, b = parent[i], parent[j]
        if a != b:
            parent[parent == b] = a
    return [np.flatnonzero(parent == root) for root in sorted(set(parent.tolist()))]


def _glyph(ink: Ink, strokes: _Strokes, group: NDArray[np.intp]) -> Glyph:
    x1, y1 = int(strokes.x1[group].min()), int(strokes.y1[group].min())
    x2, y2 = int(strokes.x2[group].max()), int(strokes.y2[group].max())
    own = np.zeros(int(strokes.labels.max()) + 1, np.uint8)
    own[strokes.label[group]] = 1
    return Glyph(x1, y1, ink.strength[y1:y2, x1:x2] * own[strokes.labels[y1:y2, x1:x2]])


def _lines(glyphs: list[Glyph]) -> list[list[Glyph]]:
    """Reading order: a glyph joins the line whose last glyph it overlaps in height by half."""
    lines: list[list[Glyph]] = []
    for glyph in sorted(glyphs, key=lambda g: (g.x, g.y)):
        best, best_overlap = None, 0.5
        for line in lines:
            last = line[-1]
            shared = min(last.y + last.height, glyph.y + glyph.height) - max(last.y, glyph.y)
            overlap = shared / min(last.height, glyph.height)
            if overlap >= best_overlap:
                best, best_overlap = line, overlap
        if best is None:
            lines.append([glyph])
        else:
            best.append(glyph)
    return sorted(lines, key=lambda line: float(np.mean([g.y + g.height / 2 for g in line])))
