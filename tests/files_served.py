"""A plain file server, as the page without a server lies on one, and pictures that this page is given."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from selenium.webdriver import Chrome


@dataclass
class FileServer:
    """A plain file server at loopback, and what was asked of it."""

    port: int
    asked: list[tuple[str, int]] = field(default_factory=list)


@contextmanager
def file_server(folder: Path) -> Iterator[FileServer]:
    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            served.asked.append((self.path, int(code)))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # so it is called
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        served = FileServer(server.server_port)
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


#: Has the page read a picture, as its own modules do, and gives what came of it.
_READ = """
const [base64, options, done] = arguments;
const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
import(new URL("api.js", document.baseURI))
  .then(({ send }) => send("/api/read", options, new Blob([bytes])))
  .then((response) => response.json())
  .then(done, (error) => done({ error: error.message, status: error.status }));
"""


def read(window: Chrome, content: bytes, **options: object) -> dict[str, Any]:
    record: dict[str, Any] = window.execute_async_script(_READ, b64encode(content).decode(), options)
    return record
