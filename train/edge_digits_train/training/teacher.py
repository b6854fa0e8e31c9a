"""What trained networks say of pictures, for a smaller one to learn from beside their classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.inference.session import Model
from edge_digits_train.datasets.data import Labels, Pictures
from edge_digits_train.networks.open_set import one_hot

#: What the teachers say counts so much, beside the class.
_SHARE = 0.7
#: Pictures that go through a network at a time.
_BATCH = 1000


class Teacher:
    """Exported networks, whose probabilities are averaged (Hinton, Vinyals and Dean 2015)."""

    def __init__(self, models: Sequence[str], labels: Sequence[str]) -> None:
        """Args:
        models: files, or names of shipped models.
        labels: the classes that are to be taught.

        Raises:
            ModelError: a file is missing or broken.
            UsageError: one knows other classes.
        """
        self._models = [Model.load(model, threads=2) for model in models]
        for model in self._models:
            if tuple(model.card.labels) != tuple(labels):
                raise UsageError(
                    f"--teacher {model.path}: knows the classes {' '.join(model.card.labels)}, and {' '.join(labels)} "
                    "are to be taught. Name one that was trained by the same recipe on the same data"
                )

    def targets(self, pictures: Pictures, classes: Labels) -> NDArray[np.float16]:
        """What to learn of pictures, float16 [N, C + 1]: probabilities of the background, then of the classes.

        Args:
            pictures: uint8 [N, 28, 28].
            classes: int64 [N], BACKGROUND for none.
        """
        said = np.mean([self._probabilities(model, pictures) for model in self._models], axis=0)  # [N, C]
        known = _SHARE * said + (1.0 - _SHARE) * one_hot(classes, said.shape[1])
        background = np.maximum(1.0 - known.sum(axis=1, keepdims=True), 0.0)
        return np.hstack([background, known]).astype(np.float16)

    @staticmethod
    def _probabilities(model: Model, pictures: Pictures) -> NDArray[np.float32]:
        starts = range(0, len(pictures), _BATCH)
        return np.concatenate([model.probabilities(pictures[start : start + _BATCH]) for start in starts])
