"""The sheet ends within the picture: beyond its edge lies something else."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits_train.datasets.data import BACKGROUND
from edge_digits_train.synthesis.scenes.sheets import IGNORED, Box
from edge_digits_train.synthesis.scenes.textures import Levels, texture


def surround(
    shot: Levels, boxes: Sequence[Box], classes: Sequence[int], rng: np.random.Generator
) -> tuple[Levels, list[int]]:
    """Cut the sheet along one or two edges and lay it on something.

    Args:
        shot: the light that comes from the sheet, float32 [H, W] of grey levels.
        boxes, classes: what is written on it.
        rng: decides all.

    Returns:
        The light from sheet and surroundings, and the classes: BACKGROUND of what is cut away, IGNORED of what is cut.
    """
    height, width = shot.shape
    if rng.random() < 0.7:
        behind = texture(height, width, rng)
    else:
        behind = np.full((height, width), rng.uniform(10, 240), np.float32)
    sheet = np.ones((height, width), np.float32)
    for _ in range(1 if rng.random() < 0.75 else 2):
        angle = rng.integers(4) * np.pi / 2 + rng.normal(0.0, 0.12)
        across, down = float(np.cos(angle)), float(np.sin(angle))
        far = rng.uniform(0.15, 0.48) * (width * abs(across) + height * abs(down))
        x = (np.arange(width, dtype=np.float32) - width / 2) * across  # [W]
        y = (np.arange(height, dtype=np.float32) - height / 2) * down  # [H]
        inside = np.clip(far - (y[:, None] + x), 0.0, 1.0)
        sheet = np.minimum(sheet, inside.astype(np.float32))
    if rng.random() < 0.5:
        shade = cv2.GaussianBlur(sheet, (0, 0), rng.uniform(1.5, 5))
        behind = behind * (1 - np.float32(rng.uniform(0, 0.5)) * shade)
    left = [_class(box, label, sheet) for box, label in zip(boxes, classes, strict=True)]
    return np.asarray(shot * sheet + behind * (1 - sheet), np.float32), left


def _class(box: Box, label: int, sheet: NDArray[np.float32]) -> int:
    """A class by the corners and the middle of its box: whether they are on the sheet."""
    x1, y1, x2, y2 = box
    xs, ys = np.array([x1, x2, x1, x2, (x1 + x2) / 2]), np.array([y1, y1, y2, y2, (y1 + y2) / 2])
    rows = np.clip(np.rint(ys).astype(int), 0, sheet.shape[0] - 1)
    columns = np.clip(np.rint(xs).astype(int), 0, sheet.shape[1] - 1)
    on_it = sheet[rows, columns] > 0.5
    if on_it.all():
        return label
    return IGNORED if on_it[-1] else BACKGROUND
