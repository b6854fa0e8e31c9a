"""The `edge-digits` command: a group whose commands are found through the entry points `edge_digits.commands`."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from edge_digits import __version__
from edge_digits.errors import INTERRUPTED, EdgeDigitsError
from edge_digits.quiet import NativePackages, broken_installation
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class EdgeDigitsGroup(click.Group):
    """Commands from entry points; our errors end the program with their own exit code and no traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # The runner's own commands are modules of one package; reading the entry points of all that is installed to
        # find them again would take a tenth of the time of a whole `predict`.
        if cmd_name.isidentifier() and find_spec(f"edge_digits.commands.{cmd_name}"):
            # The package also holds what commands share, which is none.
            command: click.Command | None = getattr(import_module(f"edge_digits.commands.{cmd_name}"), "command", None)
            return command
        entry = _commands().get(cmd_name)
        return None if entry is None else entry.load()

    def invoke(self, ctx: click.Context) -> Any:
        # Here and not in `main`, where click would end a program whose output is no longer read with 1.
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            # What could not be flushed now cannot be at exit either: keep the interpreter from trying.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if error.errno == errno.EPIPE:
                # Whoever read our output has seen enough (`| head -1`): that is no failure.
                return 0
            where = error.filename or "standard output cannot be written"
            raise EdgeDigitsError(f"{where}: {error.strerror or error}") from None
        return status

    def main(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["standalone_mode"] = False
        # Importing makes much and drops little; looking for garbage in it took 3 % of the time of a whole `predict`.
        gc.set_threshold(50_000)
        # Python gives None for a stream that was closed when it began (`>&-`).
        sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open to the end
        sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open to the end
        if isinstance(sys.stdout, TextIOWrapper):
            # File names may hold characters that the terminal's encoding has not.
            sys.stdout.reconfigure(errors="backslashreplace")
        NativePackages.watch()
        try:
            status = super().main(*args, **kwargs)
        except click.ClickException as error:
            said = io.StringIO()
            error.show(said)
            # What was typed may hold anything.
            click.echo(printable(said.getvalue(), lines=True), nl=False, err=True)
            status = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            status = INTERRUPTED
        except Exception as error:
            told = broken_installation(error) or error
            if not isinstance(told, EdgeDigitsError):
                raise
            click.echo(printable(f"edge-digits: {told}", lines=True), err=True)
            status = told.exit_code
        sys.exit(status if isinstance(status, int) else 0)


def _commands() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group="edge_digits.commands")}


@click.group(cls=EdgeDigitsGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-digits")
def main() -> None:
    """Read handwritten digits in pictures, on small computers.

    `edge-digits COMMAND --help` explains a command.
    """


def run() -> NoReturn:
    """The console script: `main`, and out.

    Python would take its modules apart first, OpenCV and onnxruntime among them: a tenth of the time of reading one
    picture, for memory that the system takes back anyway. All that is to be closed is closed within the commands.
    """
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)
