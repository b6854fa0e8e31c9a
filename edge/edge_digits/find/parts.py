"""The parts of a picture that hold ink: all that a network is shown of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import INPUT_MULTIPLE

#: Ink is looked for in blocks of so many pixels; a block is looked at where it holds more than so many pixels of ink,
#: and nothing is left to look at more finely where no block holds more than so many.
_BLOCK, _MIN_INKED, _NO_MORE = 32, 8, 4
#: Ink is left out of account so far around a box, in its heights.
_MARGIN = 0.15


def inked_parts(level: Gray, sure: NDArray[np.float32], inked: int) -> list[tuple[int, int, Gray]]:
    """Rectangles that hold the ink with room around it: x, y, uint8 [H, W] of sides that the network takes.

    Args:
        level: ink, uint8 [H, W].
        sure: float32 [N, 4], boxes in its pixels whose ink is left out of account.
        inked: what counts as ink, from this value on.
    """
    height, width = level.shape
    padded = _in_blocks(level)
    blocks = _blocks(padded, sure, inked, _MIN_INKED)
    if not blocks.any():
        return []
    around = cv2.dilate(blocks, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(around, connectivity=4)
    parts = []
    for x, y, w, h, _ in stats[1:].tolist():
        x1, y1 = x * _BLOCK, y * _BLOCK
        x2, y2 = _stepped(x1, min((x + w) * _BLOCK, width)), _stepped(y1, min((y + h) * _BLOCK, height))
        parts.append((x1, y1, np.ascontiguousarray(padded[y1:y2, x1:x2])))
    return parts


def is_explained(level: Gray, sure: NDArray[np.float32], inked: int) -> bool:
    """Whether next to no ink is outside of the sure boxes; arguments as of `inked_parts`."""
    return not _blocks(_in_blocks(level), sure, inked, _NO_MORE).any()


def unexplained(level: Gray, boxes: NDArray[np.float32]) -> Gray:
    """What is outside of boxes and next to none of them, uint8 [H, W]; 0 elsewhere.

    Args:
        level: ink, uint8 [H, W].
        boxes: float32 [N, 4], x1, y1, x2, y2 in its pixels.
    """
    if not len(boxes):
        return level
    rest = level.copy()
    for x1, y1, x2, y2 in boxes.tolist():
        room = _MARGIN * (y2 - y1) + 1
        rows = slice(max(0, int(y1 - room)), max(0, int(y2 + room) + 1))
        rest[rows, max(0, int(x1 - room)) : max(0, int(x2 + room) + 1)] = 0
    return rest


def _in_blocks(level: Gray) -> Gray:
    """With paper to the right and below, so that it consists of whole blocks."""
    height, width = level.shape
    more = cv2.copyMakeBorder(level, 0, -height % _BLOCK, 0, -width % _BLOCK, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(more, np.uint8)


def _blocks(padded: Gray, sure: NDArray[np.float32], inked: int, least: int) -> Gray:
    """Which blocks hold more than `least` pixels of ink outside of the sure boxes, uint8 [rows, columns], 0 or 1."""
    marked = cv2.threshold(unexplained(padded, sure), inked - 1, 255.0, cv2.THRESH_BINARY)[1]
    size = (padded.shape[1] // _BLOCK, padded.shape[0] // _BLOCK)
    share = cv2.resize(marked, size, interpolation=cv2.INTER_AREA)
    return (np.asarray(share) > 255 * least / _BLOCK**2).astype(np.uint8)


def _stepped(first: int, last: int) -> int:
    return first + -(-(last - first) // INPUT_MULTIPLE) * INPUT_MULTIPLE
