"""The bytes of a picture file -> its pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.pixels import MAX_PIXELS
from edge_digits.sources.size import picture_size


def decode(content: bytes, *, ignore_exif: bool = False) -> NDArray[Any]:
    """Decode a picture: grey, BGR, or BGRA where it has an alpha channel; uint8 or uint16; the first frame of many.

    The EXIF orientation is obeyed, unless told not to or where there is an alpha channel (which cameras do not write).

    Raises:
        PictureError: empty, no picture, broken, cut short, or too large to be decoded safely.
    """
    if not content:
        raise PictureError("is empty (0 bytes): copy it again")
    size = picture_size(content)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise PictureError(f"is too large: {size[0]} x {size[1]} pixels, of {MAX_PIXELS} at most. Scale it down")
    if _cut_short(content):
        raise PictureError("is cut short: its end is missing. Copy it again")
    data = np.frombuffer(content, np.uint8)
    jpeg = content.startswith(b"\xff\xd8")
    try:
        picture = None if jpeg else cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        has_alpha = picture is not None and picture.ndim == 3 and picture.shape[2] == 4
        if jpeg or (not has_alpha and not ignore_exif and _may_be_turned(content)):
            flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
            picture = cv2.imdecode(data, flags | cv2.IMREAD_IGNORE_ORIENTATION if ignore_exif else flags)
    except (cv2.error, MemoryError) as error:
        raise PictureError(f"cannot be decoded ({_first_line(error)}). Save it again as PNG or JPEG") from None
    if picture is None:
        raise PictureError(
            f"is no picture that can be read, or a broken one ({len(content)} bytes, beginning with {content[:8]!r}). "
            "Save it as PNG or JPEG"
        )
    return np.asarray(picture)


def _may_be_turned(content: bytes) -> bool:
    return b"eXIf" in content or b"EXIF" in content or b"Exif" in content


def _cut_short(content: bytes) -> bool:
    """Decoders fill what is missing with grey and say nothing; the end markers of JPEG and PNG tell."""
    if content.startswith(b"\xff\xd8"):
        # After it there may be more: phones append a film.
        return content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content
    return False


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
