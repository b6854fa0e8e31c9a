"""What is no writing: clouds and stone, wood and cloth, round things, edges, strands. Grey levels, float32 [H, W]."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float32]


def texture(height: int, width: int, rng: np.random.Generator) -> Levels:
    """A picture of something that nobody wrote, of grey levels 0..255."""
    kind = rng.random()
    kinds = ((0.3, _clouds), (0.45, _fibres), (0.7, _rounds), (0.9, _edges), (1.0, _strands))
    draw = next(draw for until, draw in kinds if kind < until)
    return np.asarray(np.clip(draw(height, width, rng) + np.float32(rng.uniform(30, 220)), 0, 255), np.float32)


def _noise(height: int, width: int, grain_x: float, grain_y: float, rng: np.random.Generator) -> Levels:
    """Noise of unit deviation whose grains are so large, pixels."""
    size = (max(2, round(height / grain_y)) + 1, max(2, round(width / grain_x)) + 1)
    grains = rng.standard_normal(size, np.float32)
    return np.asarray(cv2.resize(grains, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _clouds(height: int, width: int, rng: np.random.Generator) -> Levels:
    """Clouds, foliage, stone."""
    power = rng.uniform(0.2, 0.9)
    levels = np.zeros((height, width), np.float32)
    for grain in (2, 4, 8, 16, 32):
        levels += _noise(height, width, grain, grain, rng) * np.float32(grain**power)
    return levels * np.float32(rng.uniform(10, 45) / max(float(levels.std()), 1e-3))


def _fibres(height: int, width: int, rng: np.random.Generator) -> Levels:
    """Wood along x or y, and cloth, which has both."""
    along, across = rng.uniform(20, 80, 2), rng.uniform(1.5, 6, 2)
    fibres = _noise(height, width, along[0], across[0], rng) * np.float32(rng.uniform(6, 30))
    if rng.random() < 0.5:
        fibres += _noise(height, width, across[1], along[1], rng) * np.float32(rng.uniform(6, 30))
    elif rng.random() < 0.5:
        fibres = _noise(height, width, across[1], along[1], rng) * np.float32(rng.uniform(6, 30))
    return fibres


def _rounds(height: int, width: int, rng: np.random.Generator) -> Levels:
    """Round things, such as coins and cups."""
    levels = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 9))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = int(rng.integers(5, 50))
        axes = (radius, max(3, round(radius * rng.uniform(0.6, 1.2))))
        angle, level = float(rng.uniform(0, 180)), float(rng.uniform(-90, 90))
        cv2.ellipse(levels, centre, axes, angle, 0, 360, level, cv2.FILLED, cv2.LINE_AA)
        if rng.random() < 0.6:
            rim = level + float(rng.uniform(-70, 70))
            cv2.ellipse(levels, centre, axes, angle, 0, 360, rim, int(rng.integers(1, 5)), cv2.LINE_AA)
    if rng.random() < 0.7:
        levels += _noise(height, width, 3, 3, rng) * np.float32(rng.uniform(0, 15))
    return np.asarray(cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.5, 2)), np.float32)


def _edges(height: int, width: int, rng: np.random.Generator) -> Levels:
    """Furniture, bricks, screens: things with corners."""
    levels = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(2, 12))):
        if rng.random() < 0.6:
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            w, h = rng.uniform(3, 70), rng.uniform(3, 50)
            corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) + rng.normal(0.0, 1.0, (4, 2))
        else:
            corners = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2)) * (width, height)
        cv2.fillPoly(levels, [np.rint(corners).astype(np.int32)], float(rng.uniform(-100, 100)), cv2.LINE_AA)
    soft = cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.4, 2))
    return np.asarray(soft + _noise(height, width, 4, 4, rng) * np.float32(rng.uniform(0, 8)), np.float32)


def _strands(height: int, width: int, rng: np.random.Generator) -> Levels:
    """Hair, cables, twigs."""
    levels = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(3, 25))):
        steps = rng.normal(0.0, 8.0, (int(rng.integers(3, 10)), 2))
        points = rng.uniform(0.0, 1.0, 2) * (width, height) + np.cumsum(steps, axis=0)
        level, pen = float(rng.uniform(-90, 90)), int(rng.integers(1, 9))
        cv2.polylines(levels, [np.rint(points).astype(np.int32)], False, level, pen, cv2.LINE_AA)
    soft = cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.5, 2.5))
    return np.asarray(soft + _noise(height, width, 3, 3, rng) * np.float32(rng.uniform(0, 10)), np.float32)
