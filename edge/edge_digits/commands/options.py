"""Options that several commands share, and their types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_digits.choices import LAYOUTS, PRECISION_CHOICES, PRECISIONS, SIGN_CHOICES, Precision
from edge_digits.errors import UsageError
from edge_digits.logs import LOG_FORMATS

if TYPE_CHECKING:
    from edge_digits.imaging.regions import Region
    from edge_digits.text.constraint import Constraint

_Command = TypeVar("_Command", bound=Callable[..., Any])


def region(text: str) -> Region:
    """The type of an option --roi: "x,y,width,height" as a `regions.Region`."""
    from edge_digits.imaging.regions import Region

    try:
        return Region.parse(text)
    except UsageError as error:
        raise UsageError(f"--roi {error}") from None


def seconds(text: str) -> float:
    """The type of an option such as --every: "2s", "500ms", "1m" or plain seconds."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s|m|)", text)
    found = float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "": 1}[match[2]] if match else 0.0
    if not 0.01 <= found <= 86400:
        raise click.BadParameter("write a time from 10ms to 1440m, such as 2s, 500ms or 1m")
    return found


def constraint(digits: int | None, pattern: str | None, checksum: str | None) -> Constraint | None:
    """What the options --digits, --pattern and --checksum say of the text; None where they say nothing."""
    if digits is None and pattern is None and checksum is None:
        return None
    from edge_digits.text.constraint import Constraint

    return Constraint(digits, pattern, checksum)


def log_option(command: _Command) -> _Command:
    """--log-format, for programs that run for long; it is `log_as_json` that heeds it."""
    return _with(
        command,
        click.option(
            "--log-format",
            type=click.Choice(LOG_FORMATS),
            default="text",
            show_default=True,
            help="Of standard error: lines for people, or a JSON record each.",
        ),
    )


def model_option(command: _Command) -> _Command:
    """--model."""
    return click.option(
        "-m",
        "--model",
        default="base",
        show_default=True,
        metavar="NAME|FILE.onnx",
        help="A shipped model, as `edge-digits models` lists them, or a file.",
    )(command)


def precision_option(default: Precision) -> Callable[[_Command], _Command]:
    """--precision; `check_precision` says whether it goes with a model."""
    return click.option(
        "--precision",
        type=click.Choice(PRECISION_CHOICES),
        default=default,
        show_default=True,
        help="Of a shipped model; auto: the one that this machine is faster with, timed once.",
    )


def check_precision(models: Iterable[str], parameter: str = "precision") -> None:
    """Raises: UsageError: the command line chooses between the files of a model that is one file."""
    if click.get_current_context().get_parameter_source(parameter) is not click.core.ParameterSource.COMMANDLINE:
        return  # a file of settings may say so for all models
    for model in models:
        if model.endswith((".onnx", *(f".{precision}" for precision in PRECISIONS))):
            raise UsageError(f"--precision chooses between the files of a shipped model, and {model} is one already")


def model_options(command: _Command) -> _Command:
    """--model, --precision, --finder, --conf, --top-k."""
    return _with(
        command,
        model_option,
        precision_option("auto"),
        click.option("--finder", metavar="NAME|FILE.onnx", help="Another finder.  [default: the shipped one]"),
        click.option(
            "--conf",
            type=click.FloatRange(0, 1),
            help="Reject digits less sure than this.  [default: 0.5; of a classifier of crops, its own]",
        ),
        click.option(
            "--top-k", type=click.IntRange(1, 100), default=3, show_default=True, help="Classes listed for each digit."
        ),
    )


def reading_options(command: _Command) -> _Command:
    """--layout, --roi (`regions`), --digits, --pattern, --checksum, --signs."""
    return _with(
        command,
        click.option(
            "--layout",
            type=click.Choice(LAYOUTS),
            default="auto",
            show_default=True,
            help="One digit fills it, one line of them, or any number anywhere.",
        ),
        click.option(
            "--roi",
            "regions",
            metavar="X,Y,W,H",
            type=region,
            multiple=True,
            help="Read this part only, in fractions of the whole; repeatable.",
        ),
        click.option("--digits", type=click.IntRange(1), metavar="N", help="The text has exactly so many digits."),
        click.option("--pattern", help=r"The digits of the text look like this regular expression, as 20\d\d|19\d\d."),
        click.option(
            "--signs",
            type=click.Choice(SIGN_CHOICES),
            default="none",
            show_default=True,
            help="Signs that are part of the text, with a finder that knows any: those of decimal numbers, or all.",
        ),
        click.option("--checksum", metavar="NAME", help="The digits of the text carry this check digit: luhn, ean..."),
    )


def _with(command: _Command, *options: Callable[[_Command], _Command]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
