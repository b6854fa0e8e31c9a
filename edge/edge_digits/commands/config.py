"""`edge-digits config`: what the options of commands are set to, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edge_digits.commands import configuration
from edge_digits.terminal import printable

_SOURCES = click.core.ParameterSource


@click.group()
def command() -> None:
    """Say what options are set to, and where that is written.

    Each value comes from the command line; else from the environment, as EDGE_DIGITS_CAMERA_HOLD; else from a TOML
    file, as hold in its table [camera]; else it is the default. The file is the one of --config or
    EDGE_DIGITS_CONFIG, else ~/.config/edge-digits/config.toml, else /etc/edge-digits/config.toml. An empty
    EDGE_DIGITS_CONFIG means none.
    """


@command.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.argument("name", metavar="[COMMAND", required=False)
@click.argument("arguments", metavar="ARGUMENTS...]", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def show(ctx: click.Context, name: str | None, arguments: tuple[str, ...], as_json: bool) -> None:
    """Print the options of a command, or of all, as a file of TOML would hold them, each with its origin.

    With arguments behind the command, as if it were called with them: edge-digits config show camera --hold 1.
    Options without a value are comments.

    \b
    Exit codes: 0; 2 the file, a variable or an argument is wrong.
    """
    root = ctx.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    names = group.list_commands(root)
    if name is not None and name not in names:
        raise click.UsageError(f"there is no command {name!r}{configuration.nearest(name, names)}")
    file = configuration.find_file(root.params["config"])
    tables = configuration.read_file(file, names) if file is not None else {}
    shown: dict[str, dict[str, Any]] = {}
    for each in names if name is None else [name]:
        found = group.get_command(root, each)
        if found is not None and found is not command:
            configuration.check_variables(found, each)
            mapped = configuration.defaults(file, tables[each], found, each) if file and each in tables else {}
            shown |= _values(found, root, [each], mapped, list(arguments), file)
    if as_json:
        click.echo(json.dumps({"file": None if file is None else str(file), "commands": shown}, indent=2))
        return
    click.echo(f"# the file: {printable(str(file)) if file else 'none'}")
    for table, values in shown.items():
        click.echo(f"\n[{table}]")
        width = max((len(_line(key, entry)) for key, entry in values.items()), default=0)
        for key, entry in values.items():
            click.echo(printable(f"{_line(key, entry):<{min(width, 60)}}  # {entry['from']}"))


def _values(
    command: click.Command,
    parent: click.Context,
    names: list[str],
    mapped: dict[str, Any],
    arguments: list[str],
    file: Path | None,
) -> dict[str, dict[str, Any]]:
    """The options of a command and of its subcommands, by table."""
    ctx = command.context_class(command, info_name=names[-1], parent=parent, default_map=mapped)
    given = command.make_parser(ctx).parse_args(arguments)[0] if arguments else {}
    values = {}
    for name, parameter in configuration.configurable(command).items():
        value, source = parameter.consume_value(ctx, given)
        ctx.set_parameter_source(str(parameter.name), source)
        value = None if type(value).__name__ == "Sentinel" else value  # click's mark of what was not given
        if value is not None:
            cast = parameter.type_cast_value(ctx, value)  # refuse here what the command would refuse
            value = cast if isinstance(cast, int | float) else value
        origin = {
            _SOURCES.COMMANDLINE: "command line",
            _SOURCES.ENVIRONMENT: str(parameter.envvar),
            _SOURCES.DEFAULT_MAP: str(file),
        }.get(source, "default")
        values[name] = {"value": _plain(value), "from": origin}
    tables = {".".join(names): values}
    if isinstance(command, click.Group):
        for name, subcommand in command.commands.items():
            tables |= _values(subcommand, ctx, [*names, name], mapped.get(name) or {}, [], file)
    return tables


def _plain(value: Any) -> Any:
    """A value as JSON and TOML have it; addresses without what is secret in them."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    from edge_digits.sources.address import without_password

    return without_password(str(value))


def _line(key: str, entry: dict[str, Any]) -> str:
    value = entry["value"]
    return f"# {key}: not set" if value is None or value == [] else f"{key} = {json.dumps(value, ensure_ascii=False)}"
