"""Readings, counted."""

from __future__ import annotations

from edge_digits.results import Reading


class Tally:
    """Counts readings by how they went, and where the time goes.

    Attributes:
        count: all.
        failed: those of status "error".
        uncertain: those that are uncertain or without digits.
    """

    def __init__(self) -> None:
        self.count = self.failed = self.uncertain = 0
        self._ms: dict[str, float] = {}

    def add(self, reading: Reading) -> None:
        """Count a reading."""
        self.count += 1
        self.failed += reading.status == "error"
        self.uncertain += reading.status in ("uncertain", "no_digits")
        for step, ms in reading.speed_ms.items():
            self._ms[step] = self._ms.get(step, 0.0) + ms

    def summary(self, *, times: bool = False) -> str:
        """In one line; with `times`, the mean milliseconds of each step too."""
        parts = [f"{self.count} {'picture' if self.count == 1 else 'pictures'}"]
        parts += [f"{self.uncertain} uncertain or without digits"] * bool(self.uncertain)
        parts += [f"{self.failed} failed"] * bool(self.failed)
        if times:
            parts += [f"{step} {ms / max(self.count - self.failed, 1):.2f} ms" for step, ms in self._ms.items()]
        return ", ".join(parts)
