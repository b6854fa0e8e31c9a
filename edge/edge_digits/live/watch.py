"""Reading what moves: each frame to a record, and all of them to what is announced.

>>> with open_camera("0") as frames:
...     for seen in LiveReader(DigitReader.load()).watch(frames):
...         for event in seen.events:
...             print(event.kind, event.text)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray, to_gray
from edge_digits.live.voting import Event, Steady
from edge_digits.reader import DigitReader
from edge_digits.results import Box, Digit, Reading
from edge_digits.sources.camera import Camera
from edge_digits.sources.stream import Frame

EVENT_SCHEMA = "edge-digits/event/1"

#: Frames are read at this longer side, which costs a third of what 640 pixels cost, while digits are so tall there,
_QUICK_SIDE, _TALL = 256, 20
#: at a larger one as long as they are smaller, and in full where nothing is found: that at most so often, in seconds.
_LOOK_CLOSELY = 0.2


@dataclass(frozen=True, eq=False)  # pictures do not compare to one truth
class Seen:
    """A frame with all that is known when it has been read; or, without a frame, that the source was lost.

    Attributes:
        frame: the frame, None where the source was lost.
        reading: what was read in it.
        events: what came or went by it.
        text: what is announced now, "" for nothing.
        confidence: of `text`.
        age_ms: milliseconds from the frame's being there to now.
    """

    frame: Frame | None
    reading: Reading
    events: tuple[Event, ...]
    text: str
    confidence: float
    age_ms: float

    def record(self) -> dict[str, Any]:
        """The frame's record: `edge-digits/result/1` with its time, age and gaps."""
        record = self.reading.to_dict()
        if self.frame is not None:
            record |= self._when()
        return record

    def event_record(self, event: Event) -> dict[str, Any]:
        """An event's record, `edge-digits/event/1`."""
        return {
            "schema": EVENT_SCHEMA,
            "event": event.kind,
            "source": self.reading.source,
            "frame": self.reading.frame,
            "text": event.text,
            "confidence": round(event.confidence, 4),
            "held": round(event.held, 3),
            "time": round(event.time, 3),
            **self._when(),
        }

    def _when(self) -> dict[str, Any]:
        clock = datetime.now(UTC) - timedelta(milliseconds=self.age_ms)
        return {
            "captured_at": clock.isoformat(timespec="milliseconds"),
            "frame_age_ms": round(self.age_ms, 2),
            "gaps": self.frame.gap if self.frame is not None else 0,
        }


class LiveReader:
    """Reads frames and holds the answers steady.

    Attributes:
        steady: what is announced.
    """

    def __init__(self, reader: DigitReader, *, hold: float = 0.5) -> None:
        """Wrap a reader.

        Args:
            reader: reads each frame, as its own options say.
            hold: seconds that a number must hold to be announced.
        """
        self.reader = reader
        self.steady = Steady(hold)
        self._side, self._looked_closely = _QUICK_SIDE, float("-inf")
        self._gap = 0

    def watch(self, camera: Camera, *, tick: float | None = None) -> Iterator[Seen | None]:
        """Read frames until the source ends.

        Args:
            camera: opened.
            tick: where given, None is yielded after this many seconds without a frame, so that the caller can do
                something else.
        """
        lost = 0
        while True:
            frame = camera.read(0.25 if tick is None else tick)
            if frame is not None:
                yield self.see(frame, camera.name)
            elif camera.ended:
                return
            elif camera.down and camera.gaps > lost:
                lost = camera.gaps
                if (seen := self.lose(camera.name)) is not None:
                    yield seen
            elif tick is not None:
                yield None

    def see(self, frame: Frame, source: str = "") -> Seen:
        """Read one frame."""
        events: list[Event] = []
        if frame.gap != self._gap:
            self._gap = frame.gap
            events += self.steady.lost()
        if frame.lasts:
            self.steady.cut()
        reading = self._read(frame, source)
        events += self.steady.update(reading, frame.time)
        if frame.lasts:
            events += self.steady.update(reading, frame.time + frame.lasts)
        age = 1e3 * (monotonic() - frame.captured)
        return Seen(frame, reading, tuple(events), self.steady.text, self.steady.confidence, age)

    def lose(self, source: str) -> Seen | None:
        """Withdraw what is announced, because the source was lost; None where nothing is."""
        events = self.steady.lost()
        return Seen(None, Reading(source), tuple(events), "", 0.0, 0.0) if events else None

    def _read(self, frame: Frame, source: str) -> Reading:
        """The reading of a frame, in pixels of the whole frame: the one place where frames meet the reader."""
        gray = to_gray(frame.picture)
        height, width = gray.shape
        reading = self._zoomed(gray, frame.time)
        return replace(reading, source=source, frame=frame.number, width=width, height=height, time=frame.time)

    def _zoomed(self, gray: Gray, now: float) -> Reading:
        """Large digits need no fine look, and small ones get it."""
        longer = max(gray.shape)
        side = min(self._side, longer)
        reading = self._read_at(gray, side)
        height = _height(reading) * side / longer
        if not height:
            if side == longer or 0 <= now - self._looked_closely < _LOOK_CLOSELY:
                return reading
            self._looked_closely = now
            side = longer
        elif height < _TALL and side < longer:
            side = min(round(1.3 * side * _TALL / height), longer)
        elif side > _QUICK_SIDE and height > 2 * _TALL:
            self._side = max(_QUICK_SIDE, round(1.3 * side * _TALL / height))
            return reading
        else:
            return reading
        reading = self._read_at(gray, side)
        height = _height(reading) * side / longer
        self._side = min(max(_QUICK_SIDE, round(1.3 * side * _TALL / height)), longer) if height else _QUICK_SIDE
        return reading

    def _read_at(self, gray: Gray, side: int) -> Reading:
        """Read a copy of this longer side; boxes are in pixels of the whole."""
        small = _shrunk(gray, side)
        return _enlarged(self.reader.read(small), gray.shape[1] / small.shape[1], gray.shape[0] / small.shape[0])


def _shrunk(gray: Gray, side: int) -> Gray:
    """A copy of this longer side, by halves as far as it goes: a tenth of the time of one step of area averages."""
    while max(gray.shape) >= 2 * side and min(gray.shape) >= 2:
        height, width = gray.shape
        gray = np.asarray(cv2.resize(gray, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    scale = side / max(gray.shape)
    if scale >= 1.0:
        return gray
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    # Less than a half: two pixels of each way are all that there are to a new one.
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _height(reading: Reading) -> float:
    """The median height of what was found, pixels; 0 where nothing was."""
    heights = sorted(digit.box.y2 - digit.box.y1 for digit in reading.digits)
    return heights[len(heights) // 2] if heights else 0.0


def _enlarged(reading: Reading, scale_x: float, scale_y: float) -> Reading:
    """A reading of a smaller copy, in pixels of the whole."""
    if scale_x == scale_y == 1.0:
        return reading

    def enlarge(digit: Digit) -> Digit:
        box = digit.box
        x1, y1 = int(box.x1 * scale_x), int(box.y1 * scale_y)
        return replace(digit, box=Box(x1, y1, round(box.x2 * scale_x), round(box.y2 * scale_y)))

    return replace(reading, digits=tuple(enlarge(digit) for digit in reading.digits))
