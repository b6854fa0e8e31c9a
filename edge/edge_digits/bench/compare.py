"""Whether one run is faster than another, where both are noisy.

What else a machine does only ever adds time, in bursts, so that medians of whole runs differ by half on a busy
machine while its quiet moments agree within 2 % (Chen and Revels 2016, "Robust benchmarking in noisy environments").
So runs are compared by their quiet time: the lowest fiftieth of the medians of blocks of consecutive calls. Its interval
comes from a circular block bootstrap (Künsch 1989; Politis and Romano 1992), for neighbouring blocks are alike:
twentieths of the run are drawn with replacement.

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
#: What is drawn together is this share of a run.
_CHUNKS = 20
_DRAWS = 4000
_QUIET = 0.02
#: Others take so much of one core, in per cent, that quiet moments may be missing.
_BUSY = 30.0
#: Fewer blocks say nothing of how much they vary.
_FEWEST = 20

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
    return float(np.quantile(np.asarray(blocks, np.float64), _QUIET))


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
        if len(blocks) < _FEWEST:
            raise UsageError(f"has {len(blocks)} blocks of calls, and {_FEWEST} are needed: measure longer (--runs)")
    rng = np.random.default_rng(seed)
    drawn = _drawn(np.asarray(after, np.float64), rng) / _drawn(np.asarray(before, np.float64), rng)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Ratio(quiet(after) / quiet(before), float(low), float(high), margin)


def _drawn(blocks: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The quiet time in each of many draws from the run, float64 [draws]."""
    count = len(blocks)
    length = max(1, round(count / _CHUNKS))
    starts = rng.integers(0, count, (_DRAWS, -(-count // length), 1))
    places = (starts + np.arange(length)).reshape(_DRAWS, -1)[:, :count] % count
    return np.asarray(np.quantile(blocks[places], _QUIET, axis=1), np.float64)


def pairs(before: Report, after: Report) -> list[tuple[Run, Run]]:
    """The runs of two reports that can be compared: timed in the same way, and of the same model where there is one.

    Raises:
        UsageError: there are none.
    """
    rest = list(after.runs)
    found = []
    for run in before.runs:
        like = [other for other in rest if _way(other) == _way(run)]
        if like:
            chosen = next((other for other in like if _model(other) == _model(run)), like[0])
            rest.remove(chosen)
            found.append((run, chosen))
    if not found:
        raise UsageError("no two runs were timed in the same way: measure with the same --mode, --rate and --threads")
    return found


def differences(before: Report, after: Report) -> list[str]:
    """What speaks against a comparison, a line each: conditions that differ, and runs that were disturbed."""
    said = [
        f"{name}: {before.board.get(name)} and {after.board.get(name)}"
        for name in ("model", "processor", "cores", "kernel")
        if before.board.get(name) != after.board.get(name)
    ]
    said += [
        f"{name}: {before.versions.get(name)} and {after.versions.get(name)}"
        for name in sorted({*before.versions, *after.versions})
        if before.versions.get(name) != after.versions.get(name)
    ]
    for run, other in pairs(before, after):
        if set(run.before["governors"] or ()) != set(other.before["governors"] or ()):
            said.append("governors differ")
        if run.pictures != other.pictures:
            said.append(f"pictures: {run.pictures} and {other.pictures}")
        busiest = max(run.others_percent or 0.0, other.others_percent or 0.0)
        if busiest > _BUSY:
            said.append(f"{run.name}: other programs took up to {busiest:.0f} % of a core; measure on a quiet machine")
        if not (run.valid and other.valid):
            said.append(f"{run.name}: a run is invalid, its board was throttled")
    return list(dict.fromkeys(said))


def _way(run: Run) -> tuple[object, ...]:
    return run.mode, run.subject, run.threads, run.plan["rate"]


def _model(run: Run) -> tuple[object, ...]:
    return run.model["name"], run.model["precision"]
