"""An exported model against the network that it was made of, through the runner's own session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.inference.heatmap import REGRESSION_CHANNELS, depth_to_space, recall_and_precision
from edge_digits.inference.session import Finder, Model
from edge_digits_export.trained import Judged, Trained


@dataclass(frozen=True)
class Verified:
    """What a file gives, beside the source model.

    Attributes:
        name: "keras", "fp32" or "int8".
        validation, test: accuracy in per cent; of a finder, the share of digits that are found and read right.
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


def verify_source(model: Any, trained: Trained, size: int) -> tuple[Verified, NDArray[np.float32]]:
    """Judge the Keras model itself; also its logits of both sets, validation first."""
    logits = np.concatenate(
        [
            np.asarray(model.predict(part.pictures[..., None], batch_size=100, verbose=0))
            for part in (trained.validation, trained.test)
        ]
    )
    return _verified("keras", logits, logits, trained, size), logits


def verify_file(name: str, content: bytes, source: NDArray[np.float32], trained: Trained) -> Verified:
    """Judge an exported file.

    Args:
        name: "fp32" or "int8".
        content: the file, with its card.
        source: the source model's logits of both sets, as `verify_source` gives them.
        trained: the run.

    Raises:
        ModelError: the runner does not take the file.
    """
    model = (Finder if trained.finder else Model).from_bytes(content, name)
    parts = (trained.validation, trained.test)
    logits = np.concatenate([model.run(batch) for part in parts for batch in _batches(part)])
    return _verified(name, logits, source, trained, len(content))


def table(rows: list[Verified]) -> str:
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


def _batches(part: Judged) -> list[NDArray[np.uint8]]:
    return np.array_split(part.pictures, max(1, len(part.pictures) // 100))


def _verified(
    name: str, logits: NDArray[np.float32], source: NDArray[np.float32], trained: Trained, size: int
) -> Verified:
    cut = len(trained.validation.pictures)
    accuracies = [
        100 * _accuracy(part, trained) for part in ((logits[:cut], trained.validation), (logits[cut:], trained.test))
    ]
    return Verified(
        name=name,
        validation=accuracies[0],
        test=accuracies[1],
        difference=float(np.abs(logits - source).max()),
        agreement=100 * _agreement(logits, source, trained),
        size=size,
        logits=logits[:cut],
    )


def _accuracy(part: tuple[NDArray[np.float32], Judged], trained: Trained) -> float:
    logits, judged = part
    if trained.finder:
        return recall_and_precision(depth_to_space(logits), judged.truth)[0]
    # Of digits, whether the label is right, refused or not; of what is no digit, whether it is refused.
    right = np.where(judged.truth < 0, logits.max(axis=1) < 0, logits.argmax(axis=1) == judged.truth)
    return float(right.mean())


def _agreement(logits: NDArray[np.float32], source: NDArray[np.float32], trained: Trained) -> float:
    if trained.finder:
        said, wanted = (depth_to_space(maps)[..., :-REGRESSION_CHANNELS] for maps in (logits, source))
        digits = wanted.max(axis=-1) > 0
        same = (said.argmax(axis=-1) == wanted.argmax(axis=-1)) & (said.max(axis=-1) > 0)
        return float(same[digits].mean()) if digits.any() else 1.0
    return float((_labels(logits, trained) == _labels(source, trained)).mean())


def _labels(logits: NDArray[np.float32], trained: Trained) -> NDArray[np.int64]:
    """The most probable class of each picture; -1 where that is none."""
    best = logits.argmax(axis=1)
    return np.where(logits.max(axis=1) < 0, -1, best) if trained.background else best
