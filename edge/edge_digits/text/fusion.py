"""What the networks say of one candidate, made one opinion.

A find of a scene has two: the finder sees it from afar, and the reader of windows closely. Whether there is a character
at all and which one it is are weighed apart (`text.weights`), and what stands beside it in its line counts, too
(`text.neighbours`). Of a glyph that a rule cut out, a classifier of crops alone has an opinion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Candidate, Line
from edge_digits.find.glyph import Kind
from edge_digits.results import DIGITS
from edge_digits.text import neighbours
from edge_digits.text.weights import BASE, LINE, WEIGHTS, Weights

_LEAST = 1e-6


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Scores:
    """Log probabilities of N candidates.

    Attributes:
        classes: float32 [N, C + 1], of each class and, last, of no digit.
        signs: float32 [N, S], of each sign; S is 0 where none is known.
    """

    classes: NDArray[np.float32]
    signs: NDArray[np.float32]


#: A digit is likely from these log odds on, and sure enough to be the only one of a picture.
_LIKELY, _SURE_ALONE = 0.5, 1.2
#: It lacks company all the same where more of the picture than this is other ink: on cloth, gravel or stars.
_CROWDED = 0.003
#: The least confidence of what is read in a scene: in composed scenes, one digit in sixteen is refused by it.
THRESHOLD = 0.5
#: Who gives a crop of one digit says that there is one: its log odds against no digit are so much higher than those of
#: pictures of which three in thirteen are none, as classifiers of crops are trained on, or of crops of anything.
GIVEN = 1.5


def join(
    lines: list[Line], probabilities: NDArray[np.float32], weights: Mapping[Kind, Weights] = WEIGHTS[BASE]
) -> Scores:
    """The opinions of all candidates of one look at a picture.

    Args:
        lines: of candidates, N of them in all: finds of a scene, or glyphs that a rule cut out.
        probabilities: float32 [N, K], the classifier's; what a row lacks of 1 is for no digit. Of finds, K are the
            finder's characters.
        weights: of finds, what the finder and this classifier count (`text.weights`).
    """
    candidates = [candidate for line in lines for candidate in line.candidates]
    if not candidates or candidates[0].place is None:
        return Scores(_of_glyphs(candidates, probabilities), np.zeros((len(candidates), 0), np.float32))
    context = np.concatenate([neighbours.context(line) for line in lines])  # [N, K]
    characters = _of_finds(candidates, probabilities, context, weights)  # [N, K]
    digits, signs = characters[:, : len(DIGITS)], characters[:, len(DIGITS) :]
    if candidates[0].alone:
        none = np.log1p(-np.minimum(np.exp(digits).sum(axis=1, keepdims=True), 1.0 - _LEAST))
        none[:] = none.min()  # boxes of one digit: there is none where none of them holds one
        return Scores(_normalized(np.hstack([digits, none])), signs)
    odds, no_sign = digit_or_nothing(characters)  # [N] each
    boxes = _boxes(candidates)
    odds = odds - neighbours.within_signs(boxes, signs)
    own, first = odds.copy(), 0
    surest = int(own.argmax())
    place = candidates[surest].place
    crowded = place is not None and place.elsewhere > _CROWDED
    for line in lines if len(candidates) > 1 or crowded else ():
        rows = slice(first, first + len(line.candidates))
        odds[rows] = neighbours.in_line(own[rows], boxes[rows], LINE)
        first = rows.stop
    if not crowded and (own > _LIKELY).sum() == 1 and own[surest] > _SURE_ALONE:
        odds[surest] = own[surest]  # the only digit of its picture lacks no company
    digit = no_sign / (1.0 + np.exp(-odds))  # [N]
    digits = digits - np.logaddexp.reduce(digits, axis=1)[:, None] + np.log(digit)[:, None]
    return Scores(_normalized(np.hstack([digits, np.log1p(-digit)[:, None]])), signs)


def join_each(
    looks: Sequence[list[Line]], probabilities: NDArray[np.float32], weights: Mapping[Kind, Weights]
) -> Scores:
    """The opinions of the candidates of several looks: what is in one region says nothing of another.

    Args:
        looks: the lines of each.
        probabilities, weights: as of `join`, of all looks one after the other.
    """
    ends = np.cumsum([sum(len(line.candidates) for line in lines) for lines in looks])
    parts = [
        join(lines, rows, weights)
        for lines, rows in zip(looks, np.split(probabilities, ends[:-1]), strict=True)
        if len(rows)
    ]
    if not parts:
        return join([], probabilities, weights)
    return Scores(np.concatenate([part.classes for part in parts]), np.concatenate([part.signs for part in parts]))


def digit_or_nothing(characters: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The log odds of a digit against nothing, and the probability that it is no sign: float64 [N] each.

    Whatever stands beside it, a sign stays a sign.

    Args:
        characters: float32 [N, K], log probabilities of digits, then of signs.
    """
    shares = np.exp(characters.astype(np.float64))
    digit = shares[:, : len(DIGITS)].sum(axis=1).clip(_LEAST, 1.0 - _LEAST)
    no_sign = (1.0 - shares[:, len(DIGITS) :].sum(axis=1)).clip(digit + _LEAST / 2, 1.0 - _LEAST / 2)
    return np.log(digit / (no_sign - digit)), no_sign


def join_given(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `join`, of crops that are given to a classifier of crops as one digit each: [N, C] -> float32 [N, C + 1].

    What judges a classifier on labelled crops takes these, so that it counts what the reader reads.
    """
    scores = _log_probabilities(probabilities)
    scores[:, :-1] += GIVEN
    return _normalized(scores)


def evidence(
    logits: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    beyond: NDArray[np.float32],
    context: NDArray[np.float32],
    weights: Weights,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The log odds that there is a character, float32 [N, 1], and log probabilities of which, if so, [N, K].

    Args:
        logits: float32 [N, K], the finder's.
        probabilities: float32 [N, K], the reader's.
        beyond: float32 [N], how much of the strokes lies outside of the box (`find.pieces`).
        context: float32 [N, K], what its line adds to each character.
        weights: what each counts.
    """
    there = np.clip(probabilities.sum(axis=1, keepdims=True), _LEAST, 1.0 - _LEAST)
    odds = (
        weights.finder * logits.max(axis=1, keepdims=True)
        + weights.classifier * np.log(there / (1.0 - there))
        + weights.constant
        - weights.beyond * beyond[:, None]
    )
    seen = np.log(np.maximum(probabilities, _LEAST))
    classes = weights.finder_class * logits + weights.classifier_class * seen + context
    return odds, classes - np.logaddexp.reduce(classes, axis=1)[:, None]


def _of_finds(
    candidates: list[Candidate],
    probabilities: NDArray[np.float32],
    context: NDArray[np.float32],
    weights: Mapping[Kind, Weights],
) -> NDArray[np.float32]:
    """Log probabilities of each character, float32 [N, K]; what they lack of 1 is for no character."""
    places = [candidate.place for candidate in candidates if candidate.place is not None]
    logits = np.array([place.logits for place in places], np.float32)
    beyond = np.array([place.beyond for place in places], np.float32)
    kind = candidates[0].kind
    odds, classes = evidence(logits, probabilities, beyond, context, weights[kind])
    if kind == "crop":
        odds = odds - GIVEN
    return np.asarray(classes - np.logaddexp(0.0, -odds), np.float32)


def _boxes(candidates: list[Candidate]) -> NDArray[np.float64]:
    glyphs = [candidate.glyph for candidate in candidates]
    return np.array([(g.x, g.y, g.x + g.width, g.y + g.height) for g in glyphs], np.float64)


def _of_glyphs(candidates: list[Candidate], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    scores = _log_probabilities(probabilities)
    scores[[candidate.given for candidate in candidates], :-1] += GIVEN
    return _normalized(scores)


def _log_probabilities(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """With what each row lacks of 1 as the last column: [N, C] -> float32 [N, C + 1]."""
    there = np.clip(probabilities.sum(axis=1, keepdims=True), _LEAST, 1.0 - _LEAST)
    return np.asarray(np.log(np.hstack([np.maximum(probabilities, _LEAST), 1.0 - there])), np.float32)


def _normalized(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities whose exponentials sum to 1 in each row."""
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1)[:, None], np.float32)
