"""The server: uvicorn, and what ends connections that nobody uses."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from socket import socket
from time import monotonic
from typing import Any

import uvicorn

from edge_digits.web.settings import Limits
from edge_digits.web.site import Site

#: Seconds that requests have to end when the server does.
_LAST_SECONDS = 3
#: Bytes of a request's line and headers.
_HEAD_BYTES = 16 << 10
#: For so long a thread may keep the interpreter while another one waits for it; 0.005 by default.
_SWITCH_SECONDS = 0.001
#: uvicorn calls `on_tick` so many times a second.
_TICKS = 10


def serve(site: Site, listening: socket, limits: Limits, certificate: Path | None = None) -> None:
    """Serve until a signal ends it; that is raised again then.

    Args:
        site: what is served.
        listening: where.
        limits: of connections.
        certificate: a PEM file with certificate and key, for HTTPS.
    """
    _allow_files(2 * limits.connections)
    # Threads that read take turns with the one that answers, which has little to do and shall not wait long for it.
    sys.setswitchinterval(_SWITCH_SECONDS)
    config = uvicorn.Config(
        site.app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(limits.head_seconds),
        timeout_graceful_shutdown=_LAST_SECONDS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        ssl_certfile=certificate,
    )
    _Server(config, limits, site.close).run([listening])


class _Server(uvicorn.Server):
    """uvicorn, which by itself waits for ever for a request to begin."""

    def __init__(self, config: uvicorn.Config, limits: Limits, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._limits, self._closing = limits, closing
        #: Of each connection that does nothing: its last request, and since when.
        self._idle: dict[Any, tuple[object, float]] = {}

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            self._reap(monotonic())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._closing()
        await super().shutdown(sockets)

    def _reap(self, now: float) -> None:
        """Close connections on which no request begins; of too many, those first that have been idle for longest."""
        idle: dict[Any, tuple[object, float]] = {}
        for connection in self.server_state.connections:
            cycle = getattr(connection, "cycle", None)
            # A connection that is closed and whose peer takes nothing would never end either.
            if cycle is None or cycle.response_complete or connection.transport.is_closing():
                before, since = self._idle.get(connection, (cycle, now))
                idle[connection] = (cycle, since if before is cycle else now)
        self._idle = idle
        oldest = sorted(idle, key=lambda connection: idle[connection][1])
        excess = len(self.server_state.connections) - self._limits.connections
        for place, connection in enumerate(oldest):
            if place < excess or now - idle[connection][1] > self._limits.head_seconds:
                connection.transport.abort()


def _allow_files(wanted: int) -> None:
    """Let this process have so many connections open, as far as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
