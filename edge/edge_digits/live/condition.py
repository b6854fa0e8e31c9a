"""How a live run is: frames, camera, model, board; for all who watch it from afar."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from edge_digits import __version__
from edge_digits.board import State
from edge_digits.live.rate import FrameRate

if TYPE_CHECKING:
    from edge_digits.live.watch import LiveReader, LiveResult
    from edge_digits.sources.camera import Camera


class Condition:
    """Follows a run; may be asked from any thread.

    Attributes:
        camera: the source.
        frames: how many were read.
        last: of the number that was announced last: id, text, captured_at, and plausible where that was judged.
    """

    def __init__(self, camera: Camera, reader: LiveReader) -> None:
        self.camera, self._reader = camera, reader
        self.frames = 0
        self.last: dict[str, Any] | None = None
        self._rate, self._per_second, self._age_ms = FrameRate(), 0.0, 0.0
        self._captured = monotonic()
        self._begun = now()

    @property
    def frame_age(self) -> float:
        """Seconds since the newest frame that was read was taken, or since the beginning."""
        return monotonic() - self._captured

    def take(self, result: LiveResult) -> None:
        """A frame was read, or the source was lost."""
        if result.frame is not None:
            self.frames += 1
            self._per_second, self._age_ms = self._rate.add(), result.age_ms
            self._captured = result.frame.captured
        for record in result.event_records:
            if record["event"] == "announced":
                self.last = {name: record[name] for name in ("id", "text", "captured_at")}
                self.last |= {name: record[name] for name in ("plausible",) if name in record}

    def model(self) -> dict[str, str | None]:
        """The model that reads: name and sum."""
        model = self._reader.reader.model
        return {"model": model.name, "model_sha256": sha256_of(model.path)}

    def report(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        camera, state = self.camera, State.read()
        return {
            "time": now(),
            "started": self._begun,
            "version": __version__,
            **self.model(),
            "source": camera.name,
            "camera_lost": camera.down,
            "reconnects": camera.gaps,
            "frames": self.frames,
            "fps": 0.0 if camera.down else round(self._per_second, 1),
            "frame_age_ms": round(self._age_ms, 1),
            "skipped": camera.dropped,
            "temperature_c": state.temperature_c,
            "throttled": state.throttled,
            "last": self.last,
        }


def now() -> str:
    """This moment: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@lru_cache(maxsize=4)
def sha256_of(path: str) -> str | None:
    """The sum of a model file; None where it is gone."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
