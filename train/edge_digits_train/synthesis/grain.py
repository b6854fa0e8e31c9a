"""The grain of a pencil or of a dry pen."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray


def pencil(strokes: Gray, cells: tuple[int, int], rng: np.random.Generator) -> Gray:
    """Strokes of uneven strength.

    Args:
        strokes: uint8 [H, W], white on black.
        cells: rows and columns of a grid of independent strengths, between which strengths are interpolated.
        rng: decides how pale the palest strokes may be, and every cell's strength.
    """
    height, width = strokes.shape
    strength = rng.uniform(1.0 - rng.uniform(0.2, 0.7), 1.0, cells).astype(np.float32)
    return np.asarray(strokes * cv2.resize(strength, (width, height)) + 0.5).astype(np.uint8)
