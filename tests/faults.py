"""A network camera on loopback that goes wrong in every way that is known, between two times that it works."""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

import cv2
import numpy as np

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
STILL = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"
#: Seconds between the bytes of what drips.
DRIP = 0.02
Act = Callable[[socket.socket], None]


def jpeg(level: int) -> bytes:
    """A small picture of one brightness."""
    done, content = cv2.imencode(".jpg", np.full((48, 64), level, np.uint8))
    assert done
    return content.tobytes()


JPEG = jpeg(96)
PART = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(JPEG), JPEG)


def resized(content: bytes, width: int, height: int) -> bytes:
    """A JPEG file that says that it has another size."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def request_of(connection: socket.socket) -> bytes:
    """The head of a request."""
    content = b""
    while b"\r\n\r\n" not in content:
        piece = connection.recv(4096)
        if not piece:
            break
        content += piece
    return content


def sends(*pieces: bytes) -> Act:
    """Answer with this, and close."""

    def act(connection: socket.socket) -> None:
        request_of(connection)
        for piece in pieces:
            connection.sendall(piece)

    return act


def stays(*pieces: bytes) -> Act:
    """Answer with this, and say no more."""

    def act(connection: socket.socket) -> None:
        sends(*pieces)(connection)
        # Until the other side closes.
        while connection.recv(4096):
            pass

    return act


def repeats(head: bytes, pieces: Iterable[bytes], pause: float = 0.0) -> Act:
    """Answer with a head, and then with these pieces over and over."""
    kept = list(pieces)

    def act(connection: socket.socket) -> None:
        sends(head)(connection)
        for piece in itertools.cycle(kept):
            connection.sendall(piece)
            time.sleep(pause)

    return act


def drips(before: bytes, content: bytes) -> Act:
    """Send a byte now and then, without end."""
    return repeats(before, [content[at : at + 1] for at in range(len(content))], DRIP)


def resets(*pieces: bytes, early: bool = False) -> Act:
    """Answer with this, and reset the connection."""

    def act(connection: socket.socket) -> None:
        if not early:
            sends(*pieces)(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


def answers(status: bytes, *headers: bytes, body: bytes = b"") -> Act:
    """A whole answer."""
    return sends(b"\r\n".join([b"HTTP/1.1 " + status, *headers, b"", body]))


def redirects(location: bytes | None, status: bytes = b"302 Found") -> Act:
    """A redirect."""
    return answers(status, *([] if location is None else [b"Location: " + location]))


def chunked(*pieces: bytes) -> Act:
    """An answer in chunks, given with their lengths."""
    return sends(HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n", *pieces)


_MULTIPART = HEAD[:-2]
_NOISE = np.random.default_rng(3).bytes(40_000).replace(b"\xff", b"\xfe")

#: What goes wrong, by name. "refused" closes the port itself.
FAULTS: dict[str, Act] = {
    "refused": sends(),
    # connections
    "reset before the request": resets(early=True),
    "reset after the request": resets(),
    "reset within the head": resets(HEAD[:30]),
    "reset within a picture": resets(HEAD, PART[:200]),
    "closed without an answer": sends(),
    "closed within the head": sends(HEAD[:30]),
    "closed within a picture": sends(HEAD, PART[:200]),
    "silent": stays(),
    # heads
    "silent within the head": stays(HEAD[:30]),
    "a head that drips": drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "a status line that drips": drips(b"HTTP/1.1 2", b"0"),
    "no HTTP": sends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "binary noise": sends(_NOISE),
    "null bytes": sends(b"HTTP/1.1 200 OK\r\nContent-\0Type: \0\0\r\n\0\r\n\r\n", PART),
    "a status that is no number": answers(b"OK 200"),
    "a status of a thousand": answers(b"1000 Much"),
    "100 for ever": repeats(b"", [b"HTTP/1.1 100 Continue\r\n\r\n"], DRIP),
    "204": answers(b"204 No Content"),
    "401": answers(b"401 Unauthorized", b'WWW-Authenticate: Basic realm="x"'),
    "401 with a broken challenge": answers(b"401 Unauthorized", b'WWW-Authenticate: Digest realm="x, nonce=, ="\xff'),
    "403": answers(b"403 Forbidden"),
    "404": answers(b"404 Not Found"),
    "500": answers(b"500 Internal Server Error"),
    "503": answers(b"503 Service Unavailable", b"Retry-After: soon"),
    "a huge header": answers(b"200 OK", b"X-Huge: " + b"x" * 70_000),
    "headers without end": repeats(b"HTTP/1.1 200 OK\r\n", [b"X-More: of the same\r\n" * 50]),
    "a header that is none": answers(b"200 OK", b"no colon here", b": no name", b"Content-Type: multipart/x;\xff\xfe"),
    "no headers": answers(b"200 OK"),
    # redirects
    "a redirect to itself": redirects(b"/stream"),
    "a permanent redirect to itself": redirects(b"/stream", b"308 Permanent Redirect"),
    "a redirect to nowhere": redirects(None),
    "a redirect to nothing": redirects(b""),
    "a redirect to an unbalanced bracket": redirects(b"http://[::1/stream"),
    "a redirect to a bracket that is no address": redirects(b"http://[v]/stream", b"301 Moved Permanently"),
    "a redirect to letters beyond ASCII": redirects("http://kämera\u2100.invalid:1/ß".encode()),
    "a redirect to bytes that are no text": redirects(b"http://\xff\xfe\xfd/\xff"),
    "a redirect to a label of 64": redirects(b"http://" + b"a" * 64 + b".invalid/", b"307 Temporary Redirect"),
    "a redirect to an empty label": redirects(b"http://a..invalid/", b"303 See Other"),
    "a redirect to a port that is none": redirects(b"http://127.0.0.1:camera/"),
    "a redirect to a port beyond the last": redirects(b"http://127.0.0.1:99999/"),
    "a redirect to a file": redirects(b"file:///etc/hostname"),
    "a redirect to blanks": redirects(b"http://127.0.0.1 /a b\x01\x02"),
    "a redirect to where nobody answers": redirects(b"http://127.0.0.1:9/"),
    # types
    "a page": answers(b"200 OK", b"Content-Type: text/html", body=b"<html>Please log in</html>"),
    "JSON": answers(b"200 OK", b"Content-Type: application/json", body=b'{"error": 1}'),
    "compressed": answers(
        b"200 OK", b"Content-Type: multipart/x-mixed-replace", b"Content-Encoding: gzip", body=gzip.compress(PART)
    ),
    "a still that is cut short": sends(STILL, JPEG[:200]),
    "a still without end": repeats(STILL, [JPEG * 100]),
    "a still that is silent": stays(STILL, JPEG[:200]),
    # lengths and chunks
    "HTTP/1.0": sends(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n", PART),
    "a length of nothing": sends(_MULTIPART + b"Content-Length: 0\r\n\r\n", PART),
    "a length that is too small": sends(_MULTIPART + b"Content-Length: 100\r\n\r\n", PART),
    "a length that is too large": sends(_MULTIPART + b"Content-Length: 999999999999\r\n\r\n", PART[:200]),
    "a length below nothing": sends(_MULTIPART + b"Content-Length: -5\r\n\r\n", PART[:200]),
    "a length that is no number": sends(_MULTIPART + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", PART[:200]),
    "a chunk's length that is none": chunked(b"camera\r\n" + PART),
    "a chunk's length below nothing": chunked(b"-5\r\n" + PART),
    "a chunk's length without end": chunked(b"f" * 70_000),
    "a chunk's length that drips": drips(_MULTIPART + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunks that are cut short": chunked(b"%x\r\n" % len(PART) + PART[:200]),
    "trailers without end": repeats(_MULTIPART + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", [b"X: y\r\n"], DRIP),
    # parts
    "no part": stays(HEAD),
    "a picture that drips": drips(HEAD + PART[:200], b"\0"),
    "a picture without end": repeats(HEAD + PART[:200], [_NOISE]),
    "beginnings without end": repeats(HEAD, [b"\xff\xd8\xff" * 20_000]),
    "boundaries without pictures": repeats(HEAD, [b"--frame\r\nContent-Length: 0\r\n\r\n\r\n" * 100]),
    "garbage for pictures": repeats(HEAD, [PART.replace(JPEG[2:-2], _NOISE[:300])], DRIP),
    "pictures that are cut short": repeats(HEAD, [PART[:300] + b"\r\n"], DRIP),
    "pictures of another length": repeats(HEAD, [PART.replace(b"Length: ", b"Length: 9")[:200]], DRIP),
    "another boundary": sends(HEAD, PART.replace(b"--frame", b"--myboundary")),
    "a picture that is too large": repeats(HEAD, [PART.replace(JPEG, resized(JPEG, 60_000, 60_000))], DRIP),
}


class FaultyCamera:
    """Serves Motion JPEG for a few frames, then goes wrong once, and so on; or goes wrong first.

    Attributes:
        address: of the stream.
        faults: how often it went wrong.
    """

    def __init__(self, fault: str, *, good: bool = True) -> None:
        self.faults = 0
        self._fault, self._good = fault, good
        self._stopped = threading.Event()
        self._listener = self._listen(0)
        self._port = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}/stream"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._listener.close()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        listener.settimeout(0.05)
        return listener

    def _serve(self) -> None:
        good = self._good
        while not self._stopped.is_set():
            if not good and self._fault == "refused":
                self._listener.close()
                self._stopped.wait(0.05)
                self._listener = self._listen(self._port)
                self.faults, good = self.faults + 1, True
                continue
            with suppress(TimeoutError):
                connection, _ = self._listener.accept()
                connection.settimeout(20)
                with connection, suppress(OSError):  # the client has gone
                    act = sends(HEAD, *[PART] * 3) if good else FAULTS[self._fault]
                    act(connection)
                self.faults += not good
                good = not good
