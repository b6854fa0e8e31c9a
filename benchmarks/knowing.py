"""Whether the shipped models know when they are wrong: calibration, selective accuracy, and digits told from others.

    python benchmarks/knowing.py DATA [--limit N] [--model NAME]...

DATA holds mnist/ and notdigits/, as sets.py describes them. Every picture goes the way that `edge-digits predict
--layout digit --conf 0` goes: nothing is refused, and the confidence says how sure the reader is. "ECE" is the expected
calibration error of 15 bins (Guo et al. 2017). "At 99 % coverage" is the accuracy of the surest 99 of 100 digits
(El-Yaniv and Wiener 2010). "AUROC" is the chance that a digit of MNIST's test set is read with more confidence than a
letter or sign of notdigits; a picture in which nothing is found has none.
"""

from __future__ import annotations

import sys

import machine
import numpy as np
from models import asked
from numpy.typing import NDArray
from sets import SETS, Item

from edge_digits import DigitReader
from edge_digits_train.evaluation.metrics import calibration

_BINS, _COVERED = 15, 0.99


def confidences(reader: DigitReader, items: list[Item]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How sure the reader is of each picture, 0 where nothing is found, and whether it is right: [N] each."""
    readings = [reader.read(item.picture) for item in items]
    right = [reading.text == item.label for reading, item in zip(readings, items, strict=True)]
    return np.array([reading.confidence for reading in readings], np.float64), np.array(right, bool)


def auroc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """The chance that one of the first is above one of the second; of equals, a half."""
    ordered = np.sort(negative)
    below, up_to = np.searchsorted(ordered, positive, "left"), np.searchsorted(ordered, positive, "right")
    return float((below + up_to).mean() / (2 * len(ordered)))


def main() -> None:
    """Print the table."""
    options, entries = asked(__doc__)
    digits, others = (SETS[name].load(options.data, options.limit) for name in ("mnist", "notdigits"))
    if not digits:
        sys.exit(f"{options.data}: holds no folder mnist/ with MNIST's test set")
    print(f"Machine: {machine.describe()}\n\n{len(digits):,} digits, {len(others):,} letters and signs\n")
    print("| file | MNIST test | ECE | at 99 % coverage | AUROC |\n|---|---|---|---|---|")
    for entry in entries:
        reader = DigitReader.load(entry.name, layout="digit", conf=0.0)
        sure, right = confidences(reader, digits)
        surest = np.argsort(-sure, kind="stable")[: round(_COVERED * len(sure))]
        told = f"{auroc(sure, confidences(reader, others)[0]):.4f}" if others else "-"
        error = calibration(sure, right, _BINS).ece
        shares = f"{100 * right.mean():.2f} % | {error:.4f} | {100 * right[surest].mean():.2f} %"
        print(f"| {entry.name} | {shares} | {told} |", flush=True)


if __name__ == "__main__":
    main()
