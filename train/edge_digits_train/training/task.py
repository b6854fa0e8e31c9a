"""What a training run asks of the thing that it trains: a reader of single digits, or a finder."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras


class Batches(Protocol):
    """Training pictures by epoch."""

    def prefetch(self, number: int) -> None:
        """Begin to make those of an epoch, in worker processes."""

    def make(self, epoch: int, *, then: int | None) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Pictures and targets of an epoch; begins to make those of epoch `then` beside it."""


class Task(Protocol):
    """Makes the network, its pictures, and a judgement of it.

    Attributes:
        size: pictures an epoch.
    """

    size: int

    def model(self) -> tuple[keras.Model, Any, Any]:
        """A fresh network, its loss, and its metric, which is named accuracy."""

    def custom_objects(self) -> dict[str, Any]:
        """What Keras needs to load the network with its loss."""

    def epochs(self) -> AbstractContextManager[Batches]:
        """The training pictures."""

    def judge(self, model: keras.Model) -> tuple[float, float, float]:
        """Loss and two accuracies on the validation set; the best epoch is that of the highest mean of the two."""

    def kept(self) -> dict[str, NDArray[Any]]:
        """What export needs beside the network."""

    def test(self, model: keras.Model, kept: Mapping[str, NDArray[Any]]) -> float:
        """Accuracy on the test set."""
