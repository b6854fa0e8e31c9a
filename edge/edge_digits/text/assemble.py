"""Digits that were accepted -> the text of a reading."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from edge_digits.results import Digit

#: A gap wider than so many heights of a line's digits parts two groups.
_GROUP_GAP = 1.5


def assemble(digits: Sequence[Digit]) -> str:
    """The labels of digits and signs in reading order; a blank between groups, a newline between lines."""
    return "\n".join(_join_groups(list(line)) for _, line in groupby(digits, key=lambda digit: digit.line))


def _join_groups(line: list[Digit]) -> str:
    text = line[0].label
    heights = sorted(digit.box.y2 - digit.box.y1 for digit in line)
    height = heights[len(heights) // 2]
    for left, right in pairwise(line):
        text += (" " if right.box.x1 - left.box.x2 > _GROUP_GAP * height else "") + right.label
    return text
