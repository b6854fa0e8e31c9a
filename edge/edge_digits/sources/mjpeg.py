"""Motion JPEG over HTTP (`multipart/x-mixed-replace`), as network cameras and phones serve it.

Parsed here and not by FFmpeg: a stall ends after the seconds that were asked for, garbage between the pictures
costs only the picture that it hits, and the grey plane is decoded alone where nobody wants colours.
"""

from __future__ import annotations

import base64
import http.client
import re
import socket
from contextlib import suppress
from time import monotonic
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import cv2
import numpy as np

from edge_digits.errors import SourceError
from edge_digits.imaging.pixels import MAX_PIXELS
from edge_digits.sources.size import picture_size
from edge_digits.sources.stream import Shot, Stream, StreamError

_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"
#: Anything larger is not taken for a JPEG.
_MAX_BYTES = 32 << 20
_LENGTH = re.compile(rb"content-length:\s*(\d{1,9})", re.IGNORECASE)


class JpegParts:
    """Cuts a stream of bytes into JPEG files, whatever lies between them.

    Attributes:
        damaged: how many pieces were begun and not ended, or were lost among garbage.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self.damaged = 0

    def feed(self, data: bytes) -> None:
        """Add what came."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole JPEG; None where more bytes are needed."""
        while True:
            begin = self._buffer.find(_BEGIN)
            if begin < 0:
                self._drop_garbage()
                return None
            end = self._find_end(begin)
            if end is None:
                if len(self._buffer) - begin > _MAX_BYTES:
                    self._drop(begin + len(_BEGIN))
                    self.damaged += 1
                    continue
                return None
            # A picture that was cut short runs into the next one.
            again = self._buffer.rfind(_BEGIN, begin + 2, end) if self._buffer.find(b"\n--", begin, end) >= 0 else -1
            if again >= 0:
                self.damaged += 1
                self._drop(again)
                continue
            part = bytes(self._buffer[begin:end])
            self._drop(end)
            return part

    def _find_end(self, begin: int) -> int | None:
        """Where the JPEG ends: by the length that its header gives, if that fits; else at the next end marker."""
        lengths = _LENGTH.findall(self._buffer, max(0, begin - 1000), begin)
        if lengths:
            end = begin + int(lengths[-1])
            if end - begin <= _MAX_BYTES:
                if len(self._buffer) < end:
                    return None if self._buffer.find(b"\r\n--", begin) < 0 else self._find_end_marker(begin)
                if self._buffer.rfind(_END, max(begin, end - 16), end) >= 0:
                    return end
        return self._find_end_marker(begin)

    def _find_end_marker(self, begin: int) -> int | None:
        at = self._buffer.find(_END, max(begin, self._searched - 1))
        if at < 0:
            self._searched = len(self._buffer)
            return None
        return at + len(_END)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._searched = 0

    def _drop_garbage(self) -> None:
        """Drop all but the last bytes, which may be a header with the length of what follows."""
        if len(self._buffer) > 1 << 16:
            self.damaged += 1
            self._drop(len(self._buffer) - 1024)


class MotionJpeg(Stream):
    """A stream of JPEG files over HTTP."""

    def __init__(self, address: str, seconds: float, *, gray: bool = False) -> None:
        """Connect; `seconds` without a whole picture are a failure.

        Raises:
            SourceError: nothing answers, or something else than Motion JPEG; `content_type` then says what.
        """
        self._seconds, self._gray = seconds, gray
        self._parts = JpegParts()
        self._undecodable = 0
        self._connection, self._response = _connect(address, seconds)
        content_type = self._response.headers.get_content_type()
        if content_type != "multipart/x-mixed-replace":
            self.close()
            raise NotMotionJpegError(
                f"serves {content_type}, not multipart/x-mixed-replace. Name the address of the camera's MJPEG stream",
                content_type,
            )

    @property
    def damaged(self) -> int:  # type: ignore[override]  # counted in two places
        """How many pieces could not be decoded."""
        return self._parts.damaged + self._undecodable

    def read(self) -> Shot | None:
        deadline = monotonic() + self._seconds
        while True:
            part = self._parts.next()
            if part is None:
                self._parts.feed(self._receive(deadline))
                continue
            picture = self._decode(part)
            if picture is not None:
                return Shot(picture)
            self._undecodable += 1

    def _receive(self, deadline: float) -> bytes:
        left = deadline - monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            if self._connection.sock is not None:
                self._connection.sock.settimeout(left)
            data = self._response.read1(1 << 16)
        except TimeoutError:
            raise StreamError(f"no frame for {self._seconds:g} s") from None
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # The last two: another thread closed it.
            raise StreamError(f"the connection broke ({error or type(error).__name__})") from None
        if not data:
            raise StreamError("the camera closed the connection")
        return data

    def _decode(self, part: bytes) -> Any:
        size = picture_size(part)
        if size is None or size[0] * size[1] > MAX_PIXELS:
            return None
        flags = cv2.IMREAD_GRAYSCALE if self._gray else cv2.IMREAD_COLOR
        try:
            return cv2.imdecode(np.frombuffer(part, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            return None

    def interrupt(self) -> None:
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._response.close()
        self._connection.close()


class NotMotionJpegError(SourceError):
    """An address that serves something else; `content_type` says what."""

    def __init__(self, message: str, content_type: str) -> None:
        super().__init__(message)
        self.content_type = content_type


def _connect(
    address: str, seconds: float, redirects: int = 3
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    parts = urlsplit(address)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Connection": "close", "Accept": "*/*"}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    try:
        connection = make(parts.hostname or "", parts.port, timeout=seconds)
    except ValueError:
        raise SourceError("this address has no valid port. Write http://HOST:PORT/PATH") from None
    try:
        # `Connection: close` hands the socket to the answer; ours stays reachable for its time limit.
        connection.connect()
        kept = connection.sock
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", headers=headers)
        response = connection.getresponse()
        connection.sock = kept
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise SourceError(
            f"nothing answers there ({error or type(error).__name__}). Check address and network, and that it is on"
        ) from None
    if response.status in (301, 302, 303, 307, 308) and redirects:
        response.close()
        return _connect(urljoin(address, response.headers.get("Location", "")), seconds, redirects - 1)
    if response.status != 200:
        response.close()
        why = (
            "Put user and password into the address: http://USER:PASSWORD@HOST/"
            if response.status == 401
            else "Check the path"
        )
        raise SourceError(f"answers {response.status} {response.reason}. {why}")
    return connection, response
