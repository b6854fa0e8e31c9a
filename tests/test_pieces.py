"""A part of a larger figure is told from a whole one by the strokes that go on outside of its box."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawing import PEN, Gray, blank, write

from edge_digits import DigitReader
from edge_digits.find.pieces import beyond
from edge_digits.imaging.contrast import local_contrast

READER = DigitReader.load()


def plane(*bars: tuple[int, int, int, int]) -> Gray:
    """Contrast with bars of ink: x1, y1, x2, y2 each."""
    contrast = np.zeros((100, 100), np.uint8)
    for x1, y1, x2, y2 in bars:
        contrast[y1:y2, x1:x2] = 255
    return contrast


def test_it_is_the_share_of_the_strokes_that_is_outside() -> None:
    box = (20.0, 20.0, 60.0, 60.0)
    assert beyond(plane((30, 25, 36, 55)), box) == 0.0
    # Of a bar 40 pixels long, 14 beyond a box of side 40 are seen, less a rim of 2.
    assert beyond(plane((20, 38, 80, 44)), box) == pytest.approx((14 - 2) / (40 + 2), abs=0.03)
    assert beyond(plane((30, 25, 36, 55), (64, 20, 98, 60)), box) == 0.0  # what does not touch is another's
    assert beyond(plane((30, 58, 36, 64), (18, 62, 90, 90)), box) == 1.0
    assert beyond(plane(), box) == 0.0
    assert beyond(plane(), (200.0, 200.0, 240.0, 240.0)) == 0.0


def test_what_only_cuts_a_corner_may_go_where_it_likes() -> None:
    figure, corner = (24, 24, 50, 50), (56, 10, 59, 24)
    assert beyond(plane(figure, corner), (20.0, 20.0, 60.0, 60.0)) == 0.0


def with_arch(picture: Gray) -> Gray:
    """The stroke that is farthest to the right goes on as an arch, as in letters of some scripts."""
    more, (ys, xs) = picture.copy(), np.nonzero(picture < 100)
    x, y = int(xs.max()), int(ys[xs.argmax()])
    t = np.linspace(0.0, 1.0, 30)
    points = np.column_stack([x - 2 + 12 * t, y + 25 * np.sin(np.pi * t)])
    cv2.polylines(more, [np.rint(points * 8).astype(np.int32)], False, PEN, 4, cv2.LINE_AA, shift=3)
    return more


def test_a_digit_that_is_part_of_a_figure_is_less_likely_for_what_goes_on() -> None:
    """As far as other weights are concerned, it is as likely as they make it."""
    blind = DigitReader.load()
    blind._weights = {kind: replace(weights, beyond=0.0) for kind, weights in READER._weights.items()}
    plain = write_on(100, "7")
    figure = with_arch(plain)
    assert READER.read(plain).text == blind.read(plain).text == "7"
    assert READER.read(plain).confidence == pytest.approx(blind.read(plain).confidence, abs=1e-6)
    assert blind.read(figure).text == "7"
    assert READER.read(figure).text == ""


def write_on(side: int, digit: str) -> Gray:
    """A digit at the left of a crop."""
    paper = blank(side, side)
    write(paper, digit, 14, 28, 50)
    return paper


@pytest.mark.parametrize("digit", "2357")
def test_a_digit_that_touches_the_line_of_its_cell_is_read(digit: str) -> None:
    cell = blank(100, 100)
    cell[88:91] = 110
    write(cell, digit, 30, 20, 70)
    assert beyond(local_contrast(cell), (28.0, 18.0, 75.0, 92.0)) > 0.05
    assert READER.read(cell).text == digit
