"""What the model sees: the same digit, whatever its size, place, light and polarity."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawing import PAPER, STROKES, Gray, blank, crop
from hypothesis import given
from hypothesis.extra import numpy as hnp

from edge_digits.normalize import normalize

GOLDEN = Path(__file__).parent / "golden" / "normalize.npz"


def likeness(one: Gray, other: Gray) -> float:
    """The correlation of two pictures at the best shift of up to one pixel: centring is to whole pixels."""
    shifts = [np.roll(other, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return max(float(np.corrcoef(one.ravel(), shifted.ravel())[0, 1]) for shifted in shifts)


def resized(by: float) -> Callable[[Gray], Gray]:
    how = cv2.INTER_AREA if by < 1 else cv2.INTER_LINEAR
    return lambda picture: np.asarray(cv2.resize(picture, None, fx=by, fy=by, interpolation=how), np.uint8)


def padded(picture: Gray) -> Gray:
    return np.asarray(cv2.copyMakeBorder(picture, 24, 9, 5, 30, cv2.BORDER_CONSTANT, value=PAPER), np.uint8)


def in_shadow(picture: Gray) -> Gray:
    return (picture * np.linspace(0.45, 1.0, picture.shape[1])).astype(np.uint8)


def grainy(picture: Gray) -> Gray:
    noise = np.random.default_rng(1).normal(0, 4, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Gray], Gray]] = {
    "inverted": lambda picture: 255 - picture,
    "half as large": resized(0.5),
    "three quarters": resized(0.75),
    "half as large again": resized(1.5),
    "twice as large": resized(2),
    "padded": padded,
    "darker": lambda picture: (picture * 0.6).astype(np.uint8),
    "brighter": lambda picture: (picture * 0.6 + 100).astype(np.uint8),
    "in a shadow": in_shadow,
    "grainy": grainy,
    "as JPEG": lambda picture: np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_GRAYSCALE), np.uint8
    ),
}


@pytest.mark.parametrize("side", [20, 28, 64, 96, 300])
@pytest.mark.parametrize("digit", STROKES)
def test_a_digit_fills_a_box_of_20_and_its_mass_is_in_the_middle(digit: str, side: int) -> None:
    seen = normalize(crop(digit, side))
    assert (seen.dtype.name, seen.shape) == ("uint8", (28, 28))
    assert seen.max() == 255
    rows, columns = np.nonzero(seen.max(axis=1) > 40)[0], np.nonzero(seen.max(axis=0) > 40)[0]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = seen.sum(dtype=np.float64)
    middle = (seen.sum(axis=1) @ np.arange(28) / mass, seen.sum(axis=0) @ np.arange(28) / mass)
    assert middle == pytest.approx((14, 14), abs=0.55)


@pytest.mark.parametrize("change", CHANGES)
def test_the_model_sees_the_same_digit_whatever_was_done_to_its_picture(change: str) -> None:
    alike = {digit: likeness(normalize(crop(digit)), normalize(CHANGES[change](crop(digit)))) for digit in STROKES}
    assert np.mean(list(alike.values())) > 0.94
    assert min(alike.values()) > 0.8, alike


def test_different_digits_stay_different() -> None:
    seen = [normalize(crop(digit)) for digit in STROKES]
    unlike = [likeness(one, other) for i, one in enumerate(seen) for other in seen[:i]]
    assert np.mean(unlike) < 0.6, "else the test above would pass for a function that sees nothing"


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 3), (28, 28), (200, 300)], ids=str)
def test_blank_paper_is_seen_as_nothing(shape: tuple[int, int]) -> None:
    assert not normalize(blank(*shape)).any()


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=48)))
def test_any_crop_becomes_28_by_28_and_is_left_alone(picture: Gray) -> None:
    before = picture.copy()
    seen = normalize(picture)
    assert (seen.dtype.name, seen.shape) == ("uint8", (28, 28))
    np.testing.assert_array_equal(picture, before)


def test_what_is_seen_is_what_the_models_were_trained_on() -> None:
    """The golden file holds for every OpenCV; where `normalize` changes on purpose, golden/make.py writes it anew."""
    with np.load(GOLDEN) as golden:
        names = [name.removeprefix("crop ") for name in golden.files if name.startswith("crop ")]
        assert len(names) >= 8
        for name in names:
            off = np.abs(normalize(golden[f"crop {name}"]).astype(int) - golden[f"seen {name}"])
            assert off.mean() <= 2, name


def test_mnists_own_pictures_stay_as_they_are(data: Path) -> None:
    with gzip.open(data / "mnist" / "t10k-images-idx3-ubyte.gz") as packed:
        pictures = np.frombuffer(packed.read(16 + 500 * 784), np.uint8, offset=16).reshape(-1, 28, 28)
    alike = np.array([likeness(picture, normalize(picture)) for picture in pictures])
    assert np.median(alike) > 0.95
    assert (alike > 0.8).mean() > 0.97
