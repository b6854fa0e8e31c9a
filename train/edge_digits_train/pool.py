"""Work that other processes do while the network trains, begun before it is asked for."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import cv2

Part = TypeVar("Part")


def start_worker() -> None:
    """Begin a process that works for this one: one thread, deaf to Ctrl-C, gone with its parent."""
    # Ctrl-C is for the training process; it ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def processes(start: Callable[..., None] = start_worker, *given: Any) -> ProcessPoolExecutor:
    """Four processes, or as many as there are cores if those are fewer; each calls `start` with what is given first."""
    # Forking a process in which TensorFlow or onnxruntime runs threads would hang.
    return ProcessPoolExecutor(
        min(4, os.cpu_count() or 1), multiprocessing.get_context("spawn"), initializer=start, initargs=given
    )


class Ahead(ABC, Generic[Part]):
    """Makes numbered things in parts, in processes of their own.

    A context manager: leaving it ends the processes.
    """

    def __init__(self, start: Callable[..., None] = start_worker, *given: Any) -> None:
        """Args: start, given: what each process does first, and with what."""
        self._next: tuple[int, list[Future[Part]]] | None = None
        self._pool = processes(start, *given)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @abstractmethod
    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[Part]]:
        """Ask for all parts of one thing."""

    def begin(self, number: int) -> None:
        """Begin to make a thing, unless it is begun; what was begun before it is forgotten."""
        if self._next is None or self._next[0] != number:
            with _ctrl_c_blocked():
                self._next = (number, self._submit(self._pool, number))

    def _take(self, number: int) -> list[Part]:
        """The parts of a thing, as soon as all are there."""
        self.begin(number)
        assert self._next is not None
        parts = [part.result() for part in self._next[1]]
        self._next = None
        return parts


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Processes begun herein never see Ctrl-C, not even while they import; this one sees it a moment later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    # A training process that is killed cannot end these, and they would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
