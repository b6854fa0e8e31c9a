"""Labelled pictures to look at or to judge a model on: what `datasets.load` takes, with the names of their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.imaging.pixels import Gray
from edge_digits.normalize import normalize
from edge_digits_train import datasets
from edge_digits_train.datasets.data import DataError, Pictures
from edge_digits_train.datasets.listing import NONE, classes, picture, rows
from edge_digits_train.pool import processes

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

#: Fewer pictures than these are worked on in one process.
_FEW = 1000
_CHUNK = 250


@dataclass(frozen=True)
class Listed:
    """Pictures with their labels, not yet read.

    Attributes:
        names: what to call each: a file's name below the folder, or a number.
        labels: the text of each picture's class.
        files: where they are, or
        arrays: what they are, [H, W] each.
        origin: where they came from.
        normalized: whether the arrays are what a model sees already.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    origin: str
    files: tuple[Path, ...] = ()
    arrays: Pictures | None = None
    normalized: bool = False


@dataclass(frozen=True)
class Labelled:
    """Pictures as a model sees them, uint8 [N, 28, 28], with their labels.

    Attributes:
        sizes: width and height of each as it came, int64 [N, 2].
        files: where each came from; nothing where they were no files.
        unreadable: names of those that could not be read, and why; they are not among the others.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    pictures: Pictures
    origin: str
    sizes: NDArray[np.int64]
    files: tuple[Path, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)


def is_listed(source: str) -> bool:
    """Whether a source is a folder of pictures, a file each."""
    path = Path(source)
    return path.is_dir() and not any(path.glob("*-ubyte*"))


def listed(source: str) -> Listed:
    """List a folder with a sub-folder a class, or with labels.csv (columns file, label).

    Raises:
        DataError: it is neither, or lists nothing.
    """
    path = Path(source)
    if (path / "labels.csv").is_file():
        label_of = rows(path / "labels.csv")
    else:
        label_of = {name: label for label, names in classes(path).items() for name in names}
    if not label_of:
        raise DataError(f"{path}: holds no labelled pictures. Wanted: labels.csv, or a sub-folder a class")
    return Listed(tuple(label_of), tuple(label_of.values()), str(path), files=tuple(path / name for name in label_of))


def from_arrays(split: datasets.Split, labels: Sequence[str], origin: str, *, normalized: bool = False) -> Listed:
    """List the pictures of a split by their numbers; class -1 is that of what is none."""
    texts = [*labels, NONE]  # -1 takes the last
    return Listed(
        tuple(map(str, range(len(split)))),
        tuple(texts[place] for place in split.classes),
        origin,
        arrays=split.pictures,
        normalized=normalized,
    )


def read(what: Listed) -> Labelled:
    """Read and normalise pictures, on two cores where there are many.

    Raises:
        DataError: none of them can be read.
    """
    if what.arrays is None:
        made = _mapped(_one, what.files)
    elif what.normalized:
        made = [_sized(picture) for picture in what.arrays]
    else:
        made = list(_mapped(_normal, what.arrays))
    good = [place for place, one in enumerate(made) if not isinstance(one, str)]
    bad = {what.names[place]: one for place, one in enumerate(made) if isinstance(one, str)}
    if not good:
        raise DataError(
            f"{what.origin}: none of its {len(bad)} pictures can be read; the first: {next(iter(bad.values()))}"
        )
    kept = [one for one in made if not isinstance(one, str)]
    return Labelled(
        names=tuple(what.names[place] for place in good),
        labels=tuple(what.labels[place] for place in good),
        pictures=np.stack([picture for picture, _ in kept]),
        origin=what.origin,
        sizes=np.array([size for _, size in kept], np.int64),
        files=tuple(what.files[place] for place in good) if what.files else (),
        unreadable=bad,
    )


def _one(file: Path) -> tuple[Gray, tuple[int, int]] | str:
    """A file's normalised picture and its size, or why it could not be read."""
    try:
        return _normal(picture(file))
    except PictureError as error:
        return str(error)


def _normal(gray: Gray) -> tuple[Gray, tuple[int, int]]:
    return normalize(gray), _sized(gray)[1]


def _sized(gray: Gray) -> tuple[Gray, tuple[int, int]]:
    return gray, (gray.shape[1], gray.shape[0])


def _mapped(make: Callable[[_Given], _Made], given: Sequence[_Given] | Pictures) -> list[_Made]:
    if len(given) < _FEW:
        return [make(one) for one in given]
    with processes() as pool:
        return list(pool.map(make, given, chunksize=_CHUNK))
