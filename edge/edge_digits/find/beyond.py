"""Whether what a box holds is a whole figure, or a part of a larger one, as one arch of a letter."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray

#: Strokes have this local contrast. They are followed so far around a box, in its longer side; what leaves it by less
#: than a rim is still in it.
_STROKE, _ROOM, _RIM = 110, 0.35, 0.04
#: What holds less than this share of the box's strokes may go where it likes: a line that cuts its corner, a neighbour.
_MUCH = 0.15


def beyond(contrast: Gray, box: tuple[float, float, float, float]) -> float:
    """How much there is outside of a box of the strokes in it: a share of what is inside, 1 at most.

    Args:
        contrast: local contrast, uint8 [H, W].
        box: x1, y1, x2, y2 in its pixels.
    """
    x1, y1, x2, y2 = box
    longer = max(x2 - x1, y2 - y1)
    room, rim = _ROOM * longer, _RIM * longer
    left, top = max(0, round(x1 - room)), max(0, round(y1 - room))
    part = contrast[top : max(0, round(y2 + room)), left : max(0, round(x2 + room))]
    if part.size == 0:
        return 0.0
    count, labels = cv2.connectedComponents((part >= _STROKE).astype(np.uint8))
    rows = slice(max(0, round(y1 - rim) - top), max(0, round(y2 + rim) - top))
    columns = slice(max(0, round(x1 - rim) - left), max(0, round(x2 + rim) - left))
    within = np.bincount(labels[rows, columns].ravel(), minlength=count)[1:]
    whole = np.bincount(labels.ravel(), minlength=count)[1:]
    strokes = int(within.sum())
    if strokes == 0:
        return 0.0
    return min(float((whole - within)[within > _MUCH * strokes].sum()) / strokes, 1.0)
