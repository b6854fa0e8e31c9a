"""A folder in which pictures arrive -> each of them once, when it is whole."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import NamedTuple

from edge_digits.errors import SourceError
from edge_digits.sources.extras import left_out_line
from edge_digits.sources.files import is_picture, natural_key, pictures_in
from edge_digits.sources.inotify import Inotify

#: Seconds between two looks through a folder, where the system tells what happens in it and where it does not: files
#: on network shares come without a word. A look takes no more than a twentieth of the time.
_TOLD_SECONDS, _POLL_SECONDS = 10.0, 1.0
_LOOK_SHARE = 20


class Stamp(NamedTuple):
    """What tells a file from another one of its name: bytes, and nanoseconds since 1970 of its last change."""

    size: int
    changed: int

    @classmethod
    def of(cls, path: str) -> Stamp | None:
        """Of a file; None where it is gone, or no file."""
        try:
            status = Path(path).stat()
        except OSError:
            return None
        return cls(status.st_size, status.st_mtime_ns)


class Arrival(NamedTuple):
    """A picture that is whole, and what tells it from another one of its name."""

    path: str
    stamp: Stamp


class Arrivals:
    """Watches a folder.

    A file is whole when it was closed after writing, renamed or linked into the folder, all of which Linux tells; or
    when it has kept its size and its time of change for `settle` seconds, which is looked at as well.
    """

    def __init__(
        self,
        folder: str,
        *,
        recursive: bool = False,
        without: Sequence[Path] = (),
        settle: float = 2.0,
        poll: bool = False,
        say: Callable[[str], None],
    ) -> None:
        """Get ready.

        Args:
            folder: to watch.
            recursive: and its sub-folders.
            without: but not these, which the run writes to.
            settle: seconds without a change that make a file whole.
            poll: do without what the system tells.
            say: takes a line about a folder that is gone, and is back, and about files of kinds that are left out.

        Raises:
            SourceError: it is no folder, or cannot be read.
        """
        if not os.path.isdir(folder):
            raise SourceError(f"{folder}: is no folder. Name the one in which pictures arrive, or make it: mkdir -p")
        if not os.access(folder, os.R_OK | os.X_OK):
            raise SourceError(f"{folder}: the folder may not be read by this user. Change its permissions: chmod u+rx")
        self._folder, self._recursive, self._settle, self._say = folder, recursive, settle, say
        self._without = [str(path.resolve()) for path in without]
        self._polls = poll
        self._unsure: dict[str, tuple[Stamp, float]] = {}
        self._gone = False
        # Kinds of files that are left out, of which a line was said.
        self._told: set[str] = set()

    def watch(self, done: Callable[[Arrival], bool]) -> Iterator[Arrival]:
        """Pictures for ever: those that are there, in natural order, then each that arrives.

        Args:
            done: whether a picture was given before, and is not to be given again.
        """
        with ExitStack() as stack:
            inotify = None if self._polls else self._inotify(stack)
            next_look = 0.0
            while True:
                if monotonic() >= next_look:
                    begun = monotonic()
                    yield from self._look(inotify, done)
                    period = _POLL_SECONDS if inotify is None or self._gone else _TOLD_SECONDS
                    next_look = monotonic() + max(period, _LOOK_SHARE * (monotonic() - begun))
                # What is not settled yet is looked at again when it may be.
                due = min([next_look, *(since + self._settle for _, since in self._unsure.values())])
                whole, look = self._wait(inotify, min(due - monotonic(), 1.0))
                if look:
                    next_look = 0.0
                for path in whole:
                    if is_picture(path) and not os.path.basename(path).startswith(".") and not self._left_out(path):
                        yield from self._give(path, done)
                yield from self._settled(done)

    def _look(self, inotify: Inotify | None, done: Callable[[Arrival], bool]) -> Iterator[Arrival]:
        """Look through the folder: what is there and was not given is given when it has settled."""
        left_out: Counter[str] = Counter()
        try:
            if inotify is not None:
                self._add_folders(inotify)
            paths = sorted(pictures_in(self._folder, self._recursive, (), left_out), key=natural_key)
        except OSError as error:
            if not self._gone:
                self._say(f"{self._folder}: is gone ({error.strerror}); waiting until it is back")
            self._gone = True
            return
        if self._gone:
            self._say(f"{self._folder}: is back")
        self._gone = False
        if left_out.keys() - self._told:
            self._told.update(left_out)
            self._say(left_out_line(left_out))
        for path in paths:
            stamp = Stamp.of(path)
            if stamp is None or self._left_out(path) or done(Arrival(path, stamp)):
                continue
            before = self._unsure.get(path)
            if before is None or before[0] != stamp:
                self._unsure[path] = (stamp, monotonic())
        yield from self._settled(done)

    def _settled(self, done: Callable[[Arrival], bool]) -> Iterator[Arrival]:
        now, clock = monotonic(), time_ns()
        for path, (stamp, since) in list(self._unsure.items()):
            # A file that was last changed long ago need not be waited for.
            if now - since < self._settle and abs(clock - stamp.changed) < 1e9 * self._settle:
                continue
            current = Stamp.of(path)
            if current == stamp:
                yield from self._give(path, done)
            elif current is None:
                self._unsure.pop(path, None)
            else:
                self._unsure[path] = (current, now)

    def _give(self, path: str, done: Callable[[Arrival], bool]) -> Iterator[Arrival]:
        self._unsure.pop(path, None)
        stamp = Stamp.of(path)
        if stamp is not None and not done(Arrival(path, stamp)):
            yield Arrival(path, stamp)

    def _left_out(self, path: str) -> bool:
        folder = os.path.realpath(os.path.dirname(path))
        return any(folder == left or folder.startswith(left + os.sep) for left in self._without)

    def _wait(self, inotify: Inotify | None, seconds: float) -> tuple[list[str], bool]:
        if inotify is not None:
            return inotify.wait(seconds)
        sleep(max(0.0, seconds))
        return [], False

    def _inotify(self, stack: ExitStack) -> Inotify | None:
        with suppress(OSError):
            inotify = stack.enter_context(Inotify())
            self._add_folders(inotify)
            return inotify
        return None

    def _add_folders(self, inotify: Inotify) -> None:
        """Watch the folder and, where asked for, those in it; adding one again does nothing."""
        inotify.add(self._folder)
        if self._recursive:
            for folder, names, _ in os.walk(self._folder):
                names[:] = [name for name in names if not name.startswith(".")]
                for name in names:
                    with suppress(OSError):  # a link, or gone by now
                        inotify.add(os.path.join(folder, name))
