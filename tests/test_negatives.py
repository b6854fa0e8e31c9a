"""Negatives, pictures that are no digits: of the shape, place and variety that a network learns from."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import Gray, digits

pytest.importorskip("edge_digits_train", reason="training is not installed")

from edge_digits_train.synthesis import negatives
from edge_digits_train.synthesis.curves import parse_points

PICTURES, LABELS = digits(40)


def draw(count: int, seed: int = 0) -> Gray:
    rng = np.random.default_rng(seed)
    return np.stack([negatives.negative(rng, PICTURES, LABELS) for _ in range(count)])


NEGATIVES = draw(300)


def test_a_negative_is_a_picture_as_digits_are() -> None:
    assert (NEGATIVES.dtype, NEGATIVES.shape) == (np.dtype(np.uint8), (300, 28, 28))


def test_no_negative_is_blank_or_pale() -> None:
    assert NEGATIVES.max(axis=(1, 2)).min() >= 128
    assert (NEGATIVES > 64).sum(axis=(1, 2)).min() >= 8


def test_negatives_lie_in_the_box_of_20_by_20_in_the_middle() -> None:
    outside = NEGATIVES.copy()
    outside[:, 4:24, 4:24] = 0
    # A blot's soft rim may reach over by two.
    assert (outside.max(axis=(1, 2)) <= 32).mean() > 0.95
    outside[:, 2:26, 2:26] = 0
    assert outside.max() <= 32


def test_negatives_fill_their_box_in_one_direction() -> None:
    sides = [np.flatnonzero((NEGATIVES > 64).any(axis=axis).any(axis=0)) for axis in (1, 2)]
    assert all(len(side) >= 20 for side in sides)
    longer = [
        max(np.ptp(np.flatnonzero((picture > 64).any(axis=axis))) + 1 for axis in (0, 1)) for picture in NEGATIVES
    ]
    assert np.mean(np.array(longer) >= 17) > 0.85


def test_the_same_seed_makes_the_same_negatives_and_another_others() -> None:
    np.testing.assert_array_equal(draw(30), NEGATIVES[:30])
    assert (draw(30, seed=1) != NEGATIVES[:30]).any(axis=(1, 2)).all()


def test_hardly_any_two_negatives_are_alike() -> None:
    assert len({picture.tobytes() for picture in NEGATIVES}) > 0.98 * len(NEGATIVES), "but for round blots"
    flat = NEGATIVES.reshape(300, -1).astype(np.float32)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    alike = flat @ flat.T - np.eye(300, dtype=np.float32)
    assert np.mean(alike.max(axis=1) < 0.97) > 0.85


def test_every_sign_can_be_drawn() -> None:
    for text in negatives._SIGNS:
        for stroke in text.split(";"):
            points = parse_points(stroke.lstrip("~"))
            assert points.shape[1] == 2
            assert len(points) >= 2
            assert points.min() >= -0.2
            assert points.max() <= 1.2


@pytest.mark.parametrize("labels", [(1,), (4, 9)], ids=str)
def test_a_few_classes_of_digits_are_enough(labels: tuple[int, ...]) -> None:
    subset = np.isin(LABELS, labels)
    rng = np.random.default_rng(0)
    for _ in range(60):
        assert negatives.negative(rng, PICTURES[subset], LABELS[subset]).max() >= 128
