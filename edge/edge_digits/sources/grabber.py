"""The thread that reads a source into one slot, and opens the source again when it was lost."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from threading import Condition, Event, Thread
from time import monotonic
from typing import Self

from edge_digits.errors import EdgeDigitsError, SourceError
from edge_digits.sources.stream import Frame, Shot, Stream, StreamError

#: Seconds before the first attempt to open a lost source again, and at most; each attempt doubles them.
BACKOFF = (0.5, 30.0)
#: A source has this long to deliver its first frame, or the seconds of a stall if those are more. Most have a shorter
#: limit of their own; this one is for drivers that hang.
_START_SECONDS = 40.0

_log = logging.getLogger(__name__)


class Grabber:
    """Reads one source in a thread of its own, from `start` to `stop`.

    Attributes:
        name, live, gaps, dropped, down, problem, rate, beat: as the properties of `Camera`.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], Stream],
        *,
        stall_seconds: float,
        backoff: tuple[float, float],
        say: Callable[[str], None] | None,
    ) -> None:
        """Get ready; the arguments are those of `Camera`."""
        self.name, self.live = name, True
        self.gaps = self.dropped = 0
        self.down = False
        self.problem: str | None = None
        self.rate: float | None = None
        self.beat = monotonic()
        self._opener, self._backoff = opener, backoff
        self._start_seconds = max(stall_seconds, _START_SECONDS)
        self._tell = say or _log.warning
        self._changed = Condition()
        self._slot: Frame | None = None
        self._finished = False
        self._failed_to_open: SourceError | None = None
        self._stop = Event()
        self._stream: Stream | None = None
        self._thread: Thread | None = None
        self._count = 0
        self._begun: float | None = None
        self._reopens = True
        self._size: tuple[int, ...] | None = None
        self._damage_reported = False

    def start(self) -> Self:
        """Open the source and wait for its first frame; nothing is left running where there is none.

        Raises:
            SourceError: it is not available; says why and what to do.
        """
        self._thread = Thread(target=self._run, name=f"grabber of {self.name}", daemon=True)
        self._thread.start()
        try:
            with self._changed:
                came = self._changed.wait_for(lambda: self._slot is not None or self._finished, self._start_seconds)
        except BaseException:  # Ctrl-C while a camera starts
            self.stop()
            raise
        if self._failed_to_open is not None or not came:
            self.stop()
            raise self._failed_to_open or SourceError(
                f"{self.name}: was opened, but gives no frame in {self._start_seconds:g} s. Check its cable, and that "
                "no other program uses it"
            )
        return self

    def take(self, timeout: float | None) -> tuple[Frame | None, bool]:
        """The newest frame, waited for; None after `timeout` seconds without one; and whether the source has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self._finished, timeout)
            frame, self._slot = self._slot, None
            ended = frame is None and self._finished
            self._changed.notify_all()
        return frame, ended

    def stop(self) -> None:
        """Stop the thread and give the source back."""
        self._stop.set()
        stream = self._stream
        if stream is not None:
            stream.interrupt()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            # A driver that hangs is left to its thread, which ends with the program.
            self._thread.join(3.0)

    # What follows runs in the thread.

    def _run(self) -> None:
        try:
            wait, lost = self._backoff[0], None
            while not self._stop.is_set():
                self.beat = begun = monotonic()
                came, why = self._session(lost)
                if why is None or self._stop.is_set():
                    return
                if not self._reopens:
                    self.problem = _named(self.name, why)
                    return
                if came:
                    lost = None
                if lost is None:
                    lost = monotonic()
                    self._lose(why)
                if came:
                    # What has run for a while is opened again at once, what fails over and over is not.
                    wait = self._backoff[0]
                    self._stop.wait(max(0.0, begun + wait - lost))
                else:
                    self._stop.wait(wait)
                    wait = min(2 * wait, self._backoff[1])
        except Exception as error:  # a program that watches a camera must not wait for a thread that is gone
            self.problem = _named(self.name, self._unexpected(error))
        finally:
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def _session(self, lost: float | None) -> tuple[bool, str | None]:
        """From opening to failure: whether frames came, and why they no longer do; None at the proper end."""
        stream, came = None, False
        try:
            self._stream = stream = self._opener()
            # From here on `stop` reaches the stream, and had come before otherwise.
            if not self._stop.is_set():
                stream.open()
            self.live, self._reopens, self.rate = stream.live, stream.reopens, stream.rate
            while not self._stop.is_set():
                self._await(stream)
                shot = stream.read()
                if stream.damaged and not self._damage_reported:
                    self._damage_reported = True
                    self._say(f"{self.name}: holds damaged pictures; they are left out")
                if shot is None:
                    return came, None
                size = shot.picture.shape[:2]
                if self.live and came and size != self._size and self._size is not None:
                    old = self._size
                    raise StreamError(f"the frames' size changed from {old[1]}x{old[0]} to {size[1]}x{size[0]}")
                self._size = size
                if lost is not None and not came:
                    self.down = False
                    self._say(f"{self.name}: back after {monotonic() - lost:.1f} s")
                came = True
                self._put(shot)
            return came, None
        except Exception as error:  # whatever a driver, a decoder or a server makes of it, the next attempt may succeed
            why = str(error) if isinstance(error, EdgeDigitsError) else self._unexpected(error)
            if self._count == 0:
                self._failed_to_open = SourceError(_named(self.name, why))
                return False, None
            return came, why
        finally:
            self._stream = None
            if stream is not None:
                self._close(stream)

    def _await(self, stream: Stream) -> None:
        """Wait until the next frame is wanted, and show that this thread lives."""
        while (wait := stream.due - monotonic()) > 0 and not self._stop.wait(min(wait, 1.0)):
            self.beat = monotonic()
        self.beat = monotonic()

    def _close(self, stream: Stream) -> None:
        try:
            stream.close()
        except Exception as error:  # a driver whose camera is gone
            self._unexpected(error)

    def _unexpected(self, error: Exception) -> str:
        """Log where an error arose that nobody expected; its kind. Its text is left out: it may hold an address."""
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("%s: %s\n%s", self.name, type(error).__name__, frames)
        return f"fails ({type(error).__name__})"

    def _say(self, message: str) -> None:
        try:
            self._tell(message)
        except Exception as error:  # such as a terminal that is gone; the camera is not
            self._unexpected(error)

    def _lose(self, why: str) -> None:
        self.gaps += 1
        self.down = True
        self._say(f"{self.name}: lost: {why}. Opening it again until it is back")
        with self._changed:
            self._changed.notify_all()

    def _put(self, shot: Shot) -> None:
        captured = monotonic() if shot.captured is None else shot.captured
        self._begun = captured if self._begun is None else self._begun
        stamp = captured - self._begun if shot.time is None else shot.time
        frame = Frame(shot.picture, self._count, stamp, captured, shot.lasts, self.gaps)
        self._count += 1
        with self._changed:
            if not self.live:
                self._changed.wait_for(lambda: self._slot is None or self._stop.is_set())
            elif self._slot is not None:
                self.dropped += 1
            self._slot = frame
            self._changed.notify_all()


def _named(name: str, error: object) -> str:
    return str(error) if str(error).startswith(f"{name}:") else f"{name}: {error}"
