"""Pieces of ink around a box: whether what it holds is whole, or a part of a larger figure, as an arch of a letter."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray

#: Strokes have this local contrast. They are followed so far around a box, in its longer side; what leaves it by less
#: than a rim is still in it.
_STROKE, _ROOM, _RIM = 110, 0.35, 0.04
#: What holds less than this share of the box's strokes may go where it likes: a line that cuts its corner, a neighbour.
_MUCH = 0.15

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Pieces:
    """What is in one piece each, in a box and around it.

    Attributes:
        left, top: where the part that was looked at begins, pixels.
        labels: int32 [H, W], the piece at each of its pixels, 0 for none.
        whole, within: int64 [N], pixels of each piece, and those in the box; those of none first.
    """

    left: int
    top: int
    labels: NDArray[np.int32]
    whole: NDArray[np.int64]
    within: NDArray[np.int64]

    @classmethod
    def around(cls, contrast: Gray, box: Box, stroke: int, room: float, rim: float = 0.0) -> Pieces:
        """Find them.

        Args:
            contrast: local contrast, uint8 [H, W].
            box: x1, y1, x2, y2 in its pixels.
            stroke: what counts as ink, from this value on.
            room: so far around the box, in its longer side.
            rim: so far around it what is there is still in it, in its longer side.
        """
        x1, y1, x2, y2 = box
        longer = max(x2 - x1, y2 - y1)
        room, rim = room * longer, rim * longer
        left, top = max(0, round(x1 - room)), max(0, round(y1 - room))
        part = contrast[top : max(0, round(y2 + room)), left : max(0, round(x2 + room))]
        if part.size == 0:
            return cls(left, top, np.zeros((0, 0), np.int32), np.zeros(1, np.int64), np.zeros(1, np.int64))
        count, labels = cv2.connectedComponents((part >= stroke).astype(np.uint8))
        rows = slice(max(0, round(y1 - rim) - top), max(0, round(y2 + rim) - top))
        columns = slice(max(0, round(x1 - rim) - left), max(0, round(x2 + rim) - left))
        within = np.bincount(labels[rows, columns].ravel(), minlength=count)
        return cls(left, top, np.asarray(labels, np.int32), np.bincount(labels.ravel(), minlength=count), within)


def beyond(contrast: Gray, box: Box) -> float:
    """How much there is outside of a box of the strokes in it: a share of what is inside, 1 at most.

    Args:
        contrast: local contrast, uint8 [H, W].
        box: x1, y1, x2, y2 in its pixels.
    """
    pieces = Pieces.around(contrast, box, _STROKE, _ROOM, _RIM)
    whole, within = pieces.whole[1:], pieces.within[1:]
    strokes = int(within.sum())
    if strokes == 0:
        return 0.0
    return min(float((whole - within)[within > _MUCH * strokes].sum()) / strokes, 1.0)
