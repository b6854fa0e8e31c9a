"""Make a model's confidence mean what it says, and find below which it had better say nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_digits.inference.softmax import softmax

#: Of the pictures that are read right, this share may be refused.
_MAY_BE_REFUSED = 0.002


def temperature(logits: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    """The softmax temperature of the least cross-entropy (Guo, Pleiss, Sun and Weinberger 2017), by golden section.

    Args:
        logits: float32 [N, classes] of the validation set; with a column of zeros before the others where the network
            knows what is no digit.
        classes: int64 [N], columns of `logits`.
    """

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((total - scaled[np.arange(len(classes)), classes]).mean())

    ratio = (5**0.5 - 1) / 2
    low, high = np.log(0.1), np.log(10.0)
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return round(float(np.exp((low + high) / 2)), 4)


def threshold(logits: NDArray[np.float32], classes: NDArray[np.int64], temperature: float) -> float:
    """The confidence that all but 0.2 % of the rightly read validation pictures reach, 0..1."""
    probabilities = softmax(logits.astype(np.float64), temperature)  # [N, classes]
    right = probabilities.argmax(axis=1) == classes
    return round(float(np.quantile(probabilities.max(axis=1)[right], _MAY_BE_REFUSED)), 3) if right.any() else 0.0
