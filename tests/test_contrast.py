"""Local contrast: the same for dark and light ink, any light, any colour, and beside a dark wall."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_digits.imaging.contrast import local_contrast
from edge_digits.imaging.pixels import Gray
from edge_digits.normalize import window


def sheet(paper: int = 200, ink: int = 60, size: tuple[int, int] = (120, 240)) -> Gray:
    """A sheet with `42` written on it, uint8 [H, W]."""
    picture = np.full(size, paper, np.uint8)
    cv2.putText(picture, "42", (60, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.3, ink, 3, cv2.LINE_AA)
    return picture


def written(picture: Gray) -> NDArray[np.bool_]:
    """Where `sheet` has its strokes, without their soft edges."""
    strokes = sheet(0, 255, (picture.shape[0], picture.shape[1]))
    return np.asarray(strokes > 200)


def bare(picture: Gray) -> NDArray[np.bool_]:
    strokes = sheet(0, 255, (picture.shape[0], picture.shape[1]))
    return np.asarray(cv2.dilate(strokes, np.ones((5, 5), np.uint8)) == 0)


@pytest.mark.parametrize(("paper", "ink"), [(200, 60), (60, 200), (250, 225), (20, 45)], ids=str)
def test_ink_stands_out_whatever_is_darker_and_however_pale_it_is(paper: int, ink: int) -> None:
    picture = sheet(paper, ink)
    contrast = local_contrast(picture)
    assert contrast[written(picture)].mean() > 180
    assert contrast[bare(picture)].mean() < 8


def test_the_inside_of_a_loop_is_paper() -> None:
    picture = np.full((100, 100), 200, np.uint8)
    cv2.ellipse(picture, (50, 50), (14, 20), 0, 0, 360, 50, 4, cv2.LINE_AA)
    assert local_contrast(picture)[40:60, 45:55].max() < 20


@pytest.mark.parametrize("dark", [10, 120], ids=str)
def test_a_sheet_before_a_dark_wall_keeps_its_writing_and_gets_no_edge(dark: int) -> None:
    picture = np.full((240, 480), dark, np.uint8)
    picture[60:180, 120:360] = sheet()
    contrast = local_contrast(picture)
    strokes = np.zeros(picture.shape, bool)
    strokes[60:180, 120:360] = written(sheet())
    assert contrast[strokes].mean() > 180
    assert contrast[90:150, 100:110].mean() < 10, "the wall beside the sheet is not ink"


def test_red_ink_on_white_counts_by_the_channel_that_it_is_darkest_in() -> None:
    gray = sheet(255, 0)
    red = np.dstack([gray, gray, np.full_like(gray, 255)])
    contrast = local_contrast(red)
    assert contrast[written(gray)].mean() > 180


def test_light_that_falls_off_changes_little() -> None:
    light = np.linspace(0.4, 1.0, 240, dtype=np.float32)[None, :]
    even, uneven = sheet(), (sheet() * light).astype(np.uint8)
    difference = cv2.absdiff(local_contrast(even), local_contrast(uneven))
    assert difference[written(even)].mean() < 40
    assert local_contrast(uneven)[bare(uneven)].mean() < 10


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (7, 9), (28, 28), (3, 400)], ids=str)
def test_any_size_is_taken(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    assert local_contrast(picture).shape == size


def test_a_window_holds_its_box_as_mnist_holds_a_digit() -> None:
    contrast = np.zeros((200, 300), np.uint8)
    contrast[80:120, 100:110] = 255
    seen = window(contrast, (100, 80, 110, 120))
    rows, columns = np.flatnonzero(seen.max(axis=1) > 127), np.flatnonzero(seen.max(axis=0) > 127)
    assert (rows[0], rows[-1]) == (4, 23)
    assert columns[0] in (11, 12)
    assert columns[-1] in (15, 16)


def test_beyond_the_rim_a_window_is_paper() -> None:
    seen = window(np.full((40, 40), 255, np.uint8), (20, 20, 60, 60))
    assert seen[:10, :10].min() == 255
    assert seen[15:, 15:].max() == 0
    assert window(np.full((40, 40), 255, np.uint8), (400, 400, 420, 420)).max() == 0
