"""Composed scenes: their boxes and classes are of what is in them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawing import Gray, digits
from numpy.typing import NDArray

pytest.importorskip("edge_digits_train", reason="training is not installed")

from edge_digits.imaging.ink import extract_ink, levelled
from edge_digits.inference.heatmap import DIGIT_HEIGHTS
from edge_digits_train.synthesis.scenes import IGNORED, UNWANTED, Composer, Scene, strings

PICTURES, LABELS = digits(60)
COMPOSER = Composer(PICTURES, LABELS)
SCENES = [COMPOSER.scene(np.random.default_rng((1, number))) for number in range(150)]
GOLDEN = np.load(Path(__file__).parent / "golden" / "scenes.npz")


def test_a_scene_is_a_picture_with_a_box_and_a_class_for_each_digit() -> None:
    for scene in SCENES:
        assert (scene.gray.dtype, scene.gray.shape) == (np.dtype(np.uint8), (80, 160))
        assert (scene.boxes.dtype, scene.boxes.shape) == (np.dtype(np.float32), (len(scene.classes), 4))
        assert set(scene.classes.tolist()) <= {*range(10), -1, IGNORED}
        assert (scene.boxes[:, :2] < scene.boxes[:, 2:]).all()
    assert {scene.gray.shape for scene in (COMPOSER.scene(np.random.default_rng(0), 48, 96),)} == {(48, 96)}


def test_the_same_seed_makes_the_same_scene_and_another_another() -> None:
    again, other = (COMPOSER.scene(np.random.default_rng((1, number))) for number in (7, 8))
    np.testing.assert_array_equal(again.gray, SCENES[7].gray)
    np.testing.assert_array_equal(again.boxes, SCENES[7].boxes)
    np.testing.assert_array_equal(again.classes, SCENES[7].classes)
    assert (other.gray != again.gray).any()


def test_scenes_are_of_all_kinds() -> None:
    """Full and empty ones, light and dark ones, all ten classes, some that may be found, some that are not to."""
    counts = [int((scene.classes >= 0).sum()) for scene in SCENES]
    assert counts.count(0) >= 5
    assert max(counts) >= 8
    light = [float(scene.gray.mean()) for scene in SCENES]
    assert min(light) < 80
    assert max(light) > 180
    classes = np.concatenate([scene.classes for scene in SCENES])
    assert set(classes.tolist()) == {*range(10), -1, IGNORED}


def test_some_hands_write_small_zeros_and_none_small_ones() -> None:
    """MNIST's digits all fill their box: without these a finder takes the small zeros of an amount for nothing."""
    smallest = {0: 1.0, 1: 1.0}
    for number in range(400):
        scene = COMPOSER.scene(np.random.default_rng((2, number)))
        heights, classes = scene.boxes[:, 3] - scene.boxes[:, 1], scene.classes
        others = heights[classes > 1]
        # Of one size each, in a number or a table; scattered digits have their own.
        if len(others) < 3 or others.min() < 0.8 * others.max():
            continue
        for digit, before in smallest.items():
            of_digit = heights[classes == digit]
            smallest[digit] = min([before, *(of_digit / np.median(others)).tolist()])
    assert smallest[0] < 0.72
    assert smallest[1] > 0.75


def size(box: NDArray[np.float32]) -> float:
    """Of a digit, as a finder sees it: a wide one counts as higher."""
    return float(max(box[3] - box[1], 0.6 * (box[2] - box[0])))


def test_only_digits_of_the_wanted_sizes_are_to_be_found() -> None:
    for scene in SCENES:
        for box, digit in zip(scene.boxes, scene.classes, strict=True):
            if digit >= 0:
                assert DIGIT_HEIGHTS[0] - 2 <= size(box) <= DIGIT_HEIGHTS[1] + 3
            if digit == -1:
                assert not UNWANTED[0] <= size(box) <= UNWANTED[1]
            if size(box) < UNWANTED[0] or size(box) > UNWANTED[1]:
                assert digit < 0


def test_digits_that_are_to_be_found_lie_in_the_picture() -> None:
    for scene in SCENES:
        height, width = scene.gray.shape
        for box in scene.boxes[scene.classes >= 0]:
            over = max(-box[0], -box[1], box[2] - width, box[3] - height)
            assert over <= 0.12 * size(box) + 1e-3


#: A ring and an upright bar: told apart by the sides of their boxes. Of ones and sevens there are other styles.
SHAPES = np.zeros((2, 28, 28), np.uint8)
cv2.circle(SHAPES[0], (14, 14), 9, 255, 2, cv2.LINE_AA)
cv2.line(SHAPES[1], (14, 5), (14, 23), 255, 2, cv2.LINE_AA)


def test_each_box_has_the_class_of_what_is_in_it() -> None:
    composer = Composer(SHAPES, np.array([8, 3]))
    seen = []
    for number in range(60):
        scene = composer.scene(np.random.default_rng((2, number)))
        for box, digit in zip(scene.boxes, scene.classes, strict=True):
            if digit >= 0:
                seen.append((int(digit), float((box[2] - box[0]) / (box[3] - box[1]))))
    rings, bars = ([share for digit, share in seen if digit == kind] for kind in (8, 3))
    assert min(len(rings), len(bars)) > 30
    assert min(rings) > 0.6
    # A bar that leans, and is written with a bold pen, is wider.
    assert np.mean(np.array(bars) < 0.6) > 0.95
    assert max(bars) < 0.8


def inked(scene: Scene) -> Gray:
    """Where there is ink, 0 and 1."""
    return (levelled(extract_ink(scene.gray, 0.25)) > 110).astype(np.uint8)


@pytest.mark.parametrize("touching", [False, True])
def test_boxes_of_a_number_hold_all_of_its_ink_and_fit_it(touching: bool) -> None:
    for number in range(20):
        rng = np.random.default_rng((3, number))
        scene = COMPOSER.string(rng, np.arange(4) + 4 * (number % 10), touching=touching)
        ink = inked(scene)
        outside = ink.copy()
        for x1, y1, x2, y2 in scene.boxes.astype(int).tolist():
            outside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = 0
            inside = ink[max(0, y1) : y2, max(0, x1) : x2]
            assert inside.any(axis=1).mean() > 0.8
            assert inside.any(axis=0).mean() > 0.8
        assert outside.sum() <= 0.02 * ink.sum()


def test_boxes_of_scenes_hold_ink() -> None:
    shares = [
        float(levelled(extract_ink(scene.gray, 0.25))[max(0, y1) : y2, max(0, x1) : x2].max())
        for scene in SCENES
        for (x1, y1, x2, y2), digit in zip(scene.boxes.astype(int).tolist(), scene.classes.tolist(), strict=True)
        if digit >= 0
    ]
    assert len(shares) > 300
    assert np.mean(np.array(shares) > 60) > 0.97


def pieces(picture: Gray) -> int:
    """Connected strokes, specks of noise left out."""
    ink = inked(Scene(picture, np.zeros((0, 4), np.float32), np.zeros(0, np.int64)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    return int((stats[1:, cv2.CC_STAT_HEIGHT] >= 0.25 * picture.shape[0]).sum())


def test_numbers_hold_the_digits_of_their_text() -> None:
    numbers = strings(PICTURES, LABELS, 12, seed=5, touching=False)
    assert all(2 <= len(text) <= 10 and text.isdigit() for _, text in numbers)
    assert len({len(text) for _, text in numbers}) > 4
    for number, (picture, text) in enumerate(numbers):
        rng = np.random.default_rng((5, number))
        chosen = rng.integers(0, len(LABELS), int(rng.integers(2, 11)))
        scene = COMPOSER.string(rng, chosen, touching=False)
        np.testing.assert_array_equal(scene.gray, picture)
        assert "".join(map(str, scene.classes.tolist())) == text
        assert (np.diff(scene.boxes[:, 0]) > 0).all()


def test_digits_that_stand_apart_have_gaps() -> None:
    numbers = strings(PICTURES, LABELS, 25, seed=6, touching=False)
    assert np.mean([pieces(picture) == len(text) for picture, text in numbers]) >= 0.9


def test_two_digits_at_least_touch_where_they_shall() -> None:
    numbers = strings(PICTURES, LABELS, 25, seed=6, touching=True)
    assert np.mean([pieces(picture) < len(text) for picture, text in numbers]) >= 0.9


def test_numbers_repeat_with_their_seed() -> None:
    first, second, other = (strings(PICTURES, LABELS, 3, seed, touching=True) for seed in (1, 1, 2))
    assert [text for _, text in first] == [text for _, text in second]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))
    assert [text for _, text in first] != [text for _, text in other]


@pytest.mark.parametrize("number", range(len(GOLDEN["seeds"])))
def test_scenes_are_made_as_they_were(number: int) -> None:
    """Of golden/make.py; versions of OpenCV differ in single grey levels, and in single pixels of strokes."""
    scene = Composer(GOLDEN["pictures"], GOLDEN["labels"]).scene(np.random.default_rng(GOLDEN["seeds"][number]))
    np.testing.assert_array_equal(scene.classes, GOLDEN[f"classes {number}"])
    np.testing.assert_allclose(scene.boxes, GOLDEN[f"boxes {number}"], atol=1)
    off = np.abs(scene.gray.astype(int) - GOLDEN[f"gray {number}"].astype(int))
    assert off.mean() < 1.5
    assert (off > 20).mean() < 0.01
