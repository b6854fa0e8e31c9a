"""The contract of a finder: a network that says of levelled ink, place by place, whether a digit has its centre there.

It works at an eighth of the picture's resolution and answers at a quarter: each place of its output answers for 2x2
cells of 4 pixels. A cell has ten logits, one a class (a heat map of digits' centres; Zhou, Wang and Kraehenbuehl 2019,
Objects as Points), then log height and log width of the digit in units of `REFERENCE_HEIGHT`, then the offset of its
centre within the cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
    height, width = REFERENCE_HEIGHT * np.exp(np.clip(peaks[:, -4:-2], -2.0, 2.0)).T  # [N] each
    return Peaks(
        ((x + 0.5 + peaks[:, -2]) * STRIDE).astype(np.float32),
        ((y + 0.5 + peaks[:, -1]) * STRIDE).astype(np.float32),
        width.astype(np.float32),
        height.astype(np.float32),
        peaks[:, :-REGRESSION_CHANNELS],
    )


def recall_and_precision(
    cells: NDArray[np.float32], truth: NDArray[np.float32], threshold: float = 0.0
) -> tuple[float, float]:
    """How well heat maps tell where which digits are.

    A peak is a true positive where it lies in the box of a digit of its class that no stronger peak has matched.

    Args:
        cells: float32 [N, H/4, W/4, C + 4].
        truth: float32 [M, 6], a digit a row: index of its picture, x1, y1, x2, y2 in pixels, class; what may be found
            or not has a class below -1, and counts neither way.
        threshold: as for `find_peaks`.

    Returns:
        The share of digits that are found with the right class, and the share of peaks that are such; 0..1.
    """
    true_positives = detections = 0
    for index, picture in enumerate(cells):
        digits = truth[truth[:, 0] == index]  # [m, 6]
        matched = np.zeros(len(digits), bool)
        peaks = find_peaks(picture, threshold)
        for i in np.argsort(-peaks.logits.max(axis=1)):
            inside = (
                (digits[:, 1] <= peaks.x[i])
                & (peaks.x[i] <= digits[:, 3])
                & (digits[:, 2] <= peaks.y[i])
                & (peaks.y[i] <= digits[:, 4])
            )
            match = inside & (digits[:, 5] == peaks.logits[i].argmax()) & ~matched
            if match.any():
                matched[int(match.argmax())] = True
                true_positives, detections = true_positives + 1, detections + 1
            elif not (inside & (digits[:, 5] < -1)).any():
                detections += 1
    positives = int((truth[:, 5] >= 0).sum())
    return true_positives / max(positives, 1), true_positives / max(detections, 1)
