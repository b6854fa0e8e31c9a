"""Fit the weights of `edge_digits.text.fusion`, of the finder's scores against the classifier's, on composed scenes.

    python scripts/fit_fusion.py DATA [--scenes 3000] [--seed 7]

DATA is what `edge-digits train --data` takes. Of its training digits, those are used that training holds out.
"""

from __future__ import annotations

import argparse
from typing import Any

import cv2
import numpy as np
from scipy.optimize import minimize

from edge_digits.find.net import judged
from edge_digits.find.search import look
from edge_digits.imaging.regions import View
from edge_digits.inference.session import Finder, Model
from edge_digits.normalize import normalize_glyph
from edge_digits.text.fusion import PAGE, Weights, company, evidence, in_line
from edge_digits_train import datasets
from edge_digits_train.datasets.data import BACKGROUND, split
from edge_digits_train.recipes import RECIPES
from edge_digits_train.synthesis.augment import Augmentation, photograph
from edge_digits_train.synthesis.negatives import negative
from edge_digits_train.synthesis.scenes import IGNORED, Composer, Scene

_SIZE = (160, 320)


def candidates(composer: Composer, count: int, seed: int) -> dict[str, np.ndarray]:
    """All candidates in composed scenes: both networks' scores of each, its class, height, line and ground.

    Every other scene is a number on plain paper, as most are that people photograph.
    """
    finder, model = Finder.load(), Model.load()
    rows: dict[str, list[Any]] = {name: [] for name in ("logits", "seen", "truth", "height", "line", "ground")}
    lines = 0
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        if number % 2:
            scene = composer.string(
                rng, rng.integers(0, len(composer), int(rng.integers(2, 11))), touching=number % 4 == 1
            )
        else:
            scene = composer.scene(rng, *_SIZE)
        found = look(scene.gray, View(scene.gray.shape[1], scene.gray.shape[0]), "page", finder)
        for line in found.lines:
            lines += 1
            for candidate in line.candidates:
                box = found.box(candidate.glyph)
                rows["logits"].append(candidate.logits)
                rows["seen"].append(normalize_glyph(candidate.glyph))
                rows["truth"].append(_truth(scene, (box.x1, box.y1, box.x2, box.y2)))
                rows["height"].append(candidate.glyph.height)
                rows["line"].append(lines)
                rows["ground"].append(candidate.ground.value)
    arrays = {name: np.array(values) for name, values in rows.items()}
    return {**arrays, "probabilities": model.probabilities(arrays["seen"])}


def crops(pictures: np.ndarray, labels: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, ...]:
    """As `candidates`, of crops: two fifths hold a digit, as many a negative, the others nothing."""
    finder, model = Finder.load(), Model.load()
    logits, seen, truth = [], [], []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        at, other = rng.integers(0, len(labels), 2)
        kind = rng.random()
        digit = int(labels[at]) if kind < 0.4 else BACKGROUND
        picture = np.zeros_like(pictures[at])
        if kind < 0.8:
            picture = pictures[at] if kind < 0.4 else negative(rng, pictures, labels)
        shot, _ = photograph(picture, digit, pictures[other], rng, Augmentation())
        found = look(shot, View(shot.shape[1], shot.shape[0]), "digit", finder)
        for line in found.lines:
            candidate = judged([line], found.ink, finder.maps)[0].candidates[0]
            logits.append(candidate.logits)
            seen.append(normalize_glyph(candidate.glyph))
            truth.append(digit)
    return np.array(logits), model.probabilities(np.stack(seen)), np.array(truth)


def windows(composer: Composer, count: int, seed: int) -> tuple[np.ndarray, ...]:
    """As `crops`, of windows of composed scenes, about a digit or anywhere: form fields, with what is beside them."""
    finder, model = Finder.load(), Model.load()
    logits, seen, truth = [], [], []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        scene = composer.scene(rng, *_SIZE)
        digits = np.flatnonzero((scene.classes >= 0) & (scene.classes < 10))
        side, middle = rng.uniform(30, 100), rng.uniform((0, 0), _SIZE[::-1])
        if len(digits) and rng.random() < 0.6:
            box = scene.boxes[rng.choice(digits)]
            side = (box[3] - box[1]) * rng.uniform(1.2, 2.2)
            middle = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.08, 2) * side
        x1, y1 = (max(0, round(float(v - side / 2))) for v in middle)
        part = scene.gray[y1 : y1 + round(side), x1 : x1 + round(side)]
        if min(part.shape) < 20:
            continue
        found = look(part, View(part.shape[1], part.shape[0]), "auto", finder)
        for line in found.lines:
            for candidate in judged([line], found.ink, finder.maps)[0].candidates:
                box = found.box(candidate.glyph)
                what = _truth(scene, (box.x1 + x1, box.y1 + y1, box.x2 + x1, box.y2 + y1))
                if what != IGNORED:
                    logits.append(candidate.logits)
                    seen.append(normalize_glyph(candidate.glyph))
                    truth.append(what)
    return np.array(logits), model.probabilities(np.stack(seen)), np.array(truth)


def _truth(scene: Scene, box: tuple[int, int, int, int]) -> int:
    """The class of the digit that a box is of; -1 where it is of none; IGNORED where that is not known."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    around = [
        (abs((b[0] + b[2]) / 2 - x) / max(b[2] - b[0], 8) + abs((b[1] + b[3]) / 2 - y) / (b[3] - b[1]), int(c))
        for b, c in zip(scene.boxes, scene.classes, strict=True)
        if b[0] <= x <= b[2] and b[1] <= y <= b[3]
    ]
    if not around:
        return -1
    off, digit = min(around)
    if digit < 0:
        return IGNORED
    return digit if off < 0.5 and digit < 10 else -1


def fit(logits: np.ndarray, probabilities: np.ndarray, truth: np.ndarray) -> Weights:
    """The weights of the lowest cross-entropy."""

    def loss(values: np.ndarray) -> float:
        odds, classes = evidence(logits, probabilities, Weights(*values))
        digit = truth >= 0
        none = np.logaddexp(0.0, odds[~digit, 0]).sum()
        right = (np.logaddexp(0.0, -odds[digit, 0]) - classes[digit, truth[digit]]).sum()
        return float(none + right) / len(truth)

    best = minimize(loss, np.array([1.0, 0.5, 0.0, 0.4, 0.8]), method="Nelder-Mead", options={"maxiter": 2000})
    return Weights(*(round(float(value), 3) for value in best.x))


def report(weights: Weights, logits: np.ndarray, probabilities: np.ndarray, truth: np.ndarray) -> None:
    """Print weights, and the accuracy that they reach."""
    odds, classes = evidence(logits, probabilities, weights)
    alone = np.where(logits.max(axis=1) > 0, logits.argmax(axis=1), -1)
    none = probabilities.max(axis=1) < 1 - probabilities.sum(axis=1)
    predictions = {
        "together": np.where(odds[:, 0] > 0, classes.argmax(axis=1), -1),
        "the finder": alone,
        "the classifier": np.where(none, -1, probabilities.argmax(axis=1)),
    }
    print(f"  {weights}")
    accuracies = (f"{name} {100 * (classes == truth).mean():.2f} %" for name, classes in predictions.items())
    print("  accuracy: " + ", ".join(accuracies))


def report_crops(logits: np.ndarray, probabilities: np.ndarray, truth: np.ndarray) -> None:
    """Fit the weights of crops, where both networks must see a digit, and print them."""
    digit = truth >= 0

    def log_probabilities(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        finder, classifier, first, second, *classes = values
        odds, shares = evidence(logits, probabilities, Weights(finder, 0.0, first, *classes))
        other, _ = evidence(logits, probabilities, Weights(0.0, classifier, second, *classes))
        return -np.logaddexp(0.0, -odds[:, 0]) - np.logaddexp(0.0, -other[:, 0]), shares

    def loss(values: np.ndarray) -> float:
        log_digit, shares = log_probabilities(values)
        none = np.log1p(-np.exp(np.minimum(log_digit, -1e-6)))[~digit].sum()
        return -float(none + (log_digit[digit] + shares[digit, truth[digit]]).sum()) / len(truth)

    start = np.array([2.0, 0.64, 0.4, -0.88, 1.24, 0.6])
    best = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000})
    finder, classifier, first, second, *classes = (round(float(value), 3) for value in best.x)
    print(f"  {Weights(finder, 0.0, first, *classes)}\n  {Weights(0.0, classifier, second, *classes)}")
    log_digit, shares = log_probabilities(best.x)
    predicted = np.where(log_digit > np.log(0.5), shares.argmax(axis=1), -1)
    right = predicted == truth
    print(f"  accuracy: {100 * right.mean():.2f} %, of digits {100 * right[digit].mean():.2f} %")


def report_lines(odds: np.ndarray, heights: np.ndarray, lines: np.ndarray, truth: np.ndarray) -> None:
    """Fit the weights of what its line says of each candidate, and print them."""
    context = np.concatenate([company(odds[lines == line], heights[lines == line]) for line in np.unique(lines)])
    known, digit = truth != IGNORED, truth >= 0

    def loss(values: np.ndarray) -> float:
        signed = np.where(digit, 1.0, -1.0) * in_line(context, tuple(values))
        return float(np.logaddexp(0.0, -signed[known]).mean())

    best = minimize(loss, np.array([1.0, 0.0, 0.0, 0.0]), method="Nelder-Mead", options={"maxiter": 2000})
    after = in_line(context, tuple(best.x))
    print(f"in line: {tuple(round(float(value), 3) for value in best.x)}")
    for name, log_odds in (("alone", odds), ("in line", after)):
        print(f"  accuracy of digit or not, {name}: {100 * ((log_odds > 0) == digit)[known].mean():.2f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--scenes", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    _, held_out = split(datasets.load(options.data).train, RECIPES["finder"].validation, 0)
    composer = Composer(held_out.pictures, held_out.classes)
    shot = crops(held_out.pictures, held_out.classes, options.scenes, options.seed)
    cut = windows(composer, options.scenes, options.seed)
    in_crops = [np.concatenate(pair) for pair in zip(shot, cut, strict=True)]
    print(f"crops: {len(in_crops[2])}, {100 * (in_crops[2] >= 0).mean():.1f} % of them digits")
    report_crops(*in_crops)
    of_pages = candidates(composer, options.scenes, options.seed)
    odds = np.zeros(len(of_pages["truth"]))
    for ground in PAGE:
        which = of_pages["ground"] == ground.value
        known = which & (of_pages["truth"] != IGNORED)
        print(
            f"{ground}: {known.sum()} candidates, {100 * (of_pages['truth'][known] >= 0).mean():.1f} % of them digits"
        )
        weights = fit(*(of_pages[array][known] for array in ("logits", "probabilities", "truth")))
        report(weights, *(of_pages[array][known] for array in ("logits", "probabilities", "truth")))
        odds[which] = evidence(of_pages["logits"][which], of_pages["probabilities"][which], weights)[0][:, 0]
    report_lines(odds, of_pages["height"], of_pages["line"], of_pages["truth"])
