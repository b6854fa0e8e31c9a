"""What the runner makes of pictures and of scores on its way to a text: vectors for the page that has no server."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
from drawing import crop, page
from numpy.typing import NDArray

from edge_digits.find import Candidate, Glyph, Line
from edge_digits.find.glyph import Kind, Place
from edge_digits.find.pieces import beyond
from edge_digits.imaging.contrast import ink_box, local_contrast
from edge_digits.imaging.pixels import CROP_SIDE, shrink, to_gray, without_faint_colours
from edge_digits.imaging.ring import with_ring
from edge_digits.inference.heatmap import find_peaks
from edge_digits.normalize import window
from edge_digits.results import CHARACTERS
from edge_digits.text import fusion
from edge_digits.text.weights import BASE, LINE, WEIGHTS

Picture = NDArray[np.uint8]


def scenes() -> dict[str, Picture]:
    """One picture for each way through the normalisation, uint8 [H, W] or [H, W, 3] (BGR)."""
    grain = np.random.default_rng(5)
    number = page("427", 28).astype(np.float64)
    height, width = number.shape
    light = np.linspace(0.5, 1.0, width)
    ink = (235.0 - number)[..., None]  # [H, W, 1]
    made = {
        "in shadow": number * light,
        "chalk": 0.8 * (255.0 - number) + grain.normal(0, 3, number.shape),
        "red ink": (np.array([210, 225, 235]) - ink * np.array([0.75, 0.7, 0.1])) * light[:, None],
        "pale": np.array([200, 215, 225]) - 0.2 * ink + grain.normal(0, 2, (height, width, 1)),
        "a strip": page("31", 12)[3:17].astype(np.float64),
        "filled by its ink": _tight("0", 0.14),
        "filled by light ink": 255.0 - _tight("3", 0.2),
        "filled by a bar": _tight("1", 0.14),
    }
    return {name: np.clip(np.rint(picture), 0, 255).astype(np.uint8) for name, picture in made.items()}


def _tight(digit: str, width: float) -> NDArray[np.float64]:
    """A crop that ends where its ink does."""
    picture = crop(digit, 84, width=width)
    rows, columns = np.nonzero(picture < 140)
    return picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(np.float64)


def vectors(crops: Mapping[str, Picture]) -> dict[str, Any]:
    """All that alone.json.gz holds: of these crops, and of our own scenes."""
    pictures = {**crops, **scenes()}
    return {
        "pictures": {name: _normalisation(picture) for name, picture in pictures.items()},
        **_opinions(np.random.default_rng(3)),
    }


def _normalisation(picture: Picture) -> dict[str, Any]:
    height, width = picture.shape[:2]
    contrast = local_contrast(picture)
    ringed, ring = with_ring(shrink(to_gray(picture), CROP_SIDE))
    of_ringed = local_contrast(ringed)
    opposite, _ = with_ring(shrink(to_gray(picture), CROP_SIDE), opposite=True)
    part = (0.1 * width, 0.2 * height, 0.4 * width, 0.9 * height)
    boxes = [tuple(map(float, ink_box(contrast))), part, (-6.0, 3.0, 11.0, 19.0)]
    size = (round(1.3 * width), round(1.3 * height))
    larger = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return {
        "picture": packed(picture),
        "smaller": packed(without_faint_colours(shrink(picture, 90))),
        "larger": packed(larger[: height // 2, : width // 2]),
        "contrast": packed(contrast),
        "ring": ring,
        "contrast of the ringed": packed(of_ringed),
        "contrast of the opposite": packed(local_contrast(opposite)),
        "ink": list(ink_box(of_ringed)),
        "boxes": boxes,
        "windows": [packed(window(contrast, box)) for box in boxes],
        "beyond": [beyond(contrast, box) for box in boxes],
    }


def _opinions(rng: np.random.Generator) -> dict[str, Any]:
    """Cells of a finder and their peaks; logits and probabilities of candidates, and what both say of their lines."""
    cells = rng.normal(-4, 2, (9, 14, len(CHARACTERS) + 4)).astype(np.float32)
    peaks = find_peaks(cells, -1.8)
    # x, width and height; the last but one covers the one before. Of a line of its own, digits cover each other.
    boxes = [(20 * row, 10, height) for row, height in enumerate([30, 28, 44, 12, 30, 29, 31])]
    boxes += [(118, 40, 60), (170, 10, 30), (10, 20, 30), (12, 9, 28), (18, 20, 30)]
    count = len(boxes)
    logits = rng.normal(-3, 1, (count, len(CHARACTERS))).astype(np.float32)
    logits[np.arange(count), rng.integers(0, len(CHARACTERS), count)] += np.float32(5)
    logits[7, CHARACTERS.index("x")] += np.float32(9)
    logits[9:, 1] += np.array((9, 5, 7), np.float32)
    logits[1, CHARACTERS.index("(")] += np.float32(6)
    probabilities = rng.dirichlet(np.full(len(CHARACTERS) + 1, 0.15), count)[:, :-1].astype(np.float32)

    def line(first: int, last: int, kind: Kind, elsewhere: float) -> Line:
        nodes = [(number, number + 1) if kind == "scene" else (0, 1) for number in range(last - first)]
        candidates = [
            Candidate(
                Glyph(boxes[row][0], 0, np.zeros(boxes[row][:0:-1], np.uint8)),
                *ends,
                kind,
                Place(np.zeros((1, 1), np.uint8), (0.0, 0.0, 1.0, 1.0), logits[row], row % 3 / 4, elsewhere),
            )
            for row, ends in zip(range(first, last), nodes, strict=True)
        ]
        return Line(tuple(candidates), nodes[-1][1] + 1)

    joined = []
    cases: list[tuple[list[tuple[int, int]], Kind, float]] = [
        ([(0, 6), (6, 9)], "scene", 0.0),
        ([(9, 12)], "scene", 0.0),
        ([(2, 3)], "scene", 0.0),
        ([(2, 3)], "scene", 0.1),
        ([(0, 2)], "given", 0.0),
        ([(0, 2)], "tiny", 0.0),
        ([(4, 6)], "crop", 0.0),
        ([(3, 4)], "clear", 0.0),
    ]
    for lines, kind, elsewhere in cases:
        rows = slice(lines[0][0], lines[-1][1])
        scores = fusion.join([line(*ends, kind, elsewhere) for ends in lines], probabilities[rows])
        joined.append({"lines": lines, "kind": kind, "elsewhere": elsewhere, "classes": packed(scores.classes)})
    return {
        "cells": packed(cells),
        "peaks": packed(np.column_stack([peaks.x, peaks.y, peaks.width, peaks.height, peaks.logits])),
        "logits": packed(logits),
        "probabilities": packed(probabilities),
        "boxes": boxes,
        "weights": {
            **{kind: asdict(weights) for kind, weights in WEIGHTS[BASE].items()},
            "line": asdict(LINE),
        },
        "joined": joined,
    }


def packed(values: NDArray[Any]) -> dict[str, Any]:
    """An array of uint8 or float32 as JSON can hold it."""
    content = b64encode(np.ascontiguousarray(values).tobytes()).decode()
    return {"shape": list(values.shape), "dtype": values.dtype.name, "data": content}


def unpacked(values: Mapping[str, Any]) -> NDArray[Any]:
    """The array that `packed` was given."""
    return np.frombuffer(b64decode(values["data"]), values["dtype"]).reshape(values["shape"])
