"""What a network found in a scene -> lines of candidates."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from edge_digits.find import layout
from edge_digits.find.glyph import Candidate, Glyph, Line, Place
from edge_digits.find.scene import Finds
from edge_digits.results import DIGITS

#: A digit makes a line from this logit on.
_LIKELY_LOGIT = -0.5
#: In heights of a line's digits: how high what stands beside them is at most, how far above and below a digit its
#: middle may stand, and how far beside the digit it may.
_OTHER_HEIGHT, _ABOVE, _BELOW, _BESIDE = 1.8, 0.1, 0.3, 1.5


def scene_lines(found: Finds) -> list[Line]:
    """The lines of a scene from the top, digits and the signs beside them from the left.

    What is likely a digit makes the lines. What may be one, or is a sign, belongs to a line where it stands at its
    height and beside one of its digits; what stands anywhere else is nothing that anyone reads.
    """
    candidates = [candidate(found, number) for number in range(len(found.boxes))]
    digit = found.logits[:, : len(DIGITS)].max(axis=1)
    likely = (digit >= _LIKELY_LOGIT) & (digit >= found.logits[:, len(DIGITS) :].max(axis=1, initial=-np.inf))
    of_glyph = {id(c.glyph): c for c, makes_lines in zip(candidates, likely, strict=True) if makes_lines}
    others = [c for c, makes_lines in zip(candidates, likely, strict=True) if not makes_lines]
    lines = []
    for row in layout.rows([candidate.glyph for candidate in of_glyph.values()]):
        height = layout.height_of(row)
        beside = [other for other in others if _stands_beside(other.glyph, row, height)]
        others = [other for other in others if all(other is not taken for taken in beside)]
        ordered = sorted([of_glyph[id(glyph)] for glyph in row] + beside, key=lambda c: c.glyph.x + c.glyph.width / 2)
        nodes = [replace(candidate, start=node, end=node + 1) for node, candidate in enumerate(ordered)]
        lines.append(Line(tuple(nodes), len(nodes) + 1))
    return lines


def candidate(found: Finds, number: int) -> Candidate:
    """A find, by its number, as a line of its own would have it."""
    scale = found.looked_at[found.scales[number]]
    x1, y1, x2, y2 = found.boxes[number].tolist()
    x, y = math.floor(x1), math.floor(y1)
    # Nobody needs its ink by itself.
    ink = np.broadcast_to(np.uint8(0), (max(1, math.ceil(y2) - y), max(1, math.ceil(x2) - x)))
    box = (x1 * scale.factor, y1 * scale.factor, x2 * scale.factor, y2 * scale.factor)
    place = Place(scale.contrast, box, found.logits[number])
    return Candidate(Glyph(x, y, ink), 0, 1, place=place)


def _stands_beside(other: Glyph, row: list[Glyph], height: float) -> bool:
    """Whether something stands beside a digit of a line whose digits are so high, pixels."""
    middle = other.y + other.height / 2
    if other.height > _OTHER_HEIGHT * height:
        return False
    return any(
        digit.y - _ABOVE * height < middle < digit.y + digit.height + _BELOW * height
        and digit.x - _BESIDE * height < other.x + other.width
        and other.x < digit.x + digit.width + _BESIDE * height
        for digit in row
    )
