"""Loss and metric of networks that can refuse: a class beside the others whose logit is always 0.

A network's logits then say how much more each class is likely than none of them, p(class) = exp(z) / (1 + sum of
exp), and the output keeps one column a class. Negatives to learn from make it refuse the rest (the background
class of Dhamija, Guenther and Boult 2018).
"""

from __future__ import annotations

from typing import Any


def loss_and_metric(background: bool) -> tuple[Any, Any]:
    """What to compile a network with; class -1 stands for none of them where there is `background`."""
    import keras

    if not background:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True), "accuracy"
    return crossentropy, accuracy


def crossentropy(classes: Any, logits: Any) -> Any:
    """Cross-entropy with the background as one class more.

    Args:
        classes: int [N], -1 for the background.
        logits: float [N, C].
    """
    import keras

    return keras.losses.sparse_categorical_crossentropy(classes + 1, _with_background(logits), from_logits=True)


def accuracy(classes: Any, logits: Any) -> Any:
    """Share of pictures that get their class, or the background."""
    from keras import ops

    best = ops.argmax(_with_background(logits), axis=-1)
    return ops.cast(ops.equal(best, ops.cast(ops.reshape(classes, [-1]) + 1, best.dtype)), "float32")


def custom_objects() -> dict[str, Any]:
    """What Keras needs to load a compiled model."""
    return {"crossentropy": crossentropy, "accuracy": accuracy}


def _with_background(logits: Any) -> Any:
    from keras import ops

    return ops.pad(logits, [[0, 0], [1, 0]])
