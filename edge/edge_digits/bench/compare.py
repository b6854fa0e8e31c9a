"""Whether one run is faster than another, where both are noisy.

What else a machine does only ever adds time, in bursts, so that medians of whole runs differ by half on a busy
machine while its quiet moments agree within 2 % (Chen and Revels 2016, "Robust benchmarking in noisy environments").
So runs are compared by their quiet time: the lowest fiftieth of the medians of blocks of consecutive calls. Its
interval comes from a circular block bootstrap (Künsch 1989; Politis and Romano 1992), for neighbouring blocks are
alike: twentieths of the run are drawn with replacement.

An interval of one run knows nothing of what differs from one start of a program to the next (addresses, clocks), which
moves the quiet time by 1 or 2 %. So a difference is one only where the whole interval lies beyond a margin, 3 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_digits.bench.report import Report, Run
from edge_digits.errors import UsageError

#: Differences below this are none.
MARGIN = 0.03
#: The bootstrap draws blocks of a run, of which there are so many, and draws the run anew so often.
_BOOTSTRAP_BLOCKS = 20
_RESAMPLES = 1000
_QUIET_QUANTILE = 0.02
#: Where other programs take more of one core, in per cent, quiet moments may be missing.
_BUSY_PERCENT = 30.0
#: A run of fewer blocks says nothing of how much they vary.
_MIN_BLOCKS = 20

Verdict = Literal["faster", "slower", "no difference"]


@dataclass(frozen=True)
class Ratio:
    """The quiet time of a run by that of another.

    Attributes:
        ratio: above 1 is slower.
        low: lower end of its 95 % interval.
        high: upper end.
        margin: what differences are measured by.
    """

    ratio: float
    low: float
    high: float
    margin: float = MARGIN

    @property
    def verdict(self) -> Verdict:
        """Whether the run is faster or slower than the other."""
        if self.low > 1.0 + self.margin:
            return "slower"
        return "faster" if self.high < 1.0 / (1.0 + self.margin) else "no difference"

    def slower_by(self, share: float) -> bool:
        """Whether it is slower, and by this share or more at the best estimate."""
        return self.verdict == "slower" and self.ratio >= 1.0 + share


def quiet(blocks: Sequence[float] | NDArray[np.float64]) -> float:
    """The quiet time of a run, in the unit of its blocks.

    Args:
        blocks: medians of blocks of consecutive calls, in their order.
    """
    return float(np.quantile(np.asarray(blocks, np.float64), _QUIET_QUANTILE))


def ratio(before: Sequence[float], after: Sequence[float], *, margin: float = MARGIN, seed: int = 0) -> Ratio:
    """Compare two runs by the medians of their blocks.

    Args:
        before: of the run that is compared to.
        after: of the other.
        margin: differences below this share are none.
        seed: of the bootstrap.

    Raises:
        UsageError: a run is too short to be compared.
    """
    for blocks in (before, after):
        if len(blocks) < _MIN_BLOCKS:
            raise UsageError(
                f"has {len(blocks)} blocks of calls, and {_MIN_BLOCKS} are needed: measure longer (--runs)"
            )
    rng = np.random.default_rng(seed)
    ratios = _resample(np.asarray(after, np.float64), rng) / _resample(np.asarray(before, np.float64), rng)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Ratio(quiet(after) / quiet(before), float(low), float(high), margin)


def _resample(blocks: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The quiet time of each resample of the run, float64 [resamples]."""
    count = len(blocks)
    length = max(1, round(count / _BOOTSTRAP_BLOCKS))
    starts = rng.integers(0, count, (_RESAMPLES, -(-count // length), 1))  # [resamples, blocks, 1]
    indices = (starts + np.arange(length)).reshape(_RESAMPLES, -1)[:, :count] % count  # [resamples, count], circular
    return np.asarray(np.quantile(blocks[indices], _QUIET_QUANTILE, axis=1), np.float64)


def pairs(before: Report, after: Report) -> list[tuple[Run, Run]]:
    """The runs of two reports that can be compared: timed in the same way, and of the same model where there is one.

    Raises:
        UsageError: there are none.
    """
    partners: dict[int, Run] = {}
    rest = list(after.runs)
    # Those of one model first: no other run may take the partner of one.
    for same_model in (True, False):
        for number, run in enumerate(before.runs):
            alike = [other for other in rest if _timed_as(other) == _timed_as(run)]
            fitting = [other for other in alike if not same_model or _model(other) == _model(run)]
            if number not in partners and fitting:
                partners[number] = fitting[0]
                rest = [other for other in rest if other is not fitting[0]]
    if not partners:
        raise UsageError("no two runs were timed in the same way: measure with the same --mode, --rate and --threads")
    return [(before.runs[number], partners[number]) for number in sorted(partners)]


def differences(before: Report, after: Report) -> list[str]:
    """What speaks against a comparison, a line each: conditions that differ, and runs that were disturbed."""
    notes = [
        f"{name}: {before.board.get(name)} and {after.board.get(name)}"
        for name in ("model", "processor", "cores", "kernel")
        if before.board.get(name) != after.board.get(name)
    ]
    notes += [
        f"{name}: {before.versions.get(name)} and {after.versions.get(name)}"
        for name in sorted({*before.versions, *after.versions})
        if before.versions.get(name) != after.versions.get(name)
    ]
    for run, other in pairs(before, after):
        if set(run.before["governors"] or ()) != set(other.before["governors"] or ()):
            notes.append("governors differ")
        if run.pictures != other.pictures:
            notes.append(f"pictures: {run.pictures} and {other.pictures}")
        busiest = max(run.others_percent or 0.0, other.others_percent or 0.0)
        if busiest > _BUSY_PERCENT:
            notes.append(f"{run.name}: other programs took up to {busiest:.0f} % of a core; measure on a quiet machine")
        if not (run.valid and other.valid):
            notes.append(f"{run.name}: a run is invalid, its board was throttled")
    return list(dict.fromkeys(notes))


def _timed_as(run: Run) -> tuple[object, ...]:
    return run.mode, run.subject, run.threads, run.plan["rate"]


def _model(run: Run) -> tuple[object, ...]:
    return run.model["name"], run.model["precision"]
