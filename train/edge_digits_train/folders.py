"""Pictures in folders: a sub-folder a class, or a labels.csv beside them."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_digits.errors import PictureError
from edge_digits.normalize import normalize
from edge_digits.pixels import to_gray
from edge_digits.sources import decode
from edge_digits.sources.files import SUFFIXES, natural_key
from edge_digits_train.augment import BACKGROUND
from edge_digits_train.data import Data, DataError, Pictures, Split, check_count, split

#: Data without a test set: this share of them is set aside as one.
TEST_SHARE = 0.1
#: What labels.csv says of a crop that is no digit.
NONE = "none"

_LEAST_PICTURES = 10


def load_folder(path: Path, seed: int) -> Data:
    """Read a folder of labelled pictures; the seed chooses its test set.

    Raises:
        DataError: there are none, too few, or one that cannot be read.
    """
    if (path / "labels.csv").is_file():
        names, texts = _labelled(path / "labels.csv")
        return _data(path, names, texts, sorted(set(texts), key=natural_key), seed)
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
    return _data(path, names, texts, [folder.name for folder in folders], seed)


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
    names, texts = _labelled(listed)
    classes = {NONE: BACKGROUND} | {label: place for place, label in enumerate(labels)}
    for name, text in zip(names, texts, strict=True):
        if text not in classes:
            raise DataError(
                f"{listed}: {name} is labelled {text!r}, not one of {', '.join(labels)}, nor {NONE!r} for what is none"
            )
    return Split(_read(path, names), np.array([classes[text] for text in texts], np.int64))


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, in natural order, but for hidden files and folders, which `predict` skips as well."""
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror})") from None
    return sorted(entries, key=lambda entry: natural_key(entry.name))


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


def _data(path: Path, names: Sequence[str], texts: Sequence[str], labels: Sequence[str], seed: int) -> Data:
    check_count(str(path), len(labels))
    alone = [label for label, count in Counter(texts).items() if count == 1]
    if alone:
        place = path / alone[0] if (path / alone[0]).is_dir() else path / "labels.csv"
        raise DataError(
            f"{place}: one picture of class {alone[0]!r}; a class needs two, to learn from and to be judged by. "
            "Add some, or leave the class out"
        )
    if len(names) < _LEAST_PICTURES:
        raise DataError(f"{path}: only {len(names)} pictures; at least {_LEAST_PICTURES} are needed")
    places = {label: place for place, label in enumerate(labels)}
    everything = Split(_read(path, names), np.array([places[text] for text in texts], np.int64))
    train, test = split(everything, TEST_SHARE, seed)
    return Data(train, test, tuple(labels), os.fspath(path), "")


def _read(path: Path, names: Sequence[str]) -> Pictures:
    made = []
    for name in names:
        file = path / name
        try:
            made.append(normalize(to_gray(decode(file.read_bytes()))))
        except (OSError, ValueError, PictureError) as error:  # ValueError: a name with a NUL in it
            raise DataError(f"{file}: unreadable picture: {error}. Mend or remove it") from None
    return np.stack(made)
