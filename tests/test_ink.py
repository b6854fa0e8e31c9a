"""Ink is told from paper, whatever the light, the camera and the polarity."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import PAPER, PEN, STROKES, Gray, blank, crop, page

from edge_digits.imaging.ink import extract_ink

PAGE = page(["427", "180"])


def grainy(picture: Gray, sigma: float) -> Gray:
    """With the noise of a camera."""
    noise = np.random.default_rng(1).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("side", [28, 64, 96, 200])
@pytest.mark.parametrize("digit", STROKES)
def test_dark_ink_on_light_paper_and_the_opposite_are_told_apart(digit: str, side: int) -> None:
    picture = crop(digit, side)
    assert not extract_ink(picture).inverted
    assert extract_ink(255 - picture).inverted


def test_strength_is_what_the_pen_absorbs_of_the_papers_light() -> None:
    strength = extract_ink(PAGE, 0.1).strength
    assert strength[PAGE == PEN].min() >= 200  # 255 * (1 - 40 / 235) = 212
    assert strength[PAGE == PAPER].max() <= 5


def test_both_polarities_give_the_same_ink() -> None:
    dark, light = extract_ink(PAGE, 0.1).strength, extract_ink(255 - PAGE, 0.1).strength
    assert np.corrcoef(dark.ravel(), light.ravel())[0, 1] > 0.99


def test_a_stroke_in_the_shadow_is_as_strong_as_one_in_the_sun() -> None:
    light = np.linspace(0.4, 1.0, PAGE.shape[1])
    strength = extract_ink((PAGE * light).astype(np.uint8), 0.1).strength
    half = PAGE.shape[1] // 2
    in_shadow, in_sun = (strength[part][PAGE[part] == PEN].mean() for part in (np.s_[:, :half], np.s_[:, half:]))
    assert in_shadow == pytest.approx(in_sun, rel=0.05)
    assert strength[PAGE == PAPER].mean() < 5


@pytest.mark.parametrize("value", [0, 1, 20, 128, 254, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (28, 28), (300, 5), (200, 200)], ids=str)
def test_an_even_picture_has_no_ink(shape: tuple[int, int], value: int) -> None:
    ink = extract_ink(np.full(shape, value, np.uint8))
    assert ink.strength.shape == shape
    assert (int(ink.strength.max()), ink.noise) == (0, 0.0)


@pytest.mark.parametrize("sigma", [4.0, 8.0])
@pytest.mark.parametrize("height", [60, 200])
def test_the_noise_of_the_paper_is_measured(height: int, sigma: float) -> None:
    page_of_this_size = page(["427", "180"], height)
    noise = extract_ink(grainy(page_of_this_size, sigma), 0.1).noise
    assert 0.5 <= noise / (sigma * 255 / PAPER) <= 2.0


def test_the_picture_that_is_given_is_left_alone() -> None:
    picture = PAGE.copy()
    extract_ink(picture)
    extract_ink(255 - picture)
    np.testing.assert_array_equal(picture, PAGE)


def test_faint_pencil_is_ink_too() -> None:
    faint = blank()
    faint[50:54, 30:90] = PAPER - 40
    strength = extract_ink(faint).strength
    assert strength[51:53, 40:80].min() >= 35  # 255 * 40 / 235 = 43
    assert strength[:40].max() <= 3
