"""Options that name an MQTT broker, for all commands that speak to one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_digits.errors import UsageError

if TYPE_CHECKING:
    from edge_digits.fleet.address import Broker

_Command = TypeVar("_Command", bound=Callable[..., Any])


def broker_options(command: _Command) -> _Command:
    """--mqtt, --mqtt-login-file, --mqtt-ca."""
    for option in (
        click.option(
            "--mqtt-ca",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Trust the certificates in this PEM file.",
        ),
        click.option(
            "--mqtt-login-file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="USER:PASSWORD for the broker; else EDGE_DIGITS_MQTT_LOGIN.",
        ),
        click.option(
            "--mqtt", metavar="ADDRESS", help="The broker: mqtt://HOST/PREFIX, or mqtts://HOST/PREFIX with TLS."
        ),
    ):
        command = option(command)
    return command


def broker_of(options: dict[str, Any]) -> Broker:
    """The broker that the options name.

    Raises:
        UsageError: they name none, or do not go together.
        MissingExtraError: there is no paho-mqtt.
    """
    if options["mqtt"] is None:
        raise UsageError("which broker? Name it: --mqtt mqtt://HOST/PREFIX, or mqtts://HOST/PREFIX")
    from edge_digits.fleet.address import Broker, check_installed
    from edge_digits.sources.address import read_login

    file, ca = options["mqtt_login_file"], options["mqtt_ca"]
    login = None if file is None else read_login(file, "--mqtt-login-file")
    broker = Broker.parse(options["mqtt"], login=login, ca=None if ca is None else str(ca))
    check_installed()
    return broker
