"""Draw a contact sheet of composed scenes, with the boxes that a finder is to find.

    python scripts/make_scenes.py DATA [-o scenes.png] [--seed 0]

DATA is what `edge-digits train --data` takes: mnist, or a folder of its files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from edge_digits_train import datasets
from edge_digits_train.recipes import recipe
from edge_digits_train.synthesis import styles
from edge_digits_train.synthesis.scenes import Composer, Scene, strings

_COLUMNS, _ROWS = 8, 15


def sheet(composer: Composer, seed: int) -> np.ndarray:
    """Scenes in rows, each as it is and with its boxes: green to be found, grey to be found or not."""
    rows = []
    for row in range(_ROWS):
        cells = []
        for column in range(_COLUMNS // 2):
            scene = composer.scene(np.random.default_rng((seed, row, column)))
            cells += [cv2.cvtColor(scene.gray, cv2.COLOR_GRAY2BGR), _boxed(scene)]
        rows.append(
            np.hstack([cv2.copyMakeBorder(c, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(90, 90, 90)) for c in cells])
        )
    return np.vstack(rows)


def _boxed(scene: Scene) -> np.ndarray:
    drawn = cv2.cvtColor(scene.gray, cv2.COLOR_GRAY2BGR)
    for box, digit in zip(scene.boxes, scene.classes, strict=True):
        if digit == -1:
            continue
        colour = (60, 160, 30) if digit >= 0 else (160, 160, 160)
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, 1)
        if digit >= 0:
            cv2.putText(drawn, str(digit), (x1 + 1, y1 + 10), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 60, 220), 1)
    return drawn


def _strings(data: datasets.Data, seed: int, width: int) -> np.ndarray:
    rows = []
    for touching in (False, True):
        for gray, _ in strings(data.test.pictures, data.test.classes, 6, seed, touching=touching):
            row = np.full((gray.shape[0], width), 255, np.uint8)
            row[:, : min(width, gray.shape[1])] = gray[:, :width]
            rows.append(row)
    half = len(rows) // 2
    pairs = [np.vstack(part) for part in (rows[:half], rows[half:])]
    height = max(part.shape[0] for part in pairs)
    padded = [cv2.copyMakeBorder(p, 0, height - p.shape[0], 0, 0, cv2.BORDER_CONSTANT, value=255) for p in pairs]
    return cv2.cvtColor(np.hstack(padded), cv2.COLOR_GRAY2BGR)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("-o", "--output", type=Path, default=Path("scenes.png"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    loaded = datasets.load(options.data)
    written = styles.add_to(loaded.train, recipe("finder").styles, options.seed)
    drawn = sheet(Composer(written.pictures, written.classes), options.seed)
    below = _strings(loaded, options.seed, drawn.shape[1] // 2)
    cv2.imwrite(str(options.output), np.vstack([drawn, below[:, : drawn.shape[1]]]))
    print(f"{options.output}: scenes to train on, and below them numbers to measure with, apart and touching")
