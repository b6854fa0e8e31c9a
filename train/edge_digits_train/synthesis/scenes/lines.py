"""Lines of text: digits, signs and letters one after the other."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray
from edge_digits.results import SIGNS
from edge_digits_train.datasets.data import Labels
from edge_digits_train.synthesis.scenes.sheets import IGNORED, LABELS, Sheet, inked
from edge_digits_train.synthesis.scenes.writing import Writing

#: In a text to be written: any digit, any letter, an asterisk; and what raises the digit that follows.
DIGIT, LETTER, ASTERISK, RAISED = "?", "@", "*", "^"


def write_text(
    sheet: Sheet,
    writing: Writing,
    rng: np.random.Generator,
    at: tuple[float, float],
    text: str,
    *,
    gap: float,
    slope: float = 0.0,
    crowded: bool = False,
    words: bool = False,
) -> None:
    """Write a line, as far as the sheet reaches.

    Args:
        sheet: to write on.
        writing: by whom.
        rng: decides all.
        at: x where it begins and y of its middle there.
        text: DIGIT, LETTER, ASTERISK, RAISED, `results.SIGNS` and blanks.
        gap: mean room between digits, of their height; negative where they run into each other.
        slope: of the line.
        crowded: digits as near as they come: touching, or nearly.
        words: letters that pass for digits are letters by the word that they stand in; else they may be found.
    """
    hand, (x, middle) = writing.hand, at
    height, letters = hand.height, writing.someones_letters(rng)
    # Where small zeros stand, on the line or in the middle of it; and long ones, which may reach below it.
    foot = rng.uniform(-0.1, 0.5)
    after_digit = raised = False
    for character in text:
        if x > sheet.shape[1]:
            break
        if character == RAISED:
            raised = True
            continue
        y = middle + slope * x + rng.normal(0.0, hand.jitter) * height
        if character == DIGIT:
            if raised:  # an exponent
                factor = rng.uniform(0.4, 0.8)
                strokes, label = writing.smaller(factor).digit(rng)
                x -= rng.uniform(0.0, 0.2) * height
                y -= (1.0 - factor / 2) * rng.uniform(0.4, 0.75) * height
            else:
                strokes, label = writing.digit(rng)
                y += foot * abs(1.0 - hand.relative(label)) * height
            if crowded and after_digit:
                x += shift_to_touch(sheet.digits, strokes, x, y) + rng.uniform(-3.0, 2.0)
            end = sheet.add(strokes, label, x, y)
            if after_digit and rng.random() < hand.joined:
                _draw_ligature(sheet, writing, (x, y), rng)
            x = end + rng.normal(gap, 0.08) * height
        elif character == LETTER:
            strokes, lookalike = writing.letter(rng, letters)
            x = sheet.add(strokes, IGNORED if lookalike and not words else None, x, y)
            x += rng.uniform(0.02, 0.35) * height
        elif character == ASTERISK:
            x = sheet.add(writing.asterisk(rng), None, x + rng.uniform(0.02, 0.3) * height, y)
            x += rng.uniform(0.02, 0.3) * height
        elif character in SIGNS:
            strokes, below = writing.sign(character, rng)
            x += rng.uniform(0.02, 0.15 if character in ".,:" else 0.3) * height
            x = sheet.add(strokes, LABELS.index(character), x, y + below) + rng.uniform(0.02, 0.3) * height
        else:
            x += rng.uniform(0.3, 1.0) * height
        after_digit, raised = character == DIGIT, False


def plain_number(writing: Writing, rng: np.random.Generator, indices: Labels, *, touching: bool) -> Sheet:
    """A sheet with the library's pictures `indices` in a row and nothing else, touching or well apart."""
    size = writing.hand.height
    width, height = round(size * (1.2 * len(indices) + 1.5)), round(2.0 * size)
    sheet = Sheet.blank(height, width, size)
    x = 0.6 * size
    for number, index in enumerate(indices):
        strokes, label = writing.picture(int(index), rng)
        if number:
            joined = touching and (number == 1 or rng.random() < 0.4)
            x += shift_to_touch(sheet.digits, strokes, x, height / 2) + (
                -rng.uniform(0.5, 2.5) if joined else rng.uniform(0.12, 0.4) * size
            )
        x = sheet.add(strokes, label, x, height / 2)
    crop = slice(0, min(width, round(x + 0.6 * size)))
    sheet.digits, sheet.other = sheet.digits[:, crop], sheet.other[:, crop]
    return sheet


def shift_to_touch(canvas: Gray, strokes: Gray, x: float, middle: float) -> float:
    """How far right of `x` (left if negative) strokes may stand so that they just touch the ink on the canvas."""
    columns = np.flatnonzero(inked(strokes).any(axis=0))
    top = round(middle - strokes.shape[0] / 2)
    rows = slice(max(top, 0), min(top + strokes.shape[0], canvas.shape[0]))
    if len(columns) == 0 or rows.start >= rows.stop:
        return 0.0
    before = inked(canvas[rows])
    new = inked(strokes[rows.start - top : rows.stop - top, columns[0] : columns[-1] + 1])
    if not before.any() or not new.any():
        return 0.0
    # The right end of the ink and the left end of the strokes, row by row, over the neighbouring rows too.
    ends = np.where(before.any(axis=1), before.shape[1] - 1 - before[:, ::-1].argmax(axis=1), -(10**4))
    begins = np.where(new.any(axis=1), new.argmax(axis=1), 10**4)
    ends = cv2.dilate(ends.astype(np.float32).reshape(-1, 1), np.ones((5, 1), np.uint8)).ravel()
    room = float((begins - ends).min())
    return float(np.clip(1.0 - room - x, -0.6 * strokes.shape[0], 0.6 * strokes.shape[0]))


def _draw_ligature(sheet: Sheet, writing: Writing, end: tuple[float, float], rng: np.random.Generator) -> None:
    """A stroke from the digit before, or from nowhere, to the one that begins at `end`, x and the middle's y."""
    height = writing.hand.height
    length = rng.uniform(0.2, 0.7) * height
    rise = rng.uniform(-0.4, 0.4, 2) * height
    t = np.linspace(0.0, 1.0, 9)
    sag = rng.uniform(-0.2, 0.2) * height * np.sin(np.pi * t)
    x = end[0] + 0.1 * height - length * (1.0 - t)
    y = end[1] + rise[0] * (1.0 - t) + rise[1] * t + sag
    pen = max(1, round(writing.hand.pen * rng.uniform(0.6, 1.0)))
    curve = np.rint(np.column_stack([x, y])).astype(np.int32)
    cv2.polylines(sheet.digits, [curve], False, 255, pen, cv2.LINE_AA)
