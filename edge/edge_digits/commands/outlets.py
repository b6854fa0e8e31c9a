"""Options of `camera` on what takes its results, beside the screen."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_digits.commands.broker import broker_of, broker_options
from edge_digits.commands.options import seconds
from edge_digits.errors import UsageError

if TYPE_CHECKING:
    from edge_digits.live.outlets import Outlet
    from edge_digits.live.watch import LiveReader
    from edge_digits.reader import DigitReader

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--metrics", metavar="HOST:PORT", help="Serve /metrics for Prometheus, and /healthz. :9105 for all addresses."
    ),
    click.option(
        "--store",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Add a row with a crop for each event (SQLite).",
    ),
    click.option("--id", "board", metavar="NAME", help="This board's name to others.  [default: the host name]"),
    click.option(
        "--mqtt-queue",
        type=click.IntRange(1, 1_000_000),
        default=1000,
        show_default=True,
        help="Announcements that wait while the broker is away; then the oldest are dropped.",
    ),
    click.option(
        "--health-every",
        metavar="TIME",
        type=seconds,
        default="30s",
        show_default=True,
        help="Tell the broker so often how this board is.",
    ),
    click.option(
        "--discovery-prefix",
        metavar="TOPIC",
        default="homeassistant",
        show_default=True,
        help="Where Home Assistant learns of this board; '' for nowhere.",
    ),
    click.option(
        "--follow-models",
        metavar="ADDRESS",
        help="Take up models that `fleet push` announces, if they are below this address of HTTP.",
    ),
)


def outlet_options(command: _Command) -> _Command:
    """--mqtt and what belongs to it, --metrics, --store."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return broker_options(command)


def make_outlets(
    options: dict[str, Any], reader: LiveReader, load: Callable[[str], DigitReader], say: Callable[[str], None]
) -> list[Outlet]:
    """The outlets that the options ask for.

    Args:
        options: by name.
        reader: reads the frames.
        load: makes a reader of another model file.
        say: prints a line.

    Raises:
        UsageError: options do not go together.
        MissingExtraError: a package is not installed.
        OutputError: what they write cannot be written.
    """
    outlets: list[Outlet] = []
    if options["store"] is not None:
        from edge_digits.live.trail import Trail

        outlets.append(Trail(options["store"], board_id(options), reader.plausibility))
    announcer = None
    if options["mqtt"] is not None:
        from edge_digits.fleet.announcer import Announcer

        broker, discovery = broker_of(options), options["discovery_prefix"]
        more = {"say": say, "queue": options["mqtt_queue"], "period": options["health_every"], "discovery": discovery}
        follower = None
        if options["follow_models"] is not None:
            from edge_digits.fleet.rollout import Follower, check_origin, usual_folder

            origin = check_origin(options["follow_models"])
            follower = Follower(broker.prefix, origin, reader, load, folder=usual_folder(), say=say)
            outlets.append(follower)
        announcer = Announcer(broker, board_id(options), reader, follower=follower, **more)
        outlets.append(announcer)
    elif named := [name for name in ("mqtt_login_file", "mqtt_ca", "follow_models") if options[name] is not None]:
        flag = "--" + named[0].replace("_", "-")
        raise UsageError(f"{flag}: is for a broker, and none is named. Add --mqtt mqtt://HOST/PREFIX")
    if options["metrics"] is not None:
        from edge_digits.live.observer import Observer

        period = max(options["every"] or 1.0, 1.0 / (options["fps"] or 1.0))
        queue = None if announcer is None else announcer.link
        outlets.append(Observer(options["metrics"], reader, fresh=options["stall_seconds"] + 2 * period, queue=queue))
    return outlets


def board_id(options: dict[str, Any]) -> str:
    """This board's name: the one that was given, or the first part of the host name."""
    return options["board"] or socket.gethostname().partition(".")[0]
