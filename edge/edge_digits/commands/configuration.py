"""Where the values of options come from: the command line, the environment, a TOML file, defaults, in this order.

An option has one name everywhere: `--hold` of `edge-digits camera` is EDGE_DIGITS_CAMERA_HOLD in the environment, and
`hold` in the table `[camera]` of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from edge_digits.errors import UsageError

PREFIX = "EDGE_DIGITS"
#: Names the file; empty for none.
FILE_VARIABLE = f"{PREFIX}_CONFIG"
#: For all users of a machine, its services among them.
SYSTEM_FILE = Path("/etc/edge-digits/config.toml")


def name_of(parameter: click.Parameter) -> str:
    """The name of an option without its dashes ("save-uncertain"), or of an argument."""
    long = [flag[2:] for flag in parameter.opts if flag.startswith("--")]
    return long[0] if long else str(parameter.name)


def configurable(command: click.Command) -> dict[str, click.Parameter]:
    """The parameters of a command that a file and the environment can set, by name."""
    return {
        name_of(parameter): parameter
        for parameter in command.params
        if parameter.expose_value and (isinstance(parameter, click.Option) or parameter.nargs == 1)
    }


def name_variables(command: click.Command, *names: str) -> None:
    """Let the environment set the parameters of a command, and of its subcommands, which is called by these names."""
    for name, parameter in configurable(command).items():
        parameter.envvar = variable(*names, name)
    for name, subcommand in _subcommands(command).items():
        name_variables(subcommand, *names, name)


def variable(*names: str) -> str:
    """The variable of an option: of "camera", "hold" EDGE_DIGITS_CAMERA_HOLD."""
    return "_".join((PREFIX, *names)).upper().replace("-", "_")


def check_variables(command: click.Command, *names: str) -> None:
    """Raises: UsageError: a variable has the beginning of this command's, and is none of them."""
    known = set(_variables(command, names))
    beginning = variable(*names, "")
    for found in sorted(os.environ):
        if found.startswith(beginning) and found not in known:
            raise UsageError(f"{found}: is no option of edge-digits {' '.join(names)}{nearest(found, known)}")


def find_file(named: Path | None) -> Path | None:
    """The file that counts: the one that is named, or else the user's, or else the system's; None where there is none.

    Raises:
        UsageError: the one that is named is not there.
    """
    if named is not None:
        if not named.is_file():
            raise UsageError(f"{named}: no such file (--config, {FILE_VARIABLE})")
        return named
    if FILE_VARIABLE in os.environ:
        return None
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111  # some have no home
    usual = (Path(folder, "edge-digits", "config.toml"), SYSTEM_FILE)
    return next((path for path in usual if os.path.isfile(path)), None)  # noqa: PTH113  # a folder may be closed to us


def read_file(path: Path, commands: Iterable[str]) -> dict[str, Any]:
    """The tables of a file, each for a command.

    Raises:
        UsageError: it cannot be read, is no TOML, or holds what belongs to no command.
    """
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # no UTF-8, or no TOML: it says where
        raise UsageError(f"{path}: is no TOML: {error}") from None
    for name, value in content.items():
        if name not in commands:
            raise UsageError(f"{path}: there is no command for [{name}]{nearest(name, commands)}")
        if not isinstance(value, dict):
            raise UsageError(f"{path}: {name} = ... is no table. Write [{name}] in a line, and its options below")
    return content


def defaults(path: Path, table: Mapping[str, Any], command: click.Command, *names: str) -> dict[str, Any]:
    """A table of the file as the `default_map` of its command: values as they would be typed, by parameter.

    Raises:
        UsageError: it holds a key that is no option, or a value that no option has.
    """
    parameters, subcommands = configurable(command), _subcommands(command)
    values: dict[str, Any] = {}
    for key, value in table.items():
        where = f"{path}: [{'.'.join(names)}] {key}"
        if key in subcommands and isinstance(value, dict):
            values[key] = defaults(path, value, subcommands[key], *names, key)
        elif key in parameters:
            values[str(parameters[key].name)] = _typed(where, value, parameters[key])
        else:
            raise UsageError(f"{where}: there is no such option{nearest(key, (*parameters, *subcommands))}")
    return values


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the known one that is most like it, or all of them."""
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f". Did you mean {close[0]}?" if close else f". There are: {', '.join(names)}"


def origin_of(error: click.ClickException, file: Path | None) -> str:
    """Where a value that an error is about was written; "" where that was the command line."""
    if not isinstance(error, click.BadParameter) or error.param is None or error.ctx is None:
        return ""
    source = error.ctx.get_parameter_source(str(error.param.name))
    return {
        click.core.ParameterSource.ENVIRONMENT: f"It comes from the environment: {error.param.envvar}",
        click.core.ParameterSource.DEFAULT_MAP: f"It comes from {file}: {name_of(error.param)}",
    }.get(source or click.core.ParameterSource.COMMANDLINE, "")


def _subcommands(command: click.Command) -> dict[str, click.Command]:
    return command.commands if isinstance(command, click.Group) else {}  # type: ignore[return-value]


def _variables(command: click.Command, names: tuple[str, ...]) -> Iterator[str]:
    yield from (variable(*names, name) for name in configurable(command))
    for name, subcommand in _subcommands(command).items():
        yield from _variables(subcommand, (*names, name))


def _typed(where: str, value: Any, parameter: click.Parameter) -> Any:
    """A value of TOML as it would be typed: options turn text into what they are about."""
    many = parameter.nargs != 1 or parameter.multiple
    if isinstance(parameter, click.Option) and parameter.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{where}: write true or false")
        return value
    if many and isinstance(value, list):
        return [_typed_text(where, part) for part in value]
    if many:
        return [_typed_text(where, value)]
    return _typed_text(where, value)


def _typed_text(where: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{where}: write a number or a text in quotation marks")
    return str(value)
