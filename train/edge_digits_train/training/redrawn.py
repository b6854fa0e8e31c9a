"""Pictures that serve several epochs, in another order each, before worker processes have made new ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from edge_digits_train.pool import Prefetcher, start_worker

Part = TypeVar("Part")


class Redrawn(Prefetcher[Part]):
    """Items by epoch, of which several epochs in a row have the same."""

    def __init__(self, redraw: int, initializer: Callable[..., None] = start_worker, *arguments: Any) -> None:
        """Args:
        redraw: epochs that an item serves.
        initializer, arguments: of worker processes, as `pool.processes` takes them.
        """
        super().__init__(initializer, *arguments)
        self._redraw = redraw
        self._drawn: tuple[int, Part] | None = None

    def prefetch(self, number: int) -> None:
        """Begin to make the pictures of an epoch."""
        super().prefetch(self._first(number))

    def _of(self, epoch: int, until: int) -> Part:
        """The item of an epoch; as it is begun with, begins to make the one that follows, if any before `until`."""
        first = self._first(epoch)
        if self._drawn is None or self._drawn[0] != first:
            self._drawn = (first, self._joined(self._take(first)))
            following = self._first(first + self._redraw)
            if first < following < until:
                self.prefetch(following)
        return self._drawn[1]

    def _first(self, epoch: int) -> int:
        """The epoch that this one has its item from."""
        return epoch - epoch % self._redraw

    @abstractmethod
    def _joined(self, parts: list[Part]) -> Part:
        """An item of its parts."""
