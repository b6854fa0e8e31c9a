"""Records for spreadsheets: cells that cannot become formulas, and workbooks."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from edge_digits.errors import MissingExtraError
from edge_digits.outputs.files import part_stream, write_bytes
from edge_digits.results import Reading
from edge_digits.terminal import printable, text_only

COLUMNS = ("source", "frame", "text", "confidence", "status", "digits", "warnings", "error", "time")
#: What Excel and LibreOffice take for the beginning of a formula (CWE-1236); a number with its sign is none, and a
#: character by itself is nothing.
_FORMULA = re.compile(r"[=+\-@\t\r](?!$)(?![0-9]+([.,][0-9]+)?$)", re.ASCII)


def no_formula(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula: with an apostrophe before it, where it would be one.

    >>> no_formula("=1+1"), no_formula("-"), no_formula("-5"), no_formula("007")
    ("'=1+1", '-', '-5', '007')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def cells(reading: Reading) -> tuple[object, ...]:
    """A record as cells, one for each of COLUMNS: text, numbers, and None for nothing."""
    return (
        text_only(reading.source),
        reading.frame,
        reading.text,
        round(reading.confidence, 4),
        reading.status,
        sum(not digit.rejected for digit in reading.digits),
        "; ".join(reading.warnings),
        text_only(reading.error or ""),
        None if reading.time is None else round(reading.time, 3),
    )


def cells_of_record(line: str) -> tuple[object, ...]:
    """The cells of a record that was written as a line of JSON."""
    record: dict[str, Any] = json.loads(line)
    accepted = sum(not digit["rejected"] for digit in record["digits"])
    values = {
        **record,
        "source": text_only(record["source"]),
        "digits": accepted,
        "warnings": "; ".join(record["warnings"]),
        "error": text_only(record.get("error", "")),
    }
    return tuple(values.get(name) for name in COLUMNS)


def check_workbooks() -> None:
    """Raises: MissingExtraError: workbooks cannot be written, because openpyxl is not installed."""
    try:
        import openpyxl  # noqa: F401  # whether it is there, before anything is read
    except ImportError:
        raise MissingExtraError("--format xlsx", "xlsx", "openpyxl") from None


def workbook(rows: Iterable[Sequence[object]]) -> bytes:
    """An Excel workbook (.xlsx) of records: text stays text, leading zeros and all.

    Args:
        rows: as `cells` gives them.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("readings")
    sheet.append(COLUMNS)
    for row in rows:
        line = []
        for value in row:
            cell = WriteOnlyCell(sheet, printable(value, lines=True) if isinstance(value, str) else value)
            if isinstance(value, str):
                cell.data_type = "s"  # else "=1+1" is a formula, and "#N/A" an error
            line.append(cell)
        sheet.append(line)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@contextmanager
def workbook_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """A workbook that appears under its name when all is written: a stream for its records as lines of JSON.

    Until then, and after a failure, these lines are in PATH.part, so that a run that is killed loses none.

    Raises:
        OutputError: as `text_file`.
    """
    with part_stream(path, force=force) as (stream, part):
        yield stream
        stream.close()
        with part.path.open(encoding="utf-8") as lines:
            content = workbook(map(cells_of_record, lines))
        write_bytes(path, content, force=force)
        part.discard()
