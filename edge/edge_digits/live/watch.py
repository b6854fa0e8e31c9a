"""Frames of a camera -> what is read in each of them, and what is announced over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from time import monotonic
from typing import Any
from uuid import uuid4

import cv2
import numpy as np

from edge_digits.errors import EdgeDigitsError
from edge_digits.imaging.pixels import Gray, to_gray
from edge_digits.live.plausibility import Plausibility
from edge_digits.live.voting import Event, Voter
from edge_digits.reader import DigitReader
from edge_digits.results import Box, Digit, Reading
from edge_digits.sources.camera import Camera
from edge_digits.sources.stream import Frame

EVENT_SCHEMA = "edge-digits/event/1"

#: Frames are read at this longer side in pixels, which costs a third of what 640 pixels cost, while digits are at least
#: so many pixels high there; at a larger one while they are smaller.
_MIN_SIDE, _MIN_DIGIT_HEIGHT = 256, 20
#: Where nothing is found, a frame is read in full, but no more often than once in so many seconds.
_FULL_READ_PERIOD = 0.2


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class LiveResult:
    """A frame with all that is known once it has been read; or, without a frame, that the source was lost.

    Attributes:
        frame: the frame, None where the source was lost.
        reading: what was read in it.
        events: what came or went by it.
        text: what is announced now, "" for nothing.
        confidence: of `text`.
        age_ms: milliseconds from the frame's capture to now.
        gaps: how often the source was lost so far.
    """

    frame: Frame | None
    reading: Reading
    events: tuple[Event, ...]
    text: str
    confidence: float
    age_ms: float
    gaps: int = 0

    def record(self) -> dict[str, Any]:
        """The frame's record: `edge-digits/result/1` with its time, age and gaps."""
        record = self.reading.to_dict()
        if self.frame is not None:
            record |= self._capture()
        return record

    @cached_property
    def event_records(self) -> tuple[dict[str, Any], ...]:
        """The record of each event: the same for all who ask."""
        return tuple(self.event_record(event) for event in self.events)

    def event_record(self, event: Event) -> dict[str, Any]:
        """An event's record, `edge-digits/event/1`."""
        marks = {} if event.doubts is None else {"plausible": not event.doubts, "doubts": list(event.doubts)}
        return {
            "schema": EVENT_SCHEMA,
            "id": event.id,
            "event": event.kind,
            "source": self.reading.source,
            "frame": self.reading.frame,
            "text": event.text,
            "confidence": round(event.confidence, 4),
            "held": round(event.held, 3),
            "time": round(event.time, 3),
            **self._capture(),
            **marks,
        }

    def _capture(self) -> dict[str, Any]:
        clock = datetime.now(UTC) - timedelta(milliseconds=self.age_ms)
        return {
            "captured_at": clock.isoformat(timespec="milliseconds"),
            "frame_age_ms": round(self.age_ms, 2),
            "gaps": self.gaps,
        }


class LiveReader:
    """Reads frames at the size that their digits need, and lets the readings vote.

    >>> from edge_digits import DigitReader, open_camera
    >>> from edge_digits.live.watch import LiveReader
    >>> live = LiveReader(DigitReader.load(), hold=0.5)
    >>> with open_camera("samples/number-427.png") as camera:  # a slide is shown for two seconds
    ...     for result in live.watch(camera):
    ...         print(result.reading.text, [(event.kind, event.text) for event in result.events])
    427 [('announced', '427')]

    Attributes:
        reader: reads each frame.
        voter: what is announced.
        plausibility: doubts what is announced.
        given_up: why the reader of the last `use` was replaced by the one before; None where it was not.
    """

    def __init__(self, reader: DigitReader, *, hold: float = 0.5, plausibility: Plausibility | None = None) -> None:
        """Wrap a reader.

        Args:
            reader: reads each frame, as its own options say.
            hold: seconds that a number must hold to be announced.
            plausibility: where given, events say whether their numbers are plausible.
        """
        self.reader = reader
        self.voter = Voter(hold)
        self.plausibility = plausibility
        self.given_up: str | None = None
        self._before: DigitReader | None = None
        self._side, self._last_full_read = _MIN_SIDE, float("-inf")
        self._gap = self._frame = 0

    def watch(self, camera: Camera, *, tick: float | None = None) -> Iterator[LiveResult | None]:
        """Read frames until the source ends.

        Args:
            camera: opened.
            tick: where given, None is yielded after this many seconds without a frame, so that the caller can do
                something else.
        """
        reported_gaps = 0
        while True:
            frame = camera.read(0.25 if tick is None else tick)
            if frame is not None:
                yield self.read(frame, camera.name)
            elif camera.ended:
                return
            elif camera.down and camera.gaps > reported_gaps:
                reported_gaps = camera.gaps
                if (result := self.withdraw(camera.name, camera.gaps)) is not None:
                    yield result
            elif tick is not None:
                yield None

    def use(self, reader: DigitReader) -> None:
        """Read by another reader from the next frame on; if that fails, by the one before again."""
        self._before, self.reader, self.given_up = self.reader, reader, None

    def read(self, frame: Frame, source: str = "") -> LiveResult:
        """Read one frame."""
        events: list[Event] = []
        if frame.gap != self._gap:
            self._gap = frame.gap
            events += self.voter.reset()
        if frame.lasts:
            self.voter.scene_cut()
        self._frame = frame.number
        reading = self._read_frame(frame, source)
        events += self.voter.update(reading, frame.time)
        if frame.lasts:
            events += self.voter.update(reading, frame.time + frame.lasts)
        age = 1e3 * (monotonic() - frame.captured)
        return LiveResult(frame, reading, self._marked(events), self.voter.text, self.voter.confidence, age, frame.gap)

    def withdraw(self, source: str, gaps: int) -> LiveResult | None:
        """Withdraw what is announced, because the source was lost, for the `gaps`-th time; None where nothing is."""
        events = self.voter.reset()
        last = Reading(source, frame=self._frame)
        return LiveResult(None, last, self._marked(events), "", 0.0, 0.0, gaps) if events else None

    def _marked(self, events: list[Event]) -> tuple[Event, ...]:
        """Events with their ids, and what is to be said of their plausibility."""
        judge = self.plausibility
        return tuple(
            replace(
                event,
                id=uuid4().hex,
                doubts=None if judge is None or event.kind == "withdrawn" else judge.doubts(event.text),
            )
            for event in events
        )

    def _read_frame(self, frame: Frame, source: str) -> Reading:
        """The reading of a frame, in pixels of the whole frame: the one place where frames meet the reader."""
        gray = to_gray(frame.picture)
        height, width = gray.shape
        reading = self._read_at_best_size(gray, frame.time)
        return replace(reading, source=source, frame=frame.number, width=width, height=height, time=frame.time)

    def _read_at_best_size(self, gray: Gray, now: float) -> Reading:
        """Read at the size at which frames were read before; again at a larger one where digits are too small there."""
        longer = max(gray.shape)
        side = min(self._side, longer)
        reading = self._read_at(gray, side)
        height = _median_height(reading) * side / longer
        if not height:
            if side == longer or 0 <= now - self._last_full_read < _FULL_READ_PERIOD:
                return reading
            self._last_full_read = now
            side = longer
        elif height < _MIN_DIGIT_HEIGHT and side < longer:
            side = min(round(1.3 * side * _MIN_DIGIT_HEIGHT / height), longer)
        elif side > _MIN_SIDE and height > 2 * _MIN_DIGIT_HEIGHT:
            self._side = max(_MIN_SIDE, round(1.3 * side * _MIN_DIGIT_HEIGHT / height))
            return reading
        else:
            return reading
        reading = self._read_at(gray, side)
        height = _median_height(reading) * side / longer
        self._side = (
            min(max(_MIN_SIDE, round(1.3 * side * _MIN_DIGIT_HEIGHT / height)), longer) if height else _MIN_SIDE
        )
        return reading

    def _read_at(self, gray: Gray, side: int) -> Reading:
        """Read a copy of this longer side; boxes are in pixels of the whole frame."""
        small = _downscaled(gray, side)
        return _rescaled(self._read_by_reader(small), gray.shape[1] / small.shape[1], gray.shape[0] / small.shape[0])

    def _read_by_reader(self, gray: Gray) -> Reading:
        try:
            return self.reader.read(gray)
        except EdgeDigitsError as error:
            if self._before is None:
                raise
            self.reader, self._before, self.given_up = self._before, None, str(error)
            return self.reader.read(gray)


def _downscaled(gray: Gray, side: int) -> Gray:
    """A copy of this longer side, halved as often as possible: a tenth of the time of area averages in one step."""
    while max(gray.shape) >= 2 * side and min(gray.shape) >= 2:
        height, width = gray.shape
        gray = np.asarray(cv2.resize(gray, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    scale = side / max(gray.shape)
    if scale >= 1.0:
        return gray
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    # By less than a half: bilinear interpolation leaves no pixel out.
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _median_height(reading: Reading) -> float:
    """The median height of what was found, pixels; 0 where nothing was."""
    heights = sorted(digit.box.y2 - digit.box.y1 for digit in reading.digits)
    return heights[len(heights) // 2] if heights else 0.0


def _rescaled(reading: Reading, scale_x: float, scale_y: float) -> Reading:
    """A reading of a smaller copy, in pixels of the whole frame."""
    if scale_x == scale_y == 1.0:
        return reading

    def rescale(digit: Digit) -> Digit:
        box = digit.box
        x1, y1 = int(box.x1 * scale_x), int(box.y1 * scale_y)
        return replace(digit, box=Box(x1, y1, round(box.x2 * scale_x), round(box.y2 * scale_y)))

    return replace(reading, digits=tuple(rescale(digit) for digit in reading.digits))
