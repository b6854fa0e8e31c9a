"""Labelled pictures to look at or to evaluate a model on: what `datasets.load` takes, with the names of their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.imaging.pixels import Gray
from edge_digits.normalize import normalize
from edge_digits_train import datasets
from edge_digits_train.datasets.data import DataError, Pictures
from edge_digits_train.datasets.listing import LABELS, NONE, files_by_class, labels_by_file, read_picture
from edge_digits_train.pool import processes

_In = TypeVar("_In")
_Out = TypeVar("_Out")

#: Fewer pictures than these are read in this process alone.
_MIN_PARALLEL = 1000
_CHUNK = 250


@dataclass(frozen=True)
class PictureList:
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


def is_picture_folder(source: str) -> bool:
    """Whether a source is a folder of pictures, a file each."""
    path = Path(source)
    return path.is_dir() and not any(path.glob("*-ubyte*"))


def list_folder(source: str) -> PictureList:
    """List a folder with a sub-folder a class, or with labels.csv (columns file, label).

    Raises:
        DataError: it is neither, or lists nothing.
    """
    path = Path(source)
    if (path / LABELS).is_file():
        label_of = labels_by_file(path / LABELS)
    else:
        label_of = {name: label for label, names in files_by_class(path).items() for name in names}
    if not label_of:
        raise DataError(f"{path}: holds no labelled pictures. Wanted: labels.csv, or a sub-folder a class")
    return PictureList(
        tuple(label_of), tuple(label_of.values()), str(path), files=tuple(path / name for name in label_of)
    )


def from_arrays(split: datasets.Split, labels: Sequence[str], origin: str, *, normalized: bool = False) -> PictureList:
    """List the pictures of a split by their numbers; class BACKGROUND is labelled `listing.NONE`."""
    texts = [*labels, NONE]  # -1 takes the last
    return PictureList(
        tuple(map(str, range(len(split)))),
        tuple(texts[index] for index in split.classes),
        origin,
        arrays=split.pictures,
        normalized=normalized,
    )


def read(listed: PictureList, see: Callable[[Gray], Gray] = normalize) -> Labelled:
    """Read and normalise pictures, in several processes where there are many.

    Args:
        listed: the pictures.
        see: `normalize`, or `normalize_window` for a reader of windows.

    Raises:
        DataError: none of them can be read.
    """
    if listed.arrays is None:
        results = _map(partial(_read_file, see=see), listed.files)
    elif listed.normalized:
        results = [_with_size(picture) for picture in listed.arrays]
    else:
        results = list(_map(partial(_normalize, see=see), listed.arrays))
    good = [index for index, result in enumerate(results) if not isinstance(result, str)]
    bad = {listed.names[index]: result for index, result in enumerate(results) if isinstance(result, str)}
    if not good:
        raise DataError(
            f"{listed.origin}: none of its {len(bad)} pictures can be read; the first: {next(iter(bad.values()))}"
        )
    kept = [result for result in results if not isinstance(result, str)]
    return Labelled(
        names=tuple(listed.names[index] for index in good),
        labels=tuple(listed.labels[index] for index in good),
        pictures=np.stack([picture for picture, _ in kept]),
        origin=listed.origin,
        sizes=np.array([size for _, size in kept], np.int64),
        files=tuple(listed.files[index] for index in good) if listed.files else (),
        unreadable=bad,
    )


def _read_file(file: Path, see: Callable[[Gray], Gray]) -> tuple[Gray, tuple[int, int]] | str:
    """A file's normalised picture and its size, or why it could not be read."""
    try:
        return _normalize(read_picture(file), see)
    except PictureError as error:
        return str(error)


def _normalize(gray: Gray, see: Callable[[Gray], Gray]) -> tuple[Gray, tuple[int, int]]:
    return see(gray), _with_size(gray)[1]


def _with_size(gray: Gray) -> tuple[Gray, tuple[int, int]]:
    return gray, (gray.shape[1], gray.shape[0])


def _map(function: Callable[[_In], _Out], items: Sequence[_In] | Pictures) -> list[_Out]:
    if len(items) < _MIN_PARALLEL:
        return [function(item) for item in items]
    with processes() as pool:
        return list(pool.map(function, items, chunksize=_CHUNK))
