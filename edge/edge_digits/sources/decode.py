"""The bytes of a picture file -> its pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.imaging.pixels import MAX_PIXELS, Gray, to_gray
from edge_digits.sources.size import picture_size

#: OpenCV's flags by what a JPEG's sides are divided by: it decodes fewer DCT coefficients of each block of 8 x 8.
_GRAY_BY_DENOMINATOR = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


def decode(content: bytes, *, ignore_exif: bool = False) -> NDArray[Any]:
    """Decode a picture: grey, BGR, or BGRA where it has an alpha channel; uint8 or uint16; the first frame of many.

    The EXIF orientation is applied, unless it is to be ignored or where there is an alpha channel (which cameras do not
    write).

    Raises:
        PictureError: empty, no picture, broken, cut short, or too large to be decoded safely.
    """
    _check(content)
    if _is_jpeg(content):
        return _decode(content, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR, ignore_exif)
    picture = _decode(content, cv2.IMREAD_UNCHANGED)
    has_alpha = picture.ndim == 3 and picture.shape[2] == 4
    if not has_alpha and not ignore_exif and _may_have_orientation(content):
        picture = _decode(content, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    return picture


def decode_gray(content: bytes, side: int, *, ignore_exif: bool = False) -> tuple[Gray, tuple[int, int]]:
    """Decode a picture to grey, no larger than needed where its format has a short cut (JPEG: 1/2, 1/4, 1/8).

    Args:
        content: the bytes of the file.
        side: minimum length of the longer side, where it is not shorter itself, pixels.
        ignore_exif: as for `decode`.

    Returns:
        uint8 [h, w], and width and height of the whole picture in pixels, both after the EXIF orientation.

    Raises:
        PictureError: as `decode`.
    """
    if not _is_jpeg(content):
        gray = to_gray(decode(content, ignore_exif=ignore_exif))
        return gray, (gray.shape[1], gray.shape[0])
    _check(content)
    size = picture_size(content) or (0, 0)
    denominator = max(d for d in _GRAY_BY_DENOMINATOR if d == 1 or max(size) >= d * side)
    small = (-(-size[0] // denominator), -(-size[1] // denominator))
    if small[0] == small[1] and size[0] != size[1]:
        # Whether a picture was rotated cannot be seen once it is reduced to a square.
        denominator = 1
    gray = to_gray(_decode(content, _GRAY_BY_DENOMINATOR[denominator], ignore_exif))
    if denominator == 1:
        return gray, (gray.shape[1], gray.shape[0])
    return gray, size if gray.shape == small[::-1] else size[::-1]


def _check(content: bytes) -> None:
    """Refuse what can be refused without decoding it."""
    if not content:
        raise PictureError("is empty (0 bytes): copy it again")
    size = picture_size(content)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise PictureError(f"is too large: {size[0]} x {size[1]} pixels, of {MAX_PIXELS} at most. Scale it down")
    if _is_truncated(content):
        raise PictureError("is cut short: its end is missing. Copy it again")


def _decode(content: bytes, flags: int, ignore_exif: bool = False) -> NDArray[Any]:
    if ignore_exif:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except (cv2.error, MemoryError) as error:
        raise PictureError(f"cannot be decoded ({_first_line(error)}). Save it again as PNG or JPEG") from None
    if picture is None:
        raise PictureError(
            f"is no picture that can be read, or a broken one ({len(content)} bytes, beginning with {content[:8]!r}). "
            "Save it as PNG or JPEG"
        )
    return np.asarray(picture)


def _is_jpeg(content: bytes) -> bool:
    return content.startswith(b"\xff\xd8")


def _may_have_orientation(content: bytes) -> bool:
    return b"eXIf" in content or b"EXIF" in content or b"Exif" in content


def _is_truncated(content: bytes) -> bool:
    """Whether the end marker of a JPEG or PNG is missing: decoders silently fill the rest with grey."""
    if _is_jpeg(content):
        # Other data may follow it: phones append a video.
        return content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content
    return False


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
