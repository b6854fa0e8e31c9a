"""A source as a user names it -> picture files, in a fixed order."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_digits.errors import PictureError, SourceError
from edge_digits.sources.address import without_password

#: What a folder is searched for. A file that is named itself is read whatever it is called.
SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "png",
        "jpg",
        "jpeg",
        "jpe",
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
_GLOB = re.compile(r"[*?[]")


@dataclass(frozen=True)
class PictureFile:
    """One picture that is to be read: a path, or "-" for standard input."""

    name: str

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            PictureError: it cannot be read; says why and what to do.
        """
        try:
            if self.name == STDIN:
                return _standard_input()
            return Path(self.name).read_bytes()
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


def is_video(name: str) -> bool:
    """Whether a file is taken for a video, by the ending of its name."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES


def expand(source: str, *, recursive: bool = False) -> list[PictureFile]:
    """The picture files that a source stands for, in natural order (2.png before 10.png).

    Args:
        source: a file, a folder, a quoted glob, "-" for a picture on standard input, or @FILE, a list of paths (one a
            line, or separated by NUL bytes; "@-" reads it from standard input).
        recursive: look into sub-folders as well; links to folders are not followed.

    Raises:
        SourceError: nothing has that name, or holds no picture.
    """
    if source == STDIN:
        return [PictureFile(STDIN)]
    if source.startswith("@"):
        return [PictureFile(name) for name in _read_list(source[1:])]
    if os.path.isdir(source):
        return _in_folder(source, recursive)
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


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer.read()


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which numbers within names count as numbers."""
    return [
        (0, int(part), part) if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
    ]


def _read_list(path: str) -> list[str]:
    try:
        content = _standard_input() if path == STDIN else Path(path).read_bytes()
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


def _in_folder(folder: str, recursive: bool) -> list[PictureFile]:
    try:
        names = list(_pictures(folder, recursive))
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: the folder cannot be read ({error.strerror})") from None
    if not names:
        hint = "" if recursive else ". To look into its sub-folders too: --recursive"
        raise SourceError(f"{folder}: no pictures in this folder ({' '.join(sorted(SUFFIXES))}){hint}")
    return [PictureFile(name) for name in sorted(names, key=natural_key)]


def _pictures(folder: str, recursive: bool) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue  # hidden, as what macOS leaves beside pictures on a memory card
            if entry.is_dir(follow_symlinks=False):
                if recursive:
                    try:
                        yield from _pictures(entry.path, recursive)
                    except PermissionError:
                        yield entry.path  # a record that says so, beside those that can be read
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and _may_be_a_picture(Path(entry.path)):
                yield entry.path


def _may_be_a_picture(path: Path) -> bool:
    """No folder, and no pipe, which would be waited for; a broken link is for its record to tell."""
    return path.is_file() or not path.exists()
