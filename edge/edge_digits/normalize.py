"""A digit's ink -> the 28x28 picture that a model sees. Training and running share this very code.

The recipe is MNIST's own (LeCun, Bottou, Bengio and Haffner 1998): the digit scaled into a 20x20 box keeping its
proportions, its centre of mass in the middle of 28x28; before it, what photographs need (`ink`, `find`).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Glyph, find_digit
from edge_digits.imaging.contrast import ink_box, local_contrast
from edge_digits.imaging.ink import extract_ink
from edge_digits.imaging.pixels import CROP_SIDE, Gray, histogram, percentile, shrink
from edge_digits.imaging.ring import with_ring

#: Side of the picture that a model sees, and of the box within it that the digit fills.
SIDE = 28
BOX = 20
#: From this share of a digit's own strength on, ink counts for its bounding box. Low, so that MNIST's own pictures stay
#: as they are.
_OUTLINE_SHARE = 0.22


def normalize(gray: Gray) -> Gray:
    """Make of a crop that holds one digit what a model sees.

    Args:
        gray: uint8 [H, W], either polarity, any light.

    Returns:
        uint8 [28, 28], white ink on black; all 0 where there is no ink.
    """
    glyph = find_digit(extract_ink(shrink(gray, CROP_SIDE)))
    return np.zeros((SIDE, SIDE), np.uint8) if glyph is None else normalize_glyph(glyph)


def normalize_glyph(glyph: Glyph) -> Gray:
    """Scale a glyph's ink into the 20x20 box and set its centre of mass in the middle: uint8 [28, 28]."""
    ink = glyph.ink
    level = _strong_level(ink)
    outline = ink >= _OUTLINE_SHARE * level  # [h, w]
    x, y, width, height = cv2.boundingRect(outline.view(np.uint8))
    if width == 0:
        return np.zeros((SIDE, SIDE), np.uint8)
    tight = ink[y : y + height, x : x + width]
    scale = BOX / max(tight.shape)
    size = (max(1, round(tight.shape[1] * scale)), max(1, round(tight.shape[0] * scale)))
    if size != (tight.shape[1], tight.shape[0]):
        tight = np.asarray(
            cv2.resize(tight, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
        )
    return _centre(_stretch(tight))


def normalize_window(gray: Gray) -> Gray:
    """As `normalize`, for a reader of windows: the window around all ink of a crop, its surroundings left in."""
    contrast = local_contrast(with_ring(shrink(gray, CROP_SIDE))[0])
    return window(contrast, ink_box(contrast))


def window(contrast: Gray, box: tuple[float, float, float, float]) -> Gray:
    """What a model sees of a place in a scene: the box as MNIST scales digits, with its surroundings left in.

    Args:
        contrast: uint8 [H, W], the scene's local contrast, at any scale.
        box: x1, y1, x2, y2 in its pixels; it may reach beyond the rim, where there is paper.

    Returns:
        uint8 [28, 28], the box's middle in the middle, its longer side 20 pixels.
    """
    x1, y1, x2, y2 = box
    side = max(round(max(x2 - x1, y2 - y1) * SIDE / BOX), 4)
    left, top = round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)
    height, width = contrast.shape
    part = np.zeros((side, side), np.uint8)
    rows = slice(max(top, 0), min(top + side, height))
    columns = slice(max(left, 0), min(left + side, width))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside = contrast[rows, columns]
        part[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = inside
    method = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=method), np.uint8)


def _stretch(ink: Gray) -> NDArray[np.float32]:
    """Full contrast: the strong tenth of the ink becomes white."""
    level = _strong_level(ink)
    return np.asarray(np.minimum(ink.astype(np.float32) * np.float32(255.0 / level), 255.0), np.float32)


def _strong_level(ink: Gray) -> float:
    """The strength that a tenth of the ink passes, at least 1."""
    counts = histogram(ink)
    counts[0] = 0.0
    return max(percentile(counts, 0.9), 1.0)


def _centre(ink: NDArray[np.float32]) -> Gray:
    height, width = ink.shape
    mass = float(ink.sum()) or 1.0
    centre_x = float((ink.sum(axis=0) * np.arange(width)).sum()) / mass
    centre_y = float((ink.sum(axis=1) * np.arange(height)).sum()) / mass
    x = min(max(round(SIDE / 2 - centre_x), 0), SIDE - width)
    y = min(max(round(SIDE / 2 - centre_y), 0), SIDE - height)
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    canvas[y : y + height, x : x + width] = np.asarray(ink + 0.5).astype(np.uint8)
    return canvas
