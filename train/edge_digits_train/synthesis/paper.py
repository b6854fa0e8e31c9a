"""Paper: the light that falls on it, and the pattern that is printed on it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def lit_crop(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The paper of a single digit's crop in its light, float32 [side, side] of grey levels."""
    level = rng.uniform(90.0, 255.0)
    light = _illumination(side, side, rng, max_gradient=0.35, slopes=(2.0, 6.0), max_shadow=0.35)
    return np.asarray(level * light, np.float32)


def lit_page(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The paper of a scene in its light, float32 [H, W] of grey levels."""
    light = _illumination(height, width, rng, max_gradient=0.5, slopes=(3.0, 12.0), max_shadow=0.45)
    return np.asarray(np.clip(rng.uniform(80.0, 255.0) * light, 0, 255), np.float32)


def security_pattern(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The background of a cheque or form, float32 [H, W], 0..1: waves, hatching, guilloches, weave."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if rng.random() < 0.25:
        step = int(rng.integers(1, 4))
        weave = rng.random((-(-height // step), -(-width // step)), np.float32)
        return np.asarray(cv2.resize(weave, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    pattern = np.zeros((height, width), np.float32)
    sharpness = np.float32(rng.uniform(1.0, 6.0))
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else rng.normal(np.pi / 2, 0.1)
        along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
        across = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
        bend = np.float32(rng.uniform(0.0, 8.0)) * np.sin(across * np.float32(2 * np.pi / rng.uniform(15, 90)))
        period = rng.uniform(3.5, 14.0)
        wave = 0.5 + 0.5 * np.cos((along + bend) * np.float32(2 * np.pi / period))
        pattern = np.maximum(pattern, wave**sharpness)
    return pattern


def _illumination(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    max_gradient: float,
    slopes: tuple[float, float],
    max_shadow: float,
) -> NDArray[np.float32]:
    """Light that falls off to one side, sometimes with a shadow's edge: float32 [H, W] about 1.

    Args:
        height, width: pixels.
        rng: decides all.
        max_gradient: the most that it differs by from side to side.
        slopes: how steep a shadow's edge is, at least and at most: its rise over the longer side.
        max_shadow: the most that a shadow takes.
    """
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(max(height, width)) - 0.5
    angle = rng.uniform(0.0, 2.0 * np.pi)
    along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    light = 1.0 + np.float32(rng.uniform(0.0, max_gradient)) * along
    if rng.random() < 0.15:
        edge = np.clip((along - rng.uniform(-0.4, 0.4)) * rng.uniform(*slopes) + 0.5, 0.0, 1.0)
        light *= 1.0 - np.float32(rng.uniform(0.1, max_shadow)) * edge.astype(np.float32)
    return np.asarray(light, np.float32)
