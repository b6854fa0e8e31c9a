"""Smooth curves through a few points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def parse_points(text: str) -> Points:
    """Points written as "x,y x,y ...": float64 [N, 2]."""
    return np.array([pair.split(",") for pair in text.split()], np.float64)


def catmull_rom(points: Points, samples: int) -> Points:
    """A uniform Catmull-Rom spline (Catmull and Rom 1974) through points.

    Args:
        points: float64 [N, 2], two at least.
        samples: points on each of the N - 1 segments, both of its ends among them.

    Returns:
        float64 [(N - 1) * samples, 2].
    """
    # The first and last segment need a neighbour beyond them: the points are mirrored at the ends.
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0.0, 1.0, samples)[:, None]
    segments = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate(segments)
