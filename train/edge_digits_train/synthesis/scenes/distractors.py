"""What stands around digits on paper and is none: letters, type, lines and specks."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits_train.synthesis.scenes.printing import print_text
from edge_digits_train.synthesis.scenes.sheets import IGNORED, Sheet, draw_line
from edge_digits_train.synthesis.scenes.writing import Writing

_PRINT = "ACEFHKLMNPRTUVWXacdefhkmnprtuvwx:. "


def add_distractors(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """Letters, type, lines and specks around the digits, and over their rim."""
    height, width = sheet.shape
    unit = writing.hand.height
    for _ in range(int(rng.integers(1, 5))):
        kind = rng.random()
        x, y = rng.uniform(-10, width), rng.uniform(0, height)
        if kind < 0.3:
            strokes, lookalike = writing.letter(rng, writing.someones_letters(rng))
            if sheet.covers_digit(x, y - strokes.shape[0] / 2, *strokes.shape[::-1]):
                continue
            sheet.add(strokes, IGNORED if lookalike else None, x, y, beside=True)
        elif kind < 0.55:
            text = "".join(_PRINT[i] for i in rng.integers(0, len(_PRINT), int(rng.integers(1, 10))))
            size = rng.uniform(6, 1.2 * unit)
            if not sheet.covers_digit(x, y - size, 0.6 * size * len(text), size):
                print_text(sheet, text, size, (x, y), rng)
        elif kind < 0.8:
            _draw_rule(sheet, (x, y), rng)
        elif kind < 0.9:
            for _ in range(int(rng.integers(1, 12))):
                speck = (int(rng.integers(width)), int(rng.integers(height)))
                cv2.circle(sheet.other, speck, int(rng.integers(0, 2)), int(rng.integers(60, 256)), cv2.FILLED)
        else:
            step, ink = rng.uniform(8, 40), int(rng.integers(40, 160))
            for line in range(6):
                at = y + (line - 3) * step
                draw_line(sheet.other, (0.0, at), (float(width), at + rng.normal(0.0, 2.0)), ink, 1)


def _draw_rule(sheet: Sheet, at: tuple[float, float], rng: np.random.Generator) -> None:
    """A long line, level or upright."""
    angle = (0.0 if rng.random() < 0.5 else np.pi / 2) + rng.normal(0.0, 0.05)
    length = 300.0 if rng.random() < 0.75 else rng.uniform(50, 90)
    x, y = length * np.cos(angle), length * np.sin(angle)
    ink, pen = int(rng.integers(40, 256)), int(rng.integers(1, 5))
    draw_line(sheet.other, (at[0] - x, at[1] - y), (at[0] + x, at[1] + y), ink, pen)
