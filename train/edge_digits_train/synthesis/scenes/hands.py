"""How one person writes in one scene: size, slant and pen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_digits_train.synthesis import affine

#: Widths of pens, as fractions of the digits' height, where the hand has none of its own.
_PENS = (0.05, 0.17)


@dataclass(frozen=True)
class Hand:
    """How one person writes in one scene.

    Attributes:
        height: of digits, pixels.
        slant: shear along x.
        angle: rotation, degrees.
        width: a factor of the digits' width.
        jitter: standard deviation of the height that digits stand at, of their height.
        pen: width of its strokes, pixels.
        own_pen: whether pictures of digits are drawn with that pen too, or keep that of each.
        zero_size, one_size: zeros, and ones, are so many times as high as other digits.
        joined: share of neighbours that a stroke joins.
    """

    height: float
    slant: float
    angle: float
    width: float
    jitter: float
    pen: float
    own_pen: bool
    zero_size: float = 1.0
    one_size: float = 1.0
    joined: float = 0.0

    def size(self, rng: np.random.Generator, label: int) -> float:
        """The height of a digit, pixels."""
        return float(self.height * np.exp(rng.normal(0.0, 0.08))) * self.relative(label)

    def relative(self, label: int) -> float:
        """How many times as high as other digits this one is."""
        return {0: self.zero_size, 1: self.one_size}.get(label, 1.0)

    def linear(self, rng: np.random.Generator, slanted: float = 1.0) -> affine.Matrix:
        """The map of a character, `slanted` so many times as digits are: float64 [2, 2]."""
        angle, slant, width = rng.normal(0.0, (3.0, 0.05, 0.07)).tolist()
        return affine.linear_map(self.angle + angle, self.slant * slanted + slant, self.width * np.exp(width), 1.0)


def random_hand(rng: np.random.Generator, height: float, *, regular: bool = False) -> Hand:
    """Anyone's hand, of digits `height` pixels high; a regular one is near to the average."""
    spread = 0.4 if regular else 1.0
    own_pen = not regular and rng.random() >= 0.35
    widths = (0.056, 0.17) if own_pen else _PENS
    return Hand(
        height,
        slant=float(rng.normal(-0.12, 0.22 * spread)),
        angle=float(rng.normal(0.0, 4.0 * spread)),
        width=float(np.exp(rng.normal(0.0, 0.15 * spread))),
        jitter=float(rng.uniform(0.0, 0.12 * spread)),
        pen=height * float(np.exp(rng.uniform(*np.log(widths)))),
        own_pen=own_pen,
        zero_size=1.0 if regular or rng.random() < 0.65 else float(rng.uniform(0.5, 0.9)),
        one_size=1.0 if regular or rng.random() < 0.7 else float(rng.uniform(1.15, 1.7)),
        joined=0.0 if regular or rng.random() < 0.8 else float(rng.uniform(0.1, 0.6)),
    )
