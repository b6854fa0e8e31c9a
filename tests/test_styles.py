"""Digits drawn in the styles of other schools."""

import cv2
import numpy as np
import pytest

from edge_digits import Model
from edge_digits_train.datasets.data import Split
from edge_digits_train.synthesis import styles


def test_a_seed_draws_the_same_digits_again() -> None:
    first, again, other = (styles.write(40, seed) for seed in (3, 3, 4))
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert (first[0] != other[0]).any()


def test_every_digit_is_drawn_about_as_often() -> None:
    counts = np.bincount(styles.write(1000, 0)[1], minlength=10)
    assert counts.min() > 60


@pytest.mark.parametrize("style", styles.STYLES, ids=lambda style: f"{style.digit}: {style.strokes[:18]}")
def test_a_picture_has_the_form_of_mnist(style: styles.Style) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        picture = styles.draw(style, rng)
        assert picture.shape == (28, 28)
        assert picture.max() > 150, "too pale"
        _, _, w, h = cv2.boundingRect((picture > 100).astype(np.uint8))
        assert 15 <= max(w, h) <= 21, "not in a box of 20 pixels"
        moments = cv2.moments(picture)
        middle = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
        assert np.hypot(middle[0] - 13.5, middle[1] - 13.5) < 1.5, "its centre of mass is not in the middle"


def test_a_point_given_twice_is_a_corner() -> None:
    """A curve through the corner of a seven would be read as a nine's head."""
    points = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.5, 1.0)])
    curve = styles._smooth(points, corners=(np.diff(points, axis=0) == 0).all(axis=1))
    assert curve[:, 0].max() == pytest.approx(1.0)
    assert curve[:, 1].min() == pytest.approx(0.0)


def test_styles_are_added_to_the_digits_of_a_data_set() -> None:
    part = Split(np.zeros((200, 28, 28), np.uint8), np.zeros(200, np.int64))
    extended = styles.add_to(part, 0.25, seed=1)
    assert len(extended) == 250
    assert (extended.pictures[:200] == 0).all()
    assert extended.pictures[200:].any(axis=(1, 2)).all()
    assert styles.add_to(part, 0.0, seed=1) is part


@pytest.fixture(scope="module")
def read() -> dict[str, float]:
    """The share of each style that the shipped model reads."""
    model, rng, shares = Model.load("base"), np.random.default_rng(5), {}
    for style in styles.STYLES:
        pictures = np.stack([styles.draw(style, rng) for _ in range(40)])
        right = model.probabilities(pictures).argmax(axis=1) == style.digit
        shares[f"{style.digit}: {style.strokes}"] = float(right.mean())
    return shares


def test_the_shipped_model_reads_every_style(read: dict[str, float]) -> None:
    assert np.mean(list(read.values())) > 0.97
    assert min(read.values()) >= 0.8
