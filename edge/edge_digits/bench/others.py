"""What other programs took of the processors while something was timed."""

from __future__ import annotations

import os
import time
from pathlib import Path


class Others:
    """The load of other programs, measured from the moment that this is constructed.

    All processor time of the system (proc(5), stat: user, nice, system, irq, softirq) less that of this process.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._stat = root / "proc/stat"
        self._all, self._own, self._start = self._ticks(), time.process_time(), time.monotonic()

    def percent(self) -> float | None:
        """Since the beginning, of one core's time; None where the system does not tell."""
        now = self._ticks()
        elapsed = time.monotonic() - self._start
        if now is None or self._all is None or elapsed <= 0.0:
            return None
        others = (now - self._all) / os.sysconf("SC_CLK_TCK") - (time.process_time() - self._own)
        return round(max(0.0, 100.0 * others / elapsed), 1)

    def _ticks(self) -> int | None:
        try:
            words = self._stat.read_text(encoding="ascii").splitlines()[0].split()
            user, nice, system, _idle, _wait, irq, softirq = (int(word) for word in words[1:8])
        except (OSError, ValueError, IndexError):
            return None
        return user + nice + system + irq + softirq
