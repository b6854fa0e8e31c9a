"""An exported model against the network that it was made of, through the session that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_digits_export.trained import Evaluated, TrainedRun


class Runs(Protocol):
    """A file, loaded."""

    def run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits or maps of pictures, uint8 [N, H, W]."""


@dataclass(frozen=True)
class Verification:
    """How a file compares with the source model.

    Attributes:
        name: "keras", "fp32", "int8" or "litert".
        validation, test: accuracy in per cent; of a finder, its recall.
        difference: largest difference of any logit from the source model's, over both sets.
        agreement: per cent of pictures with the source model's label; of a finder, of places where it sees a digit.
        size: of the file, bytes.
        logits: of the validation pictures, float32 [N, classes].
    """

    name: str
    validation: float
    test: float
    difference: float
    agreement: float
    size: int
    logits: NDArray[np.float32]


def verify_source(model: Any, run: TrainedRun, size: int) -> tuple[Verification, NDArray[np.float32]]:
    """Judge the Keras model itself; also its logits of both sets, validation first."""
    logits = np.concatenate(
        [
            np.asarray(model.predict(part.pictures[..., None], batch_size=100, verbose=0))
            for part in (run.validation, run.test)
        ]
    )
    return _compared("keras", logits, logits, run, size), logits


def verify_file(name: str, network: Runs, size: int, source: NDArray[np.float32], run: TrainedRun) -> Verification:
    """Judge an exported file.

    Args:
        name: "fp32", "int8" or "litert".
        network: the file, loaded.
        size: of the file, with its card, bytes.
        source: the source model's logits of both sets, as `verify_source` gives them.
        run: that the source model is of.
    """
    parts = (run.validation, run.test)
    logits = np.concatenate([network.run(batch) for part in parts for batch in _batches(part)])
    return _compared(name, logits, source, run, size)


def same_answers(row: Verification, other: Verification, run: TrainedRun) -> float:
    """Per cent of the validation pictures in which two files answer alike; of finders, of places."""
    return 100 * run.task.agreement(row.logits, other.logits, run.background)


def table(rows: list[Verification]) -> str:
    """The comparison as text."""
    lines = [f"{'':6}  {'validation':>10}  {'test':>7}  {'max |diff|':>10}  {'same label':>10}  {'bytes':>9}"]
    for row in rows:
        difference = "-" if row.name == "keras" else f"{row.difference:.2g}"
        agreement = "-" if row.name == "keras" else f"{row.agreement:.2f} %"
        lines.append(
            f"{row.name:6}  {row.validation:8.2f} %  {row.test:5.2f} %  {difference:>10}  {agreement:>10}  "
            f"{row.size:>9,}"
        )
    return "\n".join(lines)


def _batches(part: Evaluated) -> list[NDArray[np.uint8]]:
    return np.array_split(part.pictures, max(1, len(part.pictures) // 100))


def _compared(
    name: str, logits: NDArray[np.float32], source: NDArray[np.float32], run: TrainedRun, size: int
) -> Verification:
    cut = len(run.validation.pictures)
    return Verification(
        name=name,
        validation=100 * run.task.accuracy(logits[:cut], run.validation.truth),
        test=100 * run.task.accuracy(logits[cut:], run.test.truth),
        difference=float(np.abs(logits - source).max()),
        agreement=100 * run.task.agreement(logits, source, run.background),
        size=size,
        logits=logits[:cut],
    )
