"""labels.csv of a folder of crops: a row each, there as soon as its picture is."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from edge_digits.outputs.atomic import append_whole, cannot_write, write_whole
from edge_digits.outputs.spreadsheet import no_formula
from edge_digits.results import Digit
from edge_digits.sources.labels import LABELS
from edge_digits.terminal import text_only

_COLUMNS = ("file", "label", "confidence", "rejected", "source", "x1", "y1", "x2", "y2")


class LabelsFile:
    """Rows that a person can correct and `train` can read; each is written whole, or not at all."""

    def __init__(self, folder: Path, *, anew: bool) -> None:
        """Begin it, or go on with the one that is there.

        Raises:
            OutputError: it cannot be written.
        """
        self._path = folder / LABELS
        header = _lines([_COLUMNS])
        if anew:
            write_whole(self._path, lambda part: part.write_bytes(header))
        elif not self._path.exists() or not self._path.stat().st_size:
            self._append(header)

    def add(self, rows: Sequence[Sequence[object]]) -> int:
        """Add rows, as `label_row` makes them; the bytes that they take.

        Raises:
            OutputError: they cannot be written.
        """
        content = _lines(rows)
        self._append(content)
        return len(content)

    def _append(self, content: bytes) -> None:
        # By name each time: an editor in which somebody corrects labels meanwhile puts another file in its place.
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                size = os.fstat(descriptor).st_size
                broken_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                append_whole(descriptor, b"\n" * broken_off + content)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from None


def label_row(file: str, digit: Digit, source: str) -> tuple[object, ...]:
    """The row of a crop."""
    box = digit.box
    return (
        file,
        no_formula(digit.label),
        f"{digit.confidence:.4f}",
        int(digit.rejected),
        no_formula(text_only(source)),
        box.x1,
        box.y1,
        box.x2,
        box.y2,
    )


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode("utf-8", "replace")
