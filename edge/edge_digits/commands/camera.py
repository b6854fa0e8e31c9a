"""`edge-digits camera`: read digits held before a camera."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.choices import ROTATIONS
from edge_digits.commands.options import (
    check_precision,
    constraint,
    log_option,
    model_options,
    reading_options,
    seconds,
)
from edge_digits.commands.outlets import make_outlets, outlet_options
from edge_digits.errors import INTERRUPTED, SOME_FAILED, OutputError, SourceError
from edge_digits.logs import log_as_json
from edge_digits.quiet import load_opencv
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.live.loop import LiveLoop, LiveOptions, Outcome
    from edge_digits.live.watch import LiveReader
    from edge_digits.reader import DigitReader
    from edge_digits.sources.camera import Camera


def _resolution(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", value)
    if match is None:
        raise click.BadParameter("write WIDTHxHEIGHT, such as 640x480")
    return int(match[1]), int(match[2])


@click.command()
@click.argument("source", required=False)
@click.option("--list-cameras", is_flag=True, help="List the cameras that are there, and end.")
@model_options
@click.option(
    "--resolution", metavar="WxH", callback=_resolution, help="Ask the camera for this size.  [default: 640x480]"
)
@click.option("--fps", type=click.FloatRange(0.01, 1000), help="Ask the camera for this many frames a second.")
@click.option("--rotate", type=click.Choice([*map(str, ROTATIONS)]), default="0", help="Turn frames clockwise.")
@click.option("--hflip", is_flag=True, help="Mirror frames left to right.")
@click.option("--vflip", is_flag=True, help="Mirror frames top to bottom.")
@reading_options
@click.option(
    "--hold",
    type=click.FloatRange(0.05, 60),
    default=0.5,
    show_default=True,
    help="Seconds that a number must hold to be announced, and be gone to be withdrawn.",
)
@click.option(
    "--max-step",
    type=click.FloatRange(0),
    metavar="N",
    help="Mark numbers further than this from the last plausible one.",
)
@click.option("--never-falls", is_flag=True, help="Mark numbers below the last plausible one.")
@click.option("--raw", is_flag=True, help="Print what is read in each frame, not what holds.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="Of standard output.",
)
@click.option("--window/--no-window", default=None, help="A window on the desktop.  [default: with text, if it can be]")
@click.option("--fullscreen", is_flag=True, help="Let the window fill the screen.")
@click.option(
    "--record", metavar="FILE", type=click.Path(path_type=Path), help="Write annotated video (.mp4 .mkv .avi)."
)
@click.option(
    "--save-uncertain", metavar="DIR", type=click.Path(path_type=Path), help="Keep crops of unsure digits, to label."
)
@click.option(
    "--uncertain-below",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help="What counts as unsure for --save-uncertain; from one frame a second at most.",
)
@click.option(
    "--uncertain-mb", type=click.FloatRange(0.01), default=100, show_default=True, help="The most that they may take."
)
@click.option(
    "--stall-seconds",
    type=click.FloatRange(0.1, 3600),
    default=5,
    show_default=True,
    help="Without a frame for this long, the camera is opened again.",
)
@click.option(
    "--every", metavar="TIME", type=seconds, help="Ask an address of a still picture so often, as 2s.  [default: 1s]"
)
@click.option(
    "--login-file", metavar="FILE", type=click.Path(path_type=Path), help="USER:PASSWORD for the camera's address."
)
@click.option(
    "--tls-ca", metavar="FILE", type=click.Path(path_type=Path), help="Trust the certificates in this PEM file."
)
@click.option("--tls-insecure", is_flag=True, help="Accept any certificate of the camera.")
@outlet_options
@click.option("--max-frames", type=click.IntRange(1), help="End after this many frames.")
@click.option("--duration", type=click.FloatRange(0.01), metavar="SECONDS", help="End after this time.")
@click.option("--force", is_flag=True, help="Write over the file of --record.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads for one inference.")
@log_option
@click.option("-q", "--quiet", is_flag=True, help="No status line, no summary.")
def command(source: str | None, list_cameras: bool, **options: Any) -> int:
    """Read digits that are held before a camera.

    SOURCE is 0 or /dev/video0 (USB), csi:0 (Raspberry Pi), a video file, rtsp:// or http://, - for JPEG files on
    standard input, a folder of pictures, or fake:FILE, which plays a file as if it were live. Without one, the first
    camera that gives a picture is taken. The login of an address is best kept out of the command line: in a file
    (--login-file), or in the environment as EDGE_DIGITS_LOGIN=USER:PASSWORD. What is announced goes to standard output,
    all else to standard error. In the window and in the terminal, q quits.

    \b
    Exit codes: 0 the source ended, or q, SIGTERM;
    1 a recording, crops or a trail are not all there; 2 usage;
    3 no such camera or source; 4 model not usable;
    5 a recording is cut short; 130 Ctrl-C.
    """
    if options["log_format"] == "json":
        log_as_json()
    check_precision([options["model"]])
    load_opencv(options["threads"], options["stall_seconds"])
    if list_cameras:
        return _list()
    from edge_digits.live.loop import LiveLoop

    load = _loader(options)
    reader = _reader(options, load)
    live_options = _live_options(options)
    loop = LiveLoop(live_options)
    outlets = make_outlets(options, reader, load, loop.say)
    camera = _camera(source, options, gray=not live_options.wants_colour, loop=loop)
    return _report(loop.run(camera, reader, outlets), quiet=options["quiet"])


def _list() -> int:
    from edge_digits.sources.discovery import camera_hints, list_cameras

    cameras = list_cameras()
    if not cameras:
        raise SourceError("\n".join(["no camera is there.", *camera_hints(cameras)]))
    for camera in cameras:
        click.echo(printable(f"{camera.source:<14}{camera.description}"))
    return 0


def _loader(options: dict[str, Any]) -> Callable[[str], DigitReader]:
    """Makes a reader of a model, with the options on what is read: those of predict; rotation is the camera's."""
    from edge_digits.imaging.regions import WHOLE
    from edge_digits.reader import DigitReader

    return partial(
        DigitReader.load,
        constraint=constraint(options["digits"], options["pattern"], options["checksum"]),
        regions=options["regions"] or (WHOLE,),
        **{name: options[name] for name in ("precision", "finder", "threads", "layout", "signs", "conf", "top_k")},
    )


def _reader(options: dict[str, Any], load: Callable[[str], DigitReader]) -> LiveReader:
    from edge_digits.live.plausibility import Plausibility
    from edge_digits.live.watch import LiveReader

    judged = options["max_step"] is not None or options["never_falls"]
    plausibility = Plausibility(options["max_step"], options["never_falls"]) if judged else None
    return LiveReader(load(options["model"]), hold=options["hold"], plausibility=plausibility)


def _live_options(options: dict[str, Any]) -> LiveOptions:
    from edge_digits.live.loop import LiveOptions

    same = ("raw", "quiet", "window", "fullscreen", "regions", "record", "force", "save_uncertain", "uncertain_below")
    return LiveOptions(
        **{name: options[name] for name in (*same, "max_frames", "duration")},
        jsonl=options["form"] == "jsonl",
        record_rate=options["fps"],
        uncertain_bytes=int(options["uncertain_mb"] * (1 << 20)),
    )


def _camera(source: str | None, options: dict[str, Any], *, gray: bool, loop: LiveLoop) -> Camera:
    from edge_digits.sources.address import read_login
    from edge_digits.sources.opening import open_camera

    same = ("resolution", "fps", "hflip", "vflip", "stall_seconds", "every", "tls_ca", "tls_insecure")
    file = options["login_file"]
    return open_camera(
        source,
        **{name: options[name] for name in same},
        login=None if file is None else read_login(file, "--login-file"),
        rotate=int(options["rotate"]),
        gray=gray,
        say=loop.say,
    )


def _report(outcome: Outcome, *, quiet: bool) -> int:
    """Say on a terminal what the run did, and why its source ended too early; the exit code."""
    if not quiet and sys.stderr.isatty():
        parts = [f"{outcome.frames} frames in {outcome.seconds:.1f} s"]
        parts += [f"{outcome.dropped} dropped for newer ones"] * bool(outcome.dropped)
        parts += [f"{outcome.gaps} gaps"] * bool(outcome.gaps)
        click.echo(", ".join(parts), err=True)
    if outcome.problem is not None:
        click.echo(f"edge-digits: {printable(outcome.problem, lines=True)}", err=True)
        return SOME_FAILED
    if outcome.unsaved is not None:
        return OutputError.exit_code
    return INTERRUPTED if outcome.interrupted else 0
