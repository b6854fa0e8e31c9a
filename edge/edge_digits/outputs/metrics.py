"""Figures of a running program for Prometheus, and whether it is well: /metrics and /healthz over HTTP.

What is measured is for others to say: this module names no figure of its own.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from edge_digits.errors import MissingExtraError, OutputError, UsageError

if TYPE_CHECKING:
    from prometheus_client import Counter, Summary
    from prometheus_client.metrics_core import Metric

#: What a program calls to tell whether it is well, and more about that.
Health = Callable[[], tuple[bool, dict[str, Any]]]


class Metrics:
    """Figures by name; each name begins with edge_digits_."""

    def __init__(self) -> None:
        """Begin with none.

        Raises:
            MissingExtraError: there is no prometheus-client.
        """
        try:
            from prometheus_client import CollectorRegistry
        except ImportError:
            raise MissingExtraError("--metrics", "metrics", "prometheus-client") from None
        self.registry = CollectorRegistry()
        self._pulled: list[tuple[str, str, bool, Callable[[], float | None]]] = []
        self.registry.register(self)

    def counter(self, name: str, said: str, *labels: str) -> Counter:
        """What only grows, counted by whoever calls `inc`; its name gets _total."""
        from prometheus_client import Counter

        return Counter(f"edge_digits_{name}", said, labels, registry=self.registry)

    def summary(self, name: str, said: str, *labels: str) -> Summary:
        """How many there were and their sum, by `observe`."""
        from prometheus_client import Summary

        return Summary(f"edge_digits_{name}", said, labels, registry=self.registry)

    def pull(self, name: str, said: str, value: Callable[[], float | None], *, grows: bool = False) -> None:
        """What is asked for when somebody looks; left out where it is None.

        Args:
            name, said: name and meaning.
            value: gives it; called from another thread.
            grows: it only grows; its name gets _total.
        """
        self._pulled.append((f"edge_digits_{name}", said, grows, value))

    def info(self, labels: Callable[[], dict[str, str]]) -> None:
        """What the program is, as labels of edge_digits_info."""
        self._labels = labels

    _labels: Callable[[], dict[str, str]] | None = None

    def collect(self) -> Iterator[Metric]:
        """What prometheus-client calls when somebody looks."""
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        for name, said, grows, value in self._pulled:
            found = value()
            if found is not None:
                yield (CounterMetricFamily if grows else GaugeMetricFamily)(name, said, value=found)
        if self._labels is not None:
            yield InfoMetricFamily("edge_digits", "What this program is.", value=self._labels())


class MetricsServer:
    """Serves figures and health until it is closed."""

    def __init__(self, address: str, metrics: Metrics, health: Health) -> None:
        """Listen.

        Args:
            address: HOST:PORT; :PORT for all addresses of this machine.
            metrics: the figures.
            health: answers /healthz: 200 or 503.

        Raises:
            UsageError: it is no such address.
            OutputError: nobody can listen there.
        """
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise UsageError(f"--metrics {address}: write HOST:PORT, or :PORT for all addresses of this machine")
        handler = type("_Bound", (_Handler,), {"metrics": metrics, "health": staticmethod(health)})
        try:
            self._server = _Server((host.strip("[]"), int(port)), handler)
        except OSError as error:
            why = error.strerror or str(error)
            raise OutputError(f"--metrics {address}: cannot listen there ({why}). Name another address") from None
        self._thread = Thread(target=self._server.serve_forever, args=(0.2,), name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens; for an address with port 0, which the system chose."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        host, port = address
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is none of our business."""


class _Handler(BaseHTTPRequestHandler):
    metrics: Metrics
    health: Health
    timeout = 10
    server_version, sys_version = "edge-digits", ""

    def do_GET(self) -> None:  # as http.server wants it
        """Answer."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            from prometheus_client.exposition import choose_encoder

            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, kind, encode(self.metrics.registry))
        elif path == "/healthz":
            well, more = self.health()
            content = json.dumps({"status": "ok" if well else "failing", **more}).encode()
            self._answer(200 if well else 503, "application/json", content)
        else:
            self._answer(404, "text/plain; charset=utf-8", b"There is /metrics and /healthz.\n")

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as http.server calls it
        """Nobody needs to know who looked."""
