"""The contract of a finder: a network that says of a picture, place by place, whether a digit has its centre there.

It works at an eighth of the picture's resolution and answers at a quarter: each place of its output answers for 2x2
cells of 4 pixels. A cell has a logit a class (a heat map of centres; Zhou, Wang and Kraehenbuehl 2019, Objects as
Points), of the ten digits and of signs behind them; then log height and log width in units of `REFERENCE_HEIGHT`, then
the offset of the centre within the cell. It sees the local contrast of a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.results import DIGITS

#: Pixels of the input a cell of the heat map, along either side.
STRIDE = 4
#: Both sides of the network's input are multiples of this, pixels.
INPUT_MULTIPLE = 8
#: The lowest and the highest digit that a finder is trained to find, pixels.
DIGIT_HEIGHTS = (18.0, 44.0)
#: Digits' sizes are relative to this height, pixels.
REFERENCE_HEIGHT = 28.0
#: Numbers of a cell after its class logits: log height, log width, x and y within the cell less one half.
REGRESSION_CHANNELS = 4
#: The natural logarithms of the smallest and the largest side that are believed, in units of REFERENCE_HEIGHT.
_LOG_SIDES = -2.8, 2.0
#: A peak is of a digit where it lies within so many pixels of its box: of a point, boxes are hardly larger.
_ROOM = 1.0


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Peaks:
    """Local maxima of the heat maps of one picture: where a digit has its centre.

    Attributes:
        x, y: the centre, float32 [N], pixels of the network's input.
        width, height: of the digit's box, float32 [N], pixels.
        logits: of each class, float32 [N, C].
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    width: NDArray[np.float32]
    height: NDArray[np.float32]
    logits: NDArray[np.float32]


def depth_to_space(maps: NDArray[np.float32], xp: Any = np) -> NDArray[np.float32]:
    """The network's output, float32 [N, H/8, W/8, 4 x K] -> cells, float32 [N, H/4, W/4, K].

    `xp` is what the arrays are of: NumPy, or `keras.ops` for tensors in a training.
    """
    count, rows, columns, channels = xp.shape(maps)
    blocks = xp.reshape(maps, (count, rows, columns, 2, 2, channels // 4))  # [N, H/8, W/8, row, column, K]
    cells = xp.transpose(blocks, (0, 1, 3, 2, 4, 5))  # [N, H/8, row, W/8, column, K]
    spread: NDArray[np.float32] = xp.reshape(cells, (count, 2 * rows, 2 * columns, channels // 4))
    return spread


class Scores(NamedTuple):
    """How well heat maps tell where what is: shares, 0..1.

    Attributes:
        recall: of the digits, those that are found with the right class.
        precision: of the digits that are found, those that are there.
        sign_recall: as `recall`, of signs; 0 where there are none.
    """

    recall: float
    precision: float
    sign_recall: float


def find_peaks(cells: NDArray[np.float32], threshold: float) -> Peaks:
    """The local maxima of the heat maps of one picture.

    Args:
        cells: float32 [H/4, W/4, C + 4].
        threshold: the lowest logit that the best class of a peak has.
    """
    # OpenCV takes a third of NumPy's time for maxima of so few values each.
    heat = cells.reshape(-1, cells.shape[2])[:, :-REGRESSION_CHANNELS]  # [H/4 * W/4, C]
    best = np.asarray(cv2.reduce(heat, 1, cv2.REDUCE_MAX), np.float32).reshape(cells.shape[:2])  # [H/4, W/4]
    neighbourhood = cv2.dilate(best, np.ones((3, 3), np.uint8))  # [H/4, W/4]
    y, x = np.nonzero((best >= neighbourhood) & (best >= threshold))  # [N] each
    peaks = cells[y, x]  # [N, C + 4]
    height, width = REFERENCE_HEIGHT * np.exp(np.clip(peaks[:, -4:-2], *_LOG_SIDES)).T  # [N] each
    return Peaks(
        ((x + 0.5 + peaks[:, -2]) * STRIDE).astype(np.float32),
        ((y + 0.5 + peaks[:, -1]) * STRIDE).astype(np.float32),
        width.astype(np.float32),
        height.astype(np.float32),
        peaks[:, :-REGRESSION_CHANNELS],
    )


def score(cells: NDArray[np.float32], truth: NDArray[np.float32], threshold: float = 0.0) -> Scores:
    """How well heat maps tell where which digits and signs are.

    A peak is a true positive where it lies in the box of a digit of its class that no stronger peak has matched.

    Args:
        cells: float32 [N, H/4, W/4, C + 4].
        truth: float32 [M, 6], a digit or sign a row: index of its picture, x1, y1, x2, y2 in pixels, class; what may be
            found or not has a class below -1, and counts neither way.
        threshold: as for `find_peaks`.
    """
    right, signs, detections = 0, 0, 0
    for index, picture in enumerate(cells):
        here = truth[truth[:, 0] == index]  # [m, 6]
        matched = np.zeros(len(here), bool)
        peaks = find_peaks(picture, threshold)
        for i in np.argsort(-peaks.logits.max(axis=1)):
            label = int(peaks.logits[i].argmax())
            inside = (
                (here[:, 1] - _ROOM <= peaks.x[i])
                & (peaks.x[i] <= here[:, 3] + _ROOM)
                & (here[:, 2] - _ROOM <= peaks.y[i])
                & (peaks.y[i] <= here[:, 4] + _ROOM)
            )
            match = inside & (here[:, 5] == label) & ~matched
            is_digit = label < len(DIGITS)
            if match.any():
                matched[int(match.argmax())] = True
                right, signs, detections = right + is_digit, signs + (not is_digit), detections + is_digit
            elif is_digit and not (inside & (here[:, 5] < -1)).any():
                detections += 1
    positives = int(((truth[:, 5] >= 0) & (truth[:, 5] < len(DIGITS))).sum())
    all_signs = int((truth[:, 5] >= len(DIGITS)).sum())
    return Scores(right / max(positives, 1), right / max(detections, 1), signs / max(all_signs, 1))
