"""What ends a live run from outside: SIGTERM, a closed terminal, Ctrl-C."""

from __future__ import annotations

import signal


class Stopper:
    """Signals end a run after the frame in hand; while there is none, or when a second one comes, at once.

    Attributes:
        reading: whether there is a frame in hand; to be set by the run.
        stopping: whether the run is to end.
        interrupted: whether that is because of Ctrl-C, and not because the run was asked to end.
    """

    def __init__(self) -> None:
        """Take the signals over, those apart that are ignored (as SIGHUP is under nohup)."""
        self.reading = self.stopping = self.interrupted = False
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        self._before = {number: signal.getsignal(number) for number in numbers}
        for number, handler in self._before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, self._stop)

    def restore(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: object) -> None:
        again, self.stopping = self.stopping, True
        self.interrupted = number == signal.SIGINT
        if again or not self.reading:
            raise KeyboardInterrupt if self.interrupted else SystemExit(0)
