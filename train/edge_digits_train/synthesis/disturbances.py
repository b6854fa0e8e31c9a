"""What befalls a digit: lines across it, a part in reverse, specks, blots, smear; or its outline alone.

Each kind is drawn in general form, with all that can differ left to chance, so that a network learns to read through
whatever lies upon a digit.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray

#: A picture's grey levels, or how much something covers of each pixel, 0..1: float32 [S, S].
Plane = NDArray[np.float32]

#: Pictures smaller than this show no outlines.
_MIN_OUTLINED = 24


def disturb(shot: Gray, strokes: Gray, rng: np.random.Generator) -> Gray:
    """Disturb the picture of one digit.

    Args:
        shot: uint8 [S, S], in either polarity.
        strokes: uint8 [S, S], the digit alone, white on black.
        rng: decides all.

    Returns:
        uint8 [S, S], in which the digit can still be read.
    """
    paper, ink = _levels(shot, strokes)
    side = len(shot)
    seen = shot.astype(np.float32)
    kind = rng.random()
    if kind < 0.3:
        seen = _laid(seen, _lines(side, rng), _line_level(paper, ink, rng))
    elif kind < 0.55:
        part = _part(side, rng)
        seen = _laid(seen, part, paper + ink - seen)
    elif kind < 0.68:
        seen = _specked(seen, paper, ink, rng)
    elif kind < 0.8 and side >= _MIN_OUTLINED:
        seen = paper + (ink - paper) * _outline(strokes, rng)
    elif kind < 0.92:
        hole = rng.random() < 0.25
        blots = _blots(side, rng.uniform(0.03, 0.08 if hole else 0.2), rng)
        seen = _laid(seen, blots, paper if hole else paper + (ink - paper) * np.float32(rng.uniform(0.4, 1.0)))
    else:
        seen = _moved(seen, rng) if rng.random() < 0.5 else _shuffled(seen, rng)
    return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)


def _levels(shot: Gray, strokes: Gray) -> tuple[np.float32, np.float32]:
    """The grey levels of paper and ink."""
    ink = strokes > 127
    if not ink.any() or ink.all():
        return np.float32(0), np.float32(255)
    return np.float32(np.median(shot[~ink])), np.float32(np.median(shot[ink]))


def _laid(seen: Plane, cover: Plane, level: Plane | np.float32) -> Plane:
    """A picture where something of this level covers so much of it."""
    return np.asarray(seen * (1 - cover) + level * cover, np.float32)


def _line_level(paper: np.float32, ink: np.float32, rng: np.random.Generator) -> np.float32:
    """As ink, or weaker; lighter than paper that dark ink is on, at times."""
    strength = rng.uniform(0.4, 1.0) if rng.random() < 0.8 else -0.6
    return np.float32(paper + strength * (ink - paper))


def _lines(side: int, rng: np.random.Generator) -> Plane:
    """One to three lines across the picture: straight, dashed, in waves or teeth."""
    canvas = np.zeros((side, side), np.uint8)
    for _ in range(1 + int(rng.random() < 0.4) + int(rng.random() < 0.2)):
        angle = rng.uniform(0.0, np.pi)
        along = np.array([np.cos(angle), np.sin(angle)])
        at = np.linspace(-1.0, 1.0, 121)  # from end to end, beyond the picture
        phase = at * rng.uniform(2.0, 10.0) + rng.uniform(0.0, 1.0)
        wave = 2.0 * np.abs(2.0 * (phase % 1.0) - 1.0) - 1.0 if rng.random() < 0.6 else np.sin(2.0 * np.pi * phase)
        off = wave * (rng.uniform(0.02, 0.12) if rng.random() < 0.5 else 0.0)
        middle = rng.uniform(0.15, 0.85, 2)
        points = side * (middle + at[:, None] * along + off[:, None] * along[::-1] * (-1.0, 1.0))
        pen = int(rng.integers(1, side // 20 + 2))
        fine = np.rint(16 * points).astype(np.int32).reshape(-1, 1, 2)
        for dash in _dashes(fine, rng) if rng.random() < 0.35 else (fine,):
            cv2.polylines(canvas, [dash], False, 255, pen, cv2.LINE_AA, shift=4)
    return np.asarray(canvas / np.float32(255), np.float32)


def _dashes(points: NDArray[np.int32], rng: np.random.Generator) -> list[NDArray[np.int32]]:
    """Pieces of a line: dots or dashes, with gaps."""
    length, gap = (int(count) for count in rng.integers(1, 7, 2))
    return [points[first : first + length] for first in range(0, len(points), length + gap)]


def _part(side: int, rng: np.random.Generator) -> Plane:
    """A part of the picture with sharp edges: a stripe or several, a half, a box, a disc."""
    y, x = (np.mgrid[:side, :side] / np.float32(side)).astype(np.float32)
    angle = rng.choice((0.0, 0.0, np.pi / 2, rng.uniform(0.0, np.pi)))
    along = (x - 0.5) * np.float32(np.cos(angle)) + (y - 0.5) * np.float32(np.sin(angle))  # -0.5..0.5 or a bit more
    middle, kind = rng.normal(0.0, 0.15), rng.random()
    if kind < 0.6:
        inside = np.abs(along - middle) < rng.uniform(0.06, 0.35)
    elif kind < 0.75:
        inside = along < middle
    elif kind < 0.87:
        inside = (along / rng.uniform(0.2, 0.7) + rng.uniform(0.0, 1.0)) % 1.0 < 0.5
    else:
        across, down = (x - 0.5 - middle) / rng.uniform(0.1, 0.4), (y - 0.5) / rng.uniform(0.1, 0.4)
        inside = np.maximum(np.abs(across), np.abs(down)) < 1 if rng.random() < 0.5 else across**2 + down**2 < 1
    return np.asarray(inside, np.float32)


def _specked(seen: Plane, paper: np.float32, ink: np.float32, rng: np.random.Generator) -> Plane:
    """Up to three in ten pixels as ink or as paper, or both; the pixels of a large picture are coarser."""
    side = len(seen)
    cells = min(side, int(rng.integers(20, 40)))
    size = (side, side)
    chosen = cv2.resize(rng.random((cells, cells), np.float32), size, interpolation=cv2.INTER_NEAREST)
    share, dark = rng.uniform(0.02, 0.3), rng.choice((0.0, 0.5, 0.5, 1.0))
    spoilt = np.where(chosen < share * dark, ink, np.where(chosen < share, paper, seen))
    return np.asarray(spoilt, np.float32)


def _outline(strokes: Gray, rng: np.random.Generator) -> Plane:
    """The edges of strokes, as a line or as thick as a pen's."""
    if rng.random() < 0.5:
        blurred = cv2.GaussianBlur(strokes, (0, 0), rng.uniform(0.5, 1.2))
        edges = cv2.Canny(blurred, 40, 100)
    else:
        edges = cv2.morphologyEx(strokes, cv2.MORPH_GRADIENT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    return np.asarray(edges / np.float32(255), np.float32)


def _blots(side: int, share: float, rng: np.random.Generator) -> Plane:
    """Blots of one size on a share of the picture."""
    wet = cv2.GaussianBlur(rng.standard_normal((side, side), np.float32), (0, 0), side * rng.uniform(0.025, 0.08))
    steepness = rng.uniform(2.0, 8.0)
    above = (wet - np.quantile(wet, 1.0 - share)) / max(float(wet.std()), 1e-6)
    return np.asarray(np.clip(steepness * above + 0.5, 0.0, 1.0), np.float32)


def _moved(seen: Plane, rng: np.random.Generator) -> Plane:
    """Moved in a straight line while exposed, by up to a quarter of the picture."""
    side = len(seen)
    half, angle = side * rng.uniform(0.04, 0.12), rng.uniform(0.0, np.pi)
    reach = int(np.ceil(half)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    step = half * np.array([np.cos(angle), np.sin(angle)])
    ends = np.rint(16 * np.stack([reach - step, reach + step])).astype(int).tolist()
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, shift=4)
    weights = kernel / np.float32(kernel.sum())
    return np.asarray(cv2.filter2D(seen, -1, weights, borderType=cv2.BORDER_REPLICATE), np.float32)


def _shuffled(seen: Plane, rng: np.random.Generator) -> Plane:
    """Pixels taken from near by, as through patterned glass."""
    side = len(seen)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    reach = side * rng.uniform(0.02, 0.06)
    x, y = (np.asarray(at + rng.uniform(-reach, reach, at.shape), np.float32) for at in (x, y))
    moved = cv2.remap(seen, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.GaussianBlur(moved, (0, 0), side * rng.uniform(0.01, 0.03)), np.float32)
