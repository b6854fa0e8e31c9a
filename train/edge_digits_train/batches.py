"""The pictures of each epoch, augmented by other processes while the network trains on the epoch before."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.normalize import normalize
from edge_digits_train.augment import Augmentation, Pictures, augment
from edge_digits_train.data import Labels, Split
from edge_digits_train.open_set import one_hot

#: Pictures that a process makes at a time.
_CHUNK = 1000


class Epochs:
    """Makes the training pictures of any epoch; the same seed and epoch give the same pictures in the same order.

    Targets are classes, or rows of `open_set.one_hot` for as many classes as `one_hot` says.

    A context manager: leaving it ends the processes.
    """

    def __init__(self, train: Split, how: Augmentation | None, seed: int, one_hot: int = 0) -> None:
        self._train, self._how, self._seed, self._one_hot = train, how, seed, one_hot
        self._next: tuple[int, list[Future[Pictures]]] | None = None
        # Forking a process in which TensorFlow runs threads would hang.
        self._pool = ProcessPoolExecutor(
            min(4, os.cpu_count() or 1), mp_context=multiprocessing.get_context("spawn"), initializer=start_worker
        )

    def __enter__(self) -> Epochs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def make(self, epoch: int, *, then: int | None) -> tuple[Pictures, NDArray[Any]]:
        """The pictures, uint8 [N, 28, 28], and targets of an epoch; begins to make those of epoch `then` beside it."""
        if self._next is None or self._next[0] != epoch:
            self._next = (epoch, self._submit(epoch))
        pictures = np.concatenate([chunk.result() for chunk in self._next[1]])
        self._next = None if then is None else (then, self._submit(then))
        classes = self._train.classes[self._order(epoch)]
        return pictures, one_hot(classes, self._one_hot) if self._one_hot else classes

    def _order(self, epoch: int) -> Labels:
        return np.random.default_rng((self._seed, epoch)).permutation(len(self._train))

    def _submit(self, epoch: int) -> list[Future[Pictures]]:
        order = self._order(epoch)
        chunks = np.array_split(order, max(1, len(order) // _CHUNK))
        with ctrl_c_blocked():
            return [
                self._pool.submit(
                    make_pictures,
                    self._train.pictures[chunk],
                    self._train.classes[chunk],
                    (self._seed, epoch, number),
                    self._how,
                )
                for number, chunk in enumerate(chunks)
            ]


def make_pictures(pictures: Pictures, classes: Labels, seed: tuple[int, ...], how: Augmentation | None) -> Pictures:
    """Augment pictures, or only normalise them where `how` is None: uint8 [N, 28, 28]."""
    if how is None:
        return np.stack([normalize(picture) for picture in pictures])
    return augment(pictures, classes, seed, how)


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Processes begun herein never see Ctrl-C, not even while they import; this one sees it a moment later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_worker() -> None:
    """Begin a process that makes pictures: one thread, deaf to Ctrl-C, gone with its parent."""
    # Ctrl-C is for the training process; it ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A training process that is killed cannot end these, and they would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
