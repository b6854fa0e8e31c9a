"""Linux's inotify, by the C library: the names of files as they are closed after writing or moved into a folder."""

from __future__ import annotations

import ctypes
import os
import select
import struct

# From <sys/inotify.h>.
_CLOSE_WRITE, _MOVED_TO, _CREATE, _OVERFLOW, _IS_DIR = 0x8, 0x80, 0x100, 0x4000, 0x40000000
_ONLY_DIR, _DONT_FOLLOW = 0x1000000, 0x2000000
_EVENT = struct.Struct("iIII")


class Inotify:
    """Folders that are watched; a context manager."""

    def __init__(self) -> None:
        """Begin.

        Raises:
            OSError: this system has none, or no more of it to give.
        """
        try:
            self._library = ctypes.CDLL(None, use_errno=True)
            self._descriptor: int = self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError) as error:
            raise OSError(f"no inotify here ({error})") from None
        if self._descriptor < 0:
            raise _error()
        self._folders: dict[int, str] = {}

    def __enter__(self) -> Inotify:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def add(self, folder: str) -> None:
        """Watch a folder, too; no link to one.

        Raises:
            OSError: it cannot be watched.
        """
        mask = _CLOSE_WRITE | _MOVED_TO | _CREATE | _ONLY_DIR | _DONT_FOLLOW * bool(self._folders)
        number = self._library.inotify_add_watch(self._descriptor, os.fsencode(folder), mask)
        if number < 0:
            raise _error()
        self._folders[number] = folder

    def wait(self, seconds: float) -> tuple[list[str], bool]:
        """The files that became whole within this time, in order; and whether the folders are to be looked through.

        They are where events were lost, or where a folder or a link was made, which tells nothing of what it holds.
        """
        if not select.select([self._descriptor], [], [], max(0.0, seconds))[0]:
            return [], False
        content, at = os.read(self._descriptor, 1 << 16), 0
        whole: list[str] = []
        unsure = False
        while at < len(content):
            number, mask, _, length = _EVENT.unpack_from(content, at)
            at += _EVENT.size
            name = os.fsdecode(content[at : at + length].rstrip(b"\0"))
            at += length
            unsure = unsure or bool(mask & _OVERFLOW) or bool(mask & _IS_DIR)
            if number not in self._folders or mask & _IS_DIR:
                continue
            path = os.path.join(self._folders[number], name)
            if mask & (_CLOSE_WRITE | _MOVED_TO) or (mask & _CREATE and _is_second_name(path)):
                whole.append(path)
        return whole, unsure


def _is_second_name(path: str) -> bool:
    """Whether a file that was just made is a link to one that was there: nobody closes it after writing."""
    try:
        return os.lstat(path).st_nlink > 1  # no object for each file
    except OSError:
        return False


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
