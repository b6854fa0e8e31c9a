"""The pictures that a bench reads: their bytes, in memory, and their labels where a labels.csv lies beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_digits.errors import PictureError
from edge_digits.reader import DigitReader
from edge_digits.sources import expand
from edge_digits.sources.decode import decode
from edge_digits.sources.labels import LABELS, NONE, read_labels


@dataclass(frozen=True)
class Picture:
    """A picture file.

    Attributes:
        name: as it was named.
        content: its bytes.
        label: its text, "" where it shows no digit, None where that is not known.
    """

    name: str
    content: bytes
    label: str | None = None


def load_pictures(sources: Sequence[str]) -> list[Picture]:
    """Read the pictures of files, folders, globs and lists.

    In a folder with a labels.csv that has columns `file` and `label`, pictures have labels; of a label, only its
    letters and digits count, and `none` is no digit.

    Raises:
        SourceError: no such source, or its labels cannot be read.
        PictureError: one of them cannot be decoded; it says which.
    """
    labels: dict[str, dict[str, str]] = {}
    pictures = []
    for file in (file for source in sources for file in expand(source)):
        folder, name = os.path.split(file.name)
        if folder not in labels:
            labels[folder] = _labels(Path(folder) / LABELS)
        try:
            content = file.read()
            decode(content)
        except PictureError as error:
            raise PictureError(f"{file.name}: {error}") from None
        pictures.append(Picture(file.name, content, labels[folder].get(name)))
    return pictures


def accuracy(reader: DigitReader, pictures: Sequence[Picture]) -> dict[str, float] | None:
    """How many labelled pictures are read exactly: `pictures`, `read`, `percent`; None where none has a label."""
    labelled = [picture for picture in pictures if picture.label is not None]
    if not labelled:
        return None
    correct = sum(
        _plain(reader.examine_bytes(picture.content, picture.name).reading.text) == picture.label
        for picture in labelled
    )
    return {"pictures": len(labelled), "read": correct, "percent": round(100.0 * correct / len(labelled), 3)}


def _labels(path: Path) -> dict[str, str]:
    """Labels by file name; none where there is no such file."""
    if not path.is_file():
        return {}
    return {row.file: "" if row.label == NONE else _plain(row.label) for row in read_labels(path) if row.label}


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isalnum())
