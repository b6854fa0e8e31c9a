"""Digits that touch: a group of strokes is cut, and what lies between two cuts is a candidate digit.

Cuts are the cheapest paths from the top of the group to its bottom, as in seam carving (Avidan and Shamir 2007), where
the cost is the ink that a path crosses: they run around strokes where they can, follow the slant of the hand, and cut
a joining stroke at its thinnest. Which of them part digits is not decided here: more cuts are made than there are
digits, and a lattice search over the candidates decides, with the classifier's help.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.glyph import Glyph

_Paths = NDArray[np.intp]

#: Cuts are looked for in a group scaled to this height, pixels: a path may lean by one pixel a row,
_HEIGHT = 32
#: through each place of these rows, as fractions of it. Cuts of different rows may cross.
_ROWS = (0.33, 0.67)
#: What a path pays for a step to the side, in pixels of ink.
_ASIDE = np.float32(0.05)
#: Pixels of ink at that height that lie between two cuts at least, and between a cut and the end of the group: a 1 of
#: a fine pen has 60.
_APART, _LEAST = 26.0, 16.0
#: The most ink that a cut may cross, in heights.
_DEEPEST = 0.42
#: Cuts for each digit's width of the group, and the most.
_CUTS, _MOST = 5.0, 30
#: In heights of the line: how wide a digit may be, and how low. MNIST's are at most 1.1 wide, but for slanted ones;
#: many people write their noughts small.
_WIDEST, _LOWEST = 1.3, 0.3
#: What no digits can be cut of is a line or a blot from this width on, else it is handed on whole.
_LINE = 3.0


def worth_cutting(glyph: Glyph, height: float) -> bool:
    """Whether a group is wider than a digit in a line of this height, pixels."""
    return glyph.width > 0.9 * max(height, 0.6 * glyph.height)


def candidates(glyph: Glyph, height: float | None = None) -> tuple[list[tuple[int, int, Glyph]], int]:
    """What in a group of strokes may be one digit.

    Args:
        glyph: the group.
        height: of the line that it stands in, pixels; its own by default.

    Returns:
        (start, end, ink between two cuts), by start, then end, and the last cut's number. Cut 0 is the left end of the
        group and the last one its right end; each candidate lies on a chain from one to the other. The whole group is
        a candidate unless it is far too wide, and the only one where no cuts lead through. None at all for a line or a
        blot.
    """
    unit = float(glyph.height if height is None else min(height, glyph.height))
    scale = _HEIGHT / unit
    size = (max(1, round(glyph.width * scale)), max(4, round(glyph.height * scale)))
    small = np.asarray(cv2.resize(glyph.ink, size, interpolation=cv2.INTER_AREA), np.float32)
    strong = max(float(np.percentile(small[small > 0], 75)), 1.0)
    cuts = _cuts(np.minimum(small / strong, np.float32(1.0)))
    rows = np.minimum((np.arange(glyph.height) * (size[1] / glyph.height)).astype(np.intp), size[1] - 1)
    columns = np.rint(cuts[:, rows] * (glyph.width / size[0])).astype(np.intp)
    columns = np.pad(columns, ((1, 1), (0, 0)))
    columns[-1] = glyph.width
    last = len(columns) - 1
    middles = columns.mean(axis=1)
    found = []
    for start, end in zip(*np.triu_indices(last + 1, 1), strict=True):
        whole = start == 0 and end == last
        if middles[end] - middles[start] > 2 * _WIDEST * unit and not whole:
            continue
        between = _between(glyph, columns[start], columns[end])
        if between is not None and (
            (between.width <= _WIDEST * unit and between.height >= _LOWEST * unit)
            or (whole and (last == 1 or between.width <= 1.3 * _WIDEST * unit))
        ):
            found.append((int(start), int(end), between))
    chained = _connected(found, last)
    if not chained and glyph.width <= _LINE * unit:
        return [(0, 1, glyph)], 1
    return chained, last


def _connected(edges: list[tuple[int, int, Glyph]], last: int) -> list[tuple[int, int, Glyph]]:
    """The edges that lie on a way from node 0 to the last one; edges are by start, then end."""
    reached, leads = {0}, {last}
    for start, end, _ in edges:
        if start in reached:
            reached.add(end)
    for start, end, _ in reversed(edges):
        if end in leads:
            leads.add(start)
    return [edge for edge in edges if edge[0] in reached and edge[1] in leads]


def _between(glyph: Glyph, left: _Paths, right: _Paths) -> Glyph | None:
    """The ink from one column to another, a pair for each row; None where there is none, or where the two cross."""
    if (left > right).any():
        return None
    first, last = int(left.min()), int(right.max())
    columns = np.arange(first, last)
    ink = glyph.ink[:, first:last] * ((columns >= left[:, None]) & (columns < right[:, None]))
    x, y, w, h = cv2.boundingRect(ink)
    if w == 0:
        return None
    return Glyph(glyph.x + first + x, glyph.y + y, np.ascontiguousarray(ink[y : y + h, x : x + w]))


def _cuts(ink: NDArray[np.float32]) -> _Paths:
    """Where to cut: columns [cuts, H] of paths through ink of 0..1, by how much ink lies left of them."""
    height, width = ink.shape
    down, up = _sums(ink), _sums(ink[::-1])[::-1]
    traced, costs = [], []
    for row in (round(fraction * (height - 1)) for fraction in _ROWS):
        paths = np.empty((width, height), np.intp)
        _follow(down[: row + 1], paths[:, row::-1])
        _follow(up[row:][::-1], paths[:, row:])
        traced.append(paths)
        costs.append(down[row] + up[row] - ink[row])
    paths, cost = np.concatenate(traced), np.concatenate(costs)
    # Two paths are the same cut where little ink lies between them.
    before = (np.cumsum(ink, axis=1) - 0.5 * ink)[np.arange(height), paths]
    left = before.sum(axis=1)
    free = (left >= _LEAST) & (left <= float(ink.sum()) - _LEAST) & (cost <= _DEEPEST * _HEIGHT)
    cost = np.where(free, cost, np.float32(np.inf))
    most = min(_MOST, max(3, round(_CUTS * (width / (0.75 * _HEIGHT) - 0.5))))
    chosen: list[int] = []
    while len(chosen) < most and np.isfinite(cost[best := int(cost.argmin())]):
        apart = np.abs(before - before[best]).sum(axis=1)
        # Of those that are as cheap, the middle one: halfway between strokes.
        alike = np.flatnonzero((apart < 2.0) & (cost <= cost[best] + 1.0))
        alike = alike[alike // width == best // width]
        chosen.append(int(alike[len(alike) // 2]))
        cost[apart < _APART] = np.inf
    return paths[sorted(chosen, key=lambda path: float(left[path]))]


def _sums(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The least ink that a path from the top row to each place crosses, and a little for every step to the side."""
    height, width = ink.shape
    sums = np.empty_like(ink)
    padded = np.full(width + 2, np.inf, np.float32)
    sums[0] = ink[0]
    for row in range(1, height):
        padded[1:-1] = sums[row - 1]
        aside = np.minimum(padded[:-2], padded[2:]) + _ASIDE
        np.add(ink[row], np.minimum(padded[1:-1], aside), out=sums[row])
    return sums


def _follow(sums: NDArray[np.float32], paths: _Paths) -> None:
    """Trace cheapest paths back from each place of the last row of `sums` to its first; [W, rows], as traced."""
    rows, width = sums.shape
    at = np.arange(width)
    paths[:, 0] = at
    for step in range(1, rows):
        row = sums[rows - 1 - step]
        left, right = np.maximum(at - 1, 0), np.minimum(at + 1, width - 1)
        aside = np.where(row[left] <= row[right], left, right)
        at = np.where(row[aside] + _ASIDE < row[at], aside, at)
        paths[:, step] = at
