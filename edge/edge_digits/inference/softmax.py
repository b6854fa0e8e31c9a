"""Logits -> probabilities."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)


def softmax(logits: NDArray[_Float], temperature: float = 1.0, *, background: bool = False) -> NDArray[_Float]:
    """The softmax of each row, at a temperature (Guo, Pleiss, Sun and Weinberger 2017).

    Args:
        logits: float32 or float64 [N, C]; N may be 0.
        temperature: the logits are divided by this first; above 1, probabilities come closer to each other.
        background: there is one class more, of what is none of the others, whose logit is always 0.

    Returns:
        [N, C], of the dtype of `logits`. What a row lacks of 1 is the probability of the background class.
    """
    scale = logits.dtype.type(temperature)
    top = logits.max(axis=1, keepdims=True)  # [N, 1]; subtracted, so that no exponential overflows
    if background:
        top = np.maximum(top, logits.dtype.type(0.0))
    exponentials = np.exp((logits - top) / scale)  # [N, C]
    total = exponentials.sum(axis=1, keepdims=True)  # [N, 1]
    if background:
        total += np.exp(-top / scale)
    return np.asarray(exponentials / total, logits.dtype)
