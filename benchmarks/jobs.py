"""How much faster `predict -j` reads many small pictures: `python benchmarks/jobs.py [--pictures N] [--jobs N]`.

Prints the seconds of each, by turns, and the ratio; and the seconds of processor time that each took in all its
processes. On a machine that does other things too, processor time is the one to trust. The third row is N commands of
one process each, side by side, that share the pictures: nothing that reads with N processes can take less, as cores
that work at the same time slow each other down.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from machine import describe

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def main() -> None:
    """Time both by turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder), options.pictures, options.jobs)
        parts = [f"{folder}/{part}" for part in range(options.jobs)]
        ways = {
            "-j 1": [[*parts, "-j", "1"]],
            f"-j {options.jobs}": [[*parts, "-j", str(options.jobs)]],
            "side by side": [[part, "-j", "1"] for part in parts],
        }
        taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, commands in ways.items():
                taken[way].append(_run(commands))
    print(f"{options.pictures} pictures of 28 x 28, {options.rounds} rounds, medians")
    medians = [tuple(statistics.median(column) for column in zip(*times, strict=True)) for times in taken.values()]
    for way, (wall, processor) in zip(taken, medians, strict=True):
        print(f"{way}: {wall:.2f} s, {processor:.2f} s of processor time")
    (wall, processor), (wall_jobs, processor_jobs), (_, processor_apart) = medians
    print(f"-j {options.jobs} is {wall / wall_jobs:.2f} times as fast as -j 1 by the clock")
    ratio = options.jobs * processor / processor_jobs
    print(f"by processor time, {ratio:.2f} times on {options.jobs} cores that do nothing else")
    print(f"its processor time is {processor_jobs / processor_apart:.2f} of that of commands side by side")


def _make(folder: Path, count: int, parts: int) -> None:
    """Small pictures, of the crops among the samples, in so many sub-folders."""
    for part in range(parts):
        (folder / str(part)).mkdir()
    crops = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(SAMPLES.glob("digit-*"))]
    small = [
        cv2.imencode(".png", cv2.resize(np.asarray(crop), (28, 28), interpolation=cv2.INTER_AREA))[1].tobytes()
        for crop in crops
    ]
    for number in range(count):
        (folder / str(number % parts) / f"{number}.png").write_bytes(small[number % len(small)])


def _run(commands: list[list[str]]) -> tuple[float, float]:
    """Seconds of these runs at the same time by the clock, and of processor time."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    program = [sys.executable, "-m", "edge_digits", "predict", "--format", "jsonl", "-q"]
    children = [subprocess.Popen([*program, *command], stdout=subprocess.DEVNULL) for command in commands]
    codes = [child.wait() for child in children]
    if any(codes):
        raise SystemExit("a run has failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begun, used


if __name__ == "__main__":
    main()
