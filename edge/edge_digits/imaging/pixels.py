"""Any picture array -> the planes that are worked on: one of grey, uint8 [H, W], or three of colour."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import PictureError

Gray = NDArray[np.uint8]

#: Pixels that are converted at a time: what a conversion needs beside picture and result stays small.
_STRIP_PIXELS = 1 << 20
#: Whether a picture has colours is told from a sample of this side: pixels that differ so much from grey, once the
#: cast of the light is taken off, are a larger share of it than this.
_SAMPLE_SIDE, _COLOURED, _COLOURED_SHARE = 160, 25, 0.004
#: A crop of one digit is worked on at this side at most: enough for strokes of 4 pixels after scaling to 20, and fast.
CROP_SIDE = 112
#: A picture of at most this side is a tight crop of one digit.
TINY_SIDE = 40


def to_gray(picture: NDArray[Any], *, max_pixels: int = MAX_PIXELS) -> Gray:
    """Turn a picture into the grey plane that everything else works on.

    Args:
        picture: [H, W], [H, W, 1], [H, W, 2] (grey, alpha), [H, W, 3] (BGR) or [H, W, 4] (BGRA); bool, any integer
            dtype, or float in 0..1. uint8 is taken as it is, other integers are scaled by their largest value.
        max_pixels: that it may have.

    Returns:
        uint8 [H, W], C-contiguous. Transparent parts become the paper that the opaque ink stands out from.

    Raises:
        PictureError: the array is empty, too large, has another shape or dtype, or holds NaN.
    """
    if not isinstance(picture, np.ndarray) or picture.ndim not in (2, 3):
        raise PictureError(f"a picture is an array [H, W] or [H, W, channels], not {_describe(picture)}")
    if picture.size == 0:
        raise PictureError(f"the picture is empty: {_describe(picture)}")
    if picture.shape[0] * picture.shape[1] > max_pixels:
        raise PictureError(
            f"the picture is too large: {_describe(picture)}; at most {max_pixels} pixels are read. Scale it down, or "
            "raise the limit: max_pixels"
        )
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if not 1 <= channels <= 4:
        raise PictureError(f"a picture has 1 to 4 channels, not {_describe(picture)}")
    low, high = _range(picture)
    if picture.dtype == np.uint8 and channels == 1:
        return np.ascontiguousarray(picture.reshape(picture.shape[:2]))
    gray = np.empty(picture.shape[:2], np.uint8)
    alpha = np.empty_like(gray) if channels in (2, 4) else None
    rows = max(1, _STRIP_PIXELS // picture.shape[1])
    for top in range(0, picture.shape[0], rows):
        strip = np.s_[top : top + rows]
        pixels = np.ascontiguousarray(_to_uint8(picture[strip], low, high))
        if channels <= 2:
            gray[strip] = pixels if pixels.ndim == 2 else pixels[:, :, 0]
        else:
            gray[strip] = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY if channels == 3 else cv2.COLOR_BGRA2GRAY)
        if alpha is not None:
            alpha[strip] = pixels[:, :, -1]
    if alpha is not None:
        paper = _paper(gray, alpha)
        for top in range(0, picture.shape[0], rows):
            strip = np.s_[top : top + rows]
            opacity = alpha[strip].astype(np.float32) / 255.0
            gray[strip] = (gray[strip] * opacity + paper * (1.0 - opacity) + 0.5).astype(np.uint8)
    return gray


def to_planes(picture: NDArray[Any], *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Turn a picture into what is searched: as `to_gray`, but a BGR picture of 8 bits keeps its colours.

    Returns:
        uint8 [H, W], or [H, W, 3], C-contiguous.
    """
    in_colour = isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 3
    if not in_colour or picture.shape[2] != 3 or not 0 < picture.shape[0] * picture.shape[1] <= max_pixels:
        return to_gray(picture, max_pixels=max_pixels)
    return np.ascontiguousarray(picture)


def without_faint_colours(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, uint8 [H, W], of a picture in colour, [H, W, 3], that hardly has any: it takes a third of the work."""
    if pixels.ndim == 2:
        return pixels
    step = -(-max(pixels.shape) // _SAMPLE_SIDE)
    sample = pixels[::step, ::step].astype(np.int16)
    cast = np.median(sample.reshape(-1, 3), axis=0)  # of light or paper: what is as red everywhere is no colour
    spread = np.abs(sample - sample.mean(axis=2, keepdims=True) - (cast - cast.mean())).max(axis=2)
    if np.count_nonzero(spread > _COLOURED) > _COLOURED_SHARE * spread.size:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def shrink(pixels: NDArray[np.uint8], side: float) -> NDArray[np.uint8]:
    """Scale a picture down so that its longer side is at most `side`; smaller ones stay as they are."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


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


def _range(picture: NDArray[Any]) -> tuple[int, int]:
    """The lowest and the highest level of integer pixels, 0 and 255 of what needs no scaling.

    Raises:
        PictureError: another dtype, or floats that are no levels.
    """
    if picture.dtype in (np.uint8, np.bool_):
        return 0, 255
    if picture.dtype.kind in "ui":
        # A 12-bit scan in a 16-bit file uses a sixteenth of the range: scale by what is there, not by the dtype.
        low, high = int(picture.min()), int(picture.max())
        return (0, 255) if low >= 0 and high <= 255 else (min(low, 0), max(high, low + 1))
    if picture.dtype.kind == "f":
        darkest, brightest = float(picture.min()), float(picture.max())
        if not (np.isfinite(darkest) and np.isfinite(brightest)):  # NaN is the least and the greatest of any others
            raise PictureError(f"the picture holds NaN or infinity: {_describe(picture)}")
        if darkest < 0.0 or brightest > 1.0:
            raise PictureError(
                f"a float picture holds 0..1, this one {darkest:g}..{brightest:g}: divide it by its white level"
            )
        return 0, 255
    raise PictureError(f"a picture is bool, integer or float, not {_describe(picture)}")


def _to_uint8(picture: NDArray[Any], low: int, high: int) -> Gray:
    """Pixels of any dtype as levels, of which integers lie from `low` to `high`."""
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.bool_:
        return picture.astype(np.uint8) * np.uint8(255)
    if picture.dtype.kind == "f":
        return np.asarray(picture * 255.0 + 0.5).astype(np.uint8)
    if (low, high) == (0, 255):
        return picture.astype(np.uint8)
    return np.asarray((picture.astype(np.float64) - low) * (255.0 / (high - low)) + 0.5).astype(np.uint8)


def _paper(gray: Gray, alpha: Gray) -> float:
    """The level of the paper below a picture with alpha.

    Where most is opaque, that is a picture with holes, and its median fills them; where little is, that is ink, and the
    paper is black or white, whichever it stands out from.
    """
    total = float(histogram(alpha).astype(np.float64) @ np.arange(256)) / 255.0
    if total == 0.0:
        return 255.0
    if total > 0.5 * gray.size:
        levels = np.asarray(cv2.calcHist([gray], [0], np.asarray(alpha > 127).view(np.uint8), [256], [0, 256])).ravel()
        reached = levels.astype(np.int64).cumsum()
        middle = int(reached[-1])
        # Of an even number the median lies between two of them.
        lower, upper = np.searchsorted(reached, [(middle + 1) // 2, middle // 2 + 1])
        return float(lower + upper) / 2
    rows = max(1, _STRIP_PIXELS // gray.shape[1])
    weighed = sum(
        float(np.vdot(gray[top : top + rows].astype(np.float64), alpha[top : top + rows]))
        for top in range(0, gray.shape[0], rows)
    )
    return 255.0 if weighed / (255.0 * total) < 128.0 else 0.0
