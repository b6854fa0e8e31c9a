"""Digits and signs that were found -> the text of a reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from edge_digits.choices import SignsName
from edge_digits.results import DIGITS, Digit

#: A gap wider than so many heights of a line's digits parts two groups.
_GROUP_GAP = 1.5


def with_signs(digits: Sequence[Digit], wanted: SignsName) -> tuple[Digit, ...]:
    """Digits in reading order, with the signs among them marked as part of the text or not.

    Args:
        digits: signs among them, refused.
        wanted: "none"; "number", which takes a point or comma between two digits, and a minus sign before one, unless
            another character stands close before it; "all".
    """
    return tuple(
        replace(digit, rejected=not _is_part(digits, place, wanted)) if digit.sign else digit
        for place, digit in enumerate(digits)
    )


def assemble(digits: Sequence[Digit]) -> str:
    """The labels of what was accepted, in reading order: a blank between groups, a newline between lines.

    Args:
        digits: refused ones among them; a sign that is no part of the text parts what stands beside it.
    """
    lines = [list(line) for _, line in groupby(digits, key=lambda digit: digit.line)]
    texts = [_join_groups(line) for line in lines]
    return "\n".join(text for text in texts if text)


def _is_part(digits: Sequence[Digit], place: int, wanted: SignsName) -> bool:
    """Whether the sign at a place is part of the text."""
    if wanted != "number":
        return wanted == "all"
    return _belongs_to_number(digits[place], _neighbour(digits, place, -1), _neighbour(digits, place, 1))


def _neighbour(digits: Sequence[Digit], place: int, step: int) -> Digit | None:
    """The next of its line on one side that is a sign or was accepted."""
    line = digits[place].line
    place += step
    while 0 <= place < len(digits) and digits[place].line == line:
        if digits[place].sign or not digits[place].rejected:
            return digits[place]
        place += step
    return None


def _belongs_to_number(sign: Digit, before: Digit | None, after: Digit | None) -> bool:
    if after is None or after.label not in DIGITS:
        return False
    if sign.label in ".,":
        return before is not None and before.label in DIGITS
    if sign.label != "-":
        return False
    close = before is not None and sign.box.x1 - before.box.x2 <= _GROUP_GAP * (after.box.y2 - after.box.y1)
    return not close


def _join_groups(line: list[Digit]) -> str:
    shown = [digit for digit in line if not digit.rejected]
    if not shown:
        return ""
    heights = sorted(digit.box.y2 - digit.box.y1 for digit in shown if not digit.sign) or [0]
    height = heights[len(heights) // 2]
    parted = {id(right) for left, right in pairwise(line) if left.sign and left.rejected}
    text = shown[0].label
    for left, right in pairwise(shown):
        gap = right.box.x1 - left.box.x2 > _GROUP_GAP * height
        text += (" " if gap or id(right) in parted else "") + right.label
    return text
