"""Weigh the finder's opinion against the classifier's, on composed scenes: the weights of `edge_digits.opinions`.

    python scripts/weigh_opinions.py DATA [--scenes 3000] [--seed 7]

DATA is what `edge-digits train --data` takes. Of its training digits, those are used that training sets aside.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from scipy.optimize import minimize

from edge_digits.look import look
from edge_digits.normalize import normalize_glyph
from edge_digits.opinions import Weights, evidence
from edge_digits.regions import View
from edge_digits.session import Finder, Model
from edge_digits_train import datasets
from edge_digits_train.recipes import RECIPES
from edge_digits_train.scenes import Composer, Scene

_SIZE = (160, 320)


def candidates(composer: Composer, count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Both opinions of all candidates in composed scenes, what each is (-1: no digit), and whether its ink is clean."""
    maps, model = Finder.load().maps, Model.load()
    logits, seen, truth, clean = [], [], [], []
    for number in range(count):
        scene = composer.scene(np.random.default_rng((seed, number)), *_SIZE)
        found = look(scene.gray, View(_SIZE[1], _SIZE[0]), "page", maps)
        for line in found.lines:
            for candidate in line.candidates:
                box = found.box(candidate.glyph)
                what = _truth(scene, (box.x1, box.y1, box.x2, box.y2))
                if what is not None:
                    logits.append(candidate.logits)
                    seen.append(normalize_glyph(candidate.glyph))
                    truth.append(what)
                    clean.append(candidate.clean)
    return np.array(logits), model.probabilities(np.stack(seen)), np.array(truth), np.array(clean)


def _truth(scene: Scene, box: tuple[int, int, int, int]) -> int | None:
    """The class of the digit that a box is of; -1 where it is of none; None where that cannot be told."""
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
        return None
    return digit if off < 0.5 else -1


def fit(logits: np.ndarray, probabilities: np.ndarray, truth: np.ndarray) -> Weights:
    """The weights of the least cross-entropy."""

    def loss(values: np.ndarray) -> float:
        odds, classes = evidence(logits, probabilities, Weights(*values))
        digit = truth >= 0
        none = np.logaddexp(0.0, odds[~digit, 0]).sum()
        right = (np.logaddexp(0.0, -odds[digit, 0]) - classes[digit, truth[digit]]).sum()
        return float(none + right) / len(truth)

    best = minimize(loss, np.array([1.0, 0.5, 0.0, 0.4, 0.8]), method="Nelder-Mead", options={"maxiter": 2000})
    return Weights(*(round(float(value), 3) for value in best.x))


def report(logits: np.ndarray, probabilities: np.ndarray, truth: np.ndarray) -> None:
    """Print the weights, and what they are worth."""
    weights = fit(logits, probabilities, truth)
    odds, classes = evidence(logits, probabilities, weights)
    alone = np.where(logits.max(axis=1) > 0, logits.argmax(axis=1), -1)
    none = probabilities.max(axis=1) < 1 - probabilities.sum(axis=1)
    said = {
        "together": np.where(odds[:, 0] > 0, classes.argmax(axis=1), -1),
        "the finder": alone,
        "the classifier": np.where(none, -1, probabilities.argmax(axis=1)),
    }
    print(f"  {weights}")
    print("  told right: " + ", ".join(f"{name} {100 * (what == truth).mean():.2f} %" for name, what in said.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--scenes", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    _, held_out = datasets.split(datasets.load(options.data).train, RECIPES["finder"].validation, 0)
    *opinions, clean = candidates(Composer(held_out.pictures, held_out.classes), options.scenes, options.seed)
    for name, which in (("clean", clean), ("unclean", ~clean)):
        part = [array[which] for array in opinions]
        print(f"{name}: {which.sum()} candidates, {100 * (part[2] >= 0).mean():.1f} % of them digits")
        report(*part)
