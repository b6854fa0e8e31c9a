"""Single pictures of a report: each with its label, what was read in it, and how confidently."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_digits.errors import EdgeDigitsError
from edge_digits.imaging.pixels import shrink, to_gray
from edge_digits.sources.decode import decode
from edge_digits_train.evaluation.evaluation import Evaluation
from edge_digits_train.evaluation.predictions import Predictions
from edge_digits_train.pages.page import Sprites, percent, picture_url

#: The longer side of a file's own picture on the page, pixels.
_ORIGINAL_SIDE = 64


@dataclass(frozen=True)
class Entry:
    """A picture as the page shows it.

    Attributes:
        picture: the element that shows what the model saw.
        label: the text of its class.
        answer: what was read; "refused".
        correct: whether that is right.
        topk: the most probable classes, as text.
        name: the file's name below the folder, or a number.
        original: the file's own picture as a data URL; empty where it is not shown.
        other: what the other model read, if there is one.
    """

    picture: Any
    label: str
    answer: str
    correct: bool
    topk: str
    name: str
    original: str = ""
    other: str = ""


class Entries:
    """Makes entries of an evaluation's pictures."""

    def __init__(self, evaluation: Evaluation, sprites: Sprites) -> None:
        self._evaluation, self._sprites = evaluation, sprites

    def entry(self, index: int, *, with_original: bool = False) -> Entry:
        """A picture with the answer of the model; perhaps with the file's own picture."""
        predictions, data = self._evaluation.predictions, self._evaluation.data
        return Entry(
            picture=self._sprites.html(index),
            label=data.labels[index],
            answer=_answer(predictions, index),
            correct=bool(predictions.correct[index]),
            topk=" · ".join(f"{label} {percent(value, 0)}" for label, value in predictions.topk(index)),
            name=self._name(index),
            original=_original(data.files[index]) if with_original and data.files else "",
        )

    def differing(self, index: int) -> Entry:
        """A picture with the answers of both models and their confidences."""
        evaluation = self._evaluation
        first, second = (f"{_answer(row, index)} {percent(row.confidence[index], 0)}" for row in evaluation.models)
        return Entry(
            picture=self._sprites.html(index),
            label=evaluation.data.labels[index],
            answer=first,
            correct=bool(evaluation.predictions.correct[index]),
            topk="",
            name=self._name(index),
            other=second,
        )

    def _name(self, index: int) -> str:
        data = self._evaluation.data
        return data.names[index] if data.files else f"#{data.names[index]}"


def _answer(predictions: Predictions, index: int) -> str:
    return "refused" if predictions.refused[index] else predictions.label(int(predictions.top1[index]))


def _original(file: Path) -> str:
    try:
        return picture_url(shrink(to_gray(decode(file.read_bytes())), _ORIGINAL_SIDE), quality=50)
    except (OSError, EdgeDigitsError):
        return ""  # it was removed meanwhile
