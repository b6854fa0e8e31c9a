"""Numbers, a line of digits each: as on a cheque, and on plain paper to measure with."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray
from edge_digits_train.datasets.data import Labels
from edge_digits_train.synthesis.scenes.hands import Hand
from edge_digits_train.synthesis.scenes.sheets import Sheet, draw_line, inked
from edge_digits_train.synthesis.scenes.writing import Writer


def write_number(sheet: Sheet, hand: Hand, writer: Writer, rng: np.random.Generator) -> None:
    """A line of digits, close or wide, with points, commas and dashes, such as an amount on a cheque."""
    height, width = sheet.shape
    x, middle = rng.uniform(-0.3, 1.5) * hand.height, height / 2 + rng.uniform(-0.3, 0.3) * (height - hand.height)
    gap = rng.uniform(-0.16, 0.3) if rng.random() < 0.75 else rng.uniform(0.2, 1.0)
    slope = np.tan(np.deg2rad(rng.normal(0.0, 3.0)))
    crowded = rng.random() < 0.5
    # Where small zeros stand: on the line, or in the middle of it.
    foot = rng.uniform(-0.1, 0.5) * (1.0 - hand.zero_size) * hand.height
    for _ in range(int(rng.integers(1, 11))):
        strokes, label = writer.any_digit(hand, rng)
        columns = np.flatnonzero(inked(strokes).any(axis=0))
        if len(columns) == 0:
            continue
        y = middle + slope * x + rng.normal(0.0, hand.jitter) * hand.height + foot * (label == 0)
        if crowded and x > 0:
            # As near as they come: touching, or nearly.
            x += shift_to_touch(sheet.digits, strokes, x, y) + rng.uniform(-3.0, 2.0)
        sheet.add_digit(strokes, label, x - columns[0], y)
        if rng.random() < hand.joined:
            _draw_ligature(sheet, hand, (x, y), rng)
        x += columns[-1] + 1 - columns[0] + rng.normal(gap, 0.08) * hand.height
        if rng.random() < 0.12:
            x = _draw_punctuation(sheet, hand, x, y, rng)
        if x > width:
            break


def plain_number(hand: Hand, writer: Writer, rng: np.random.Generator, indices: Labels, *, touching: bool) -> Sheet:
    """A sheet with the pictures `indices` in a row and nothing else, touching or well apart."""
    width = round(hand.height * (1.2 * len(indices) + 1.5))
    height = round(2.0 * hand.height)
    sheet = Sheet.blank(height, width)
    x = 0.6 * hand.height
    for number, index in enumerate(indices):
        strokes, label = writer.digit(int(index), hand, rng)
        columns = np.flatnonzero(inked(strokes).any(axis=0))
        if number:
            joined = touching and (number == 1 or rng.random() < 0.4)
            x += shift_to_touch(sheet.digits, strokes, x, height / 2) + (
                -rng.uniform(0.5, 2.5) if joined else rng.uniform(0.12, 0.4) * hand.height
            )
        sheet.add_digit(strokes, label, x - columns[0], height / 2)
        x += columns[-1] + 1 - columns[0]
    crop = slice(0, min(width, round(x + 0.6 * hand.height)))
    sheet.digits, sheet.other = sheet.digits[:, crop], sheet.other[:, crop]
    return sheet


def shift_to_touch(canvas: Gray, strokes: Gray, x: float, middle: float) -> float:
    """How far right of `x` (left if negative) strokes may stand so that they just touch the ink on the canvas."""
    columns = np.flatnonzero(inked(strokes).any(axis=0))
    top = round(middle - strokes.shape[0] / 2)
    rows = slice(max(top, 0), min(top + strokes.shape[0], canvas.shape[0]))
    before = inked(canvas[rows])
    new = inked(strokes[rows.start - top : rows.stop - top, columns[0] : columns[-1] + 1])
    if before.shape[0] == 0 or not before.any() or not new.any():
        return 0.0
    # The right end of the ink and the left end of the strokes, row by row, over the neighbouring rows too.
    ends = np.where(before.any(axis=1), before.shape[1] - 1 - before[:, ::-1].argmax(axis=1), -(10**4))
    begins = np.where(new.any(axis=1), new.argmax(axis=1), 10**4)
    ends = cv2.dilate(ends.astype(np.float32).reshape(-1, 1), np.ones((5, 1), np.uint8)).ravel()
    room = float((begins - ends).min())
    return float(np.clip(1.0 - room - x, -0.6 * strokes.shape[0], 0.6 * strokes.shape[0]))


def _draw_punctuation(sheet: Sheet, hand: Hand, x: float, y: float, rng: np.random.Generator) -> float:
    """A point, comma, dash or pair of dashes; the x behind it."""
    foot, pen = y + 0.42 * hand.height, max(1, round(0.09 * hand.height))
    kind = rng.random()
    if kind < 0.45:
        cv2.circle(sheet.digits, (round(x + pen), round(foot)), pen, 255, cv2.FILLED, cv2.LINE_AA)
        return x + 3 * pen
    if kind < 0.7:
        draw_line(sheet.digits, (x + 2 * pen, foot - pen), (x, foot + rng.uniform(1.5, 3.5) * pen), 255, pen)
        return x + 3 * pen
    length = rng.uniform(0.3, 1.0) * hand.height
    for at in (y,) if rng.random() < 0.6 else (y - 0.1 * hand.height, y + 0.12 * hand.height):
        draw_line(sheet.digits, (x, at), (x + length, at + rng.normal(0, 0.05) * length), 255, pen)
    return x + length + rng.uniform(0.0, 0.3) * hand.height


def _draw_ligature(sheet: Sheet, hand: Hand, end: tuple[float, float], rng: np.random.Generator) -> None:
    """A stroke from the digit before, or from nowhere, to the one that begins at `end`, x and the middle's y."""
    length = rng.uniform(0.2, 0.7) * hand.height
    rise = rng.uniform(-0.4, 0.4, 2) * hand.height
    t = np.linspace(0.0, 1.0, 9)
    sag = rng.uniform(-0.2, 0.2) * hand.height * np.sin(np.pi * t)
    x = end[0] + 0.1 * hand.height - length * (1.0 - t)
    y = end[1] + rise[0] * (1.0 - t) + rise[1] * t + sag
    pen = max(1, round(2.0 * (hand.pen or 0.05 * hand.height) * rng.uniform(0.6, 1.0)))
    curve = np.round(np.column_stack([x, y])).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(sheet.digits, [curve], False, 255, pen, cv2.LINE_AA)
