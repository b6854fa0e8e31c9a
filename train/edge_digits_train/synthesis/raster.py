"""Strokes -> a picture in the form of MNIST's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray

#: Drawn so many times larger, for smooth edges.
_SUPERSAMPLING = 6
#: The side of the box that a digit fills, of 28 pixels, as in MNIST.
_BOX = 20


def draw(strokes: Sequence[NDArray[np.floating[Any]]], pen: float) -> Gray:
    """Strokes fitted into MNIST's box, their centre of mass in the middle.

    Args:
        strokes: float [N, 2] each, x to the right and y downwards, in any unit.
        pen: its width, pixels of the picture.

    Returns:
        uint8 [28, 28], white on black.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (_BOX - pen) / max(float((high - low).max()), 1e-6)
    side = 28 * _SUPERSAMPLING
    canvas = np.zeros((side, side), np.uint8)
    middle = (low + high) / 2
    for stroke in strokes:
        at = ((stroke - middle) * scale + 14.0) * _SUPERSAMPLING
        ends = at if len(at) > 1 else np.repeat(at, 2, axis=0)  # a dot
        fine = np.round(ends * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [fine], False, 255, max(1, round(pen * _SUPERSAMPLING)), cv2.LINE_AA, shift=4)
    small = cv2.resize(canvas, (28, 28), interpolation=cv2.INTER_AREA)
    moments = cv2.moments(small)
    x, y = (14.0 - 0.5 - moments[key] / max(moments["m00"], 1e-6) for key in ("m10", "m01"))
    shift = np.array([[1.0, 0.0, np.clip(x, -3, 3)], [0.0, 1.0, np.clip(y, -3, 3)]])
    return np.asarray(cv2.warpAffine(small, shift, (28, 28), flags=cv2.INTER_LINEAR), np.uint8)
