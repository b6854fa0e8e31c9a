"""The shipped classifiers in several runtimes, and edge-digits beside OCR engines: speed and accuracy, in one run.

    python benchmarks/peers.py DATA [--pictures N] [--rounds N]

DATA holds the sets that sets.py describes: mnist/ is needed. Each runtime has the same trained weights (runtimes.py
says how they come there) and takes the same windows of 28x28 pixels, around all ink of a picture; each engine reads the
same photographs of cells.
All take turns on one thread: engines at every picture, runtimes at every twenty calls, for what one leaves in the
caches slows the next. What is not installed is said to be absent; to have all of them:

    python3 -m venv peers && peers/bin/pip install -e '.[dev]' ai-edge-litert ncnn pnnx rapidocr tesserocr
    sudo apt install tesseract-ocr
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from array import array
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import machine
import numpy as np
from engines import ENGINES, Engine
from numpy.typing import NDArray
from runtimes import CALIBRATION, RUNTIMES, Runtime, fp32_file
from scoring import answer_of, label_text
from sets import SETS, PictureSet, mnist_test
from timing import milliseconds, timed

from edge_digits import DigitReader
from edge_digits.bench.timing import time_calls
from edge_digits.normalize import normalize_window
from edge_digits.results import DIGITS
from edge_digits_train.datasets import read_idx

#: A runtime is called so often before the next one takes its turn, after a quarter as many calls that do not count.
_TURN = 20
#: Shipped classifiers.
SIZES = ("nano", "small", "base")

Key = TypeVar("Key")


class Runs(Protocol):
    """What gives logits for a picture, uint8 [28, 28]."""

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The logits, float32 [N]."""


def load(size: str, calibration: NDArray[np.uint8]) -> dict[str, Runtime]:
    """The runtimes that are installed, with the weights of a shipped size."""
    loaded: dict[str, Runtime] = {}
    for kind in RUNTIMES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                runtime = kind(fp32_file(size), calibration, Path(folder))
            except (ImportError, OSError, subprocess.CalledProcessError, cv2.error) as error:
                print(f"{size} in {kind.name}: absent ({str(error).splitlines()[0]})")
                continue
        loaded[kind.name] = runtime
    return loaded


def in_turns(loaded: Mapping[Key, Runs], picture: NDArray[np.uint8], rounds: int) -> dict[Key, float]:
    """The median nanoseconds of each runtime for a picture."""
    calls, warm = array("q", bytes(8 * _TURN)), array("q", bytes(8 * _TURN))
    taken: dict[Key, list[int]] = {name: [] for name in loaded}
    for _ in range(-(-rounds // _TURN)):
        for name, runtime in loaded.items():
            call = partial(runtime.run, picture)
            time_calls(call, warm, _TURN // 4)
            time_calls(call, calls, _TURN)
            taken[name] += calls
    return {name: float(np.median(times)) for name, times in taken.items()}


def test_digits(data: Path, pictures: int) -> tuple[NDArray[np.uint8], NDArray[np.integer[Any]]]:
    """MNIST's test digits, uint8 [N, 28, 28], and their labels [N]; a seeded sample of so many, or all."""
    images, labels = mnist_test(data / "mnist")
    chosen = np.random.default_rng(0).permutation(len(images))[: pictures or len(images)]
    return images[chosen], labels[chosen]


def windows(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The windows around all ink of pictures, uint8 [N, 28, 28]."""
    return np.stack([normalize_window(picture) for picture in pictures])


def load_all(data: Path) -> dict[tuple[str, str], Runtime]:
    """All shipped sizes in all runtimes that are installed, by size and runtime."""
    calibration = windows(read_idx(data / "mnist" / "train-images-idx3-ubyte.gz")[:CALIBRATION])
    return {(size, name): runtime for size in SIZES for name, runtime in load(size, calibration).items()}


def share_right(network: Runs, seen: NDArray[np.uint8], labels: NDArray[np.integer[Any]]) -> float:
    """Of digits as a network sees them, uint8 [N, 28, 28], the share of which its likeliest digit is the label."""
    said = np.array([int(network.run(one)[: len(DIGITS)].argmax()) for one in seen])
    return float((said == labels).mean())


def networks(data: Path, pictures: int, rounds: int) -> None:
    """Print the table of runtimes."""
    loaded = load_all(data)
    images, labels = test_digits(data, pictures)
    seen = windows(images)
    times = in_turns(loaded, seen[0], rounds)
    print("| model | runtime | median | ratio | MNIST test digits | file |\n|---|---|---|---|---|---|")
    for (size, name), runtime in loaded.items():
        taken, first = times[size, name], times[size, RUNTIMES[0].name]
        print(
            f"| {size} | {name} {runtime.version} | {milliseconds(1e-9 * taken)} | {taken / first:.2f} "
            f"| {100 * share_right(runtime, seen, labels):.2f} % | {runtime.size:,} B |",
            flush=True,
        )
    print()


def _text(engine: Engine, cells: PictureSet, picture: NDArray[np.uint8]) -> str:
    """What an engine reads of a cell."""
    return engine.read(picture, cells).text


def readers(data: Path, pictures: int) -> None:
    """Print the table of OCR engines, on photographs of cells that hold a digit."""
    cells = SETS["cells"]
    items = cells.load(data, pictures)
    if not items:
        print(f"{cells.title}: absent\n")
        return
    ours = DigitReader.load()
    programs: dict[str, Callable[[NDArray[np.uint8]], str]] = {
        "edge-digits": lambda picture: answer_of(ours.read(picture)).text
    }
    for kind in ENGINES:
        try:
            engine = kind()
        except (ImportError, OSError) as error:
            print(f"{kind.name}: absent ({str(error).splitlines()[0]})")
            continue
        print(f"{kind.name}: {engine.version}")
        programs[kind.name] = partial(_text, engine, cells)
    taken: dict[str, list[float]] = {name: [] for name in programs}
    right = dict.fromkeys(programs, 0)
    for item in items:
        pixels = item.pixels()
        for name, read in programs.items():
            text, seconds = timed(read, pixels)
            taken[name].append(seconds)
            right[name] += text == label_text(item.label)
    base = float(np.median(taken["edge-digits"]))
    print(f"\n| program | median | ratio | {cells.title}, {len(items):,} |\n|---|---|---|---|")
    for name, times in taken.items():
        middle = float(np.median(times))
        print(f"| {name} | {milliseconds(middle)} | {middle / base:.1f} | {100 * right[name] / len(items):.2f} % |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=0, help="a seeded sample of so many; 0 for all")
    parser.add_argument("--rounds", type=int, default=1000, help="calls of each runtime that are timed")
    options = parser.parse_args()
    if not (options.data / "mnist").is_dir():
        parser.error(f"{options.data}: holds no folder mnist with the official IDX files")
    print(f"Machine: {machine.describe()}\n")
    cv2.setNumThreads(1)
    networks(options.data, options.pictures, options.rounds)
    readers(options.data, options.pictures)


if __name__ == "__main__":
    main()
