"""What a finder is to answer to a scene, and how far its answer is from that."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.inference.heatmap import (
    DIGIT_HEIGHTS,
    REFERENCE_HEIGHT,
    REGRESSION_CHANNELS,
    STRIDE,
    depth_to_space,
)
from edge_digits_train.synthesis.scenes import IGNORED, LABELS

#: Float16: a target has forty thousand numbers.
Targets = NDArray[np.float16]

#: Of a target: a heat map a class, the numbers of a centre, whether there is a centre, and the weight.
_CLASSES = len(LABELS)
CHANNELS = _CLASSES + REGRESSION_CHANNELS + 2
#: The smallest side that is learnt, pixels: of strokes and points, the heat maps cannot tell it.
_SMALLEST = 2.0


def target_shape(shape: tuple[int, int]) -> tuple[int, int, int]:
    """The shape of what `encode` makes of a scene of that height and width, pixels."""
    return shape[0] // STRIDE, shape[1] // STRIDE, CHANNELS


def encode(boxes: NDArray[np.float32], classes: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """What a finder is to answer to a scene, by cell: float32 [H/4, W/4, classes + 6].

    A heat map a class, the four numbers of `inference.heatmap`, 1 at the centres, and a weight that is 0 where
    something may be found or not.

    Args:
        boxes, classes: as of `scenes.Scene`.
        shape: its height and width, pixels.
    """
    rows, columns, _ = target_shape(shape)
    target = np.zeros(target_shape(shape), np.float32)
    target[..., -1] = 1.0
    for x1, y1, x2, y2 in np.rint(boxes[classes == IGNORED] / STRIDE).astype(int).tolist():
        target[max(y1, 0) : max(y2 + 1, 0), max(x1, 0) : max(x2 + 1, 0), -1] = 0.0
    across, down = np.arange(columns), np.arange(rows)
    wanted = np.flatnonzero(classes >= 0)
    for (x1, y1, x2, y2), label in zip(boxes[wanted].tolist(), classes[wanted].astype(int).tolist(), strict=True):
        width, height = x2 - x1, y2 - y1
        x, y = (x1 + x2) / (2 * STRIDE), (y1 + y2) / (2 * STRIDE)
        column, row = int(x), int(y)
        if not (0 <= column < columns and 0 <= row < rows):
            continue
        spread = 2 * (0.4 + 0.06 * min(height, DIGIT_HEIGHTS[1]) / STRIDE) ** 2
        falls = np.exp(-((across - column) ** 2) / spread)  # [W/4]
        heat = target[..., label]  # [H/4, W/4], a view
        np.maximum(heat, np.exp(-((down - row) ** 2) / spread)[:, None] * falls, out=heat)
        size = (np.log(max(side, _SMALLEST) / REFERENCE_HEIGHT) for side in (height, width))
        target[row, column, _CLASSES:] = (*size, x - column - 0.5, y - row - 0.5, 1, 1)
    return target


def loss(targets: Any, maps: Any) -> Any:
    """The focal loss of the heat maps, and the absolute error of sizes and offsets at the centres.

    Both as in Zhou, Wang and Kraehenbuehl 2019, Objects as Points.

    Args:
        targets: as `encode` makes them, [N, H/4, W/4, C + 6].
        maps: the network's output, float32 [N, H/8, W/8, 4 x (C + 4)].
    """
    from keras import ops

    cells, targets = _cells(maps), ops.cast(targets, "float32")  # [N, H/4, W/4, C + 4], [N, H/4, W/4, C + 6]
    logits, numbers = cells[..., :_CLASSES], cells[..., _CLASSES:]  # [N, H/4, W/4, C], [N, H/4, W/4, 4]
    heat = targets[..., :_CLASSES]  # [N, H/4, W/4, C]
    wanted = targets[..., _CLASSES : _CLASSES + REGRESSION_CHANNELS]  # [N, H/4, W/4, 4]
    centre, weight = targets[..., -2:-1], targets[..., -1:]  # [N, H/4, W/4, 1] each
    probability = ops.sigmoid(logits)  # [N, H/4, W/4, C]
    positive = ops.cast(heat > 0.99, "float32")
    at_centres = -((1.0 - probability) ** 2) * ops.log_sigmoid(logits) * positive
    elsewhere = -((1.0 - heat) ** 4) * probability**2 * ops.log_sigmoid(-logits) * (1.0 - positive)
    count = ops.sum(centre) + 1.0  # a scene may hold none
    focal = ops.sum((at_centres + elsewhere) * weight) / count
    return focal + 0.5 * ops.sum(ops.absolute(numbers - wanted) * centre) / count


def accuracy(targets: Any, maps: Any) -> Any:
    """The share of centres whose class is the strongest there; arguments as of `loss`."""
    from keras import ops

    centre = ops.cast(targets[..., -2], "float32")  # [N, H/4, W/4]
    predicted = ops.argmax(_cells(maps)[..., :_CLASSES], axis=-1)
    same = ops.equal(predicted, ops.argmax(targets[..., :_CLASSES], axis=-1))  # [N, H/4, W/4]
    return ops.sum(ops.cast(same, "float32") * centre) / (ops.sum(centre) + 1e-6)


def _cells(maps: Any) -> Any:
    """`heatmap.depth_to_space` of tensors."""
    from keras import ops

    return depth_to_space(maps, ops)
