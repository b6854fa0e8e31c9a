"""Tables and forms: cells with written digits, printed ones, marks, small notes and nothing; and digits anywhere."""

from __future__ import annotations

import numpy as np

from edge_digits_train.synthesis.scenes.lines import DIGIT, write_text
from edge_digits_train.synthesis.scenes.printing import print_text
from edge_digits_train.synthesis.scenes.sheets import IGNORED, LABELS, Sheet, draw_line
from edge_digits_train.synthesis.scenes.writing import Writing

#: What headings and labels are printed of.
_HEADINGS, _LABELS = "abcdefghNoTuMrP.", "ABCDENOTRUabcdenortu: ."
#: Share of the digits that stand by themselves that are ones of a bar.
_BARS = 0.08


def write_table(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """A grid of cells: written digits, printed type, crosses and ticks, small notes, empty ones."""
    height, width = sheet.shape
    unit = writing.hand.height
    row_pitch = unit * rng.uniform(1.05, 2.2)
    column_pitch = row_pitch * (1.0 if rng.random() < 0.6 else rng.uniform(0.8, 3.0))
    left, top = -rng.uniform(0.0, column_pitch), -rng.uniform(0.0, row_pitch)
    ink, pen = int(rng.integers(40, 256)), int(rng.integers(1, 4))
    filled, printed = rng.uniform(0.15, 0.85), rng.uniform(0.0, 0.6) * (rng.random() < 0.4)
    lean = float(np.tan(np.deg2rad(rng.normal(0.0, 2.5))))
    ruled, marked = rng.random() < 0.85, rng.uniform(0.0, 0.5) * (rng.random() < 0.25)
    for row in range(-1, int(height / row_pitch) + 3):
        y = top + row * row_pitch
        if ruled:
            draw_line(sheet.other, (0.0, y), (float(width), y + lean * width), ink, pen)
        for column in range(-1, int(width / column_pitch) + 3):
            x = left + column * column_pitch
            if ruled and row == -1:
                draw_line(sheet.other, (x, 0.0), (x - lean * height, float(height)), ink, pen)
            centre = (x + column_pitch / 2 - lean * y, y + row_pitch / 2 + lean * x)
            chance = rng.random()
            if chance < filled * (1 - printed):
                _fill(sheet, writing, centre, (column_pitch, row_pitch), rng)
            elif chance < filled:
                _print(sheet, unit, centre, x, rng)
            elif chance < filled + 0.07:
                strokes, label = Writing.begin(writing.library, rng, max(5.0, 0.3 * unit)).digit(rng)
                sheet.add(strokes, label, x + 2, y + 0.25 * row_pitch)
            elif rng.random() < marked:
                _mark(sheet, writing, centre, rng)


def write_form(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """A few boxes in a row, a digit or a cross in each, beside printed words."""
    height, width = sheet.shape
    unit = writing.hand.height
    box_width, box_height = unit * rng.uniform(0.85, 1.8), unit * rng.uniform(1.05, 1.8)
    x = (0.1 + rng.uniform(-0.3, 0.3)) * width
    y = height / 2 + rng.uniform(-0.25, 0.25) * height - box_height / 2
    ink, pen = int(rng.integers(60, 256)), int(rng.integers(1, 4))
    gap = 0.0 if rng.random() < 0.6 else rng.uniform(0.05, 0.4) * unit
    crossed = 0.4 if rng.random() < 0.25 else 0.0
    for _ in range(int(rng.integers(1, 6))):
        for above in (y, y + box_height):
            draw_line(sheet.other, (x, above), (x + box_width, above), ink, pen)
        for beside in (x, x + box_width):
            draw_line(sheet.other, (beside, y), (beside, y + box_height), ink, pen)
        off = rng.normal(0.0, 0.1, 2)
        centre = (x + (0.5 + off[0]) * box_width, y + (0.5 + off[1]) * box_height)
        chance = rng.random()
        if chance < crossed:
            _cross(sheet, writing, centre, rng)
        elif chance < 0.9:
            sheet.add_centred(*writing.digit(rng), *centre)
        x += box_width + gap
    for _ in range(int(rng.integers(0, 4))):
        text = _some(_LABELS, int(rng.integers(3, 12)), rng)
        foot = y - 3 if rng.random() < 0.5 else y + box_height + rng.uniform(8, 20)
        print_text(sheet, text, rng.uniform(6, 0.8 * unit), (rng.uniform(-20, width), foot), rng)


def scatter(sheet: Sheet, writing: Writing, rng: np.random.Generator, count: int) -> None:
    """So many digits anywhere, each in its own hand; one that would come to lie on another is left out."""
    height, width = sheet.shape
    placed: list[tuple[float, float]] = []
    for _ in range(count):
        own = Writing.begin(writing.library, rng, writing.hand.height * float(np.exp(rng.normal(0.0, 0.15))))
        x, y = rng.uniform(0.05 * width, 0.95 * width), rng.uniform(0.1 * height, 0.9 * height)
        reach = 1.1 * own.hand.height
        if not any(abs(other_x - x) < 0.8 * reach and abs(other_y - y) < reach for other_x, other_y in placed):
            placed.append((x, y))
            # Where nothing is beside it, a bar is a line of any kind to the networks, unless they see ones alone.
            sheet.add_centred(*(own.bar(rng) if rng.random() < _BARS else own.digit(rng)), x, y)


def scatter_figures(sheet: Sheet, writing: Writing, rng: np.random.Generator, count: int) -> None:
    """So many letters and figures of no script anywhere, one beside the other."""
    height, width = sheet.shape
    letters, x = writing.someones_letters(rng), rng.uniform(0.05, 0.5) * width
    for _ in range(count):
        strokes, lookalike = writing.letter(rng, letters if rng.random() < 0.5 else [])
        y = rng.uniform(0.3, 0.7) * height
        x = sheet.add(strokes, IGNORED if lookalike else None, x, y)
        x += rng.uniform(0.1, 2.0) * writing.hand.height


def _fill(
    sheet: Sheet, writing: Writing, centre: tuple[float, float], cell: tuple[float, float], rng: np.random.Generator
) -> None:
    """A cell with a digit, or a few where it is wide."""
    unit, (width, height) = writing.hand.height, cell
    y = centre[1] + rng.normal(0.0, 0.08) * height
    if width < 1.5 * unit or rng.random() < 0.5:
        sheet.add_centred(*writing.digit(rng), centre[0] + rng.normal(0.0, 0.08) * width, y)
        return
    count = int(rng.integers(1, 4))
    begin = (centre[0] - 0.35 * count * unit, y)
    write_text(sheet, writing, rng, begin, DIGIT * count, gap=rng.uniform(-0.1, 0.15))


def _print(sheet: Sheet, unit: float, centre: tuple[float, float], left: float, rng: np.random.Generator) -> None:
    """A printed digit in a cell, or a printed word."""
    if rng.random() < 0.6:
        foot = (centre[0] - 0.3 * unit, centre[1] + 0.4 * unit)
        print_text(sheet, str(rng.integers(10)), unit * rng.uniform(0.4, 1.0), foot, rng)
    else:
        word = _some(_HEADINGS, int(rng.integers(2, 6)), rng)
        print_text(sheet, word, unit * rng.uniform(0.25, 0.6), (left + 2, centre[1] + 0.3 * unit), rng)


def _mark(sheet: Sheet, writing: Writing, centre: tuple[float, float], rng: np.random.Generator) -> None:
    """A cross, a tick or a dash in a cell."""
    chance = rng.random()
    if chance < 0.6:
        _cross(sheet, writing, centre, rng)
    elif chance < 0.8:
        sheet.add_centred(writing.tick(rng), None, *centre)
    else:
        strokes, below = writing.sign("-", rng)
        sheet.add_centred(strokes, LABELS.index("-"), centre[0], centre[1] + below)


def _cross(sheet: Sheet, writing: Writing, centre: tuple[float, float], rng: np.random.Generator) -> None:
    """A cross; a large one may be taken for the sign or not."""
    size = writing.hand.height * rng.uniform(0.7, 1.4)
    strokes, _ = writing.sign("x", rng, size)
    sheet.add_centred(strokes, LABELS.index("x") if size < 1.25 * writing.hand.height else IGNORED, *centre)


def _some(characters: str, count: int, rng: np.random.Generator) -> str:
    return "".join(characters[i] for i in rng.integers(0, len(characters), count))
