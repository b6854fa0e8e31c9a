"""How one person writes in one scene: size, slant and pen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hand:
    """How one person writes in one scene.

    Attributes:
        height: of digits, pixels.
        slant: shear along x.
        angle: rotation, degrees.
        width: a factor of the digits' width.
        jitter: standard deviation of the height that digits stand at, of their height.
        pen: half of its width in pixels; None for that of each digit.
        zero_size: zeros are so many times as high as other digits.
        joined: share of neighbours that a stroke joins.
    """

    height: float
    slant: float
    angle: float
    width: float
    jitter: float
    pen: float | None
    zero_size: float = 1.0
    joined: float = 0.0


def random_hand(rng: np.random.Generator, height: float, *, regular: bool = False) -> Hand:
    """Anyone's hand, of digits `height` pixels high; a regular one is near to the average."""
    spread = 0.4 if regular else 1.0
    return Hand(
        height,
        slant=float(rng.normal(-0.12, 0.22 * spread)),
        angle=float(rng.normal(0.0, 4.0 * spread)),
        width=float(np.exp(rng.normal(0.0, 0.15 * spread))),
        jitter=float(rng.uniform(0.0, 0.12 * spread)),
        pen=None if regular or rng.random() < 0.35 else float(height * np.exp(rng.uniform(*np.log((0.028, 0.085))))),
        zero_size=1.0 if regular or rng.random() < 0.65 else float(rng.uniform(0.5, 0.9)),
        joined=0.0 if regular or rng.random() < 0.8 else float(rng.uniform(0.1, 0.6)),
    )
