"""Worker processes of a training: what is said where one of them ends."""

from __future__ import annotations

import os
from concurrent.futures import Future, ProcessPoolExecutor

import pytest

from edge_digits.errors import EdgeDigitsError
from edge_digits_train.pool import Prefetcher


class Squares(Prefetcher[int]):
    """Of three numbers an item; a worker that is to make the fourth item dies of it."""

    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[int]]:
        return [pool.submit(os._exit, 9)] if number == 3 else [pool.submit(pow, number + n, 2) for n in range(3)]

    def take(self, number: int) -> list[int]:
        return self._take(number)


def test_items_are_made_ahead_in_parts() -> None:
    with Squares() as squares:
        squares.prefetch(1)
        assert squares.take(1) == [1, 4, 9]
        assert squares.take(5) == [25, 36, 49]


def test_a_worker_that_ends_is_told_of_with_what_to_do() -> None:
    with Squares() as squares:
        for number in (3, 0):  # what is asked for later too
            with pytest.raises(EdgeDigitsError, match="lack of memory"):
                squares.take(number)
