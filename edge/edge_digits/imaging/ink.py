"""A grey picture -> its ink: white strokes on black, whatever the paper, the light and the polarity.

The paper's brightness is estimated by a grey-scale closing, which fills strokes narrower than its kernel and follows
shadows wider than it (the flat-field idea of document binarisation, e.g. Gatos, Pratikakis and Perantonis 2006). Ink is
then what each pixel absorbs of it, 1 - picture / paper, so that a stroke in a shadow is as dark as one in the sun.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray, histogram, percentile, shrink

#: The closing is done on a picture of at most this side, then enlarged: paper is smooth, and the cost is fixed.
_PAPER_SIDE = 96
#: Strokes up to this fraction of the longer side are filled by the closing.
_STROKE_FRACTION = 0.25
#: In a crop of at most this side the digit fills it, its pen may be bold, and there is no room for shadows.
_TINY = 40
_TINY_STROKE_FRACTION = 0.5
#: Skewness from which on it is clear which tail is the longer one.
_CLEAR = 0.4
#: Pictures larger than a single digit's crop may hold more than one sheet of paper: they are looked at at this side,
#: pen stroke by pen stroke.
_CROP_SIDE, _PEN_SIDE, _PEN_REACH = 112, 320, 15


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Ink:
    """The ink of a picture.

    Attributes:
        strength: uint8 [H, W], 0 for bare paper, 255 for ink that absorbs all light.
        noise: standard deviation of `strength` on bare paper, in the same unit.
        inverted: the picture was light ink on dark paper.
    """

    strength: Gray
    noise: float
    inverted: bool


def extract_ink(gray: Gray, stroke_fraction: float | None = None) -> Ink:
    """Separate ink from paper.

    Args:
        gray: uint8 [H, W].
        stroke_fraction: the widest stroke, as a fraction of the longer side; by default that of a single digit's crop.
    """
    if stroke_fraction is None:
        stroke_fraction = _TINY_STROKE_FRACTION if max(gray.shape) <= _TINY else _STROKE_FRACTION
    small = shrink(gray, _PAPER_SIDE)
    inverted = _is_light_on_dark(gray, small)
    dark_on_light = gray
    if inverted:
        dark_on_light = np.asarray(cv2.bitwise_not(gray), np.uint8)
        small = shrink(dark_on_light, _PAPER_SIDE)
    paper = _paper(small, stroke_fraction, gray.shape)
    # Below a fifth of full brightness the ratio is mostly sensor noise: bound the divisor.
    divisor = np.maximum(paper, np.uint8(51))
    strength = np.asarray(cv2.divide(cv2.subtract(paper, dark_on_light), divisor, scale=255.0), np.uint8)
    lighter = np.asarray(cv2.divide(cv2.subtract(dark_on_light, paper), divisor, scale=255.0), np.uint8)
    bare, noise = _bare_paper(strength, lighter)
    return Ink(np.maximum(strength, bare) - bare, noise, inverted)


def levelled(ink: Ink) -> Gray:
    """Ink at full contrast: what a tenth of all inked pixels pass becomes 255; where there is only faint ink, less.

    Returns:
        uint8 [H, W].
    """
    counts = histogram(ink.strength)
    counts[: max(18, min(round(3.0 * ink.noise), 254))] = 0.0
    level = max(percentile(counts, 0.9), 64.0)
    return np.asarray(cv2.convertScaleAbs(ink.strength, alpha=255.0 / level), np.uint8)


def _is_light_on_dark(gray: Gray, small: Gray) -> bool:
    """Tell the polarity: whether the ink is lighter than the paper; `small` is the picture at `_PAPER_SIDE`.

    Ink covers less than paper does, so that around a local mean the side with the longer tail is ink: the sign of the
    skewness. Pages may hold a table and shadows as well: the mean is taken over a few pens' widths. Where there is no
    clear tail (a tight crop of a bold digit), paper is what most of the picture and most of its rim are made of; and
    where those two disagree, ink is what is thinner.
    """
    # A page on a dark table: what is ink shows within a few pens' widths.
    skewness = _skewness(shrink(gray, _PEN_SIDE), _PEN_REACH) if max(gray.shape) > _CROP_SIDE else 0.0
    if abs(skewness) <= _CLEAR:
        skewness = _skewness(small, max(3, round(0.5 * max(small.shape)) | 1))
    if abs(skewness) > _CLEAR:
        return skewness > 0
    _, binary = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    rim = np.concatenate([binary[0], binary[-1], binary[:, 0], binary[:, -1]])
    mostly_light = float(binary.mean()) >= 0.5
    if mostly_light == (float(rim.mean()) >= 0.5):
        return not mostly_light
    light = binary.astype(np.uint8)
    return _thickness(light) < _thickness(np.uint8(1) - light)


def _skewness(gray: Gray, reach: int) -> float:
    """Skewness of the brightness about its mean over `reach` pixels (odd)."""
    pixels = gray.astype(np.float32)
    tail = cv2.subtract(pixels, cv2.blur(pixels, (reach, reach), borderType=cv2.BORDER_REFLECT))
    squared = cv2.multiply(tail, tail)
    variance = cv2.mean(squared)[0]
    return float(cv2.mean(cv2.multiply(squared, tail))[0]) / variance**1.5 if variance > 0.25 else 0.0


def _thickness(mask: NDArray[np.uint8]) -> float:
    """Mean distance of a mask's pixels to its edge; the picture's rim does not count as an edge."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    return float(distance.sum()) / max(int(padded.sum()), 1)


def _paper(small: Gray, stroke_fraction: float, shape: tuple[int, ...]) -> Gray:
    """The brightness that the paper would have without ink, uint8 of this shape; from dark ink at `_PAPER_SIDE`."""
    reach = max(3, round(stroke_fraction * max(small.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    # A median first: the closing is a maximum, and would otherwise follow the brightest speck of noise.
    calm = cv2.medianBlur(small, 3) if min(small.shape) >= 3 else small
    closed = cv2.morphologyEx(calm, cv2.MORPH_CLOSE, kernel)
    smooth = cv2.blur(closed, (reach, reach), borderType=cv2.BORDER_REPLICATE)
    height, width = shape
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _bare_paper(strength: Gray, lighter: Gray) -> tuple[np.uint8, float]:
    """Mean and noise of bare paper, in units of ink strength.

    Where the paper's estimate, a maximum, lies above its mean, both are read off the lower quarter of the strengths,
    which is paper even where half of a tight crop is ink: of a normal distribution, 5th and 25th percentile are 0.97
    standard deviations apart, of its lower half 1.28. Where it lies at the mean, what is lighter is noise alone: of all
    pixels, a tenth are lighter by 1.28 standard deviations, or by 0.84 where half is ink.
    """
    counts = histogram(strength)
    low, quarter = percentile(counts, 0.05), percentile(counts, 0.25)
    above = percentile(histogram(lighter), 0.9)
    noise = max(quarter - low, above / 1.06)
    return np.uint8(min(round(quarter + 0.5 * (quarter - low)), 255)), noise
