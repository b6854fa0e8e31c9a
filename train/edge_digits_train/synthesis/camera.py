"""The camera that training pictures are taken with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray

#: Unit noise to cut patches from: drawing it anew for each picture took a fifth of all time.
_NOISE = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)


def take(shot: NDArray[np.float32], contrast: float, rng: np.random.Generator, size: float) -> Gray:
    """Blur, noise, eight bits, and sometimes JPEG: what a person could still read.

    Args:
        shot: the light that comes from the paper, float32 [H, W] of grey levels.
        contrast: the difference of ink and paper in grey levels: the noise stays below a tenth of it, or at 0.3.
        rng: decides all.
        size: of a digit with some room, pixels: the blur's standard deviation stays below a fortieth of it.

    Returns:
        uint8 [H, W].
    """
    height, width = shot.shape
    if rng.random() < 0.7:
        shot = np.asarray(cv2.GaussianBlur(shot, (0, 0), rng.uniform(0.3, max(0.5, 0.025 * size))), np.float32)
    if rng.random() < 0.8:
        y, x = (int(rng.integers(0, max(1, _NOISE.shape[0] - n))) for n in shot.shape)
        deviation = np.float32(rng.uniform(0.3, max(0.3, min(8.0, 0.1 * contrast))))
        shot = shot + _NOISE[y : y + height, x : x + width] * deviation
    picture = np.clip(shot, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return picture
