"""A live run: frames of a camera, read, announced, shown, recorded and kept, until something ends it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, strftime
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from edge_digits.errors import OutputError
from edge_digits.live.display import Display, NoDisplay, open_display
from edge_digits.live.outlets import Outlet
from edge_digits.live.panel import Keyboard, Panel
from edge_digits.live.rate import FrameRate
from edge_digits.live.recording import Recording, UncertainCrops
from edge_digits.live.service import Service
from edge_digits.live.stopper import Stopper
from edge_digits.outputs.files import check_free, write_picture
from edge_digits.sources.stream import USUAL_RATE

if TYPE_CHECKING:
    from edge_digits.imaging.regions import Region
    from edge_digits.live.watch import LiveReader, LiveResult
    from edge_digits.sources.camera import Camera


@dataclass(frozen=True)
class LiveOptions:
    """What a live run prints, shows and keeps, and when it ends.

    Attributes:
        raw: print what is read in each frame, not what holds.
        jsonl: print JSON Lines, not text.
        quiet: no status line.
        window: whether a window is wanted; None for: with text, if it can be.
        fullscreen: let the window fill the screen.
        regions: the parts that are read, drawn in the window.
        record: a file for annotated video.
        record_rate: its frames a second; that of the source by default.
        force: write over that file.
        save_uncertain: a folder for crops of unsure digits.
        uncertain_below: digits of less confidence are unsure.
        uncertain_bytes: what that folder may take.
        max_frames: end after this many frames.
        duration: end after this many seconds.
    """

    raw: bool = False
    jsonl: bool = False
    quiet: bool = False
    window: bool | None = None
    fullscreen: bool = False
    regions: tuple[Region, ...] = ()
    record: Path | None = None
    record_rate: float | None = None
    force: bool = False
    save_uncertain: Path | None = None
    uncertain_below: float = 0.9
    uncertain_bytes: int = 100 << 20
    max_frames: int | None = None
    duration: float | None = None

    @property
    def wants_window(self) -> bool:
        """Whether a window is to be opened, if it can be."""
        return not self.jsonl if self.window is None else self.window

    @property
    def wants_colour(self) -> bool:
        """Whether a person will see the frames; digits are read in grey."""
        return self.record is not None or self.wants_window


@dataclass(frozen=True)
class Outcome:
    """How a live run ended.

    Attributes:
        frames: how many were read.
        seconds: how long it took.
        dropped: frames that were replaced by newer ones unread.
        gaps: how often the source was lost.
        interrupted: Ctrl-C ended it.
        problem: why the source ended too early; None where it did not, or where the user ended the run.
        unsaved: why a recording or crops are not all there; None where they are.
    """

    frames: int
    seconds: float
    dropped: int
    gaps: int
    interrupted: bool
    problem: str | None
    unsaved: str | None = None


class LiveLoop:
    """One live run. Standard output gets what is announced, standard error all else.

    >>> from edge_digits import DigitReader, open_camera
    >>> from edge_digits.live.loop import LiveLoop, LiveOptions
    >>> from edge_digits.live.watch import LiveReader
    >>> loop = LiveLoop(LiveOptions(window=False, max_frames=1))
    >>> outcome = loop.run(open_camera("samples/number-427.png"), LiveReader(DigitReader.load()))
         2.00 s  427  ... %
    >>> outcome.frames, outcome.problem
    (1, None)
    """

    def __init__(self, options: LiveOptions) -> None:
        """Get ready.

        Raises:
            OutputError: the recording cannot be written where it is to go.
        """
        self._options = options
        self._panel = Panel(sys.stdout, sys.stderr, raw=options.raw, quiet=options.quiet or options.jsonl)
        self._printer: _Printer = _JsonLines(sys.stdout, raw=options.raw) if options.jsonl else self._panel
        if options.record is not None:
            check_free(options.record, force=options.force)
        self._display: Display = NoDisplay()
        self._recording: Recording | None = None
        self._crops: UncertainCrops | None = None
        self._unsaved: str | None = None
        self._outlets: Sequence[Outlet] = ()
        self._frames, self._rate = 0, FrameRate()
        self._paused = self._quit = False
        self._last: LiveResult | None = None
        self._begun = monotonic()

    def say(self, message: str) -> None:
        """Print a message on standard error; for `open_camera`, so that it does not break the status line."""
        self._panel.say(message)

    def run(self, camera: Camera, reader: LiveReader, outlets: Sequence[Outlet] = ()) -> Outcome:
        """Open the camera and read it until it ends, or the user or a signal ends the run.

        Args:
            camera: to be opened.
            reader: reads its frames.
            outlets: take the results too.

        Raises:
            SourceError: the camera is not available.
            OutputError: the folder for crops cannot be had. What cannot be written later does not end the run.
            KeyboardInterrupt: Ctrl-C came before the first frame, or a second time.
        """
        options = self._options
        service, stopper = Service(), Stopper()
        with ExitStack() as stack:
            stack.callback(stopper.restore)
            self._display = open_display(
                options.regions, wanted=options.wants_window, fullscreen=options.fullscreen, say=self.say
            )
            stack.callback(self._display.close)
            stack.enter_context(camera)
            self._open_files(stack, camera)
            for outlet in outlets:
                stack.callback(outlet.close)
                outlet.open(camera)
            self._outlets = outlets
            keyboard = stack.enter_context(Keyboard())
            stack.callback(self._panel.close)
            service.ready()
            stopper.reading = True
            self._begun = monotonic()
            self._loop(camera, reader, keyboard, stopper, service)
            service.stopping()
            problem = None if stopper.stopping or self._quit else camera.problem
        seconds = monotonic() - self._begun
        return Outcome(self._frames, seconds, camera.dropped, camera.gaps, stopper.interrupted, problem, self._unsaved)

    def _open_files(self, stack: ExitStack, camera: Camera) -> None:
        options = self._options
        if options.record is not None:
            rate = options.record_rate or camera.rate or USUAL_RATE
            self._recording = Recording(options.record, max(rate, 1.0), force=options.force)
            stack.callback(self._saved, self._recording.close)
        if options.save_uncertain is not None:
            self._crops = UncertainCrops(
                options.save_uncertain, below=options.uncertain_below, max_bytes=options.uncertain_bytes
            )

    def _loop(self, camera: Camera, reader: LiveReader, keyboard: Keyboard, stopper: Stopper, service: Service) -> None:
        for result in reader.watch(camera, tick=self._display.tick):
            for outlet in self._outlets:
                outlet.tick()
            if result is not None:
                if result.frame is not None:
                    service.alive()  # a fresh frame is the only sign of life that counts
                self._take(result)
                self._keep_pace(camera, result)
            elif camera.down:
                self._display.show_lost(camera.name)
            self._obey(keyboard.key())
            self._obey(self._display.key())
            while self._paused and not self._over(stopper):
                service.alive()
                self._obey(keyboard.key())
                self._obey(self._display.key(round(1000 * self._display.tick)))
            if self._over(stopper):
                return

    def _over(self, stopper: Stopper) -> bool:
        options = self._options
        return (
            self._quit
            or stopper.stopping
            or (options.max_frames is not None and self._frames >= options.max_frames)
            or (options.duration is not None and monotonic() - self._begun >= options.duration)
        )

    def _take(self, result: LiveResult) -> None:
        """Hand a result to all that wants it."""
        self._last = result
        rate = 0.0
        if result.frame is not None:
            rate = self._rate.add()
            self._frames += 1
        self._printer.show(result, rate)
        for outlet in self._outlets:
            self._saved(outlet.take, result)
        if result.frame is None:
            return
        if self._recording is not None and not self._saved(self._recording.write, result):
            self._recording = None
        if self._crops is not None:
            if not self._saved(self._crops.write, result):
                self._crops = None
            elif self._crops.full:
                self._crops = None
                self.say(f"{self._options.save_uncertain}: is full (--uncertain-mb); no more crops are kept")
        self._display.show(result, rate)

    def _saved(self, save: Callable[..., None], *arguments: Any) -> bool:
        """Save something; a disk that does not take it is told and does not end the reading."""
        try:
            save(*arguments)
        except OutputError as error:
            self._unsaved = str(error)
            self.say(f"edge-digits: {error}")
            return False
        return True

    def _keep_pace(self, camera: Camera, result: LiveResult) -> None:
        """A recording that a person watches runs no faster than it was taken."""
        if not self._display.visible or camera.live or result.frame is None:
            return
        due = self._begun + result.frame.time + result.frame.lasts
        while (ahead := due - monotonic()) > 0.002 and not self._quit:
            self._obey(self._display.key(min(30, int(1000 * ahead))))

    def _obey(self, key: str) -> None:
        if key == "q":
            self._quit = True
        elif key == " ":
            self._paused = not self._paused
            if self._last is not None and self._last.frame is not None:
                self._display.show(self._last, 0.0, "paused" if self._paused else "")
        elif key == "s":
            self._save_frame()
        elif key == "f":
            self._display.switch_fullscreen()

    def _save_frame(self) -> None:
        if self._last is None or self._last.frame is None:
            return
        path = Path(f"frame-{strftime('%Y%m%d-%H%M%S')}-{self._last.frame.number}.png")
        if self._saved(write_picture, path, self._last.frame.picture):
            self.say(f"saved {path}")


class _Printer(Protocol):
    """Prints results on standard output."""

    def show(self, result: LiveResult, rate: float) -> None: ...


class _JsonLines:
    """A JSON record a line: of each event, or with `raw` of each frame."""

    def __init__(self, stream: TextIO, *, raw: bool) -> None:
        self._stream, self._raw = stream, raw

    def show(self, result: LiveResult, rate: float) -> None:
        frame = [result.record()] if result.frame is not None else []
        records = frame if self._raw else result.event_records
        for record in records:
            self._stream.write(json.dumps(record) + "\n")
        if records:
            self._stream.flush()
