"""Files that are whole or not there: written beside their place, flushed to the disk, then given their name.

The one implementation of this for records, pictures, recordings, models and the files of a training run. What is
written beside the place is called a part file. Its name is claimed by O_EXCL, so that neither another run nor a link
that somebody left there is ever written to, and it is locked for as long as the process lives: a part file without a
lock is what a killed run left behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from edge_digits.errors import OutputError

#: What a file system without hard links (FAT on a memory card, some network shares) answers to one.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EINVAL})
#: The names of hidden part files, whole and before they have their own.
_LEFTOVER = re.compile(r"\..+\.part(\.\w+)?")
#: Bytes of a name that are kept in that of its part file: a name may have 255.
_MAX_NAME = 220


class PartFile:
    """A file on its way to its place: `claim` it, write to `path` or `descriptor`, then `publish` or `discard` it.

    Attributes:
        path: where it is from `claim` on until then; nobody else has this name.
        descriptor: open for writing.
    """

    path: Path

    def __init__(self, place: Path, *, keep_suffix: bool = False, hidden: bool = False, alone: bool = False) -> None:
        """Make nothing yet.

        Args:
            place: where the file is to be; a link is followed, and stays one.
            keep_suffix: NAME.part.mp4 for NAME.mp4, for writers that go by the ending.
            hidden: with a dot before it, for what is soon gone.
            alone: refuse if another run is on its way to the same place at this moment.
        """
        self._shown, self._hidden, self._alone = place, hidden, alone
        self._place = place.resolve() if place.is_symlink() else place
        self._names = _names(self._place, keep_suffix, hidden)
        # It is made under a name of chance and linked to its own: else another run could see it before it is locked.
        self._secret = self._place.with_name(f".{os.urandom(8).hex()}.part")
        self.descriptor = -1
        self._claimed = False

    def claim(self) -> Self:
        """Make it, locked, under a name beside the place: NAME.part, or NAME.2.part and so on where that is taken.

        Raises:
            OutputError: another run is writing there.
            OSError: no file can be made there.
        """
        try:
            for path in self._names:
                self.path = path
                if self._create():
                    self._claimed = True
                    return self
                if self._alone and _in_use(path):
                    raise OutputError(
                        f"{self._shown}: another run is writing it at this moment (as {path}). Wait for it, or "
                        "name another file"
                    )
        except BaseException:
            self.discard()  # nothing was written; Ctrl-C may come between any two steps of this
            raise
        raise AssertionError("there is always another name")

    def publish(self, *, force: bool) -> None:
        """Flush it to the disk, and give it its name.

        Args:
            force: replace what has this name.

        Raises:
            OutputError: there is a file of this name by now, and it is not to be replaced; the part file stays for now.
            OSError: the disk does not take it.
        """
        try:
            os.fsync(self.descriptor)
            if force:
                self.path.replace(self._place)
            else:
                self._link()
            self._claimed = False
            _flush_folder(self._place.parent)
        finally:
            self.close()

    def discard(self) -> None:
        """Delete it, as far as it was made."""
        self._unlink_secret()
        with suppress(OSError):
            # Where claiming it was broken off, the name may be another's.
            if self._claimed or os.path.samestat(os.fstat(self.descriptor), os.lstat(self.path)):
                self.path.unlink()
        self.close()

    def close(self) -> None:
        """Leave it where it is; nothing where it was published or discarded."""
        with suppress(OSError):
            os.close(self.descriptor)
        self.descriptor = -1

    def _create(self) -> bool:
        """Make a file that was not there, locked from its first moment; False where the name is taken."""
        if os.path.lexists(self.path):
            return False
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.descriptor = os.open(self._secret, flags, 0o666)
        try:
            _lock(self.descriptor, fcntl.LOCK_EX)
            os.link(self._secret, self.path)
        except FileExistsError:
            self.close()
            return False
        except OSError as error:
            self.close()
            if error.errno not in _NO_LINKS:
                raise
            try:
                self.descriptor = os.open(self.path, flags, 0o666)
            except FileExistsError:
                return False
            _lock(self.descriptor, fcntl.LOCK_EX)
        finally:
            self._unlink_secret()
        return True

    def _unlink_secret(self) -> None:
        with suppress(OSError):
            self._secret.unlink()

    def _link(self) -> None:
        """Give it its name where that is free; by a link, which two runs cannot both make."""
        try:
            os.link(self.path, self._place)
        except FileExistsError:
            raise self._lost_race() from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(self._place):
                raise self._lost_race() from None
            self.path.rename(self._place)
        else:
            self.path.unlink()

    def _lost_race(self) -> OutputError:
        what = "Name another file, or write over it with --force"
        if not self._hidden:
            what = f"What this one wrote is in {self.path}: give it another name"
        return OutputError(f"{self._shown}: another run has written a file of this name meanwhile. {what}")


def write_whole(place: Path, write: Callable[[Path], Any], *, force: bool = True) -> None:
    """Have `write` make a file, and give it its name when it is whole; nothing is left of it where that fails.

    Args:
        place: where it is to be.
        write: writes the file whose path it is given, which has the ending of `place`.
        force: replace what is there.

    Raises:
        OutputError: it cannot be written.
    """
    part = PartFile(place, keep_suffix=True, hidden=True)
    try:
        part.claim()
        write(part.path)
        # Writers may replace the file that they were given.
        with part.path.open("rb+") as written:
            os.fsync(written.fileno())
        part.publish(force=force)
    except OSError as error:
        raise cannot_write(place, error) from None
    finally:
        part.discard()  # nothing where it was published; after a failure, and after Ctrl-C, it is still there


@contextmanager
def folder_held(folder: Path) -> Iterator[None]:
    """Lock a folder for the time within.

    Raises:
        OutputError: another run holds it, or it cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise cannot_write(folder, error) from None
    try:
        if not _lock(descriptor, fcntl.LOCK_EX):
            raise OutputError(f"{folder}: another run is writing into this folder. Wait for it, or name another one")
        yield
    finally:
        os.close(descriptor)


def hold_file(path: Path) -> int:
    """Open a file to be read and appended to, made where it is missing, and lock it like a folder.

    Raises:
        OutputError: another run holds it.
        OSError: it cannot be opened.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    if _lock(descriptor, fcntl.LOCK_EX):
        return descriptor
    os.close(descriptor)
    raise OutputError(f"{path}: another run is using it. End that one first, or name another file")


def remove_leftovers(folder: Path) -> None:
    """Delete the part files that `write_whole` could not, because the process was killed; none of a living run."""
    for path in folder.iterdir():
        if _LEFTOVER.fullmatch(path.name) and path.is_file() and not path.is_symlink() and not _in_use(path):
            with suppress(OSError):
                path.unlink()


def append_whole(descriptor: int, content: bytes) -> None:
    """Append to a file all of this or, where the disk is full, nothing.

    Raises:
        OSError: it cannot be written.
    """
    end = os.lseek(descriptor, 0, os.SEEK_END)
    written = 0
    try:
        while written < len(content):
            written += os.write(descriptor, content[written:])
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, end)
        raise


def cannot_write(path: Path, error: OSError, kept: Path | None = None) -> OutputError:
    """The error for a file that cannot be written, and what to do about the usual reasons; `kept` has what there is."""
    if isinstance(error, BrokenPipeError):
        raise error
    so_far = "" if kept is None else f". What was written is in {kept}"
    return OutputError(
        f"{path}: cannot be written ({error.strerror or error}). Check free space and permissions there{so_far}"
    )


def _names(place: Path, keep_suffix: bool, hidden: bool) -> Iterator[Path]:
    """The names that the part file of a place may have, in the order in which they are tried."""
    stem, ending = (place.stem, f".part{place.suffix}") if keep_suffix else (place.name, ".part")
    stem = "." * hidden + os.fsdecode(os.fsencode(stem)[:_MAX_NAME])
    yield place.with_name(stem + ending)
    number = 2
    while True:
        yield place.with_name(f"{stem}.{number}{ending}")
        number += 1


def _in_use(path: Path) -> bool:
    """Whether a living run has a part file open; no link is followed, no pipe waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and not _lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    """Lock a file; False where another process has. File systems without locks are taken at their word."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _flush_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder; without which a power cut may lose a new one."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
