"""How long it takes from the command to a model on disk, and how well that reads: medians of whole trainings.

    python benchmarks/training_time.py DATA [--recipe quick]... [--runs 3]

DATA holds mnist/ (the official IDX files). The wall time counts from the start of the process to its end: imports,
data, training, judging, writing. The processor time is that of all its processes; divided by the cores, it is the least
that the wall time could be on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import machine
from timing import PROGRAM


def train(data: Path, recipe: str, seed: int) -> tuple[float, float, float]:
    """Train once: wall seconds, processor seconds, and accuracy on the MNIST test set in per cent."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [PROGRAM, "train", "--data", data / "mnist", "--recipe", recipe, "--seed", str(seed), "-o", run, "-q"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return wall, processor, 100 * json.loads((run / "results.json").read_text())["test_accuracy"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", action="append", help="default: quick and quick-5")
    parser.add_argument("--runs", type=int, default=3, help="trainings of each, with seeds from 0")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"Machine: {machine.describe()}; load {os.getloadavg()[0]:.1f} when it began\n")
    print("| recipe | runs | wall | processor | by cores | MNIST test, median | least |\n|---|---|---|---|---|---|---|")
    for recipe in options.recipe or ["quick", "quick-5"]:
        walls, processors, accuracies = zip(
            *(train(options.data, recipe, seed) for seed in range(options.runs)), strict=True
        )
        wall, processor, accuracy = (statistics.median(values) for values in (walls, processors, accuracies))
        print(
            f"| {recipe} | {options.runs} | {wall:.1f} s | {processor:.1f} s | {processor / cores:.1f} s "
            f"| {accuracy:.2f} % | {min(accuracies):.2f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
