"""Losses and metrics, and those of networks that can refuse: a class beside the others whose logit is always 0.

A network's logits then say how much likelier each class is than none of them, p(class) = exp(z) / (1 + sum of
exp), and the output keeps one column a class. Training on negatives makes it refuse the rest (the background
class of Dhamija, Guenther and Boult 2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def loss_and_metric(loss: str, background: bool) -> tuple[Any, Any]:
    """What to compile a network with.

    Args:
        loss: "sparse", of classes, or "categorical", of `one_hot` rows; the two train alike.
        background: class -1 stands for none of the others.
    """
    import keras

    if background:
        return crossentropy, accuracy
    if loss == "categorical":
        return keras.losses.CategoricalCrossentropy(from_logits=True), "accuracy"
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True), "accuracy"


def one_hot(classes: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """One-hot rows, float32 [N, count]: 1 in the column of the class; no 1 for the background."""
    rows = np.zeros((len(classes), count), np.float32)
    known = np.flatnonzero(classes >= 0)
    rows[known, classes[known]] = 1.0
    return rows


def crossentropy(targets: Any, logits: Any) -> Any:
    """Cross-entropy with the background as one class more.

    Args:
        targets: classes, int [N], -1 for the background; rows of `one_hot`, float [N, C]; or probabilities, float
            [N, C + 1], of the background first.
        logits: float [N, C].
    """
    import keras

    if _are_probabilities(targets, logits):
        return keras.losses.categorical_crossentropy(targets, _with_background(logits), from_logits=True)
    return keras.losses.sparse_categorical_crossentropy(_columns(targets), _with_background(logits), from_logits=True)


def accuracy(targets: Any, logits: Any) -> Any:
    """Whether each picture gets its class, or the background: float32 [N], 0 or 1; arguments as of `crossentropy`."""
    from keras import ops

    best = ops.argmax(_with_background(logits), axis=-1)
    wanted = ops.argmax(targets, axis=-1) if _are_probabilities(targets, logits) else _columns(targets)
    return ops.cast(ops.equal(best, ops.cast(wanted, best.dtype)), "float32")


def custom_objects() -> dict[str, Any]:
    """What Keras needs to load a compiled model."""
    return {"crossentropy": crossentropy, "accuracy": accuracy}


def _are_probabilities(targets: Any, logits: Any) -> bool:
    return len(targets.shape) == 2 and targets.shape[-1] == logits.shape[-1] + 1


def _columns(targets: Any) -> Any:
    """Class indices among logits with the background in front, int [N]: 0 is the background."""
    from keras import ops

    if len(targets.shape) == 2 and targets.shape[-1] != 1:
        # Of a row without a 1, the first column is the largest.
        return ops.argmax(ops.pad(targets, [[0, 0], [1, 0]], constant_values=0.5), axis=-1)
    return ops.cast(ops.reshape(targets, [-1]), "int32") + 1


def _with_background(logits: Any) -> Any:
    from keras import ops

    return ops.pad(logits, [[0, 0], [1, 0]])
