"""How far a batch is, and how long it will take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

#: The rate is that of so many of the last times that it was asked.
_SAMPLES = 60


class Progress:
    """Counts pictures, and says now and then how many are left."""

    def __init__(
        self, total: int, done: int, say: Callable[[str], None], every: float, clock: Callable[[], float] = monotonic
    ) -> None:
        """Begin.

        Args:
            total: pictures.
            done: of them, by earlier runs.
            say: given a line.
            every: seconds between two lines.
            clock: seconds, rising.
        """
        self._total, self._done, self._say, self._every, self._clock = total, done, say, every, clock
        self._samples: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)
        self._due = clock() + every

    def __call__(self, pictures: int) -> None:
        """Count pictures."""
        self._done += pictures
        now = self._clock()
        if not self._samples:  # from the first picture on: what it takes to begin says nothing of the rate
            self._samples.append((now, self._done))
        if now >= self._due:
            self._due = now + self._every
            self._samples.append((now, self._done))
            self._say(self.line())

    def line(self) -> str:
        """How far it is, in words."""
        (begun, before), (now, done) = self._samples[0], (self._clock(), self._done)
        rate = (done - before) / max(now - begun, 1e-9)
        share = 100 * done // max(self._total, 1)
        text = f"{done:,} of {self._total:,} pictures ({share} %)"
        if rate <= 0:
            return text
        return f"{text}, {rate:,.{0 if rate >= 10 else 1}f} a second, {_duration((self._total - done) / rate)} left"


def _duration(seconds: float) -> str:
    """In the two largest units: "2 d 3 h", "5 min 20 s"."""
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count or parts:
            parts.append(f"{count:.0f} {unit}")
    return " ".join(parts[:2]) or "0 s"
