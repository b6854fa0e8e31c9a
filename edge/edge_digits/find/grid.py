"""Straight lines of a page: the grid of a puzzle, the boxes of a form, ruled paper.

Lines are taken out in the way of staff removal in sheet music: where a column of ink within a line is no thicker than
the line, it goes; where a stroke crosses or joins, it stays (Dalitz, Droettboom, Pranzas and Fujinaga 2008, "A
comparative study of staff removal algorithms"). They are looked for in a mask whose rows were put together into blocks,
as chains of blocks along several slopes, so that the cost stays that of a few passes over an eighth of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.strokes import Mask, components, typical
from edge_digits.imaging.pixels import Gray, histogram

#: Larger pictures are searched at half their size.
_LARGE = 480
#: Pixels along a line that are one block, and how full a block of a line is.
_BLOCK, _FULL = 8, 0.8
#: Lines lean by up to ten degrees.
_STEEPEST = 0.18
#: A line is straight over this fraction of the picture's longer side and this many pixels at least,
_STRAIGHT, _SHORTEST = 0.07, 64
#: thinner than this fraction of that length,
_THICKEST = 0.2
#: bare of digits for this fraction of its length,
_BARE = 0.4
#: and longer than so many digits are high.
_DIGITS = 1.8
#: A line that is as long as this fraction of the picture's side runs through.
_THROUGH = 0.8
#: Around a grid, what is taller than this fraction of the longer side is a shadow or the edge of the sheet.
_BLOT = 0.4


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class _Lines:
    """Level lines: which blocks they pass, int32 [H, blocks] of 0 and line number, and one entry each, in pixels."""

    blocks: NDArray[np.int32]
    length: NDArray[np.int32]
    thickness: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.length)

    def take(self, which: NDArray[np.bool_]) -> _Lines:
        """Those where `which` is true."""
        if which.all():
            return self
        names = np.concatenate([[0], np.where(which, np.cumsum(which), 0)]).astype(np.int32)
        return _Lines(names[self.blocks], self.length[which], self.thickness[which])

    def drawn(self, size: tuple[int, int]) -> Gray:
        """Where the lines are, each with its thickness: uint8 of this size, (width, height)."""
        thickness = np.concatenate([[0], self.thickness]).astype(np.uint8)
        return np.asarray(cv2.resize(thickness[self.blocks], size, interpolation=cv2.INTER_NEAREST), np.uint8)


def without_grid(mask: Mask) -> Mask:
    """Take straight lines out of a mask (0 and 1) of a page, and leave the strokes that cross or touch them.

    Lines of both ways, leaning by up to ten degrees. What is no longer than the digits are high stays: it is a 1.
    """
    height, width = mask.shape
    factor = 2 if max(height, width) > _LARGE and min(height, width) > _BLOCK else 1
    small = _halved(mask) if factor == 2 else mask
    straight = max(_SHORTEST, round(_STRAIGHT * max(height, width))) // factor
    level, upright = (_lines(one, straight, _BLOCK // factor) for one in (small, _turned(small)))
    if level or upright:
        level, upright = _no_digits(small, level, upright)
    if not level and not upright:
        return mask
    rows, columns = level.drawn((width, height)), _turned(upright.drawn((height, width)))
    # Where two lines cross, neither is thin.
    off_columns = np.where(columns, np.uint8(0), mask)
    off_rows = np.where(rows, np.uint8(0), mask)
    gone = _thin(off_columns, rows, factor) | _turned(_thin(_turned(off_rows), _turned(columns), factor))
    gone |= np.asarray(cv2.min(rows, columns), np.uint8)
    return np.where(gone, np.uint8(0), mask)


def _turned(picture: Gray) -> Gray:
    return np.asarray(cv2.transpose(picture), np.uint8)


def _halved(mask: Mask) -> Mask:
    """Half the size; a line of one pixel stays a line."""
    half = cv2.resize(mask * np.uint8(4), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.threshold(half, 1, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _lines(mask: Mask, straight: int, block: int) -> _Lines:
    """The level lines of a mask."""
    height, width = mask.shape
    across = max(1, round(width / block))
    thick = cv2.dilate(mask * np.uint8(255), np.ones((3, 1), np.uint8))
    filled = cv2.resize(thick, (across, height), interpolation=cv2.INTER_AREA)
    full = np.asarray(cv2.threshold(filled, round(255 * _FULL), 1, cv2.THRESH_BINARY)[1], np.uint8)
    count = round(straight / block) | 1
    found = np.zeros_like(full)
    if across >= count:
        kernels = _chains(count, block)
        where = _perhaps(full, count, kernels[0].shape[0] // 2)
        part, lines = full[where], found[where]
        for kernel in kernels if part.size else ():
            # One block of a chain may be missing.
            chain = cv2.filter2D(part, cv2.CV_8U, kernel, borderType=cv2.BORDER_CONSTANT)
            ends = cv2.threshold(chain, count - 2, 1, cv2.THRESH_BINARY)[1]
            if cv2.countNonZero(ends):
                lines |= np.asarray(cv2.dilate(ends, kernel), np.uint8)
    if not cv2.countNonZero(found):
        return _Lines(np.zeros(full.shape, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32))
    labels, boxes = components(found)
    return _bands(np.where(full, labels, 0), boxes.shape[1], block, straight)


def _perhaps(full: Mask, count: int, reach: int) -> tuple[slice, slice]:
    """The part that holds all chains of `count` blocks: those in whose middle enough columns have one within reach.

    Few pictures have a part at all, and the chains of all slopes cost most of what this module does.
    """
    near = cv2.dilate(full, np.ones((2 * reach + 1, 1), np.uint8))
    columns = cv2.boxFilter(near, -1, (count, 1), normalize=False, borderType=cv2.BORDER_CONSTANT)
    x, y, w, h = cv2.boundingRect(cv2.threshold(columns, count - 2, 1, cv2.THRESH_BINARY)[1])
    if w == 0:
        return slice(0), slice(0)
    return slice(max(0, y - reach), y + h + reach), slice(max(0, x - count // 2), x + w + count // 2)


def _bands(labels: NDArray[np.int32], count: int, block: int, straight: int) -> _Lines:
    """Lines 1 to `count` of a table of blocks, each as the band that it is where nothing touches it.

    A column of a line is bare where it is about as thick as the median one; between bare columns the band runs straight
    on, beneath the digits. What is mostly not bare, or too thick, is a blot.
    """
    across = labels.shape[1]
    rows, columns = np.nonzero(labels)
    # Row by row, so that the first block of a line's column is its top one.
    names, first, tall = np.unique(labels[rows, columns] * across + columns, return_index=True, return_counts=True)
    ends = np.searchsorted(names, across * np.arange(1, count + 2))
    blocks = np.zeros_like(labels)
    lengths, thicknesses = [], []
    for part in map(slice, ends[:-1], ends[1:]):
        x, top, size = names[part] % across, rows[first[part]], tall[part]
        if len(x) * block < straight - block:
            continue
        # Dilation added two.
        thickness = max(int(np.median(size)) - 2, 1)
        bare = (size <= 1.5 * (thickness + 2)) & (np.abs(top - _running_median(top)) <= 2)
        if thickness > max(3, _THICKEST * straight) or bare.mean() < _BARE:
            continue
        along = np.arange(x[0], x[-1] + 1)
        upper = np.rint(np.interp(along, x[bare], top[bare])).astype(np.intp)
        lower = np.rint(np.interp(along, x[bare], (top + size)[bare])).astype(np.intp)
        lengths.append(len(x) * block)
        thicknesses.append(thickness)
        for down in range(int((lower - upper).max())):
            within = upper + down < lower
            blocks[(upper + down)[within], along[within]] = len(lengths)
    return _Lines(blocks, np.array(lengths, np.int32), np.array(thicknesses, np.int32))


def _running_median(values: NDArray[np.intp]) -> NDArray[np.float64]:
    """The median of each value and up to eight on either side of it, running straight on at the ends."""
    reach = min(8, len(values) - 1)
    ends = 2 * values[0] - values[reach:0:-1], 2 * values[-1] - values[-2 : -2 - reach : -1]
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([ends[0], values, ends[1]]), 2 * reach + 1)
    return np.asarray(np.median(windows, axis=1), np.float64)


@lru_cache(maxsize=8)
def _chains(count: int, block: int) -> list[Mask]:
    """The shapes of chains of `count` blocks (odd), two pixels of drift apart at most: uint8 [rows, count] each."""
    drift = _STEEPEST * block * count
    steps = max(1, round(drift / 1.6))
    places = np.arange(count) - count // 2
    kernels = []
    for slope in np.linspace(-_STEEPEST, _STEEPEST, 2 * steps + 1):
        rows = np.rint(slope * block * places).astype(np.intp)
        kernel = np.zeros((2 * int(np.abs(rows).max()) + 1, count), np.uint8)
        kernel[rows + kernel.shape[0] // 2, places + count // 2] = 1
        kernels.append(kernel)
    return kernels


def _no_digits(mask: Mask, level: _Lines, upright: _Lines) -> tuple[_Lines, _Lines]:
    """Without what is a stroke of a digit: no longer than the digits are high."""
    height, width = mask.shape
    labels, (_, y1, _, y2, area) = components(np.where(level.drawn((width, height)), np.uint8(0), mask))
    # What is mostly upright line is no measure of the digits.
    columns = _turned(upright.drawn((height, width)))
    ruled = np.bincount(labels[columns > 0], minlength=len(area) + 1)[1:] > 0.5 * area
    digits = (y2 - y1 >= 4) & (area >= 8) & ~ruled
    grid = len(level) >= 2 and len(upright) >= 2
    # A 1, perhaps with a speck: such an upright line is itself the digit.
    if not digits.any() or (not grid and int(area[digits].sum()) < 0.3 * int(area[ruled].sum())):
        return level, upright.take(np.full(len(upright), grid))
    tall = (y2 - y1)[digits]
    if grid:
        low = tall < _BLOT * max(height, width)
        shortest = _DIGITS * typical(tall[low], tall[low], 0.5) if low.any() else 0.0
        return level.take(level.length >= shortest), upright.take(upright.length >= shortest)
    shortest = _DIGITS * typical(tall, tall, 0.5)
    level, upright = level.take(level.length >= shortest), upright.take(upright.length >= shortest)
    if not level and not upright:
        return level, upright
    # Bars of 4, 5 and 7 in a row, and what they were taken out of, are no line unless it runs through the picture.
    _, (_, y1, _, y2, _) = components(mask)
    whole = _DIGITS * typical(y2 - y1, y2 - y1, 0.5)
    level = level.take(level.length >= min(whole, _THROUGH * width))
    return level, upright.take(upright.length >= min(whole, _THROUGH * height))


def _thin(mask: Mask, lines: Gray, factor: int) -> Mask:
    """Where the ink within lines is not much thicker, in its column, than its line: uint8 [H, W] of 0 and 255.

    Args:
        mask: uint8 [H, W] of 0 and 1.
        lines: uint8 [H, W], 0 or the thickness of the line, in units of `factor` pixels.
        factor: see `lines`.
    """
    gone = np.zeros_like(mask)
    for thickness in np.flatnonzero(histogram(lines)[1:]) + 1:
        thick = factor * int(thickness)
        reach = thick + max(2, thick // 2) + 1
        strokes = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((reach, 1), np.uint8)), np.uint8)
        here = np.asarray(cv2.inRange(lines, int(thickness), int(thickness)), np.uint8)
        gone |= np.where(strokes, np.uint8(0), here)
    return gone
