"""`edge-digits service`: a camera that is read from boot on, as a systemd unit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from edge_digits.commands.service_unit import unit_of
from edge_digits.errors import EdgeDigitsError, OutputError


@click.group()
def command() -> None:
    """Read a camera from boot on: install, watch and remove a systemd service."""


def _name_option(function: Any) -> Any:
    return click.option("--name", default="edge-digits", show_default=True, help="Of the service.")(function)


_root_option = click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The files of another system, such as a mounted SD card: nothing is started.",
)


@command.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_name_option
@click.option("--user", help="Whose rights it has.  [default: those of a user made for it, where that can be]")
@click.option("--print", "only_print", is_flag=True, help="Print the unit; change nothing.")
@click.option("--no-start", is_flag=True, help="Start it at the next boot only.")
@click.option("--force", is_flag=True, help="Write over a unit of this name.")
@_root_option
@click.argument("arguments", metavar="[SOURCE] [OPTIONS OF CAMERA]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def install(
    ctx: click.Context,
    name: str,
    user: str | None,
    only_print: bool,
    no_start: bool,
    force: bool,
    root: Path | None,
    arguments: tuple[str, ...],
) -> None:
    """Install a service that runs `edge-digits camera` with these arguments, and start it.

    It has the rights of a user that exists while it runs, reads cameras, writes below /var/lib/NAME, and may do little
    else. What it announces goes to its log as JSON Lines. Files with logins and certificates are handed to it by
    systemd, and may be readable for root alone.

    \b
    edge-digits service install csi:0 --mqtt mqtt://hub.local --id hall

    \b
    Exit codes: 0; 1 it cannot be installed; 2 usage.
    """
    from edge_digits.fleet.unit import FOLDER
    from edge_digits.outputs.files import write_bytes

    unit = unit_of(ctx, _checked(name), user, list(arguments))
    if only_print:
        click.echo(unit.text(), nl=False)
        return
    path = Path(root or "/", FOLDER, unit.file)
    if path.exists() and not force:
        raise OutputError(
            f"{path}: is there already. Write over it with --force, or remove it: edge-digits service remove"
        )
    _check_systemd(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, unit.text().encode())
    path.chmod(0o644)
    if root is not None:
        _systemctl("enable", unit.file, root=root)
    else:
        _systemctl("daemon-reload")
        _systemctl("enable", *([] if no_start else ["--now"]), unit.file)
    said = "starts at the next boot" if no_start or root is not None else "runs"
    click.echo(f"{path} is installed, and {said}. See: edge-digits service status", err=True)


@command.command()
@_name_option
def status(name: str) -> int:
    """Say whether the service runs, since when, and what it said last; exit code 3 where it does not run."""
    return _passed_on("systemctl", "status", "--no-pager", "--full", f"{_checked(name)}.service")


@command.command()
@_name_option
@click.option("-f", "--follow", is_flag=True, help="Go on as more is said.")
@click.option("-n", "--lines", type=click.IntRange(1), default=50, show_default=True, help="How many lines.")
def logs(name: str, follow: bool, lines: int) -> int:
    """Show what the service announced and said."""
    more = ["--follow"] if follow else ["--no-pager"]
    return _passed_on("journalctl", *more, f"--lines={lines}", "--output=short-iso", f"--unit={_checked(name)}.service")


@command.command()
@_name_option
@_root_option
def remove(name: str, root: Path | None) -> None:
    """Stop the service and remove it; what it wrote stays in /var/lib/NAME."""
    from edge_digits.fleet.unit import FOLDER

    path = Path(root or "/", FOLDER, f"{_checked(name)}.service")
    if not path.exists():
        raise OutputError(f"{path}: is not installed")
    _check_systemd(root)
    if root is not None:
        _systemctl("disable", path.name, root=root)
    else:
        _systemctl("disable", "--now", path.name)
    path.unlink()
    if root is None:
        _systemctl("daemon-reload")
    click.echo(f"{path} is removed. What it wrote is still in /var/lib/{name}", err=True)


def _checked(name: str) -> str:
    from edge_digits.fleet.unit import check_name

    check_name(name)
    return name


def _check_systemd(root: Path | None) -> None:
    """Raises: OutputError: there is no systemd here, or this user may not change it."""
    if root is None and not Path("/run/systemd/system").is_dir():
        raise OutputError("this system does not run systemd. See what would be installed: --print")
    if shutil.which("systemctl") is None:
        raise OutputError("systemctl is not installed, and with it systemd")
    if root is None and os.geteuid() != 0:
        raise OutputError(f"services are installed by root: sudo {sys.argv[0]} service ...")


def _systemctl(*words: str, root: Path | None = None) -> None:
    at = [f"--root={root}"] if root is not None else []
    done = subprocess.run(["systemctl", *at, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EdgeDigitsError(f"systemctl {' '.join(words)} failed: {done.stderr.strip() or done.returncode}")


def _passed_on(*words: str) -> int:
    """Run a program that the user could run; its exit code."""
    if shutil.which(words[0]) is None:
        raise OutputError(f"{words[0]} is not installed, and with it systemd")
    return subprocess.run(words, check=False).returncode
