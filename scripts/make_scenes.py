"""Draw a contact sheet of composed scenes, with the boxes that a finder is to find.

    python scripts/make_scenes.py DATA [--pens FILE_OR_FOLDER ...] [-o scenes.png] [--seed 0]

DATA is what `edge-digits train --data` takes: mnist, or a folder of its files; --pens as there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from edge_digits_train import datasets
from edge_digits_train.synthesis.scenes import IGNORED, LABELS, Composer, Scene, strings

_COLUMNS, _ROWS = 6, 16
#: Blue, green, red of the boxes of digits, of signs, of what may be found or not, and of what is not to be found.
_DIGIT, _SIGN, _EITHER, _NEITHER = (60, 160, 30), (220, 120, 0), (160, 160, 160), (40, 40, 230)


def sheet(composer: Composer, seed: int) -> np.ndarray:
    """Scenes with their boxes: green of digits, blue of signs, grey of either, red of what is not to be found."""
    rows = []
    for row in range(_ROWS):
        scenes = [composer.scene(np.random.default_rng((seed, row, column))) for column in range(_COLUMNS)]
        rows.append(np.hstack([_boxed(scene) for scene in scenes]))
    return np.vstack(rows)


def _boxed(scene: Scene) -> np.ndarray:
    drawn = cv2.cvtColor(scene.gray, cv2.COLOR_GRAY2BGR)
    drawn = cv2.resize(drawn, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    for box, label in zip(scene.boxes, scene.classes, strict=True):
        known = _DIGIT if label < 10 else _SIGN
        colour = known if label >= 0 else _EITHER if label == IGNORED else _NEITHER
        x1, y1, x2, y2 = (round(2 * float(v)) for v in box)
        cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, 1)
        if label >= 0:
            cv2.putText(drawn, LABELS[label], (x1 + 1, y1 + 9), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 60, 220), 1)
    return cv2.copyMakeBorder(drawn, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(90, 90, 90))


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
    parser.add_argument("--pens", action="append", default=[])
    parser.add_argument("-o", "--output", type=Path, default=Path("scenes.png"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    loaded = datasets.load(options.data, pens=options.pens)
    drawn = sheet(Composer(loaded.train.pictures, loaded.train.classes, loaded.traces), options.seed)
    below = _strings(loaded, options.seed, drawn.shape[1] // 2)
    cv2.imwrite(str(options.output), np.vstack([drawn, below[:, : drawn.shape[1]]]))
    print(f"{options.output}: scenes to train on, and below them numbers to measure with, apart and touching")
