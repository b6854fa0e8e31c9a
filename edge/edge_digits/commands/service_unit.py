"""Arguments of `edge-digits camera` -> the systemd unit that runs it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.commands import camera, configuration
from edge_digits.errors import UsageError
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.fleet.unit import Unit

#: Options of `camera` that name files which may be closed to the service's user: systemd hands these over.
_CREDENTIALS = ("login_file", "tls_ca", "mqtt_login_file", "mqtt_ca")
#: Options that make it speak to others.
_NETWORK = ("mqtt", "metrics", "follow_models")


def unit_of(ctx: click.Context, name: str, user: str | None, arguments: list[str]) -> Unit:
    """The unit that these arguments ask for.

    Raises:
        UsageError: they are none that `camera` takes, or it could not read its files.
    """
    from edge_digits.fleet.unit import Unit
    from edge_digits.sources.address import split_login

    config = ctx.find_root().params["config"]
    file = config or (configuration.SYSTEM_FILE if configuration.SYSTEM_FILE.is_file() else None)
    asked = camera.command.make_context(
        "edge-digits camera", list(arguments), default_map=_settings(ctx.find_root(), file)
    )
    parsed = asked.params
    for option in ("source", "mqtt"):
        if parsed[option] and "://" in parsed[option] and split_login(parsed[option])[0] is not None:
            where = "--login-file" if option == "source" else "--mqtt-login-file"
            raise UsageError(f"everybody can read a unit: put the login of {option} into a file, and name it: {where}")
    interpreter = Path(sys.executable).resolve()  # a virtual environment has but a link to it
    readable = [path.absolute() for path in (file, *_model_files(parsed), interpreter) if path is not None]
    secret = {key: f"%d/{key.replace('_', '-')}" for key in _CREDENTIALS if parsed[key] is not None}
    for path in (*(parsed[key] for key in secret), *readable):
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    program = _program()
    replaced = {str(parsed[key]): inside for key, inside in secret.items()}
    replaced |= {str(path): str(path.absolute()) for path in _model_files(parsed)}
    words = [_replaced(word, replaced) for word in arguments]
    for key, inside in secret.items():
        if asked.get_parameter_source(key) is not click.core.ParameterSource.COMMANDLINE:
            words += [f"--{key.replace('_', '-')}", inside]  # what the file of settings names is closed to the service
    if parsed["form"] == "text" and asked.get_parameter_source("form") is click.core.ParameterSource.DEFAULT:
        words += ["--format", "jsonl"]
    source = parsed["source"]
    period = max(parsed["every"] or 0.0, 1.0 / (parsed["fps"] or 1.0))
    return Unit(
        name=name,
        program=(*program, *(("--config", str(config.absolute())) if config else ())),
        arguments=tuple(words),
        source=source,
        user=_user(name, user, [Path(program[0]), *readable]),
        credentials={key.replace("_", "-"): parsed[key].absolute() for key in secret},
        readable=readable,
        network=bool(source and "://" in source) or any(parsed.get(option) for option in _NETWORK),
        watchdog=round(max(60.0, 3 * period + 2 * parsed["stall_seconds"])),
    )


def _settings(root: click.Context, file: Path | None) -> dict[str, Any]:
    """What the file that the service will read says of `camera`.

    Raises:
        UsageError: it is wrong.
    """
    if file is None:
        return {}
    group = root.command
    assert isinstance(group, click.Group)
    tables = configuration.read_file(file, group.list_commands(root))
    return configuration.defaults(file, tables.get("camera", {}), camera.command, "camera")


def _model_files(parsed: dict[str, Any]) -> list[Path]:
    """Models that are named by their files."""
    return [Path(parsed[key]) for key in ("model", "finder") if str(parsed[key]).endswith(".onnx")]


def _replaced(word: str, names: dict[str, str]) -> str:
    """A word, or the value of --option=value or -mVALUE, where it names one of these files."""
    begun = re.match("--[a-z-]+=|-m(?=.)", word)
    option = begun[0] if begun else ""
    named = names.get(str(Path(word.removeprefix(option))))  # ./FILE is FILE
    return word if named is None else option + named


def _program() -> tuple[str, ...]:
    """How this program was called, as root and others can call it from anywhere."""
    script = Path(sys.argv[0]).absolute()
    if script.name == "edge-digits" and os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-m", "edge_digits")


def _user(name: str, user: str | None, files: list[Path]) -> str | None:
    """Whose rights the service is to have: nobody else's, where nobody needs to be let in.

    Raises:
        UsageError: nobody but root could run it.
    """
    from edge_digits.fleet.unit import closed_to_others

    if user is not None:
        return user
    closed = next((at for path in files if path.exists() and (at := closed_to_others(path)) is not None), None)
    if closed is None:
        return None
    owner = os.environ.get("SUDO_USER") or closed.owner()
    if owner == "root":
        raise UsageError(
            f"{closed}: is closed to all but root, and the service {name} shall not be root. Install edge-digits where "
            "others may read it, such as below /opt, or name a user who may: --user NAME"
        )
    click.echo(f"{printable(str(closed))} is closed to others: the service has the rights of {owner}", err=True)
    return owner
