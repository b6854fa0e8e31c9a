"""Any array that somebody calls a picture becomes the same grey plane, or an error that says why not."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from drawing import blank, page
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from edge_digits import PictureError, to_gray

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
PAGE = page("427")

integers = hnp.integer_dtypes(endianness="?") | hnp.unsigned_integer_dtypes(endianness="?")
shapes = st.one_of(
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4)),
)
pictures = st.one_of(
    hnp.arrays(integers | hnp.boolean_dtypes(), shapes),
    hnp.arrays(np.float32, shapes, elements=st.floats(0, 1, width=32)),
    hnp.arrays(np.float16, shapes, elements=st.floats(0, 1, width=16)),
    hnp.arrays(np.float64, shapes, elements=st.floats(0, 1)),
)


def over(colour: int, opacity: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of one colour with an alpha channel, BGRA."""
    return np.dstack([np.full((*opacity.shape, 3), colour, np.uint8), opacity])


@given(pictures)
def test_every_accepted_array_becomes_a_contiguous_plane_of_its_size(picture: NDArray[Any]) -> None:
    before = picture.copy()
    gray = to_gray(picture)
    assert (gray.dtype.name, gray.shape, gray.flags.c_contiguous) == ("uint8", picture.shape[:2], True)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    "picture",
    [
        RAMP,
        RAMP[:, :, None],
        np.asfortranarray(RAMP),
        RAMP[::-1, ::-1][::-1, ::-1],
        RAMP.astype(np.uint16),
        RAMP.astype(np.int64),
        RAMP.astype(">u2"),
        RAMP.astype(np.uint16) * 257,
        RAMP.astype(np.uint32) * 2**24,
        RAMP.astype(np.int16) - 128,
        RAMP.astype(np.float32) / 255,
        RAMP.astype(np.float64) / 255,
        cv2.cvtColor(RAMP, cv2.COLOR_GRAY2BGR),
        cv2.cvtColor(RAMP, cv2.COLOR_GRAY2BGRA),
        cv2.cvtColor(RAMP, cv2.COLOR_GRAY2BGR).astype(np.uint16) * 257,
        np.dstack([RAMP, np.full_like(RAMP, 255)]),
    ],
    ids=lambda picture: f"{picture.dtype.str}-{picture.shape}-up to {picture.max():g}",
)
def test_the_same_picture_is_the_same_plane_whatever_holds_it(picture: NDArray[Any]) -> None:
    np.testing.assert_allclose(to_gray(picture).astype(int), RAMP, atol=1)


def test_one_level_below_zero_is_one_level() -> None:
    assert np.unique(to_gray(np.full((4, 4), -5, np.int16))).size == 1


def test_bool_is_black_and_white() -> None:
    assert to_gray(np.array([[True, False]])).tolist() == [[255, 0]]


def test_a_12_bit_scan_in_a_16_bit_file_is_not_dark() -> None:
    scan = RAMP.astype(np.uint16) * 16
    np.testing.assert_allclose(to_gray(scan).astype(int), RAMP, atol=1)


def test_colours_are_weighed_as_the_eye_does_in_opencvs_order() -> None:
    blue, green, red = (to_gray(np.full((1, 1, 3), 255, np.uint8) * pure)[0, 0] for pure in np.eye(3, dtype=np.uint8))
    assert (blue, green, red) == (29, 150, 76)


def test_black_ink_on_nothing_lies_on_white_paper() -> None:
    gray = to_gray(over(0, 255 - PAGE))
    np.testing.assert_allclose(gray.astype(int), PAGE, atol=1)


def test_white_ink_on_nothing_lies_on_black_paper() -> None:
    gray = to_gray(over(255, 255 - PAGE))
    np.testing.assert_allclose(gray.astype(int), 255 - PAGE, atol=1)


def test_a_picture_of_nothing_but_transparency_is_blank() -> None:
    assert np.ptp(to_gray(over(0, np.zeros((9, 9), np.uint8)))) == 0


def test_holes_in_a_picture_are_filled_with_its_paper() -> None:
    opacity = np.full(PAGE.shape, 255, np.uint8)
    opacity[:, :20] = 0
    holed = np.dstack([cv2.cvtColor(np.where(opacity > 0, PAGE, 0).astype(np.uint8), cv2.COLOR_GRAY2BGR), opacity])
    np.testing.assert_allclose(to_gray(holed).astype(int), PAGE, atol=1)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (5, 5, 0), (0, 5, 3)], ids=str)
def test_an_array_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match="empty"):
        to_gray(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(), (5,), (5, 5, 3, 1), (5, 5, 5), (3, 40, 40)], ids=str)
def test_an_array_of_another_shape_is_refused_by_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError) as refused:
        to_gray(np.zeros(shape, np.uint8))
    assert str(shape) in str(refused.value)


@pytest.mark.parametrize("dtype", [np.complex64, object, "U1", "S1", "datetime64[s]", "V4"])
def test_an_array_of_another_dtype_is_refused_by_its_dtype(dtype: Any) -> None:
    with pytest.raises(PictureError, match="bool, integer or float"):
        to_gray(np.zeros((5, 5), dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_picture_that_holds_no_number_is_refused(value: float) -> None:
    picture = np.full((5, 5), 0.5)
    picture[2, 3] = value
    with pytest.raises(PictureError, match="NaN or infinity"):
        to_gray(picture)


@pytest.mark.parametrize("value", [-0.1, 1.5, 255.0])
def test_a_float_picture_beyond_0_and_1_is_refused_with_what_to_do(value: float) -> None:
    with pytest.raises(PictureError, match="divide it by its white level"):
        to_gray(np.full((5, 5), value))


def test_a_picture_too_large_to_work_on_is_refused_before_it_is_copied() -> None:
    endless = np.broadcast_to(np.uint8(0), (200_000, 200_000))
    with pytest.raises(PictureError, match="too large"):
        to_gray(endless)


@pytest.mark.parametrize("thing", [None, "a.png", [[0, 1], [1, 0]], 5])
def test_what_is_no_array_is_refused_by_its_type(thing: Any) -> None:
    with pytest.raises(PictureError, match=type(thing).__name__):
        to_gray(thing)


def test_a_constant_picture_of_any_dtype_is_constant() -> None:
    for dtype in (np.uint8, np.uint16, np.int32, np.uint64):
        assert np.ptp(to_gray(blank(5, 5).astype(dtype))) == 0
