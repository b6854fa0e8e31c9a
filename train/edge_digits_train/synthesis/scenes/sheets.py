"""Ink on paper while a scene is being written: where digits went, and lines, signs and type beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import DIGIT_HEIGHTS
from edge_digits_train.datasets.data import BACKGROUND

#: The class of what may be found or not: printed digits, digits cut by the rim, sizes between wanted and not.
IGNORED = -2
#: Digits lower or higher than these, in pixels, are not to be found; between these and the heights that a finder is
#: trained to find, they may be.
UNWANTED = (11.0, 64.0)
#: Strokes brighter than this are ink.
_INK = 96

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)

Box = tuple[float, float, float, float]


@dataclass(eq=False)
class Sheet:
    """Ink on paper while a scene is being written.

    Attributes:
        digits: the ink of written digits and what belongs to them, uint8 [H, W], white on black.
        other: that of print, ruling, letters and signs, uint8 [H, W].
        boxes: x1, y1, x2, y2 of each digit, pixels, in the order of writing.
        classes: of each digit, 0..9, BACKGROUND where it is not to be found or IGNORED where it may be.
    """

    digits: Gray
    other: Gray
    boxes: list[Box] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)

    @classmethod
    def blank(cls, height: int, width: int) -> Sheet:
        """A sheet without ink."""
        return cls(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.digits.shape[0], self.digits.shape[1]

    def add_box(self, box: Box, digit: int) -> None:
        """Record where a digit is."""
        self.boxes.append(box)
        self.classes.append(digit)

    def add_digit(self, strokes: Gray, label: int, left: float, middle: float) -> None:
        """Lay the strokes of a digit on the sheet and record its box.

        Args:
            strokes: uint8 [S, S], white on black.
            label: 0..9.
            left: the x of the strokes' left edge.
            middle: the y of their middle.
        """
        x, y = round(left), round(middle - strokes.shape[0] / 2)
        bx, by, bw, bh = cv2.boundingRect(inked(strokes).astype(np.uint8))
        if bw == 0 or not paste(self.digits, strokes, x, y):
            return
        box = (x + bx, y + by, x + bx + bw, y + by + bh)
        self.add_box(box, _class(box, label, self.shape))

    def overlaps_digit(self, x: float, y: float, width: float, height: float) -> bool:
        """Whether a rectangle meets the middle of any digit."""
        return any(
            b[0] * 0.75 + b[2] * 0.25 < x + width
            and x < b[0] * 0.25 + b[2] * 0.75
            and b[1] * 0.75 + b[3] * 0.25 < y + height
            and y < b[1] * 0.25 + b[3] * 0.75
            for b in self.boxes
        )

    def print_text(self, text: str, height: float, at: tuple[float, float], rng: np.random.Generator) -> bool:
        """Printed type with its foot at x, y, unless it would hide a digit; whether it was printed."""
        font = _FONTS[int(rng.integers(len(_FONTS)))]
        scale, pen = height / 22.0, max(1, round(height * rng.uniform(0.04, 0.16)))
        (w, h), _ = cv2.getTextSize(text, font, scale, pen)
        if self.overlaps_digit(at[0], at[1] - h, w, h):
            return False
        ink = int(rng.integers(90, 256))
        cv2.putText(self.other, text, (round(at[0]), round(at[1])), font, scale, ink, pen, cv2.LINE_AA)
        return True


def inked(strokes: Gray) -> NDArray[np.bool_]:
    """Where strokes are ink."""
    return strokes > _INK


def paste(canvas: Gray, strokes: Gray, x: int, y: int) -> bool:
    """Lay strokes on a canvas, as far as they lie in it; whether any do."""
    height, width = canvas.shape
    x1, y1 = max(x, 0), max(y, 0)
    x2, y2 = min(x + strokes.shape[1], width), min(y + strokes.shape[0], height)
    if x2 <= x1 or y2 <= y1:
        return False
    part = canvas[y1:y2, x1:x2]
    np.maximum(part, strokes[y1 - y : y2 - y, x1 - x : x2 - x], out=part)
    return True


def draw_line(canvas: Gray, a: tuple[float, float], b: tuple[float, float], ink: int, pen: int) -> None:
    """A straight line, where it is darker than what is on the canvas."""
    line = np.zeros_like(canvas)
    cv2.line(line, (round(a[0]), round(a[1])), (round(b[0]), round(b[1])), ink, pen, cv2.LINE_AA)
    np.maximum(canvas, line, out=canvas)


def _class(box: Box, label: int, shape: tuple[int, int]) -> int:
    """The class that a finder is to give a digit; BACKGROUND where it is not to find it, IGNORED where it may."""
    height = max(box[3] - box[1], 0.6 * (box[2] - box[0]))
    if height < UNWANTED[0] or height > UNWANTED[1]:
        return BACKGROUND
    outside = max(-box[0], -box[1], box[2] - shape[1], box[3] - shape[0], 0.0)
    if outside > 0.12 * height or not DIGIT_HEIGHTS[0] - 2 <= height <= DIGIT_HEIGHTS[1] + 3:
        return IGNORED
    return label
