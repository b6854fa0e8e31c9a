"""Writes the files of this folder anew: python tests/golden/make.py

normalize.npz holds drawn crops and what `normalize` makes of them: for when that was changed on purpose, and models
were trained for it. scenes.npz holds drawn digits and scenes composed of them: for when the composer was changed. The
pictures read 427; OpenCV cannot write their kind, so this needs Pillow; their tests do not. alone.json.gz holds what
the page without a server must make of pictures and scores as the runner does: for when that was changed on purpose.
"""

from __future__ import annotations

import gzip
import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from drawing import RULINGS, Gray, blank, crop, digits, page, write  # noqa: E402  # it stands beside the tests, not on the path

from edge_digits.find import Candidate, Glyph, Line  # noqa: E402  # after the path is set
from edge_digits.find.glyph import Place  # noqa: E402  # after the path is set
from edge_digits.imaging.contrast import ink_box, local_contrast  # noqa: E402  # after the path is set
from edge_digits.imaging.ink import with_ring  # noqa: E402  # after the path is set
from edge_digits.imaging.pixels import CROP_SIDE, shrink, to_gray, without_faint_colours  # noqa: E402  # after the path is set
from edge_digits.inference.heatmap import find_peaks  # noqa: E402  # after the path is set
from edge_digits.normalize import normalize, window  # noqa: E402  # after the path is set
from edge_digits.results import CHARACTERS  # noqa: E402  # after the path is set
from edge_digits.text import fusion  # noqa: E402  # after the path is set
from edge_digits_train.synthesis.scenes import Composer  # noqa: E402  # after the path is set


def crops() -> dict[str, Gray]:
    """One crop for each thing that photographs do to a digit."""
    grain = np.random.default_rng(7)
    shadow = np.linspace(0.45, 1.0, 64)
    noisy = crop("2", 64) + grain.normal(0, 3, (64, 64))
    ruled = crop("9", 96)
    RULINGS["below"](ruled)
    beside = blank(60, 80)
    write(beside, "8", 48, 6, 38)
    mnist_like = cv2.bitwise_not(crop("3", 28))
    return {
        "plain": crop("4", 64),
        "light on dark": np.asarray(cv2.bitwise_not(crop("5", 64)), np.uint8),
        "28x28": np.asarray(mnist_like, np.uint8),
        "shadow": (crop("7", 64) * shadow).astype(np.uint8),
        "noise": np.clip(np.rint(noisy), 0, 255).astype(np.uint8),
        "ruled": ruled,
        "beside the middle": beside,
        "large, thin": crop("6", 150, width=0.05),
    }


def write_golden() -> None:
    """normalize.npz."""
    made = crops()
    arrays = {f"crop {name}": picture for name, picture in made.items()}
    arrays |= {f"seen {name}": normalize(picture) for name, picture in made.items()}
    np.savez_compressed(HERE / "normalize.npz", allow_pickle=False, **arrays)


#: A table, words and numbers, a number, a sum, a form, digits on a sheet that ends, a texture, an equation, signs,
#: figures. None with printed type, which matplotlib draws and may draw otherwise one day.
SEEDS = (11, 51, 38, 71, 81, 44, 34, 3, 46, 43)


def write_scenes() -> None:
    """scenes.npz."""
    pictures, labels = digits(20)
    composer = Composer(pictures, labels)
    arrays: dict[str, np.ndarray] = {"pictures": pictures, "labels": labels, "seeds": np.array(SEEDS)}
    for number, seed in enumerate(SEEDS):
        scene = composer.scene(np.random.default_rng(seed))
        arrays |= {f"gray {number}": scene.gray, f"boxes {number}": scene.boxes, f"classes {number}": scene.classes}
    np.savez_compressed(HERE / "scenes.npz", allow_pickle=False, **arrays)


def write_pictures() -> None:
    """One file for each kind of picture that cameras do not make, but people have."""
    ink = np.where(page("427", 40) > 140, np.uint8(235), np.uint8(40))
    first, second = Image.fromarray(ink), Image.fromarray(np.full_like(ink, 235))
    first.convert("CMYK").save(HERE / "cmyk.jpg", quality=50)
    transparent = np.dstack([np.zeros((*ink.shape, 3), np.uint8), np.where(ink < 140, 255, 0).astype(np.uint8)])
    Image.fromarray(transparent).quantize(4).save(HERE / "palette.png")
    for name in ("animated.gif", "animated.png", "animated.webp"):
        first.save(HERE / name, save_all=True, append_images=[second], duration=200, lossless=True)


def scenes() -> dict[str, np.ndarray]:
    """One picture for each way through the normalisation, uint8 [H, W] or [H, W, 3] (BGR), beside the crops."""
    grain = np.random.default_rng(5)
    number = page("427", 40)
    height, width = number.shape
    light = np.linspace(0.5, 1.0, width)
    ink = (235.0 - number)[..., None]  # [H, W, 1]
    red = np.array([210, 225, 235]) - ink * np.array([0.75, 0.7, 0.1])
    faint = np.array([200, 215, 225]) - 0.2 * ink + grain.normal(0, 2, (height, width, 1))
    bold = crop("8", 44, width=0.22)
    made = {
        "shadow": number * light,
        "chalk": 0.8 * (255.0 - number) + grain.normal(0, 3, number.shape),
        "red": red * light[:, None],
        "faint": faint,
        "strip": page("31", 12)[3:17],
        "tight": bold[8:-8, 11:-11],
        "tight, light": 255.0 - bold[8:-8, 11:-11],
    }
    return {name: np.clip(np.rint(picture), 0, 255).astype(np.uint8) for name, picture in made.items()}


def normalisation(picture: np.ndarray) -> dict[str, Any]:
    """What the runner makes of a picture on its way to the networks."""
    height, width = picture.shape[:2]
    whole = (0.1 * width, 0.2 * height, 0.4 * width, 0.9 * height)
    work = without_faint_colours(shrink(picture, 90))
    ringed, ring = with_ring(shrink(to_gray(picture), CROP_SIDE))
    contrast = local_contrast(picture)
    larger = cv2.resize(picture, (round(1.3 * width), round(1.3 * height)), interpolation=cv2.INTER_LINEAR)
    of_ring = local_contrast(ringed)
    boxes = [ink_box(contrast), whole, (-6.0, 3.0, 11.0, 19.0)]
    return {
        "picture": array(picture),
        "smaller": array(work),
        "larger": array(np.asarray(larger, np.uint8)),
        "contrast": array(contrast),
        "ring": ring,
        "contrast of the ringed": array(of_ring),
        "ink": list(ink_box(of_ring)),
        "boxes": [list(map(float, box)) for box in boxes],
        "windows": [array(window(contrast, box)) for box in boxes],
    }


def opinions(rng: np.random.Generator) -> dict[str, Any]:
    """Cells of a finder and their peaks; logits and probabilities of the candidates of lines, and what both say."""
    cells = rng.normal(-4, 2, (9, 14, len(CHARACTERS) + 4)).astype(np.float32)
    peaks = find_peaks(cells, -1.8)
    logits = rng.normal(-3, 1, (9, len(CHARACTERS))).astype(np.float32)
    logits[np.arange(9), rng.integers(0, len(CHARACTERS), 9)] += np.float32(5)
    probabilities = rng.dirichlet(np.full(len(CHARACTERS) + 1, 0.15), 9)[:, :-1].astype(np.float32)
    heights = [30, 28, 33, 12, 30, 29, 31, 60, 30]

    def line(first: int, last: int, *, alone: bool, given: bool) -> Line:
        candidates = tuple(
            Candidate(
                Glyph(20 * i, 0, np.zeros((heights[i], 10), np.uint8)),
                0 if alone else i - first,
                1 if alone else i - first + 1,
                alone=alone,
                given=given,
                place=Place(np.zeros((1, 1), np.uint8), (0, 0, 1, 1), logits[i]),
            )
            for i in range(first, last)
        )
        return Line(candidates, 2 if alone else last - first + 1)

    joined = []
    for parts, alone, given in [
        ([(0, 6), (6, 9)], False, False),
        ([(2, 3)], False, False),
        ([(0, 2)], True, True),
        ([(4, 6)], True, False),
    ]:
        lines = [line(first, last, alone=alone, given=given) for first, last in parts]
        rows = slice(parts[0][0], parts[-1][1])
        scores = fusion.join(lines, probabilities[rows])
        joined.append({"lines": parts, "alone": alone, "given": given, "classes": array(scores.classes)})
    return {
        "cells": array(cells),
        "peaks": array(np.column_stack([peaks.x, peaks.y, peaks.width, peaks.height, peaks.logits])),
        "logits": array(logits),
        "probabilities": array(probabilities),
        "heights": heights,
        "joined": joined,
    }


def array(values: np.ndarray) -> dict[str, Any]:
    """An array of uint8 or float32, as JSON can hold it."""
    return {"shape": list(values.shape), "dtype": values.dtype.name, "data": b64encode(values.tobytes()).decode()}


def alone() -> dict[str, Any]:
    """All that alone.json.gz holds."""
    pictures = {**{f"crop {name}": picture for name, picture in crops().items()}, **scenes()}
    return {
        "pictures": {name: normalisation(picture) for name, picture in pictures.items()},
        **opinions(np.random.default_rng(3)),
    }


def write_alone() -> None:
    """alone.json.gz."""
    content = gzip.compress(json.dumps(alone()).encode(), mtime=0)
    (HERE / "alone.json.gz").write_bytes(content)


if __name__ == "__main__":
    write_golden()
    write_alone()
    write_scenes()
    write_pictures()
