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
class Detection:
    """A digit that a program read, with the centre of its box, pixels, and its confidence, 0..1."""

    label: str
    x: float
    y: float
    confidence: float = 1.0


@dataclass(frozen=True)
class Answer:
    """What a program read in a picture.

    Attributes:
        text: the digits, without blanks and newlines.
        detections: where they are, if the program gives places.
        confidence: of the whole text, 0..1.
    """

    text: str
    detections: tuple[Detection, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True)
class Cell:
    """A labelled cell of a grid: corners clockwise from the top left in pixels, its text, and what kind it is."""

    corners: tuple[tuple[float, float], ...]
    value: str
    kind: str

    def holds(self, detection: Detection) -> bool:
        """Whether the detection's centre lies within the corners, not on their edge."""
        following = (*self.corners[1:], self.corners[0])
        return all(
            (bx - ax) * (detection.y - ay) - (by - ay) * (detection.x - ax) > 0
            for (ax, ay), (bx, by) in zip(self.corners, following, strict=True)
        )


def answer_of(reading: Reading) -> Answer:
    """The accepted digits of a reading."""
    detections = tuple(
        Detection(d.label, (d.box.x1 + d.box.x2) / 2, (d.box.y1 + d.box.y2) / 2, d.confidence)
        for d in reading.digits
        if not d.rejected
    )
    return Answer(re.sub(r"\s", "", reading.text), detections, reading.confidence)


def label_text(label: str) -> str:
    """The text of a label, in which `|` and blanks part rows and groups; empty for `none`."""
    return "" if label == "none" else re.sub(r"[|\s]", "", label)


def align(text: str, label: str) -> tuple[int, list[bool]]:
    """Align two texts by Levenshtein's edit distance (1966).

    Returns:
        the distance, and for each character of `text` whether it is aligned with an equal character of `label`.
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
    """Counts of one program over a set.

    Attributes:
        pictures: how many were read.
        of, right: how many pictures count (in a grid: handwritten cells), and how many of them are read right.
        digits, edits: in sets with text, the digits of the labels and the sum of edit distances to them.
        blank, disturbed: in grids, the blank cells, and those in which anything was read.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.pictures = self.of = self.right = self.digits = self.edits = self.blank = self.disturbed = 0

    def add(self, answer: Answer, label: str, cells: Sequence[Cell] = ()) -> bool:
        """Count a picture.

        Returns:
            whether all in it is right.
        """
        self.pictures += 1
        if self.rule == "grid":
            return self._add_grid(answer, cells)
        label = label_text(label) if self.rule == "exact" else ""
        right = answer.text == label
        self.of += 1
        self.right += right
        self.digits += len(label)
        self.edits += align(answer.text, label)[0]
        return right

    def _add_grid(self, answer: Answer, cells: Sequence[Cell]) -> bool:
        all_right = True
        for cell in cells:
            inside = [detection.label for detection in answer.detections if cell.holds(detection)]
            if cell.kind == "handwritten":
                self.of += 1
                self.right += inside == [cell.value]
                all_right &= inside == [cell.value]
            elif cell.kind == "blank":
                self.blank += 1
                self.disturbed += bool(inside)
                all_right &= not inside
        return all_right

    def __str__(self) -> str:
        text = percent(self.right, self.of)
        if self.rule == "grid":
            text += f" (false positives {percent(self.disturbed, self.blank)})"
        elif self.digits > self.of:
            # Negative where a program reads far more digits than there are.
            text += f" (digits {percent(self.digits - self.edits, self.digits)})"
        return text


def outcomes(answer: Answer, label: str, cells: Sequence[Cell] = ()) -> list[tuple[float, bool]]:
    """The confidence of each digit that was read, and whether it is right.

    In a grid only digits in handwritten and blank cells count; elsewhere digits are compared with the label by `align`.
    """
    if not cells:
        confidences = [detection.confidence for detection in answer.detections]
        return list(zip(confidences, align(answer.text, label_text(label))[1], strict=True))
    return [
        (detection.confidence, cell.kind == "handwritten" and detection.label == cell.value)
        for detection in answer.detections
        for cell in cells
        if cell.kind in ("handwritten", "blank") and cell.holds(detection)
    ]


def percent(part: float, whole: float) -> str:
    """A share in per cent with two decimals; a dash where `whole` is 0."""
    return f"{100 * part / whole:.2f} %" if whole else "-"
