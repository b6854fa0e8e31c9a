"""What the pen wrote on a page: its strokes, without paper, pattern, straight lines and specks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.grid import without_grid
from edge_digits.find.ruling import without_ruling
from edge_digits.find.strokes import MAX_STROKES, Mask, Strokes, strokes_of, typical
from edge_digits.imaging.ink import Ink, ink_threshold
from edge_digits.imaging.pixels import CROP_SIDE, Gray

#: The noise of a page is that of its calmer tiles of so many pixels.
_TILE, _CALMER = 16, 30
#: From this noise on, paper is patterned, and pen is what passes this fraction of Otsu's threshold.
_PATTERNED, _PEN = 5.0, 0.85
#: In sizes of the page's strokes: a speck, and a dot; in the strength of its strong strokes: what is pale.
_SPECK, _DOT, _PALE = 0.06, 0.2, 0.35
#: In sizes of the page's strokes: a blot, a shadow, the edge of a sheet; where those are no specks, pixels.
_BLOT, _SURE = 5.0, 12
#: Up to this smaller side, pixels, no shadows lie at the rim.
_PAGE = 200
#: What may run around a digit is at least so large, pixels; and how many strokes within it are looked at.
_FRAME, _ENOUGH = 24, 8


def pen_strokes(ink: Ink) -> Strokes:
    """The strokes of a page, in no order: without straight lines, frames, blots, shadows, dots and what is pale."""
    mask = written(ink)
    strokes = strokes_of(mask, ink.strength)
    strokes = strokes.take(~_at_rim(strokes, mask.shape))
    strokes = strokes.take(~_frames(strokes))
    if len(strokes) > MAX_STROKES:
        strokes = strokes.take(strokes.weight >= np.sort(strokes.weight)[-MAX_STROKES])
    if len(strokes) < 2:
        return strokes
    # Specks, and what is much paler than the rest: old pencil, print showing through, the grain of the paper.
    size = np.maximum(strokes.x2 - strokes.x1, strokes.y2 - strokes.y1)
    strength = strokes.weight / strokes.area
    middle = typical(size, size, 0.5)
    kept = (strength >= _PALE * typical(strength, size, 0.75)) & (size >= _SPECK * middle)
    if middle >= _SURE:
        kept &= size <= max(_BLOT * middle, 0.3 * min(mask.shape))
    return _without_dots(strokes.take(kept))


def _frames(strokes: Strokes) -> NDArray[np.bool_]:
    """Which strokes run around others that are no specks: the box of a form, the table around a sheet."""
    size = np.maximum(strokes.x2 - strokes.x1, strokes.y2 - strokes.y1)
    frames = np.zeros(len(strokes), np.bool_)
    for one in np.flatnonzero(size >= _FRAME):
        inside = (
            (strokes.x1 > strokes.x1[one])
            & (strokes.x2 < strokes.x2[one])
            & (strokes.y1 > strokes.y1[one])
            & (strokes.y2 < strokes.y2[one])
            & (size >= _SPECK * size[one])
        )
        within = 0
        for other in np.flatnonzero(inside)[:_ENOUGH]:
            x, y = (strokes.x1[other] + strokes.x2[other]) // 2, (strokes.y1[other] + strokes.y2[other]) // 2
            row = np.flatnonzero(strokes.labels[y] == strokes.label[one])
            column = np.flatnonzero(strokes.labels[:, x] == strokes.label[one])
            if len(row) and len(column) and row[0] < x < row[-1] and column[0] < y < column[-1]:
                within += size[other]
        frames[one] = within >= _DOT * size[one]
    return frames


def _without_dots(strokes: Strokes) -> Strokes:
    """Without dots and specks, but for those within the box of a larger stroke, of which they may be a part."""
    size = np.maximum(strokes.x2 - strokes.x1, strokes.y2 - strokes.y1)
    small = size < _DOT * typical(size, size, 0.5)
    if not small.any():
        return strokes
    x, y = (strokes.x1 + strokes.x2) // 2, (strokes.y1 + strokes.y2) // 2
    large = strokes.take(~small)
    inside = (x[:, None] >= large.x1) & (x[:, None] < large.x2) & (y[:, None] >= large.y1) & (y[:, None] < large.y2)
    return strokes.take(~small | inside.any(axis=1))


def written(ink: Ink) -> Mask:
    """Where the pen has been on a page: uint8 [H, W] of 0 and 1, straight lines and printed pattern left out."""
    mask = pen_mask(ink)
    # In a crop, lines from rim to rim are ruling.
    return without_grid(mask) if max(mask.shape) > CROP_SIDE else without_ruling(mask)


def pen_mask(ink: Ink) -> Mask:
    """Where a page is written on: uint8 [H, W] of 0 and 1, straight lines included, a printed pattern left out."""
    calm = np.asarray(cv2.blur(ink.strength, (3, 3)), np.uint8)
    noise = min(ink.noise, _local_noise(ink.strength))
    threshold = min(ink_threshold(noise), 254)
    if noise < _PATTERNED:
        return _above(calm, threshold)
    otsu, _ = cv2.threshold(calm, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    pen = _above(calm, min(max(threshold, round(_PEN * otsu)), 254))
    # The rim of a stroke is as weak as the pattern.
    return np.asarray(cv2.dilate(pen, np.ones((3, 3), np.uint8)), np.uint8) & _above(calm, threshold)


def _above(strength: Gray, threshold: int) -> Mask:
    return np.asarray(cv2.threshold(strength, threshold, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _local_noise(strength: Gray) -> float:
    """The noise of paper as it is within a few pixels, whatever shadows the page holds."""
    height, width = strength.shape
    unrest = cv2.absdiff(strength, cv2.blur(strength, (9, 9)))
    tiles = cv2.resize(unrest, (max(1, width // _TILE), max(1, height // _TILE)), interpolation=cv2.INTER_AREA)
    # Of a normal distribution, the standard deviation is 1.25 mean deviations.
    return 1.25 * _percentile(np.asarray(tiles, np.uint8), _CALMER)


def _percentile(values: Gray, share: float) -> float:
    """As NumPy's, which takes ten times as long for a few values."""
    ordered = np.sort(values, axis=None)
    place = share / 100 * (len(ordered) - 1)
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    return low + (high - low) * (place - below)


def _at_rim(strokes: Strokes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which strokes lie along the rim: rests of ruling, shadows, the edge of the sheet."""
    height, width = shape
    w, h = strokes.x2 - strokes.x1, strokes.y2 - strokes.y1
    beside = (strokes.x1 <= 0) | (strokes.x2 >= width)
    above = (strokes.y1 <= 0) | (strokes.y2 >= height)
    thin = (beside & (h > 2 * w) & (w < 0.1 * height)) | (above & (w > 1.5 * h) & (h < 0.2 * height))
    # In a crop or a strip of one line, the writing itself may be as large.
    page = min(shape) >= _PAGE
    large = (beside & (h > 0.5 * height)) | (above & (w > 0.5 * width))
    return np.asarray((strokes.area < 6) | (thin if not page else thin | large))
