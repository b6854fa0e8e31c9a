"""What a training run asks of the task that it trains: reading single digits, finding them, reading what is found."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.datasets.data import Data
from edge_digits_train.run import Config

if TYPE_CHECKING:
    import keras


class Batches(Protocol):
    """Training pictures by epoch."""

    def prefetch(self, number: int) -> None:
        """Begin to make those of an epoch, in worker processes."""

    def make(self, epoch: int, *, until: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Pictures and targets of an epoch; begins to make what follows before epoch `until` beside it."""


class Task(Protocol):
    """Makes the network, its pictures, and a judgement of it.

    Attributes:
        size: pictures an epoch.
    """

    size: int

    def __init__(self, config: Config, data: Data) -> None: ...

    @staticmethod
    def configure(config: Config, data: Data) -> Config:
        """Adapt a config to the data: recipe and labels.

        Raises:
            UsageError: its recipe and the data do not go together.
            ModelError: the network cannot start from `config.init`; that is tried, in vain.
        """

    def model(self) -> tuple[keras.Model, Any, Any]:
        """A fresh network, its loss, and its metric, which is named accuracy."""

    def custom_objects(self) -> dict[str, Any]:
        """What Keras needs to load the network with its loss."""

    def epochs(self) -> AbstractContextManager[Batches]:
        """The training pictures."""

    def judge(self, model: keras.Model) -> dict[str, float]:
        """The metrics of a network on the validation set, by their names in `run.METRICS`."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is judged and calibrated on, for export: the arrays of `run_files.PICTURES`."""

    def test(self, model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        """The metrics of a network on the test set among `arrays`, by their names in `run.METRICS`."""
