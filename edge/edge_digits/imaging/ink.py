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

from edge_digits.imaging.pixels import CROP_SIDE, TINY_SIDE, Gray, histogram, percentile, shrink

#: The closing is done on a picture of at most this side, then enlarged: paper is smooth, and the cost is fixed.
_PAPER_SIDE = 96
#: Strokes up to this fraction of the longer side are filled by the closing.
_STROKE_FRACTION = 0.25
#: The same in a tiny crop: the digit fills it, its pen may be bold, and there is no room for shadows.
_TINY_STROKE_FRACTION = 0.5
#: Skewness from which on it is clear which tail is the longer one.
_CLEAR_SKEWNESS = 0.4
#: Pictures larger than a single digit's crop may hold more than one sheet of paper: their skewness is measured at this
#: side, about a mean over so many pixels, a few pens' widths.
_PAGE_SIDE, _PAGE_WINDOW = 320, 15
#: Ink is what stands out of the paper by this many standard deviations of its noise, and by this much at least: print
#: that shows through from the back of the sheet reaches about 16 of 255.
_NOISE_FACTOR, _MIN_STRENGTH = 3.0, 18
#: A fifth of full brightness: on darker paper, what differs from it is mostly the sensor's noise.
MIN_PAPER = 51


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Ink:
    """The ink of a picture.

    Attributes:
        strength: uint8 [H, W], 0 for bare paper, 255 for ink that absorbs all light.
        noise: standard deviation of `strength` on bare paper, in the same unit.
        inverted: the picture was light ink on dark paper.
        paper: uint8 [H, W], the brightness that the paper would have without ink; of the inverted picture, if it was.
    """

    strength: Gray
    noise: float
    inverted: bool
    paper: Gray


def extract_ink(gray: Gray, stroke_fraction: float | None = None, *, opposite: bool = False) -> Ink:
    """Separate ink from paper.

    Args:
        gray: uint8 [H, W], either polarity.
        stroke_fraction: the widest stroke, as a fraction of the longer side; by default that of a single digit's crop.
        opposite: take what seems to be ink for paper, and the reverse.
    """
    if stroke_fraction is None:
        stroke_fraction = _TINY_STROKE_FRACTION if max(gray.shape) <= TINY_SIDE else _STROKE_FRACTION
    small = shrink(gray, _PAPER_SIDE)
    inverted = _is_light_on_dark(gray, small) != opposite
    dark_on_light = gray
    if inverted:
        dark_on_light = np.asarray(cv2.bitwise_not(gray), np.uint8)
        small = shrink(dark_on_light, _PAPER_SIDE)
    paper = _estimate_paper(small, stroke_fraction, gray.shape)  # [H, W]
    divisor = np.maximum(paper, np.uint8(MIN_PAPER))
    # Saturating subtraction: what is darker than the paper, and what is lighter; [H, W] each.
    strength = np.asarray(cv2.divide(cv2.subtract(paper, dark_on_light), divisor, scale=255.0), np.uint8)
    excess = np.asarray(cv2.divide(cv2.subtract(dark_on_light, paper), divisor, scale=255.0), np.uint8)
    offset, noise = _paper_statistics(strength, excess)
    return Ink(np.maximum(strength, offset) - offset, noise, inverted, paper)


def ink_threshold(noise: float) -> int:
    """The strength from which on a pixel is ink, not paper.

    Args:
        noise: standard deviation of the strength of bare paper.

    Returns:
        18 or more; above 255 where the noise leaves nothing to be told from it.
    """
    return max(_MIN_STRENGTH, round(_NOISE_FACTOR * noise))


def _is_light_on_dark(gray: Gray, small: Gray) -> bool:
    """Tell the polarity: whether the ink is lighter than the paper; `small` is the picture at `_PAPER_SIDE`.

    Ink covers less than paper does, so that around a local mean the side with the longer tail is ink: the sign of the
    skewness. Pages may hold a table and shadows as well: the mean is taken over a few pens' widths. Where there is no
    clear tail (a tight crop of a bold digit), paper is what most of the picture and most of its rim are made of; and
    where those two disagree, ink is what is thinner.
    """
    # A page on a dark table: what is ink shows within a few pens' widths.
    skewness = _skewness(shrink(gray, _PAGE_SIDE), _PAGE_WINDOW) if max(gray.shape) > CROP_SIDE else 0.0
    if abs(skewness) <= _CLEAR_SKEWNESS:
        skewness = _skewness(small, max(3, round(0.5 * max(small.shape)) | 1))
    if abs(skewness) > _CLEAR_SKEWNESS:
        return skewness > 0
    _, binary = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)  # 1: light
    rim = np.concatenate([binary[0], binary[-1], binary[:, 0], binary[:, -1]])
    mostly_light = float(binary.mean()) >= 0.5
    if mostly_light == (float(rim.mean()) >= 0.5):
        return not mostly_light
    light = binary.astype(np.uint8)
    return _thickness(light) < _thickness(np.uint8(1) - light)


def _skewness(gray: Gray, window: int) -> float:
    """Skewness of the brightness about its local mean, over `window` pixels (odd) along either side."""
    pixels = gray.astype(np.float32)
    deviation = cv2.subtract(pixels, cv2.blur(pixels, (window, window), borderType=cv2.BORDER_REFLECT))
    squared = cv2.multiply(deviation, deviation)
    variance = cv2.mean(squared)[0]
    return float(cv2.mean(cv2.multiply(squared, deviation))[0]) / variance**1.5 if variance > 0.25 else 0.0


def _thickness(mask: NDArray[np.uint8]) -> float:
    """Mean distance of a mask's pixels to its edge; the picture's rim does not count as an edge."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    return float(distance.sum()) / max(int(padded.sum()), 1)


def _estimate_paper(small: Gray, stroke_fraction: float, shape: tuple[int, ...]) -> Gray:
    """The brightness that the paper would have without ink, uint8 of this shape; from dark ink at `_PAPER_SIDE`."""
    size = max(3, round(stroke_fraction * max(small.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    # A median first: the closing is a maximum, and would otherwise follow the brightest speck of noise.
    denoised = cv2.medianBlur(small, 3) if min(small.shape) >= 3 else small
    closed = cv2.morphologyEx(denoised, cv2.MORPH_CLOSE, kernel)
    smooth = cv2.blur(closed, (size, size), borderType=cv2.BORDER_REPLICATE)
    height, width = shape
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _paper_statistics(strength: Gray, excess: Gray) -> tuple[np.uint8, float]:
    """Mean and standard deviation of bare paper, in units of ink strength; `excess` is how much lighter pixels are.

    Where the paper's estimate, a maximum, lies above its mean, both are read off the lower quarter of the strengths,
    which is paper even where half of a tight crop is ink: of a normal distribution, 5th and 25th percentile are 0.97
    standard deviations apart, of its lower half 1.28. Where it lies at the mean, what is lighter is noise alone: of all
    pixels, a tenth are lighter by 1.28 standard deviations, or by 0.84 where half is ink.
    """
    counts = histogram(strength)
    p5, p25 = percentile(counts, 0.05), percentile(counts, 0.25)
    lighter_p90 = percentile(histogram(excess), 0.9)
    noise = max(p25 - p5, lighter_p90 / 1.06)
    return np.uint8(min(round(p25 + 0.5 * (p25 - p5)), 255)), noise
