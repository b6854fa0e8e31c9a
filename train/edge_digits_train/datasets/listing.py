"""What is in a folder of labelled pictures: a sub-folder a class, or a labels.csv beside them."""

from __future__ import annotations

from pathlib import Path

from edge_digits.errors import PictureError, SourceError
from edge_digits.imaging.pixels import Gray, to_gray
from edge_digits.sources.decode import decode
from edge_digits.sources.files import SUFFIXES, natural_key
from edge_digits.sources.labels import LABELS, NONE, read_labels
from edge_digits_train.datasets.data import DataError

__all__ = ["LABELS", "NONE", "files_by_class", "labels_by_file", "read_picture"]


def labels_by_file(path: Path) -> dict[str, str]:
    """The labels of files by their names, from a labels.csv (columns file, label), in its order.

    Raises:
        DataError: it cannot be read, lacks something, or lists a file twice.
    """
    try:
        rows = read_labels(path)
    except SourceError as error:
        raise DataError(str(error)) from None
    labels: dict[str, str] = {}
    for row in rows:
        if not row.file or not row.label:
            raise DataError(f"{path}: line {row.line} lacks a file or a label")
        if row.file in labels:
            # One copy could be trained on and the other be in the test set.
            raise DataError(f"{path}: line {row.line} lists {row.file} again. Keep one of the lines")
        labels[row.file] = row.label
    if not labels:
        raise DataError(f"{path}: lists no pictures")
    return labels


def files_by_class(path: Path) -> dict[str, list[str]]:
    """The names of files, below the folder, by the sub-folder that they are in; both in natural order.

    Raises:
        DataError: a folder cannot be read.
    """
    return {
        folder.name: [str(file.relative_to(path)) for file in _visible(folder) if file.suffix.lower() in SUFFIXES]
        for folder in _visible(path)
        if folder.is_dir()
    }


def read_picture(file: Path) -> Gray:
    """Read a picture.

    Raises:
        PictureError: it cannot be read.
    """
    try:
        return to_gray(decode(file.read_bytes()))
    except OSError as error:
        raise PictureError(f"{file}: unreadable picture: {error.strerror}") from None
    except (ValueError, PictureError) as error:  # ValueError: a name with a NUL in it
        raise PictureError(f"{file}: unreadable picture: {error}") from None


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, in natural order, but for hidden files and folders, which `predict` skips as well."""
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror})") from None
    return sorted(entries, key=lambda entry: natural_key(entry.name))
