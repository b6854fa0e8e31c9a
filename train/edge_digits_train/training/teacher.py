"""What trained networks say of pictures, for a smaller one to learn from beside their classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.inference.session import Model
from edge_digits.inference.softmax import softmax
from edge_digits_train.datasets.data import Labels, Pictures
from edge_digits_train.networks.open_set import one_hot
from edge_digits_train.run import RunFolder

#: What the teachers say counts so much, beside the class.
_SHARE = 0.7
#: Pictures that go through a network at a time.
_BATCH = 1000

#: Pictures, uint8 [N, 28, 28] -> probabilities of the classes, float32 [N, C].
_Says = Callable[[Pictures], NDArray[np.float32]]


class Teacher:
    """Trained networks, whose probabilities are averaged (Hinton, Vinyals and Dean 2015)."""

    def __init__(self, sources: Sequence[str], labels: Sequence[str]) -> None:
        """Args:
        sources: run folders, .onnx files, or names of shipped models.
        labels: the classes that are to be taught.

        Raises:
            ModelError: a file is missing or broken.
            UsageError: one knows other classes, or a folder holds no run.
        """
        self._models: list[_Says] = []
        for source in sources:
            known, says = _of_run(RunFolder(Path(source))) if Path(source).is_dir() else _of_file(source)
            if tuple(known) != tuple(labels):
                raise UsageError(
                    f"--teacher {source}: knows the classes {' '.join(known)}, and {' '.join(labels)} "
                    "are to be taught. Name one that was trained by the same recipe on the same data"
                )
            self._models.append(says)

    def targets(self, pictures: Pictures, classes: Labels) -> NDArray[np.float16]:
        """What to learn of pictures, float16 [N, C + 1]: probabilities of the background, then of the classes.

        Args:
            pictures: uint8 [N, 28, 28].
            classes: int64 [N], BACKGROUND for none.
        """
        said = np.mean([says(pictures) for says in self._models], axis=0)  # [N, C]
        known = _SHARE * said + (1.0 - _SHARE) * one_hot(classes, said.shape[1])
        background = np.maximum(1.0 - known.sum(axis=1, keepdims=True), 0.0)
        return np.hstack([background, known]).astype(np.float16)


def _of_file(source: str) -> tuple[Sequence[str], _Says]:
    """The labels of an exported network, and what it says."""
    model = Model.load(source, threads=2)

    def says(pictures: Pictures) -> NDArray[np.float32]:
        starts = range(0, len(pictures), _BATCH)
        return np.concatenate([model.probabilities(pictures[start : start + _BATCH]) for start in starts])

    return model.card.labels, says


def _of_run(folder: RunFolder) -> tuple[Sequence[str], _Says]:
    """The labels of a run, and what its network says."""
    import keras

    labels = folder.read_config().labels
    network = keras.saving.load_model(folder.model, compile=False)

    def says(pictures: Pictures) -> NDArray[np.float32]:
        logits = np.asarray(network.predict(pictures[..., None], batch_size=_BATCH, verbose=0))  # [N, C]
        return softmax(logits, background=True)

    return labels, says
