"""What a model answers to the pictures of a test set, and how fast."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.text.choice import rejected
from edge_digits.text.fusion import join_given
from edge_digits_train.datasets.labelled import Labelled
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.evaluation import metrics
from edge_digits_train.evaluation.classifiers import Classifier

#: How often a single picture is timed, after so many runs to warm up.
_TIMED, _WARM_UP = 200, 5
#: A slow model is timed for this many seconds, but on 20 pictures at least.
_TIMING_BUDGET = 1.0


@dataclass(frozen=True)
class Timing:
    """Milliseconds a picture: median and 99th percentile of one alone, and the mean of a batch."""

    single: float
    single_p99: float
    batched: float


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Predictions:
    """A model's predictions on labelled pictures.

    Attributes:
        model: the model.
        labels: the text of each of its classes, C of them.
        truth: the class of each picture, int64 [N]; -1 for what shows none of the classes.
        scores: float32 [N, C + 1], log probabilities of each class and, last, of no digit, as the reader has them of a
            picture that is given as one digit.
        blank: bool [N], pictures without ink, in which the reader finds nothing to read.
        timing: how long inference took.
    """

    model: Classifier
    labels: tuple[str, ...]
    truth: NDArray[np.int64]
    scores: NDArray[np.float32]
    blank: NDArray[np.bool_]
    timing: Timing

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """Of each class, float32 [N, C]; what a row lacks of 1 is the probability of no digit."""
        return np.asarray(np.exp(self.scores[:, :-1]), np.float32)

    @cached_property
    def top1(self) -> NDArray[np.int64]:
        """The most probable class of each picture, int64 [N]."""
        return np.asarray(self.scores[:, :-1].argmax(axis=1), np.int64)

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of that class, float32 [N]."""
        return np.asarray(self.probabilities.max(axis=1), np.float32)

    @cached_property
    def refused(self) -> NDArray[np.bool_]:
        """What the reader does not read with the model's own threshold, bool [N]."""
        return rejected(self.scores, self.model.threshold) | self.blank

    @cached_property
    def answers(self) -> NDArray[np.int64]:
        """The class that is read in each picture, int64 [N]; -1 where it is refused."""
        return np.where(self.refused, -1, self.top1)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the answer is right, bool [N]; of what shows none of the classes, whether it is refused."""
        return np.asarray(self.answers == self.truth, np.bool_)

    @cached_property
    def top1_correct(self) -> NDArray[np.bool_]:
        """Whether the most probable class is right, refused or not, bool [N]."""
        return np.asarray(self.top1 == self.truth, np.bool_)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """`metrics.confusion` of the answers, int64 [C + 1, C + 1]."""
        return metrics.confusion(self.truth, self.answers, len(self.labels))

    @cached_property
    def calibration(self) -> metrics.Calibration:
        """How well confidence predicts accuracy."""
        return metrics.calibration(self.confidence, self.top1_correct)

    @cached_property
    def coverage(self) -> metrics.Coverage:
        """Accuracy against coverage."""
        return metrics.coverage(self.confidence, self.top1_correct)

    @cached_property
    def classes(self) -> dict[str, Any]:
        """scikit-learn's classification report of the answers."""
        return metrics.by_class(self.truth, self.answers, self.labels)

    @cached_property
    def confused_pairs(self) -> list[tuple[int, int, NDArray[np.int64]]]:
        """True class, answer and the pictures of each confusion, the most frequent first; refusals do not count.

        The pictures of a confusion are in descending order of confidence.
        """
        wrong = np.flatnonzero(~self.correct & ~self.refused)
        wrong = wrong[np.argsort(-self.confidence[wrong], kind="stable")]
        pictures: dict[tuple[int, int], list[int]] = {}
        for index in wrong:
            pictures.setdefault((int(self.truth[index]), int(self.answers[index])), []).append(int(index))
        return [
            (truth, answer, np.array(indices))
            for (truth, answer), indices in sorted(pictures.items(), key=lambda pair: -len(pair[1]))
        ]

    def errors(self) -> NDArray[np.int64]:
        """Pictures that were not read right: wrong answers, then refusals, each in descending order of confidence."""
        missed = np.flatnonzero(~self.correct)
        return missed[np.lexsort((-self.confidence[missed], self.refused[missed]))]

    def topk(self, index: int, k: int = 3) -> list[tuple[str, float]]:
        """The k most probable classes of a picture with their probabilities."""
        row = self.probabilities[index]
        return [(self.labels[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:k]]

    def label(self, number: int) -> str:
        """The text of a class; of -1, the label of what shows none."""
        return self.labels[number] if number >= 0 else NONE


def predict(model: Classifier, data: Labelled, labels: tuple[str, ...] | None = None) -> Predictions:
    """Run a model on all pictures, and time it.

    Args:
        model: the model.
        data: the pictures.
        labels: what its classes are called, where it does not say itself (`testset.load`).
    """
    labels = labels or model.labels
    classes = {label: number for number, label in enumerate(labels)}
    truth = np.array([classes.get(label, -1) for label in data.labels], np.int64)
    started = time.perf_counter()
    probabilities = model.probabilities(data.pictures)
    batched = (time.perf_counter() - started) / len(data)
    timing = Timing(*(1e3 * seconds for seconds in (*_single(model, data), batched)))
    blank = np.asarray(data.pictures.max(axis=(1, 2)) == 0, np.bool_)
    return Predictions(model, labels, truth, join_given(probabilities), blank, timing)


def _single(model: Classifier, data: Labelled) -> tuple[float, float]:
    """Seconds of one picture alone: median and 99th percentile."""
    seconds: list[float] = []
    for number in range(_TIMED + _WARM_UP):
        started = time.perf_counter()
        model.probabilities(data.pictures[number % len(data)][None])
        seconds.append(time.perf_counter() - started)
        if number > 20 and sum(seconds) > _TIMING_BUDGET:
            break  # as with Keras, which is slow at single pictures
    median, p99 = np.quantile(seconds[_WARM_UP:], [0.5, 0.99])
    return float(median), float(p99)
