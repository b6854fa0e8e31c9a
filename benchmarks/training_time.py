"""How long it takes from the command to a model on disk, and how well that reads: medians of whole trainings.

    python benchmarks/training_time.py DATA [--recipe quick]... [--runs 3]

DATA holds mnist/ (the official IDX files). The wall time counts from the start of the process to its end: imports,
data, training, judging, writing. The processor time is that of all its processes; divided by the cores, it is the least
that the wall time could be on a machine that does nothing else. Before each training, a plain epoch is timed: Keras
alone on the 60,000 pictures as they are, cnn-2 (34,826 parameters), batches of 128. Machines differ by far more than
the ratio of the two.
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
import numpy as np
from timing import PROGRAM

from edge_digits_train import datasets


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


def plain_epoch(pictures: np.ndarray, classes: np.ndarray) -> float:
    """Seconds of an epoch of a network that is known everywhere, to compare machines by."""
    import keras

    from edge_digits_train.networks import architectures

    model = architectures.build("cnn-2", 10, 0.25)
    model.compile(keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    first = pictures[:1280, ..., None], classes[:1280]
    model.fit(*first, batch_size=128, verbose=0)  # traces it
    begun = time.perf_counter()
    model.fit(pictures[..., None], classes, batch_size=128, verbose=0)
    return time.perf_counter() - begun


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", action="append", help="default: quick and quick-5")
    parser.add_argument("--runs", type=int, default=3, help="trainings of each, with seeds from 0")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"Machine: {machine.describe()}; load {os.getloadavg()[0]:.1f} when it began\n")
    columns = ["recipe", "runs", "wall time", "CPU time", "CPU time / cores", "plain epoch", "ratio"]
    columns += ["MNIST test, median", "minimum"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    mnist = datasets.load(str(options.data / "mnist")).train
    for recipe in options.recipe or ["quick", "quick-5"]:
        rows = [
            (plain_epoch(mnist.pictures, mnist.classes), *train(options.data, recipe, seed))
            for seed in range(options.runs)
        ]
        plain, wall, processor, accuracy = (statistics.median(values) for values in zip(*rows, strict=True))
        ratio = statistics.median(row[1] / row[0] for row in rows)
        print(
            f"| {recipe} | {options.runs} | {wall:.1f} s | {processor:.1f} s | {processor / cores:.1f} s "
            f"| {plain:.1f} s | {ratio:.1f} | {accuracy:.2f} % | {min(row[3] for row in rows):.2f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
