"""The rules by which a reading counts as right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge_digits.results import Reading

#: exact: all of the text; silent: nothing is read; grid: each handwritten cell of a grid by itself.
Rule = Literal["exact", "silent", "grid"]


@dataclass(frozen=True)
class Mark:
    """One digit that a program read, with the centre of its box in pixels and how sure it was, 0..1."""

    label: str
    x: float
    y: float
    confidence: float = 1.0


@dataclass(frozen=True)
class Said:
    """What a program read in a picture: its digits without blanks and newlines, and where they are, if it tells."""

    text: str
    marks: tuple[Mark, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True)
class Cell:
    """A labelled cell of a grid: corners clockwise from the top left in pixels, its text, and what kind it is."""

    corners: tuple[tuple[float, float], ...]
    value: str
    kind: str

    def holds(self, mark: Mark) -> bool:
        """Whether the mark's centre lies within the corners, not on their edge."""
        following = (*self.corners[1:], self.corners[0])
        return all(
            (bx - ax) * (mark.y - ay) - (by - ay) * (mark.x - ax) > 0
            for (ax, ay), (bx, by) in zip(self.corners, following, strict=True)
        )


def said(reading: Reading) -> Said:
    """A reading's accepted digits."""
    marks = tuple(
        Mark(d.label, (d.box.x1 + d.box.x2) / 2, (d.box.y1 + d.box.y2) / 2, d.confidence)
        for d in reading.digits
        if not d.rejected
    )
    return Said(re.sub(r"\s", "", reading.text), marks, reading.confidence)


def plain(label: str) -> str:
    """The text of a label: rows follow each other, and `none` is no text."""
    return "" if label == "none" else re.sub(r"[|\s]", "", label)


def align(text: str, label: str) -> tuple[int, list[bool]]:
    """Compare by Levenshtein's edit distance.

    Returns:
        the least number of characters to insert, delete or replace, and for each character of `text` whether a
        character of `label` stands against it that is the same.
    """
    table = [list(range(len(label) + 1))]
    for row, character in enumerate(text, 1):
        above, line = table[-1], [row]
        for column, wanted in enumerate(label, 1):
            line.append(min(above[column] + 1, line[-1] + 1, above[column - 1] + (character != wanted)))
        table.append(line)
    same = [False] * len(text)
    row, column = len(text), len(label)
    while row and column:
        differ = text[row - 1] != label[column - 1]
        if table[row][column] == table[row - 1][column - 1] + differ:
            row, column = row - 1, column - 1
            same[row] = not differ
        elif table[row][column] == table[row - 1][column] + 1:
            row -= 1
        else:
            column -= 1
    return table[-1][-1], same


class Score:
    """Counts over a set, of one program.

    Attributes:
        pictures: how many were read.
        of, right: how many pictures (in a grid: handwritten cells) count, and how many of them are read right.
        digits, edits: of sets with text: digits of the labels, and edit distances to them.
        blank, disturbed: of grids: blank cells, and those that anything was read in.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.pictures = self.of = self.right = self.digits = self.edits = self.blank = self.disturbed = 0

    def add(self, said: Said, label: str, cells: Sequence[Cell] = ()) -> bool:
        """Count a picture; whether all in it is right."""
        self.pictures += 1
        if self.rule == "grid":
            return self._add_grid(said, cells)
        label = plain(label) if self.rule == "exact" else ""
        good = said.text == label
        self.of += 1
        self.right += good
        self.digits += len(label)
        self.edits += align(said.text, label)[0]
        return good

    def _add_grid(self, said: Said, cells: Sequence[Cell]) -> bool:
        good = True
        for cell in cells:
            inside = [mark.label for mark in said.marks if cell.holds(mark)]
            if cell.kind == "handwritten":
                self.of += 1
                self.right += inside == [cell.value]
                good &= inside == [cell.value]
            elif cell.kind == "blank":
                self.blank += 1
                self.disturbed += bool(inside)
                good &= not inside
        return good

    def __str__(self) -> str:
        text = percent(self.right, self.of)
        if self.rule == "grid":
            text += f" (disturbed {percent(self.disturbed, self.blank)})"
        elif self.digits > self.of:
            # Can be less than nothing where a program says far more than there is.
            text += f" (digits {percent(self.digits - self.edits, self.digits)})"
        return text


def bets(said: Said, label: str, cells: Sequence[Cell] = ()) -> list[tuple[float, bool]]:
    """For each digit that was read, how sure the program was and whether it is right.

    In a grid only handwritten and blank cells count; elsewhere digits are held against the label as `align` does.
    """
    if not cells:
        return list(zip((mark.confidence for mark in said.marks), align(said.text, plain(label))[1], strict=True))
    return [
        (mark.confidence, cell.kind == "handwritten" and mark.label == cell.value)
        for mark in said.marks
        for cell in cells
        if cell.kind in ("handwritten", "blank") and cell.holds(mark)
    ]


def percent(part: float, whole: float) -> str:
    """A share in per cent with two digits; a dash of nothing."""
    return f"{100 * part / whole:.2f} %" if whole else "-"
