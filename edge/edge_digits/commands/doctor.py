"""`edge-digits doctor`: what this machine has and lacks, and how to mend it."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from pathlib import Path

import click

from edge_digits import __version__
from edge_digits.board import Board, State
from edge_digits.doctor.check import SCHEMA, Check
from edge_digits.doctor.examination import examine
from edge_digits.terminal import has_colours, printable

_COLOURS = {"ok": "green", "warning": "yellow", "failure": "red"}
#: Columns of the status and of the name.
_STATUS, _NAME = 9, 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for other programs.")
def command(as_json: bool) -> int:
    """Check whether all that reading needs is there, and say how to mend what is not.

    It looks at the system, the packages, power and heat, memory, cameras (it takes a frame from each), the display, and
    at what the shipped models read of digits that it draws. It uses no network and changes nothing.

    \b
    Exit codes: 0 all well, or warnings only; 1 a check failed.
    """
    root = Path("/")
    board, state = Board.read(root), State.read(root)
    checks = []
    for check in examine(board, state):
        checks.append(check)
        if not as_json:
            _show(check)
    counts = {status: sum(check.status == status for check in checks) for status in _COLOURS}
    if as_json:
        record = {
            "schema": SCHEMA,
            "version": __version__,
            "status": next(status for status in ("failure", "warning", "ok") if counts[status]),
            "checks": [check.to_dict() for check in checks],
            "board": board.to_dict(),
            "state": state.to_dict(),
        }
        click.echo(json.dumps(record, indent=1))
    else:
        click.echo(_summary(counts))
    return 1 if counts["failure"] else 0


def _show(check: Check) -> None:
    width = max(60, min(shutil.get_terminal_size((120, 24)).columns, 120))
    indent = " " * (_STATUS + _NAME)
    # Only this is wrapped: commands are to be copied, and stay in one line.
    said = textwrap.fill(
        printable(check.said),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    colours = has_colours(sys.stdout)
    status = click.style(
        f"{check.status:<{_STATUS}}", fg=_COLOURS[check.status], bold=check.status == "failure" or None
    )
    click.echo(f"{status}{printable(check.name):<{_NAME - 1}} {said.lstrip()}", color=colours)
    for line in check.mend.splitlines():
        click.echo(f"{indent}{click.style('mend:', bold=True)} {printable(line)}", color=colours)


def _summary(counts: dict[str, int]) -> str:
    parts = [f"{count} {word}{'s' * (count > 1)}" for word, count in reversed(counts.items()) if count and word != "ok"]
    return f"{', '.join(parts)}; {counts['ok']} well" if parts else f"all {counts['ok']} well"
