"""The digits of a page, found by a network at several scales, looking only where there is ink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find import layout
from edge_digits.find.glyph import Candidate, Glyph, Line
from edge_digits.find.single import find_digit
from edge_digits.ink import Ink, levelled
from edge_digits.maps import HEIGHTS, STEP, spots
from edge_digits.pixels import Gray

Maps = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

#: A place is taken for a digit's middle from this logit on: one in twelve. What is doubtful is for the classifier.
_LEAST = -2.4
#: Pictures are halved until they are this small: a digit that fills one is then of a height that the network knows.
_SMALLEST = 40
#: Ink is looked for in blocks of so many pixels; from this strength of levelled ink on, a block holds some, and its
#: neighbours are looked at with it.
_BLOCK, _INKED = 32, 60
#: Of two finds, the weaker is the same digit where their boxes share this part of both, or of the smaller one.
_SHARED, _WITHIN = 0.4, 0.65
#: Room that is taken with a digit's box, as a fraction of its height.
_MARGIN = 0.15


@dataclass(frozen=True, eq=False)
class _Finds:
    """Finds of a page: boxes float32 [N, 4] (x1, y1, x2, y2 in pixels of the page), and logits float32 [N, C]."""

    boxes: NDArray[np.float32]
    logits: NDArray[np.float32]

    def take(self, which: NDArray[np.intp]) -> _Finds:
        return _Finds(self.boxes[which], self.logits[which])


def find(ink: Ink, maps: Maps) -> list[Line]:
    """The lines of a page from the top; each candidate has the network's opinion with it.

    Args:
        ink: the page.
        maps: the network, as `session.Finder.maps`.
    """
    found = _apart(_at_all_scales(levelled(ink), maps))
    order = np.argsort(found.boxes[:, 0], kind="stable")
    found = found.take(order)
    glyphs = []
    for number in range(len(found.boxes)):
        glyph = _glyph(ink, found.boxes, number)
        if glyph is not None:
            glyphs.append((glyph, number))
    logits = {id(glyph): found.logits[number] for glyph, number in glyphs}
    rows = layout.rows([glyph for glyph, _ in glyphs])
    return [_line(row, logits) for row in rows]


def _line(row: list[Glyph], logits: dict[int, NDArray[np.float32]]) -> Line:
    candidates = [Candidate(glyph, node, node + 1, logits[id(glyph)]) for node, glyph in enumerate(row)]
    return Line(tuple(candidates), len(row) + 1)


def _at_all_scales(page: Gray, maps: Maps) -> _Finds:
    boxes, logits = [np.zeros((0, 4), np.float32)], []
    factor, level = 1.0, page
    while True:
        for x, y, part in _inked_parts(level):
            found = spots(maps(part[None])[0], _LEAST)
            inside = (found.height >= 0.75 * HEIGHTS[0]) & (found.height <= 1.3 * HEIGHTS[1])
            half_w, half_h = found.width / 2, found.height / 2
            middle = np.stack([found.x + x, found.y + y])
            box = np.stack([middle[0] - half_w, middle[1] - half_h, middle[0] + half_w, middle[1] + half_h], axis=1)
            boxes.append(np.asarray(box[inside] * factor, np.float32))
            logits.append(found.logits[inside])
        if min(level.shape) <= _SMALLEST:
            break
        half = cv2.resize(level, (-(-level.shape[1] // 2), -(-level.shape[0] // 2)), interpolation=cv2.INTER_AREA)
        factor = page.shape[1] / half.shape[1]
        level = np.asarray(half, np.uint8)
    return _Finds(np.concatenate(boxes), np.concatenate(logits) if logits else np.zeros((0, 10), np.float32))


def _inked_parts(level: Gray) -> list[tuple[int, int, Gray]]:
    """Rectangles that hold the ink with room around it: x, y, uint8 [H, W] of sides that the network takes."""
    height, width = level.shape
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    padded = cv2.copyMakeBorder(
        level, 0, rows * _BLOCK - height, 0, columns * _BLOCK - width, cv2.BORDER_CONSTANT, value=0
    )
    blocks = np.asarray(padded).reshape(rows, _BLOCK, columns, _BLOCK).max(axis=(1, 3))
    inked = (blocks >= _INKED).astype(np.uint8)
    if not inked.any():
        return []
    near = cv2.dilate(inked, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=4)
    parts = []
    for x, y, w, h, _ in stats[1:].tolist():
        x1, y1 = x * _BLOCK, y * _BLOCK
        x2, y2 = _stepped(x1, min((x + w) * _BLOCK, width)), _stepped(y1, min((y + h) * _BLOCK, height))
        parts.append((x1, y1, np.ascontiguousarray(padded[y1:y2, x1:x2], np.uint8)))
    return parts


def _stepped(first: int, last: int) -> int:
    return first + -(-(last - first) // STEP) * STEP


def _apart(found: _Finds) -> _Finds:
    """One find a digit: of those that share much of their boxes, the surest."""
    kept: list[int] = []
    boxes = found.boxes
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in np.argsort(-found.logits.max(axis=1, initial=-np.inf), kind="stable") if len(boxes) else ():
        others = boxes[kept]
        w = np.minimum(boxes[i, 2], others[:, 2]) - np.maximum(boxes[i, 0], others[:, 0])
        h = np.minimum(boxes[i, 3], others[:, 3]) - np.maximum(boxes[i, 1], others[:, 1])
        shared = np.maximum(w, 0) * np.maximum(h, 0)
        both = areas[i] + areas[kept] - shared
        smaller = np.minimum(areas[i], areas[kept])
        if not ((shared > _SHARED * both) | (shared > _WITHIN * smaller)).any():
            kept.append(int(i))
    return found.take(np.array(kept, np.intp))


def _glyph(ink: Ink, boxes: NDArray[np.float32], number: int) -> Glyph | None:
    """The ink of one find, without its neighbours'."""
    height, width = ink.strength.shape
    box = boxes[number]
    margin = _MARGIN * (box[3] - box[1])
    x1, y1 = max(0, int(box[0] - margin)), max(0, int(box[1] - margin))
    x2, y2 = min(width, int(np.ceil(box[2] + margin))), min(height, int(np.ceil(box[3] + margin)))
    if x2 - x1 < 3 or y2 - y1 < 3:
        return None
    strength = ink.strength[y1:y2, x1:x2]
    near = (boxes[:, 0] < x2) & (boxes[:, 2] > x1) & (boxes[:, 1] < y2) & (boxes[:, 3] > y1)
    near[number] = False
    if near.any():
        own = _distance(box, x1, y1, x2, y2)
        other = np.min([_distance(boxes[i], x1, y1, x2, y2) for i in np.flatnonzero(near)], axis=0)
        strength = strength * (own <= other)
    glyph = find_digit(Ink(np.ascontiguousarray(strength), ink.noise, ink.inverted))
    return None if glyph is None else Glyph(glyph.x + x1, glyph.y + y1, glyph.ink)


def _distance(box: NDArray[np.float32], x1: int, y1: int, x2: int, y2: int) -> NDArray[np.float32]:
    """How far the pixels of a part lie from a box's middle, in halves of its sides; float32 [H, W]."""
    x = np.abs(np.arange(x1, x2) + 0.5 - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2)
    y = np.abs(np.arange(y1, y2) + 0.5 - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2)
    return np.asarray(np.maximum(x[None, :], y[:, None]), np.float32)
