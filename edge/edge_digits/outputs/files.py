"""Files that are there whole or not at all, and never in place of another by accident."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import OutputError


@contextmanager
def text_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """A text file that appears under its name when all is written; until then, and after a failure, it is PATH.part.

    Raises:
        OutputError: it is there already and `force` was not given, or it cannot be written.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        # /dev/stdout, a named pipe: nothing to be kept, and nothing to be replaced.
        try:
            with path.open("w", encoding="utf-8", newline="") as stream:
                yield stream
        except OSError as error:
            raise cannot_write(path, error) from None
        return
    check_free(path, force=force)
    place = path.resolve()  # a link stays one
    part = place.with_name(place.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(place)
    except OSError as error:
        raise cannot_write(path, error) from None


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
    encoded, content = cv2.imencode(path.suffix, picture)
    if not encoded:
        raise OutputError(f"{path}: cannot be coded as {path.suffix}")
    write_bytes(path, np.asarray(content, np.uint8).tobytes())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a file that cannot be written, with what to do about the usual reasons."""
    if isinstance(error, BrokenPipeError):
        raise error
    return OutputError(f"{path}: cannot be written ({error.strerror or error}). Check free space and permissions there")


class Names:
    """File names for results: the stem of each source, numbered where two are alike."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def of(self, source: str) -> str:
        """A name without an ending, not given before."""
        stem = os.path.splitext(os.path.basename(source))[0] if source != "-" else "stdin"
        stem = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in stem)
        # A file name may have 255 bytes, and endings of ours follow.
        stem = stem.encode("utf-8", "replace")[:200].decode("utf-8", "ignore") or "picture"
        name, number = stem, 2
        while name in self._used:
            name, number = f"{stem}-{number}", number + 1
        self._used.add(name)
        return name
