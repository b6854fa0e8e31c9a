"""Any picture array -> one grey plane, uint8 [H, W]."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError

Gray = NDArray[np.uint8]

#: Largest picture that is worked on, in pixels; a 12-megapixel photograph has 4000 x 3000.
MAX_PIXELS = 1 << 27
#: A crop of one digit is worked on at this side at most: enough for strokes of 4 pixels after scaling to 20, and fast.
CROP_SIDE = 112
#: A picture of at most this side is a tight crop of one digit.
TINY_SIDE = 40


def to_gray(picture: NDArray[Any]) -> Gray:
    """Turn a picture into the grey plane that everything else works on.

    Args:
        picture: [H, W], [H, W, 1], [H, W, 2] (grey, alpha), [H, W, 3] (BGR) or [H, W, 4] (BGRA); bool, any integer
            dtype, or float in 0..1. uint8 is taken as it is, other integers are scaled by their largest value.

    Returns:
        uint8 [H, W], C-contiguous. Transparent parts become the paper that the opaque ink stands out from.

    Raises:
        PictureError: the array is empty, too large, has another shape or dtype, or holds NaN.
    """
    if not isinstance(picture, np.ndarray) or picture.ndim not in (2, 3):
        raise PictureError(f"a picture is an array [H, W] or [H, W, channels], not {_describe(picture)}")
    if picture.size == 0:
        raise PictureError(f"the picture is empty: {_describe(picture)}")
    if picture.shape[0] * picture.shape[1] > MAX_PIXELS:
        raise PictureError(
            f"the picture is too large: {_describe(picture)}; at most {MAX_PIXELS} pixels are read, scale it down"
        )
    pixels = _to_uint8(picture)
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    channels = pixels.shape[2]
    if channels == 1:
        return np.ascontiguousarray(pixels[:, :, 0])
    if channels == 2:
        return _composite(np.ascontiguousarray(pixels[:, :, 0]), pixels[:, :, 1])
    if channels == 3:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_BGR2GRAY), np.uint8)
    if channels == 4:
        gray = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_BGRA2GRAY)
        return _composite(np.asarray(gray, np.uint8), pixels[:, :, 3])
    raise PictureError(f"a picture has 1 to 4 channels, not {_describe(picture)}")


def shrink(gray: Gray, side: int) -> Gray:
    """Scale a picture down so that its longer side is at most `side`; smaller ones stay as they are."""
    height, width = gray.shape
    scale = side / max(height, width)
    if scale >= 1.0:
        return gray
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def histogram(values: Gray) -> NDArray[np.float32]:
    """How many pixels have each level, float32 [256]."""
    if values.size < 1 << 14:  # as far as numpy is the faster one
        return np.bincount(values.ravel(), minlength=256).astype(np.float32)
    return np.asarray(cv2.calcHist([values], [0], None, [256], [0, 256]).ravel(), np.float32)


def percentile(counts: NDArray[np.float32], share: float) -> float:
    """The level up to which a share of all pixels of a histogram lies; 0 where there are none."""
    total = counts.cumsum()
    return float(total.searchsorted(np.float32(share) * total[-1]))


def _describe(picture: object) -> str:
    if isinstance(picture, np.ndarray):
        return f"an array of shape {picture.shape} and dtype {picture.dtype}"
    return type(picture).__name__


def _to_uint8(picture: NDArray[Any]) -> Gray:
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.bool_:
        return picture.astype(np.uint8) * np.uint8(255)
    if picture.dtype.kind in "ui":
        # A 12-bit scan in a 16-bit file uses a sixteenth of the range: scale by what is there, not by the dtype.
        low, high = int(picture.min()), int(picture.max())
        if low >= 0 and high <= 255:
            return picture.astype(np.uint8)
        low = min(low, 0)
        return np.asarray((picture.astype(np.float64) - low) * (255.0 / (high - low)) + 0.5).astype(np.uint8)
    if picture.dtype.kind == "f":
        if not np.isfinite(picture).all():
            raise PictureError(f"the picture holds NaN or infinity: {_describe(picture)}")
        darkest, brightest = float(picture.min()), float(picture.max())
        if darkest < 0.0 or brightest > 1.0:
            raise PictureError(
                f"a float picture holds 0..1, this one {darkest:g}..{brightest:g}: divide it by its white level"
            )
        return np.asarray(picture * 255.0 + 0.5).astype(np.uint8)
    raise PictureError(f"a picture is bool, integer or float, not {_describe(picture)}")


def _composite(gray: Gray, alpha: Gray) -> Gray:
    """Lay a picture with alpha on paper.

    Where most is opaque, that is a picture with holes, and its median fills them; where little is, that is ink, and the
    paper is black or white, whichever it stands out from.
    """
    opacity = alpha.astype(np.float32) / 255.0
    total = float(opacity.sum())
    if total == 0.0:
        return np.full_like(gray, 255)
    if total > 0.5 * gray.size:
        paper = float(np.median(gray[alpha > 127]))
    else:
        paper = 255.0 if float((gray * opacity).sum()) / total < 128.0 else 0.0
    return np.asarray(gray * opacity + paper * (1.0 - opacity) + 0.5).astype(np.uint8)
