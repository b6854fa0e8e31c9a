"""How well the shipped models read, and what reading costs: the tables of the README.

    python benchmarks/accuracy.py DATA [--model NAME]... [--no-speed]

DATA holds the sets, each as far as it is there: mnist/ (the official IDX files), usps/usps.npz, and folders of pictures
with labels.csv: drawn/, photo_cells/. Every picture goes the whole way that `edge-digits predict` goes, and counts as
read when the text is exactly its label: refused digits count as misses.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import numpy as np
import speed
from numpy.typing import NDArray

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from edge_digits import DigitReader
from edge_digits_train.datasets import read_idx

Labelled = Iterator[tuple[NDArray[Any] | Path, str]]


@dataclass(frozen=True)
class Score:
    """Counts of one set: pictures, exactly read, read but for the refusal of unsure digits."""

    pictures: int
    read: int
    right: int

    def row(self, name: str) -> str:
        """A row of the table: with the half width of the 95 % interval by the normal approximation."""
        share = self.read / self.pictures
        half = 1.96 * math.sqrt(share * (1 - share) / self.pictures)
        return (
            f"| {name} | {self.pictures:,} | {100 * share:.2f} ± {100 * half:.2f} % "
            f"| {100 * self.right / self.pictures:.2f} % |"
        )


def mnist(folder: Path) -> Labelled:
    """The MNIST test set."""
    pictures, labels = read_idx(folder / "t10k-images-idx3-ubyte.gz"), read_idx(folder / "t10k-labels-idx1-ubyte.gz")
    yield from zip(pictures, map(str, labels), strict=True)


def usps(folder: Path) -> Labelled:
    """The USPS test set."""
    arrays = np.load(folder / "usps.npz")
    yield from zip(arrays["x_test"], map(str, arrays["y_test"]), strict=True)


def digits(folder: Path) -> Labelled:
    """A folder of pictures, those that show a digit."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["label"] != "none":
                yield folder / row["file"], row["label"]


SETS: dict[str, tuple[str, Callable[[Path], Labelled]]] = {
    "mnist": ("MNIST test", mnist),
    "usps": ("USPS test (envelopes)", usps),
    "drawn": ("drawn (on a screen)", digits),
    "photo_cells": ("photo_cells (photographed sudokus, digits)", digits),
}


def score(reader: DigitReader, pictures: Labelled) -> Score:
    """Read a set."""
    count = read = right = 0
    for picture, label in pictures:
        reading = reader.read(picture)
        count += 1
        read += reading.text == label
        right += "".join(digit.label for digit in reading.digits) == label
    return Score(count, read, right)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", action="append", help="default: digits.int8 and digits.fp32")
    parser.add_argument("--no-speed", action="store_true", help="accuracy alone")
    options = parser.parse_args()
    print(f"Machine: {machine.describe()}\n")
    for model in options.model or ["digits.int8", "digits.fp32"]:
        reader = DigitReader.load(model)
        print(f"{reader.model.card.name}, {reader.model.card.quantization['precision']}\n")
        print("| set | pictures | read exactly | with refused digits |\n|---|---|---|---|")
        for name, (title, pictures) in SETS.items():
            if (options.data / name).is_dir():
                print(score(reader, pictures(options.data / name)).row(title), flush=True)
            else:
                print(f"| {title} | absent | | |")
        print()
    if not options.no_speed:
        speed.report(options.data)


if __name__ == "__main__":
    main()
