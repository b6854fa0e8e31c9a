"""Weigh the finder's opinion against the classifier's, on composed scenes: prints the weights for `edge_digits.opinions`.

    python scripts/weigh_opinions.py DATA [--scenes 3000] [--seed 7]

DATA is what `edge-digits train --data` takes. Of its training digits, those are used that training sets aside.
"""

from __future__ import annotations

import argparse
from dataclasses import astuple

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


def candidates(composer: Composer, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both opinions of all candidates in composed scenes, and what each is: 0..9, or -1 for no digit."""
    maps, model = Finder.load().maps, Model.load()
    logits, seen, truth = [], [], []
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
    return np.array(logits), model.probabilities(np.stack(seen)), np.array(truth)


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
    print(f"cross-entropy {best.fun:.4f}")
    return Weights(*best.x)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--scenes", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    _, held_out = datasets.split(datasets.load(options.data).train, RECIPES["finder"].validation, 0)
    found = candidates(Composer(held_out.pictures, held_out.classes), options.scenes, options.seed)
    print(f"{len(found[2])} candidates, {100 * (found[2] >= 0).mean():.1f} % of them digits")
    weights = fit(*found)
    print(weights)
    odds, classes = evidence(found[0], found[1], weights)
    label = np.where(odds[:, 0] > 0, classes.argmax(axis=1), -1)
    print(f"told right: {100 * (label == found[2]).mean():.2f} %, by {[round(v, 3) for v in astuple(weights)]}")
    alone = np.where(found[0].max(axis=1) > 0, found[0].argmax(axis=1), -1)
    none = found[1].max(axis=1) < 1 - found[1].sum(axis=1)
    own = np.where(none, -1, found[1].argmax(axis=1))
    print(
        f"the finder alone {100 * (alone == found[2]).mean():.2f} %, the classifier {100 * (own == found[2]).mean():.2f} %"
    )
