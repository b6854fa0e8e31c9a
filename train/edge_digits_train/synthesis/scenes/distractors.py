"""What stands around digits on paper and is none: signs, type, lines and specks."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits_train.synthesis.scenes.hands import Hand
from edge_digits_train.synthesis.scenes.sheets import Sheet, draw_line, paste
from edge_digits_train.synthesis.scenes.writing import Writer

_LETTERS = "ACEFHKLMNPRTUVWXacdefhkmnprtuvwx"


def add_distractors(sheet: Sheet, hand: Hand, writer: Writer, rng: np.random.Generator) -> None:
    """Signs, type, lines and specks around the digits, and over their rim."""
    height, width = sheet.shape
    for _ in range(int(rng.integers(1, 5))):
        kind = rng.random()
        x, y = rng.uniform(-10, width), rng.uniform(0, height)
        if kind < 0.4:
            strokes = writer.negative(hand.height * rng.uniform(0.4, 1.5), rng)
            if not sheet.overlaps_digit(x, y - strokes.shape[0] / 2, *strokes.shape[::-1]):
                paste(sheet.other, strokes, round(x), round(y - strokes.shape[0] / 2))
        elif kind < 0.6:
            count = int(rng.integers(1, 9))
            text = "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), count))
            sheet.print_text(text, rng.uniform(6, 1.2 * hand.height), (x, y), rng)
        elif kind < 0.85:
            angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0.0, 0.05)
            along = np.array([np.cos(angle), np.sin(angle)]) * (300 if rng.random() < 0.7 else rng.uniform(10, 80))
            ink, pen = int(rng.integers(40, 256)), int(rng.integers(1, 4))
            draw_line(sheet.other, (x - along[0], y - along[1]), (x + along[0], y + along[1]), ink, pen)
        else:
            for _ in range(int(rng.integers(1, 12))):
                at = (int(rng.integers(width)), int(rng.integers(height)))
                cv2.circle(sheet.other, at, int(rng.integers(0, 3)), int(rng.integers(60, 256)), cv2.FILLED)
