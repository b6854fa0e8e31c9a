"""The shipped models side by side: what each costs, how well it reads single digits, and how fast it is.

    python benchmarks/models.py DATA [--limit N] [--model NAME]...

DATA holds the sets that sets.py describes, each as far as it is there. Every picture goes the way that
`edge-digits predict --layout digit` goes. Of each set there is the share of texts that are exactly the label, so that
refused digits are misses, and behind it that of digits that are right, were none refused. Finders are listed by
`edge-digits models`.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import machine
from accuracy import Answer, answers, count
from scoring import percent
from sets import SETS, Item
from timing import medians

from edge_digits import DigitReader, Model
from edge_digits.inference.catalogue import Entry, catalogue

#: The sets of single digits, and their columns.
_SETS = {"mnist": "MNIST test", "usps": "USPS test", "cells": "photo_cells", "pendigits": "pendigits test"}
_TURNS = 1000


def speeds(entries: list[Entry]) -> dict[str, float]:
    """Microseconds for one window, alone, on one thread: the median of turns."""
    models = {entry.name: Model.load(entry.name) for entry in entries}
    calls = {name: partial(model.run, model.timed_pictures()[:1]) for name, model in models.items()}
    return {name: 1e6 * seconds for name, seconds in medians(calls, _TURNS, warm=50).items()}


def agreement(found: dict[str, list[Answer]], entry: Entry) -> str:
    """How often int8 and fp32 of a model see the same, refused or not."""
    pair = [found.get(f"{entry.model}.{precision}") for precision in ("int8", "fp32")]
    if pair[0] is None or pair[1] is None:
        return "-"
    same = sum(one.with_rejected == other.with_rejected for one, other in zip(*pair, strict=True))
    return percent(same, len(pair[0]))


def asked(description: str | None) -> tuple[argparse.Namespace, list[Entry]]:
    """What the command line asks for, and the shipped classifiers that it is asked of."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="read a sample of so many pictures of each set")
    parser.add_argument("--model", action="append", help="a shipped file, such as base.int8; default: all classifiers")
    options = parser.parse_args()
    entries = [entry for entry in catalogue() if not entry.is_finder and entry.name in (options.model or [entry.name])]
    if not entries:
        parser.error(f"no shipped classifier is called {' or '.join(options.model or [])}")
    return options, entries


def main() -> None:
    """Print the table."""
    options, entries = asked(__doc__)
    items: dict[str, list[Item]] = {name: SETS[name].load(options.data, options.limit) for name in _SETS}
    there = [name for name in _SETS if items[name]]
    print(f"Machine: {machine.describe()}\n")
    for name in _SETS:
        print(f"- {SETS[name].title}: {f'{len(items[name]):,} pictures' if items[name] else 'absent'}")
    taken = speeds(entries)
    read: dict[str, dict[str, list[Answer]]] = {}
    for entry in entries:
        reader = DigitReader.load(entry.name, layout="digit")
        read[entry.name] = {name: answers(reader, items[name]) for name in there}
    together = {name: [answer for found in by_set.values() for answer in found] for name, by_set in read.items()}
    titles = ["model", "parameters", "bytes", *(_SETS[name] for name in there), "int8 and fp32 alike", "one window"]
    print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for entry in entries:
        cells = [entry.name, f"{entry.parameters:,}", f"{entry.size:,}"]
        for name in there:
            counts = count(read[entry.name][name], items[name])
            shares = (percent(right, counts.pictures) for right in (counts.read, counts.with_rejected))
            cells.append(" / ".join(shares))
        print(f"| {' | '.join([*cells, agreement(together, entry), f'{taken[entry.name]:.1f} µs'])} |")


if __name__ == "__main__":
    main()
