"""The contract of finders: what their numbers mean, on numbers that are made up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_digits.inference.heatmap import (
    INPUT_MULTIPLE,
    REFERENCE_HEIGHT,
    REGRESSION_CHANNELS,
    STRIDE,
    depth_to_space,
    find_peaks,
    score,
)

Cells = NDArray[np.float32]


def nothing(rows: int = 10, columns: int = 20) -> Cells:
    """Cells of a picture where there is no digit."""
    cells = np.zeros((rows, columns, 10 + REGRESSION_CHANNELS), np.float32)
    cells[..., :10] = -8
    return cells


def put(
    cells: Cells, digit: int, x: float, y: float, width: float, height: float, logit: float = 4.0
) -> tuple[float, float, float, float]:
    """Say that a digit has its middle at (x, y), pixels; its box."""
    column, row = int(x / STRIDE), int(y / STRIDE)
    cells[row, column, digit] = logit
    offsets = x / STRIDE - column - 0.5, y / STRIDE - row - 0.5
    cells[row, column, 10:] = (math.log(height / REFERENCE_HEIGHT), math.log(width / REFERENCE_HEIGHT), *offsets)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def test_each_place_answers_for_two_by_two_cells() -> None:
    maps = np.random.default_rng(0).normal(0, 1, (2, 3, 5, 4 * 7)).astype(np.float32)
    cells = depth_to_space(maps)
    assert cells.shape == (2, 6, 10, 7)
    for n in range(2):
        for row in range(6):
            for column in range(10):
                of_four = 2 * (row % 2) + column % 2
                expected = maps[n, row // 2, column // 2, 7 * of_four : 7 * of_four + 7]
                np.testing.assert_array_equal(cells[n, row, column], expected)
    assert INPUT_MULTIPLE == 2 * STRIDE


@pytest.mark.parametrize(
    ("x", "y", "width", "height"), [(30.0, 20.0, 18.0, 30.0), (41.7, 11.2, 5.0, 40.0), (2.5, 38.9, 44.0, 18.0)]
)
def test_a_peak_says_where_and_how_large_a_digit_is(x: float, y: float, width: float, height: float) -> None:
    cells = nothing()
    put(cells, 6, x, y, width, height, 2.5)
    found = find_peaks(cells, 0.0)
    assert found.x.dtype == found.height.dtype == np.float32
    given = [float(v[0]) for v in (found.x, found.y, found.width, found.height)]
    assert given == pytest.approx([x, y, width, height], rel=1e-5)
    assert found.logits.shape == (1, 10)
    assert (found.logits[0].argmax(), found.logits[0].max()) == (6, 2.5)


def test_only_what_reaches_the_threshold_is_a_peak() -> None:
    cells = nothing()
    for place, logit in enumerate((-2.5, -2.4, 0.0, 3.0)):
        put(cells, place, 10 + 18 * place, 20, 12, 20, logit)
    assert [len(find_peaks(cells, threshold).x) for threshold in (-3.0, -2.4, 0.0, 3.0, 3.1)] == [4, 3, 2, 1, 0]


def test_a_peak_is_the_best_of_its_neighbours_whatever_their_class() -> None:
    cells = nothing()
    put(cells, 3, 42, 22, 12, 20, 2.0)
    put(cells, 8, 46, 22, 12, 20, 2.5)  # the cell beside it
    put(cells, 5, 54, 22, 12, 20, 1.0)  # two cells on
    found = find_peaks(cells, 0.0)
    assert sorted(found.logits.argmax(axis=1).tolist()) == [5, 8]


def test_neighbours_that_are_equally_sure_are_both_peaks() -> None:
    """Which of them stays is for those who compare boxes."""
    cells = nothing()
    put(cells, 3, 42, 22, 12, 20, 2.0)
    put(cells, 3, 46, 22, 12, 20, 2.0)
    assert len(find_peaks(cells, 0.0).x) == 2


@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)], ids=str)
def test_a_corner_can_be_a_peak(corner: tuple[int, int]) -> None:
    cells = nothing()
    cells[(*corner, 0)] = 1.0
    assert len(find_peaks(cells, 0.0).x) == 1


def test_an_absurd_size_is_bounded() -> None:
    cells = nothing()
    put(cells, 0, 20, 20, 10, 10)
    cells[5, 5, 10:12] = 80, -80
    found = find_peaks(cells, 0.0)
    assert REFERENCE_HEIGHT < found.height[0] < 10 * REFERENCE_HEIGHT
    assert REFERENCE_HEIGHT / 20 < found.width[0] < REFERENCE_HEIGHT


def test_a_blank_page_has_no_peaks() -> None:
    found = find_peaks(nothing(), 0.0)
    assert (len(found.x), found.logits.shape) == (0, (0, 10))


def truth(*rows: tuple[int, tuple[float, float, float, float], int]) -> NDArray[np.float32]:
    return np.array([(number, *box, digit) for number, box, digit in rows], np.float32).reshape(-1, 6)


def test_what_is_found_and_right_counts_for_both_shares() -> None:
    cells = nothing()
    first, second = put(cells, 4, 20, 20, 16, 24), put(cells, 7, 60, 20, 16, 24)
    assert score(cells[None], truth((0, first, 4), (0, second, 7)))[:2] == (1.0, 1.0)


def test_a_wrong_class_is_missed_and_said_in_vain() -> None:
    cells = nothing()
    first, second = put(cells, 4, 20, 20, 16, 24), put(cells, 7, 60, 20, 16, 24)
    assert score(cells[None], truth((0, first, 4), (0, second, 1)))[:2] == (0.5, 0.5)


def test_a_digit_that_is_not_there_is_said_in_vain() -> None:
    cells = nothing()
    first, _ = put(cells, 4, 20, 20, 16, 24), put(cells, 7, 60, 20, 16, 24)
    assert score(cells[None], truth((0, first, 4)))[:2] == (1.0, 0.5)


def test_a_digit_that_is_found_twice_counts_once() -> None:
    cells = nothing()
    box = put(cells, 4, 22, 20, 16, 24)
    put(cells, 4, 22, 30, 16, 24)
    assert score(cells[None], truth((0, box, 4)))[:2] == (1.0, 0.5)


def test_a_digit_that_is_not_found_is_missed() -> None:
    cells = nothing()
    box = put(cells, 4, 20, 20, 16, 24)
    assert score(cells[None], truth((0, box, 4), (0, (50, 10, 66, 34), 7)))[:2] == (0.5, 1.0)


def test_what_may_be_found_or_not_counts_for_nothing() -> None:
    cells = nothing()
    first, second = put(cells, 4, 20, 20, 16, 24), put(cells, 7, 60, 20, 16, 24)
    assert score(cells[None], truth((0, first, 4), (0, second, -2)))[:2] == (1.0, 1.0)
    assert score(nothing()[None], truth((0, first, -2)))[:2] == (0.0, 0.0)


def test_a_find_counts_in_its_own_picture_only() -> None:
    cells = np.stack([nothing(), nothing()])
    box = put(cells[1], 4, 20, 20, 16, 24)
    assert score(cells, truth((1, box, 4)))[:2] == (1.0, 1.0)
    assert score(cells, truth((0, box, 4)))[:2] == (0.0, 0.0)


@pytest.mark.parametrize(("off", "shares"), [(0.9, (1.0, 1.0)), (1.1, (0.0, 0.0))])
def test_a_find_within_a_pixel_of_the_box_is_one(off: float, shares: tuple[float, float]) -> None:
    """A point is hardly larger than the error of a middle."""
    cells = nothing()
    put(cells, 4, 20, 20, 16, 24)
    assert score(cells[None], truth((0, (20 + off, 10, 40, 30), 4)))[:2] == shares


def signs(count: int = 12) -> Cells:
    """Cells that know signs behind the digits."""
    cells = nothing()
    return np.concatenate(
        [cells[..., :10], np.full((*cells.shape[:2], count), -8, np.float32), cells[..., 10:]], axis=2
    )


def test_signs_count_for_a_share_of_their_own() -> None:
    cells = signs()
    cells[5, 5, 4], cells[5, 10, 11] = 3.0, 3.0
    digit, sign, other = (17, 17, 25, 25), (37, 17, 45, 25), (57, 17, 65, 25)
    assert score(cells[None], truth((0, digit, 4), (0, sign, 11), (0, other, 12))) == (1.0, 1.0, 0.5)
    assert score(cells[None], truth((0, digit, 4))) == (1.0, 1.0, 0.0), "a sign in vain is no digit in vain"
    assert score(cells[None], truth((0, sign, 4), (0, digit, 11))) == (0.0, 0.0, 0.0)


def test_a_point_is_as_small_as_it_is() -> None:
    cells = nothing()
    put(cells, 0, 20, 20, 2.0, 2.0)
    assert find_peaks(cells, 0.0).width[0] == pytest.approx(2.0, rel=1e-5)


def test_a_find_outside_of_the_box_is_none() -> None:
    cells = nothing()
    x1, y1, x2, y2 = put(cells, 4, 20, 20, 16, 24)
    assert score(cells[None], truth((0, (x1 + 20, y1, x2 + 20, y2), 4)))[:2] == (0.0, 0.0)


def test_nothing_to_find_and_nothing_found_divides_by_nothing() -> None:
    assert score(nothing()[None], truth())[:2] == (0.0, 0.0)
