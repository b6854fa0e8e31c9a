"""Which way up a picture was taken is read right in every format that can say it, and applied once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from drawing import coded, page
from numpy.typing import NDArray
from picture_files import (
    avif_with,
    exif,
    imir,
    irot,
    jpeg_with_exif,
    motion_photo,
    os2_bmp,
    png_with,
    stored,
    tiff,
    webp_with_exif,
    without_end,
)

from edge_digits import to_gray
from edge_digits.sources.decode import decode, decode_gray
from edge_digits.sources.exif import orientation as parsed

#: No turn or mirror of it looks like another.
PICTURE: NDArray[np.uint8] = page("47", 40)
ALPHA = np.dstack([PICTURE, PICTURE, PICTURE, np.full_like(PICTURE, 255)])
ORIENTATIONS = range(1, 9)

WRITERS: dict[str, Callable[[int], bytes]] = {
    "JPEG": lambda turned: jpeg_with_exif(stored(PICTURE, turned), turned),
    "PNG": lambda turned: png_with(stored(PICTURE, turned), b"eXIf", exif(turned)),
    "PNG with alpha": lambda turned: png_with(stored(ALPHA, turned), b"eXIf", exif(turned, ">")),
    "WebP with alpha": lambda turned: webp_with_exif(stored(ALPHA, turned), turned),
    "TIFF": lambda turned: tiff(stored(PICTURE, turned), orientation=turned),
    "big-endian TIFF": lambda turned: tiff(stored(PICTURE, turned), orientation=turned, order=">"),
    "BigTIFF": lambda turned: tiff(stored(PICTURE, turned), orientation=turned, big=True),
}


def assert_like(gray: NDArray[Any], picture: NDArray[Any]) -> None:
    assert gray.shape == picture.shape
    assert float(cv2.absdiff(gray, picture).mean()) < 3


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", WRITERS)
def test_a_picture_is_read_the_way_up_that_it_was_taken(kind: str, orientation: int) -> None:
    content = WRITERS[kind](orientation)
    gray, size = decode_gray(content, 4000)
    assert_like(gray, PICTURE)
    assert size == (PICTURE.shape[1], PICTURE.shape[0])
    assert_like(to_gray(decode(content)), PICTURE)
    assert_like(to_gray(decode(content, ignore_exif=True)), stored(PICTURE, orientation))


needs_avif = pytest.mark.skipif(
    not cv2.haveImageWriter("a.avif"), reason=f"OpenCV {cv2.__version__} was built without AVIF"
)

#: By quarters against the clock and then a mirror's axis, as ISO/IEC 23008-12 has them: what EXIF would call it.
TRANSFORMS = {
    (1, None): 8,
    (2, None): 3,
    (3, None): 6,
    (None, 0): 4,
    (None, 1): 2,
    (1, 0): 5,
    (1, 1): 7,
    (2, 1): 4,
    (3, 0): 7,
}


@needs_avif
@pytest.mark.parametrize(("quarters", "axis"), TRANSFORMS)
def test_an_avif_is_turned_by_its_own_properties_which_are_no_exif(quarters: int | None, axis: int | None) -> None:
    properties = [irot(quarters)] if quarters is not None else []
    properties += [imir(axis)] if axis is not None else []
    kept = stored(PICTURE, TRANSFORMS[quarters, axis])
    content = avif_with(kept, *properties)
    for ignore_exif in (False, True):
        assert_like(to_gray(decode(content, ignore_exif=ignore_exif)), PICTURE)


@needs_avif
def test_an_avif_without_such_properties_is_turned_by_its_exif() -> None:
    content = avif_with(stored(PICTURE, 6)) + b"\0\0\0\x30free" + b"Exif\0\0" + exif(6) + bytes(8)
    assert_like(to_gray(decode(content)), PICTURE)
    assert_like(to_gray(decode(content, ignore_exif=True)), stored(PICTURE, 6))


@pytest.mark.parametrize("block", [b"", b"II*\0", exif(1)[:14], exif(9), exif(0), b"Exif\0\0XX" + exif(6)[2:]])
def test_an_exif_block_that_says_nothing_usable_turns_nothing(block: bytes) -> None:
    assert parsed(block) == 1


@pytest.mark.parametrize("make", [os2_bmp, motion_photo, without_end])
def test_a_valid_file_of_unusual_make_is_read_as_it_is(make: Callable[[NDArray[np.uint8]], bytes]) -> None:
    content = make(PICTURE)
    gray, size = decode_gray(content, 4000)
    assert size == (PICTURE.shape[1], PICTURE.shape[0])
    assert_like(gray, PICTURE)


def test_the_small_picture_in_a_jpeg_s_exif_is_not_taken_for_the_picture() -> None:
    whole = coded(PICTURE, ".jpg")
    body = b"Exif\0\0" + exif(1) + coded(page("1", 20), ".jpg")
    content = whole[:20] + b"\xff\xe1" + (2 + len(body)).to_bytes(2) + body + whole[20:]
    assert_like(decode_gray(content, 4000)[0], PICTURE)
