"""Who is served when: so many readings at a time, and none waits that could not be served soon."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic, perf_counter
from typing import TypeVar

from edge_digits.web.refusals import BusyError
from edge_digits.web.settings import Limits

_Result = TypeVar("_Result")
#: How much the newest reading counts in the mean time of one.
_NEWEST = 0.1
#: The mean time of a reading before there was one, seconds.
_AT_FIRST = 0.05
#: Half of the longest time after which a client is asked to come again, seconds.
_LATEST = 15.0


class Desk:
    """Runs readings in threads: OpenCV and onnxruntime leave the interpreter to others meanwhile.

    Attributes:
        running: readings that are under way or wait.
        refused: how many were.
        done, seconds: how many have ended, and the time of all of them.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.jobs, thread_name_prefix="reading")
        self._mean = _AT_FIRST
        self._turned_away: deque[float] = deque(maxlen=10_000)
        self.running = self.refused = self.done = 0
        self.seconds = 0.0

    @property
    def wait(self) -> float:
        """Seconds that one more reading would have to wait."""
        return max(0, self.running + 1 - self._limits.jobs) * self._mean / self._limits.jobs

    def check(self) -> None:
        """Refuse what could not be served soon, before its picture is received.

        Raises:
            BusyError: says when to come again.
        """
        if self.wait > self._limits.wait_seconds:
            self.refused += 1
            raise BusyError("too many pictures are waiting to be read; try again in a moment", self._later())

    async def do(self, work: Callable[[], _Result]) -> _Result:
        """Do some work in a thread, in its turn.

        Raises:
            BusyError: it would have to wait for too long, or takes too long.
        """
        self.check()
        self.running += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, partial(self._timed, work))
        future.add_done_callback(self._done)
        try:
            # Shielded: a thread cannot be stopped, and keeps its place until it ends.
            return await asyncio.wait_for(asyncio.shield(future), self._limits.read_seconds)
        except TimeoutError:
            raise BusyError(
                f"reading this took longer than {self._limits.read_seconds:g} s; send a smaller picture"
            ) from None

    def close(self) -> None:
        """Take no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _later(self) -> float:
        """Seconds after which one who is refused shall come again.

        All who were refused in the last second are spread over the time that reading what they have takes: if they came
        together, most would be refused again, and to refuse takes time too.
        """
        now = monotonic()
        self._turned_away.append(now)
        while now - self._turned_away[0] > 1.0:
            self._turned_away.popleft()
        needed = len(self._turned_away) * self._mean / self._limits.jobs
        return random.uniform(1.0, 1.0 + 2.0 * min(needed, _LATEST))

    def _timed(self, work: Callable[[], _Result]) -> _Result:
        begun = perf_counter()
        try:
            return work()
        finally:
            took = perf_counter() - begun
            self._mean += _NEWEST * (took - self._mean)
            self.done += 1
            self.seconds += took

    def _done(self, future: asyncio.Future[_Result]) -> None:
        self.running -= 1
        if not future.cancelled():
            future.exception()  # has been looked at: whoever waited for it may be gone
