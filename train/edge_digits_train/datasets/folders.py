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

#: Data without a test set: this share of them is set aside as one.
TEST_SHARE = 0.1
_LEAST_PICTURES = 10


def load_folder(path: Path, seed: int) -> Data:
    """Read a folder of labelled pictures; the seed chooses its test set.

    Raises:
        DataError: there are none, too few, or one that cannot be read.
    """
    if (path / "labels.csv").is_file():
        label_of = listing.rows(path / "labels.csv")
        return _data(path, label_of, sorted(set(label_of.values()), key=natural_key), seed)
    files = listing.classes(path)
    if not files:
        raise DataError(f"{path}: holds neither IDX files, nor labels.csv, nor a sub-folder a class")
    for label, names in files.items():
        if not names:
            raise DataError(f"{path / label}: no pictures for class {label!r}. Add some, or remove the folder")
    return _data(path, {name: label for label, names in files.items() for name in names}, list(files), seed)


def load_extra(path: Path, labels: Sequence[str]) -> Split:
    """Read crops with their labels.csv, as `predict --save-crops` writes them, to train on beside other data.

    Args:
        path: the folder.
        labels: those of the other data; a crop labelled "none" that is no class of theirs becomes BACKGROUND.

    Raises:
        DataError: there is no labels.csv, or it names a label that is not among those, or a picture cannot be read.
    """
    listed = path / "labels.csv"
    if not listed.is_file():
        raise DataError(f"{listed}: is missing. Write crops with: edge-digits predict PICTURES --save-crops {path}")
    label_of = listing.rows(listed)
    classes = {listing.NONE: BACKGROUND} | {label: place for place, label in enumerate(labels)}
    for name, text in label_of.items():
        if text not in classes:
            raise DataError(
                f"{listed}: {name} is labelled {text!r}, not one of {', '.join(labels)}, nor {listing.NONE!r}"
            )
    return Split(_read(path, label_of), np.array([classes[text] for text in label_of.values()], np.int64))


def _data(path: Path, label_of: Mapping[str, str], labels: Sequence[str], seed: int) -> Data:
    check_count(str(path), len(labels))
    alone = [label for label, count in Counter(label_of.values()).items() if count == 1]
    if alone:
        place = path / alone[0] if (path / alone[0]).is_dir() else path / "labels.csv"
        raise DataError(
            f"{place}: one picture of class {alone[0]!r}; a class needs two, to learn from and to be judged by. "
            "Add some, or leave the class out"
        )
    if len(label_of) < _LEAST_PICTURES:
        raise DataError(f"{path}: only {len(label_of)} pictures; at least {_LEAST_PICTURES} are needed")
    places = {label: place for place, label in enumerate(labels)}
    everything = Split(_read(path, label_of), np.array([places[label] for label in label_of.values()], np.int64))
    train, test = split(everything, TEST_SHARE, seed)
    return Data(train, test, tuple(labels), os.fspath(path), "")


def _read(path: Path, names: Iterable[str]) -> Pictures:
    try:
        return np.stack([normalize(listing.picture(path / name)) for name in names])
    except PictureError as error:
        raise DataError(f"{error}. Mend or remove it") from None
