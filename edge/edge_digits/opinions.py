"""Two opinions of one candidate, the finder's and the classifier's, made one.

Whether there is a digit and which one it is are weighed apart: the classifier sees a digit without its surroundings and
takes a piece of a grid's line for a one; the finder sees the surroundings and tells the classes worse. The weights are
those of a logistic regression on composed scenes (`scripts/weigh_opinions.py` prints them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Candidate

_LEAST = 1e-6


@dataclass(frozen=True)
class Weights:
    """What each opinion counts.

    Attributes:
        finder, classifier, constant: of the log odds that there is a digit at all.
        finder_class, classifier_class: of the log probabilities of the classes, if there is one.
    """

    finder: float
    classifier: float
    constant: float
    finder_class: float
    classifier_class: float


#: For ink that fills the place where the finder saw a digit, and for what is left of it among others'.
CLEAN = Weights(finder=1.99, classifier=0.185, constant=0.28, finder_class=1.55, classifier_class=0.226)
UNCLEAN = Weights(finder=1.99, classifier=0.185, constant=0.28, finder_class=1.55, classifier_class=0.226)


def join(candidates: list[Candidate], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities of each class and, last, of no digit.

    Args:
        candidates: N of them; those of which the finder says nothing are the classifier's alone.
        probabilities: float32 [N, C], the classifier's; what a row lacks of 1 is for no digit.

    Returns:
        float32 [N, C + 1].
    """
    there = np.clip(probabilities.sum(axis=1, keepdims=True), _LEAST, 1.0 - _LEAST)
    classes = np.log(np.maximum(probabilities, _LEAST))
    none = np.log(1.0 - there)
    for weights, clean in ((CLEAN, True), (UNCLEAN, False)):
        told = [row for row, one in enumerate(candidates) if one.logits is not None and one.clean == clean]
        if not told:
            continue
        logits = np.array([candidates[row].logits for row in told], np.float32)
        odds, shares = evidence(logits, probabilities[told], weights)
        classes[told] = shares - np.logaddexp(0.0, -odds)
        none[told] = -np.logaddexp(0.0, odds)
    joined = np.hstack([classes, none])
    return np.asarray(joined - np.logaddexp.reduce(joined, axis=1)[:, None], np.float32)


def evidence(
    logits: NDArray[np.float32], probabilities: NDArray[np.float32], weights: Weights
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The log odds that there is a digit, float32 [N, 1], and log probabilities of the classes if so, [N, C]."""
    there = np.clip(probabilities.sum(axis=1, keepdims=True), _LEAST, 1.0 - _LEAST)
    odds = (
        weights.finder * logits.max(axis=1, keepdims=True)
        + weights.classifier * np.log(there / (1.0 - there))
        + weights.constant
    )
    classes = weights.finder_class * logits + weights.classifier_class * np.log(np.maximum(probabilities, _LEAST))
    return odds, classes - np.logaddexp.reduce(classes, axis=1)[:, None]
