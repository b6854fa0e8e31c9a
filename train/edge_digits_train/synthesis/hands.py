"""How one person writes in one scene: size, slant and pen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray


@dataclass(frozen=True)
class Hand:
    """How one person writes in one scene.

    `pen` is half its width in pixels, None for that of each digit; noughts are `nought` times as high as other digits;
    of neighbours, a share of `joined` is joined by a stroke.
    """

    height: float
    slant: float
    angle: float
    width: float
    unsteady: float
    pen: float | None
    nought: float = 1.0
    joined: float = 0.0


def hand_of(rng: np.random.Generator, height: float, *, calm: bool = False) -> Hand:
    """Anyone's hand, of digits `height` pixels high; a calm one is near to the usual."""
    far = 0.4 if calm else 1.0
    return Hand(
        height,
        slant=float(rng.normal(-0.12, 0.22 * far)),
        angle=float(rng.normal(0.0, 4.0 * far)),
        width=float(np.exp(rng.normal(0.0, 0.15 * far))),
        unsteady=float(rng.uniform(0.0, 0.12 * far)),
        pen=None if calm or rng.random() < 0.35 else float(height * np.exp(rng.uniform(*np.log((0.028, 0.085))))),
        nought=1.0 if calm or rng.random() < 0.65 else float(rng.uniform(0.5, 0.9)),
        joined=0.0 if calm or rng.random() < 0.8 else float(rng.uniform(0.1, 0.6)),
    )


def as_wide_as(strokes: Gray, pen: float) -> Gray:
    """Strokes made finer or bolder towards half a width of `pen` pixels."""
    mask = (strokes > 127).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    # The mean depth within a stroke is half of its half width.
    half = 2.0 * float(depth.sum()) / max(int(mask.sum()), 1)
    if pen >= half + 0.5:
        size = 1 + 2 * round(min(pen - half, 4.0))
        return np.asarray(cv2.dilate(strokes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))), np.uint8)
    if pen > half - 0.3:
        return strokes
    # Keep what is near the stroke's middle, where the depth is that of its own ridge: eroding would break thin places.
    reach = 1 + 2 * int(np.ceil(half))
    ridge = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return np.asarray(np.clip(255.0 * (depth - ridge + max(pen, 1.0)), 0, 255) * mask, np.uint8)


def penned(digits: Gray, hand: Hand, rng: np.random.Generator) -> Gray:
    """A bolder or finer pen for the whole scene, where the hand has none of its own."""
    if hand.pen is not None:
        return digits
    chance = rng.random()
    if chance < 0.3:
        size = 2 if hand.height < 26 or rng.random() < 0.6 else 3
        return np.asarray(cv2.dilate(digits, np.ones((size, size), np.uint8)), np.uint8)
    if chance < 0.6 and hand.height > 24:
        size = 2 if hand.height < 36 or rng.random() < 0.6 else 3
        thin = np.asarray(cv2.erode(digits, np.ones((size, size), np.uint8)), np.uint8)
        if int(cv2.sumElems(thin)[0]) > 0.4 * int(cv2.sumElems(digits)[0]):
            return thin
    return digits


def grained(digits: Gray, rng: np.random.Generator) -> Gray:
    """The grain of a pencil or of a dry pen."""
    height, width = digits.shape
    step = int(rng.integers(1, 6))
    coarse = rng.uniform(1.0 - rng.uniform(0.2, 0.7), 1.0, (-(-height // step), -(-width // step))).astype(np.float32)
    return np.asarray(digits * cv2.resize(coarse, (width, height)) + 0.5).astype(np.uint8)
