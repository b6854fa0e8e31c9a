"""Digits and signs of a scene: a network looks at its local contrast at several scales, coarse before fine.

Nothing is decided before the network: no paper, polarity or ruling of the whole picture. The scales overlap, so that a
digit is seen at two of them; of finds that share a place the surest is kept, and all of them together say which
character it is. What is surely found at a coarse scale is not looked at again, and what a finer scale may cost is
bounded, so that a cluttered picture takes no more than a few times as long as a clean one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find import layout
from edge_digits.find.glyph import Candidate, Glyph, Ground, Line, Place
from edge_digits.find.parts import inked_parts
from edge_digits.imaging.contrast import local_contrast
from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import DIGIT_HEIGHTS, LOG_SMALLEST_SIGN, find_peaks
from edge_digits.results import DIGITS

#: Local contrast, uint8 [1, H, W], sides multiples of INPUT_MULTIPLE -> cells, float32 [1, H/4, W/4, C + 4].
HeatMaps = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

#: A peak is a candidate from this logit on.
_MIN_LOGIT = -2.5
#: Scales: a picture is looked at at this longer side first where it is larger; each next scale is so much coarser,
#: until the shorter side is below the last. A strip or a small crop begins above its own scale.
_FINEST_SIDE, _STEP, _COARSEST_SIDE = 960, 0.65, 22
_STRIP_SIDE, _STRIP_SCALE = 360, 1.3
_TINY_SIDE, _TINY_SCALED = 48, 48
#: Pixels of paper around a picture: a stroke at its rim is seen whole.
_RING = 8
#: Contrast of this strength or more is looked at.
_INKED = 90
#: From this logit and this height on, a find needs no finer look.
_SURE_LOGIT, _SURE_HEIGHT = 1.5, 22.0
#: Pixels that the network may look at in one picture, all scales together.
_BUDGET = 640_000
#: How far from the trained heights a find may be.
_LOWEST, _HIGHEST = 0.72 * DIGIT_HEIGHTS[0], 1.3 * DIGIT_HEIGHTS[1]
#: In heights of a line's digits: how high a sign is at most, how far above and below a digit its middle may stand, and
#: how far beside it the sign.
_SIGN_HEIGHT, _ABOVE, _BELOW, _BESIDE = 1.8, 0.1, 0.3, 1.5
#: Of two finds, the weaker is suppressed where the intersection is this share of the union, or of the smaller box.
_MAX_IOU, _MAX_COVERED = 0.45, 0.65


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Scale:
    """A picture at one scale: pixels of `contrast` by pixels of the picture, and its local contrast, uint8 [H, W]."""

    factor: float
    contrast: Gray


@dataclass(frozen=True, eq=False)
class Finds:
    """Candidates of a picture.

    Attributes:
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels of the picture.
        logits: float32 [N, C], of each character, each by itself.
        scales: intp [N], the scale at which each was found best, a place in `looked_at`.
        looked_at: the scales, from coarse to fine.
    """

    boxes: NDArray[np.float32]
    logits: NDArray[np.float32]
    scales: NDArray[np.intp]
    looked_at: tuple[Scale, ...]

    def take(self, which: NDArray[np.intp]) -> Finds:
        """The candidates at these places."""
        return Finds(self.boxes[which], self.logits[which], self.scales[which], self.looked_at)


def find_characters(picture: NDArray[np.uint8], maps: HeatMaps) -> Finds:
    """The digits and signs of a picture.

    Args:
        picture: uint8 [H, W] or [H, W, 3].
        maps: the network, as `session.Finder.maps`.
    """
    scales: list[Scale] = []
    boxes, logits, places = [np.zeros((0, 4), np.float32)], [], []
    sure = np.zeros((0, 4), np.float32)
    left = _BUDGET
    for factor in reversed(_factors(picture.shape[0], picture.shape[1])):
        contrast = local_contrast(_resized(picture, factor))
        scales.append(Scale(factor, contrast))
        ringed = np.pad(contrast, _RING)
        for x, y, part in inked_parts(ringed, sure * factor + _RING, _INKED):
            if part.size > left:
                continue
            left -= part.size
            peaks = find_peaks(maps(part[None])[0], _MIN_LOGIT, LOG_SMALLEST_SIGN)
            half_width, half_height = peaks.width / 2, peaks.height / 2
            box = np.stack(
                [peaks.x - half_width, peaks.y - half_height, peaks.x + half_width, peaks.y + half_height], axis=1
            )
            box = ((box + np.array([x, y, x, y], np.float32) - _RING) / factor).astype(np.float32)
            best = peaks.logits.max(axis=1, initial=-np.inf)
            is_digit = peaks.logits.argmax(axis=1) < len(DIGITS) if len(best) else np.zeros(0, bool)
            height = np.maximum(peaks.height, 0.6 * peaks.width)
            # The size of a sign tells nothing of the scale.
            kept = np.flatnonzero(~is_digit | ((height >= _LOWEST) & (height <= _HIGHEST)))
            boxes.append(box[kept].astype(np.float32))
            logits.append(peaks.logits[kept])
            places.append(np.full(len(kept), len(scales) - 1))
            plain = is_digit & (best >= _SURE_LOGIT) & (height >= _SURE_HEIGHT) & (height <= _HIGHEST)
            sure = np.concatenate([sure, box[plain]])
    if not logits:
        return Finds(boxes[0], np.zeros((0, len(DIGITS)), np.float32), np.zeros(0, np.intp), tuple(scales))
    found = Finds(np.concatenate(boxes), np.concatenate(logits), np.concatenate(places).astype(np.intp), tuple(scales))
    return _suppressed(found)


def scene_lines(found: Finds) -> list[Line]:
    """The lines of a scene from the top, digits and the signs beside them from the left.

    Digits make the lines. A sign belongs to one where it stands at its height and beside one of its digits; what stands
    anywhere else is no sign that anyone reads.
    """
    candidates = [_candidate(found, number) for number in range(len(found.boxes))]
    digits = {id(c.glyph): c for c in candidates if not _is_sign(c)}
    signs = [c for c in candidates if _is_sign(c)]
    lines = []
    for row in layout.rows([c.glyph for c in digits.values()]):
        height = layout.height_of(row)
        beside = [sign for sign in signs if _stands_beside(sign.glyph, row, height)]
        ordered = sorted([digits[id(glyph)] for glyph in row] + beside, key=lambda c: c.glyph.x + c.glyph.width / 2)
        signs = [sign for sign in signs if all(sign is not other for other in beside)]
        nodes = [replace(candidate, start=node, end=node + 1) for node, candidate in enumerate(ordered)]
        lines.append(Line(tuple(nodes), len(nodes) + 1))
    return lines


def _candidate(found: Finds, number: int) -> Candidate:
    scale = found.looked_at[found.scales[number]]
    x1, y1, x2, y2 = found.boxes[number].tolist()
    x, y = math.floor(x1), math.floor(y1)
    size = (max(1, math.ceil(x2) - x), max(1, math.ceil(y2) - y))
    place = Place(scale.contrast, (x1 * scale.factor, y1 * scale.factor, x2 * scale.factor, y2 * scale.factor))
    logits = found.logits[number]
    ink = _cropped(place, size)
    return Candidate(
        Glyph(x, y, ink), 0, 1, logits[: len(DIGITS)], Ground.SCENE, signs=logits[len(DIGITS) :], place=place
    )


def _cropped(place: Place, size: tuple[int, int]) -> Gray:
    """The contrast within a place, uint8 of this size, (width, height)."""
    x1, y1, x2, y2 = (round(value) for value in place.box)
    part = place.contrast[max(y1, 0) : max(y2, y1 + 1, 0), max(x1, 0) : max(x2, x1 + 1, 0)]
    if part.size == 0:
        return np.zeros(size[::-1], np.uint8)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _is_sign(candidate: Candidate) -> bool:
    assert candidate.logits is not None
    return (
        candidate.signs is not None
        and len(candidate.signs) > 0
        and float(candidate.signs.max()) > float(candidate.logits.max())
    )


def _stands_beside(sign: Glyph, row: list[Glyph], height: float) -> bool:
    """Whether a sign stands beside a digit of a line whose digits are so high, pixels."""
    middle = sign.y + sign.height / 2
    if sign.height > _SIGN_HEIGHT * height:
        return False
    return any(
        digit.y - _ABOVE * height < middle < digit.y + digit.height + _BELOW * height
        and digit.x - _BESIDE * height < sign.x + sign.width
        and sign.x < digit.x + digit.width + _BESIDE * height
        for digit in row
    )


def _factors(height: int, width: int) -> list[float]:
    """The scales to look at, from fine to coarse."""
    longer, shorter = max(height, width), min(height, width)
    if longer <= _TINY_SIDE:
        return [_TINY_SCALED / longer]
    factor = _STRIP_SCALE if longer <= _STRIP_SIDE else min(1.0, _FINEST_SIDE / longer)
    factors = [factor]
    while shorter * factor * _STEP >= _COARSEST_SIDE:
        factor *= _STEP
        factors.append(factor)
    return factors


def _resized(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    if factor == 1.0:
        return picture
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def _suppressed(found: Finds) -> Finds:
    """One find a character, by non-maximum suppression, surest first.

    Which character it is, all finds of its place say, each by its odds: what looks like a six at one scale does not at
    all of them.
    """
    kept: list[int] = []
    merged: list[NDArray[np.float32]] = []
    boxes, best = found.boxes, found.logits.max(axis=1)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in np.argsort(-best, kind="stable").tolist():
        w = np.minimum(boxes[i, 2], boxes[:, 2]) - np.maximum(boxes[i, 0], boxes[:, 0])
        h = np.minimum(boxes[i, 3], boxes[:, 3]) - np.maximum(boxes[i, 1], boxes[:, 1])
        shared = np.maximum(w, 0) * np.maximum(h, 0)
        same = shared > _MAX_IOU * (areas[i] + areas - shared)
        if not (same | (shared > _MAX_COVERED * np.minimum(areas[i], areas)))[kept].any():
            kept.append(i)
            odds = np.exp(np.minimum(best[same] - best[i], 0.0))
            logits = (odds @ found.logits[same]) / odds.sum()
            merged.append(logits + (best[i] - logits.max()))
    chosen = found.take(np.array(kept, np.intp))
    logits = np.array(merged, np.float32).reshape(chosen.logits.shape)
    return Finds(chosen.boxes, logits, chosen.scales, found.looked_at)
