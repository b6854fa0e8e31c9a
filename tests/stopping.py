"""A training run that is stopped at a given epoch."""

from __future__ import annotations

from edge_digits_train.run import Epoch


class Stopping:
    """A progress that presses Ctrl-C when an epoch has ended."""

    def __init__(self, after: int | None) -> None:
        self._after = after

    def step(self, epoch: int, epochs: int, done: int, total: int, logs: dict[str, float]) -> None:
        pass

    def epoch(self, epoch: Epoch, epochs: int, best: bool) -> None:
        if epoch.epoch == self._after:
            raise KeyboardInterrupt
