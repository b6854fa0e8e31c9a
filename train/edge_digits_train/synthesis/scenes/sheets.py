"""Ink on paper while a scene is being written: where digits and signs went, and what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import DIGIT_HEIGHTS
from edge_digits.results import DIGITS, SIGNS
from edge_digits_train.datasets.data import BACKGROUND, Labels

#: The text of each class of a scene.
LABELS = DIGITS + SIGNS
#: The class of what may be found or not: printed digits, those cut by the rim, letters that pass for them, sizes
#: between wanted and not.
IGNORED = -2
#: Digits lower or higher than these, in pixels, are not to be found; between these and the heights that a finder is
#: trained to find, they may be.
UNWANTED = (11.0, 64.0)
#: How much of its size may be cut off.
_CUT = 0.12
#: Strokes brighter than this are ink.
_INK = 96

Box = tuple[float, float, float, float]


@dataclass(eq=False)
class Sheet:
    """Ink on paper while a scene is being written.

    Attributes:
        digits: the ink of written digits, signs and letters, uint8 [H, W], white on black.
        other: that of print, ruling and what else is not of the scene's writer, uint8 [H, W].
        unit: height of its digits, pixels: that which its signs are as large as.
        boxes: x1, y1, x2, y2 of each digit and sign, pixels, in the order of writing.
        classes: of each, a place in LABELS, BACKGROUND where it is not to be found or IGNORED where it may be.
    """

    digits: Gray
    other: Gray
    unit: float
    boxes: list[Box] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)

    @classmethod
    def blank(cls, height: int, width: int, unit: float) -> Sheet:
        """A sheet without ink."""
        return cls(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8), unit)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.digits.shape[0], self.digits.shape[1]

    def add(self, strokes: Gray, label: int | None, x: float, middle: float, *, beside: bool = False) -> float:
        """Lay strokes on the sheet and record their box.

        Args:
            strokes: uint8 [S, S], white on black.
            label: place in LABELS, IGNORED, or None for what is neither digit nor sign.
            x: where their ink begins.
            middle: the y of their middle.
            beside: whether they are of another ink than the digits.

        Returns:
            Where their ink ends: the x behind it.
        """
        bx, by, bw, bh = cv2.boundingRect(inked(strokes).view(np.uint8))
        if bw == 0:
            return x
        left, top = round(x) - bx, round(middle - strokes.shape[0] / 2)
        if paste(self.other if beside else self.digits, strokes, left, top) and label is not None:
            self.add_box((left + bx, top + by, left + bx + bw, top + by + bh), label)
        return left + bx + bw

    def add_centred(self, strokes: Gray, label: int | None, x: float, middle: float) -> None:
        """As `add`, with the middle of their ink at x."""
        _, _, width, _ = cv2.boundingRect(inked(strokes).view(np.uint8))
        self.add(strokes, label, x - width / 2, middle)

    def add_box(self, box: Box, label: int) -> None:
        """Record where a digit or sign is."""
        self.boxes.append(box)
        self.classes.append(self._class(box, label))

    def covers_digit(self, x: float, y: float, width: float, height: float) -> bool:
        """Whether a rectangle meets the middle of any digit or sign."""
        return any(
            b[0] * 0.75 + b[2] * 0.25 < x + width
            and x < b[0] * 0.25 + b[2] * 0.75
            and b[1] * 0.75 + b[3] * 0.25 < y + height
            and y < b[1] * 0.25 + b[3] * 0.75
            for b in self.boxes
        )

    def _class(self, box: Box, label: int) -> int:
        """The class that a finder is to give; BACKGROUND where it is not to find it, IGNORED where it may.

        A digit is wanted by its own height, a sign by that of the digits that it stands beside.
        """
        if label < 0:
            return label
        width, height = box[2] - box[0], box[3] - box[1]
        is_digit = label < len(DIGITS)
        unit = max(height, 0.6 * width) if is_digit else self.unit
        if not UNWANTED[0] <= unit <= UNWANTED[1]:
            return BACKGROUND if is_digit else IGNORED
        outside = max(-box[0], -box[1], box[2] - self.shape[1], box[3] - self.shape[0], 0.0)
        cut = outside > _CUT * (unit if is_digit else max(width, height))
        return IGNORED if cut or not DIGIT_HEIGHTS[0] - 2 <= unit <= DIGIT_HEIGHTS[1] + 3 else label


def cut_classes(boxes: NDArray[np.float32], classes: Labels, part: Box) -> Labels:
    """The classes where only a part of the sheet is seen: BACKGROUND of what is cut away, IGNORED of what is cut.

    Args:
        boxes: float32 [N, 4], x1, y1, x2, y2.
        classes: int64 [N].
        part: x1, y1, x2, y2.
    """
    low, high = np.array(part[:2], np.float32), np.array(part[2:], np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]  # [N, 2]
    outside = np.maximum(low - boxes[:, :2], boxes[:, 2:] - high).max(axis=1, initial=0.0)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    gone = ((middle < low) | (middle > high)).any(axis=1)
    cut = outside > _CUT * sides.max(axis=1, initial=0.0)
    return np.where(gone, BACKGROUND, np.where(cut & (classes >= 0), IGNORED, classes)).astype(np.int64)


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
    height, width = canvas.shape
    x1, y1 = (max(0, int(min(a[i], b[i])) - pen - 1) for i in (0, 1))
    x2, y2 = (min(side, int(max(a[i], b[i])) + pen + 2) for i, side in enumerate((width, height)))
    if x2 <= x1 or y2 <= y1:
        return
    line = np.zeros((y2 - y1, x2 - x1), np.uint8)
    begin, end = ((round(x) - x1, round(y) - y1) for x, y in (a, b))
    cv2.line(line, begin, end, ink, pen, cv2.LINE_AA)
    part = canvas[y1:y2, x1:x2]
    np.maximum(part, line, out=part)
