"""The digits of a page, found by a network at several scales, looking only where there is ink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find import layout
from edge_digits.find.glyph import Candidate, Glyph, Ground, Line
from edge_digits.find.parts import inked_parts
from edge_digits.find.single import find_digit
from edge_digits.imaging.ink import Ink, levelled
from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import (
    DIGIT_HEIGHTS,
    INPUT_MULTIPLE,
    REFERENCE_HEIGHT,
    REGRESSION_CHANNELS,
    STRIDE,
    find_peaks,
)

Maps = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

#: A place is taken for a digit's middle from this logit on: one in twelve. What is doubtful is for the classifier.
_LEAST = -2.4
#: Pictures are halved until they are this small: a digit that fills one is then of a height that the network knows.
_SMALLEST = 40
#: Up to this longer side, pixels, a picture is a strip or a field, and looked at more closely.
_STRIP = 320
#: Levelled ink of this strength or more is looked at.
_INKED = 60
#: Of two finds, the weaker is the same digit where their boxes share this part of both, or of the smaller one.
_SHARED, _WITHIN = 0.5, 0.65
#: From this logit, and of this height on, a find needs no finer look.
_SURE, _PLAIN = 0.5, 22.0
#: From this share on that a find and its ink have in common, the ink is the find's.
_CLEAN = 0.65
#: How large the ink in a find is at least, in its heights.
_LOWEST = 0.33
#: How far from the middle of a crop's digit the network looks, pixels at its scale.
_AROUND = 32
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
    of_glyph = {}
    for number in range(len(found.boxes)):
        glyph = _glyph(ink, found.boxes, number)
        if glyph is not None:
            of_glyph[glyph] = number
    lines = []
    for row in layout.rows(list(of_glyph)):
        numbers = [of_glyph[glyph] for glyph in row]
        candidates = [
            Candidate(glyph, node, node + 1, found.logits[number], _ground(glyph, found.boxes, number))
            for node, (glyph, number) in enumerate(zip(row, numbers, strict=True))
        ]
        lines.append(Line(tuple(candidates), len(row) + 1))
    return lines


def judged(lines: list[Line], ink: Ink, maps: Maps) -> list[Line]:
    """Candidates that were found otherwise, in a crop, with the network's opinion of each added."""
    page = levelled(ink)
    return [
        Line(tuple(replace(c, logits=_opinion(c.glyph, page, maps)) for c in line.candidates), line.nodes)
        for line in lines
    ]


def _opinion(glyph: Glyph, page: Gray, maps: Maps) -> NDArray[np.float32]:
    """The strongest logits of each class near the middle of a glyph, in the crop scaled to the best height."""
    scale = REFERENCE_HEIGHT / max(glyph.height, 0.7 * glyph.width)
    width, height = (max(8, round(side * scale)) for side in (page.shape[1], page.shape[0]))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(page, (width, height), interpolation=method), np.uint8)
    across, down = width / page.shape[1], height / page.shape[0]
    middle = ((glyph.x + glyph.width / 2) * across, (glyph.y + glyph.height / 2) * down)
    # What lies far off has no say, and costs as much.
    x1, y1 = max(0, round(middle[0] - _AROUND)), max(0, round(middle[1] - _AROUND))
    part = scaled[y1 : round(middle[1] + _AROUND), x1 : round(middle[0] + _AROUND)]
    rest = (-part.shape[0] % INPUT_MULTIPLE, -part.shape[1] % INPUT_MULTIPLE)
    padded = np.asarray(cv2.copyMakeBorder(part, 0, rest[0], 0, rest[1], cv2.BORDER_CONSTANT, value=0), np.uint8)
    cells = maps(padded[None])[0]
    column, row = int((middle[0] - x1) / STRIDE), int((middle[1] - y1) / STRIDE)
    near = cells[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2, :-REGRESSION_CHANNELS]
    return np.asarray(near.reshape(-1, near.shape[-1]).max(axis=0), np.float32)


def _ground(glyph: Glyph, boxes: NDArray[np.float32], number: int) -> Ground:
    """Whether a glyph fills the box that was found, by the intersection over union; and whether others are near."""
    box = boxes[number]
    w = min(glyph.x + glyph.width, float(box[2])) - max(glyph.x, float(box[0]))
    h = min(glyph.y + glyph.height, float(box[3])) - max(glyph.y, float(box[1]))
    shared = max(w, 0.0) * max(h, 0.0)
    both = glyph.width * glyph.height + float((box[2] - box[0]) * (box[3] - box[1])) - shared
    if shared < _CLEAN * both:
        return Ground.REST
    return Ground.CLOSE if _near(boxes, number).any() else Ground.ALONE


def _near(boxes: NDArray[np.float32], number: int) -> NDArray[np.bool_]:
    """Which other finds reach into the place of one, with the room that is taken with it."""
    x1, y1, x2, y2 = boxes[number]
    room = _MARGIN * (y2 - y1)
    near = (boxes[:, 0] < x2 + room) & (boxes[:, 2] > x1 - room)
    near &= (boxes[:, 1] < y2 + room) & (boxes[:, 3] > y1 - room)
    near[number] = False
    return np.asarray(near)


def _at_all_scales(page: Gray, maps: Maps) -> _Finds:
    """The finds of all scales, from coarse to fine; ink that is surely of a digit is not looked at more finely."""
    # A strip is cheap to look at, and its digits may be small: begin above its own scale, and in smaller steps.
    strip = max(page.shape) <= _STRIP
    first, step = (1.5, 0.8) if strip else (1.0, 0.5)
    levels = [page if first == 1.0 else _scaled(page, first)]
    while min(levels[-1].shape) > _SMALLEST:
        # A half is made of the half before; what is no half, of the page itself, or it would grow dull.
        levels.append(_scaled(page, first * step ** len(levels)) if strip else _scaled(levels[-1], step))
    boxes, logits = np.zeros((0, 4), np.float32), [np.zeros((0, 10), np.float32)]
    sure = boxes
    for level in reversed(levels):
        factor = page.shape[1] / level.shape[1]
        for x, y, part in inked_parts(level, sure / factor, _INKED):
            found = find_peaks(maps(part[None])[0], _LEAST)
            inside = (found.height >= 0.75 * DIGIT_HEIGHTS[0]) & (found.height <= 1.3 * DIGIT_HEIGHTS[1])
            half_w, half_h = found.width / 2, found.height / 2
            left, top = found.x + x - half_w, found.y + y - half_h
            box = np.stack([left, top, left + found.width, top + found.height], axis=1) * factor
            boxes = np.concatenate([boxes, box[inside].astype(np.float32)])
            logits.append(found.logits[inside])
            plain = (
                (not strip) & inside & (found.height >= _PLAIN) & (found.logits.max(axis=1, initial=-np.inf) >= _SURE)
            )
            sure = np.concatenate([sure, box[plain].astype(np.float32)])
    return _Finds(boxes, np.concatenate(logits))


def _scaled(page: Gray, factor: float) -> Gray:
    size = tuple(int(np.ceil(side * factor)) for side in page.shape[::-1])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(page, size, interpolation=method), np.uint8)


def _apart(found: _Finds) -> _Finds:
    """One find a digit: of those that share much of their boxes, the surest.

    Which digit it is, all of them say, each by its odds: what looks like a six at one scale does not at all of them.
    """
    kept: list[int] = []
    said: list[NDArray[np.float32]] = []
    boxes, best = found.boxes, found.logits.max(axis=1, initial=-np.inf)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in np.argsort(-best, kind="stable").tolist():
        w = np.minimum(boxes[i, 2], boxes[:, 2]) - np.maximum(boxes[i, 0], boxes[:, 0])
        h = np.minimum(boxes[i, 3], boxes[:, 3]) - np.maximum(boxes[i, 1], boxes[:, 1])
        shared = np.maximum(w, 0) * np.maximum(h, 0)
        same = shared > _SHARED * (areas[i] + areas - shared)
        if not (same | (shared > _WITHIN * np.minimum(areas[i], areas)))[kept].any():
            kept.append(i)
            odds = np.exp(np.minimum(best[same] - best[i], 0.0))
            logits = (odds @ found.logits[same]) / odds.sum()
            said.append(logits + (best[i] - logits.max()))
    return _Finds(boxes[kept], np.array(said, np.float32).reshape(-1, found.logits.shape[1]))


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
    near = _near(boxes, number)
    if near.any():
        own = _distance(box, x1, y1, x2, y2)
        other = np.min([_distance(boxes[i], x1, y1, x2, y2) for i in np.flatnonzero(near)], axis=0)
        strength = strength * (own <= other)
    glyph = find_digit(Ink(np.ascontiguousarray(strength), ink.noise, ink.inverted))
    if glyph is None or not glyph.ink.any():
        return None
    # A speck, or the rest of something else.
    least = _LOWEST * max(box[3] - box[1], 0.7 * (box[2] - box[0]))
    return None if max(glyph.height, glyph.width) < least else Glyph(glyph.x + x1, glyph.y + y1, glyph.ink)


def _distance(box: NDArray[np.float32], x1: int, y1: int, x2: int, y2: int) -> NDArray[np.float32]:
    """How far the pixels of a part lie from a box's middle, in halves of its sides; float32 [H, W]."""
    x = np.abs(np.arange(x1, x2) + 0.5 - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2)
    y = np.abs(np.arange(y1, y2) + 0.5 - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2)
    return np.asarray(np.maximum(x[None, :], y[:, None]), np.float32)
