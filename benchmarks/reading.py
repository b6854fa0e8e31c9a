"""How well edge-digits reads photographs, beside RapidOCR and Tesseract: the tables of docs/reading.md.

    python benchmarks/reading.py DATA [--only NAME,...] [--limit N] [--misses DIR] [--no-peers] [--model M]
        [--finder F]

DATA holds the sets that sets.py describes, each as far as it is there. Other programs are called where they are
installed; to have them beside edge-digits in one virtual environment (on Debian or Raspberry Pi OS):

    python3 -m venv reading && reading/bin/pip install . rapidocr tesserocr && sudo apt install tesseract-ocr

A picture counts as read when the text is exactly its label, blanks and newlines left out, and only digits kept of what
other programs say; digits that edge-digits refused are not read. On a grid, a handwritten cell counts as read when it
holds the centre of exactly one digit, and that one is right; "false positives" are blank cells that hold any. The share
of digits is what the edit distance to the labels leaves of them. Every picture is decoded before the clock starts, then
read by all programs in turn, each on one thread.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import machine
import numpy as np
import photographs
from engines import ENGINES
from numpy.typing import NDArray
from scoring import Answer, Score, answer_of, label_text, outcomes
from sets import SETS, Item, PictureSet, mnist_test
from timing import milliseconds, timed

from edge_digits import DigitReader
from edge_digits.outputs.files import Names, make_folder, write_picture
from edge_digits.outputs.pictures import explain

#: Where the rows of the table of confidence part.
_BINS = (0.0, 0.5, 0.8, 0.95, 0.99, 1.0)


@dataclass
class Program:
    """A column of the tables."""

    name: str
    read: Callable[[NDArray[Any], PictureSet], Answer]
    takes: Callable[[PictureSet], bool] = lambda pictures: True


@dataclass
class Trust:
    """How sure edge-digits was, and whether it was right, of every digit and of every number of several digits."""

    digits: list[tuple[float, bool]] = field(default_factory=list)
    numbers: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, answer: Answer, item: Item) -> None:
        """Count a reading."""
        self.digits += outcomes(answer, item.label, item.cells)
        if len(answer.text) > 1 and not item.cells:
            self.numbers.append((answer.confidence, answer.text == label_text(item.label)))

    @staticmethod
    def cells(bets: list[tuple[float, bool]], low: float, high: float) -> str:
        """Three cells of a table: how many were said from `low` up to `high`, how sure on average, the share right."""
        within = [bet for bet in bets if low <= bet[0] < high or bet[0] == high == 1.0]
        if not within:
            return "0 | | |"
        sure, right = np.mean(within, axis=0)
        return f"{len(within):,} | {100 * sure:.1f} % | {100 * right:.1f} % |"


class Misses:
    """Writes the pictures that were not read right, each with a sheet that explains how it was read."""

    def __init__(self, folder: Path, reader: DigitReader) -> None:
        self._folder, self._reader, self._names = folder, reader, Names()

    def write(self, name: str, item: Item, picture: NDArray[Any], answer: Answer) -> None:
        """Write a picture of the set `name`, and its sheet beside it."""
        label = "grid" if item.cells else label_text(item.label) or "none"
        file = self._names.of(f"{Path(item.name).stem} is {label} read {answer.text[:20] or 'none'}")
        folder = self._folder / name
        make_folder(folder, force=True)
        write_picture(folder / f"{file}.png", picture)
        write_picture(folder / f"{file}.explained.png", explain(self._reader.examine(picture, item.name)))


def _reading_with(reader: DigitReader) -> Callable[[NDArray[Any], PictureSet], Answer]:
    """The `read` of a program for one of our readers."""
    return lambda picture, _: answer_of(reader.read(picture))


def peers() -> list[Program]:
    """The other programs, as far as they are installed."""
    found = []
    for kind in ENGINES:
        try:
            peer = kind()
        except (ImportError, OSError) as error:
            print(f"{kind.name}: absent ({error})")
            continue
        print(f"{peer.name}: {peer.version}")
        found.append(Program(peer.name, peer.read, peer.takes))
    return found


@dataclass(frozen=True)
class Result:
    """What became of a set with one program: the score, and the median seconds a picture."""

    score: Score
    time: float


def run(
    programs: list[Program],
    pictures: PictureSet,
    items: list[Item],
    note: Callable[[Item, NDArray[Any], Answer, bool], None],
) -> dict[str, Result]:
    """Read a set by all programs in turn.

    Args:
        programs: columns of the table; those that do not take the set are left out of the results.
        pictures: the set.
        items: those of the set to read.
        note: called with each item, its pixels, what the first program said, and whether that is right.

    Returns:
        results by the program's name.
    """
    taking = [program for program in programs if program.takes(pictures)]
    scores = {program.name: Score(pictures.rule) for program in taking}
    times: dict[str, list[float]] = {program.name: [] for program in taking}
    for program in taking:
        program.read(items[0].pixels(), pictures)  # the first call may load and allocate
    for item in items:
        picture = item.pixels()
        for program in taking:
            answer, taken = timed(program.read, picture, pictures)
            times[program.name].append(taken)
            good = scores[program.name].add(answer, item.label, item.cells)
            if program is programs[0]:
                note(item, picture, answer, good)
    return {name: Result(score, statistics.median(times[name])) for name, score in scores.items()}


def head(*columns: str) -> None:
    """Print the head of a table."""
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def print_times(results: dict[str, dict[str, Result]], names: list[str]) -> None:
    """Print the median time per picture of each program, and how many times that of the first it is."""
    head("median time per picture", *names)
    for title, row in results.items():
        base = row[names[0]].time
        cells = [
            f"{milliseconds(row[name].time)} (x {row[name].time / base:.1f})" if name in row else "-" for name in names
        ]
        print(f"| {title} | {' | '.join(cells)} |")
    print()


def print_trust(mnist: Trust, others: Trust) -> None:
    """Print how often the first program is right where it is so sure."""
    kinds = {"MNIST digits": mnist.digits, "other digits": others.digits}
    kinds |= {"MNIST numbers": mnist.numbers, "other numbers": others.numbers}
    head("confidence", *(column for kind in kinds for column in (kind, "mean", "correct")))
    for low, high in pairwise(_BINS):
        print(f"| {low:g} to {high:g} | {' '.join(Trust.cells(bets, low, high) for bets in kinds.values())}")
    print()


def take_note(
    name: str,
    trust: dict[bool, Trust],
    misses: Misses | None,
    item: Item,
    picture: NDArray[Any],
    answer: Answer,
    good: bool,
) -> None:
    """Count how sure the first program was in the set of this name, and write what it misread."""
    if SETS[name].rule != "silent":
        trust[SETS[name].mnist].add(answer, item)
    if misses and not good:
        misses.write(name, item, picture, answer)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", help=f"of {','.join(SETS)},speed")
    parser.add_argument("--limit", type=int, default=0, help="read a seeded sample of so many pictures a set")
    parser.add_argument("--misses", type=Path, help="write what the first column misread to this folder, explained")
    parser.add_argument("--no-peers", action="store_true", help="edge-digits alone")
    parser.add_argument("--model", default="base", help="of edge-digits: a name or an .onnx file")
    parser.add_argument("--finder", help="of edge-digits: an .onnx file")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else [*SETS, "speed"]
    if not set(chosen) <= {*SETS, "speed"}:
        parser.error(f"--only takes names of {','.join(SETS)},speed")

    cv2.setNumThreads(1)
    print(f"Machine: {machine.describe()}\n")
    reader = DigitReader.load(options.model, finder=options.finder)
    programs = [Program("edge-digits", _reading_with(reader))]
    programs += [] if options.no_peers else peers()
    names = [program.name for program in programs]
    misses = Misses(options.misses, reader) if options.misses else None
    trust = {True: Trust(), False: Trust()}
    results: dict[str, dict[str, Result]] = {}

    print()
    head("correct", "pictures", *names)
    for name, pictures in SETS.items():
        if name not in chosen:
            continue
        items = pictures.load(options.data, options.limit)
        if not items:
            print(f"| {pictures.title} | absent |{' |' * len(names)}", flush=True)
            continue

        note = partial(take_note, name, trust, misses)
        row = results[pictures.title] = run(programs, pictures, items, note)
        cells = [str(row[name].score) if name in row else "-" for name in names]
        print(f"| {pictures.title} | {len(items):,} | {' | '.join(cells)} |", flush=True)
    print()
    if results:
        print_times(results, names)
        print_trust(trust[True], trust[False])
    if "speed" in chosen and (options.data / "mnist").is_dir():
        photographs.report(reader, *mnist_test(options.data / "mnist"))


if __name__ == "__main__":
    main()
