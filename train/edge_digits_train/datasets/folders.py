"""Pictures in folders: a sub-folder a class, or a labels.csv beside them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from edge_digits.errors import PictureError
from edge_digits.normalize import normalize
from edge_digits.sources.files import natural_key
from edge_digits_train.datasets import listing
from edge_digits_train.datasets.data import BACKGROUND, Data, DataError, Pictures, Split, check_count, split

#: Of data without a test set, this share is held out as one.
TEST_SHARE = 0.1
_MIN_PICTURES = 10


def load_folder(path: Path, seed: int) -> Data:
    """Read a folder of labelled pictures; the seed chooses its test set.

    Raises:
        DataError: there are none, too few, or one that cannot be read.
    """
    if (path / listing.LABELS).is_file():
        label_of = listing.labels_by_file(path / listing.LABELS)
        return _data(path, label_of, sorted(set(label_of.values()), key=natural_key), seed)
    files = listing.files_by_class(path)
    if not files:
        raise DataError(f"{path}: holds neither IDX files, nor labels.csv, nor a sub-folder a class")
    for label, names in files.items():
        if not names:
            raise DataError(f"{path / label}: no pictures for class {label!r}. Add some, or remove the folder")
    return _data(path, {name: label for label, names in files.items() for name in names}, list(files), seed)


def load_extra(path: Path, labels: Sequence[str]) -> Split:
    """Read crops with their labels.csv, as `predict --save-crops` writes them, to train on besides other data.

    Args:
        path: the folder.
        labels: those of the other data; a crop labelled "none" that is no class of theirs becomes BACKGROUND.

    Raises:
        DataError: there is no labels.csv, or it names a label that is not among those, or a picture cannot be read.
    """
    labels_csv = path / listing.LABELS
    if not labels_csv.is_file():
        raise DataError(f"{labels_csv}: is missing. Write crops with: edge-digits predict PICTURES --save-crops {path}")
    label_of = listing.labels_by_file(labels_csv)
    classes = {listing.NONE: BACKGROUND} | {label: index for index, label in enumerate(labels)}
    for name, text in label_of.items():
        if text not in classes:
            raise DataError(
                f"{labels_csv}: {name} is labelled {text!r}, not one of {', '.join(labels)}, nor {listing.NONE!r}"
            )
    return Split(_read(path, label_of), np.array([classes[text] for text in label_of.values()], np.int64))


def _data(path: Path, label_of: Mapping[str, str], labels: Sequence[str], seed: int) -> Data:
    check_count(str(path), len(labels))
    single = [label for label, count in Counter(label_of.values()).items() if count == 1]
    if single:
        source = path / single[0] if (path / single[0]).is_dir() else path / listing.LABELS
        raise DataError(
            f"{source}: one picture of class {single[0]!r}; a class needs two, to learn from and to be judged by. "
            "Add some, or leave the class out"
        )
    if len(label_of) < _MIN_PICTURES:
        raise DataError(f"{path}: only {len(label_of)} pictures; at least {_MIN_PICTURES} are needed")
    class_of = {label: index for index, label in enumerate(labels)}
    pictures = Split(_read(path, label_of), np.array([class_of[label] for label in label_of.values()], np.int64))
    train, test = split(pictures, TEST_SHARE, seed)
    return Data(train, test, tuple(labels), os.fspath(path), "")


def _read(path: Path, names: Iterable[str]) -> Pictures:
    try:
        return np.stack([normalize(listing.read_picture(path / name)) for name in names])
    except PictureError as error:
        raise DataError(f"{error}. Mend or remove it") from None
