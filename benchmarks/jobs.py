"""How much faster `predict -j` reads many small pictures: `python benchmarks/jobs.py [--pictures N] [--jobs N]`.

Prints the seconds of each, by turns, and the ratio; and the seconds of processor time that each took in all its
processes. On a machine that does other things too, the second ratio is the one to trust: what -j N costs more than one
process is all that can keep it from being N times as fast on N idle cores.
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
        _make(Path(folder), options.pictures)
        taken: dict[int, list[tuple[float, float]]] = {1: [], options.jobs: []}
        for _ in range(options.rounds):
            for jobs, times in taken.items():
                times.append(_run(folder, jobs))
    medians = {
        jobs: tuple(statistics.median(column) for column in zip(*times, strict=True)) for jobs, times in taken.items()
    }
    for jobs, (wall, processor) in medians.items():
        print(f"-j {jobs}: {wall:.2f} s, {processor:.2f} s of processor time, {options.pictures} pictures of 28 x 28")
    (wall, processor), (wall_jobs, processor_jobs) = medians[1], medians[options.jobs]
    print(f"{wall / wall_jobs:.2f} times as fast as one process")
    print(f"{options.jobs * processor / processor_jobs:.2f} times on {options.jobs} idle cores, by processor time")


def _make(folder: Path, count: int) -> None:
    """Small pictures, of the crops among the samples."""
    crops = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(SAMPLES.glob("digit-*"))]
    small = [
        cv2.imencode(".png", cv2.resize(np.asarray(crop), (28, 28), interpolation=cv2.INTER_AREA))[1].tobytes()
        for crop in crops
    ]
    for number in range(count):
        (folder / f"{number}.png").write_bytes(small[number % len(small)])


def _run(folder: str, jobs: int) -> tuple[float, float]:
    """Seconds by the clock, and of processor time."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "edge_digits", "predict", folder, "--format", "jsonl", "-q", "-j", str(jobs)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begun, used


if __name__ == "__main__":
    main()
