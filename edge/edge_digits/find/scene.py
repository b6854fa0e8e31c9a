"""Digits and signs of a scene: a network looks at its local contrast at several scales, coarse before fine.

Nothing is decided before the network: no paper, polarity or ruling of the whole picture. The scales overlap, so that a
digit is seen at two of them; of finds that share a place the surest is kept, and all of them together say which
character it is. What is surely found at a coarse scale is not looked at again, and what a finer scale may cost is
bounded, so that a cluttered picture takes no more than a few times as long as a clean one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_digits.find.parts import inked_parts, is_explained
from edge_digits.imaging.contrast import local_contrast
from edge_digits.imaging.ink import MIN_PAPER
from edge_digits.imaging.pixels import Gray
from edge_digits.imaging.ring import is_tight
from edge_digits.inference.heatmap import DIGIT_HEIGHTS, find_peaks
from edge_digits.results import CHARACTERS, DIGITS

#: Local contrast, uint8 [1, H, W], sides multiples of INPUT_MULTIPLE -> cells, float32 [1, H/4, W/4, C + 4].
HeatMaps = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

#: A peak is a candidate from this logit on.
MIN_LOGIT = -1.8
#: Pictures are searched at this longer side at most: digits of a 40th of a page are then 24 pixels high. A long strip
#: may be longer, of so many pixels.
WORK_SIDE, _STRIP_PIXELS, _LONGEST_STRIP = 960, 480_000, 2400
#: Each next scale is so much coarser, until it is lower than the last. A short strip or a small crop begins above its
#: own scale, a low strip at this height.
_STEP, _LOWEST_PICTURE = 0.7, 22
_STRIP_SIDE, _STRIP_SCALE, _LOW_STRIP = 360, 1.3, 40
_TINY_SIDE, _TINY_SCALED = 48, 48
#: Pixels around a picture, so that a stroke at its rim is seen whole.
RING = 8
#: Contrast of this strength or more is looked at.
INKED = 90
#: From this logit and this height on, a find needs no finer look.
_SURE_LOGIT, _SURE_HEIGHT = 1.5, 22.0
#: Pixels that the network may look at in one picture, all scales together.
_BUDGET = 1_300_000
#: How far from the trained heights a find may be.
_LOWEST, _HIGHEST = 0.72 * DIGIT_HEIGHTS[0], 1.3 * DIGIT_HEIGHTS[1]
#: What is fainter is no ink: print that shows through from the back of a sheet reaches 16 of 255. Ink is taken at this
#: percentile of a box.
_FAINTEST, _INK_PERCENTILE = 17.0, 95.0
#: Paper is looked for so far beside a box, in its heights.
_AROUND = 0.15
#: Of two finds, the weaker is suppressed where the intersection is this share of the union, or of the smaller box.
_MAX_IOU, _MAX_COVERED = 0.45, 0.65
#: It is too where their middles are no farther apart than this, in heights, across and down.
_SAME_MIDDLE = np.array([0.16, 0.3], np.float32)


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Scale:
    """A picture at one scale.

    Attributes:
        factor: pixels of it by pixels of the picture.
        pixels: uint8 [H, W] or [H, W, 3].
        contrast: its local contrast, uint8 [H, W].
    """

    factor: float
    pixels: NDArray[np.uint8]
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


def find_characters(picture: NDArray[np.uint8], maps: HeatMaps, factors: Sequence[float] = ()) -> Finds:
    """The digits and signs of a picture.

    Args:
        picture: uint8 [H, W] or [H, W, 3].
        maps: the network, as `session.Finder.maps`.
        factors: the scales to look at, from fine to coarse; by default, all at which there may be a digit.
    """
    scales: list[Scale] = []
    boxes, logits, places = [np.zeros((0, 4), np.float32)], [], []
    sure = np.zeros((0, 4), np.float32)
    left = _BUDGET
    halves = [picture]
    ring: Literal["", "constant", "edge"] = ""
    for factor in reversed(factors or scales_of(picture.shape[0], picture.shape[1])):
        pixels = _scaled(halves, factor)
        contrast = local_contrast(pixels)
        scales.append(Scale(factor, pixels, contrast))
        if not ring:
            # Lines go on beyond the rim; a digit that fills the picture ends there.
            ring = "constant" if is_tight((contrast >= INKED).astype(np.uint8)) else "edge"
        ringed = np.pad(contrast, RING, ring)
        for x, y, part in inked_parts(ringed, sure * factor + RING, INKED):
            if part.size > left:
                continue
            left -= part.size
            peaks = find_peaks(maps(part[None])[0], MIN_LOGIT)
            half_width, half_height = peaks.width / 2, peaks.height / 2
            box = np.stack(
                [peaks.x - half_width, peaks.y - half_height, peaks.x + half_width, peaks.y + half_height], axis=1
            )
            box = ((box + np.array([x, y, x, y], np.float32) - RING) / factor).astype(np.float32)
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
        if len(sure) and is_explained(ringed, sure * factor + RING, INKED):
            break
    if not logits:
        return Finds(boxes[0], np.zeros((0, len(CHARACTERS)), np.float32), np.zeros(0, np.intp), tuple(scales))
    found = Finds(np.concatenate(boxes), np.concatenate(logits), np.concatenate(places).astype(np.intp), tuple(scales))
    return _without_faint(_suppressed(found))


def working_side(height: int, width: int) -> float:
    """The longer side at which a picture is searched at most, pixels."""
    strip = math.sqrt(_STRIP_PIXELS * max(height, width) / min(height, width))
    return max(WORK_SIDE, min(strip, _LONGEST_STRIP))


def scales_of(height: int, width: int) -> list[float]:
    """The scales to look at, from fine to coarse."""
    longer = max(height, width)
    if longer <= _TINY_SIDE:
        return [_TINY_SCALED / longer]
    if longer <= _STRIP_SIDE:
        factor = max(_STRIP_SCALE, _LOW_STRIP / height)
    else:
        factor = min(1.0, working_side(height, width) / longer)
    factors = [factor]
    while height * factor * _STEP >= _LOWEST_PICTURE:
        factor *= _STEP
        factors.append(factor)
    return factors


def _scaled(halves: list[NDArray[np.uint8]], factor: float) -> NDArray[np.uint8]:
    """A picture at a scale; `halves` are it and its halves as far as they were needed, for coarse scales to begin with.

    What is made of a half that is at least twice as large as itself looks as if made of the whole.
    """
    times = max(0, math.floor(-math.log2(2.0 * factor)))
    while len(halves) <= times:
        halves.append(resized(halves[-1], 0.5))
    height, width = halves[0].shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return resized(halves[times], factor * 2.0**times, size)


def resized(picture: NDArray[np.uint8], factor: float, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """A picture, uint8 [H, W] or [H, W, 3], with so many times its sides; `size` is the width and height if known."""
    if factor == 1.0:
        return picture
    if size is None:
        size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def _without_faint(found: Finds) -> Finds:
    """Without what shows through from the back of the sheet."""
    kept = [number for number in range(len(found.boxes)) if _strength(found, number) >= _FAINTEST]
    return found if len(kept) == len(found.boxes) else found.take(np.array(kept, np.intp))


def _strength(found: Finds, number: int) -> float:
    """How much light the ink of a find absorbs, or sends out, of what its paper does: 0 to 255 and more."""
    scale = found.looked_at[found.scales[number]]
    x1, y1, x2, y2 = np.rint(found.boxes[number] * scale.factor).astype(int).tolist()
    room = 2 + round(_AROUND * (y2 - y1))  # the box of a one holds hardly any paper
    x1, x2 = x1 - room, x2 + room
    part = scale.pixels[max(y1, 0) : max(y2, y1 + 1, 1), max(x1, 0) : max(x2, x1 + 1, 1)]
    if part.size == 0:
        return 0.0
    planes = part.reshape(part.shape[0] * part.shape[1], -1)  # [pixels, channels]
    paper, darkest, brightest = np.percentile(planes, (50.0, 100.0 - _INK_PERCENTILE, _INK_PERCENTILE), axis=0)
    return float((255.0 * np.maximum(paper - darkest, brightest - paper) / np.maximum(paper, MIN_PAPER)).max())


def _suppressed(found: Finds) -> Finds:
    """One find a character, by non-maximum suppression, surest first.

    Which character it is, all finds of its place say, each by its odds: what looks like a six at one scale does not at
    all of them.
    """
    kept: list[int] = []
    merged: list[NDArray[np.float32]] = []
    boxes, best = found.boxes, found.logits.max(axis=1)
    middles, heights = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 3] - boxes[:, 1]
    areas = (boxes[:, 2] - boxes[:, 0]) * heights
    for i in np.argsort(-best, kind="stable").tolist():
        shared = shared_areas(boxes[i], boxes)
        same = shared > _MAX_IOU * (areas[i] + areas - shared)
        # Of a one, boxes that are off by half of its width have the same middle, for its height.
        off = np.abs(middles - middles[i]) / np.minimum(heights, heights[i])[:, None]
        same |= (off < _SAME_MIDDLE).all(axis=1)
        if not (same | (shared > _MAX_COVERED * np.minimum(areas[i], areas)))[kept].any():
            kept.append(i)
            odds = np.exp(np.minimum(best[same] - best[i], 0.0))
            logits = (odds @ found.logits[same]) / odds.sum()
            merged.append(logits + (best[i] - logits.max()))
    chosen = found.take(np.array(kept, np.intp))
    logits = np.array(merged, np.float32).reshape(chosen.logits.shape)
    return Finds(chosen.boxes, logits, chosen.scales, found.looked_at)


def shared_areas(ones: ArrayLike, others: NDArray[np.floating]) -> NDArray[np.floating]:
    """The areas that boxes share with others; x1, y1, x2, y2 each.

    Args:
        ones: [..., 4], that broadcast with the others: one box, or [M, 1, 4] for each with each.
        others: [N, 4].

    Returns:
        [N], or [M, N].
    """
    ones = np.asarray(ones)
    w = np.minimum(ones[..., 2], others[:, 2]) - np.maximum(ones[..., 0], others[:, 0])
    h = np.minimum(ones[..., 3], others[:, 3]) - np.maximum(ones[..., 1], others[:, 1])
    return np.asarray(np.maximum(w, 0) * np.maximum(h, 0))
