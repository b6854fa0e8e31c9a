"""What stands beside a candidate in its line, for and against what the networks say of it.

Other digits speak for a digit. A sign that it would be a part of speaks against it, and so does a surer digit in its
place. Which sign a stroke is, what stands around it says, too.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Line
from edge_digits.find.scene import shared_areas
from edge_digits.results import DIGITS, SIGNS
from edge_digits.text.weights import LineWeights

_LEAST = 1e-6
#: A find is part of another that is larger and covers so much of it; signs that have such parts. Boxes of digits side
#: by side, which lean or touch, cover half of each other at most.
_PART, _WIDE = 0.6, [SIGNS.index(sign) for sign in "+x=%#"]
_OVERLAP = 0.5
#: Company is a digit from these log odds on; heights are alike whose logarithms differ by less. What is longer than
#: others, by less than this, has half of their company: many write long ones, but the lines of forms are longer too.
_COMPANY, _ALIKE, _LONGER = 2.0, 0.3, 0.6
#: What a line adds to the log probabilities of signs: to a slash that may part digits, and to a parenthesis between
#: digits that lacks its other half, which is a bent one. There are digits, and other halves, from these logits on. Not
#: fitted: composed scenes have more ones that lean than hands write, and parentheses without a second one.
_PARTING, _UNPAIRED = 0.75, -3.0
_DIGIT, _HALF = 0.0, -1.0
_SLASH, _OPENING, _CLOSING = (len(DIGITS) + SIGNS.index(sign) for sign in "/()")


def context(line: Line) -> NDArray[np.float32]:
    """What a line says of the characters of each of its candidates beside their looks: float32 [N, K].

    A slash parts digits: where there are some on one side of it alone, it is none the likelier. A parenthesis between
    digits has another half.
    """
    logits = np.array([one.place.logits for one in line.candidates if one.place is not None], np.float32)
    more = np.zeros_like(logits)
    if not len(logits) or line.candidates[0].kind != "scene":
        return more
    digit = _around(logits[:, : len(DIGITS)].max(axis=1) > _DIGIT)
    opened, closed = (_around(logits[:, sign] > _HALF) for sign in (_OPENING, _CLOSING))
    more[digit[0] == digit[1], _SLASH] += _PARTING
    more[digit.all(axis=0) & ~closed[1], _OPENING] += _UNPAIRED
    more[digit.all(axis=0) & ~opened[0], _CLOSING] += _UNPAIRED
    return more


def within_signs(boxes: NDArray[np.float64], signs: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much less the log odds of digits are for the signs that they are part of, as half of an x: float64 [N].

    A stroke is one character's: the odds of the digit are against both that there is nothing and the sign.

    Args:
        boxes: float64 [N, 4], x1, y1, x2, y2.
        signs: float32 [N, S], log probabilities of signs. Those that fill their box count: beside a slash, there may be
            a digit on either side.
    """
    sign = np.exp(signs[:, _WIDE]).sum(axis=1)  # [N]
    shares, areas = _shares(boxes), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    part = (shares > _PART) & (areas > areas[:, None])  # [N, N], whether one is part of another
    against = np.where(part, -np.log(1.0 - np.minimum(sign, 1.0 - _LEAST)), 0.0)  # [N, N]
    return np.asarray(against.max(axis=1, initial=0.0), np.float64)


def covered(odds: NDArray[Any], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each box, beyond a half, one that is more surely a digit covers: float64 [N], 0 to 0.5.

    The flag of a one alone is much like a one.

    Args:
        odds: log odds that each is a digit, by itself.
        boxes: float64 [N, 4], x1, y1, x2, y2.
    """
    shares = np.where(odds > odds[:, None], _shares(boxes), 0.0)  # [N, N]
    return np.asarray(np.maximum(shares.max(axis=1, initial=0.0) - _OVERLAP, 0.0), np.float64)


def company(odds: NDArray[Any], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many others of a line are surely digits and about as high, float64 [N]: 0 for none, 1 for four or more.

    The square root of their share of four: the first says most. Those that are shorter, but not by far, count half.

    Args:
        odds: log odds that each is a digit, by itself.
        heights: of each, pixels.
    """
    longer = np.log(heights[:, None] / heights)  # [N, N], than each other one
    shares = np.where(np.abs(longer) < _ALIKE, 1.0, np.where((longer > 0) & (longer < _LONGER), 0.5, 0.0))
    np.fill_diagonal(shares, 0.0)
    return np.asarray(np.sqrt(np.minimum(shares @ (odds > _COMPANY), 4) / 4))


def terms(odds: NDArray[Any], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """What `LineWeights` weigh, of the candidates of a line, in their order: float64 [N, 4].

    Args:
        odds: log odds that each is a digit, by itself.
        boxes: float64 [N, 4], x1, y1, x2, y2.
    """
    return np.stack([odds, company(odds, boxes[:, 3] - boxes[:, 1]), -covered(odds, boxes), np.ones(len(odds))], axis=1)


def in_line(odds: NDArray[Any], boxes: NDArray[np.float64], weights: LineWeights) -> NDArray[np.float64]:
    """The log odds that the candidates of a line are digits, with what stands beside them: float64 [N].

    Args:
        odds, boxes: as of `terms`.
        weights: what each counts.
    """
    return np.asarray(terms(odds, boxes) @ astuple(weights), np.float64)


def _around(such: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether there is any such before each place, and behind it: bool [2, N]."""
    return np.asarray([np.cumsum(such) > such, np.cumsum(such[::-1])[::-1] > such], np.bool_)


def _shares(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shares of boxes, [N, 4], that each other one covers: [N, N]."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray(shared_areas(boxes[:, None], boxes) / areas[:, None], np.float64)
