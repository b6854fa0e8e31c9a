"""Two opinions of one candidate, the finder's and the classifier's, made one.

Whether there is a digit and which one it is are weighed apart: the classifier sees a digit without its surroundings and
takes a piece of a grid's line for a one; the finder sees the surroundings and takes unknown letters for digits. The
weights are those of a logistic regression on composed scenes (`scripts/fit_fusion.py` prints them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Ground, Line
from edge_digits.results import DIGITS

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


#: By what a candidate of a page stands on.
PAGE = {
    Ground.ALONE: Weights(finder=3.821, classifier=0.254, constant=-0.733, finder_class=1.382, classifier_class=0.359),
    Ground.CLOSE: Weights(finder=2.331, classifier=0.014, constant=0.566, finder_class=1.587, classifier_class=0.136),
    Ground.REST: Weights(finder=1.631, classifier=0.086, constant=-0.258, finder_class=1.635, classifier_class=-0.01),
}
#: Of a digit's company in its line, as `company` tells it; and a constant.
LINE = (0.937, 1.705, -1.62, -0.936)
#: For crops: each opinion as if there were no other, since both must see a digit. The regression on composed crops,
#: which are harder than most, would let pass what only one of them sees; these are stricter.
CROP_FINDER = Weights(finder=1.4, classifier=0.0, constant=1.6, finder_class=1.1, classifier_class=0.54)
CROP_CLASSIFIER = Weights(finder=0.0, classifier=0.8, constant=-0.3, finder_class=1.1, classifier_class=0.54)
#: For scenes, of which the finder sees all: what its strongest logit counts, a constant, and what its logits count for
#: which character it is.
SCENE = (1.0, 0.0, 1.0)
#: Who gives a crop of one digit says that there is one: its log odds against no digit are so much higher than those of
#: the pictures that the classifier was trained on, of which three in thirteen are none.
GIVEN = 1.5


def join(lines: list[Line], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities of each class and, last, of no digit.

    Args:
        lines: of candidates, N of them in all; those of which the finder says nothing are the classifier's alone.
        probabilities: float32 [N, C], the classifier's; what a row lacks of 1 is for no digit.

    Returns:
        float32 [N, C + 1].
    """
    joined = _log_probabilities(probabilities)
    first = 0
    for line in lines:
        rows = slice(first, first + len(line.candidates))
        first = rows.stop
        if line.candidates and line.candidates[0].ground == Ground.GIVEN:
            joined[rows] = _given(joined[rows])
        elif line.candidates and line.candidates[0].ground == Ground.SCENE:
            joined[rows] = _of_scene(line)[:, : joined.shape[1]]
        elif line.candidates and line.candidates[0].logits is not None:
            logits = np.array([candidate.logits for candidate in line.candidates], np.float32)
            digit, classes = _weighed(line, logits, probabilities[rows], only=len(probabilities) == 1)
            none = np.log1p(-np.exp(np.minimum(digit, np.log(1.0 - _LEAST))))
            joined[rows] = np.hstack([classes + digit, none])
    return _normalized(joined)


def signs(line: Line) -> NDArray[np.float32]:
    """Log probabilities of each sign, float32 [N, S], of a scene's N candidates; S is 0 where the finder knows none."""
    return _of_scene(line)[:, len(DIGITS) + 1 :]


def _of_scene(line: Line) -> NDArray[np.float32]:
    """Log probabilities of the digits, of no digit, and of the signs, float32 [N, 10 + 1 + S]; signs are no digits."""
    logits = np.array([np.concatenate([c.logits, c.signs]) for c in line.candidates], np.float32)  # [N, 10 + S]
    weight, constant, class_weight = SCENE
    odds = weight * logits.max(axis=1, keepdims=True) + constant  # [N, 1]
    classes = class_weight * logits
    classes = classes - np.logaddexp.reduce(classes, axis=1)[:, None] - np.logaddexp(0.0, -odds)  # [N, 10 + S]
    digits = classes[:, : len(DIGITS)]
    none = np.log1p(-np.minimum(np.exp(digits).sum(axis=1, keepdims=True), 1.0 - _LEAST))
    return np.asarray(np.hstack([digits, none, classes[:, len(DIGITS) :]]), np.float32)


def join_given(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `join`, of crops that are given as one digit each (`Ground.GIVEN`): [N, C] -> float32 [N, C + 1].

    What judges a classifier on labelled crops takes these, so that it counts what the reader reads.
    """
    return _normalized(_given(_log_probabilities(probabilities)))


def _log_probabilities(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """The classifier's own, with what each row lacks of 1 as the last column: [N, C] -> float32 [N, C + 1]."""
    there = np.clip(probabilities.sum(axis=1, keepdims=True), _LEAST, 1.0 - _LEAST)
    return np.asarray(np.log(np.hstack([np.maximum(probabilities, _LEAST), 1.0 - there])), np.float32)


def _given(log_probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """With the higher odds of a digit where one is given, not normalised: float32 [N, C + 1]."""
    scores = log_probabilities.copy()
    scores[:, :-1] += GIVEN
    return scores


def _normalized(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities whose exponentials sum to 1 in each row."""
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1)[:, None], np.float32)


def _weighed(
    line: Line, logits: NDArray[np.float32], probabilities: NDArray[np.float32], *, only: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Log probabilities that there is a digit, [N, 1], and of the classes if so, [N, C].

    What is the `only` candidate of a picture lacks no company.
    """
    if line.candidates[0].ground == Ground.CROP:
        odds, classes = evidence(logits, probabilities, CROP_FINDER)
        other, _ = evidence(logits, probabilities, CROP_CLASSIFIER)
        # A line's rest looks like a one without its surroundings, and a letter unknown to both like a digit to one.
        return -np.logaddexp(0.0, -odds) - np.logaddexp(0.0, -other), classes
    odds, classes = np.empty((len(logits), 1), np.float32), np.empty_like(logits)
    for ground, weights in PAGE.items():
        rows = np.array([candidate.ground == ground for candidate in line.candidates])
        if rows.any():
            odds[rows], classes[rows] = evidence(logits[rows], probabilities[rows], weights)
    heights = np.array([candidate.glyph.height for candidate in line.candidates], np.float64)
    after = odds if only else in_line(company(odds[:, 0], heights), LINE)[:, None]
    return -np.logaddexp(0.0, -after), classes


def company(odds: NDArray[Any], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a line says of each of its candidates: its odds, the digits beside it, how far it is from them.

    Args:
        odds: log odds that each is a digit, by itself.
        heights: of each, pixels.

    Returns:
        [N, 3]: the odds; how many others of the line are surely digits, up to four, as a share of four; and that times
        the square of the logarithm of its height by theirs, up to 1.
    """
    sure = odds > 0.5
    told = np.zeros((len(odds), 3))
    told[:, 0] = odds
    for i in range(len(odds)):
        others = np.flatnonzero(sure)
        others = others[others != i]
        if len(others):
            told[i, 1] = min(len(others), 4) / 4
            off = np.log(heights[i] / np.median(heights[others]))
            told[i, 2] = told[i, 1] * min(float(off * off), 1.0)
    return told


def in_line(told: NDArray[np.float64], weights: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """The log odds of candidates with what `company` says, [N, 3]; weights of its columns, and a constant."""
    return np.asarray(told @ np.array(weights[:3]) + weights[3], np.float64)


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
