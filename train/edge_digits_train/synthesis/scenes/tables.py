"""Tables: a grid of cells with written digits, printed ones, small notes and nothing."""

from __future__ import annotations

import numpy as np

from edge_digits_train.synthesis.scenes.hands import Hand, random_hand
from edge_digits_train.synthesis.scenes.sheets import IGNORED, Sheet, draw_line
from edge_digits_train.synthesis.scenes.writing import Writer


def write_table(sheet: Sheet, hand: Hand, writer: Writer, rng: np.random.Generator) -> None:
    """A grid of cells: written digits, printed ones, small notes, empty ones."""
    height, width = sheet.shape
    pitch = hand.height * rng.uniform(1.15, 2.1)
    origin = rng.uniform(-pitch, 0.0, 2)
    ink, pen = int(rng.integers(40, 256)), int(rng.integers(1, 4))
    filled, printed = rng.uniform(0.15, 0.8), rng.uniform(0.0, 0.6) * (rng.random() < 0.5)
    lean = float(np.tan(np.deg2rad(rng.normal(0.0, 2.5))))
    ruled = rng.random() < 0.85
    for row in range(-1, int(height / pitch) + 3):
        y = origin[1] + row * pitch
        if ruled:
            draw_line(sheet.other, (0.0, y), (float(width), y + lean * width), ink, pen)
        for column in range(-1, int(width / pitch) + 3):
            x = origin[0] + column * pitch
            if ruled and row == -1:
                draw_line(sheet.other, (x, 0.0), (x - lean * height, float(height)), ink, pen)
            centre = (x + pitch / 2 - lean * y, y + pitch / 2 + lean * x)
            chance = rng.random()
            if chance < filled * (1 - printed):
                strokes, label = writer.any_digit(hand, rng)
                off = rng.normal(0.0, 0.08, 2) * pitch
                sheet.add_digit(strokes, label, centre[0] + off[0] - strokes.shape[1] / 2, centre[1] + off[1])
            elif chance < filled:
                _print_digit(sheet, hand.height * 0.8, centre, rng)
            elif chance < filled + 0.08:
                small = random_hand(rng, max(5.0, 0.3 * hand.height))
                strokes, label = writer.any_digit(small, rng)
                sheet.add_digit(strokes, label, x + 2, y + 0.25 * pitch)


def _print_digit(sheet: Sheet, height: float, centre: tuple[float, float], rng: np.random.Generator) -> None:
    """A printed digit: no handwriting, and no fault to read."""
    at = (centre[0] - 0.4 * height, centre[1] + 0.5 * height)
    if sheet.print_text(str(rng.integers(10)), height, at, rng):
        sheet.add_box((at[0] - 2, at[1] - height - 2, at[0] + 0.9 * height, at[1] + 2), IGNORED)
