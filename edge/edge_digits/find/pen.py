"""What the pen wrote on a page: its strokes, without paper, pattern, straight lines and specks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.grid import without_grid
from edge_digits.find.ruling import without_ruling
from edge_digits.find.strokes import Mask, Strokes, strokes_of, typical
from edge_digits.ink import Ink
from edge_digits.pixels import Gray

#: As for one digit: ink stands out by so many standard deviations of the paper's noise, and by so much at least.
_NOISE_FACTOR, _FAINTEST = 3.0, 18
#: The noise of a page is that of its calmer tiles of so many pixels.
_TILE, _CALMER = 16, 30
#: From this noise on, paper is patterned, and pen is what passes this fraction of Otsu's threshold.
_PATTERNED, _PEN = 5.0, 0.85
#: In sizes of the page's strokes: a speck, and a dot; in the strength of its strong strokes: what is pale.
_SPECK, _DOT, _PALE = 0.06, 0.2, 0.35
#: Up to this side, pixels, lines from rim to rim are ruling; from this smaller side on, shadows lie at the rim.
_CROP, _PAGE = 112, 200
#: Strokes beyond this many, by weight, are texture.
_MOST_STROKES = 400


def pen_strokes(ink: Ink) -> Strokes:
    """The strokes of a page."""
    mask = pen_mask(ink)
    mask = without_grid(mask) if max(mask.shape) > _CROP else without_ruling(mask)
    strokes = strokes_of(mask, ink.strength)
    strokes = strokes.take(~_at_rim(strokes, mask.shape))
    if len(strokes) > _MOST_STROKES:
        strokes = strokes.take(strokes.weight >= np.sort(strokes.weight)[-_MOST_STROKES])
    if len(strokes) < 2:
        return strokes
    # Specks, and what is much paler than the rest: old pencil, print showing through, the grain of the paper.
    size = np.maximum(strokes.x2 - strokes.x1, strokes.y2 - strokes.y1)
    strength = strokes.weight / strokes.area
    kept = (strength >= _PALE * typical(strength, size, 0.75)) & (size >= _SPECK * typical(size, size, 0.5))
    return _without_dots(strokes.take(kept))


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


def pen_mask(ink: Ink) -> Mask:
    """Where a page is written on: uint8 [H, W] of 0 and 1, straight lines included, a printed pattern left out."""
    calm = np.asarray(cv2.blur(ink.strength, (3, 3)), np.uint8)
    noise = min(ink.noise, _local_noise(ink.strength))
    threshold = min(max(_FAINTEST, round(_NOISE_FACTOR * noise)), 254)
    if noise < _PATTERNED:
        return _above(calm, threshold)
    otsu, _ = cv2.threshold(calm, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    pen = _above(calm, min(max(threshold, round(_PEN * otsu)), 254))
    # The rim of a stroke is as weak as the pattern.
    return np.asarray(cv2.dilate(pen, np.ones((3, 3), np.uint8)) & _above(calm, threshold), np.uint8)


def _above(strength: Gray, threshold: int) -> Mask:
    return np.asarray(cv2.threshold(strength, threshold, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _local_noise(strength: Gray) -> float:
    """The noise of paper as it is within a few pixels, whatever shadows the page holds."""
    height, width = strength.shape
    unrest = cv2.absdiff(strength, cv2.blur(strength, (9, 9)))
    tiles = cv2.resize(unrest, (max(1, width // _TILE), max(1, height // _TILE)), interpolation=cv2.INTER_AREA)
    # Of a normal distribution, the standard deviation is 1.25 mean deviations.
    return 1.25 * float(np.percentile(tiles, _CALMER))


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
