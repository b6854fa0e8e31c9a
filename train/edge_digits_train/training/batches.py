"""The pictures of each epoch, augmented by worker processes while the network trains on the epoch before."""

from __future__ import annotations

from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.normalize import normalize
from edge_digits_train.datasets.data import Labels, Pictures, Split
from edge_digits_train.networks.open_set import one_hot
from edge_digits_train.synthesis.augment import Augmentation, augment
from edge_digits_train.training.redrawn import Redrawn

#: Pictures that a worker makes at a time.
_CHUNK = 1000


class Epochs(Redrawn[Pictures]):
    """Makes the training pictures of any epoch; the same seed and epoch give the same pictures in the same order."""

    def __init__(
        self, train: Split, augmentation: Augmentation | None, seed: int, one_hot: int = 0, redraw: int = 1
    ) -> None:
        """Args:
        train: what pictures are made of.
        augmentation: how they are changed; None leaves them as they are, but for `normalize`.
        seed: decides all that is random.
        one_hot: targets are rows of `open_set.one_hot` for as many classes, or classes for 0.
        redraw: epochs that pictures serve, in another order each, before they are drawn anew.
        """
        super().__init__(redraw)
        self._train, self._augmentation, self._seed = train, augmentation, seed
        self._one_hot = one_hot

    def make(self, epoch: int, *, until: int) -> tuple[Pictures, NDArray[Any]]:
        """Pictures, uint8 [N, 28, 28], and targets of an epoch; begins to make what follows before epoch `until`."""
        first = self._first(epoch)
        pictures, classes = self._of(epoch, until), self._train.classes[self._order(first)]
        if epoch != first:
            order = self._order(epoch)
            pictures, classes = pictures[order], classes[order]
        return pictures, one_hot(classes, self._one_hot) if self._one_hot else classes

    def _first(self, epoch: int) -> int:
        # Without augmentation, they are always the same.
        return 0 if self._augmentation is None else super()._first(epoch)

    def _joined(self, parts: list[Pictures]) -> Pictures:
        return np.concatenate(parts)

    def _order(self, epoch: int) -> Labels:
        return np.random.default_rng((self._seed, epoch)).permutation(len(self._train))

    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[Pictures]]:
        order = self._order(number)
        return [
            pool.submit(
                make_pictures,
                self._train.pictures[chunk],
                self._train.classes[chunk],
                (self._seed, number, index),
                self._augmentation,
            )
            for index, chunk in enumerate(np.array_split(order, max(1, len(order) // _CHUNK)))
        ]


def make_pictures(
    pictures: Pictures, classes: Labels, seed: tuple[int, ...], augmentation: Augmentation | None
) -> Pictures:
    """Augment pictures, or only normalise them where `augmentation` is None: uint8 [N, 28, 28]."""
    if augmentation is None:
        return np.stack([normalize(picture) for picture in pictures])
    return augment(pictures, classes, seed, augmentation)
