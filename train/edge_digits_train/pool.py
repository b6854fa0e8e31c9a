"""Worker processes, and what they prefetch while the network trains."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import cv2

from edge_digits.errors import EdgeDigitsError
from edge_digits_train.interrupts import unseen_by_children

Part = TypeVar("Part")

#: Worker processes, at most: each holds the data set.
_MOST = 16


def start_worker() -> None:
    """Initialise a worker process: one thread, Ctrl-C ignored, and it exits when its parent does."""
    # Ctrl-C is for the training process, which then ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def processes(initializer: Callable[..., None] = start_worker, *arguments: Any) -> ProcessPoolExecutor:
    """Worker processes: one a core, sixteen at most; each calls `initializer(*arguments)` first."""
    # Forking a process in which TensorFlow or onnxruntime runs threads would hang.
    return ProcessPoolExecutor(
        min(_MOST, os.cpu_count() or 1),
        multiprocessing.get_context("spawn"),
        initializer=initializer,
        initargs=arguments,
    )


class Prefetcher(ABC, Generic[Part]):
    """Makes numbered items, such as the pictures of an epoch, in parts by worker processes, ahead of their use.

    A context manager: leaving it ends the workers.
    """

    def __init__(self, initializer: Callable[..., None] = start_worker, *arguments: Any) -> None:
        """Args: initializer, arguments: as `processes` takes them."""
        self._pending: tuple[int, list[Future[Part]]] | None = None
        with unseen_by_children():  # Python's resource tracker, a process too, is begun with the first queue
            self._pool = processes(initializer, *arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @abstractmethod
    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[Part]]:
        """Submit all parts of an item."""

    def prefetch(self, number: int) -> None:
        """Begin to make an item, unless it is the pending one; another pending item is dropped.

        Raises:
            EdgeDigitsError: a process that makes them has ended.
        """
        if self._pending is None or self._pending[0] != number:
            with _whole(), unseen_by_children():
                self._pending = (number, self._submit(self._pool, number))

    def _take(self, number: int) -> list[Part]:
        """The parts of an item, waited for.

        Raises:
            EdgeDigitsError: a process that makes them has ended.
        """
        self.prefetch(number)
        assert self._pending is not None
        with _whole():
            parts = [part.result() for part in self._pending[1]]
        self._pending = None
        return parts


@contextmanager
def _whole() -> Iterator[None]:
    """Says it plainly where a worker process has ended before its work."""
    try:
        yield
    except BrokenExecutor:
        raise EdgeDigitsError(
            "a process that makes pictures was ended from outside, or for lack of memory. Go on with --resume"
        ) from None


def _exit_with_parent() -> None:
    # A training process that is killed cannot end its workers, and they would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
