"""How well corrupted digits are read: the table of docs/evaluating.md.

    python benchmarks/corruptions.py DATA [--limit N] [--model NAME]... [--finder FILE] [--only NAME,...] [--sheet PNG]

DATA holds mnist/, the official IDX files. A seeded sample of the test digits is corrupted in each way of corrupt.py and
read as `edge-digits predict --layout digit` reads it. An error is a digit that is read wrong or refused; the last
column is that of `--conf 0`, which refuses nothing. Whether training contains a kind, be it with other parameters, is
told by what the model's card says of its augmentation. The second suite is drawn after the description of MNIST-C; it
is not that suite.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import get_args

import cv2
import machine
import numpy as np
from corrupt import KINDS, Kind, Suite, corrupted
from numpy.typing import NDArray
from sets import mnist_test

from edge_digits import DigitReader
from edge_digits.imaging.pixels import Gray
from edge_digits.inference.card import ModelCard

#: Pictures of each kind on a sheet, and how much larger they are shown.
_SHOWN, _ZOOM = 16, 2


def contained(kind: Kind, card: ModelCard) -> str:
    """Whether a model's training contained a kind: yes, no, or unknown where its card does not say."""
    settings = card.train.get("settings")
    if not isinstance(settings, dict):
        return "unknown"
    augmentation = settings.get("augmentation") or {}
    return "yes" if augmentation.get(kind.taught, 0.0) > 0.0 else "no"


def errors(readers: list[DigitReader], pictures: list[Gray], labels: list[str]) -> list[float]:
    """Of each reader, the share of pictures that it does not read as labelled, per cent."""
    wrong = [
        [reader.read(picture).text != label for reader in readers]
        for picture, label in zip(pictures, labels, strict=True)
    ]
    return [100.0 * float(share) for share in np.mean(wrong, axis=0)]


def sheet(pictures: NDArray[np.uint8]) -> Gray:
    """A row of examples for each kind, in the order of `KINDS`: uint8 [H, W]."""
    rows = [
        np.hstack([np.pad(corrupted(kind, picture, n), 1, constant_values=128) for n, picture in enumerate(pictures)])
        for kind in KINDS
    ]
    large = cv2.resize(np.vstack(rows), None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8)


def report(model: str, finder: Path | None, kinds: list[Kind], pictures: list[Gray], labels: list[str]) -> None:
    """Print a model's table."""
    # Who refuses, as `predict` does, and who does not.
    readers = [DigitReader.load(model, finder=finder, layout="digit", conf=conf) for conf in (None, 0.0)]
    card = readers[0].model.card
    print(f"**{card.name}, {card.quantization['precision']}, {len(pictures):,} digits of MNIST's test set**\n")
    print("| corruption | suite | training contains it | error | nothing refused |\n|---|---|---|---|---|")

    def row(name: str, suite: str, known: str, found: list[float]) -> None:
        print(f"| {name} | {suite} | {known} | {' | '.join(f'{share:.2f} %' for share in found)} |", flush=True)

    row("none", "", "yes", errors(readers, pictures, labels))
    found: dict[Kind, list[float]] = {}
    for kind in kinds:
        drawn = [corrupted(kind, picture, number) for number, picture in enumerate(pictures)]
        found[kind] = errors(readers, drawn, labels)
        row(kind.name, kind.suite, contained(kind, card), found[kind])
    for suite in get_args(Suite):
        of_suite = [shares for kind, shares in found.items() if kind.suite == suite]
        if of_suite:
            row("**mean**", f"{suite} ({len(of_suite)})", "", np.mean(of_suite, axis=0).tolist())
    print()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=1000, help="so many digits, a seeded sample (1000); 0 for all")
    parser.add_argument("--model", action="append", help="a name or an .onnx file; default: base")
    parser.add_argument("--finder", type=Path, help="an .onnx file")
    parser.add_argument("--only", help="kinds, by name")
    parser.add_argument("--sheet", type=Path, help="write a row of examples of each kind to this PNG file, and end")
    options = parser.parse_args()
    kinds = {kind.name: kind for kind in KINDS}
    chosen = options.only.split(",") if options.only else list(kinds)
    if not set(chosen) <= set(kinds):
        parser.error(f"--only takes names of {','.join(kinds)}")
    if not (options.data / "mnist").is_dir():
        parser.error(f"{options.data}: holds no folder mnist/ with MNIST's test set")

    cv2.setNumThreads(1)
    pictures, labels = mnist_test(options.data / "mnist")
    if options.sheet:
        cv2.imwrite(str(options.sheet), sheet(pictures[:_SHOWN]))
        return
    count = len(pictures)
    numbers = random.Random(0).sample(range(count), options.limit) if 0 < options.limit < count else range(count)
    print(f"Machine: {machine.describe()}\n")
    for model in options.model or ["base"]:
        report(
            model,
            options.finder,
            [kinds[name] for name in chosen],
            [pictures[number] for number in numbers],
            [str(labels[number]) for number in numbers],
        )


if __name__ == "__main__":
    main()
