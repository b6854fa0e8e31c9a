"""IDX files: MNIST's own (http://yann.lecun.com/exdb/mnist), and those of EMNIST (Cohen et al. 2017)."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.datasets.arrays import checked_split
from edge_digits_train.datasets.data import Data, DataError, Labels, Pictures, Split, label_by_number

#: A file of a set; some mirrors call them "train-images.idx3-ubyte".
_FILE = re.compile(r"(?:(.+)-)?(?:train|t10k|test)-(?:images|labels)[-.]idx[13]-ubyte(?:\.gz)?")
_KINDS = {"images": "idx3-ubyte", "labels": "idx1-ubyte"}


@dataclass(frozen=True)
class IdxSet:
    """Four files in a folder; `name` is what their names begin with, "" for MNIST's."""

    folder: Path
    name: str

    @property
    def test(self) -> str:
        return "test" if self.name else "t10k"

    def file(self, part: str, kind: str) -> Path:
        """The file of a part ("train" or "test") and kind ("images" or "labels").

        Raises:
            DataError: there is none.
        """
        stem = "-".join(filter(None, (self.name, self.test if part == "test" else part, kind)))
        for joint in "-.":
            for ending in ("", ".gz"):
                path = self.folder / f"{stem}{joint}{_KINDS[kind]}{ending}"
                if path.is_file():
                    return path
        raise DataError(f"{self.folder}: {stem}-{_KINDS[kind]} (or .gz) is missing beside the other IDX files")


def find_set(path: Path) -> IdxSet | None:
    """The set that a path names: a folder that holds one, or FOLDER/NAME where it holds several.

    Raises:
        DataError: the folder holds several, or cannot be read.
    """
    if path.is_dir():
        names = _names(path)
        if len(names) > 1:
            raise DataError(f"{path}: holds several sets. Name one: {', '.join(str(path / name) for name in names)}")
        return IdxSet(path, names[0]) if names else None
    if path.name and path.parent.is_dir() and path.name in _names(path.parent):
        return IdxSet(path.parent, path.name)
    return None


def _names(folder: Path) -> list[str]:
    try:
        return sorted({match[1] or "" for file in folder.iterdir() if (match := _FILE.fullmatch(file.name))})
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror})") from None


def load_set(idx: IdxSet) -> Data:
    """Read the four files, and of EMNIST the mapping that says which character each class is.

    Raises:
        DataError: a file is missing, broken, or disagrees with another.
    """
    labels = _mapping(idx)
    parts = []
    for part in ("train", "test"):
        x_file, y_file = (idx.file(part, kind) for kind in ("images", "labels"))
        pictures: Pictures = read_idx(x_file)
        classes: NDArray[Any] = read_idx(y_file)
        if idx.name.startswith("emnist") and pictures.ndim == 3:
            pictures = np.ascontiguousarray(pictures.transpose(0, 2, 1))  # EMNIST's are stored column by column
        if labels:
            classes = _renumber(classes, labels, y_file)
        parts.append(checked_split(pictures, classes, str(x_file), str(y_file)))
    origin = str(idx.folder / idx.name)
    if labels:
        return Data(parts[0], parts[1], tuple(labels.values()), origin, "")
    return label_by_number(origin, *(Split(part.pictures, part.classes) for part in parts))


def _mapping(idx: IdxSet) -> dict[int, str]:
    """Number in the files -> label, from NAME-mapping.txt; empty where there is none and none is needed."""
    path = idx.folder / f"{idx.name}-mapping.txt"
    if not idx.name or not path.is_file():
        if idx.name.startswith("emnist"):
            raise DataError(f"{path}: is missing: it says which character each class is. Take it from EMNIST's archive")
        return {}
    try:
        # A line is the class and the code points of its characters, capital first where two are one class.
        rows = [[int(number) for number in line.split()] for line in path.read_text("ascii").splitlines() if line]
        labels = {row[0]: chr(row[1]) for row in rows}
    except (OSError, ValueError, IndexError, OverflowError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Its lines are a class and the codes of its letters"
        ) from None
    if len(set(labels.values())) != len(rows):
        raise DataError(f"{path}: gives a class or a character twice")
    return labels


def _renumber(classes: NDArray[np.uint8], labels: dict[int, str], path: Path) -> Labels:
    class_of = np.full(256, -1, np.int64)
    for index, number in enumerate(labels):
        if 0 <= number < 256:
            class_of[number] = index
    renumbered = class_of[classes]
    if renumbered.size and renumbered.min() < 0:
        raise DataError(f"{path}: holds class {classes[renumbered < 0][0]}, which the mapping does not know")
    return renumbered


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, gzipped or not: uint8 of the shape that it says.

    Raises:
        DataError: wrong magic number, or a size other than it says.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Download it again") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != 8 or not 1 <= content[3] <= 3:
        raise DataError(
            f"{path}: is no IDX file of bytes: it begins with {content[:4].hex()}, not 0000 08 and 01 to 03"
        )
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError(f"{path}: ends within its header. Download it again")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    if len(content) - header != math.prod(shape):
        raise DataError(
            f"{path}: says it holds {' x '.join(map(str, shape))} bytes and holds {len(content) - header}. "
            "Download it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
