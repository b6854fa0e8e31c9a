"""Timing by turns, so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

#: The command line, as installed beside this Python.
PROGRAM = str(Path(sys.executable).with_name("edge-digits"))


def timed(call: Callable[..., T], *args: object) -> tuple[T, float]:
    """Call: what it returns, and the seconds that it took."""
    begun = time.perf_counter()
    result = call(*args)
    return result, time.perf_counter() - begun


def medians(calls: Mapping[str, Callable[[], object]], rounds: int, warm: int = 1) -> dict[str, float]:
    """The median seconds of each call, made by turns in so many rounds, after as many that do not count."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(-warm, rounds):
        for name, call in calls.items():
            _, taken = timed(call)
            if turn >= 0:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def milliseconds(taken: float) -> str:
    """Seconds as milliseconds, with three digits that count."""
    return f"{1e3 * taken:.0f} ms" if taken >= 0.1 else f"{1e3 * taken:.3g} ms"
