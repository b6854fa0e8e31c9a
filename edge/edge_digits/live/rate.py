"""How many frames a second are read."""

from __future__ import annotations

from collections import deque
from time import monotonic

#: Seconds that are looked back on, and frames at most.
_WINDOW, _MAX_FRAMES = 2.0, 240


class FrameRate:
    """Frames a second, over the last two seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_MAX_FRAMES)

    def add(self) -> float:
        """Count a frame that is read now; the rate with it."""
        now = monotonic()
        self._times.append(now)
        while len(self._times) > 2 and now - self._times[0] > _WINDOW:
            self._times.popleft()
        passed = now - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else 0.0
