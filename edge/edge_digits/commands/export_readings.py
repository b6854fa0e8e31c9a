"""`edge-digits export-readings`: the trail of `camera --store` as a table."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from edge_digits.errors import UsageError

if TYPE_CHECKING:
    from edge_digits.outputs.store import Row

_FORMATS = ("csv", "jsonl", "parquet")


def _moment(ctx: click.Context, parameter: click.Parameter, value: datetime | None) -> str:
    """A moment as the trail has it: UTC; "" for none."""
    return "" if value is None else value.astimezone(UTC).isoformat(timespec="milliseconds")


@click.command()
@click.argument("trail", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="By default standard output.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="By default as the name of --output ends, else csv; Parquet has the crops too.",
)
@click.option(
    "--since",
    metavar="MOMENT",
    type=click.DateTime(),
    callback=_moment,
    help="From this moment on, in local time: 2026-03-01 or 2026-03-01T12:00:00.",
)
@click.option("--until", metavar="MOMENT", type=click.DateTime(), callback=_moment, help="Before this moment.")
@click.option(
    "--save-crops", metavar="DIR", type=click.Path(path_type=Path), help="Write each row's crop there, as ID.png."
)
@click.option("--force", is_flag=True, help="Write over files.")
def command(
    trail: Path, output: Path | None, form: str | None, since: str, until: str, save_crops: Path | None, force: bool
) -> None:
    """Write the readings that `edge-digits camera --store TRAIL` kept: CSV, JSON Lines or Parquet.

    A camera that adds to the trail meanwhile is not disturbed.

    \b
    Exit codes: 0; 1 it cannot be written; 2 usage; 3 no such trail.
    """
    suffix = "" if output is None else output.suffix.lower().lstrip(".")
    form = form or (suffix if suffix in _FORMATS else "csv")
    from edge_digits.outputs.files import check_free, make_folder, text_file
    from edge_digits.outputs.parquet import check_parquet, write_parquet
    from edge_digits.outputs.store import read_rows

    if form == "parquet":
        if output is None:
            raise UsageError("--format parquet: goes into a file. Name it: -o readings.parquet")
        check_parquet()
    if output is not None:
        check_free(output, force=force)
    rows = _begun(read_rows(trail, since=since, until=until, crops=form == "parquet" or save_crops is not None))
    if save_crops is not None:
        rows = _with_crops(rows, make_folder(save_crops, force=force))
    if form == "parquet" and output is not None:
        write_parquet(output, rows, force=force)
        return
    with nullcontext(sys.stdout) if output is None else text_file(output, force=force) as stream:
        _LINES[form](rows, stream)


def _begun(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first one read already: what is wrong with a trail is said before a file is made."""
    first = list(islice(rows, 1))
    return chain(first, rows)


def _with_crops(rows: Iterable[Row], folder: Path) -> Iterator[Row]:
    from edge_digits.outputs.files import write_bytes

    for row in rows:
        if row.crop is not None:
            write_bytes(folder / f"{row.id}.png", row.crop)
        yield row


def _csv(rows: Iterable[Row], stream: TextIO) -> None:
    from edge_digits.outputs.spreadsheet import no_formula
    from edge_digits.outputs.store import Row

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Row._fields[:-1])
    for row in rows:
        writer.writerow(no_formula(value) if isinstance(value, str) else value for value in row[:-1])


def _jsonl(rows: Iterable[Row], stream: TextIO) -> None:
    for row in rows:
        record = {name: value for name, value in row._asdict().items() if name != "crop"}
        stream.write(json.dumps(record) + "\n")


_LINES = {"csv": _csv, "jsonl": _jsonl}
