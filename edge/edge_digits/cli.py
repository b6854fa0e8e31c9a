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
from edge_digits.commands import configuration
from edge_digits.errors import INTERRUPTED, EdgeDigitsError
from edge_digits.quiet import NativePackages, broken_installation
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class EdgeDigitsGroup(click.Group):
    """Commands from entry points; our errors end the program with their own exit code and no traceback."""

    #: The file that sets options.
    file: Path | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # The runner's own commands are modules of one package; reading the entry points of all that is installed to
        # find them again would take a tenth of the time of a whole `predict`.
        command: click.Command | None = None
        if cmd_name.isidentifier() and find_spec(f"edge_digits.commands.{cmd_name}"):
            # The package also holds what commands share, which is none.
            command = getattr(import_module(f"edge_digits.commands.{cmd_name}"), "command", None)
        elif (entry := _commands().get(cmd_name)) is not None:
            command = entry.load()
        if command is not None:
            configuration.name_variables(command, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        # Help is there however wrong a file is, and `config` says what is wrong with it.
        if name is not None and command is not None and name != "config" and not {"-h", "--help"} & set(rest):
            configuration.check_variables(command, name)
            self.file = configuration.find_file(ctx.params["config"])
            if self.file is not None:
                tables = configuration.read_file(self.file, _commands())
                ctx.default_map = {name: configuration.defaults(self.file, tables.get(name, {}), command, name)}
        return name, command, rest

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
            origin = configuration.origin_of(error, self.file)
            said.write(f"{origin}\n" if origin else "")
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
@click.option(
    "--config",
    envvar=configuration.FILE_VARIABLE,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A TOML file that sets options; `edge-digits config` explains it.",
)
def main(config: Path | None) -> None:  # what it names is read where the command is known
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
