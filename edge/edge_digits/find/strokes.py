"""Strokes: the connected components of a mask, with the boxes and weights by which they are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.glyph import Glyph
from edge_digits.imaging.pixels import Gray

Mask = NDArray[np.uint8]

#: Strokes beyond this many, by area or weight, are texture.
MAX_STROKES = 400


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Strokes:
    """Connected components: the label picture, then one entry each: label, box, area, sum of the strength."""

    labels: NDArray[np.int32]
    label: NDArray[np.int32]
    x1: NDArray[np.int32]
    y1: NDArray[np.int32]
    x2: NDArray[np.int32]
    y2: NDArray[np.int32]
    area: NDArray[np.int32]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, which: NDArray[np.bool_]) -> Strokes:
        """Those where `which` is true."""
        label, x1, y1, x2, y2, area = (a[which] for a in (self.label, self.x1, self.y1, self.x2, self.y2, self.area))
        return Strokes(self.labels, label, x1, y1, x2, y2, area, self.weight[which])

    def glyph(self, strength: Gray, group: NDArray[np.intp]) -> Glyph:
        """The strokes of a group (places in these arrays) as one glyph; `strength` as in `Ink`."""
        x1, y1 = int(self.x1[group].min()), int(self.y1[group].min())
        x2, y2 = int(self.x2[group].max()), int(self.y2[group].max())
        labels = self.labels[y1:y2, x1:x2]
        own = labels == self.label[group[0]]
        for place in group[1:]:
            own |= labels == self.label[place]
        return Glyph(x1, y1, strength[y1:y2, x1:x2] * own)


def strokes_of(mask: Mask, strength: Gray) -> Strokes:
    """The connected components of a mask (0 and 1)."""
    labels, (x1, y1, x2, y2, area) = components(mask)
    x, y = np.asarray(cv2.findNonZero(mask) if len(area) else np.zeros((0, 2)), np.intp).reshape(-1, 2).T
    sums = np.bincount(labels[y, x], weights=strength[y, x], minlength=len(area) + 1).astype(np.float64)
    return Strokes(labels, np.arange(1, len(area) + 1, dtype=np.int32), x1, y1, x2, y2, area, sums[1:])


def components(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Connected components: label picture, 0 for none, and [5, N] of x1, y1, x2, y2, area of the labels from 1."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    x1, y1, w, h, area = np.asarray(stats[1:], np.int32).T
    return np.asarray(labels, np.int32), np.stack([x1, y1, x1 + w, y1 + h, area])


def cut_off(
    x1: NDArray[np.int32], y1: NDArray[np.int32], x2: NDArray[np.int32], y2: NDArray[np.int32], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which boxes reach over the rim and keep to it: rests of ruling, the digit next door."""
    height, width = shape
    touches = (x1 <= 0) | (y1 <= 0) | (x2 >= width) | (y2 >= height)
    if not touches.any():
        return touches
    off_x = np.abs(x1 + x2 - width) / width
    off_y = np.abs(y1 + y2 - height) / height
    return np.asarray(touches & (np.maximum(off_x, off_y) > 0.6))


def typical(values: NDArray[Any], weights: NDArray[Any], share: float) -> float:
    """The value below which a share of the weights lies: with sizes as weights, no crowd of specks and no single blot
    moves it far.
    """
    order = np.argsort(values)
    sums = np.cumsum(weights[order], dtype=np.float64)
    return float(values[order][np.searchsorted(sums, share * sums[-1])])


def group(strokes: Strokes, tallest: float, room: float = 1.35) -> list[NDArray[np.intp]]:
    """Put strokes together that are one digit: one above the other, or closer than a pen's width.

    Args:
        strokes: what to group.
        tallest: how high a digit may be, pixels.
        room: how high strokes one above the other may be together, in units of that.
    """
    count = len(strokes)
    if count == 1:
        return [np.array([0])]
    w, h = strokes.x2 - strokes.x1, strokes.y2 - strokes.y1
    overlap_x = np.minimum.outer(strokes.x2, strokes.x2) - np.maximum.outer(strokes.x1, strokes.x1)
    overlap_y = np.minimum.outer(strokes.y2, strokes.y2) - np.maximum.outer(strokes.y1, strokes.y1)
    joint_height = np.maximum.outer(strokes.y2, strokes.y2) - np.minimum.outer(strokes.y1, strokes.y1)
    above = (overlap_x >= 0.4 * np.minimum.outer(w, w)) & (joint_height <= room * tallest)
    pen = 0.08 * tallest
    near = (-overlap_x <= pen) & (-overlap_y <= pen) & (np.minimum.outer(h, h) < 0.7 * np.maximum.outer(h, h))
    linked = above | near
    parent = np.arange(count)
    for i, j in zip(*np.nonzero(np.triu(linked, 1)), strict=True):
        a, b = parent[i], parent[j]
        if a != b:
            parent[parent == b] = a
    return [np.flatnonzero(parent == root) for root in sorted(set(parent.tolist()))]
