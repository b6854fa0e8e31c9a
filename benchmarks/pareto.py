"""Accuracy against bytes and against time: the shipped classifiers, the same weights elsewhere, and textbook networks.

    python benchmarks/architectures.py DATA --keep RUNS
    python benchmarks/pareto.py DATA --runs RUNS [-o FILE.png] [--pictures N] [--rounds N]

DATA holds mnist/ (the official IDX files); RUNS what architectures.py trained and exported. Every network is judged
alone: no finder helps, and nothing is refused. Readers of windows see the window around all ink of a digit, the others
what `normalize` makes of it, both from MNIST's test set. Times are medians for one picture on one thread, of each
network and its runtimes in turns. Prints the table and draws it; what no other undercuts, in what a board has, is on
the line.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import machine
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from peers import SIZES, measure
from sets import mnist_test
from timing import medians

from edge_digits import Model
from edge_digits.normalize import normalize
from edge_digits_train.evaluation.plots import BLUE, GREY, ORANGE

#: How a runtime is drawn.
_MARKS = {"onnxruntime": "o", "LiteRT": "s", "OpenCV": "^", "ncnn": "D", "textbook": "x"}
#: Pictures that go through a network at a time.
_BATCH = 500


@dataclass(frozen=True)
class Point:
    """A network as a board runs it: which, in what, bytes, seconds for a picture, share of digits that are wrong."""

    network: str
    runtime: str
    size: int
    seconds: float
    wrong: float

    @property
    def ours(self) -> bool:
        """Whether it is a shipped file as edge-digits runs it."""
        return self.runtime.startswith("onnxruntime")


def textbook(runs: Path, data: Path, pictures: int, rounds: int) -> list[Point]:
    """The int8 files that architectures.py left."""
    models = {path.name.split(".")[0]: Model.load(path) for path in sorted(runs.glob("*.int8.onnx"))}
    images, labels = mnist_test(data / "mnist")
    chosen = np.random.default_rng(0).permutation(len(images))[: pictures or len(images)]
    seen, truth = np.stack([normalize(images[number]) for number in chosen]), labels[chosen]
    taken = medians({name: partial(model.run, seen[:1]) for name, model in models.items()}, rounds, 50)
    points = []
    for name, model in models.items():
        parts = np.array_split(seen, -(-len(seen) // _BATCH))
        wrong = float((np.concatenate([model.logits(part).argmax(axis=1) for part in parts]) != truth).mean())
        points.append(Point(name, "textbook int8", Path(model.path).stat().st_size, taken[name], wrong))
    return points


def front(points: Sequence[Point], cost: str) -> list[Point]:
    """The points that none undercuts in both `cost` and errors, by cost."""
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (getattr(one, cost), one.wrong)):
        if not best or point.wrong < best[-1].wrong:
            best.append(point)
    return best


def draw(points: Sequence[Point], path: Path) -> None:
    """Both planes, errors upwards, both axes by their logarithm."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    planes = (("size", 1e-3, "file, kB"), ("seconds", 1e6, "one picture on one thread, µs"))
    for plane, (cost, factor, title) in zip(axes, planes, strict=True):
        _scatter(plane, points, cost, factor)
        plane.set(xscale="log", yscale="log", xlabel=title)
        plane.grid(alpha=0.3, color=GREY, which="both")
    axes[0].set_ylabel("MNIST test digits that are wrong, %")
    for mark_of, mark in _MARKS.items():
        axes[1].scatter([], [], marker=mark, color=GREY, label=mark_of)
    axes[1].legend(fontsize=8, framealpha=0)
    figure.savefig(path, dpi=110)


def _scatter(axes: Axes, points: Sequence[Point], cost: str, factor: float) -> None:
    line = front(points, cost)
    axes.plot([factor * getattr(one, cost) for one in line], [100 * one.wrong for one in line], color=GREY, linewidth=1)
    for point in points:
        at = factor * getattr(point, cost), 100 * point.wrong
        colour = BLUE if point.ours else ORANGE if point.runtime.startswith("textbook") else GREY
        mark = next(mark for name, mark in _MARKS.items() if point.runtime.startswith(name))
        axes.scatter(*at, marker=mark, color=colour, zorder=3, facecolors=None if "int8" in point.runtime else "none")
        if point.ours or point.runtime.startswith("textbook"):
            name = f"{point.network} {point.runtime.split()[1]}" if point.ours else point.network
            axes.annotate(name, at, textcoords="offset points", xytext=(5, 4), fontsize=7)


def main() -> None:
    """Print the table and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, default=Path("pareto.png"))
    parser.add_argument("--pictures", type=int, default=0, help="a seeded sample of so many; 0 for all")
    parser.add_argument("--rounds", type=int, default=1000, help="calls of each that are timed")
    options = parser.parse_args()
    print(f"Machine: {machine.describe()}\n")
    points = [
        Point(size, one.name, one.size, one.seconds, 1.0 - one.right)
        for size in SIZES
        for one in measure(size, options.data, options.pictures, options.rounds)
    ]
    points += textbook(options.runs, options.data, options.pictures, options.rounds)
    print(
        "| network | runtime | bytes | one picture | MNIST test digits | undercut by none |\n|---|---|---|---|---|---|"
    )
    cheapest = {cost: front(points, cost) for cost in ("size", "seconds")}
    for point in points:
        kept = [title for cost, title in (("size", "bytes"), ("seconds", "time")) if point in cheapest[cost]]
        print(
            f"| {point.network} | {point.runtime} | {point.size:,} | {1e6 * point.seconds:.1f} µs "
            f"| {100 * (1 - point.wrong):.2f} % | {', '.join(kept)} |"
        )
    draw(points, options.output)


if __name__ == "__main__":
    main()
