"""Digits whose labels are known, drawn here, and what the shipped models read in them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_digits.errors import EdgeDigitsError
from edge_digits.imaging.pixels import Gray
from edge_digits.inference.session import DEFAULT_FINDER
from edge_digits.reader import DigitReader

#: Each digit's strokes, lines through points, x in 0..0.6 from the left, y in 0..1 from the top. Lines and not
#: OpenCV's letters, because those look different from one OpenCV to the next.
_STROKES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "2": (
        ((0.05, 0.26), (0.1, 0.08), (0.28, 0.02), (0.48, 0.08), (0.54, 0.26), (0.44, 0.48), (0.04, 0.97), (0.58, 0.97)),
    ),
    "4": (((0.38, 0.02), (0.02, 0.62), (0.58, 0.62)), ((0.42, 0.35), (0.42, 0.98))),
    "7": (((0.03, 0.04), (0.57, 0.04), (0.22, 0.98)),),
}
_PAPER, _PEN = 235, 40
#: What is drawn, line by line.
LINES = ("427", "724")


def draw(lines: tuple[str, ...], height: int) -> Gray:
    """Draw lines of the digits 2, 4 and 7, so many pixels high: uint8 [H, W], dark on light."""
    step = round(1.1 * height)
    paper = np.full((round((0.8 + 1.7 * len(lines)) * height), height + step * len(lines[0])), _PAPER, np.uint8)
    for row, line in enumerate(lines):
        for column, digit in enumerate(line):
            corner = 0.5 * height + step * column, (0.5 + 1.7 * row) * height
            for stroke in _STROKES[digit]:
                points = np.rint(16 * (np.array(stroke) * height + corner)).astype(np.int32)
                cv2.polylines(paper, [points], False, _PEN, max(1, round(0.09 * height)), cv2.LINE_AA, shift=4)
    return paper


def answers(models: list[str]) -> dict[str, dict[str, Any]]:
    """The `answer` of each of these models; {"error": why} of one that cannot be used."""
    by_model: dict[str, dict[str, Any]] = {}
    for model in models:
        try:
            by_model[model] = answer(model)
        except EdgeDigitsError as error:
            by_model[model] = {"error": str(error)}
    return by_model


def answer(model: str) -> dict[str, Any]:
    """What a shipped model reads of what is drawn here: {"expected": text, "read": text, "confidence": 0 to 1}.

    A classifier reads one digit at a time, the finder a page.

    Raises:
        ModelError: the model cannot be used.
    """
    if model.startswith(DEFAULT_FINDER):
        reading = DigitReader.load(finder=model, layout="page").read(draw(LINES, 40))
        return {"expected": "\n".join(LINES), "read": reading.text, "confidence": reading.confidence}
    reader = DigitReader.load(model, layout="digit")
    readings = [reader.read(draw((digit,), 64)) for digit in LINES[0]]
    return {
        "expected": LINES[0],
        "read": "".join(reading.text for reading in readings),
        "confidence": min(reading.confidence for reading in readings),
    }
