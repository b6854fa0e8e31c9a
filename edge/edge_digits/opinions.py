"""Two opinions of one candidate, the finder's and the classifier's, made one.

Whether there is a digit and which one it is are weighed apart: the classifier sees a digit without its surroundings and
takes a piece of a grid's line for a one; the finder sees the surroundings and takes unknown letters for digits. The
weights are those of a logistic regression on composed scenes (`scripts/weigh_opinions.py` prints them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Candidate, Ground

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


#: For ink in pages: that fills the place where the finder saw a digit, and what is left of it among others'.
CLEAN = Weights(finder=2.304, classifier=0.203, constant=0.408, finder_class=1.363, classifier_class=0.339)
UNCLEAN = Weights(finder=1.609, classifier=0.087, constant=0.141, finder_class=1.58, classifier_class=0.082)
#: For crops: each opinion as if there were no other, since both must see a digit.
CROP_FINDER = Weights(finder=2.0, classifier=0.0, constant=0.4, finder_class=1.24, classifier_class=0.6)
CROP_CLASSIFIER = Weights(finder=0.0, classifier=0.64, constant=-0.88, finder_class=1.24, classifier_class=0.6)


def join(candidates: list[Candidate], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities of each class and, last, of no digit.

    Args:
        candidates: N of them; those of which the finder says nothing are the classifier's alone.
        probabilities: float32 [N, C], the classifier's; what a row lacks of 1 is for no digit.

    Returns:
        float32 [N, C + 1].
    """
    there = np.clip(probabilities.sum(axis=1, keepdims=True), _LEAST, 1.0 - _LEAST)
    classes, none = np.log(np.maximum(probabilities, _LEAST)), np.log(1.0 - there)
    for ground in Ground:
        told = [row for row, one in enumerate(candidates) if one.logits is not None and one.ground == ground]
        if not told:
            continue
        logits = np.array([candidates[row].logits for row in told], np.float32)
        if ground == Ground.CROP:
            odds, shares = evidence(logits, probabilities[told], CROP_FINDER)
            other, _ = evidence(logits, probabilities[told], CROP_CLASSIFIER)
            # A line's rest looks like a one without its surroundings, and a letter unknown to both like a digit to one.
            digit = -np.logaddexp(0.0, -odds) - np.logaddexp(0.0, -other)
            none[told] = np.log1p(-np.exp(np.minimum(digit, np.log(1.0 - _LEAST))))
        else:
            odds, shares = evidence(logits, probabilities[told], CLEAN if ground == Ground.CLEAN else UNCLEAN)
            digit = -np.logaddexp(0.0, -odds)
            none[told] = -np.logaddexp(0.0, odds)
        classes[told] = shares + digit
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
