"""Pens: how wide and how sharp strokes are. Strokes are uint8 [H, W], white on black."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray


def sharpen(strokes: Gray, gain: float) -> Gray:
    """Steepen edges that enlarging has blurred, by a contrast gain of more than 1 about mid-grey."""
    floor = np.uint8(127 - 127 // int(gain)) if gain >= 2 else np.uint8(30)
    return np.asarray(cv2.convertScaleAbs(np.maximum(strokes, floor) - floor, alpha=gain), np.uint8)


def dilated(strokes: Gray, kernel: NDArray[np.uint8]) -> Gray:
    """Bolder strokes."""
    return np.asarray(cv2.dilate(strokes, kernel), np.uint8)


def eroded(strokes: Gray, kernel: NDArray[np.uint8], min_share: float) -> Gray:
    """Finer strokes; as they were where less than `min_share` of their ink would be left, and digits fall apart."""
    thin = np.asarray(cv2.erode(strokes, kernel), np.uint8)
    return thin if int(cv2.sumElems(thin)[0]) > min_share * int(cv2.sumElems(strokes)[0]) else strokes


def vary_width(strokes: Gray, rng: np.random.Generator) -> Gray:
    """Another pen for one digit in a square crop: bolder, finer or the same."""
    size = int(rng.integers(0, max(2, strokes.shape[0] // 14) + 1))
    if size == 0:
        return strokes
    kernel = _disc(size + 1)
    return dilated(strokes, kernel) if rng.random() < 0.45 else eroded(strokes, kernel, 0.35)


def set_width(strokes: Gray, half_width: float) -> Gray:
    """Strokes made finer or bolder towards half a width of so many pixels."""
    mask = (strokes > 127).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    # The mean depth within a stroke is half of its half width.
    half = 2.0 * float(depth.sum()) / max(int(mask.sum()), 1)
    if half_width >= half + 0.5:
        return dilated(strokes, _disc(1 + 2 * round(min(half_width - half, 4.0))))
    if half_width > half - 0.3:
        return strokes
    # Keep what is near the stroke's middle, where the depth is that of its own ridge: eroding would break thin places.
    ridge = cv2.dilate(depth, _disc(1 + 2 * int(np.ceil(half))))
    return np.asarray(np.clip(255.0 * (depth - ridge + max(half_width, 1.0)), 0, 255) * mask, np.uint8)


def _disc(size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
