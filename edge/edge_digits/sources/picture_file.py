"""One picture file, or a picture on standard input -> its bytes, as many as a picture may have."""

from __future__ import annotations

import errno
import os
import stat
import sys
from dataclasses import dataclass
from io import BufferedReader
from typing import IO

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import PictureError
from edge_digits.sources.header import file_limit, no_memory

STDIN = "-"
#: What is read at a time of what has no size.
_PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class PictureFile:
    """One picture file that is to be read.

    Attributes:
        name: a path, or "-" for standard input.
        content: its bytes, where they have been read already, as those of a stream are.
        frame: its number in a stream, from 0.
    """

    name: str
    content: bytes | None = None
    frame: int = 0

    def ahead(self) -> PictureFile:
        """The same file, on its way from afar while others are read; itself, where it is near."""
        return self

    def read(self, max_pixels: int = MAX_PIXELS) -> bytes:
        """The file's bytes.

        Args:
            max_pixels: that a picture may have, which bounds its file too.

        Raises:
            PictureError: it cannot be read, or is too large; says why and what to do.
        """
        if self.content is not None:
            if len(self.content) > file_limit(max_pixels):
                raise _too_large(max_pixels)
            return self.content
        try:
            if self.name == STDIN:
                return _bounded(standard_input(), max_pixels)
            return read_picture_file(self.name, max_pixels)
        except FileNotFoundError:
            raise PictureError(
                "does not exist. Check the name" if not os.path.islink(self.name) else "is a link to nothing"
            ) from None
        except IsADirectoryError:
            raise PictureError(
                "is a folder, not a picture. Name the folder itself as a source to read what is in it"
            ) from None
        except PermissionError:
            raise PictureError("may not be read by this user. Change its permissions: chmod u+r FILE") from None
        except OSError as error:
            raise PictureError(f"cannot be read ({error.strerror or error})") from None


def read_picture_file(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> bytes:
    """The bytes of a file, which is measured first; `max_pixels` as for `PictureFile.read`.

    Raises:
        PictureError: it is larger than the file of a picture.
        OSError: it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        return _bounded(file, max_pixels)


def standard_input() -> BufferedReader:
    """The bytes of standard input.

    Raises:
        OSError: it is closed.
    """
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer  # type: ignore[return-value]  # of standard input it is one


def _bounded(file: IO[bytes], max_pixels: int) -> bytes:
    limit = file_limit(max_pixels)
    size = _size(file)
    pieces: list[bytes] = []
    try:
        # One byte more than there are, so that what grows, or has no size as a pipe has none, is noticed.
        while size <= limit and (piece := file.read(1 + max(size, _PIECE_BYTES) if not pieces else _PIECE_BYTES)):
            pieces.append(piece)
            size = sum(map(len, pieces))
        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except MemoryError:
        raise no_memory() from None
    if size > limit:
        raise _too_large(max_pixels)
    return content


def _size(file: IO[bytes]) -> int:
    """In bytes; 0 of what has none."""
    try:
        found = os.fstat(file.fileno())
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _too_large(max_pixels: int) -> PictureError:
    return PictureError(
        f"is too large: a file of more than {file_limit(max_pixels) >> 20} MB. Name a picture, scale it down, or raise "
        "the limit: --max-pixels"
    )
