"""Digits that touch: a group of strokes is cut into pieces, of which runs of one to four are candidate digits.

Cuts are the cheapest paths from the top of the group to its bottom, as in seam carving (Avidan and Shamir 2007), where
the cost is the ink that a path crosses: they run around strokes where they can, follow the slant of the hand, and cut
a joining stroke at its thinnest. Where they should run is not decided here: more cuts are made than there are digits,
and a lattice search over the candidates decides, with the classifier's help.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.glyph import Glyph
from edge_digits.pixels import Gray

#: Cuts are looked for in a group scaled to this height, pixels: a path may lean by one pixel a row.
_HEIGHT = 32
#: A group may become this many pieces, and a digit is made of this many at most.
_MOST_PIECES = 12
_MOST_JOINED = 4
#: In heights of the group: the nearest that two cuts may be,
_NEAREST = 0.16
#: the most ink that a cut may cross,
_DEEPEST = 0.42
#: and how wide a digit may be. MNIST's are at most 1.1 wide, but for slanted ones.
_WIDEST = 1.35
#: A digit is at least this high, in heights of the line: many write their noughts small.
_LOWEST = 0.3
#: A piece with less of the group's ink than this is joined to its neighbour.
_LEAST_INK = 0.03


def worth_cutting(glyph: Glyph, height: float) -> bool:
    """Whether a group is wider than a digit in a line of this height, pixels."""
    return glyph.width > 0.9 * max(height, 0.6 * glyph.height)


def pieces(glyph: Glyph, height: float | None = None) -> list[Glyph]:
    """Cut a group of strokes.

    Args:
        glyph: the group.
        height: of the line that it stands in, pixels; its own by default.

    Returns:
        One to twelve pieces from the left, which hold all ink of the group once; the group alone where no cut is cheap.
    """
    unit = float(glyph.height if height is None else min(height, glyph.height))
    scale = _HEIGHT / unit
    size = (max(1, round(glyph.width * scale)), max(1, round(glyph.height * scale)))
    if size[0] < 2 * _NEAREST * _HEIGHT:
        return [glyph]
    small = np.asarray(cv2.resize(glyph.ink, size, interpolation=cv2.INTER_AREA), np.float32)
    cuts = _cuts(np.minimum(small / max(float(np.percentile(small[small > 0], 75)), 1.0), 1.0))
    if not len(cuts):
        return [glyph]
    return _cut(glyph, cuts / scale)


def spans(parts: list[Glyph], height: float | None = None) -> list[tuple[int, int, Glyph]]:
    """The runs of pieces that may be one digit: (first piece, last piece + 1, glyph), by first, then last.

    Args:
        parts: pieces from the left, as `pieces` gives them.
        height: of their line, pixels; by default that of all pieces together.
    """
    top, bottom = min(part.y for part in parts), max(part.y + part.height for part in parts)
    unit = float(bottom - top) if height is None else height
    found = []
    for start in range(len(parts)):
        for end in range(start + 1, len(parts) + 1):
            run = parts[start:end]
            width = max(part.x + part.width for part in run) - run[0].x
            whole = end - start == len(parts)
            if end - start > 1 and not whole and (end - start > _MOST_JOINED or width > _WIDEST * unit):
                continue
            if whole and len(parts) > 1 and width > 1.2 * _WIDEST * unit:
                continue
            tall = max(part.y + part.height for part in run) - min(part.y for part in run)
            if end - start > 1 and tall < _LOWEST * unit:
                continue
            found.append((start, end, joined(run)))
    return found


def joined(run: list[Glyph]) -> Glyph:
    """Glyphs laid together."""
    if len(run) == 1:
        return run[0]
    x1, y1 = min(g.x for g in run), min(g.y for g in run)
    x2, y2 = max(g.x + g.width for g in run), max(g.y + g.height for g in run)
    ink = np.zeros((y2 - y1, x2 - x1), np.uint8)
    for g in run:
        place = ink[g.y - y1 : g.y - y1 + g.height, g.x - x1 : g.x - x1 + g.width]
        np.maximum(place, g.ink, out=place)
    return Glyph(x1, y1, ink)


def _cuts(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where to cut: columns [cuts, H] of cheapest paths through ink of 0..1, from the left, none crossing another."""
    height, width = ink.shape
    down, up = _sums(ink), _sums(ink[::-1])[::-1]
    middle = height // 2
    cost = down[middle] + up[middle] - ink[middle]
    nearest = _NEAREST * _HEIGHT
    left, chosen = cost.copy(), []
    # A path along the rim parts nothing.
    rim = max(1, round(0.5 * nearest))
    left[:rim] = left[-rim:] = np.inf
    while len(chosen) < _MOST_PIECES - 1:
        best = float(left.min())
        if best > _DEEPEST * _HEIGHT:
            break
        column = _middle_of(left, int(left.argmin()), best)
        chosen.append(column)
        left[max(0, round(column - nearest)) : round(column + nearest) + 1] = np.inf
    if not chosen:
        return np.zeros((0, height), np.float32)
    starts = np.sort(np.array(chosen, np.intp))
    paths = np.empty((len(starts), height), np.intp)
    _follow(down[: middle + 1], starts, paths[:, middle::-1])
    _follow(up[middle:][::-1], starts, paths[:, middle:])
    return np.asarray(np.maximum.accumulate(paths, axis=0), np.float32)


def _sums(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The least ink that a path from the top row to each place crosses, and a little for every step to the side."""
    height, width = ink.shape
    sums = np.empty_like(ink)
    padded = np.full(width + 2, np.inf, np.float32)
    sums[0] = ink[0]
    for row in range(1, height):
        padded[1:-1] = sums[row - 1]
        aside = np.minimum(padded[:-2], padded[2:]) + np.float32(0.05)
        sums[row] = ink[row] + np.minimum(padded[1:-1], aside)
    return sums


def _middle_of(cost: NDArray[np.float32], column: int, best: float) -> int:
    """The middle of the run of columns as cheap as this one."""
    level = best + 0.3
    first = last = column
    while first > 0 and cost[first - 1] <= level:
        first -= 1
    while last < len(cost) - 1 and cost[last + 1] <= level:
        last += 1
    return (first + last) // 2


def _follow(sums: NDArray[np.float32], starts: NDArray[np.intp], paths: NDArray[np.intp]) -> None:
    """Trace cheapest paths back from the last row of `sums` to its first; paths [N, rows] in the order traced."""
    width = sums.shape[1]
    at = starts.copy()
    paths[:, 0] = at
    for step in range(1, sums.shape[0]):
        row = sums[sums.shape[0] - 1 - step]
        left, right = np.maximum(at - 1, 0), np.minimum(at + 1, width - 1)
        aside = np.where(row[left] <= row[right], left, right)
        at = np.where(row[aside] + np.float32(0.05) < row[at], aside, at)
        paths[:, step] = at


def _cut(glyph: Glyph, cuts: NDArray[np.float32]) -> list[Glyph]:
    """Cut along columns [cuts, rows of the small picture], in pixels of the glyph."""
    height, width = glyph.ink.shape
    rows = (np.arange(height) + 0.5) * cuts.shape[1] / height - 0.5
    at = np.arange(cuts.shape[1])
    columns = np.stack([np.interp(rows, at, cut) for cut in cuts])
    half = 0.5 * width / max(1, width)
    owner = (np.arange(width)[None, None, :] + half > columns[:, :, None] + half).sum(axis=0)
    total = float(glyph.ink.sum())
    # What is next to nothing goes to its left neighbour, or to the right one at the very left.
    weights = np.bincount(owner.ravel(), weights=glyph.ink.ravel(), minlength=len(cuts) + 1)
    names, last = np.zeros(len(cuts) + 1, np.intp), -1
    for number, weight in enumerate(weights):
        if weight >= _LEAST_INK * total:
            last += 1
        names[number] = max(last, 0)
    owner = names[owner]
    return [_trimmed(glyph, glyph.ink * (owner == number)) for number in range(int(names.max()) + 1)]


def _trimmed(glyph: Glyph, ink: Gray) -> Glyph:
    """The part of a glyph that `ink`, of its size, holds."""
    x, y, w, h = cv2.boundingRect(ink)
    return Glyph(glyph.x + x, glyph.y + y, np.ascontiguousarray(ink[y : y + h, x : x + w]))
