"""Readings as text: one writer a format, each writing a record as soon as it has it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Protocol, TextIO

from edge_digits.results import Reading


class Writer(Protocol):
    """Writes records, one after the other."""

    def write(self, reading: Reading) -> None: ...


class JsonLines:
    """One JSON record a line (the contract `edge-digits/result/1`)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, reading: Reading) -> None:
        self._stream.write(json.dumps(reading.to_dict(), ensure_ascii=True) + "\n")
        self._stream.flush()


class Csv:
    """Comma-separated values (RFC 4180), one row a picture."""

    COLUMNS = ("source", "frame", "text", "confidence", "status", "digits", "warnings", "error", "time")

    def __init__(self, stream: TextIO) -> None:
        import csv

        self._stream = stream
        self._rows = csv.writer(stream, lineterminator="\n")
        self._rows.writerow(self.COLUMNS)

    def write(self, reading: Reading) -> None:
        accepted = sum(not digit.rejected for digit in reading.digits)
        self._rows.writerow(
            [
                _printable(reading.source),
                reading.frame,
                reading.text,
                f"{reading.confidence:.4f}",
                reading.status,
                accepted,
                "; ".join(reading.warnings),
                _printable(reading.error or ""),
                "" if reading.time is None else f"{reading.time:.3f}",
            ]
        )
        self._stream.flush()


class Table:
    """Aligned columns for people, in colour on a terminal."""

    def __init__(self, stream: TextIO, names: list[str]) -> None:
        self._stream = stream
        # https://no-color.org
        self._colours = _COLOURS if stream.isatty() and not os.environ.get("NO_COLOR") else {}
        self._base = _common_folder(names)
        shown = [self._name(name) for name in names]
        self._width = min(max([len(name) for name in shown] + [len("picture")]), 60)
        stream.write(f"{'picture':<{self._width}}  {'text':<14}  {'sure':>6}  status\n")

    def write(self, reading: Reading) -> None:
        name = self._name(reading.source)
        if reading.time is not None:
            name = f"{name} {reading.time:.2f} s"
        text = reading.text.replace("\n", " / ") or "-"
        sure = f"{100 * reading.confidence:.1f} %" if reading.text else "-"
        note = f": {reading.error}" if reading.error else "".join(f" ({warning})" for warning in reading.warnings)
        status = f"{self._colours[reading.status]}{reading.status}\x1b[0m" if self._colours else reading.status
        self._stream.write(f"{name:<{self._width}}  {text:<14}  {sure:>6}  {status}{_one_line(note)}\n")
        self._stream.flush()

    def _name(self, source: str) -> str:
        return _one_line(source.removeprefix(self._base))


#: Escape sequences (ECMA-48, select graphic rendition) of green, yellow and red.
_COLOURS = {"ok": "\x1b[32m", "uncertain": "\x1b[33m", "no_digits": "\x1b[33m", "error": "\x1b[31m"}

FORMATS: dict[str, Callable[[TextIO, list[str]], Writer]] = {
    "table": Table,
    "jsonl": lambda stream, names: JsonLines(stream),
    "csv": lambda stream, names: Csv(stream),
}


def _printable(name: str) -> str:
    """File names may hold bytes that are no text; show those as replacement characters."""
    return os.fsencode(name).decode("utf-8", "replace")


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", "?", _printable(text))


def _common_folder(names: list[str]) -> str:
    folders = {os.path.join(os.path.dirname(name), "") for name in names}
    return folders.pop() if len(folders) == 1 and len(names) > 1 else ""
