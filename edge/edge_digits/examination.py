"""What a picture was read as, with all that led to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Line
from edge_digits.find.search import Look
from edge_digits.imaging.quality import assess, is_assessed
from edge_digits.results import SIGNS, Box, Digit, Reading, Status
from edge_digits.text.assemble import assemble
from edge_digits.text.choice import Choice
from edge_digits.text.fusion import Scores

#: In a number, what is surely a digit is read from this confidence on: without it, the number would be wrong too.
_MIN_CONFIDENCE_IN_NUMBER = 0.3
#: Refused candidates less sure than this are not listed: they are no digits.
_MIN_CONFIDENCE_LISTED = 0.1


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Examination:
    """A reading with all that led to it.

    Attributes:
        reading: the result.
        original: gives the picture as it was given, or decodes it in full.
        looks: what was found in each part of it.
        candidates: all that might be digits, in reading order, with the box and score of each.
    """

    reading: Reading
    original: Callable[[], NDArray[Any]]
    looks: tuple[Look, ...]
    candidates: tuple[Examined, ...]

    @cached_property
    def picture(self) -> NDArray[Any]:
        """The picture in full, in colour where it has any; decoded when first asked for.

        Raises:
            PictureError: there is not the memory for it.
        """
        return self.original()


@dataclass(frozen=True, eq=False)
class Examined:
    """One candidate.

    Attributes:
        seen: uint8 [28, 28], what the classifier saw.
        digit: what it was read as.
        chosen: whether it is on the best path; others are other cuts of the same ink.
    """

    seen: NDArray[np.uint8]
    digit: Digit
    chosen: bool

    @property
    def listed(self) -> bool:
        """Whether it is read, or is sure enough to be listed as a refused digit."""
        return not self.digit.rejected or self.digit.confidence >= _MIN_CONFIDENCE_LISTED


class Acceptance:
    """What of the candidates is read, and as what.

    Args:
        labels: the texts of the classes.
        conf: digits less sure than this are refused.
        strict: also those that are surely a digit, in a number, and unsure only which.
        top_k: how many classes each digit lists.
    """

    def __init__(self, labels: Sequence[str], conf: float, *, strict: bool, top_k: int) -> None:
        self._labels, self._conf, self._strict, self._top_k = labels, conf, strict, top_k

    def examined(
        self,
        lines: list[tuple[Look, Line]],
        inputs: NDArray[np.uint8],
        scores: Scores,
        choice: Choice,
    ) -> tuple[Examined, ...]:
        """What each candidate is read as.

        Args:
            lines: of all looks, each with its look; N candidates in all.
            inputs: uint8 [N, 28, 28], what the classifier saw.
            scores: of the candidates.
            choice: the best path.
        """
        labels = {step.edge: step.label for step in choice.way.steps}
        is_digit = 1.0 - np.exp(scores.classes[:, -1])  # [N]
        probabilities = np.exp(scores.classes[:, :-1])  # [N, C]
        sign_probabilities = np.exp(scores.signs)  # [N, S]
        ranking = np.argsort(-probabilities, axis=1, kind="stable")[:, : self._top_k]  # [N, top_k]
        rows = list(zip(probabilities.tolist(), ranking.tolist(), strict=True))
        examined: list[Examined] = []
        for number, (part, line) in enumerate(lines):
            first = len(examined)
            rows_of_line = slice(first, first + len(line.candidates))
            thresholds = self._thresholds(line, is_digit[rows_of_line])
            signs = self._signs(sign_probabilities[rows_of_line], labels, first)
            for candidate, threshold in zip(line.candidates, thresholds, strict=True):
                row = len(examined)
                if row in signs:
                    box = part.box(candidate.glyph)
                    digit = replace(signs[row], box=box, line=number)
                    examined.append(Examined(inputs[row], digit, row in labels))
                    continue
                # What a constraint asks for is read, however unlikely it looks by itself.
                accepted_from = 0.0 if choice.bound else threshold
                digit = self._digit(*rows[row], labels.get(row), accepted_from, part.box(candidate.glyph), number)
                examined.append(Examined(inputs[row], digit, row in labels))
        return tuple(examined)

    def _signs(self, probabilities: NDArray[np.float32], labels: dict[int, int | None], first: int) -> dict[int, Digit]:
        """What in a line is read as a sign, by the row of its candidate; without its box.

        Args:
            probabilities: float32 [n, S], of each sign, of the line's candidates.
            labels: by row, the class on the best path, None for no digit.
            first: the row of the line's first candidate.
        """
        found = {}
        for place, row in enumerate(probabilities.tolist()):
            if row and labels.get(first + place, 0) is None and max(row) >= self._conf:
                label = SIGNS[row.index(max(row))]
                found[first + place] = Digit(
                    label, max(row), Box(0, 0, 0, 0), topk=((label, max(row)),), rejected=True, sign=True
                )
        return found

    def _thresholds(self, line: Line, is_digit: NDArray[np.floating]) -> list[float]:
        """The confidence from which on each of a line's N candidates is read.

        Args:
            line: the line.
            is_digit: float [N], the probability that each candidate is a digit, whichever.
        """
        sure = is_digit >= self._conf  # [N]
        lower = min(_MIN_CONFIDENCE_IN_NUMBER, self._conf)
        found = any(candidate.place is not None for candidate in line.candidates)
        if not found or self._strict:
            return [self._conf] * len(line.candidates)
        if line.candidates[0].alone:
            # Who gives a crop of one digit says that there is one.
            return [lower if candidate.given else self._conf for candidate in line.candidates]
        number = sure.sum() > 1
        return [lower if number and surely else self._conf for surely in sure]

    def _digit(
        self, probabilities: list[float], ranking: list[int], label: int | None, threshold: float, box: Box, line: int
    ) -> Digit:
        """A candidate as a digit; `label` is the class on the best path, None where it is read as no digit there."""
        shown = ranking[0] if label is None else label
        names = self._labels
        return Digit(
            label=names[shown],
            confidence=probabilities[shown],
            box=box,
            line=line,
            rejected=label is None or probabilities[shown] < threshold,
            topk=tuple((names[i], probabilities[i]) for i in ranking),
        )


def quality_warnings(looks: tuple[Look, ...], candidates: tuple[Examined, ...]) -> tuple[str, ...]:
    """Why the picture may be read badly; of its candidates, those that may be digits are looked at."""
    warnings: list[str] = []
    remaining = iter(candidates)
    for part in looks:
        glyphs = [candidate.glyph for line in part.lines for candidate in line.candidates]
        pairs = [(glyph, next(remaining)) for glyph in glyphs]
        listed = [glyph for glyph, candidate in pairs if candidate.chosen and candidate.listed]
        boxes = [Box(g.x, g.y, g.x + g.width, g.y + g.height) for g in listed]
        if is_assessed(part.gray):  # else its ink need not be found for that
            warnings += assess(part.gray, part.ink, boxes, max(part.gray.shape) / max(part.view.size))
    return tuple(dict.fromkeys(warnings))


def amount_read(examination: Examination) -> float:
    """How much was read: the accepted digits' boxes, by their confidence; scraps count for little."""
    accepted = [digit for digit in examination.reading.digits if not digit.rejected]
    return sum(d.confidence * (d.box.x2 - d.box.x1) * (d.box.y2 - d.box.y1) for d in accepted)


def with_text(reading: Reading, confidence: float) -> Reading:
    """Fill in text, confidence and status from the digits."""
    text = assemble(reading.digits)
    confidence = confidence if text else 0.0
    status: Status = "ok" if text else "no_digits"
    if any(digit.rejected and not digit.sign for digit in reading.digits):
        status = "uncertain"
    return replace(reading, text=text, confidence=confidence, status=status)
