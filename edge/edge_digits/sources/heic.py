"""HEIC files, as phones write them; the only module that imports pillow_heif. It runs in a process apart."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError


def decoded(content: bytes) -> NDArray[np.uint8]:
    """The primary picture, upright, uint8 [H, W, 3] (BGR) or [H, W, 4] (BGRA).

    Raises:
        PictureError: it cannot be decoded.
    """
    import pillow_heif

    try:
        return np.asarray(pillow_heif.open_heif(BytesIO(content), bgr_mode=True, convert_hdr_to_8bit=True), np.uint8)
    except (ValueError, RuntimeError, SyntaxError, OSError, EOFError) as error:
        raise PictureError(f"is a HEIC file that cannot be decoded ({error}). Save it as JPEG") from None
