"""Signals that end a command as Ctrl-C does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Stopped:
    """How a command was stopped: `by_signal` where it was SIGTERM or a closed terminal, and not Ctrl-C."""

    by_signal: bool = False


@contextmanager
def stopped_as_by_ctrl_c() -> Iterator[Stopped]:
    """SIGTERM and a closed terminal raise KeyboardInterrupt within, once.

    By default they would end the process at once: what was read would stay in a buffer, the cursor hidden, and worker
    processes would be left to themselves.
    """

    def interrupt(number: int, frame: object) -> None:
        stopped.by_signal = True
        # A service manager that repeats itself, or a terminal that sends both, does not cut the clearing up short.
        for other in handled:
            signal.signal(other, signal.SIG_IGN)
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in the background of a shell
            raise KeyboardInterrupt
        # To this thread alone, so that it waits where Ctrl-C is blocked: while worker processes are begun.
        signal.raise_signal(signal.SIGINT)

    stopped = Stopped()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    handled = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}  # as under nohup
    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield stopped
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
