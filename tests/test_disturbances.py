"""What befalls the crops that a reader of windows is trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawing import digits
from numpy.typing import NDArray

from edge_digits_train.datasets.data import Split
from edge_digits_train.synthesis import disturbances
from edge_digits_train.synthesis.augment import Augmentation, scan, shoot
from edge_digits_train.training import crops

PICTURES, CLASSES = digits(20)
DIGITS = Split(PICTURES, CLASSES)


def shots(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A crop as training has it, and the strokes in it."""
    rng = np.random.default_rng(seed)
    number = seed % len(PICTURES)
    return shoot(PICTURES[number], int(CLASSES[number]), PICTURES[0], rng, Augmentation())


@pytest.mark.parametrize("seed", range(60))
def test_a_disturbed_crop_has_its_size_and_repeats_with_its_seed(seed: int) -> None:
    shot, strokes = shots(seed)
    before, strokes_before = shot.copy(), strokes.copy()
    drawn = disturbances.disturb(shot, strokes, np.random.default_rng(seed))
    assert drawn.shape == shot.shape
    assert drawn.dtype == np.uint8
    assert np.array_equal(shot, before)
    assert np.array_equal(strokes, strokes_before)
    assert np.array_equal(drawn, disturbances.disturb(shot, strokes, np.random.default_rng(seed)))


def test_hardly_a_disturbance_leaves_no_trace() -> None:
    pairs = [(*shots(seed), seed) for seed in range(200)]
    same = [
        np.array_equal(disturbances.disturb(shot, strokes, np.random.default_rng(seed)), shot)
        for shot, strokes, seed in pairs
    ]
    assert np.mean(same) < 0.05


def test_strokes_still_part_from_the_paper_beside_them() -> None:
    """Of all kinds together: a digit that is gone would teach a reader to guess."""
    told = []
    for seed in range(200):
        shot, strokes = shots(seed)
        drawn = disturbances.disturb(shot, strokes, np.random.default_rng(seed)).astype(float)
        # A part in reverse turns the sign: strength of edges is compared, not of levels.
        edges, of_strokes = (np.hypot(*np.gradient(plane)) for plane in (drawn, strokes.astype(float)))
        told.append(np.corrcoef(edges.ravel(), of_strokes.ravel())[0, 1] > 0.2)
    assert np.mean(told) > 0.85


def test_bare_paper_and_a_crop_full_of_ink_can_be_disturbed() -> None:
    for level in (0, 255):
        strokes = np.full((30, 30), level, np.uint8)
        drawn = [disturbances.disturb(strokes, strokes, np.random.default_rng(seed)) for seed in range(40)]
        assert len({picture.tobytes() for picture in drawn}) > 10


def test_lines_and_parts_cover_some_of_the_picture_and_not_all() -> None:
    for kind, least, most in ((disturbances._lines, 0.005, 0.4), (disturbances._part, 0.02, 0.98)):
        covers = [kind(36, np.random.default_rng(seed)) for seed in range(40)]
        assert min(cover.min() for cover in covers) >= 0
        assert max(cover.max() for cover in covers) <= 1
        assert least < np.median([cover.mean() for cover in covers]) < most


def test_the_same_seed_makes_the_same_crops() -> None:
    made, again = (crops.make_crops(DIGITS, Augmentation(), (3,), 50) for _ in range(2))
    assert np.array_equal(made.pictures, again.pictures)


@pytest.mark.slow
def test_so_many_crops_are_disturbed() -> None:
    usual = Augmentation()
    for disturbed, share in ((usual.disturbed, usual.disturbed), (1.0, 0.97)):
        differ = []
        # One crop by each seed: what follows a disturbed one is drawn by other numbers.
        for seed in range(250):
            plain, made = (
                crops.make_crops(DIGITS, replace(usual, disturbed=one), (seed,), 1).pictures for one in (0.0, disturbed)
            )
            differ.append(not np.array_equal(plain, made))
        assert np.mean(differ) == pytest.approx(share, abs=0.05)


def test_some_crops_are_tilted_further_than_most() -> None:
    """Of an upright one, the lean tells the angle."""
    one = np.zeros((28, 28), np.uint8)
    one[4:24, 13:15] = 255
    plain = Augmentation(shear=0.0, zoom=0.0, elastic=0.0, photograph=0.0, rare_styles=0.0, coarse=0.0)

    def angles(tilted: float) -> NDArray[np.float64]:
        found = []
        for seed in range(120):
            ys, xs = np.nonzero(scan(one, 1, np.random.default_rng(seed), replace(plain, tilted=tilted)) > 100)
            found.append(np.degrees(np.arctan(np.polyfit(ys, xs, 1)[0])))
        return np.abs(found)

    assert angles(0.0).max() < 13
    assert 25 < angles(1.0).max() < 31
    assert np.mean(angles(plain.tilted) > 13) == pytest.approx(0.6 * plain.tilted, abs=0.06)


def test_a_disturbed_crop_is_seen_where_its_digit_is() -> None:
    """A line from edge to edge makes all of a crop its ink; a finder finds the digit."""
    strokes = np.zeros((40, 40), np.uint8)
    strokes[12:28, 14:26] = PICTURES[3][6:22, 8:20]
    shot = strokes.copy()
    shot[5, :] = 255
    heights = []
    for seed in range(20):
        seen = crops._found(shot, strokes, np.random.default_rng(seed))
        rows = np.flatnonzero((seen[:, 8:20] > 100).any(axis=1))
        heights.append(rows[-1] - rows[0] + 1)
    assert np.median(heights) == pytest.approx(20, abs=4)
