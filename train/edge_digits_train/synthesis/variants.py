"""Flags and feet of ones, and bars of sevens, added to digits of a data set that hardly has them."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray


def rare_style(strokes: Gray, label: int, rng: np.random.Generator) -> Gray:
    """Give a one its flag or foot and a seven its bar, in the pen of the digit; leave every other digit as it is."""
    if label not in (1, 7):
        return strokes
    x, y, w, h = cv2.boundingRect(strokes)
    if w == 0 or (label == 1 and w > 0.6 * h):
        return strokes
    canvas = strokes.copy()
    pen = max(1, round(float(cv2.distanceTransform((strokes > 127).astype(np.uint8), cv2.DIST_L2, 3).max()) * 1.6))
    if pen > 0.14 * h or (label == 7 and rng.random() < 0.5):
        return strokes

    def x_of(row: int) -> int:
        columns = np.flatnonzero(strokes[min(max(row, y), y + h - 1)] > 127)
        return int(columns.mean()) if len(columns) else x + w // 2

    def line(x1: float, y1: float, x2: float, y2: float) -> None:
        cv2.line(canvas, (round(x1), round(y1)), (round(x2), round(y2)), 255, pen, cv2.LINE_AA)

    if label == 7:
        row, half = y + h * rng.uniform(0.42, 0.6), h * rng.uniform(0.13, 0.24)
        middle, lean = x_of(int(row)), rng.uniform(-0.06, 0.06) * h
        line(middle - half, row + lean, middle + half, row - lean)
        return canvas
    chances = rng.random(2)
    if chances[0] < 0.8:
        # A flag falls off steeply, the longer the more, down to the foot in some hands; a flatter one would be the bar
        # of a seven.
        reach = h * rng.uniform(0.12, 0.5)
        drop = min(reach * rng.uniform(0.6 + 0.8 * max(0.0, reach / h - 0.25), 1.8), 0.92 * h)
        top = x_of(y + 1)
        line(top, y + pen / 2, top - reach, y + drop)
    if chances[1] < 0.6:
        half, foot = h * rng.uniform(0.15, 0.42), x_of(y + h - 2)
        lean = rng.uniform(-0.08, 0.08) * h
        line(foot - half, y + h - 1 + lean, foot + half * rng.uniform(0.5, 1.2), y + h - 1 - lean)
    return canvas
