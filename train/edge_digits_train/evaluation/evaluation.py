"""A model evaluated on a test set, alone or beside another model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.datasets.labelled import Labelled
from edge_digits_train.evaluation.predictions import Predictions
from edge_digits_train.run import Epoch


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Evaluation:
    """What is known of a model after it was run on a test set.

    Attributes:
        data: the pictures, N of them.
        predictions: what the model answers.
        other: what another model answers, if there is one.
        history: the epochs of the run that the model comes from, where it is known.
    """

    data: Labelled
    predictions: Predictions
    other: Predictions | None = None
    history: tuple[Epoch, ...] = ()

    @property
    def models(self) -> tuple[Predictions, ...]:
        """The predictions of each model."""
        return (self.predictions,) if self.other is None else (self.predictions, self.other)

    @cached_property
    def distance(self) -> NDArray[np.float32]:
        """The largest difference of any class's probability between the two models, by picture: float32 [N]."""
        if self.other is None:
            return np.zeros(len(self.data), np.float32)
        difference = np.abs(self.predictions.probabilities - self.other.probabilities)
        return np.asarray(difference.max(axis=1), np.float32)

    @cached_property
    def differing(self) -> NDArray[np.int64]:
        """Pictures that the two models answer differently, in descending order of `distance`."""
        if self.other is None:
            return np.zeros(0, np.int64)
        indices = np.flatnonzero(self.predictions.answers != self.other.answers)
        return indices[np.argsort(-self.distance[indices], kind="stable")]
