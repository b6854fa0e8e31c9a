"""What synthesis draws with: curves, affine maps, pens and grain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawing import Gray

pytest.importorskip("edge_digits_train", reason="training is not installed")

from edge_digits_train.synthesis import affine, grain, pens
from edge_digits_train.synthesis.curves import catmull_rom, parse_points


def test_a_curve_goes_through_its_points_and_is_straight_where_they_are() -> None:
    points = parse_points("0,0 1,2 3,2 3,-1")
    curve = catmull_rom(points, 5)
    assert curve.shape == (15, 2)
    np.testing.assert_allclose(curve[[0, 5, 10, 14]], points, atol=1e-12)
    straight = catmull_rom(parse_points("0,0 1,1 2,2"), 9)
    np.testing.assert_allclose(straight[:, 0], straight[:, 1])


def test_a_map_turns_shears_zooms_and_carries_a_point() -> None:
    np.testing.assert_allclose(affine.linear_map(90, 0, 2, 1) @ (1, 0), (0, 2), atol=1e-12)
    np.testing.assert_allclose(affine.linear_map(0, 0.5, 1, 1) @ (0, 1), (0.5, 1))
    matrix = affine.carry(affine.linear_map(30, 0.2, 1.5, 0.7), (14, 10), (40, 50))
    np.testing.assert_allclose(matrix @ (14, 10, 1), (40, 50))


def bar() -> Gray:
    """A bar 8 pixels wide."""
    canvas = np.zeros((60, 60), np.uint8)
    canvas[10:50, 26:34] = 255
    return canvas


def test_strokes_are_made_finer_or_bolder_towards_a_width() -> None:
    across = [int((pens.set_width(bar(), half_width)[30] > 127).sum()) for half_width in (1.5, 3.0, 5.0, 7.0)]
    assert across == sorted(set(across))
    assert across[2] == 8, "as it was"
    np.testing.assert_allclose(across, (3, 6, 8, 12), atol=1)


def test_strokes_that_would_fall_apart_are_not_made_finer() -> None:
    kernel = np.ones((7, 7), np.uint8)
    assert (pens.eroded(bar(), kernel, 0.05) > 0).sum() < (bar() > 0).sum()
    assert (pens.eroded(bar(), kernel, 0.5) == bar()).all()


def test_sharpening_steepens_blurred_edges() -> None:
    blurred = np.asarray(cv2.GaussianBlur(bar(), (0, 0), 3), np.uint8)
    for gain in (1.4, 3.0):
        assert np.diff(pens.sharpen(blurred, gain)[30].astype(int)).max() > np.diff(blurred[30].astype(int)).max()


def test_a_pencil_pales_strokes_unevenly_and_leaves_paper_bare() -> None:
    drawn = grain.pencil(bar(), (15, 15), np.random.default_rng(0))
    assert (drawn[bar() == 0] == 0).all()
    assert drawn[bar() > 0].min() > 60
    assert np.ptp(drawn[bar() > 0]) > 30
