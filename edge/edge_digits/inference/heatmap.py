"""The contract of a finder: a network that says of levelled ink, place by place, whether a digit has its middle there.

It works at an eighth of the picture's resolution and answers at a quarter: each of its places answers for 2x2 cells of
4 pixels. A cell has ten logits, one a class (a heat map of digits' middles; Zhou, Wang and Kraehenbuehl 2019, Objects
as Points), then log height and log width of the digit in units of `SIZE`, then the place of its middle within the cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

#: Pixels of a cell; sides of the network's input are multiples of `STEP`.
CELL, STEP = 4, 8
#: Heights of digits that a finder is trained to find, pixels, and the one that its sizes are relative to.
HEIGHTS = (18.0, 44.0)
SIZE = 28.0
#: Numbers a cell after its class logits: log height, log width, x and y within the cell less one half.
EXTRA = 4


@dataclass(frozen=True, eq=False)
class Spots:
    """Places where a digit's middle is, of one picture.

    Attributes:
        x, y: the middle, float32 [N], pixels of the network's input.
        width, height: of the digit's box, float32 [N], pixels.
        logits: of each class, float32 [N, C].
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    width: NDArray[np.float32]
    height: NDArray[np.float32]
    logits: NDArray[np.float32]


def unfold(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The network's output [N, H/8, W/8, 4 x K] -> cells [N, H/4, W/4, K]."""
    count, rows, columns, values = maps.shape
    cells = maps.reshape(count, rows, columns, 2, 2, values // 4).transpose(0, 1, 3, 2, 4, 5)
    return cells.reshape(count, 2 * rows, 2 * columns, values // 4)


def spots(cells: NDArray[np.float32], least: float) -> Spots:
    """The local maxima of the heat maps of one picture.

    Args:
        cells: float32 [H/4, W/4, C + 4].
        least: the logit that the best class of a middle reaches.
    """
    # OpenCV takes a third of NumPy's time for maxima of so few values each.
    flat = cells.reshape(-1, cells.shape[2])[:, :-EXTRA]
    best = np.asarray(cv2.reduce(flat, 1, cv2.REDUCE_MAX), np.float32).reshape(cells.shape[:2])
    around = cv2.dilate(best, np.ones((3, 3), np.uint8))
    y, x = np.nonzero((best >= around) & (best >= least))
    found = cells[y, x]
    height, width = SIZE * np.exp(np.clip(found[:, -4:-2], -2.0, 2.0)).T
    return Spots(
        ((x + 0.5 + found[:, -2]) * CELL).astype(np.float32),
        ((y + 0.5 + found[:, -1]) * CELL).astype(np.float32),
        width.astype(np.float32),
        height.astype(np.float32),
        found[:, :-EXTRA],
    )


def judge(cells: NDArray[np.float32], truth: NDArray[np.float32], least: float = 0.0) -> tuple[float, float]:
    """How well maps tell where which digits are.

    Args:
        cells: float32 [N, H/4, W/4, C + 4].
        truth: float32 [M, 6], a digit a row: number of its picture, x1, y1, x2, y2 in pixels, class; what may be found
            or not has a class below -1.
        least: as for `spots`.

    Returns:
        The share of digits that are found and read right, and the share of what is found that is one of those; 0..1.
    """
    right = said = 0
    for number, picture in enumerate(cells):
        of_picture = truth[truth[:, 0] == number]
        taken = np.zeros(len(of_picture), bool)
        found = spots(picture, least)
        for i in np.argsort(-found.logits.max(axis=1)):
            inside = (
                (of_picture[:, 1] <= found.x[i])
                & (found.x[i] <= of_picture[:, 3])
                & (of_picture[:, 2] <= found.y[i])
                & (found.y[i] <= of_picture[:, 4])
            )
            match = inside & (of_picture[:, 5] == found.logits[i].argmax()) & ~taken
            if match.any():
                taken[int(match.argmax())] = True
                right, said = right + 1, said + 1
            elif not (inside & (of_picture[:, 5] < -1)).any():
                said += 1
    wanted = int((truth[:, 5] >= 0).sum())
    return right / max(wanted, 1), right / max(said, 1)
