"""A crop that its ink fills gets a ring of paper; what only looks like it does not."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import PAPER, PEN, Gray, blank, crop, write

from edge_digits.imaging.ring import is_bar, with_ring


def strip(*columns: int, height: int = 60) -> Gray:
    """A picture of upright stripes, one of each brightness."""
    return np.tile(np.array(columns, np.uint8), (height, 1))


@pytest.mark.parametrize("columns", [(PEN, PEN, PAPER), (PAPER, PEN, PEN, PAPER), (PAPER, PEN, PEN, PEN)])
def test_paper_is_put_around_a_bar_in_either_polarity(columns: tuple[int, ...]) -> None:
    dark = strip(*columns)
    assert is_bar(dark)
    ringed, width = with_ring(dark)
    assert ringed.shape == (60 + 2 * width, len(columns) + 2 * width)
    assert width >= 2
    assert (ringed[width:-width, width:-width] == dark).all()
    light = np.asarray(255 - dark, np.uint8)
    assert (with_ring(light)[0] == 255 - ringed).all()


def test_what_is_most_of_a_bar_is_its_ink() -> None:
    ringed, width = with_ring(strip(PEN, PEN, PEN, PAPER))
    assert (ringed[:width] == PAPER).all()


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.full((60, 6), 200, np.uint8), id="an even surface"),
        pytest.param(np.full((60, 1), 40, np.uint8), id="one column"),
        pytest.param(strip(PAPER, PAPER, PAPER, PEN, PAPER, PAPER, PAPER), id="a thin line with paper on both sides"),
        pytest.param(strip(PEN, PEN, PAPER, height=7), id="no higher than wide"),
        pytest.param(strip(PEN, PAPER, PEN), id="two lines"),
    ],
)
def test_other_narrow_pictures_are_no_bar(picture: Gray) -> None:
    assert not is_bar(picture)


def test_a_column_of_digits_is_no_bar() -> None:
    column = blank(400, 90)
    for place, digit in enumerate("3082"):
        write(column, digit, 18, 12 + 98 * place, 80)
    assert not is_bar(column)


def test_a_crop_with_paper_around_its_digit_gets_no_ring() -> None:
    picture = crop("3", 64)
    ringed, width = with_ring(picture)
    assert width == 0
    assert ringed is picture
