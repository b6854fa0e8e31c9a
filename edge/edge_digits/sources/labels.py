"""labels.csv: what the pictures of a folder show, as people and `--save-crops` write it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from edge_digits.errors import SourceError

#: The name of the file.
LABELS = "labels.csv"
#: The label of a picture that shows none of the classes.
NONE = "none"


class Row(NamedTuple):
    """A line of the file: its number, from 1, the picture's file name, and its label; either may be ""."""

    line: int
    file: str
    label: str


def read_labels(path: Path) -> list[Row]:
    """The rows of a labels.csv, in UTF-8 with or without the byte order mark that Excel writes.

    >>> read_labels(Path("samples/labels.csv"))[0]
    Row(line=2, file='digit-0-fountain-pen.jpg', label='0')

    Raises:
        SourceError: it cannot be read, or has no columns `file` and `label`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise SourceError(
                    f"{path}: its first line names {reader.fieldnames}; columns file and label are needed"
                )
            # A line that is too short has None in its last columns.
            return [Row(reader.line_num, row["file"] or "", row["label"] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read ({error}). Save it as CSV in UTF-8") from None
