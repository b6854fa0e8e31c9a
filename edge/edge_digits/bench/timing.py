"""The stopwatch: calls one after the other, or at a camera's rate, into memory that was there before.

Times are of the monotonic clock in whole nanoseconds. The loops add two readings of that clock to what they time, 0.1
microseconds on a desktop processor, and keep nothing but 8 bytes in an array made beforehand. Nothing is ever removed
from what was measured.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Calls are timed for so long, in seconds, before the progress is shown and the temperature read.
_BATCH_SECONDS = 0.25
#: The most calls of a batch, by the memory that they take.
_MAX_CALLS = 100_000
#: Calls that take longer, in nanoseconds, do not feel a pause of the loop.
_SHORT_NS = 1_000_000

Call = Callable[[], object]
#: Called after each timed call, outside of its time, with its number within the batch and what it returned.
Keep = Callable[[int, Any], None]
#: Called between batches with the share of the work that is done, 0 to 1.
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Plan:
    """How to time.

    Attributes:
        runs: calls that are timed, at least.
        min_seconds: timing lasts so long, at least.
        warmup: calls beforehand that do not count.
        rate: calls a second; None for one right after the other.
    """

    runs: int = 1000
    min_seconds: float = 10.0
    warmup: int = 50
    rate: float | None = None


@dataclass(eq=False)
class Measurement:
    """What was measured.

    Attributes:
        samples_ns: int64 [N], the time of each call.
        first_ns: of the first call of all, which warms up.
        seconds: of the clock while calls were timed, in paced runs with the pauses between them.
        cpu_seconds: of the processor, all threads of this process, in that time.
        batches: of each batch, the number of its first call, the seconds since the beginning, and what
            `observe` said before it.
        interrupted: whether Ctrl-C ended it before the plan was fulfilled.
    """

    samples_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    first_ns: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    batches: list[tuple[int, float, float | None]] = field(default_factory=list)
    interrupted: bool = False


def time_calls(call: Call, samples: array[int], calls: int, keep: Keep | None = None) -> None:
    """Time calls, one right after the other.

    Args:
        call: what is timed.
        samples: of type "q"; its first places take the nanoseconds of each call.
        calls: how many.
        keep: sees what each call returned.
    """
    now = time.perf_counter_ns
    if keep is None:
        for number in range(calls):
            start = now()
            call()
            samples[number] = now() - start
        return
    for number in range(calls):
        start = now()
        result = call()
        samples[number] = now() - start
        keep(number, result)


def time_paced(call: Call, samples: array[int], calls: int, rate: float, keep: Keep | None = None) -> None:
    """Time calls that begin `rate` times a second, as frames of a camera come; as `time_calls`.

    A call that takes longer than a period delays the next one, and those after it are not hurried.
    """
    now, sleep = time.perf_counter_ns, time.sleep
    period = round(1e9 / rate)
    due = now() + period
    for number in range(calls):
        wait = due - now()
        if wait > 0:
            sleep(1e-9 * wait)
        start = now()
        result = call()
        samples[number] = now() - start
        if keep is not None:
            keep(number, result)
        due = max(due + period, now())


def measure(
    call: Call,
    plan: Plan,
    *,
    keep: Callable[[Any], None] | None = None,
    progress: Progress = lambda share: None,
    observe: Callable[[], float | None] = lambda: None,
) -> Measurement:
    """Time a call as planned. Ctrl-C ends it early, and what was measured by then is kept.

    Args:
        call: what is timed, called without arguments.
        plan: how often and how long.
        keep: sees what each timed call returned, outside of its time.
        progress: called now and then with the share that is done, 0 to 1.
        observe: asked for the temperature now and then.
    """
    measured = Measurement()
    parts: list[NDArray[np.int64]] = []
    try:
        typical = _warm_up(call, plan, measured)
        with _batches(measured, parts) as time_batch:
            done, start = 0, time.perf_counter()
            while True:
                elapsed = time.perf_counter() - start
                if done >= plan.runs and elapsed >= plan.min_seconds:
                    break
                progress(min(done / plan.runs, elapsed / plan.min_seconds if plan.min_seconds else 1.0))
                calls = _calls_now(plan, typical, done, elapsed)
                measured.batches.append((done, elapsed, observe()))
                if plan.rate is None and typical < _SHORT_NS:
                    call()  # the pause has cooled the caches; in paced runs that is what is measured
                time_batch(call, calls, plan.rate, keep)
                done += calls
                typical = int(np.median(parts[-1]))
    except KeyboardInterrupt:
        measured.interrupted = True
    progress(1.0)
    measured.samples_ns = np.concatenate(parts) if parts else measured.samples_ns
    return measured


def _warm_up(call: Call, plan: Plan, measured: Measurement) -> int:
    """Make the calls that do not count; the typical time of one, in nanoseconds."""
    samples = array("q", bytes(8))
    time_calls(call, samples, 1)
    measured.first_ns = samples[0]
    rest = max(plan.warmup - 1, 1)
    samples = array("q", bytes(8 * rest))
    if plan.rate is None:
        time_calls(call, samples, rest)
    else:
        # A second at the camera's rate brings clocks down to where they will be; more would be waiting only.
        time_paced(call, samples, min(rest, max(1, round(plan.rate))), plan.rate)
    return int(np.median(samples))


def _calls_now(plan: Plan, typical: int, done: int, elapsed: float) -> int:
    """How many calls the next batch has: no more than are wanted, where that can be foreseen."""
    each = max(typical * 1e-9, 1e-7) if plan.rate is None else max(typical * 1e-9, 1.0 / plan.rate)
    wanted = max(plan.runs - done, int((plan.min_seconds - elapsed) / each) + 1)
    return max(1, min(wanted, int(_BATCH_SECONDS / each) + 1, _MAX_CALLS))


@contextmanager
def _batches(
    measured: Measurement, parts: list[NDArray[np.int64]]
) -> Iterator[Callable[[Call, int, float | None, Callable[[Any], None] | None], None]]:
    """Gives what times a batch; what it measured counts even where it was interrupted."""

    def time_batch(call: Call, calls: int, rate: float | None, keep: Callable[[Any], None] | None) -> None:
        samples = array("q", bytes(8 * calls))
        kept: Keep | None = None if keep is None else lambda number, result: keep(result)
        cpu, start = time.process_time(), time.perf_counter()
        try:
            if rate is None:
                time_calls(call, samples, calls, kept)
            else:
                time_paced(call, samples, calls, rate, kept)
        finally:
            measured.seconds += time.perf_counter() - start
            measured.cpu_seconds += time.process_time() - cpu
            times = np.frombuffer(samples, np.int64)
            parts.append(times[times > 0])  # what was interrupted has no time yet

    yield time_batch
