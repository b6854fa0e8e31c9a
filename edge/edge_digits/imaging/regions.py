"""Where in a picture to look, and which way up: a part of it, rotated, and the way back for boxes.

Fractions and boxes are of the picture as its record has it, after its EXIF orientation: first the region is cut out,
then it is rotated. Rotations are in degrees clockwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import ROTATIONS
from edge_digits.errors import UsageError
from edge_digits.results import Box

#: What a sum of fractions may be off by: 0.7 + 0.3 of a file that kept six digits.
_SLACK = 1e-6
_Scalar = TypeVar("_Scalar", bound=np.integer[Any] | np.floating[Any])


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture, in fractions of its width and height, 0..1.

    Attributes:
        x, y: its top left corner.
        w, h: its width and height.

    Raises:
        UsageError: it is empty, no number, or reaches out of the picture.
    """

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        values = (self.x, self.y, self.w, self.h)
        if not all(math.isfinite(value) for value in values):
            raise UsageError(f"{self}: x, y, width and height are numbers from 0 to 1")
        if max(values) > 1.0 + _SLACK:
            raise UsageError(
                f"{self}: these are fractions of the picture, 0 to 1. "
                "Divide pixels by its width (x, width) and height (y, height)"
            )
        if self.x < 0.0 or self.y < 0.0:
            raise UsageError(f"{self}: it begins outside the picture. Take 0 for its left or top edge")
        if self.w <= 0.0 or self.h <= 0.0:
            raise UsageError(f"{self}: its width and height must be more than 0")
        for name, start, length in (("right", self.x, self.w), ("bottom", self.y, self.h)):
            if start + length > 1.0 + _SLACK:
                raise UsageError(
                    f"{self}: it ends at {start + length:g}, beyond the {name} edge at 1. "
                    "The third and fourth number are its width and height, not its far corner"
                )

    @classmethod
    def parse(cls, text: str) -> Region:
        """A region from "x,y,width,height".

        Raises:
            UsageError: it has not four numbers, or they are no part of a picture.
        """
        parts = text.split(",")
        if len(parts) != 4:
            raise UsageError(f"{text!r}: a region has four numbers, not {len(parts)}: x,y,width,height as 0.5,0,0.5,1")
        values = []
        for part in parts:
            try:
                values.append(float(part))
            except ValueError:
                raise UsageError(
                    f"{text!r}: {part.strip()!r} is no number. Write x,y,width,height as 0.5,0,0.5,1"
                ) from None
        return cls(*values)

    def __str__(self) -> str:
        return f"{self.x:g},{self.y:g},{self.w:g},{self.h:g}"

    def box(self, width: int, height: int) -> Box:
        """All pixels that it touches, at least one, of a picture of this size."""
        x1, x2 = _span(self.x, self.w, width)
        y1, y2 = _span(self.y, self.h, height)
        return Box(x1, y1, x2, y2)


WHOLE = Region(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class View:
    """One look at a picture: a region of it, rotated.

    >>> from edge_digits import Box
    >>> view = View(640, 480, Region.parse("0.5,0,0.5,1"), rotate=90)
    >>> view.size
    (480, 320)
    >>> view.back(Box(0, 0, 480, 10))
    Box(x1=320, y1=0, x2=330, y2=480)

    Attributes:
        width, height: size of the whole picture, pixels.
        region: the part that is looked at.
        rotate: degrees clockwise that bring it upright: 0, 90, 180 or 270.

    Raises:
        UsageError: no such rotation.
    """

    width: int
    height: int
    region: Region = WHOLE
    rotate: int = 0

    def __post_init__(self) -> None:
        check_rotation(self.rotate)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is seen, in pixels of the picture."""
        box = self.region.box(self.width, self.height)
        width, height = box.x2 - box.x1, box.y2 - box.y1
        return (height, width) if self.rotate in (90, 270) else (width, height)

    def cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What is seen, uint8 [H, W] or [H, W, C], of the picture at its own or any other scale."""
        return rotate(crop(pixels, self.region), self.rotate)

    def back(self, box: Box) -> Box:
        """A box in what is seen, in pixels of the picture -> the same box in the whole picture."""
        part = self.region.box(self.width, self.height)
        box = rotate_back(box, self.rotate, part.x2 - part.x1, part.y2 - part.y1)
        return Box(box.x1 + part.x1, box.y1 + part.y1, box.x2 + part.x1, box.y2 + part.y1)


def crop(pixels: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
    """The part of a picture, uint8 [H, W] or [H, W, C]; shares its pixels."""
    box = region.box(pixels.shape[1], pixels.shape[0])
    return pixels[box.y1 : box.y2, box.x1 : box.x2]


def rotate(picture: NDArray[_Scalar], degrees: int) -> NDArray[_Scalar]:
    """Rotate a picture clockwise: [H, W] or [H, W, C] -> the same or [W, H], [W, H, C].

    Args:
        picture: of any dtype; given back as it is where there is nothing to rotate.
        degrees: 0, 90, 180 or 270.

    Raises:
        UsageError: no such rotation.
    """
    check_rotation(degrees)
    if degrees == 0:
        return picture
    import cv2  # not above: options are parsed before OpenCV may be loaded, which reads its environment then

    codes = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
    return np.asarray(cv2.rotate(picture, codes[degrees]), picture.dtype)


def rotate_back(box: Box, degrees: int, width: int, height: int) -> Box:
    """A box in a picture that `rotate` has rotated -> the same box before; width and height are those before."""
    x1, y1, x2, y2 = box.x1, box.y1, box.x2, box.y2
    if degrees == 90:
        return Box(y1, height - x2, y2, height - x1)
    if degrees == 180:
        return Box(width - x2, height - y2, width - x1, height - y1)
    if degrees == 270:
        return Box(width - y2, x1, width - y1, x2)
    return box


def check_rotation(degrees: int) -> None:
    """Refuse what is no rotation.

    Raises:
        UsageError: it is none of `choices.ROTATIONS`.
    """
    if degrees not in ROTATIONS:
        raise UsageError(f"rotate is 0, 90, 180 or 270 degrees clockwise, not {degrees!r}")


def _span(start: float, length: float, size: int) -> tuple[int, int]:
    """First pixel, and last + 1; a fraction that was meant as a pixel's edge may miss it by a rounding error."""
    first = min(math.floor(start * size + _SLACK * size), size - 1)
    return first, min(max(math.ceil((start + length) * size - _SLACK * size), first + 1), size)
