"""Summaries of many times: the usual figures, and the run in blocks, by which runs are compared and drawn."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.bench.timing import Measurement

#: Percentiles of a summary, in per cent.
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
#: A run is kept as so many blocks of consecutive calls, at most.
_MAX_BLOCKS = 500
#: of so many calls at least, so that their medians are more than single calls.
_MIN_CALLS = 5
#: Whole cycles are kept together where there are this many.
_MIN_CYCLES = 40
#: Steps of the histogram: this many a factor of ten, 2.3 % each.
_PER_DECADE = 100


def key(percentile: float) -> str:
    """The name of a percentile: "p50", "p99.9"."""
    return f"p{percentile:g}"


def nearest_rank(ordered: NDArray[np.int64], percentile: float) -> int | None:
    """The smallest value that this share of all does not exceed: a value that was measured, not one between two.

    Args:
        ordered: the values, ascending.
        percentile: 0 to 100.

    Returns:
        None where there are too few values for any to lie beyond: 1,000 are needed for p99.9.
    """
    beyond = len(ordered) * (100.0 - percentile) / 100.0
    if len(ordered) == 0 or beyond < 1.0 - 1e-9:
        return None
    return int(ordered[max(math.ceil(round(len(ordered) * percentile / 100.0, 6)) - 1, 0)])


def summarise(samples_ns: NDArray[np.int64]) -> dict[str, float | None]:
    """Mean, standard deviation, min, percentiles and max in milliseconds; nothing is left out.

    Args:
        samples_ns: int64 [N], N at least 1.
    """
    ordered = np.sort(samples_ns)
    figures: dict[str, float | None] = {
        "mean": _ms(float(ordered.mean())),
        "std": _ms(float(ordered.std(ddof=1))) if len(ordered) > 1 else None,
        "min": _ms(int(ordered[0])),
    }
    for percentile in PERCENTILES:
        figures[key(percentile)] = _ms(nearest_rank(ordered, percentile))
    return {**figures, "max": _ms(int(ordered[-1]))}


def blocks(measured: Measurement, cycle: int = 1) -> dict[str, list[float | None]]:
    """The run as at most 500 blocks of consecutive calls.

    Args:
        measured: the run.
        cycle: calls after which the same work comes again; blocks hold whole cycles, so that they are alike, and calls
            of a last cycle that is not whole belong to none.

    Returns:
        by block: `seconds` from the beginning, `p50` and `max` in milliseconds, and the temperature in `celsius`.
    """
    samples = measured.samples_ns
    if len(samples) < _MIN_CYCLES * cycle:
        cycle = 1
    cycles = len(samples) // cycle
    count = min(_MAX_BLOCKS, cycles, max(len(samples) // _MIN_CALLS, 1))
    if count == 0:
        return {"seconds": [], "p50": [], "max": [], "celsius": []}
    edges = cycle * np.linspace(0, cycles, count + 1).astype(np.int64)  # [blocks + 1]
    parts = [samples[first:last] for first, last in pairwise(edges.tolist())]
    seconds, celsius = _starts(measured, edges[:-1])
    return {
        "seconds": [round(float(second), 4) for second in seconds],
        "p50": [_ms(float(np.median(part))) for part in parts],
        "max": [_ms(int(part.max())) for part in parts],
        "celsius": celsius,
    }


def histogram(samples_ns: NDArray[np.int64]) -> dict[str, Any]:
    """How often each time was measured, in steps of 2.3 %.

    Returns:
        `ms`: the lower edges of the steps, and `count`: the calls in each; steps without any are left out.
    """
    steps = np.floor(_PER_DECADE * np.log10(samples_ns.astype(np.float64)) + 1e-9).astype(np.int64)
    found, counts = np.unique(steps, return_counts=True)
    return {
        "ms": [float(f"{1e-6 * 10.0 ** (step / _PER_DECADE):.6g}") for step in found.tolist()],
        "count": counts.tolist(),
    }


def _starts(measured: Measurement, numbers: NDArray[np.int64]) -> tuple[NDArray[np.float64], list[float | None]]:
    """Of each call, by its number: when it began, seconds, and the temperature that was last measured before."""
    firsts = np.array([first for first, _, _ in measured.batches])  # [batches], number of the first call
    starts = np.array([second for _, second, _ in measured.batches])  # [batches], seconds
    # Within a batch calls take about as long as each other.
    ends = np.append(firsts[1:], max(len(measured.samples_ns), firsts[-1] + 1))
    stops = np.append(starts[1:], max(starts[-1], measured.seconds))
    batch = np.searchsorted(firsts, numbers, side="right") - 1  # [calls]
    share = (numbers - firsts[batch]) / np.maximum(ends[batch] - firsts[batch], 1)
    seconds = starts[batch] + share * (stops[batch] - starts[batch])
    return seconds, [measured.batches[index][2] for index in batch.tolist()]


def _ms(nanoseconds: float | None) -> float | None:
    """Milliseconds, to the nanosecond."""
    return None if nanoseconds is None else round(1e-6 * nanoseconds, 6)
