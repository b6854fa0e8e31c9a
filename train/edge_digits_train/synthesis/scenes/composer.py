"""Composes scenes: chooses what is written, by whom, and has it photographed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import DIGIT_HEIGHTS
from edge_digits_train.datasets.data import Labels, Pictures, Trace
from edge_digits_train.synthesis.scenes.distractors import add_distractors
from edge_digits_train.synthesis.scenes.hands import random_hand
from edge_digits_train.synthesis.scenes.library import Library
from edge_digits_train.synthesis.scenes.lines import plain_number
from edge_digits_train.synthesis.scenes.photographs import photograph, photograph_plain, photograph_scene
from edge_digits_train.synthesis.scenes.sheets import UNWANTED, Sheet
from edge_digits_train.synthesis.scenes.tables import scatter, scatter_figures, write_form, write_table
from edge_digits_train.synthesis.scenes.texts import (
    write_algebra,
    write_format,
    write_number,
    write_signs,
    write_sum,
    write_words,
)
from edge_digits_train.synthesis.scenes.textures import texture
from edge_digits_train.synthesis.scenes.writing import Writing

#: Shares of scenes of which another scale of the picture is for, that show no writing, and that are blank; the layouts
#: share the rest.
_OTHER_SIZE, _NO_WRITING, _BLANK = 0.04, 0.03, 0.03


@dataclass(eq=False)
class Scene:
    """A picture with what is in it.

    Attributes:
        gray: uint8 [H, W].
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels.
        classes: int64 [N], places in LABELS, BACKGROUND or IGNORED; in the order of writing.
    """

    gray: Gray
    boxes: NDArray[np.float32]
    classes: Labels


class Composer:
    """Makes scenes of a data set's digits, and of pen trajectories where there are some.

    >>> import numpy as np
    >>> from edge_digits_train.synthesis import styles
    >>> composer = Composer(*styles.write(100, seed=0))
    >>> scene = composer.scene(np.random.default_rng(0))
    >>> scene.gray.shape, scene.boxes.shape == (len(scene.classes), 4)
    ((80, 160), True)

    Args:
        pictures: uint8 [N, 28, 28], white on black.
        labels: int64 [N], 0..9.
        traces: of digits, letters and signs.
    """

    def __init__(self, pictures: Pictures, labels: Labels, traces: Sequence[Trace] = ()) -> None:
        self._library = Library(pictures, labels, traces)

    def __len__(self) -> int:
        return len(self._library.labels)

    def scene(self, rng: np.random.Generator, height: int = 80, width: int = 160) -> Scene:
        """One scene to train a finder on, of a kind chosen by `rng`."""
        kind, size = rng.random(), float(np.exp(rng.uniform(*np.log(DIGIT_HEIGHTS))))
        if kind < _NO_WRITING:
            return _unwritten(rng, height, width, size)
        other_size = kind < _NO_WRITING + _OTHER_SIZE
        if other_size:
            large = rng.random() < 0.7
            size = rng.uniform(UNWANTED[1], 1.6 * height) if large else rng.uniform(6.0, UNWANTED[0])
        writing = Writing.begin(self._library, rng, size)
        sheet = Sheet.blank(height, width, size)
        if other_size:
            scatter(sheet, writing, rng, int(rng.integers(1, 5)))
        elif kind < 1.0 - _BLANK:
            _write(sheet, writing, rng)
        if rng.random() < 0.4:
            add_distractors(sheet, writing, rng)
        gray, classes = photograph(sheet, writing, rng)
        return _scene(gray, sheet.boxes, classes)

    def nothing(self, rng: np.random.Generator, height: int = 80, width: int = 160) -> Scene:
        """A scene without any writing."""
        return _unwritten(rng, height, width, float(np.exp(rng.uniform(*np.log(DIGIT_HEIGHTS)))))

    def string(self, rng: np.random.Generator, indices: Labels, *, touching: bool) -> Scene:
        """A number on plain paper: the pictures `indices` in a row, touching or well apart."""
        hand = random_hand(rng, float(rng.uniform(26.0, 40.0)), regular=True)
        writing = Writing(self._library, hand, "pictures", [])
        sheet = plain_number(writing, rng, indices, touching=touching)
        return _scene(photograph_plain(sheet, writing, rng), sheet.boxes, sheet.classes)


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


def _write(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """Digits, signs and letters of one of the layouts."""
    kind = rng.random()
    if kind < 0.32:
        write_number(sheet, writing, rng)
    elif kind < 0.41:
        write_sum(sheet, writing, rng)
    elif kind < 0.49:
        write_algebra(sheet, writing, rng)
    elif kind < 0.52:
        write_signs(sheet, writing, rng)
    elif kind < 0.58:
        write_format(sheet, writing, rng)
    elif kind < 0.69:
        write_table(sheet, writing, rng)
    elif kind < 0.78:
        write_form(sheet, writing, rng)
    elif kind < 0.84:
        write_words(sheet, writing, rng, digits=True)
    elif kind < 0.88:
        write_words(sheet, writing, rng, digits=False)
    elif kind < 0.91:
        scatter_figures(sheet, writing, rng, 1 if rng.random() < 0.5 else int(rng.integers(2, 7)))
    else:
        # One alone as often as not: that is what people try first.
        scatter(sheet, writing, rng, 1 if rng.random() < 0.5 else int(rng.integers(2, 9)))


def _unwritten(rng: np.random.Generator, height: int, width: int, size: float) -> Scene:
    """Something that nobody wrote, photographed as digits of this size would be."""
    return _scene(photograph_scene(texture(height, width, rng), rng, size), [], [])


def _scene(gray: Gray, boxes: Sequence[tuple[float, ...]], classes: Sequence[int]) -> Scene:
    return Scene(gray, np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64))
