"""Texts of one line and of many: numbers, sums, algebra, dates and the like, signs alone, and words."""

from __future__ import annotations

import numpy as np

from edge_digits_train.synthesis.scenes.lines import ASTERISK, DIGIT, LETTER, RAISED, write_text
from edge_digits_train.synthesis.scenes.sheets import Sheet
from edge_digits_train.synthesis.scenes.writing import Writing

#: What stands between the digits of a number.
_INSIDE = DIGIT * 8 + ",.-."
#: What stands between the numbers of a sum: letters are unknowns.
_BETWEEN = "+-x/()=+-:=" + ASTERISK + 2 * LETTER
#: Signs that stand alone, and what stands between the terms of an equation.
_ALONE, _TERMS = "+-x/()=+-/()" + ASTERISK, "+-+-+-="
#: Dates, times, amounts, phone numbers, items of lists.
_FORMATS = (
    "??.??.????",
    "??/??/??",
    "?/?/????",
    "????-??-??",
    "??:??",
    "?:??",
    "(???)???-????",
    "+??(?)???",
    "??x??",
    "?,??",
    "??.??",
    "-?.??",
    "??%",
    "#??",
    "?.",
    "?)",
    "(?)",
    "?+?=??",
    "?-?=?",
)


def write_number(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """A number, close or wide, with points, commas and dashes, such as an amount on a cheque."""
    count = int(rng.integers(1, 11))
    signs = rng.random(count) < 0.3
    text = "".join(_any(_INSIDE, rng) if signs[place] and 0 < place < count - 1 else DIGIT for place in range(count))
    chance = rng.random()
    if chance < 0.08:
        text = "-" + text
    elif chance < 0.2:
        text += ("=", "=", "-", ".-", ",-", ",--")[int(rng.integers(6))]
    elif chance < 0.26:
        text = "#" + text if rng.random() < 0.5 else text + "%"
    crowded = rng.random() < 0.4
    gap = rng.uniform(-0.16, 0.3) if rng.random() < 0.75 else rng.uniform(0.2, 1.0)
    write_text(sheet, writing, rng, _begin(sheet, rng), text, gap=gap, slope=_slope(rng), crowded=crowded)


def write_sum(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """Numbers with signs of arithmetic between them."""
    parts = []
    for _ in range(int(rng.integers(2, 6))):
        parts.append(DIGIT * int(rng.integers(1, 4)) if rng.random() < 0.8 else LETTER)
        parts.append(_any(_BETWEEN, rng))
    text = (" " if rng.random() < 0.3 else "").join("".join(parts))
    gap = rng.uniform(-0.05, 0.4)
    write_text(sheet, writing, rng, _begin(sheet, rng), text, gap=gap, slope=_slope(rng))


def write_algebra(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """An equation in one unknown: a number, the unknown and an exponent make a term."""
    unknown = "x" if rng.random() < 0.75 else LETTER
    blank = " " if rng.random() < 0.7 else ""
    text = "-" if rng.random() < 0.1 else ""
    for _ in range(int(rng.integers(1, 4))):
        number = DIGIT * int(rng.integers(0, 3))
        power = unknown + (RAISED + DIGIT if rng.random() < 0.5 else "") if rng.random() < 0.8 else ""
        text += (number + power or DIGIT) + blank + _any(_TERMS, rng) + blank
    text += DIGIT * int(rng.integers(1, 3))
    gap = rng.uniform(-0.05, 0.3)
    write_text(sheet, writing, rng, _begin(sheet, rng), text, gap=gap, slope=_slope(rng))


def write_signs(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """Signs of arithmetic in a row, wide apart, and no digit; one alone, too."""
    count = 1 if rng.random() < 0.4 else int(rng.integers(2, 8))
    text = "  ".join(_any(_ALONE, rng) for _ in range(count))
    write_text(sheet, writing, rng, _begin(sheet, rng), text, gap=0.0, slope=_slope(rng))


def write_format(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> None:
    """A date, a time, an amount or the like."""
    text = _FORMATS[int(rng.integers(len(_FORMATS)))]
    gap = rng.uniform(-0.1, 0.3)
    write_text(sheet, writing, rng, _begin(sheet, rng), text, gap=gap, slope=_slope(rng))


def write_words(sheet: Sheet, writing: Writing, rng: np.random.Generator, *, digits: bool) -> None:
    """Lines of words, with numbers among them or none."""
    height = writing.hand.height
    pitch = height * rng.uniform(1.1, 2.0)
    y = rng.uniform(0.0, pitch)
    while y < sheet.shape[0] + height / 2:
        text = ""
        while len(text) < 24:
            number = digits and rng.random() < 0.5
            text += DIGIT * int(rng.integers(1, 4)) if number else LETTER * int(rng.integers(2, 8))
            text += " " if rng.random() < 0.8 else _any(",.-:", rng)
        at = (rng.uniform(-2.0, 0.5) * height, y)
        write_text(sheet, writing, rng, at, text, gap=rng.uniform(-0.05, 0.2), words=not digits)
        y += pitch


def _any(characters: str, rng: np.random.Generator) -> str:
    return characters[int(rng.integers(len(characters)))]


def _begin(sheet: Sheet, rng: np.random.Generator) -> tuple[float, float]:
    """Where a line begins that stands alone."""
    height, unit = sheet.shape[0], sheet.unit
    return float(rng.uniform(-0.3, 1.5)) * unit, height / 2 + float(rng.uniform(-0.3, 0.3)) * (height - unit)


def _slope(rng: np.random.Generator) -> float:
    return float(np.tan(np.deg2rad(rng.normal(0.0, 3.0))))
