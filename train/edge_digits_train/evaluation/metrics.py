"""Metrics of predictions: proportions with their intervals, calibration, coverage, significance tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bins of the reliability diagram, as in Guo, Pleiss, Sun and Weinberger 2017.
BINS = 15
#: Points of a curve at most.
_POINTS = 200


@dataclass(frozen=True)
class Proportion:
    """`count` of `total`, as a value in 0..1 with its 95 % interval; NaN where there is nothing to count."""

    count: int
    total: int
    value: float
    low: float
    high: float


def proportion(flags: NDArray[np.bool_]) -> Proportion:
    """How many are true, with the interval of Wilson (1927), which holds near 0 and 1 too, where good models are."""
    from scipy.stats import binomtest

    count, total = int(flags.sum()), len(flags)
    if total == 0:
        return Proportion(0, 0, math.nan, math.nan, math.nan)
    interval = binomtest(count, total).proportion_ci(0.95, method="wilson")
    return Proportion(count, total, count / total, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Calibration:
    """A reliability diagram: by bin of confidence, how many answers it holds, their mean confidence and accuracy.

    `ece` is the expected calibration error (Guo et al. 2017): the mean distance of the two, weighted by the counts. In
    empty bins they are NaN. scikit-learn's `calibration_curve` leaves such bins out and gives no counts.

    Attributes:
        edges: float64 [B + 1], of the bins; each holds its upper edge.
        counts: int64 [B].
        confidence, accuracy: float64 [B], the means.
        ece: 0..1.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    ece: float


def calibration(confidence: NDArray[Any], correct: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """How well confidence, [N] in 0..1, predicts accuracy; `correct` is bool [N]."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    bin_of = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bin_of, confidence, bins) / counts
        accuracy = np.bincount(bin_of, correct, bins) / counts
    ece = float(np.nansum(np.abs(mean - accuracy) * counts) / max(1, len(correct)))
    return Calibration(edges, counts, mean, accuracy, ece)


@dataclass(frozen=True)
class Coverage:
    """Accuracy of the most confident answers, by their share of all pictures.

    Attributes:
        coverage, accuracy: float64 [P], 0..1.
        confidence: float64 [P], the threshold that gives this coverage.
    """

    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    confidence: NDArray[np.float64]


def coverage(confidence: NDArray[Any], correct: NDArray[np.bool_]) -> Coverage:
    """The curve of accuracy against coverage (El-Yaniv and Wiener 2010); answers of equal confidence are one point."""
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    last = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))[: len(descending)]
    if len(last) > _POINTS:
        last = last[np.unique(np.linspace(0, len(last) - 1, _POINTS).round().astype(np.int64))]
    answered = last + 1.0
    return Coverage(
        answered / max(1, len(descending)),
        np.cumsum(correct[order])[last] / answered,
        descending[last].astype(np.float64),
    )


@dataclass(frozen=True)
class McNemar:
    """Two models on the same pictures: counts by which of them is right.

    `p` is the probability of a difference as large by chance, were they equally good (McNemar 1947, in the exact
    binomial form).
    """

    both: int
    first: int
    second: int
    neither: int
    p: float


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """Compare which pictures, bool [N] each, two models get right."""
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    differ = only_first + only_second
    p = float(binomtest(only_first, differ, 0.5).pvalue) if differ else 1.0
    return McNemar(int((first & second).sum()), only_first, only_second, int((~first & ~second).sum()), p)


def confusion(truth: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Counts [classes + 1, classes + 1]: a row a true class, a column an answer.

    The last row is of what is no class, the last column of what was refused: -1 in `truth` and `answers`.
    """
    from sklearn.metrics import confusion_matrix

    matrix = confusion_matrix(truth, answers, labels=[*range(classes), -1])
    return np.asarray(matrix, np.int64)


def by_class(truth: NDArray[np.int64], answers: NDArray[np.int64], labels: tuple[str, ...]) -> dict[str, Any]:
    """scikit-learn's classification report: precision, recall, F1 and support by class that occurs, and averages."""
    from sklearn.metrics import classification_report

    present = sorted((set(truth.tolist()) | set(answers.tolist())) - {-1})
    report: dict[str, Any] = classification_report(
        truth,
        answers,
        labels=present,
        target_names=[labels[number] for number in present],
        output_dict=True,
        zero_division=0,
    )
    return report
