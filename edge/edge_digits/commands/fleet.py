"""`edge-digits fleet`: all boards of a broker, live; and a new model for them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import click

from edge_digits.commands.broker import broker_of, broker_options
from edge_digits.commands.options import seconds
from edge_digits.errors import SOME_FAILED, SourceError, UsageError
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.fleet.roster import BoardSeen, Roster

#: Seconds between two pictures of the table.
_PERIOD = 0.5


@click.group(invoke_without_command=True)
@broker_options
@click.option("--json", "as_json", is_flag=True, help="Print a record a board, as they are now, and end.")
@click.option("--once", is_flag=True, help="Print the table as it is now, and end; so it is in a pipe.")
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, once: bool, **options: Any) -> None:
    """Show all boards that `camera --mqtt` announces on a broker, live; q quits.

    A board is online until it ends or is lost; silent where it has said nothing for two minutes; without a camera
    while it waits for one. A value in yellow is not plausible; an exclamation mark at a model says that a newer one
    was not taken up.

    \b
    Exit codes: 0; 2 usage; 3 the broker cannot be reached; 130 Ctrl-C.
    """
    ctx.obj = options
    if ctx.invoked_subcommand is not None:
        return
    from edge_digits.fleet.table import check_rich

    if not as_json:
        check_rich()
    with _listening(options) as (roster, name):
        if as_json:
            for board in roster.boards():
                click.echo(json.dumps(board.to_dict()))
        elif once or not sys.stdout.isatty():
            _show_once(roster, name)
        else:
            _show(roster, name)


@command.command()
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.option("--address", metavar="URL", help="Where boards fetch the file: http://HOST/FOLDER/FILE.onnx")
@click.option("--withdraw", is_flag=True, help="Announce no model any longer; boards keep what they have.")
@click.option(
    "--wait", type=seconds, default="60s", show_default=True, metavar="TIME", help="See so long who takes it up."
)
@broker_options
@click.pass_obj
def push(
    above: dict[str, Any], /, model: Path | None, address: str | None, withdraw: bool, wait: float, **options: Any
) -> int:
    """Announce a model for all boards that follow: its name, its sum, and where it can be fetched.

    The file must be at that address already: it is fetched and compared before it is announced. A board with
    `--follow-models` takes it up if the address is below the one that it follows, the sum is right, the model reads
    what this version draws, and no frame fails; else it reads on as before, and says why.

    \b
    Exit codes: 0 all that follow use it; 2 usage; 3 broker or address
    cannot be reached; 4 model not usable; 5 some do not use it yet.
    """
    if withdraw == (model is not None):
        raise UsageError("name a model, or --withdraw: edge-digits fleet push MODEL.onnx --address URL")
    from edge_digits.fleet.address import model_topic

    options = {name: above[name] if value is None else value for name, value in options.items()}
    broker = broker_of(options)
    if withdraw:
        with _listening(options) as (roster, _):
            roster.link.state(model_topic(broker.prefix), b"")
        click.echo("no model is announced any longer", err=True)
        return 0
    if address is None:
        raise UsageError("--address: where can boards fetch it? Name http://HOST/FOLDER/FILE.onnx")
    assert model is not None
    offer = _offer(model, address)
    with _listening(options) as (roster, _):
        roster.link.state(model_topic(broker.prefix), offer.payload())
        click.echo(f"{offer.name} {offer.sha256[:8]} is announced", err=True)
        return _watched(roster, offer.sha256, wait)


def _offer(model: Path, address: str) -> Any:
    """What is to be announced.

    Raises:
        ModelError: the file is none that boards could use.
        SourceError: the address does not give it.
    """
    from edge_digits.fleet.rollout import Offer, check_answers, fetch
    from edge_digits.inference.session import Model, find_model

    path = find_model(model)
    loaded = Model.load(path)
    check_answers(loaded)
    content = path.read_bytes()
    offer = Offer(loaded.name, hashlib.sha256(content).hexdigest(), len(content), address)
    try:
        if fetch(address, len(content)) != content:
            raise SourceError("holds another file than this one")
    except SourceError as error:
        raise SourceError(f"--address {address}: {error}") from None
    return offer


def _watched(roster: Roster, sha256: str, wait: float) -> int:
    """Say which boards take a model up; the exit code."""
    end = monotonic() + wait
    told: set[tuple[str, str]] = set()
    while True:
        following = [board for board in roster.boards() if board.online and board.health.get("follows")]
        for board in following:
            outcome = _outcome(board, sha256)
            if outcome and (board.id, outcome) not in told:
                told.add((board.id, outcome))
                click.echo(printable(f"{board.id}: {outcome}"))
        waiting = [board for board in following if not _outcome(board, sha256)]
        if (not waiting and following and monotonic() > end - wait + 2) or monotonic() >= end:
            break
        sleep(0.1)
    for board in waiting:
        click.echo(printable(f"{board.id}: has not answered in {wait:g} s"))
    others = sum(board.online for board in roster.boards()) - len(following)
    if others:
        click.echo(f"{others} boards do not follow (camera --follow-models)", err=True)
    return 0 if all(_outcome(board, sha256) == "uses it" for board in following) else SOME_FAILED


def _outcome(board: BoardSeen, sha256: str) -> str:
    if board.health.get("model_sha256") == sha256:
        return "uses it"
    refused = board.health.get("model_refused") == sha256
    return f"refuses it: {board.health.get('model_error')}" if refused else ""


@contextmanager
def _listening(options: dict[str, Any]) -> Iterator[tuple[Roster, str]]:
    from edge_digits.fleet.roster import Roster

    broker = broker_of(options)
    roster = Roster(broker, lambda line: click.echo(printable(line), err=True))
    try:
        roster.start()
        roster.settle()
        yield roster, f"{broker.name}/{broker.prefix}"
    finally:
        roster.close()


def _show_once(roster: Roster, name: str) -> None:
    from rich.console import Console

    from edge_digits.fleet.table import table

    # In a pipe nothing is cut off to fit a terminal.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(table(roster.boards(), name, console.width))


def _show(roster: Roster, name: str) -> None:
    from rich.live import Live

    from edge_digits.fleet.table import table
    from edge_digits.live.panel import Keyboard

    with Keyboard() as keyboard, Live(screen=True, auto_refresh=False) as live:
        while True:
            live.update(table(roster.boards(), name, live.console.width), refresh=True)
            for _ in range(round(_PERIOD / 0.05)):
                if keyboard.key() == "q":
                    return
                sleep(0.05)
