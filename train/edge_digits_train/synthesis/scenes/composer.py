"""Composes scenes: chooses what is written, by whom, and has it photographed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import DIGIT_HEIGHTS
from edge_digits_train.datasets.data import Labels, Pictures
from edge_digits_train.synthesis.scenes.distractors import add_distractors
from edge_digits_train.synthesis.scenes.hands import Hand, random_hand
from edge_digits_train.synthesis.scenes.lines import plain_number, write_number
from edge_digits_train.synthesis.scenes.notes import scatter, write_notes
from edge_digits_train.synthesis.scenes.photographs import photograph
from edge_digits_train.synthesis.scenes.sheets import UNWANTED, Sheet
from edge_digits_train.synthesis.scenes.tables import write_table
from edge_digits_train.synthesis.scenes.writing import Writer


@dataclass(eq=False)
class Scene:
    """A picture with what is in it.

    Attributes:
        gray: uint8 [H, W].
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels.
        classes: int64 [N], 0..9, BACKGROUND or IGNORED; in the order of writing.
    """

    gray: Gray
    boxes: NDArray[np.float32]
    classes: Labels


class Composer:
    """Makes scenes of a data set's digits.

    >>> import numpy as np
    >>> from edge_digits_train.synthesis import styles
    >>> composer = Composer(*styles.write(100, seed=0))
    >>> scene = composer.scene(np.random.default_rng(0))
    >>> scene.gray.shape, scene.boxes.shape == (len(scene.classes), 4)
    ((80, 160), True)

    Args:
        pictures: uint8 [N, 28, 28], white on black.
        labels: int64 [N], 0..9.
    """

    def __init__(self, pictures: Pictures, labels: Labels) -> None:
        self._writer = Writer(pictures, labels)

    def __len__(self) -> int:
        return len(self._writer)

    def scene(self, rng: np.random.Generator, height: int = 80, width: int = 160) -> Scene:
        """One scene to train a finder on, of a kind chosen by `rng`."""
        sheet = Sheet.blank(height, width)
        hand = random_hand(rng, float(np.exp(rng.uniform(*np.log(DIGIT_HEIGHTS)))))
        self._write(sheet, hand, rng)
        if rng.random() < 0.45:
            add_distractors(sheet, hand, self._writer, rng)
        return _scene(sheet, photograph(sheet, hand, self._writer, rng))

    def _write(self, sheet: Sheet, hand: Hand, rng: np.random.Generator) -> None:
        """Digits of one of the layouts, or none."""
        kind = rng.random()
        if kind < 0.5:
            write_number(sheet, hand, self._writer, rng)
        elif kind < 0.7:
            write_table(sheet, hand, self._writer, rng)
        elif kind < 0.82:
            write_notes(sheet, hand, self._writer, rng)
        elif kind < 0.9:
            # One alone as often as not: that is what people try first.
            scatter(sheet, hand, self._writer, rng, 1 if rng.random() < 0.5 else int(rng.integers(2, 9)))
        elif kind < 0.95:
            # Of a size that another scale of the picture is for.
            low, high = UNWANTED
            size = rng.uniform(high, 1.6 * sheet.shape[0]) if rng.random() < 0.7 else rng.uniform(6.0, low)
            scatter(sheet, random_hand(rng, size), self._writer, rng, int(rng.integers(1, 5)))

    def string(self, rng: np.random.Generator, indices: Labels, *, touching: bool) -> Scene:
        """A number on plain paper: the pictures `indices` in a row, touching or well apart."""
        hand = random_hand(rng, float(rng.uniform(26.0, 40.0)), regular=True)
        sheet = plain_number(hand, self._writer, rng, indices, touching=touching)
        return _scene(sheet, photograph(sheet, hand, self._writer, rng, plain=True))


def strings(pictures: Pictures, labels: Labels, count: int, seed: int, *, touching: bool) -> list[tuple[Gray, str]]:
    """Numbers of 2 to 10 digits on plain paper, to measure with.

    Args:
        pictures, labels: the digits to write with, as for `Composer`.
        count: how many.
        seed: the same seed gives the same pictures.
        touching: whether two neighbours or more touch; otherwise all stand apart.

    Returns:
        (uint8 [H, W], text) each.
    """
    composer = Composer(pictures, labels)
    numbers = []
    for place in range(count):
        rng = np.random.default_rng((seed, place))
        indices = rng.integers(0, len(labels), int(rng.integers(2, 11)))
        gray = composer.string(rng, indices, touching=touching).gray
        numbers.append((gray, "".join(str(labels[i]) for i in indices)))
    return numbers


def _scene(sheet: Sheet, gray: Gray) -> Scene:
    boxes = np.array(sheet.boxes, np.float32).reshape(-1, 4)
    return Scene(gray, boxes, np.array(sheet.classes, np.int64))
