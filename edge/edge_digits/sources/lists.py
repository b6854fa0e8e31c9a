"""A list of paths, as programs and people write it -> its names, each as soon as its line is there."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from io import BufferedReader

#: What PowerShell and Notepad begin a file with, and the encoding that it speaks of.
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
#: More than any system lets a path have, bytes.
_MAX_LINE_BYTES = 1 << 16


class LineTooLongError(Exception):
    """What was to be a list has a line that is no path."""


def names(stream: BufferedReader) -> Iterator[str]:
    """The names in a list: one a line (LF or CR LF), or separated by NUL bytes as `find -print0` does; no empty ones.

    The list is UTF-8, or bytes as the file system has them, or UTF-16 with its byte order mark.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it begins like UTF-16, and is none.
        LineTooLongError: it is no list.
    """
    separator, rest = b"", b""
    for chunk in _chunks(stream):
        rest += chunk
        if not separator:
            # A name may hold a line break, where NUL bytes separate them.
            separator = b"\0" if b"\0" in rest else b"\n" if b"\n" in rest else b""
        if separator:
            *lines, rest = rest.split(separator)
            yield from _named(lines, separator)
        if len(rest) > _MAX_LINE_BYTES:
            raise LineTooLongError(f"a line of more than {_MAX_LINE_BYTES} bytes is no path")
    yield from _named([rest], separator)


def _named(lines: list[bytes], separator: bytes) -> Iterator[str]:
    for line in lines:
        name = line if separator == b"\0" else line.removesuffix(b"\r")
        if name:
            yield os.fsdecode(name)


def _chunks(stream: BufferedReader) -> Iterator[bytes]:
    """The bytes of a list as they come, without byte order mark, as names are encoded here."""
    begin = stream.read1(1 << 16)
    while any(mark.startswith(begin) and mark != begin for mark in _MARKS) and (more := stream.read1(1 << 16)):
        begin += more
    mark = next((mark for mark in _MARKS if begin.startswith(mark)), b"")
    begin, encoding = begin.removeprefix(mark), _MARKS.get(mark, "utf-8")
    decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
    chunk: bytes = begin or stream.read1(1 << 16)
    while chunk:
        yield chunk if decoder is None else os.fsencode(decoder.decode(chunk))
        chunk = stream.read1(1 << 16)
    if decoder is not None:
        yield os.fsencode(decoder.decode(b"", final=True))
