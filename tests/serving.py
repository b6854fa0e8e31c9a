"""A server in a process of its own, as users start it, and requests to it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_SCRIPT = Path(sys.executable).with_name("edge-digits")


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The words of a refusal."""
        words: str = self.json["error"]
        return words


@dataclass(frozen=True)
class Serving:
    """A server that runs.

    Attributes:
        address: what it printed, without a token.
        token: that it printed.
        process: which it is.
        log: what it writes on standard error.
    """

    address: str
    token: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    def connect(self, timeout: float = 60) -> HTTPConnection:
        parts = urlsplit(self.address)
        assert parts.hostname is not None
        if parts.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
        return HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request, and take all of its answer."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: bytes, kind: str = "application/octet-stream", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, {"Content-Type": kind, **named})

    @property
    def metrics(self) -> dict[str, float]:
        """What it tells Prometheus, by name and labels."""
        lines = self.get("/metrics").body.decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


#: A server whose limits are given as arguments of `Limits`.
_LIMITED = """
import sys
from edge_digits.quiet import load_opencv
load_opencv(1)
from edge_digits.web.addresses import listen
from edge_digits.web.server import serve
from edge_digits.web.settings import Limits, Settings
from edge_digits.web.site import Site
limits = Limits(**eval(sys.argv[1]))
place = listen("127.0.0.1", 0)
print(place.addresses("http")[0], flush=True)
serve(Site(Settings(limits=limits), print), place.listening, limits)
"""


@contextmanager
def serving_with(**limits: float) -> Iterator[Serving]:
    """A server with other limits than those of the program."""
    with _started([sys.executable, "-c", _LIMITED, repr(limits)]) as server:
        yield server


@contextmanager
def serving(
    *args: str | Path, env: Mapping[str, str] | None = None, within: Sequence[str | Path] = ()
) -> Iterator[Serving]:
    """`edge-digits serve ARGS` on a free port; `within` is a command that runs another one."""
    with _started([*map(str, within), str(_SCRIPT), "serve", "--port", "0", *map(str, args)], env) as server:
        yield server


@contextmanager
def _started(command: list[str], env: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """A server that this command starts; nothing that it did may be a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **(env or {})},
            )
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            assert line, log.read_text()
            address, _, token = line.partition("?token=")
            try:
                yield Serving(address.rstrip("/"), token, process, log)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait(20)
                process.stdout.close()
            said = log.read_text()
            assert "Traceback" not in said, said
