"""What a network found in a scene -> lines of candidates."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find import layout
from edge_digits.find.glyph import Candidate, Glyph, Line, Place
from edge_digits.find.parts import unexplained
from edge_digits.find.pieces import Pieces, beyond
from edge_digits.find.scene import INKED, Finds, Scale
from edge_digits.results import DIGITS

#: A digit makes a line from this logit on.
_LIKELY_LOGIT = -0.5
#: A stroke has this local contrast; it is a find's own where more than this share of it lies in the box that was found;
#: so far around the box it may reach, in longer sides; boxes lower than this share of the one found are no digit's.
_STROKE, _OWN, _ROOM, _LEAST = 128, 0.6, 0.2, 0.6
#: In heights of a line's digits: how high what stands beside them is at most, how far above and below a digit its
#: middle may stand, and how far beside the digit it may.
_OTHER_HEIGHT, _ABOVE, _BELOW, _BESIDE = 1.8, 0.1, 0.3, 1.5


def scene_lines(found: Finds) -> list[Line]:
    """The lines of a scene from the top, digits and the signs beside them from the left.

    What is likely a digit makes the lines. What may be one, or is a sign, belongs to a line where it stands at its
    height and beside one of its digits; what stands anywhere else is nothing that anyone reads.
    """
    elsewhere = _elsewhere(found)
    candidates = [candidate(found, number, elsewhere=elsewhere) for number in range(len(found.boxes))]
    digit = found.logits[:, : len(DIGITS)].max(axis=1)
    likely = (digit >= _LIKELY_LOGIT) & (digit >= found.logits[:, len(DIGITS) :].max(axis=1, initial=-np.inf))
    of_glyph = {id(c.glyph): c for c, makes_lines in zip(candidates, likely, strict=True) if makes_lines}
    others = [c for c, makes_lines in zip(candidates, likely, strict=True) if not makes_lines]
    lines = []
    for row in layout.with_raised(layout.rows([one.glyph for one in of_glyph.values()])):
        height = layout.height_of(row)
        beside = [other for other in others if _stands_beside(other.glyph, row, height)]
        others = [other for other in others if all(other is not taken for taken in beside)]
        ordered = sorted([of_glyph[id(glyph)] for glyph in row] + beside, key=lambda c: c.glyph.x + c.glyph.width / 2)
        nodes = [replace(one, start=node, end=node + 1) for node, one in enumerate(ordered)]
        lines.append(Line(tuple(nodes), len(nodes) + 1))
    return lines


def _elsewhere(found: Finds) -> float:
    """How much of a picture is ink outside of all finds, at the finest scale that something was found at: a share."""
    if not len(found.boxes):
        return 0.0
    scale = found.looked_at[int(found.scales.max())]
    return float((unexplained(scale.contrast, found.boxes * np.float32(scale.factor)) >= INKED).mean())


def candidate(found: Finds, number: int, *, elsewhere: float = 0.0, is_all: bool = False) -> Candidate:
    """A find, by its number, as a line of its own would have it.

    Args:
        found: all finds.
        number: of this one.
        elsewhere: as of its place.
        is_all: whether it may be all of its picture, so that strokes beyond it are told of.
    """
    scale = found.looked_at[found.scales[number]]
    x1, y1, x2, y2 = found.boxes[number].tolist()
    likely = float(found.logits[number].max()) >= _LIKELY_LOGIT
    shown = _of_ink(scale, found.boxes[number]) if likely else found.boxes[number]
    left, top, right, bottom = shown.tolist()
    x, y = math.floor(left), math.floor(top)
    # Nobody needs its ink by itself.
    ink = np.broadcast_to(np.uint8(0), (max(1, math.ceil(bottom) - y), max(1, math.ceil(right) - x)))
    box = (x1 * scale.factor, y1 * scale.factor, x2 * scale.factor, y2 * scale.factor)
    further = beyond(scale.contrast, box) if is_all else 0.0
    place = Place(scale.contrast, box, found.logits[number], further, elsewhere)
    return Candidate(Glyph(x, y, ink), 0, 1, place=place)


def _of_ink(scale: Scale, box: NDArray[np.floating]) -> NDArray[np.floating]:
    """The box of the strokes that lie in a find's box for the most part, [4]: what is shown of it.

    What a network looks at closely stays the box that was found, as it learnt.
    """
    x1, y1, x2, y2 = (box * scale.factor).tolist()
    pieces = Pieces.around(scale.contrast, (x1, y1, x2, y2), _STROKE, _ROOM)
    own = pieces.within > _OWN * pieces.whole
    own[0] = False
    if not own.any():
        return box
    x, y, w, h = cv2.boundingRect(own[pieces.labels].view(np.uint8))
    if h < _LEAST * (y2 - y1):
        return box
    left, top = pieces.left + x, pieces.top + y
    return np.array([left, top, left + w, top + h]) / scale.factor


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
