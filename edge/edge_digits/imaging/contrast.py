"""A picture -> its local contrast: what differs from the paper around it, darker or lighter, as white on black.

The paper is estimated by a median over a window that is larger than any digit looked for. Strokes cover less than half
of it, so that the median is paper whichever of the two is darker, keeps the edges of sheets and shadows, and leaves
nothing of a loop's inside. Of a colour picture, the channel counts that differs most: red ink on white loses half of
its contrast in grey. Then the strength is divided by the local maximum, so that pencil and pen reach the same level.
Nothing here is decided for the picture as a whole but the level of its noise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray, histogram, percentile

#: Side of the window that the median is taken over, and of the one that the maximum is taken over, pixels: one and a
#: half times the tallest digit that a finder is trained to find, and that digit.
_MEDIAN_WINDOW, _MAXIMUM_WINDOW = 61, 41
#: Both are taken of a picture scaled down by this factor: paper is smooth, and their cost falls by its square.
_SHRINK = 4
#: A local maximum is at least so much, and so many standard deviations of the noise: below it, paper would be levelled.
_MIN_LEVEL, _NOISE_FACTOR = 10.0, 4.0
#: What is stronger than this share of the strongest local contrast of a crop is its ink.
_INK_SHARE = 0.25


def local_contrast(picture: NDArray[np.uint8]) -> Gray:
    """How strongly each pixel differs from the paper around it, levelled.

    Args:
        picture: uint8 [H, W], or [H, W, C] of colour channels, at a scale at which digits are 18 to 44 pixels high.

    Returns:
        uint8 [H, W], 0 for paper, 255 for the strongest ink nearby.
    """
    channels = cv2.split(picture) if picture.ndim == 3 else (picture,)
    strength = _difference(np.asarray(channels[0], np.uint8))
    for channel in channels[1:]:
        strength = np.maximum(strength, _difference(np.asarray(channel, np.uint8)))
    return _levelled(strength)


def ink_box(contrast: Gray) -> tuple[int, int, int, int]:
    """The box of all ink of a crop that holds one digit.

    Args:
        contrast: uint8 [H, W], the crop's local contrast.

    Returns:
        x1, y1, x2, y2 around what is stronger than a quarter of the strongest; all of the crop where there is no ink.
    """
    strongest = int(contrast.max())
    x, y, width, height = cv2.boundingRect((contrast > _INK_SHARE * strongest).view(np.uint8))
    return (x, y, x + width, y + height) if width else (0, 0, contrast.shape[1], contrast.shape[0])


def _difference(channel: Gray) -> Gray:
    """The absolute difference to the median of the window around each pixel, uint8 [H, W]."""
    height, width = channel.shape
    factor = _factor(channel)
    small = _shrunk(channel, factor)
    reach = _MEDIAN_WINDOW // (2 * factor)
    padded = cv2.copyMakeBorder(small, reach, reach, reach, reach, cv2.BORDER_REFLECT)
    median = cv2.medianBlur(padded, 2 * reach + 1)[reach:-reach, reach:-reach]
    paper = cv2.resize(median, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.absdiff(channel, paper), np.uint8)


def _levelled(strength: Gray) -> Gray:
    height, width = strength.shape
    calm = np.asarray(cv2.blur(strength, (3, 3)), np.uint8)
    # Most of a picture is paper. Of the absolute value of a normal distribution, the median is 0.67 deviations.
    noise = percentile(histogram(calm), 0.5) / 0.67
    small = _shrunk(calm, _factor(strength))
    side = (_MAXIMUM_WINDOW // _factor(strength)) | 1
    highest = cv2.blur(cv2.dilate(small, np.ones((side, side), np.uint8)), (side, side))
    level = cv2.resize(highest, (width, height), interpolation=cv2.INTER_LINEAR)
    level = np.maximum(level, np.uint8(min(max(_MIN_LEVEL, _NOISE_FACTOR * noise), 255.0)))
    above = np.asarray(cv2.subtract(strength, np.full_like(strength, min(round(noise), 255))), np.uint8)
    return np.asarray(cv2.divide(above, level, scale=255.0), np.uint8)


def _factor(plane: Gray) -> int:
    height, width = plane.shape
    return int(max(1, min(_SHRINK, height // 8, width // 8)))


def _shrunk(plane: Gray, factor: int) -> Gray:
    if factor == 1:
        return plane
    size = (max(1, plane.shape[1] // factor), max(1, plane.shape[0] // factor))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)
