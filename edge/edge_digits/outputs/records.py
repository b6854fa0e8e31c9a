"""Readings as text: one writer a format, each writing a record as soon as it has it."""

from __future__ import annotations

import json
import os
from typing import Protocol, TextIO

from edge_digits.outputs.spreadsheet import COLUMNS, cells, no_formula
from edge_digits.results import Reading
from edge_digits.terminal import has_colours, printable


class Writer(Protocol):
    """Writes records, one after the other."""

    def write(self, reading: Reading) -> None: ...


class JsonLines:
    """One JSON record a line (the contract `edge-digits/result/1`), in ASCII, control characters escaped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, reading: Reading) -> None:
        line = json.dumps(reading.to_dict(), ensure_ascii=True).replace("\x7f", "\\u007f")
        self._stream.write(line + "\n")
        self._stream.flush()


class Csv:
    """Comma-separated values (RFC 4180), one row a picture; no cell of text can become a formula."""

    def __init__(self, stream: TextIO, *, header: bool = True) -> None:
        import csv

        self._stream = stream
        self._on_terminal = stream.isatty()
        self._rows = csv.writer(stream, lineterminator="\n")
        if header:
            self._rows.writerow(COLUMNS)

    def write(self, reading: Reading) -> None:
        row = [self._cell(value) if isinstance(value, str) else value for value in cells(reading)]
        row[COLUMNS.index("confidence")] = f"{reading.confidence:.4f}"
        row[COLUMNS.index("time")] = "" if reading.time is None else f"{reading.time:.3f}"
        self._rows.writerow(row)
        self._stream.flush()

    def _cell(self, text: str) -> str:
        return no_formula(printable(text, lines=True) if self._on_terminal else text)


class Table:
    """Aligned columns for people, in colour on a terminal."""

    def __init__(self, stream: TextIO, names: list[str], *, header: bool = True) -> None:
        self._stream = stream
        self._colours = _COLOURS if has_colours(stream) else {}
        self._base = _common_folder(names)
        shown = [self._name(name) for name in names]
        self._width = min(max([len(name) for name in shown] + [len("picture")]), 60)
        if header:
            stream.write(f"{'picture':<{self._width}}  {'text':<14}  {'sure':>6}  status\n")

    def write(self, reading: Reading) -> None:
        name = self._name(reading.source)
        if reading.time is not None:
            name = f"{name} {reading.time:.2f} s"
        text = printable(reading.text.replace("\n", " / ")) or "-"
        sure = f"{100 * reading.confidence:.1f} %" if reading.text else "-"
        note = f": {reading.error}" if reading.error else "".join(f" ({warning})" for warning in reading.warnings)
        status = f"{self._colours[reading.status]}{reading.status}\x1b[0m" if self._colours else reading.status
        self._stream.write(f"{name:<{self._width}}  {text:<14}  {sure:>6}  {status}{printable(note)}\n")
        self._stream.flush()

    def _name(self, source: str) -> str:
        return printable(source.removeprefix(self._base))


#: Escape sequences (ECMA-48, select graphic rendition) of green, yellow and red.
_COLOURS = {"ok": "\x1b[32m", "uncertain": "\x1b[33m", "no_digits": "\x1b[33m", "error": "\x1b[31m"}

FORMATS = ("table", "jsonl", "csv", "xlsx")


def writer(form: str, stream: TextIO, names: list[str], *, header: bool = True) -> Writer:
    """The writer of a format of FORMATS; of a workbook, of the lines that it is made of in the end.

    Args:
        form: the format.
        stream: to write to.
        names: the sources, as far as they are known, by which a table sets its columns.
        header: begin with the names of the columns.
    """
    if form == "csv":
        return Csv(stream, header=header)
    return Table(stream, names, header=header) if form == "table" else JsonLines(stream)


def _common_folder(names: list[str]) -> str:
    folders = {os.path.join(os.path.dirname(name), "") for name in names}
    return folders.pop() if len(folders) == 1 and len(names) > 1 else ""
