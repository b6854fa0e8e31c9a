"""A source as a user names it -> picture files, in a fixed order."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import PictureError, SourceError
from edge_digits.sources.address import without_password
from edge_digits.sources.extras import EXTRAS, OTHERS, left_out_line
from edge_digits.sources.header import memory_limit, no_memory

#: What a folder is searched for. A file that is named itself is read whatever it is called.
SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "png",
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "apng",
        "bmp",
        "dib",
        "tif",
        "tiff",
        "webp",
        "pbm",
        "pgm",
        "ppm",
        "pnm",
        "gif",
        "jp2",
        "j2k",
        "avif",
    )
)
VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in [
        "mp4",
        "m4v",
        "mov",
        "avi",
        "mkv",
        "webm",
        "mpg",
        "mpeg",
        "ts",
        "mts",
        "wmv",
        "flv",
        "3gp",
        "mjpeg",
        "mjpg",
        "ogv",
    ]
)
STDIN = "-"
#: What is read at a time of what has no size.
_PIECE_BYTES = 1 << 16
_GLOB = re.compile(r"[*?[]")


@dataclass(frozen=True)
class PictureFile:
    """One picture that is to be read: a path, or "-" for standard input."""

    name: str

    def read(self, max_pixels: int = MAX_PIXELS) -> bytes:
        """The file's bytes.

        Args:
            max_pixels: that a picture may have, which bounds its file too.

        Raises:
            PictureError: it cannot be read, or is too large; says why and what to do.
        """
        try:
            if self.name == STDIN:
                return _bounded(_standard_input(), max_pixels)
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


def _bounded(file: IO[bytes], max_pixels: int) -> bytes:
    limit = memory_limit(max_pixels) // 2
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
        raise PictureError(
            f"is too large: a file of more than {limit >> 20} MB. Name a picture, scale it down, or raise the limit: "
            "--max-pixels"
        )
    return content


def _size(file: IO[bytes]) -> int:
    """In bytes; 0 of what has none."""
    try:
        found = os.fstat(file.fileno())
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def is_video(name: str) -> bool:
    """Whether a file is taken for a video, by the ending of its name."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES


def expand(source: str, *, recursive: bool = False, left_out: Counter[str] | None = None) -> list[PictureFile]:
    """The picture files that a source stands for, in natural order (2.png before 10.png).

    Args:
        source: a file, a folder, a quoted glob, "-" for a picture on standard input, or @FILE, a list of paths (one a
            line, or separated by NUL bytes; "@-" reads it from standard input).
        recursive: look into sub-folders as well; links to folders are not followed.
        left_out: counts, by suffix, files of a folder that may show digits too, and are of kinds that are not read.

    Raises:
        SourceError: nothing has that name, or holds no picture.
    """
    if source == STDIN:
        return [PictureFile(STDIN)]
    if source.startswith("@"):
        return [PictureFile(name) for name in _read_list(source[1:])]
    if os.path.isdir(source):
        return _in_folder(source, recursive, Counter() if left_out is None else left_out)
    if "://" in source and not os.path.lexists(source):
        raise SourceError(
            f"{without_password(source)}: is an address, and no picture file. Read it with: edge-digits camera"
        )
    if not os.path.lexists(source) and _GLOB.search(source):
        import glob

        matches = [match for match in glob.glob(source, recursive=recursive) if not os.path.isdir(match)]
        if not matches:
            raise SourceError(
                f"{source}: no file matches. Check the pattern, and quote it so that the shell leaves it alone"
            )
        return [PictureFile(name) for name in sorted(matches, key=natural_key)]
    if not os.path.lexists(source):
        raise SourceError(f"{source}: no such file or folder. Check the name")
    return [PictureFile(source)]


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which numbers within names count as numbers."""
    return [
        (0, int(part), part) if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
    ]


def _read_list(path: str) -> list[str]:
    try:
        content = _standard_input().read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise SourceError(
            f"@{path}: the list cannot be read ({error.strerror}). Write a file with one path a line"
        ) from None
    separator = b"\0" if b"\0" in content else b"\n"
    names = [os.fsdecode(line.rstrip(b"\r")) for line in content.split(separator)]
    names = [name for name in names if name]
    if not names:
        raise SourceError(f"@{path}: the list is empty. Write one path a line")
    return names


def _in_folder(folder: str, recursive: bool, left_out: Counter[str]) -> list[PictureFile]:
    wanted = SUFFIXES.union(*(extra.suffixes for extra in EXTRAS if extra.installed))
    try:
        names = list(_pictures(folder, recursive, wanted, left_out))
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: the folder cannot be read ({error.strerror})") from None
    if not names:
        hint = "" if recursive else ". To look into its sub-folders too: --recursive"
        others = f". {left_out_line(left_out)}" if left_out else ""
        raise SourceError(f"{folder}: no pictures in this folder ({' '.join(sorted(wanted))}){hint}{others}")
    return [PictureFile(name) for name in sorted(names, key=natural_key)]


def _pictures(folder: str, recursive: bool, wanted: frozenset[str], left_out: Counter[str]) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue  # hidden, as what macOS leaves beside pictures on a memory card
            suffix = os.path.splitext(entry.name)[1].lower()
            if entry.is_dir(follow_symlinks=False):
                if recursive:
                    try:
                        yield from _pictures(entry.path, recursive, wanted, left_out)
                    except PermissionError:
                        yield entry.path  # a record that says so, beside those that can be read
            elif suffix in wanted:
                if _may_be_a_picture(Path(entry.path)):
                    yield entry.path
            elif suffix in OTHERS or suffix in VIDEO_SUFFIXES:
                left_out[suffix] += 1


def _may_be_a_picture(path: Path) -> bool:
    """No folder, and no pipe, which would be waited for; a broken link is for its record to tell."""
    return path.is_file() or not path.exists()
