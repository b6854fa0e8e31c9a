"""Digits as the schools of many countries teach them, drawn stroke by stroke.

MNIST was written in one country: it hardly knows the open four, the nine that begins in its middle, the looped one and
two, the crossed seven, the zero with a tail. Each style here is a few strokes through points, which are moved,
slanted and drawn with another pen every time; a picture is one of the form that MNIST has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits_train.datasets.data import Labels, Pictures, Split
from edge_digits_train.synthesis import raster
from edge_digits_train.synthesis.curves import Points, catmull_rom, parse_points

#: Points on each segment of a curve.
_SAMPLES = 9
#: How far a point moves, and a stroke after the pen was lifted, as fractions of the height; how the length of such a
#: stroke varies; its slant; how its width varies.
_JITTER, _STROKE_SHIFT, _STROKE_LENGTH, _SLANT, _WIDTH = 0.035, 0.05, 0.15, 0.22, 0.18
#: Widths of pens, pixels.
_PENS = (1.3, 3.4)


@dataclass(frozen=True)
class Style:
    """One way to write a digit.

    Attributes:
        digit: 0..9.
        width: of its height.
        strokes: the points x,y that smooth strokes go through, from 0,0 in the upper left to 100,100 in the lower
            right; a point given twice is a corner, and the pen is lifted at a bar.
        share: how often it is drawn, beside 1 for the other styles of the digit.
    """

    digit: int
    width: float
    strokes: str
    share: float = 1.0


STYLES = (
    # A ring; closed at the top with a loop and a tail; open at the top; closed at the foot with a tail; crossed out.
    Style(0, 0.75, "50,0 13,17 0,50 13,83 50,100 87,83 100,50 87,17 50,0 30,8"),
    Style(0, 0.8, "50,0 13,17 0,50 13,83 50,100 87,83 100,50 87,17 45,2 42,20 75,24 130,8"),
    Style(0, 0.75, "30,10 2,45 14,85 50,100 88,82 100,42 70,2"),
    Style(0, 0.8, "50,97 8,75 8,25 50,0 92,22 95,60 60,95 130,98"),
    Style(0, 0.72, "50,0 13,17 0,50 13,83 50,100 87,83 100,50 87,17 50,0 | 105,-2 -5,102", share=0.3),
    # A bar; with a short flag; with one that falls to the foot, also far out, or begins there; with a foot; looped, of
    # joined hands.
    Style(1, 0.1, "50,0 50,50 50,100"),
    Style(1, 0.3, "0,30 80,0 80,0 80,100"),
    Style(1, 0.55, "0,60 75,0 75,0 85,100"),
    Style(1, 0.6, "0,92 45,50 75,0 75,0 90,100", share=0.7),
    Style(1, 0.9, "0,98 40,55 72,0 72,0 85,100", share=0.6),
    Style(1, 0.5, "0,100 60,0 60,0 95,98"),
    Style(1, 0.5, "5,30 50,0 50,0 50,100 | 5,100 95,99"),
    Style(1, 0.42, "0,70 50,50 85,15 60,0 40,25 40,80 60,100 100,90"),
    # With a loop at the foot; round as a Q; with a corner and a level foot; with a curl, a loop, or a ring as that of a
    # nine, at the beginning.
    Style(2, 0.7, "10,25 42,0 80,20 60,58 20,95 3,88 25,78 60,95 105,90"),
    Style(2, 0.75, "20,35 30,5 70,2 90,35 65,80 25,100 0,84 25,62 65,86 115,100"),
    Style(2, 0.65, "3,18 50,0 92,22 50,65 3,100 3,100 100,100"),
    Style(2, 0.65, "40,32 12,28 15,8 50,0 88,22 50,65 5,98 5,98 50,90 100,100"),
    Style(2, 0.75, "52,45 38,20 50,0 68,12 60,45 22,90 2,96 10,80 42,84 110,74", share=0.6),
    Style(2, 0.75, "68,46 30,52 6,28 40,0 82,14 80,48 42,84 0,99 0,99 50,94 108,96", share=0.7),
    Style(2, 0.75, "62,50 22,44 14,14 52,0 86,22 66,64 20,98 2,88 26,78 60,94 112,86", share=0.7),
    # With a level top; with a loop in the middle.
    Style(3, 0.65, "5,2 90,0 90,0 40,42 40,42 92,60 80,92 40,100 0,88"),
    Style(3, 0.65, "5,12 50,0 85,20 50,46 30,48 45,42 95,68 55,100 0,86"),
    # Open, two strokes: tall, low; as one bend with a stem; one stroke and a short tick, also at the foot; as an h, in
    # two strokes and in one; closed.
    Style(4, 0.75, "35,0 0,62 0,62 100,60 | 78,28 65,100"),
    Style(4, 0.7, "20,0 3,50 3,50 95,50 | 85,0 72,100"),
    Style(4, 0.65, "20,2 2,42 25,60 65,45 95,0 95,0 60,100"),
    Style(4, 0.75, "60,0 8,68 8,68 100,64 | 72,42 60,100"),
    Style(4, 0.65, "30,0 2,60 25,72 95,58 | 80,38 66,100", share=0.7),
    Style(4, 0.65, "48,0 0,86 0,86 100,82 | 74,62 64,104"),
    Style(4, 0.55, "40,0 4,84 8,90 92,62 | 76,50 66,108"),
    Style(4, 0.55, "45,0 10,92 10,92 40,60 74,56 66,104", share=0.7),
    Style(4, 0.7, "72,100 75,0 75,0 0,68 0,68 100,66", share=0.6),
    # One stroke as an S, also nearly closed at the foot; with its bar set apart; with a long bar that rises; with
    # hardly any bar; with hardly any belly: as a long s, as a root sign.
    Style(5, 0.6, "95,2 35,6 15,36 60,46 85,72 50,100 0,90"),
    Style(5, 0.65, "22,8 12,44 12,44 60,40 90,68 50,100 0,90 | 30,0 100,0"),
    Style(5, 0.6, "25,5 15,45 15,45 60,42 88,70 45,100 0,92 | 25,5 80,2 150,-8"),
    Style(5, 0.5, "35,0 20,42 20,42 75,45 85,78 40,100 0,95", share=0.6),
    Style(5, 0.6, "92,0 35,8 16,44 52,42 88,66 52,100 6,94 16,76", share=0.6),
    Style(5, 0.42, "48,6 34,40 34,40 62,58 52,92 0,96 | 44,6 135,-4"),
    Style(5, 0.55, "0,56 18,46 34,98 34,98 54,5 54,5 125,0", share=0.6),
    Style(5, 0.42, "10,40 40,42 46,72 30,100 | 30,40 44,4 130,-2", share=0.7),
    # Curved; with a straight stem.
    Style(6, 0.6, "85,0 25,30 0,72 40,100 85,80 55,55 8,75"),
    Style(6, 0.6, "40,0 3,60 12,92 50,100 90,78 50,56 6,78"),
    # Crossed: plain, with a wave and a serif, with hardly any top, also as a t, or looped as an f; waved without a bar.
    Style(7, 0.65, "0,4 95,0 95,0 40,100 | 22,52 98,48"),
    Style(7, 0.7, "0,22 5,2 5,2 40,10 98,0 98,0 50,50 38,100 | 15,50 90,46"),
    Style(7, 0.65, "15,16 40,2 75,4 75,4 45,100 | 0,56 110,46"),
    Style(7, 0.6, "28,14 54,0 54,0 44,100 | 0,52 115,46"),
    Style(7, 0.6, "10,24 20,6 50,16 84,2 78,0 52,50 38,100 | 8,58 96,44", share=0.7),
    Style(7, 0.6, "0,15 10,2 50,10 100,0 100,0 55,50 42,100", share=0.6),
    # An S and back, also left open at the top; two rings.
    Style(8, 0.58, "85,12 45,0 8,20 50,48 95,76 50,100 5,76 50,48 90,22 80,6", share=0.7),
    Style(8, 0.58, "50,2 10,20 50,44 92,70 50,100 8,72 50,46 92,20 98,-2"),
    Style(8, 0.6, "96,8 45,0 6,22 48,46 92,74 48,100 6,74 50,46 108,4"),
    # Begun in the middle, so that stem and beginning cross below its loop, at the left or further right; as a P; with a
    # curved tail; with a straight stem.
    Style(9, 0.55, "95,60 55,48 10,22 50,0 92,18 60,45 40,70 40,100"),
    Style(9, 0.58, "30,50 80,40 92,14 50,0 15,20 25,50 20,100"),
    Style(9, 0.55, "62,45 15,35 30,4 75,4 85,28 50,50 30,100"),
    Style(9, 0.55, "28,46 78,42 96,18 62,0 28,8 20,34 4,100"),
    Style(9, 0.6, "0,26 24,4 70,0 98,18 72,44 26,46 26,46 30,10 30,10 8,100", share=0.7),
    Style(9, 0.5, "22,20 10,8 50,0 92,14 74,44 30,50 26,22 26,22 16,100", share=0.7),
    Style(9, 0.6, "88,12 40,0 4,24 40,48 85,20 85,20 85,70 50,100 0,90"),
    Style(9, 0.55, "90,10 40,0 4,22 40,46 90,15 90,15 75,100", share=0.7),
)


def add_to(part: Split, share: float, seed: int) -> Split:
    """A split of the ten digits and, behind them, digits in all styles: a `share` of their number."""
    if not share:
        return part
    # By a seed that no epoch has.
    pictures, labels = write(round(share * len(part)), (seed, 1 << 23))
    return part.with_more(Split(pictures, labels))


def write(count: int, seed: int | tuple[int, ...]) -> tuple[Pictures, Labels]:
    """Digits in all styles, each digit equally often.

    Args:
        count: how many.
        seed: the same seed gives the same pictures.

    Returns:
        uint8 [N, 28, 28], white on black, the centre of mass in the middle as in MNIST, and their labels, int64 [N].
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    of_digit = [[style for style in STYLES if style.digit == digit] for digit in range(10)]
    shares = [np.array([style.share for style in styles]) for styles in of_digit]
    pictures = np.zeros((count, 28, 28), np.uint8)
    for i, label in enumerate(labels):
        which = rng.choice(len(shares[label]), p=shares[label] / shares[label].sum())
        pictures[i] = draw(of_digit[label][which], rng)
    return pictures, labels


def draw(style: Style, rng: np.random.Generator) -> Gray:
    """One digit in one style: uint8 [28, 28], white on black."""
    width = style.width * np.exp(rng.normal(0.0, _WIDTH))
    slant, turn = rng.normal(0.1, _SLANT), rng.normal(0.0, 0.06)
    # One bend for the whole digit, of one hand; and the jitter of each point.
    bend, phase = rng.normal(0.0, 0.035, 2), rng.uniform(0.0, 2.0 * np.pi, 2)
    strokes = []
    for number, stroke in enumerate(style.strokes.split("|")):
        points = parse_points(stroke) / 100
        moved = points * (width, 1.0) + _jitter(points, rng)
        if number:
            middle, length = moved.mean(axis=0), np.exp(rng.normal(0.0, _STROKE_LENGTH))
            moved = middle + (moved - middle) * length + rng.normal(0.0, _STROKE_SHIFT, 2)
        moved = moved + bend * np.sin(3.0 * moved[:, ::-1] + phase)
        x = moved[:, 0] + slant * (1.0 - moved[:, 1]) - turn * moved[:, 1]
        y = moved[:, 1] + turn * moved[:, 0]
        strokes.append(_smooth(np.column_stack([x, y]), corners=(np.diff(points, axis=0) == 0).all(axis=1)))
    return raster.draw(strokes, float(np.exp(rng.uniform(*np.log(_PENS)))))


def _jitter(points: Points, rng: np.random.Generator) -> Points:
    """How far each point moves; a corner's two alike."""
    moves = rng.normal(0.0, _JITTER, points.shape)
    for i in range(1, len(points)):
        if (points[i] == points[i - 1]).all():
            moves[i] = moves[i - 1]
    return np.asarray(moves, np.float64)


def _smooth(points: Points, corners: NDArray[np.bool_]) -> Points:
    """A curve through points in pieces between corners, float64 [M, 2]; `corners`, [N - 1]: a point equals the next."""
    pieces = np.split(points, np.flatnonzero(corners) + 1)
    return np.concatenate([catmull_rom(piece, _SAMPLES) for piece in pieces if len(piece) > 1])
