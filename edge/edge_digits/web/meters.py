"""What Prometheus is told: requests, readings, bodies, and who looks at the camera."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.process_collector import ProcessCollector
from starlette.responses import Response

from edge_digits.web.broadcast import Broadcast
from edge_digits.web.desk import Desk
from edge_digits.web.intake import Intake
from edge_digits.web.refusals import problems


class Meters:
    """The figures of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "edge_digits_http_requests", "Requests that were answered.", ["path", "status"], registry=self._registry
        )

    def count(self, path: str, status: int) -> None:
        """Count an answer; `path` is that of the route, of which there are few."""
        self._requests.labels(path, str(status)).inc()

    def watch(self, desk: Desk, intake: Intake, broadcast: Broadcast | None) -> None:
        """Show the state of these."""
        self._gauge("edge_digits_readings_running", "Readings under way or waiting.", lambda: desk.running)
        self._gauge("edge_digits_readings_done", "Readings since the start.", lambda: desk.done)
        self._gauge("edge_digits_reading_seconds", "Seconds of all readings since the start.", lambda: desk.seconds)
        self._gauge("edge_digits_readings_refused", "Requests refused because too many waited.", lambda: desk.refused)
        self._gauge("edge_digits_body_bytes", "Bytes of bodies that are held.", lambda: intake.held)
        if broadcast is not None:
            self._gauge("edge_digits_camera_viewers", "Viewers of the camera.", lambda: broadcast.viewers)
            self._gauge("edge_digits_camera_listeners", "Clients that wait for events.", lambda: broadcast.listeners)
            self._gauge("edge_digits_camera_frames", "Frames of the camera that were read.", lambda: broadcast.frames)
            self._gauge("edge_digits_camera_openings", "How often it was opened.", lambda: broadcast.openings)

    def router(self) -> APIRouter:
        """The endpoint."""
        routes = APIRouter(tags=["about"])

        @routes.get(
            "/metrics",
            response_class=Response,
            responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
        )
        async def metrics() -> Response:
            """Figures of this server, for Prometheus."""
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

        return routes

    def _gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        Gauge(name, what, registry=self._registry).set_function(value)
