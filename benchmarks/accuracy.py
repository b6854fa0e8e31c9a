"""How well the shipped models read, and what reading costs: the tables of the README.

    python benchmarks/accuracy.py DATA [--model NAME]... [--no-speed]

DATA holds the sets that sets.py describes, each as far as it is there. Every picture goes the whole way that
`edge-digits predict` goes, and counts as read when the text is exactly its label: refused digits count as misses.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import machine
import numpy as np
import speed
from sets import SETS, Item

from edge_digits import DigitReader
from edge_digits_train.evaluation.metrics import proportion


@dataclass(frozen=True)
class Answer:
    """What is read in a picture: its text, and the text were no digit rejected."""

    text: str
    with_rejected: str


@dataclass(frozen=True)
class Counts:
    """Of one set: all pictures, those read exactly, and those read exactly were no digit rejected."""

    pictures: int
    read: int
    with_rejected: int

    def row(self, title: str) -> str:
        """A row of the table, with the 95 % interval of Wilson (1927)."""
        read = proportion(np.arange(self.pictures) < self.read)
        return (
            f"| {title} | {self.pictures:,} | {100 * read.value:.2f} % ({100 * read.low:.2f} to {100 * read.high:.2f}) "
            f"| {100 * self.with_rejected / self.pictures:.2f} % |"
        )


def answers(reader: DigitReader, items: list[Item]) -> list[Answer]:
    """Read a set."""
    readings = (reader.read(item.picture) for item in items)
    return [Answer(reading.text, "".join(digit.label for digit in reading.digits)) for reading in readings]


def count(found: list[Answer], items: list[Item]) -> Counts:
    """How much of a set is read right."""
    read = sum(answer.text == item.label for answer, item in zip(found, items, strict=True))
    with_rejected = sum(answer.with_rejected == item.label for answer, item in zip(found, items, strict=True))
    return Counts(len(items), read, with_rejected)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", action="append", help="default: base.int8 and base.fp32")
    parser.add_argument("--no-speed", action="store_true", help="accuracy alone")
    options = parser.parse_args()
    print(f"Machine: {machine.describe()}\n")
    for model in options.model or ["base.int8", "base.fp32"]:
        reader = DigitReader.load(model)
        print(f"**{reader.model.name}, {Path(reader.model.path).stat().st_size:,} bytes**\n")
        print("| set | pictures | exactly right | with rejected digits |\n|---|---|---|---|")
        for name in ("mnist", "usps", "drawn", "cells"):
            title, items = SETS[name].title, SETS[name].load(options.data)
            print(count(answers(reader, items), items).row(title) if items else f"| {title} | absent | | |", flush=True)
        print()
    if not options.no_speed:
        speed.report(options.data)


if __name__ == "__main__":
    main()
