"""OpenCV's decoder, and what libpng and libjpeg write on standard error while it runs."""

from __future__ import annotations

import atexit
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.sources.header import no_memory

#: How lines of these libraries begin; others come from other threads, and are passed on.
_LINE = re.compile(
    rb"libpng (?:warning|error): |Corrupt JPEG data|Premature end of JPEG|Invalid SOS|Unsupported marker|Warning: "
    rb"|Unknown Adobe|Inconsistent progression|Must downscale|Application transferred"
)
#: OpenCV's own log, which says no more than the error that follows it.
_LOG = re.compile(rb"\[ ?(?:WARN|ERROR|INFO)")

#: Bytes of messages after which the memory that they are caught in is given back.
_ENOUGH = 1 << 24

#: OpenCV's Error::StsNoMem.
_NO_MEMORY = -4


class _StandardError:
    """File descriptor 2, pointed at memory while a decoder runs: a microsecond, and one decoder at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._memory: int | None = None
        self._taken = 0
        os.register_at_fork(after_in_child=self._begin_anew)
        atexit.register(self._pass_on)

    def _begin_anew(self) -> None:
        """A child has a lock that nobody gives back, and would share the place that is written at."""
        self._lock = Lock()
        if self._memory is not None:
            os.close(self._memory)
            self._memory = None

    def _pass_on(self) -> None:
        """What another thread had begun to write when the last decoder ended."""
        with self._lock:
            if self._memory is not None:
                _sorted(self._take(self._memory))

    def decode(self, buffer: NDArray[np.uint8], flags: int) -> tuple[Any, list[str], bool]:
        """Decode; also the lines of its libraries, and whether they could be caught."""
        with self._lock:
            try:
                kept = os.dup(2)
                memory = self._opened()
            except OSError:
                return cv2.imdecode(buffer, flags), [], False
            os.dup2(memory, 2)
            try:
                picture = cv2.imdecode(buffer, flags)
            finally:
                os.dup2(kept, 2)
                os.close(kept)
                lines = _sorted(self._take(memory))
        return picture, lines, True

    def _opened(self) -> int:
        if self._memory is None:
            self._memory, self._taken = os.memfd_create("edge-digits-stderr"), 0
            # Two threads that write at once would otherwise overwrite each other: a memfd has no lock on its position.
            fcntl.fcntl(self._memory, fcntl.F_SETFL, os.O_APPEND)
        return self._memory

    def _take(self, memory: int) -> bytes:
        """What is new. A write of another thread may still be under way, so nothing is dropped that was not read."""
        text = b""
        while new := os.pread(memory, 1 << 16, self._taken):
            text += new
            self._taken += len(new)
        if self._taken > _ENOUGH:
            self._memory = None
            os.close(memory)
        return text


_standard_error = _StandardError()


def imdecode(content: bytes | bytearray, flags: int) -> tuple[NDArray[Any], tuple[str, ...], bool]:
    """Decode a picture in memory.

    Args:
        content: the bytes of the file.
        flags: OpenCV's.

    Returns:
        The picture, the lines that its libraries wrote about it, and whether those could be caught.

    Raises:
        PictureError: it cannot be decoded, or there is not the memory for it.
    """
    try:
        with memory_errors():
            picture, lines, caught = _standard_error.decode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise PictureError(f"cannot be decoded ({lines[0]}). Save it again as PNG or JPEG") from None
    if picture is None:
        raise no_picture(content, lines)
    return np.asarray(picture), tuple(lines), caught


@contextmanager
def memory_errors() -> Iterator[None]:
    """Where memory runs out, that is an error of the picture.

    Raises:
        PictureError: it did.
    """
    try:
        yield
    except MemoryError:
        raise no_memory() from None
    except cv2.error as error:
        if error.code != _NO_MEMORY:
            raise
        raise no_memory() from None


def no_picture(content: bytes | bytearray, lines: list[str] | None = None) -> PictureError:
    """The error of a file that is of no format that is read, or broken; with what its library says."""
    said = f"; {lines[0]}" if lines else ""
    return PictureError(
        f"is no picture that can be read, or a broken one ({len(content)} bytes, beginning with "
        f"{bytes(content[:8])!r}{said}). Save it as PNG or JPEG"
    )


def _sorted(text: bytes) -> list[str]:
    """The lines of libraries; what others wrote meanwhile goes where it was meant to go."""
    lines: list[str] = []
    others: list[bytes] = []
    for line in text.splitlines(keepends=True):
        if _LINE.match(line):
            lines.append(line.decode("utf-8", "replace").strip())
        elif not _LOG.match(line):
            others.append(line)
    if others:
        os.write(2, b"".join(others))
    return list(dict.fromkeys(lines))
