"""Ink on paper while a scene is being written: where digits went, and lines, signs and type beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray
from edge_digits_train.synthesis.hands import Hand

#: The class of what may be found or not: printed digits, digits cut by the rim, sizes between wanted and not.
IGNORED = -2

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)


@dataclass(eq=False)
class Sheet:
    """Ink on paper while a scene is being written."""

    digits: Gray
    other: Gray
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)

    def note(self, box: tuple[float, float, float, float], digit: int) -> None:
        self.boxes.append(box)
        self.classes.append(digit)


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


def apart(canvas: Gray, strokes: Gray, x: float, middle: float) -> float:
    """How far right of `x` (left if negative) strokes may come until they just touch what stands on the canvas."""
    columns = np.flatnonzero(strokes.max(axis=0) > 96)
    top = round(middle - strokes.shape[0] / 2)
    rows = slice(max(top, 0), min(top + strokes.shape[0], canvas.shape[0]))
    there = canvas[rows] > 96
    new = strokes[rows.start - top : rows.stop - top, columns[0] : columns[-1] + 1] > 96
    if there.shape[0] == 0 or not there.any() or not new.any():
        return 0.0
    # Right end of what is there and left end of what comes, row by row, over the neighbouring rows too.
    ends = np.where(there.any(axis=1), there.shape[1] - 1 - there[:, ::-1].argmax(axis=1), -(10**4))
    begins = np.where(new.any(axis=1), new.argmax(axis=1), 10**4)
    ends = cv2.dilate(ends.astype(np.float32).reshape(-1, 1), np.ones((5, 1), np.uint8)).ravel()
    room = float((begins - ends).min())
    return float(np.clip(1.0 - room - x, -0.6 * strokes.shape[0], 0.6 * strokes.shape[0]))


def covered(sheet: Sheet, x: float, y: float, width: float, height: float) -> bool:
    """Whether a rectangle meets the middle of any digit."""
    return any(
        b[0] * 0.75 + b[2] * 0.25 < x + width
        and x < b[0] * 0.25 + b[2] * 0.75
        and b[1] * 0.75 + b[3] * 0.25 < y + height
        and y < b[1] * 0.25 + b[3] * 0.75
        for b in sheet.boxes
    )


def line(canvas: Gray, a: tuple[float, float], b: tuple[float, float], ink: int, pen: int) -> None:
    """A straight line, where it is darker than what is there."""
    drawn = np.zeros_like(canvas)
    cv2.line(drawn, (round(a[0]), round(a[1])), (round(b[0]), round(b[1])), ink, pen, cv2.LINE_AA)
    np.maximum(canvas, drawn, out=canvas)


def punctuation(sheet: Sheet, hand: Hand, x: float, y: float, rng: np.random.Generator) -> float:
    """A point, comma, dash or pair of dashes; the place behind it."""
    foot, pen = y + 0.42 * hand.height, max(1, round(0.09 * hand.height))
    kind = rng.random()
    if kind < 0.45:
        cv2.circle(sheet.digits, (round(x + pen), round(foot)), pen, 255, cv2.FILLED, cv2.LINE_AA)
        return x + 3 * pen
    if kind < 0.7:
        line(sheet.digits, (x + 2 * pen, foot - pen), (x, foot + rng.uniform(1.5, 3.5) * pen), 255, pen)
        return x + 3 * pen
    long = rng.uniform(0.3, 1.0) * hand.height
    for at in (y,) if rng.random() < 0.6 else (y - 0.1 * hand.height, y + 0.12 * hand.height):
        line(sheet.digits, (x, at), (x + long, at + rng.normal(0, 0.05) * long), 255, pen)
    return x + long + rng.uniform(0.0, 0.3) * hand.height


def join(sheet: Sheet, hand: Hand, end: tuple[float, float], rng: np.random.Generator) -> None:
    """A stroke from the digit before, or from nowhere, to the one that begins at `end`, x and the middle's y."""
    long = rng.uniform(0.2, 0.7) * hand.height
    rise = rng.uniform(-0.4, 0.4, 2) * hand.height
    t = np.linspace(0.0, 1.0, 9)
    sag = rng.uniform(-0.2, 0.2) * hand.height * np.sin(np.pi * t)
    x = end[0] + 0.1 * hand.height - long * (1.0 - t)
    y = end[1] + rise[0] * (1.0 - t) + rise[1] * t + sag
    pen = max(1, round(2.0 * (hand.pen or 0.05 * hand.height) * rng.uniform(0.6, 1.0)))
    curve = np.round(np.column_stack([x, y])).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(sheet.digits, [curve], False, 255, pen, cv2.LINE_AA)


def set_type(sheet: Sheet, text: str, height: float, at: tuple[float, float], rng: np.random.Generator) -> bool:
    """Printed type, unless it would hide a digit."""
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    scale, pen = height / 22.0, max(1, round(height * rng.uniform(0.04, 0.16)))
    (w, h), _ = cv2.getTextSize(text, font, scale, pen)
    if covered(sheet, at[0], at[1] - h, w, h):
        return False
    cv2.putText(
        sheet.other, text, (round(at[0]), round(at[1])), font, scale, int(rng.integers(90, 256)), pen, cv2.LINE_AA
    )
    return True


def print_digit(sheet: Sheet, height: float, centre: tuple[float, float], rng: np.random.Generator) -> None:
    """A printed digit: no handwriting, and no fault to read."""
    at = (centre[0] - 0.4 * height, centre[1] + 0.5 * height)
    if set_type(sheet, str(rng.integers(10)), height, at, rng):
        sheet.note((at[0] - 2, at[1] - height - 2, at[0] + 0.9 * height, at[1] + 2), IGNORED)
