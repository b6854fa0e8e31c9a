"""JPEG files on standard input as frames: `rpicam-vid --codec mjpeg -o - | edge-digits camera -`."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import PictureError, SourceError
from edge_digits.sources.decode import decode
from edge_digits.sources.header import file_limit
from edge_digits.sources.jpegs import pictures
from edge_digits.sources.picture_file import standard_input
from edge_digits.sources.stream import USUAL_RATE, Shot, Stream, StreamError


class JpegPipe(Stream):
    """Standard input: live where a program writes it, a recording where it is a file."""

    reopens = False

    def __init__(self) -> None:
        """Begin.

        Raises:
            SourceError: standard input is closed, or is a terminal.
        """
        try:
            stream = standard_input()
        except OSError as error:
            raise SourceError(f"-: {error.strerror}. Pipe JPEG files into it") from None
        if stream.isatty():
            raise SourceError("-: standard input is a terminal. Pipe JPEG files into it")
        self.live = not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
        self._input = _Interruptible(stream.fileno())
        self._pictures: Iterator[bytes] = pictures(self._input, file_limit(MAX_PIXELS))
        self._count = 0

    def read(self) -> Shot | None:
        for content in self._pictures:
            self._count += 1
            try:
                # A file has no clock: its frames come as most cameras' do.
                return Shot(decode(content), None if self.live else (self._count - 1) / USUAL_RATE)
            except PictureError:
                self.damaged += 1
        if self._count == self.damaged:
            raise StreamError("no JPEG file came on standard input. Write them there one behind the other")
        return None

    def interrupt(self) -> None:
        self._input.stopped = True

    def close(self) -> None:
        """Nothing is to be given back."""


class _Interruptible:
    """A descriptor to read from, until another thread says that it is enough."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.stopped = False

    def read1(self, size: int, /) -> bytes:
        while not self.stopped:
            if select.select([self._descriptor], [], [], 0.2)[0]:
                return os.read(self._descriptor, size)
        return b""
