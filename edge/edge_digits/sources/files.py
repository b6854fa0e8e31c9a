"""A source as a user names it -> picture files, in a fixed order."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import nullcontext
from functools import cache
from pathlib import Path

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import SourceError
from edge_digits.sources.address import without_password
from edge_digits.sources.extras import EXTRAS, OTHERS, left_out_line
from edge_digits.sources.header import file_limit, no_memory
from edge_digits.sources.picture_file import STDIN, PictureFile, standard_input

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
#: Of a folder: its device and its number there.
_Identity = tuple[int, int] | None
_GLOB = re.compile(r"[*?[]")


def is_video(name: str) -> bool:
    """Whether a file is taken for a video, by the ending of its name."""
    return _suffix(name) in VIDEO_SUFFIXES


def expand(
    source: str, *, recursive: bool = False, without: Sequence[Path] = (), left_out: Counter[str] | None = None
) -> list[PictureFile]:
    """The picture files that a source stands for, in natural order (2.png before 10.png).

    Args:
        source: a file, a folder, a quoted glob, "-" for a picture on standard input, or @FILE, a list of paths (one a
            line, or separated by NUL bytes; "@-" reads it from standard input). In a glob, ** is any number of
            folders.
        recursive: look into sub-folders as well; links to folders are not followed.
        without: folders that are passed over where a folder or a glob leads into them: those that the run writes to.
        left_out: counts, by suffix, files of a folder that may show digits too, and are of kinds that are not read.

    Raises:
        SourceError: nothing has that name, or holds no picture.
    """
    if source == STDIN:
        return [PictureFile(STDIN)]
    if source.startswith("@"):
        return list(listed(source))
    if os.path.isdir(source):
        passed_over = {_identity(folder) for folder in without}
        return _in_folder(source, recursive, passed_over, Counter() if left_out is None else left_out)
    if "://" in source and not os.path.lexists(source):
        raise SourceError(
            f"{without_password(source)}: is an address, and no picture file. Read it with: edge-digits camera"
        )
    if not os.path.lexists(source) and _GLOB.search(source):
        import glob

        passed_over = {_identity(folder) for folder in without}
        matches = [
            match
            for match in glob.glob(source, recursive=True)
            if not os.path.isdir(match) and not _within(match, passed_over)
        ]
        if not matches:
            raise SourceError(
                f"{source}: no file matches. Check the pattern, and quote it so that the shell leaves it alone"
            )
        return [PictureFile(name) for name in sorted(matches, key=natural_key)]
    if not os.path.lexists(source):
        raise SourceError(f"{source}: no such file or folder. Check the name")
    return [PictureFile(source)]


def arriving(source: str, max_pixels: int = MAX_PIXELS) -> Iterator[PictureFile] | None:
    """The pictures of a source that may take its time, each as soon as it is there; None for other sources.

    Args:
        source: "-": one picture on standard input, or a stream of JPEG files, each of which is a frame; "@-": a list on
            standard input, of which each path is given as soon as its line has come.
        max_pixels: that a picture may have, which bounds what is read of a file too.

    Raises:
        SourceError: while the pictures are taken: standard input cannot be read, or the list on it was empty.
    """
    if source == STDIN:
        return _from_stdin(max_pixels)
    return listed("@-") if source == "@-" else None


def _from_stdin(max_pixels: int) -> Iterator[PictureFile]:
    from edge_digits.sources.jpegs import pictures

    try:
        for number, content in enumerate(pictures(standard_input(), file_limit(max_pixels))):
            yield PictureFile(STDIN, content, number)
    except MemoryError:
        raise SourceError(f"{STDIN}: {no_memory()}") from None
    except OSError:
        # Its own `read` will fail in the same way, and its record says so.
        yield PictureFile(STDIN)


def listed(source: str) -> Iterator[PictureFile]:
    """The files that a list names, as its lines are read.

    Args:
        source: @FILE, or "@-" for standard input.

    Raises:
        SourceError: the list cannot be read, or is empty.
    """
    from edge_digits.sources.lists import LineTooLongError, names

    path, empty = source[1:], True
    try:
        with nullcontext(standard_input()) if path == STDIN else open(path, "rb") as stream:
            for name in names(stream):
                empty = False
                yield PictureFile(name)
    except OSError as error:
        raise _no_list(source, error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise _no_list(source, f"it is no text in UTF-16: {error}") from None
    except LineTooLongError as error:
        raise _no_list(source, str(error)) from None
    if empty:
        raise SourceError(f"{source}: the list is empty. Write one path a line")


def _no_list(source: str, why: str) -> SourceError:
    return SourceError(f"{source}: the list cannot be read ({why}). Write a file with one path a line")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which numbers within names count as numbers."""
    return [
        (0, int(part), part) if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
    ]


def _in_folder(
    folder: str, recursive: bool, passed_over: Container[_Identity], left_out: Counter[str]
) -> list[PictureFile]:
    try:
        names = list(pictures_in(folder, recursive, passed_over, left_out))
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: the folder cannot be read ({error.strerror})") from None
    if not names:
        hint = "" if recursive else ". To look into its sub-folders too: --recursive"
        others = f". {left_out_line(left_out)}" if left_out else ""
        raise SourceError(f"{folder}: no pictures in this folder ({' '.join(sorted(_wanted()))}){hint}{others}")
    return [PictureFile(name) for name in sorted(names, key=natural_key)]


def pictures_in(
    folder: str, recursive: bool, passed_over: Container[_Identity], left_out: Counter[str]
) -> Iterator[str]:
    """The paths of the pictures in a folder, as the disk orders them, and of sub-folders that may not be read.

    Args:
        folder: a path.
        recursive: look into sub-folders as well.
        passed_over: sub-folders that are not looked into.
        left_out: counts, by suffix, files that may show digits too, and are of kinds that are not read.

    Raises:
        OSError: the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue  # hidden, as what macOS leaves beside pictures on a memory card
            if entry.is_dir(follow_symlinks=False):
                if recursive and _identity(entry.path) not in passed_over:
                    try:
                        yield from pictures_in(entry.path, recursive, passed_over, left_out)
                    except PermissionError:
                        yield entry.path  # a record that says so, beside those that can be read
            elif is_picture(entry.name):
                if _may_be_a_picture(Path(entry.path)):
                    yield entry.path
            elif (suffix := _suffix(entry.name)) in OTHERS or suffix in VIDEO_SUFFIXES:
                left_out[suffix] += 1


def is_picture(name: str) -> bool:
    """Whether a file is taken for a picture, by the ending of its name."""
    return _suffix(name) in _wanted()


@cache
def _wanted() -> frozenset[str]:
    """The endings of pictures, those included that need an extra which is installed."""
    return SUFFIXES.union(*(extra.suffixes for extra in EXTRAS if extra.installed))


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _identity(path: str | Path) -> _Identity:
    """What two names of one folder have in common; None where there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _within(path: str, folders: set[_Identity]) -> bool:
    """Whether a file lies in one of these folders, however deep."""
    folders = folders - {None}
    return bool(folders) and any(_identity(parent) in folders for parent in Path(path).absolute().parents)


def _may_be_a_picture(path: Path) -> bool:
    """No folder, and no pipe, which would be waited for; a broken link is for its record to tell."""
    return path.is_file() or not path.exists()
