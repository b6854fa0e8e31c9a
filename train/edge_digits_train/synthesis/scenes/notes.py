"""Notes: digits between letters and signs on lines, and digits anywhere on a sheet."""

from __future__ import annotations

import numpy as np

from edge_digits_train.synthesis.scenes.hands import Hand, random_hand
from edge_digits_train.synthesis.scenes.sheets import Sheet, paste
from edge_digits_train.synthesis.scenes.writing import Writer


def write_notes(sheet: Sheet, hand: Hand, writer: Writer, rng: np.random.Generator) -> None:
    """Digits between letters, words and signs, on lines."""
    height, width = sheet.shape
    pitch = hand.height * rng.uniform(1.2, 2.0)
    y = rng.uniform(0.0, pitch)
    share = rng.uniform(0.2, 0.8)
    while y < height + hand.height / 2:
        x = rng.uniform(-1.0, 1.0) * hand.height
        while x < width:
            if rng.random() < share:
                strokes, label = writer.any_digit(hand, rng)
                sheet.add_digit(strokes, label, x, y)
                x += rng.uniform(0.7, 1.1) * hand.height
            else:
                strokes = writer.negative(hand.height * rng.uniform(0.5, 1.4), rng)
                paste(sheet.other, strokes, round(x), round(y - strokes.shape[0] / 2))
                x += strokes.shape[1] * rng.uniform(0.7, 1.2)
            if rng.random() < 0.2:
                x += rng.uniform(0.3, 1.5) * hand.height
        y += pitch


def scatter(sheet: Sheet, hand: Hand, writer: Writer, rng: np.random.Generator, count: int) -> None:
    """So many digits anywhere, each in its own hand; one that would come to lie on another is left out."""
    height, width = sheet.shape
    for _ in range(count):
        own = random_hand(rng, hand.height * float(np.exp(rng.normal(0.0, 0.15))))
        strokes, label = writer.any_digit(own, rng)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        reach = 1.1 * own.height
        middles = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in sheet.boxes]
        if any(abs(mx - x) < reach * 0.8 and abs(my - y) < reach for mx, my in middles):
            continue
        sheet.add_digit(strokes, label, x - strokes.shape[1] / 2, y)
