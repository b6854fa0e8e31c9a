"""Affine maps of a picture: rotation, shear and zoom about a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]


def linear_map(degrees: float, shear: float, zoom_x: float, zoom_y: float) -> Matrix:
    """Zoom, then shear along x, then rotation: float64 [2, 2]."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, -sin], [sin, cos]])
    return np.asarray(rotation @ np.array([[1.0, shear], [0.0, 1.0]]) @ np.diag([zoom_x, zoom_y]), np.float64)


def carry(linear: Matrix, point: ArrayLike, to: ArrayLike) -> Matrix:
    """The map with this linear part that carries `point` to `to`, both x, y: float64 [2, 3], as OpenCV takes it."""
    shift = np.asarray(to) - linear @ np.asarray(point)
    return np.hstack([linear, shift[:, None]])
