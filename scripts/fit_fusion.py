"""Fit how `edge_digits.text.weights` weighs the finder against the reader of windows, on composed scenes.

    python scripts/fit_fusion.py DATA [--pens FILE_OR_FOLDER]... [--model M] [--finder F] [--scenes 3000] [--seed 7]

DATA is what `edge-digits train --data` takes, and --pens likewise. Of the training digits and of the pens, those are
used that training holds out. Prints the weights of scenes, of crops that may be one digit, and of those that are given
as one or are clear; and the threshold from which on digits are read: the least at which one scene without a digit in
twenty gets a false one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from edge_digits.find.glyph import Candidate
from edge_digits.find.search import Look, look
from edge_digits.imaging.pixels import Gray
from edge_digits.imaging.regions import View
from edge_digits.inference.session import DEFAULT_FINDER, DEFAULT_MODEL, Finder, Model
from edge_digits.normalize import window
from edge_digits.results import DIGITS
from edge_digits.text import fusion, neighbours
from edge_digits.text.fusion import digit_or_nothing, evidence
from edge_digits.text.weights import LINE, LineWeights, Weights, weights_of
from edge_digits_train import datasets
from edge_digits_train.datasets.data import BACKGROUND, split, split_writers
from edge_digits_train.recipes import RECIPES
from edge_digits_train.synthesis.augment import Augmentation, shoot
from edge_digits_train.synthesis.negatives import negative
from edge_digits_train.synthesis.scenes import IGNORED, Composer, Scene
from edge_digits_train.training.windows import with_traces

#: Sizes of scenes, height and width in pixels, and of crops that are cut of them, side in heights of a digit.
_SIZES = ((80, 160), (160, 320), (60, 240))
_CROPS = (1.1, 2.0)
#: Of what is given as one digit, this share is none.
_NONE_GIVEN = 0.01
#: What a surer candidate has been taken for already: by its looks it is a digit, or a sign, and yet there is one less.
_AGAIN = -3
#: Digits are read from this share of empty scenes with a false one on; thresholds that are tried.
_FALSE = 0.05
_THRESHOLDS = np.arange(0.3, 0.96, 0.05)


@dataclass(frozen=True, eq=False)
class Opinions:
    """N candidates: the finder's logits [N, K], the reader's probabilities [N, K], how much of the strokes lies outside
    of the box [N], the classes [N], -1 for none, or IGNORED or _AGAIN."""

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    beyond: NDArray[np.float32]
    truth: NDArray[np.int64]

    def weighed(self, weights: Weights) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `fusion.evidence`, by their looks."""
        return evidence(self.logits, self.probabilities, self.beyond, np.zeros_like(self.logits), weights)

    def take(self, which: NDArray[np.bool_]) -> Opinions:
        """Some of the candidates."""
        return Opinions(self.logits[which], self.probabilities[which], self.beyond[which], self.truth[which])


class Gatherer:
    """Shows pictures to both networks."""

    def __init__(self, model: Model, finder: Finder) -> None:
        self._model, self._finder = model, finder
        self.trained = model.card.train

    def look(self, gray: Gray, layout: str) -> Look:
        """What is found in a picture."""
        return look(gray, View(gray.shape[1], gray.shape[0]), layout, self._finder)  # type: ignore[arg-type]

    def opinions(self, rows: list[tuple[Candidate, int]]) -> Opinions:
        """What both say of candidates whose class is known."""
        places = [candidate.place for candidate, _ in rows if candidate.place is not None]
        seen = np.stack([window(place.contrast, place.box) for place in places])
        logits = np.array([place.logits for place in places], np.float32)
        beyond = np.array([place.beyond for place in places], np.float32)
        truths = np.array([truth for _, truth in rows], np.int64)
        return Opinions(logits, self._model.probabilities(seen), beyond, truths)


def compose(composer: Composer, count: int, seed: int) -> Iterator[Scene]:
    """Scenes of the kinds that training has, and as often numbers alone, as people write them."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        if number % 4 == 0:
            indices = rng.integers(0, len(composer), int(rng.integers(2, 11)))
            yield composer.string(rng, indices, touching=number % 8 == 0)
        else:
            yield composer.scene(rng, *_SIZES[number % len(_SIZES)])


@dataclass(frozen=True, eq=False)
class Places:
    """Where N candidates stand: the numbers of their lines [N], their boxes [N, 4], and the numbers of scenes without a
    digit (-1 of the others) [N]."""

    line: NDArray[np.int64]
    box: NDArray[np.float64]
    empty: NDArray[np.int64]


def in_scenes(composer: Composer, gatherer: Gatherer, count: int, seed: int) -> tuple[Opinions, Places]:
    """The candidates of composed scenes, and where they stand."""
    rows: list[tuple[Candidate, int]] = []
    boxes: list[tuple[int, int, int, int]] = []
    empty, lines = [], []
    line_number = 0
    for number, scene in enumerate(compose(composer, count, seed)):
        found = gatherer.look(scene.gray, "page")
        holds_none = not ((scene.classes >= 0) | (scene.classes == IGNORED)).any()
        candidates = [candidate for line in found.lines for candidate in line.candidates]
        here = [(box.x1, box.y1, box.x2, box.y2) for box in (found.box(candidate.glyph) for candidate in candidates)]
        rows += zip(candidates, _truths(scene, candidates, here), strict=True)
        boxes += here
        empty += [number if holds_none else -1] * len(candidates)
        for line in found.lines:
            line_number += 1
            lines += [line_number] * len(line.candidates)
    return gatherer.opinions(rows), Places(np.array(lines), np.array(boxes, np.float64), np.array(empty))


def in_crops(composer: Composer, digits: datasets.Split, gatherer: Gatherer, count: int, seed: int) -> Opinions:
    """The candidates of crops that may be one digit: scans and photographs of one, of what is none, and parts of scenes
    around a digit or sign, with what is beside it."""
    rows: list[tuple[Candidate, int]] = []
    for number in range(count):
        rng = np.random.default_rng((seed, number, 1))
        at, other = rng.integers(0, len(digits), 2)
        kind, truth = rng.random(), int(digits.classes[at])
        if kind < 0.6:
            picture = digits.pictures[at]
            if kind < 0.15:
                truth, picture = BACKGROUND, negative(rng, digits.pictures, digits.classes)
            gray, _ = shoot(picture, truth, digits.pictures[other], rng, Augmentation())
        else:
            scene = composer.scene(rng, 160, 320)
            wanted = np.flatnonzero(scene.classes >= 0)
            if not len(wanted):
                continue
            chosen = int(rng.choice(wanted))
            box, truth = scene.boxes[chosen], int(scene.classes[chosen])
            side = max(box[3] - box[1], box[2] - box[0]) * rng.uniform(*_CROPS)
            middle = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.05, 2) * side
            x1, y1 = (max(0, round(float(value - side / 2))) for value in middle)
            gray = np.ascontiguousarray(scene.gray[y1 : y1 + round(side), x1 : x1 + round(side)])
            if min(gray.shape) < 12:
                continue
        for line in gatherer.look(gray, "digit").lines:
            rows += [(candidate, truth) for candidate in line.candidates]
    return gatherer.opinions(rows)


def in_given(digits: datasets.Split, gatherer: Gatherer, seed: int) -> tuple[Opinions, Opinions]:
    """The candidates of digits as they were scanned, and of as many figures that are none; and of these the boxes of
    all ink, which the reader sees before the finder is asked."""
    rng = np.random.default_rng((seed, 2))
    shown = [(picture, int(label)) for picture, label in zip(digits.pictures, digits.classes, strict=True)]
    shown += [(negative(rng, digits.pictures, digits.classes), BACKGROUND) for _ in shown]
    looks = ((gatherer.look(picture, "digit"), truth) for picture, truth in shown)
    lines = [(line.candidates, truth) for found, truth in looks for line in found.lines]
    opinions = gatherer.opinions([(candidate, truth) for candidates, truth in lines for candidate in candidates])
    return opinions, gatherer.opinions([(candidates[-1], truth) for candidates, truth in lines])


def _truths(scene: Scene, candidates: list[Candidate], boxes: list[tuple[int, int, int, int]]) -> list[int]:
    """The classes of what boxes are of; -1 where it is nothing, IGNORED where that is not known, and _AGAIN where the
    finder has a surer candidate for it."""
    truths, taken = [BACKGROUND] * len(boxes), set()
    sure = [-float(one.place.logits.max()) if one.place is not None else 0.0 for one in candidates]
    for number in np.argsort(sure, kind="stable").tolist():
        which = _of_box(scene, boxes[number])
        if which is not None:
            what = int(scene.classes[which])
            truths[number] = _AGAIN if which in taken and what != IGNORED else what
            taken.add(which)
    return truths


def _of_box(scene: Scene, box: tuple[int, int, int, int]) -> int | None:
    """Which character of a scene a box is of, by its number; None where it is of none."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    around = [
        (abs((b[0] + b[2]) / 2 - x) / max(b[2] - b[0], 8) + abs((b[1] + b[3]) / 2 - y) / max(b[3] - b[1], 8), number)
        for number, b in enumerate(scene.boxes)
        if b[0] - 1 <= x <= b[2] + 1 and b[1] - 1 <= y <= b[3] + 1
    ]
    if not around:
        return None
    off, which = min(around)
    return which if off < 0.5 or scene.classes[which] == IGNORED else None


def fit(opinions: Opinions, none: float | None = None, *, finder: bool = True) -> Weights:
    """The weights of the lowest cross-entropy.

    Args:
        opinions: of candidates.
        finder: whether the finder was asked.
        none: the share of what is no character, among what is to be read; None for that among the candidates.
    """
    there = opinions.truth >= 0
    nothings = float((~there).sum() if none is None else none / (1.0 - none) * there.sum())

    def loss(values: NDArray[np.float64]) -> float:
        odds, classes = opinions.weighed(_weights(values))
        wrong = nothings * np.logaddexp(0.0, odds[~there, 0]).mean()
        right = (np.logaddexp(0.0, -odds[there, 0]) - classes[there, opinions.truth[there]]).sum()
        return float((wrong + right) / (nothings + there.sum()))

    of_finder = (0.0, None if finder else 0.0)
    of_beyond = (0.0, None if opinions.beyond.any() else 0.0)
    bounds = [of_finder, (0.0, None), (None, None), of_finder, (0.0, None), of_beyond]
    start = np.array([0.8, 0.4, 0.0, 0.7, 0.5, 1.0]) if finder else np.array([0.0, 0.8, 0.0, 0.0, 1.0, 1.0])
    start[-1] *= opinions.beyond.any()
    best = minimize(loss, start, method="L-BFGS-B", bounds=bounds, options={"eps": 1e-3})
    return _weights(np.round(best.x, 3))


def _weights(values: NDArray[np.float64]) -> Weights:
    """Those that are fitted, in their order."""
    finder, classifier, constant, finder_class, classifier_class, beyond = (float(value) for value in values)
    return Weights(finder, classifier, constant, finder_class, classifier_class, beyond=beyond)


def report(name: str, opinions: Opinions, weights: Weights) -> None:
    """Print weights, and how often both networks are right, together and each alone."""
    odds, classes = opinions.weighed(weights)
    nothing = 1.0 - opinions.probabilities.sum(axis=1)
    answers = {
        "together": np.where(odds[:, 0] > 0, classes.argmax(axis=1), -1),
        "the finder": np.where(opinions.logits.max(axis=1) > 0, opinions.logits.argmax(axis=1), -1),
        "the reader": np.where(opinions.probabilities.max(axis=1) > nothing, opinions.probabilities.argmax(axis=1), -1),
    }
    print(f"{name}: {len(opinions.truth)} candidates, {100 * (opinions.truth >= 0).mean():.1f} % of them characters")
    print(f"  {weights}")
    print(
        "  right: " + ", ".join(f"{who} {100 * (said == opinions.truth).mean():.2f} %" for who, said in answers.items())
    )


@dataclass(frozen=True, eq=False)
class Lines:
    """What N candidates are by themselves, and what stands beside them: log probabilities of digits and signs, [N, K];
    log odds of a digit against nothing and the probability that it is no sign, [N] each; and `neighbours.terms`."""

    characters: NDArray[np.float32]
    own: NDArray[np.float64]
    no_sign: NDArray[np.float64]
    beside: NDArray[np.float64]

    @classmethod
    def of(cls, opinions: Opinions, places: Places, weights: Weights) -> Lines:
        """Of candidates, with the weights of scenes."""
        odds, classes = opinions.weighed(weights)
        characters = classes - np.logaddexp(0.0, -odds)
        own, no_sign = digit_or_nothing(characters)
        beside = np.zeros((len(own), len(fields(LineWeights))))
        for line in np.unique(places.line):
            here = places.line == line
            beside[here] = neighbours.terms(own[here], places.box[here])
        return cls(characters, own, no_sign, beside)

    def odds(self, weights: LineWeights) -> NDArray[np.float64]:
        """The log odds of each to be a digit, [N]."""
        return np.asarray(self.beside @ astuple(weights), np.float64)

    def confidence(self, weights: LineWeights) -> NDArray[np.float64]:
        """The probability of the likeliest digit, [N]."""
        digits = self.characters[:, : len(DIGITS)]
        share = np.exp(digits.max(axis=1) - np.logaddexp.reduce(digits, axis=1))
        return np.asarray(share * self.no_sign / (1.0 + np.exp(-self.odds(weights))))


def fit_lines(lines: Lines, truth: NDArray[np.int64]) -> LineWeights:
    """The weights of a candidate's own odds to be a digit, rather than nothing, of its company and what covers it."""
    known = (truth != IGNORED) & (truth < len(DIGITS))  # signs stay signs
    signed = np.where(truth >= 0, 1.0, -1.0)

    def loss(values: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0.0, -signed * lines.odds(LineWeights(*values)))[known].mean())

    best = minimize(loss, np.array([1.0, 0.0, 0.0, 0.0]), method="BFGS")
    weights = LineWeights(*(round(float(value), 3) for value in best.x))
    for name, used in (("alone", LineWeights(1.0, 0.0, 0.0, 0.0)), ("in line", weights)):
        print(f"  digit or nothing, {name}: {100 * (signed * lines.odds(used) > 0)[known].mean():.2f} %")
    return weights


def report_threshold(
    confidence: NDArray[np.float64], truth: NDArray[np.int64], empty: NDArray[np.int64], scenes: int
) -> None:
    """Print what thresholds do: false digits in scenes without one, and digits that are refused."""
    digit = (truth >= 0) & (truth < len(DIGITS))
    print(f"thresholds, share of {scenes} empty scenes with a false digit, digits refused")
    for threshold in _THRESHOLDS:
        disturbed = len(np.unique(empty[(empty >= 0) & (confidence >= threshold)]))
        share, refused = disturbed / max(scenes, 1), (confidence[digit] < threshold).mean()
        print(f"  {threshold:.2f}  {100 * share:.2f} %  {100 * refused:.2f} %")
        if share <= _FALSE:
            break


def main() -> None:
    """Print weights and threshold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--pens", action="append", default=[])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--finder", default=DEFAULT_FINDER)
    parser.add_argument("--scenes", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    share = RECIPES["finder"].validation
    data = datasets.load(options.data, pens=options.pens)
    _, held_out = split(data.train, share, 0)
    _, others = split_writers(data.traces, share)
    composer = Composer(held_out.pictures, held_out.classes, others)
    gatherer = Gatherer(Model.load(options.model), Finder.load(options.finder))
    everything, places = in_scenes(composer, gatherer, options.scenes, options.seed)
    known = (everything.truth != IGNORED) & (everything.truth != _AGAIN)
    opinions = everything.take(known)
    weights = fit(opinions)
    report("scenes", opinions, weights)
    lines = Lines.of(everything, places, weights)
    in_lines = fit_lines(lines, everything.truth)
    print(f"  line: {in_lines}")
    scenes = compose(composer, options.scenes, options.seed)
    count = sum(not ((scene.classes >= 0) | (scene.classes == IGNORED)).any() for scene in scenes)
    report_threshold(lines.confidence(in_lines), everything.truth, places.empty, count)
    crops = in_crops(composer, with_traces(held_out, others, 0), gatherer, options.scenes, options.seed)
    report("crops", crops, fit(crops))
    given, of_ink = in_given(held_out, gatherer, options.seed)
    print(f"given crops: {len(given.truth)} candidates\n  {fit(given, _NONE_GIVEN)}")
    print(f"clear crops: {len(of_ink.truth)} candidates\n  {fit(of_ink, _NONE_GIVEN, finder=False)}")
    print(f"in use: {weights_of(gatherer.trained)}, {LINE}, {fusion.THRESHOLD}")


if __name__ == "__main__":
    main()
