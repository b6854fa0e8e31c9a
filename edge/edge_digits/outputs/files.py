"""Files that are there whole or not at all, and never in place of another by accident."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import OutputError
from edge_digits.outputs.atomic import PartFile, cannot_write, write_whole


@contextmanager
def text_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """A text file that appears under its name when all is written; until then, and after a failure, it is PATH.part.

    The stream's attribute `name` says where it is until then.

    Raises:
        OutputError: it is there already and `force` was not given, another run is writing it, or it cannot be written.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        # /dev/stdout, a named pipe: nothing to be kept, and nothing to be replaced.
        try:
            with path.open("w", encoding="utf-8", newline="") as stream:
                yield stream
        except OSError as error:
            raise cannot_write(path, error) from None
        return
    with part_stream(path, force=force) as (stream, part):
        yield stream
        stream.close()
        part.publish(force=force)


@contextmanager
def part_stream(path: Path, *, force: bool) -> Iterator[tuple[TextIO, PartFile]]:
    """A part file that no other run writes, and a stream to write text to it; it stays where it is not published.

    Raises:
        OutputError: as `text_file`.
    """
    check_free(path, force=force)
    try:
        part = PartFile(path, alone=True).claim()
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        # By its own descriptor, as its name may be given to another file by whoever may write there.
        opener = partial(_duplicate, part.descriptor)
        with open(part.path, "w", encoding="utf-8", newline="", opener=opener) as stream:
            yield stream, part
    except OSError as error:
        raise cannot_write(path, error, kept=part.path) from None
    finally:
        part.close()


def _duplicate(descriptor: int, path: str, flags: int) -> int:
    return os.dup(descriptor)


def check_free(path: Path, *, force: bool) -> None:
    """Refuse to write over a file, or into a folder that is not there.

    Raises:
        OutputError: says which, and what to do.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder. Name a file in it")
    if path.exists() and not force:
        raise OutputError(f"{path}: is there already. Name another file, or write over it with --force")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder does not exist. Make it: mkdir -p {path.parent}")


def make_folder(path: Path, *, force: bool) -> Path:
    """Make a folder for results.

    Raises:
        OutputError: it cannot be made, or holds something already and `force` was not given.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if not force and any(path.iterdir()):
            raise OutputError(f"{path}: holds files already. Name another folder, or write into this one with --force")
    except OSError as error:
        raise cannot_write(path, error) from None
    return path


def write_picture(path: Path, picture: NDArray[Any]) -> None:
    """Write a picture in the format that the name's ending says.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        content = encoded(picture, path.suffix)
    except OutputError as error:
        raise OutputError(f"{path}: {error}") from None
    write_bytes(path, content)


def encoded(picture: NDArray[Any], suffix: str) -> bytes:
    """A picture as the bytes of a file with this ending.

    Raises:
        OutputError: there is no such format, or the picture is too large for it.
    """
    try:
        done, content = cv2.imencode(suffix, picture)
    except cv2.error as error:
        raise OutputError(f"cannot be coded as {suffix} ({error.err or error})") from None
    if not done:
        raise OutputError(f"cannot be coded as {suffix}")
    return np.asarray(content, np.uint8).tobytes()


def write_bytes(path: Path, content: bytes, *, force: bool = True) -> None:
    """Write a file beside its place and move it there.

    Raises:
        OutputError: it cannot be written, or is there by now and `force` was not given.
    """
    write_whole(path, lambda part: part.write_bytes(content), force=force)


class Names:
    """File names for results: the stem of each source, numbered where two are alike."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """Begin with no name used but, in `folders`, those of the files that are there."""
        self._used = {re.sub(r"(\.\d{3,})?\.png$", "", path.name) for folder in folders for path in folder.iterdir()}

    def of(self, source: str) -> str:
        """A name without an ending, not given before."""
        stem = os.path.splitext(os.path.basename(source))[0] if source != "-" else "stdin"
        stem = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in stem)
        # A file name may have 255 bytes, and endings of ours follow.
        stem = stem.encode("utf-8", "replace")[:200].decode("utf-8", "ignore") or "picture"
        if stem[0] in "=+-@":
            stem = "_" + stem[1:]  # labels.csv names it, in a cell that could become a formula
        name, number = stem, 2
        while name in self._used:
            name, number = f"{stem}-{number}", number + 1
        self._used.add(name)
        return name
