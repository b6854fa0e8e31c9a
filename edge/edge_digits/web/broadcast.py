"""The server's camera: opened while somebody looks, read and encoded once, and given to all who look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import Any

import cv2

from edge_digits.errors import EdgeDigitsError
from edge_digits.live.watch import LiveReader, LiveResult
from edge_digits.outputs.pictures import annotate
from edge_digits.sources.camera import Camera
from edge_digits.web.refusals import BusyError, RefusedError

#: Seconds for which the camera stays open after the last one who looked: a page that is loaded again finds it open.
_GRACE = 3.0
#: Seconds between two looks at whether somebody still looks.
_TICK = 0.25
#: Of JPEG, in which frames are sent.
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]
#: Events that wait for one client; one that takes none is cut off.
_MOST_EVENTS = 100


@dataclass(frozen=True, eq=False)
class Shot:
    """A frame as all viewers get it.

    Attributes:
        jpeg: the annotated frame.
        record: what was read in it.
    """

    jpeg: bytes
    record: dict[str, Any]


class Broadcast:
    """One camera and all who look. Its methods are for the event loop; a thread reads the camera.

    Attributes:
        frames: that were read.
        openings: how often the camera was opened.
        state: "idle", "opening", "open" or "lost".
        error: why it could not be opened, or ended, the last time; "" where it could.
    """

    def __init__(self, camera: Callable[[], Camera], reader: Callable[[], LiveReader], most: int) -> None:
        """Get ready.

        Args:
            camera: makes the camera, which is opened by a thread.
            reader: makes what reads its frames.
            most: viewers at one time.
        """
        self._camera, self._reader, self._most = camera, reader, most
        self.frames = self.openings = 0
        self.state, self.error = "idle", ""
        self._shot: Shot | None = None
        self._announced: dict[str, Any] | None = None
        self._news = asyncio.Event()
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._viewers = self._looking = 0
        self._thread: Thread | None = None
        self._unseen_since = 0.0
        self._closed = False

    @property
    def viewers(self) -> int:
        """Those who look at pictures now."""
        return self._viewers

    @property
    def listeners(self) -> int:
        """Those who wait for events now."""
        return len(self._listeners)

    async def shots(self) -> AsyncGenerator[Shot, None]:
        """The newest frame, again and again, until the camera ends; frames that came meanwhile are left out.

        Raises:
            RefusedError: the camera gives no frame; says why.
        """
        with self._look():
            self._viewers += 1
            try:
                last: Shot | None = None
                while True:
                    news = self._news
                    shot = self._shot
                    if shot is not None and shot is not last:
                        last = shot
                        yield shot
                    elif not self._goes_on():
                        if last is None:
                            raise RefusedError(503, self.error or "the camera has ended", {"Retry-After": "5"})
                        return
                    else:
                        await news.wait()
            finally:
                self._viewers -= 1
                if not self._viewers:
                    self._shot = None  # the next viewer shall not begin with an old one

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """What is announced now and from now on, and withdrawn; the state of the camera, first and where it changes."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_MOST_EVENTS)
        with self._look():
            self._listeners.add(queue)
            try:
                yield self._status()
                if self._announced is not None:
                    yield self._announced
                while self._goes_on() or not queue.empty():
                    event = await queue.get()
                    if event is None:
                        return
                    yield event
                yield self._status()
            finally:
                self._listeners.discard(queue)

    def close(self) -> None:
        """End it for all who look."""
        self._closed = True
        for queue in self._listeners:
            _put(queue, None)
        self._wake()

    @contextmanager
    def _look(self) -> Iterator[None]:
        if self._looking >= self._most:
            raise BusyError("too many are looking at the camera; try again later", 10)
        self._looking += 1
        self._start()
        try:
            yield
        finally:
            self._looking -= 1
            if not self._looking:
                self._unseen_since = monotonic()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._shot, self._announced, self.error, self.state = None, None, "", "opening"
            self.openings += 1
            self._thread = Thread(target=self._run, args=(asyncio.get_running_loop(),), name="camera", daemon=True)
            self._thread.start()

    def _goes_on(self) -> bool:
        return self._thread is not None and not self._closed

    def _status(self) -> dict[str, Any]:
        return {"event": "camera", "state": self.state, "error": self.error}

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _tell(self, event: dict[str, Any]) -> None:
        for queue in list(self._listeners):
            _put(queue, event)

    def _publish(self, shot: Shot | None, events: list[dict[str, Any]], state: str) -> None:
        if state != self.state:
            self.state = state
            self._tell(self._status())
        for event in events:
            self._announced = event if event["event"] == "announced" else None
            self._tell(event)
        if shot is not None:
            self._shot = shot
            self._wake()

    def _end(self, error: str, abandoned: bool) -> None:
        self._thread = None
        if abandoned and self._looking:  # somebody came while it was being closed
            self._start()
            return
        self.state, self.error = "idle", error
        self._tell(self._status())
        for queue in self._listeners:
            _put(queue, None)
        self._wake()

    # What follows runs in the thread.

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        error, abandoned = "", False
        try:
            with self._camera() as camera:
                abandoned = self._watch(camera, loop)
                error = camera.problem or ""
        except EdgeDigitsError as failed:
            error = str(failed)
        finally:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(self._end, error, abandoned)

    def _watch(self, camera: Camera, loop: asyncio.AbstractEventLoop) -> bool:
        """Read the camera until it ends, or nobody looks any more: whether that was why."""
        live = self._reader()
        for result in live.watch(camera, tick=_TICK):
            if self._closed or (not self._looking and monotonic() - self._unseen_since > _GRACE):
                return True
            state = "lost" if camera.down else "open"
            events = [result.event_record(event) for event in result.events] if result is not None else []
            shot = None if result is None else self._drawn(result)
            if shot is None and not events and state == self.state:
                continue
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._publish, shot, events, state)
        return False

    def _drawn(self, result: LiveResult) -> Shot | None:
        """A frame as viewers get it; None where nobody looks at pictures."""
        if result.frame is None:
            return None
        self.frames += 1
        if not self._viewers:
            return None
        _, jpeg = cv2.imencode(".jpg", annotate(result.frame.picture, result.reading), _QUALITY)
        return Shot(jpeg.tobytes(), result.record())


def _put(queue: asyncio.Queue[dict[str, Any] | None], event: dict[str, Any] | None) -> None:
    """Give a client an event; one that has taken none for long gets the end instead."""
    if queue.full():
        queue.get_nowait()
        event = None
    queue.put_nowait(event)
