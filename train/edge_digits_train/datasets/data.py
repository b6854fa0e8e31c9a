"""Labelled pictures in memory: data sets and their splits, and checks of them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import SourceError

#: A stack of pictures, uint8 [N, H, W]; one of them is the runner's `Gray`.
Pictures = NDArray[np.uint8]
#: Their classes, int64 [N].
Labels = NDArray[np.int64]
#: One pen-down movement: float32 [N, 2], x to the right and y downwards, in units of the tablet.
Stroke = NDArray[np.float32]

#: The class of pictures that are no digits.
BACKGROUND = -1
#: Classes that can be told apart by one network: what a model card may hold.
MIN_CLASSES, MAX_CLASSES = 2, 100


class DataError(SourceError):
    """Training data that are missing or not as they should be; the message names the file."""


@dataclass(frozen=True)
class Split:
    """Pictures, uint8 [N, 28, 28], white on black, with their classes, int64 [N]."""

    pictures: Pictures
    classes: Labels

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, indices: NDArray[Any]) -> Split:
        """The pictures at these indices, or where a mask is true."""
        return Split(self.pictures[indices], self.classes[indices])

    def with_more(self, more: Split) -> Split:
        """These pictures and, behind them, others."""
        return Split(np.concatenate([self.pictures, more.pictures]), np.concatenate([self.classes, more.classes]))


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Trace:
    """One written character.

    Attributes:
        label: the character.
        strokes: its pen-down movements in the order of writing, one at least.
        writer: who wrote it, as far as the file or its name tells.
    """

    label: str
    strokes: tuple[Stroke, ...]
    writer: str


@dataclass(frozen=True)
class Data:
    """A training and a test set.

    Attributes:
        train, test: the pictures.
        labels: the text of each class.
        origin: where they came from.
        sha256: of the training pictures and classes, the extra ones and the traces included.
        extra: crops to train on besides `train`, of class -1 where they are no digits.
        traces: pen trajectories of characters to compose scenes of.
    """

    train: Split
    test: Split
    labels: tuple[str, ...]
    origin: str
    sha256: str
    extra: Split | None = None
    traces: tuple[Trace, ...] = ()


def label_by_number(origin: str, train: Split, test: Split) -> Data:
    """Data whose labels are the numbers of their classes."""
    count = int(max(train.classes.max(initial=0), test.classes.max(initial=0))) + 1
    return Data(train, test, tuple(map(str, range(count))), origin, "")


def split(data: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Hold a share out, chosen by the seed: the rest, and the held-out pictures; at least one picture each.

    At least one picture of each class stays in the rest.
    """
    order = np.random.default_rng(seed).permutation(len(data))
    count = min(max(1, round(share * len(data))), len(data) - 1)
    _, last = np.unique(data.classes[order][::-1], return_index=True)
    stays = np.zeros(len(data), bool)
    stays[len(data) - 1 - last] = True
    held_out = np.zeros(len(data), bool)
    held_out[np.flatnonzero(~stays)[:count]] = True
    if not held_out.any():
        held_out[0] = True  # a picture of each class, and nothing to choose from
    return data.take(np.sort(order[~held_out])), data.take(np.sort(order[held_out]))


def split_writers(traces: Sequence[Trace], share: float) -> tuple[tuple[Trace, ...], tuple[Trace, ...]]:
    """Hold a share of the writers out: the rest, and the held-out traces.

    By a hash of the writer's name, so that a writer is on the same side whoever else there is.
    """
    held_out = [zlib.crc32(trace.writer.encode()) < share * 2**32 for trace in traces]
    rest, others = (
        tuple(t for t, held in zip(traces, held_out, strict=True) if held == side) for side in (False, True)
    )
    return rest, others


def subset(data: Split, limit: int, seed: int) -> Split:
    """At most `limit` pictures, in their order; chosen by the seed, for a test set may be sorted by class."""
    return data.take(np.sort(np.random.default_rng(seed).permutation(len(data))[:limit]))


def check(data: Data, advice: str) -> None:
    """Refuse data that no network can be trained on.

    Raises:
        DataError: too few or too many classes, or a class without training pictures; `advice` says what to do then.
    """
    count = len(data.labels)
    for label in data.labels:
        if any("\ud800" <= character <= "\udfff" for character in label):
            # Of a folder whose name is not UTF-8; no model card could hold it.
            raise DataError(f"{data.origin}: the name of class {label!r} is no UTF-8. Rename it")
    check_count(data.origin, count)
    for name, part in (("training", data.train), ("test", data.test)):
        if len(part) == 0:
            raise DataError(f"{data.origin}: the {name} set is empty")
        if int(part.classes.max()) >= count:
            raise DataError(f"{data.origin}: the {name} set holds class {part.classes.max()}, outside 0 to {count - 1}")
    empty = np.flatnonzero(np.bincount(data.train.classes, minlength=count) == 0)
    if len(empty):
        raise DataError(
            f"{data.origin}: no training picture of class {', '.join(data.labels[i] for i in empty)} "
            f"among {len(data.train)}. {advice}"
        )


def check_count(origin: str, count: int) -> None:
    """Refuse what no model card could hold.

    Raises:
        DataError: fewer than 2 classes or more than 100.
    """
    if not MIN_CLASSES <= count <= MAX_CLASSES:
        raise DataError(f"{origin}: {count} classes; from {MIN_CLASSES} to {MAX_CLASSES} can be trained")


def sha256(*parts: Split, traces: Sequence[Trace] = ()) -> str:
    """Hash of the pictures and classes, one part after the other, and of traces: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part.pictures).tobytes())
        digest.update(part.classes.astype("<i8").tobytes())
    for trace in traces:
        digest.update(f"{trace.label}\0{trace.writer}\0{len(trace.strokes)}".encode())
        for stroke in trace.strokes:
            digest.update(stroke.astype("<f4").tobytes())
    return digest.hexdigest()
