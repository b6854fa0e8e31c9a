"""`edge-digits models`: the models that ship, and which of them this machine is fast with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.inference.catalogue import Entry


@click.command()
@click.option("--time", "time_now", is_flag=True, help="Time all of them on this machine now, for a few seconds.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads for one inference.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for other programs.")
def command(time_now: bool, threads: int, as_json: bool) -> None:
    """List the shipped models: size, accuracy, this machine's speed, and what --model and --finder take of them.

    The accuracy is that of the file's model card, on pictures of its own; benchmarks/models.py reads others. The speed
    is known where the model was timed: by --time, or by --precision auto on first use. It is kept in the user's cache
    directory.

    \b
    Exit codes: 0; 4 a model is not usable.
    """
    from edge_digits.inference.catalogue import SCHEMA, catalogue
    from edge_digits.inference.session import known_speeds
    from edge_digits.inference.shipped import ALIASES

    entries = catalogue(threads, time=time_now)
    kept = known_speeds(threads)
    if as_json:
        record = {
            "schema": SCHEMA,
            "machine": kept.machine,
            "cache": None if kept.file is None else str(kept.file),
            "models": [entry.to_dict() for entry in entries],
            "aliases": ALIASES,
        }
        click.echo(json.dumps(record, indent=1))
        return
    rows = [("name", "bytes", "parameters", "accuracy by its card", "this machine", "taken by"), *map(_row, entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        numbers = "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:3], widths[1:3], strict=True))
        texts = "  ".join(f"{cell:<{width}}" for cell, width in zip(row[3:], widths[3:], strict=True))
        click.echo(printable(f"{row[0]:<{widths[0]}}  {numbers}  {texts}".rstrip()))
    click.echo()
    click.echo(printable(_machine(kept.machine)))
    click.echo("".join(f"{old} is an older name of {new}\n" for old, new in ALIASES.items()), nl=False)
    if any(entry.seconds is None for entry in entries):
        click.echo("to time what is not: edge-digits models --time", err=True)


def _machine(machine: Mapping[str, str | int]) -> str:
    processor = machine["processor"] or "unknown processor"
    threads = f"{machine['threads']} thread{'s' * (machine['threads'] != 1)}"
    return f"this machine: {processor}, {machine['architecture']}, onnxruntime {machine['onnxruntime']}, {threads}"


def _row(entry: Entry) -> tuple[str, ...]:
    accuracy = "-" if entry.accuracy is None else f"{entry.accuracy:.2f} % of {entry.measured_on}"
    return (
        entry.name,
        f"{entry.size:,}",
        f"{entry.parameters:,}",
        accuracy,
        _speed(entry),
        _taken(entry),
    )


def _speed(entry: Entry) -> str:
    if entry.seconds is None:
        return "not timed"
    if entry.is_finder:
        return f"{1e3 * entry.seconds:.1f} ms a small page"
    return f"{1e6 * entry.seconds:.0f} µs a window"


def _taken(entry: Entry) -> str:
    option = f"{'--finder' if entry.is_finder else '--model'} {entry.model}"
    return {True: option, False: f"{option}.{entry.precision}", None: f"{option} (timed on first use)"}[entry.taken]
