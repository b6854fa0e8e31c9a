"""Labelled pictures for training: MNIST, IDX files, .npz, a folder a class, or a folder with labels.csv."""

from __future__ import annotations

import csv
import gzip
import hashlib
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import MissingExtraError, PictureError, SourceError
from edge_digits.normalize import SIDE, normalize
from edge_digits.pixels import to_gray
from edge_digits.sources import decode
from edge_digits.sources.files import SUFFIXES, natural_key

Pictures = NDArray[np.uint8]
Labels = NDArray[np.int64]

_IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
#: Of data that come without a test set, this share is set aside as one.
_TEST_SHARE = 0.1


class DataError(SourceError):
    """Training data that are not to be had or not as they should be; the message names the file."""


@dataclass(frozen=True)
class Split:
    """Pictures, uint8 [N, 28, 28], white on black, with their classes, int64 [N]."""

    pictures: Pictures
    classes: Labels

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, which: NDArray[Any]) -> Split:
        """The pictures at these places."""
        return Split(self.pictures[which], self.classes[which])


@dataclass(frozen=True)
class Data:
    """A training and a test set.

    Attributes:
        train, test: the pictures.
        labels: the text of each class.
        origin: where they came from.
        sha256: of the training pictures and classes.
    """

    train: Split
    test: Split
    labels: tuple[str, ...]
    origin: str
    sha256: str


def load(source: str, *, limit: int | None = None, seed: int = 0) -> Data:
    """Load a data set.

    Args:
        source: "mnist" (downloaded once by Keras), a folder with the four IDX files (gzipped or not), an .npz file with
            x_train, y_train and perhaps x_test, y_test, a folder with a sub-folder a class, or a folder with labels.csv
            (columns file, label).
        limit: take this many training pictures, chosen by the seed, and as many test pictures at most.
        seed: of those choices, and of the test set that is set aside where the data have none.

    Raises:
        DataError: says which file is wrong, how, and what to do.
    """
    path = Path(source)
    if source == "mnist":
        data = _keras_mnist()
    elif path.is_file() and path.suffix == ".npz":
        data = _npz(path, seed)
    elif path.is_dir():
        data = _folder(path, seed)
    else:
        raise DataError(f"{source}: no such data. Give mnist, a folder of IDX files or of pictures, or an .npz file")
    _check(data, "Add some; where there is no test set, a tenth of all is set aside")
    if limit is not None:
        data = replace(data, train=_some(data.train, limit, seed), test=_some(data.test, limit, seed))
        _check(data, "Raise --limit")
    return replace(data, sha256=_sha256(data.train))


def split(data: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Set a share aside, chosen by the seed: what is left, and what was set aside (at least one picture each)."""
    order = np.random.default_rng(seed).permutation(len(data))
    count = min(max(1, round(share * len(data))), len(data) - 1)
    return data.take(np.sort(order[count:])), data.take(np.sort(order[:count]))


def _some(data: Split, limit: int, seed: int) -> Split:
    """So many pictures at most; by the seed, for a test set may be in the order of its classes."""
    return data.take(np.sort(np.random.default_rng(seed).permutation(len(data))[:limit]))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of bytes (http://yann.lecun.com/exdb/mnist), gzipped or not: uint8 of the shape that it says.

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


def _keras_mnist() -> Data:
    try:
        from keras.datasets import mnist
    except ImportError:
        raise MissingExtraError("training", "train", "Keras") from None
    try:
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    except Exception as error:  # urllib and Keras raise several kinds
        raise DataError(
            f"mnist: cannot be downloaded ({error}). Give the folder of its four IDX files instead"
        ) from None
    return _arrays("mnist", x_train, y_train, x_test, y_test)


def _arrays(origin: str, x_train: Any, y_train: Any, x_test: Any, y_test: Any) -> Data:
    train = Split(x_train, y_train.astype(np.int64))
    test = Split(x_test, y_test.astype(np.int64))
    count = int(max(train.classes.max(initial=0), test.classes.max(initial=0))) + 1
    return Data(train, test, tuple(map(str, range(count))), origin, "")


def _npz(path: Path, seed: int) -> Data:
    try:
        with path.open("rb") as stream:  # numpy leaves a broken file open
            arrays = {name: np.asarray(array) for name, array in dict(np.load(stream)).items()}
    except (OSError, ValueError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}). Write it with numpy.savez") from None
    for name in ("x_train", "y_train"):
        if name not in arrays:
            raise DataError(f"{path}: holds no {name}, only {', '.join(sorted(arrays)) or 'nothing'}")
    parts = [
        _pair(arrays[f"x_{name}"], arrays[f"y_{name}"], f"{path}: x_{name}", f"{path}: y_{name}")
        for name in ("train", "test")
        if f"x_{name}" in arrays and f"y_{name}" in arrays
    ]
    if len(parts) == 1:
        parts = list(split(parts[0], _TEST_SHARE, seed))
    return _arrays(str(path), parts[0].pictures, parts[0].classes, parts[1].pictures, parts[1].classes)


def _pair(pictures: NDArray[Any], classes: NDArray[Any], x_name: str, y_name: str) -> Split:
    if pictures.ndim == 4 and pictures.shape[3] == 1:
        pictures = pictures[..., 0]
    if pictures.ndim != 3 or classes.ndim != 1 or len(pictures) != len(classes):
        raise DataError(
            f"{x_name} is of shape {pictures.shape}, {y_name} of {classes.shape}: sizes disagree. "
            "Wanted: pictures [N, height, width] and as many classes [N]"
        )
    if classes.dtype.kind not in "ui":
        raise DataError(f"{y_name} is of dtype {classes.dtype}: classes are whole numbers from 0")
    if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) <= 99:
        raise DataError(f"{y_name} holds classes from {classes.min()} to {classes.max()}: outside 0 to 99")
    if not len(pictures):
        raise DataError(f"{x_name} holds no pictures")
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (SIDE, SIDE):
        try:
            pictures = np.stack([normalize(to_gray(picture)) for picture in pictures])
        except PictureError as error:
            raise DataError(f"{x_name}: {error}") from None
    else:
        # Augmentation bends white ink on black: what is dark on light is to become that first.
        dark = np.flatnonzero((pictures > 127).mean(axis=(1, 2)) > 0.5)
        if len(dark):
            pictures = pictures.copy()
            pictures[dark] = [normalize(picture) for picture in pictures[dark]]
    return Split(pictures, classes.astype(np.int64))


def _folder(path: Path, seed: int) -> Data:
    if any(_idx_file(path, stem) for stem in _IDX.values()):
        return _idx_folder(path)
    if (path / "labels.csv").is_file():
        names, texts = _labelled(path / "labels.csv")
        return _pictures(path, names, texts, sorted(set(texts), key=natural_key), seed)
    folders = [entry for entry in _visible(path) if entry.is_dir()]
    if not folders:
        raise DataError(f"{path}: holds neither IDX files, nor labels.csv, nor a sub-folder a class")
    names, texts = [], []
    for folder in folders:
        found = [file for file in _visible(folder) if file.suffix.lower() in SUFFIXES]
        if not found:
            raise DataError(f"{folder}: no pictures for class {folder.name!r}. Add some, or remove the folder")
        names += [str(f.relative_to(path)) for f in found]
        texts += [folder.name] * len(found)
    return _pictures(path, names, texts, [folder.name for folder in folders], seed)


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, in natural order, but for hidden files and folders, which `predict` skips as well."""
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror})") from None
    return sorted(entries, key=lambda entry: natural_key(entry.name))


def _idx_file(path: Path, stem: str) -> Path | None:
    # Some mirrors call them "train-images.idx3-ubyte".
    for name in (stem, f"{stem}.gz", stem.replace("-idx", ".idx"), stem.replace("-idx", ".idx") + ".gz"):
        if (path / name).is_file():
            return path / name
    return None


def _idx_folder(path: Path) -> Data:
    arrays = {}
    for name, stem in _IDX.items():
        file = _idx_file(path, stem)
        if file is None:
            raise DataError(f"{path}: {stem} (or {stem}.gz) is missing beside the other IDX files")
        arrays[name] = read_idx(file)
    for name in ("train", "test"):
        x_file, y_file = (str(_idx_file(path, _IDX[f"{axis}_{name}"])) for axis in "xy")
        part = _pair(arrays[f"x_{name}"], arrays[f"y_{name}"], x_file, y_file)
        arrays[f"x_{name}"], arrays[f"y_{name}"] = part.pictures, part.classes.astype(np.uint8)
    return _arrays(str(path), arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"])


def _labelled(path: Path) -> tuple[list[str], list[str]]:
    labels: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            if not {"file", "label"} <= set(rows.fieldnames or ()):
                raise DataError(f"{path}: its first line names {rows.fieldnames}; columns file and label are needed")
            for row in rows:
                if not row["file"] or not row["label"]:
                    raise DataError(f"{path}: line {rows.line_num} lacks a file or a label")
                if row["file"] in labels:
                    # One copy could be trained on and the other be in the test set.
                    raise DataError(f"{path}: line {rows.line_num} lists {row['file']} again. Keep one of the lines")
                labels[row["file"]] = row["label"]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Save it as CSV in UTF-8") from None
    if not labels:
        raise DataError(f"{path}: lists no pictures")
    return list(labels), list(labels.values())


def _pictures(path: Path, names: Sequence[str], texts: Sequence[str], labels: Sequence[str], seed: int) -> Data:
    places = {label: place for place, label in enumerate(labels)}
    made = []
    for name in names:
        file = path / name
        try:
            made.append(normalize(to_gray(decode(file.read_bytes()))))
        except (OSError, ValueError, PictureError) as error:  # ValueError: a name with a NUL in it
            raise DataError(f"{file}: unreadable picture: {error}. Mend or remove it") from None
    everything = Split(np.stack(made), np.array([places[text] for text in texts], np.int64))
    if len(everything) < 10:
        raise DataError(f"{path}: only {len(everything)} pictures; at least 10 are needed")
    train, test = split(everything, _TEST_SHARE, seed)
    return Data(train, test, tuple(labels), os.fspath(path), "")


def _check(data: Data, advice: str) -> None:
    count = len(data.labels)
    for label in data.labels:
        if any("\ud800" <= character <= "\udfff" for character in label):
            # Of a folder whose name is no UTF-8; no model card could hold it.
            raise DataError(f"{data.origin}: the name of class {label!r} is no UTF-8. Rename it")
    if not 2 <= count <= 100:
        raise DataError(f"{data.origin}: {count} classes; from 2 to 100 can be trained")
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


def _sha256(train: Split) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(train.pictures).tobytes())
    digest.update(train.classes.astype("<i8").tobytes())
    return digest.hexdigest()
