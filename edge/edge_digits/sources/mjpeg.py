"""Motion JPEG over HTTP (`multipart/x-mixed-replace`), as network cameras and phones serve it.

Parsed here and not by FFmpeg: a stall ends after the seconds that were asked for, garbage between the pictures
costs only the picture that it hits, and the grey plane is decoded alone where nobody wants colours.
"""

from __future__ import annotations

import re
from typing import Any

from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.sources.decode import decode, decode_gray
from edge_digits.sources.http_client import HttpClient
from edge_digits.sources.jpegs import JpegCutter
from edge_digits.sources.stream import Shot, Stream, StreamError

_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"
#: Anything larger is not taken for a JPEG.
MAX_BYTES = 32 << 20
#: No JPEG has a longer side, pixels: nothing is scaled down to it.
_ANY_SIDE = 1 << 16
#: A picture of a given length ends with its end marker, and with no more bytes than this from there on.
_PADDED = 16
#: A header with the length of a picture stands within this many bytes before it.
_HEADER = 1024
_LENGTH = re.compile(rb"content-length:\s*(\d{1,9})", re.IGNORECASE)


class JpegParts:
    """Cuts a stream of bytes into JPEG files, whatever lies between them, in time that grows with the bytes alone.

    Attributes:
        damaged: how many pieces were begun and not ended, or were lost among garbage.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._cutter = JpegCutter(MAX_BYTES)
        #: Before these there is no end marker and no boundary after the picture's begin.
        self._searched = self._searched_boundary = 0
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
                if len(self._buffer) - begin > MAX_BYTES:
                    # All of it: to look for another begin within would take time that grows with its square.
                    self._drop(len(self._buffer) - _HEADER)
                    self.damaged += 1
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
        """Where the JPEG ends: by the length that its header gives, if that fits; else by its own marks."""
        lengths = _LENGTH.findall(self._buffer, max(0, begin - _HEADER), begin)
        if lengths:
            end = begin + int(lengths[-1])
            if end - begin <= MAX_BYTES:
                if len(self._buffer) < end:
                    return self._find_end_marker(begin) if self._find_boundary(begin) else None
                if self._buffer.rfind(_END, max(begin, end - _PADDED), end) >= 0:
                    return end
        return self._find_end_marker(begin)

    def _find_boundary(self, begin: int) -> bool:
        at = self._buffer.find(b"\r\n--", max(begin, self._searched_boundary - 3))
        self._searched_boundary = len(self._buffer) if at < 0 else at
        return at >= 0

    def _find_end_marker(self, begin: int) -> int | None:
        """Where its segments end, among which is no thumbnail's; of one that is broken, the next end marker."""
        end = self._cutter.find_end(self._buffer, begin)
        if end is not None and self._buffer.endswith(_END, begin, end):
            return end
        if end is None and not self._find_boundary(begin):
            return None
        at = self._buffer.find(_END, max(begin, self._searched - 1))
        if at < 0:
            self._searched = len(self._buffer)
            return None
        return at + len(_END)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._searched = self._searched_boundary = 0
        self._cutter.reset()

    def _drop_garbage(self) -> None:
        """Drop all but the last bytes, which may be a header with the length of what follows."""
        if len(self._buffer) > 1 << 16:
            self.damaged += 1
            self._drop(len(self._buffer) - _HEADER)


class MotionJpeg(Stream):
    """The content of an answer as a stream of JPEG files."""

    def __init__(self, client: HttpClient, *, gray: bool = False) -> None:
        """Take the answer that a client has got."""
        self._client, self._gray = client, gray
        self._parts = JpegParts()
        self._undecodable = 0

    @property
    def damaged(self) -> int:  # type: ignore[override]  # counted in two places
        """How many pieces could not be decoded."""
        return self._parts.damaged + self._undecodable

    def read(self) -> Shot | None:
        self._client.limit()
        while True:
            part = self._parts.next()
            if part is None:
                content = self._client.read()
                if not content:
                    raise StreamError("the camera closed the connection")
                self._parts.feed(content)
                continue
            try:
                return Shot(decode_jpeg(part, gray=self._gray))
            except PictureError:
                self._undecodable += 1

    def close(self) -> None:
        self._client.close()


def decode_jpeg(content: bytes, *, gray: bool) -> NDArray[Any]:
    """Decode a frame, within the limits of picture files: uint8 [H, W], or [H, W, 3] (BGR) where it has colours.

    Its EXIF orientation is ignored: cameras that write one write it for their own viewer.

    Raises:
        PictureError: no JPEG, broken, cut short, or too large.
    """
    if not content.startswith(_BEGIN):
        raise PictureError("is no JPEG")
    if gray:
        return decode_gray(content, _ANY_SIDE, ignore_exif=True)[0]
    return decode(content, ignore_exif=True)
