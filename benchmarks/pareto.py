"""Accuracy against bytes and against time: the shipped classifiers, the same weights elsewhere, and textbook networks.

    python benchmarks/architectures.py DATA --keep RUNS
    python benchmarks/pareto.py DATA --runs RUNS [-o FILE.png] [--pictures N] [--rounds N]

DATA holds mnist/ (the official IDX files); RUNS what architectures.py trained and exported. Every network is judged
alone: no finder helps, and nothing is refused. Readers of windows see the window around all ink of a digit, the others
what `normalize` makes of it, both from MNIST's test set. Times are medians for one picture on one thread, all
networks in all runtimes in turns. Prints the table and draws it; what no other undercuts, in what a board has, is on
the line.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import machine
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray
from peers import in_turns, load_all, share_right, test_digits, windows
from runtimes import Runtime

from edge_digits import Model
from edge_digits.normalize import normalize
from edge_digits_train.evaluation.plots import BLUE, GREY, ORANGE

#: How a runtime is drawn.
_MARKS = {"onnxruntime": "o", "LiteRT": "s", "OpenCV": "^", "ncnn": "D", "textbook": "x"}


class Textbook:
    """A network that architectures.py left, as `peers.in_turns` takes it."""

    def __init__(self, path: Path) -> None:
        self._model, self.size = Model.load(path), path.stat().st_size
        if self._model.reads_windows:
            raise SystemExit(f"{path}: reads windows, and is none of the textbook's networks. Take it out of --runs")

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Its logits of a picture, uint8 [28, 28]: float32 [10]."""
        logits: NDArray[np.float32] = self._model.run(picture[None])[0]
        return logits


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


def measure(data: Path, runs: Path, pictures: int, rounds: int) -> list[Point]:
    """All networks in all runtimes, on the same digits and in the same turns."""
    loaded: dict[tuple[str, str], Runtime | Textbook] = {**load_all(data)}
    images, labels = test_digits(data, pictures)
    seen = dict.fromkeys(loaded, windows(images))
    loaded |= {(path.name.split(".")[0], "textbook int8"): Textbook(path) for path in sorted(runs.glob("*.int8.onnx"))}
    crops = np.stack([normalize(picture) for picture in images])
    times = in_turns(loaded, images[0], rounds)
    return [
        Point(*key, network.size, 1e-9 * times[key], 1.0 - share_right(network, seen.get(key, crops), labels))
        for key, network in loaded.items()
    ]


def front(points: Sequence[Point], cost: str) -> list[Point]:
    """The points that none undercuts in both `cost` and errors, by cost."""
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (getattr(one, cost), one.wrong)):
        if not best or point.wrong < best[-1].wrong:
            best.append(point)
    return best


def draw(points: Sequence[Point], path: Path) -> None:
    """Both planes, errors upwards, both axes by their logarithm; int8 files by name."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    planes = (("size", 1e-3, "file, kB"), ("seconds", 1e6, "one picture on one thread, µs"))
    for plane, (cost, factor, title) in zip(axes, planes, strict=True):
        _scatter(plane, points, cost, factor)
        plane.set(xscale="log", yscale="log", xlabel=title)
        plane.grid(alpha=0.3, color=GREY, which="both")
        for axis in (plane.xaxis, plane.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    axes[0].set_yticks([0.5, 1, 2, 3])
    axes[0].set_ylabel("MNIST test digits that are wrong, %")
    for mark_of, mark in _MARKS.items():
        axes[1].scatter([], [], marker=mark, color=GREY, label=mark_of)
    axes[1].legend(title="filled: int8; blue: shipped", fontsize=8, framealpha=0)
    figure.savefig(path, dpi=110)


def _scatter(axes: Axes, points: Sequence[Point], cost: str, factor: float) -> None:
    line = front(points, cost)
    axes.plot([factor * getattr(one, cost) for one in line], [100 * one.wrong for one in line], color=GREY, linewidth=1)
    for point in points:
        at = factor * getattr(point, cost), 100 * point.wrong
        colour = BLUE if point.ours else ORANGE if point.runtime.startswith("textbook") else GREY
        mark = next(mark for name, mark in _MARKS.items() if point.runtime.startswith(name))
        axes.scatter(*at, marker=mark, color=colour, zorder=3, facecolors=None if "int8" in point.runtime else "none")
        if "int8" in point.runtime and not point.runtime.startswith("LiteRT"):
            axes.annotate(point.network, at, textcoords="offset points", xytext=(5, 4), fontsize=8)


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
    if not (options.data / "mnist").is_dir():
        parser.error(f"{options.data}: holds no folder mnist with the official IDX files")
    points = measure(options.data, options.runs, options.pictures, options.rounds)
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
