"""`edge-digits camera`: read digits held before a camera."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep, strftime
from typing import TYPE_CHECKING, Any

import click

from edge_digits.commands.options import constraint, model_options, reading_options
from edge_digits.errors import INTERRUPTED, SOME_FAILED, SourceError
from edge_digits.quiet import load_opencv

if TYPE_CHECKING:
    from edge_digits.live.panel import Keyboard, Panel
    from edge_digits.live.recording import Recording, UncertainCrops
    from edge_digits.live.watch import LiveReader, Seen
    from edge_digits.live.window import Window
    from edge_digits.sources.camera import Camera

#: A grabber that has not moved for this long hangs in its driver, seconds: time for systemd.
_HANGS = 90.0


def _sides(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
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
@click.option("--resolution", metavar="WxH", callback=_sides, help="Ask the camera for this size.  [default: 640x480]")
@click.option("--fps", type=click.FloatRange(0.01, 1000), help="Ask the camera for this many frames a second.")
@click.option("--rotate", type=click.Choice(["0", "90", "180", "270"]), default="0", help="Turn frames clockwise.")
@click.option("--hflip", is_flag=True, help="Mirror frames left to right.")
@click.option("--vflip", is_flag=True, help="Mirror frames top to bottom.")
@reading_options
@click.option(
    "--finder",
    type=click.Choice(["auto", "classic", "net"]),
    default="classic",
    show_default=True,
    help="Find digits by rule, or by a network, which costs more.",
)
@click.option(
    "--hold",
    type=click.FloatRange(0.05, 60),
    default=0.5,
    show_default=True,
    help="Seconds that a number must hold to be announced, and be gone to be withdrawn.",
)
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
@click.option("--max-frames", type=click.IntRange(1), help="End after this many frames.")
@click.option("--duration", type=click.FloatRange(0.01), metavar="SECONDS", help="End after this time.")
@click.option("--force", is_flag=True, help="Write over the file of --record.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads for one inference.")
@click.option("-q", "--quiet", is_flag=True, help="No living line, no summary.")
def command(source: str | None, list_cameras: bool, **options: Any) -> int:
    """Read digits that are held before a camera.

    SOURCE is 0 or /dev/video0 (USB), csi:0 (Raspberry Pi), a video file, rtsp:// or http://, a folder of pictures, or
    fake:FILE, which plays a file as if it were live. Without one, the first camera that gives a picture is taken. What
    is announced goes to standard output, all else to standard error. In the window and in the terminal, q quits.

    \b
    Exit codes: 0 the source ended, or q, SIGTERM; 2 usage;
    3 no such camera or source; 4 model not usable;
    5 a recording is cut short; 130 Ctrl-C.
    """
    load_opencv(options["threads"], options["stall_seconds"])
    if list_cameras:
        return _list()
    return _Run(source, options).run()


def _list() -> int:
    from edge_digits.sources.discovery import camera_hints, list_cameras

    cameras = list_cameras()
    if not cameras:
        raise SourceError("\n".join(["no camera is there.", *camera_hints(cameras)]))
    for camera in cameras:
        click.echo(f"{camera.source:<14}{camera.description}")
    return 0


class _Stopper:
    """SIGTERM, a closed terminal and Ctrl-C end the run after the frame in hand; before the first one, at once.

    Attributes:
        reading: whether there is a frame in hand.
        code: the exit code, once the run is to end.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self.reading = False
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        self._before = {number: signal.getsignal(number) for number in numbers}
        for number, handler in self._before.items():
            if handler != signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        again, self.code = self.code is not None, INTERRUPTED if number == signal.SIGINT else 0
        if again or not self.reading:
            raise KeyboardInterrupt if self.code else SystemExit(0)

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class _Rate:
    """Frames a second, over the last two seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=240)

    def add(self) -> float:
        now = monotonic()
        self._times.append(now)
        while len(self._times) > 2 and now - self._times[0] > 2.0:
            self._times.popleft()
        passed = now - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else 0.0


class _Run:
    """One run of the command: the source, the faces, and when to stop."""

    def __init__(self, source: str | None, options: dict[str, Any]) -> None:
        self._source, self._options = source, options
        self._raw, self._quiet = options["raw"], options["quiet"]
        self._jsonl = options["form"] == "jsonl"
        self._frames, self._rate = 0, _Rate()
        self._paused = self._quit = False
        self._window: Window | None = None
        self._recording: Recording | None = None
        self._crops: UncertainCrops | None = None
        self._last: Seen | None = None
        self._begun = monotonic()

    def run(self) -> int:
        from edge_digits.imaging.regions import WHOLE
        from edge_digits.live.panel import Keyboard, Panel
        from edge_digits.live.service import Service
        from edge_digits.live.watch import LiveReader
        from edge_digits.reader import DigitReader
        from edge_digits.sources.opening import open_camera

        options = self._options
        # The options on what is read are those of predict; turning is the camera's affair.
        reader = DigitReader.load(
            options["model"],
            constraint=constraint(options["digits"], options["pattern"], options["checksum"]),
            regions=options["regions"] or (WHOLE,),
            **{name: options[name] for name in ("finder", "threads", "layout", "conf", "top_k")},
        )
        live = LiveReader(reader, hold=options["hold"])
        self._panel: Panel = Panel(sys.stdout, sys.stderr, quiet=self._quiet or self._jsonl)
        if options["record"] is not None:
            from edge_digits.outputs.files import check_free

            check_free(options["record"], force=options["force"])
        camera = open_camera(
            self._source,
            resolution=options["resolution"],
            fps=options["fps"],
            rotate=int(options["rotate"]),
            hflip=options["hflip"],
            vflip=options["vflip"],
            gray=not options["record"] and (options["window"] is False or (self._jsonl and not options["window"])),
            stall_seconds=options["stall_seconds"],
            say=self._panel.say,
        )
        service = Service()
        stopper = _Stopper()
        with ExitStack() as stack:
            stack.callback(stopper.restore)
            self._open_faces(stack)
            opened: Camera = stack.enter_context(camera)
            self._open_files(stack, opened)
            keyboard = stack.enter_context(Keyboard())
            stack.callback(self._panel.close)
            service.ready()
            stopper.reading = True
            self._begun = monotonic()
            self._loop(opened, live, keyboard, stopper, service)
            service.stopping()
            problem = None if stopper.code is not None or self._quit else opened.problem
        self._summarise(opened)
        if problem is not None:
            click.echo(f"edge-digits: {problem}", err=True)
            return SOME_FAILED
        return stopper.code or 0

    def _open_faces(self, stack: ExitStack) -> None:
        wanted = self._options["window"]
        if wanted is False or (wanted is None and self._jsonl):
            return
        from edge_digits.live.window import Window, why_no_window

        reason = why_no_window()
        if reason is not None:
            self._panel.say(f"no window: {reason}. Reading in the terminal; --no-window says so without a warning")
            return
        self._window = Window(fullscreen=self._options["fullscreen"])
        stack.callback(self._window.close)

    def _open_files(self, stack: ExitStack, camera: Camera) -> None:
        options = self._options
        if options["record"] is not None:
            from edge_digits.live.recording import Recording
            from edge_digits.sources.stream import USUAL_RATE

            rate = options["fps"] or camera.rate or USUAL_RATE
            self._recording = Recording(options["record"], max(rate, 1.0), force=options["force"])
            stack.callback(self._recording.close)
        if options["save_uncertain"] is not None:
            from edge_digits.live.recording import UncertainCrops

            self._crops = UncertainCrops(
                options["save_uncertain"],
                below=options["uncertain_below"],
                most_bytes=int(options["uncertain_mb"] * (1 << 20)),
            )

    def _loop(self, camera: Camera, live: LiveReader, keyboard: Keyboard, stopper: _Stopper, service: Any) -> None:
        # A window wants its events handled, a terminal can wait a little for its keys.
        for seen in live.watch(camera, tick=0.03 if self._window is not None else 0.25):
            if not camera.live or monotonic() - camera.beat < _HANGS:
                service.alive()
            if seen is not None:
                self._show(seen)
                self._keep_pace(camera, seen)
            self._obey(keyboard.key())
            if self._window is not None:
                if seen is None and camera.down:
                    self._show_lost(camera)
                self._obey(self._window.key())
            while self._paused and not self._over(stopper):
                service.alive()
                self._obey(keyboard.key())
                if self._window is not None:
                    self._obey(self._window.key(30))
                else:
                    sleep(0.1)
            if self._over(stopper):
                return

    def _over(self, stopper: _Stopper) -> bool:
        most, seconds = self._options["max_frames"], self._options["duration"]
        return (
            self._quit
            or stopper.code is not None
            or (most is not None and self._frames >= most)
            or (seconds is not None and monotonic() - self._begun >= seconds)
        )

    def _show(self, seen: Seen) -> None:
        self._last = seen
        if self._jsonl:
            records = [seen.record()] if self._raw and seen.frame is not None else []
            if not self._raw:
                records = [seen.event_record(event) for event in seen.events]
            for record in records:
                sys.stdout.write(json.dumps(record) + "\n")
            if records:
                sys.stdout.flush()
        rate = self._rate.add() if seen.frame is not None else 0.0
        self._frames += seen.frame is not None
        if not self._jsonl:
            self._panel.show(seen, rate, raw=self._raw)
        if seen.frame is None:
            return
        if self._recording is not None:
            self._recording.write(seen)
        if self._crops is not None:
            self._save_uncertain(self._crops, seen)
        if self._window is not None:
            self._draw(seen, rate)

    def _draw(self, seen: Seen, rate: float, note: str = "") -> None:
        from edge_digits.live.window import draw

        if self._window is not None:
            self._window.show(draw(seen, rate, regions=self._options["regions"], note=note))

    def _show_lost(self, camera: Camera) -> None:
        from edge_digits.live.window import blank

        if self._window is not None:
            self._window.show(blank(camera.name, "lost; opening it again until it is back"))

    def _save_uncertain(self, crops: UncertainCrops, seen: Seen) -> None:
        crops.write(seen)
        if crops.full:
            self._crops = None
            self._panel.say(f"{self._options['save_uncertain']}: is full (--uncertain-mb); no more crops are kept")

    def _keep_pace(self, camera: Camera, seen: Seen) -> None:
        """A recording that a person watches runs no faster than it was taken."""
        if self._window is None or camera.live or seen.frame is None:
            return
        ahead = seen.frame.time + seen.frame.lasts - (monotonic() - self._begun)
        while ahead > 0.002 and not self._quit:
            self._obey(self._window.key(min(30, int(1000 * ahead))))
            ahead = seen.frame.time + seen.frame.lasts - (monotonic() - self._begun)

    def _obey(self, key: str) -> None:
        if key == "q":
            self._quit = True
        elif key == " ":
            self._paused = not self._paused
            if self._last is not None and self._last.frame is not None:
                self._draw(self._last, 0.0, "paused" if self._paused else "")
        elif key == "s":
            self._save_frame()
        elif key == "f" and self._window is not None:
            self._window.switch_fullscreen()

    def _save_frame(self) -> None:
        if self._last is None or self._last.frame is None:
            return
        from edge_digits.outputs.files import write_picture

        path = Path(f"frame-{strftime('%Y%m%d-%H%M%S')}-{self._last.frame.number}.png")
        write_picture(path, self._last.frame.picture)
        self._panel.say(f"saved {path}")

    def _summarise(self, camera: Camera) -> None:
        if self._quiet or not sys.stderr.isatty():
            return
        parts = [f"{self._frames} frames in {monotonic() - self._begun:.1f} s"]
        parts += [f"{camera.dropped} dropped for newer ones"] * bool(camera.dropped)
        parts += [f"{camera.gaps} gaps"] * bool(camera.gaps)
        click.echo(", ".join(parts), err=True)
