"""JPEG files one behind the other on a pipe, as cameras and FFmpeg (`-f image2pipe`) write them, cut apart.

Their marker segments are walked by length, as ITU T.81, annex B, lays them out, so that a thumbnail within a picture
is not taken for one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

_BEGIN = b"\xff\xd8\xff"
_END, _SCAN = 0xD9, 0xDA
#: Markers without a length: TEM, RST0..RST7, and a byte that is stuffed into coded data.
_BARE = {0x00, 0x01, *range(0xD0, 0xD8)}
#: What is read at a time, bytes.
_PIECE_BYTES = 1 << 16
#: A boundary between the pictures of a stream by `ffmpeg -f mpjpeg`.
_BOUNDARY = b"--"
#: What may lie between two pictures of a stream.
_PADDING = b"\r\n\0 "


class Bytes(Protocol):
    """What bytes are read from, as from a `BufferedReader`."""

    def read1(self, size: int, /) -> bytes: ...


def pictures(stream: Bytes, max_bytes: int) -> Iterator[bytes]:
    """Cut what comes into pictures, and give each as soon as its last byte is there.

    What does not begin as a JPEG file, or has no other one right behind its first, is one picture: a PNG, or a
    photograph with a video or a second view behind it, as phones write them. In a stream, what lies between two
    pictures is left out, and one that was cut short is given as it is, for its record to tell.

    Args:
        stream: where they come from.
        max_bytes: of one picture. What is longer is left out of a stream; where it is alone, one byte more than that is
            read of it and given.

    Raises:
        OSError: it cannot be read.
    """
    cutter, first = JpegCutter(max_bytes), _First(max_bytes)
    is_stream: bool | None = None
    while chunk := stream.read1(_PIECE_BYTES):
        if is_stream is None:
            is_stream = first.add(chunk)
            if is_stream is None:
                continue
            chunk = first.take()
            if not is_stream:
                yield _rest(chunk, stream, max_bytes)
                return
        yield from cutter.feed(chunk)
    if is_stream:
        yield from cutter.end()
    else:
        yield first.take()


def _rest(begin: bytes, stream: Bytes, max_bytes: int) -> bytes:
    """What begins so, to its end, or to the byte by which it is too long."""
    pieces, size = [begin], len(begin)
    while size <= max_bytes and (piece := stream.read1(_PIECE_BYTES)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)[: max_bytes + 1]


class _First:
    """The first picture, of which it is to be found out whether others follow."""

    def __init__(self, max_bytes: int) -> None:
        self._content = bytearray()
        self._cutter, self._max_bytes = JpegCutter(max_bytes), max_bytes
        self._end: int | None = None

    def take(self) -> bytes:
        """What came; it is not held here any longer, as decoding it takes memory enough."""
        content = bytes(self._content)
        self._content.clear()
        return content

    def add(self, chunk: bytes) -> bool | None:
        """Take what came; whether it begins a stream of JPEG files, None where that cannot be said yet."""
        content = self._content
        content += chunk
        if len(content) > self._max_bytes:
            return False
        if content.startswith(_BOUNDARY):
            return True
        if not content.startswith(_BEGIN[: len(content)]):
            return None if _BOUNDARY.startswith(content) else False
        self._end = self._end or self._cutter.find_end(content)
        if self._end is None:
            return None
        following = bytes(content[self._end :]).lstrip(_PADDING)
        if len(following) < len(_BEGIN):
            return None
        # Several views of one photograph lie in one file by CIPA DC-007, of which this is the mark.
        return following.startswith((_BEGIN, _BOUNDARY)) and b"MPF\0" not in content[: self._end]


class JpegCutter:
    """Cuts a stream of bytes into JPEG files."""

    def __init__(self, max_bytes: int) -> None:
        self._buffer, self._max_bytes = bytearray(), max_bytes
        self._at = 0
        self._in_scan = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add what came; the pictures that are whole by it."""
        self._buffer += data
        while True:
            begin = self._buffer.find(_BEGIN)
            if begin:
                # All but the last bytes, which may be the first of a picture.
                self._drop(begin if begin > 0 else max(0, len(self._buffer) - len(_BEGIN) + 1))
            if begin < 0:
                return
            end = self.find_end(self._buffer)
            if end is None:
                if len(self._buffer) > self._max_bytes:
                    self._drop(len(_BEGIN))
                    continue
                return
            yield bytes(self._buffer[:end])
            self._drop(end)

    def end(self) -> Iterator[bytes]:
        """What is left, where a picture was begun."""
        if self._buffer.startswith(_BEGIN):
            yield bytes(self._buffer)

    def find_end(self, content: bytearray, begin: int = 0) -> int | None:
        """Where the JPEG file that begins there ends, or breaks off; None where more bytes are needed.

        It goes on where it was, and so takes the same bytes, with more behind them, until `reset`.
        """
        at = self._at or begin + 2
        while True:
            if self._in_scan:
                at = content.find(0xFF, at)
                if at < 0:
                    self._at = len(content)
                    return None
            if at + 1 >= len(content):
                break
            if content[at] != 0xFF:
                return at  # no marker where there must be one
            marker = content[at + 1]
            if marker == _END:
                return at + 2
            if marker == _BEGIN[1]:
                return at  # the next picture begins: this one was cut short
            if marker == 0xFF:
                at += 1
            elif marker in _BARE:
                at += 2
            else:
                if at + 4 > len(content):
                    break
                self._in_scan = marker == _SCAN
                length = int.from_bytes(content[at + 2 : at + 4])
                if at + 2 + length > len(content):
                    break
                at += 2 + max(length, 2)
        self._at = at
        return None

    def reset(self) -> None:
        """Another file is to be looked at."""
        self._at, self._in_scan = 0, False

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self.reset()
