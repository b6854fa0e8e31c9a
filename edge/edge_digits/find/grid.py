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

from edge_digits.find.strokes import Mask, components

#: Pixels along a line that are one block, and how full a block of a line is.
_BLOCK, _FULL = 8, 0.8
#: Lines lean by up to ten degrees.
_STEEPEST = 0.18
#: A line is straight over this fraction of the picture's longer side and this many pixels at least,
_STRAIGHT, _SHORTEST = 0.07, 64
#: thinner than this fraction of that length,
_THICKEST = 0.25
#: and longer than so many digits are high.
_DIGITS = 1.8


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class _Lines:
    """Level lines: where they are, uint8 [H, W] of 0 and line number, and one entry each: length, thickness, pixels."""

    where: NDArray[np.int32]
    length: NDArray[np.int32]
    thickness: NDArray[np.int32]

    def take(self, which: NDArray[np.bool_]) -> _Lines:
        names = np.concatenate([[0], np.where(which, np.cumsum(which), 0)]).astype(np.int32)
        return _Lines(names[self.where], self.length[which], self.thickness[which])

    def region(self, width: int) -> Mask:
        """Where the lines are: uint8 [H, width] of 0 and 1."""
        return _widened((self.where > 0).astype(np.uint8), width)


def without_grid(mask: Mask) -> Mask:
    """Take straight lines out of a mask (0 and 1) of a page, and leave the strokes that cross or touch them.

    Lines of both ways, leaning by up to ten degrees. What is no longer than the digits are high stays: it is a 1.
    """
    height, width = mask.shape
    straight = max(_SHORTEST, round(_STRAIGHT * max(height, width)))
    turned = np.ascontiguousarray(mask.T)
    level, upright = _lines(mask, straight), _lines(turned, straight)
    if not len(level.length) and not len(upright.length):
        return mask
    level, upright = _no_digits(mask, level, upright)
    rows, columns = level.region(width), np.ascontiguousarray(upright.region(height).T)
    gone = _thin(mask & (1 - columns), level) & mask
    # Where two lines cross, neither is thin.
    gone |= np.ascontiguousarray(_thin(np.ascontiguousarray((mask & (1 - rows)).T), upright).T) & mask
    gone |= rows & columns
    return np.asarray(mask & (1 - gone), np.uint8)


def _lines(mask: Mask, straight: int) -> _Lines:
    """The level lines of a mask."""
    height, width = mask.shape
    across = max(1, round(width / _BLOCK))
    thick = cv2.dilate(mask * np.uint8(255), np.ones((3, 1), np.uint8))
    filled = cv2.resize(thick, (across, height), interpolation=cv2.INTER_AREA)
    full = np.asarray(cv2.threshold(filled, round(255 * _FULL), 1, cv2.THRESH_BINARY)[1], np.uint8)
    count = round(straight / _BLOCK) | 1
    found = np.zeros_like(full)
    if across >= count and full.any():
        for kernel in _chains(count):
            # One block of a chain may be missing.
            chain = cv2.filter2D(full, cv2.CV_8U, kernel, borderType=cv2.BORDER_CONSTANT)
            ends = cv2.threshold(chain, count - 2, 1, cv2.THRESH_BINARY)[1]
            found |= np.asarray(cv2.dilate(ends, kernel), np.uint8)
        blobs = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((max(5, round(_THICKEST * straight)), 1), np.uint8))
        found &= 1 - np.asarray(blobs, np.uint8)
    labels, (x1, _, x2, _, _) = components(found)
    length = (x2 - x1) * _BLOCK
    return _Lines(labels, length, _thickness(labels, x2 - x1)).take(length >= straight - 2 * _BLOCK)


def _thickness(labels: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """How thick the lines are where they are bare: the lower third of their columns, without what dilation added."""
    count, across = len(lengths) + 1, labels.shape[1]
    places = np.flatnonzero(labels)
    tall = np.bincount(labels.ravel()[places] * across + places % across, minlength=count * across)
    tall = np.sort(tall.reshape(count, across)[1:], axis=1)
    return np.asarray(np.maximum(tall[np.arange(count - 1), across - 1 - (2 * lengths) // 3] - 2, 1), np.int32)


@lru_cache(maxsize=8)
def _chains(count: int) -> list[Mask]:
    """The shapes of chains of `count` blocks (odd), about two pixels of drift apart: uint8 [rows, count] each."""
    drift = _STEEPEST * _BLOCK * count
    steps = max(1, round(drift / 3))
    places = np.arange(count) - count // 2
    kernels = []
    for slope in np.linspace(-_STEEPEST, _STEEPEST, 2 * steps + 1):
        rows = np.rint(slope * _BLOCK * places).astype(np.intp)
        kernel = np.zeros((2 * int(np.abs(rows).max()) + 1, count), np.uint8)
        kernel[rows + kernel.shape[0] // 2, places + count // 2] = 1
        kernels.append(kernel)
    return kernels


def _no_digits(mask: Mask, level: _Lines, upright: _Lines) -> tuple[_Lines, _Lines]:
    """Without what is a stroke of a digit: no longer than the digits are high."""
    height, width = mask.shape
    labels, (_, y1, _, y2, area) = components(mask & (1 - level.region(width)))
    # What is mostly upright line is no measure of the digits.
    columns = np.ascontiguousarray(upright.region(height).T)
    ruled = np.bincount(labels[columns > 0], minlength=len(area) + 1)[1:] > 0.5 * area
    digits = (y2 - y1 >= 8) & (area >= 16) & ~ruled
    grid = len(level.length) >= 2 and len(upright.length) >= 2
    # A 1, perhaps with a speck: such an upright line is itself the digit.
    if not digits.any() or (not grid and int(area[digits].sum()) < 0.3 * int(area[ruled].sum())):
        return level, upright.take(np.full(len(upright.length), grid))
    tall = np.sort((y2 - y1)[digits])
    shares = np.cumsum(tall)
    shortest = _DIGITS * int(tall[np.searchsorted(shares, 0.5 * shares[-1])])
    return level.take(level.length >= shortest), upright.take(upright.length >= shortest)


def _thin(mask: Mask, lines: _Lines) -> Mask:
    """Where the ink within lines is not much thicker, in its column, than its line: uint8 [H, W] of 0 and 1."""
    width = mask.shape[1]
    gone = np.zeros_like(mask)
    for thickness in np.unique(lines.thickness):
        region = lines.take(lines.thickness == thickness).region(width)
        reach = int(thickness) + max(2, int(thickness) // 2) + 1
        strokes = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((reach, 1), np.uint8)), np.uint8)
        gone |= region & (1 - strokes)
    return gone


def _widened(blocks: Mask, width: int) -> Mask:
    return np.asarray(cv2.resize(blocks, (width, blocks.shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
