"""The outlet that counts for Prometheus, and answers whether the run is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from edge_digits import __version__
from edge_digits.board import State, temperature
from edge_digits.live.condition import Condition
from edge_digits.outputs.metrics import Metrics, MetricsServer

if TYPE_CHECKING:
    from edge_digits.live.watch import LiveReader, LiveResult
    from edge_digits.sources.camera import Camera


class Queue(Protocol):
    """Announcements that wait for a broker."""

    @property
    def connected(self) -> bool: ...
    @property
    def waiting(self) -> int: ...
    @property
    def dropped(self) -> int: ...


class Observer:
    """Counts a run; serves what it counted from its first frame to its end."""

    def __init__(self, address: str, reader: LiveReader, *, fresh: float, queue: Queue | None = None) -> None:
        """Listen; until the camera gives frames, the run is not well.

        Args:
            address: where to serve: HOST:PORT.
            reader: tells the model that reads.
            fresh: seconds after which the newest frame is too old for a run that is well.
            queue: of the broker.

        Raises:
            UsageError, OutputError, MissingExtraError: as `Metrics` and `MetricsServer`.
        """
        self._reader, self._fresh = reader, fresh
        self._condition: Condition | None = None
        self._metrics = Metrics()
        self._events = self._metrics.counter("events", "Numbers that were announced or withdrawn.", "event")
        for kind in ("announced", "withdrawn"):
            self._events.labels(kind)
        self._doubted = self._metrics.counter("implausible", "Announced numbers that are not plausible.")
        self._seconds = self._metrics.summary("stage_seconds", "Seconds of each step of reading a frame.", "stage")
        self._pull(queue)
        self._server = MetricsServer(address, self._metrics, self._health)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def open(self, camera: Camera) -> None:
        self._condition = Condition(camera, self._reader)

    def take(self, result: LiveResult) -> None:
        assert self._condition is not None
        self._condition.take(result)
        for step, milliseconds in result.reading.speed_ms.items():
            self._seconds.labels(step).observe(milliseconds / 1e3)
        for event in result.events:
            self._events.labels(event.kind).inc()
            if event.doubts:
                self._doubted.inc()

    def tick(self) -> None:
        """What is pulled needs no clock."""

    def close(self) -> None:
        self._server.close()

    def _pull(self, queue: Queue | None) -> None:
        def of(name: str) -> Any:
            return lambda: None if self._condition is None else getattr(self._condition, name)

        def of_camera(name: str) -> Any:
            return lambda: None if self._condition is None else float(getattr(self._condition.camera, name))

        pull = self._metrics.pull
        pull("frames", "Frames that were read.", of("frames"), grows=True)
        pull("frame_age_seconds", "Age of the newest frame that was read.", of("frame_age"))
        pull("frames_skipped", "Frames that were replaced by newer ones unread.", of_camera("dropped"), grows=True)
        pull("reconnects", "How often the camera was lost.", of_camera("gaps"), grows=True)
        pull("camera_lost", "Whether the camera is lost now.", of_camera("down"))
        pull("temperature_celsius", "Temperature of the processor.", temperature)
        pull("throttled", "Bits of the Raspberry Pi's get_throttled.", lambda: State.read().throttled)
        if queue is not None:
            pull("mqtt_connected", "Whether the broker is there.", lambda: float(queue.connected))
            pull("mqtt_waiting", "Announcements that wait for the broker.", lambda: queue.waiting)
            pull("mqtt_dropped", "Announcements that were lost: the queue was full.", lambda: queue.dropped, grows=True)
        self._metrics.info(self._what)

    def _what(self) -> dict[str, str]:
        model = {} if self._condition is None else self._condition.model()
        return {"version": __version__, **{name: value or "" for name, value in model.items()}}

    def _health(self) -> tuple[bool, dict[str, Any]]:
        if self._condition is None:
            return False, {"why": "the camera gives no frames yet"}
        age = self._condition.frame_age
        well = age <= self._fresh
        why = {} if well else {"why": f"no frame for {age:.1f} s"}
        return well, {**why, "frame_age_seconds": round(age, 3), **self._condition.report()}
