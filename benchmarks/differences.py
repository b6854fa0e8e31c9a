"""Whether `edge-digits bench compare` can be believed: the same against the same, and against a known slowdown.

    python benchmarks/differences.py [--rounds 20] [--seconds 10] [--slower 10]

Each round times the shipped model in three processes: as it is, as it is again, and with every call made longer by a
given share of its own time, by waiting. The first is compared with the other two. Then the harness times a call that
does nothing, which is what it adds to all that it times.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np

from edge_digits.bench.compare import quiet, ratio
from edge_digits.bench.subjects import ModelAlone
from edge_digits.bench.summary import blocks, summarise
from edge_digits.bench.timing import Plan, measure


def longer(call: Callable[[], object], share: float) -> Callable[[], object]:
    """A call that takes longer by this share of its own time."""
    now = time.perf_counter_ns

    def slow() -> None:
        begun = now()
        call()
        end = now()
        end += int(share * (end - begun))
        while now() < end:
            pass

    return slow


def time_one(share: float, seconds: float) -> None:
    """Time the shipped model, longer by this share, and print what came of it as JSON."""
    call = ModelAlone("digits", threads=1).call
    measured = measure(longer(call, share) if share else call, Plan(min_seconds=seconds))
    p50 = summarise(measured.samples_ns)["p50"]
    print(json.dumps({"blocks": blocks(measured)["p50"], "p50": p50, "calls": len(measured.samples_ns)}))


def main() -> None:
    """Print a row a round, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--slower", type=float, default=10.0, help="per cent")
    parser.add_argument("--keep", type=Path, help="write the blocks of all runs to this file, a JSON list a round")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        time_one(options.one, options.seconds)
        return
    share = options.slower / 100.0
    print(f"Machine: {machine.describe()}\n")

    def run(extra: float) -> dict[str, Any]:
        command = [sys.executable, __file__, "--one", str(extra), "--seconds", str(options.seconds)]
        found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return found

    same, slower = f"the same, {options.rounds} times", f"{options.slower:g} % slower, {options.rounds} times"
    verdicts: dict[str, Counter[str]] = {same: Counter(), slower: Counter()}
    print("| round | p50 | again | slower | quiet | again | slower | the same | slower |\n|" + "---|" * 9)
    for number in range(1, options.rounds + 1):
        runs = [run(0.0), run(0.0), run(share)]
        found = [ratio(runs[0]["blocks"], other["blocks"]) for other in runs[1:]]
        if options.keep is not None:
            with options.keep.open("a", encoding="utf-8") as stream:
                print(json.dumps([one["blocks"] for one in runs]), file=stream)
        for name, one in zip(verdicts, found, strict=True):
            verdicts[name][one.verdict] += 1
        cells = [f"{1e3 * float(one['p50']):.1f}" for one in runs]
        cells += [f"{1e3 * quiet(one['blocks']):.1f}" for one in runs]
        cells += [f"{one.ratio:.3f} ({one.low:.3f} to {one.high:.3f}) {one.verdict}" for one in found]
        print(f"| {number} | {' | '.join(cells)} |", flush=True)
    print("\nTimes are in microseconds.\n\n| | no difference | slower | faster |\n|---|---|---|---|")
    for name, counts in verdicts.items():
        print(f"| {name} | {counts['no difference']} | {counts['slower']} | {counts['faster']} |")
    nothing = measure(lambda: None, Plan(runs=100_000, min_seconds=1.0)).samples_ns
    print(f"\nA call that does nothing takes {np.median(nothing):.0f} ns at the median, so timed.")


if __name__ == "__main__":
    main()
