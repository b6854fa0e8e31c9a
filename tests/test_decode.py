"""Files decoded for reading: grey, as small as will do, and never of another size or way up than the whole picture."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
import pytest
from drawing import coded, page, turned
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from picture_files import tiff

from edge_digits import DigitReader, PictureError, to_gray
from edge_digits.outputs.pictures import annotate
from edge_digits.reader import DECODE_SIDE
from edge_digits.sources.decode import decode, decode_gray, open_pages

SCENE: NDArray[np.uint8] = np.asarray(cv2.resize(page("4273"), (2600, 1400), interpolation=cv2.INTER_CUBIC), np.uint8)


def sized(width: int, height: int) -> NDArray[np.uint8]:
    """Something to see, of this size, in colour."""
    gray = cv2.resize(SCENE, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.dstack([gray, gray // 2, 255 - gray]), np.uint8)


@given(
    st.integers(60, 420),
    st.integers(60, 420),
    st.sampled_from([1, 3, 6, 8]),
    st.booleans(),
    st.integers(20, 500),
)
def test_the_size_is_that_of_the_whole_picture_whatever_way_it_is_stored(
    width: int, height: int, orientation: int, ignore_exif: bool, side: int
) -> None:
    content = turned(sized(width, height), orientation)
    whole = to_gray(decode(content, ignore_exif=ignore_exif))
    gray, size = decode_gray(content, side, ignore_exif=ignore_exif)
    assert size == (whole.shape[1], whole.shape[0])
    assert max(gray.shape) >= min(side, max(size))
    copy = cv2.resize(whole, (gray.shape[1], gray.shape[0]), interpolation=cv2.INTER_AREA)
    assert float(cv2.absdiff(gray, copy).mean()) < 6


@pytest.mark.parametrize(
    ("side", "expected"), [(2600, 2600), (1600, 2600), (1300, 1300), (800, 1300), (650, 650), (325, 325), (100, 325)]
)
def test_a_jpeg_is_halved_as_often_as_the_side_allows(side: int, expected: int) -> None:
    gray, size = decode_gray(coded(SCENE, ".jpg"), side)
    assert (max(gray.shape), size) == (expected, (2600, 1400))


def test_what_would_shrink_to_a_square_is_not_shrunk() -> None:
    gray, size = decode_gray(turned(sized(401, 404), 6), 90)
    assert (gray.shape, size) == ((404, 401), (401, 404)), "a quarter of either is 101"


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp", ".tiff"])
def test_other_formats_are_decoded_in_full(suffix: str) -> None:
    content = coded(SCENE, suffix)
    gray, size = decode_gray(content, 300)
    assert size == (2600, 1400)
    np.testing.assert_array_equal(gray, to_gray(decode(content)))


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", coded(SCENE, ".jpg")[:9000], b"\xff\xd8\xff\xd9" + bytes(99)])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PictureError):
        decode_gray(content, 300)


@pytest.mark.parametrize("place", [1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("inside", [False, True], ids=["first", "next"])
def test_a_bigtiff_that_points_beyond_what_a_machine_can_address_is_refused(place: int, inside: bool) -> None:
    content = bytearray(tiff(np.full((8, 8), 255, np.uint8), big=True))
    struct.pack_into("<Q", content, len(content) - 8 if inside else 8, place)
    if inside:
        pages = open_pages(bytes(content))
        next(pages)
        with pytest.raises(PictureError, match="is broken behind page 1"):
            next(pages)
    else:
        with pytest.raises(PictureError):
            decode(bytes(content))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_photo_is_read_in_pixels_of_the_whole_and_kept_in_colour(orientation: int) -> None:
    upright = sized(2 * DECODE_SIDE + 2, DECODE_SIDE)
    examination = DigitReader.load().examine_bytes(turned(upright, orientation), "large.jpg")
    reading = examination.reading
    assert "picture" not in vars(examination), "decoded in full before anybody asked"
    assert (reading.text, reading.width, reading.height) == ("4273", upright.shape[1], upright.shape[0])
    ink = upright[:, :, 2] > 128
    for digit in reading.digits:
        box = digit.box
        rows = np.flatnonzero(ink[:, box.x1 : box.x2].any(axis=1))
        assert (box.y1, box.y2) == pytest.approx((rows[0], rows[-1] + 1), abs=24)  # of 680
    assert examination.picture.shape == upright.shape
    assert annotate(examination.picture, reading).shape == upright.shape


def test_an_array_is_kept_as_it_was_given() -> None:
    picture: NDArray[Any] = np.dstack([SCENE] * 4)
    assert DigitReader.load().examine(picture).picture is picture
