"""Digits of a data set in the hand of a scene, and negatives beside them."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray
from edge_digits_train.datasets.data import Labels, Pictures
from edge_digits_train.synthesis import affine, negatives, pens
from edge_digits_train.synthesis.scenes.hands import Hand
from edge_digits_train.synthesis.variants import rare_style


class Writer:
    """Writes a data set's digits.

    Args:
        pictures: uint8 [N, 28, 28], white on black.
        labels: int64 [N], 0..9.
    """

    def __init__(self, pictures: Pictures, labels: Labels) -> None:
        self._pictures, self._labels = pictures, labels

    def __len__(self) -> int:
        return len(self._labels)

    def any_digit(self, hand: Hand, rng: np.random.Generator) -> tuple[Gray, int]:
        """As `digit`, of a random picture."""
        return self.digit(int(rng.integers(len(self._labels))), hand, rng)

    def digit(self, index: int, hand: Hand, rng: np.random.Generator) -> tuple[Gray, int]:
        """A digit in a hand: uint8 [S, S] with its middle in the middle, white on black, and its label."""
        picture, label = self._pictures[index], int(self._labels[index])
        x, y, w, h = cv2.boundingRect(picture)
        size = hand.height * np.exp(rng.normal(0.0, 0.08)) * (hand.zero_size if label == 0 else 1.0)
        scale = size / max(h, 0.6 * w, 1)
        degrees = hand.angle + rng.normal(0.0, 3.0)
        shear = hand.slant + rng.normal(0.0, 0.05)
        linear = affine.linear_map(degrees, shear, hand.width * np.exp(rng.normal(0.0, 0.07)), 1.0)
        linear *= scale
        side = int(np.ceil(1.25 * np.abs(linear @ np.array([[w / 2, -w / 2], [h / 2, h / 2]])).max() * 2)) + 6
        matrix = affine.carry(linear, (x + w / 2, y + h / 2), (side / 2, side / 2))
        strokes = np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
        if scale > 1.1:
            strokes = pens.sharpen(strokes, scale + 0.3)
        if hand.pen is not None:
            strokes = pens.set_width(strokes, hand.pen)
        if label in (1, 7) and rng.random() < 0.4:
            strokes = rare_style(strokes, label, rng)
        return strokes, label

    def negative(self, size: float, rng: np.random.Generator) -> Gray:
        """What is no digit, `size` pixels large: uint8 [S, S], white on black."""
        side = max(6, round(1.4 * size))
        picture = negatives.negative(rng, self._pictures, self._labels)
        method = cv2.INTER_AREA if side < 28 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)
