"""Pictures read by several processes, in the order in which they were named.

A process that dies (a decoder that crashes, a system short of memory) costs the picture that it had in hand, of a
document this page and those behind it, and no other: a new one takes its place. Where a picture has several tries, it
is lost when it has ended as many processes. The standard library's pools give up as a whole there.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import signal
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any

from edge_digits.batch.reading import Input, Result, read_other, read_picture
from edge_digits.errors import EdgeDigitsError
from edge_digits.outputs.folders import Drawing
from edge_digits.reader import DigitReader
from edge_digits.results import Reading
from edge_digits.sources.files import is_video
from edge_digits.sources.picture_file import PictureFile

#: What a process is given ahead takes it about so long, seconds: messages cost as much as reading a tenth of a crop.
_AHEAD_SECONDS = 0.1
#: At least so many pictures, so that it never waits for the next one, and at most.
_MIN_AHEAD, _MAX_AHEAD = 2, 32
#: A process sends what it has read after so many seconds at the latest.
_SEND_SECONDS = 0.03
#: Pictures that wait for an earlier one, for each process: with them the memory that a run takes is bounded.
_WAITING = 64
#: So many processes in a row that end while nothing is read, and the run ends.
_STILLBORN = 3

#: Signals that a terminal or a service manager sends to all; the process that leads takes them, and ends the others.
_FOR_THE_LEADER = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LoadReader = Callable[[], DigitReader]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


class Workers:
    """Processes that read; a context manager, which ends them."""

    def __init__(self, count: int, load: LoadReader, drawing: Drawing, *, tries: int = 1) -> None:
        """Start them.

        Args:
            count: how many.
            load: loads the reader, in each of them: a function that can be pickled.
            drawing: what each draws of its readings.
            tries: processes that a picture may end before it is given up.
        """
        self._arguments, self._tries = (load, drawing), tries
        self._workers = [_Worker(self._arguments) for _ in range(count)]
        self._results: defaultdict[int, deque[Result]] = defaultdict(deque)
        # Of inputs that ended a process: how many, the pages that had come by then, and those that are to come again.
        self._deaths: Counter[int] = Counter()
        self._pages: Counter[int] = Counter()
        self._again: Counter[int] = Counter()
        self._stillborn = 0

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()  # all at once, and then wait for each
        for worker in self._workers:
            worker.end()

    def read(self, inputs: Iterable[Input], reader: DigitReader, drawing: Drawing, stride: int) -> Iterator[Result]:
        """Read inputs; videos are read in this process, in their turn, while the others go on with pictures.

        Args:
            inputs: what is to be read; of an iterator, the next one may be long in coming.
            reader, drawing: for videos.
            stride: of videos, each so many-th frame.

        Raises:
            EdgeDigitsError: one process after the other ends before it has read anything.
        """
        feed = _Arriving(inputs) if isinstance(inputs, Iterator) else _Listed(inputs)
        others: dict[int, Input] = {}
        for counter in (self._deaths, self._pages, self._again):
            counter.clear()
        taken = due = 0
        window = _WAITING * len(self._workers)
        waiting: deque[tuple[int, PictureFile]] = deque()
        while True:
            while taken < due + window and (item := feed.take()) is not None:
                if isinstance(item, PictureFile) and not is_video(item.name):
                    waiting.append((taken, item))
                else:
                    others[taken] = item
                taken += 1
            self._hand_out(waiting)
            if due in others:
                yield from read_other(due, others.pop(due), reader, drawing, stride)
                due += 1
            elif due in self._results:
                pages = self._results[due]
                result = pages.popleft()
                if not pages:
                    del self._results[due]
                yield result
                due += not result.more_pages
            elif feed.ended and due == taken:
                feed.check()
                return
            else:
                self._collect(waiting, feed.bells if taken < due + window else [])

    def unwritten(self) -> list[Result]:
        """What has been read after the last result that was taken, where the run ends early."""
        return [result for number in sorted(self._results) for result in self._results[number]]

    def _hand_out(self, waiting: deque[tuple[int, PictureFile]]) -> None:
        for worker in sorted(self._workers, key=lambda worker: len(worker.tasks)):
            if waiting and len(worker.tasks) <= worker.ahead // 2:
                count = min(worker.ahead - len(worker.tasks), -(-len(waiting) // len(self._workers)))
                worker.give([waiting.popleft() for _ in range(count)])

    def _collect(self, waiting: deque[tuple[int, PictureFile]], bells: list[Any]) -> None:
        """Wait for results, or for more inputs, and take what is there."""
        by_connection = {worker.connection: worker for worker in self._workers}
        for ready in wait([*by_connection, *bells]):
            worker = by_connection.get(ready)  # type: ignore[call-overload]  # a bell is in there as well
            if worker is None:
                continue
            try:
                while worker.connection.poll():
                    for result in worker.take():
                        self._keep(result)
                        self._stillborn = 0
            except (EOFError, OSError):
                self._replace(worker, waiting)

    def _keep(self, result: Result) -> None:
        """Put a result with those that are to be written, unless an earlier try has given it."""
        number = result.number
        if self._again[number]:
            left = self._again[number]
            self._again[number] -= 1
            if result.more_pages:
                return
            # It has fewer pages than there were: it was changed, or fails at another one.
            result = replace(result, reading=replace(result.reading, frame=result.reading.frame + left))
            del self._again[number]
        self._results[number].append(result)

    def _replace(self, worker: _Worker, waiting: deque[tuple[int, PictureFile]]) -> None:
        """A process has died: the picture that it had in hand is tried again, or lost; a new one gets the others."""
        code, lost = worker.end(), worker.in_hand
        self._stillborn = 0 if worker.read or lost else self._stillborn + 1
        if self._stillborn >= _STILLBORN:
            raise EdgeDigitsError(
                f"processes that are to read end at once ({_said(code)}). Read with fewer: -j 1, and look for what is "
                "wrong: edge-digits doctor"
            )
        if lost is not None:
            number, file = lost
            self._deaths[number] += 1
            self._pages[number] = self._again[number] = max(self._pages[number], worker.pages)
            if self._deaths[number] >= self._tries:
                worker.tasks.remove(lost)
                reading = Reading.failed(file.name, self._gave_up(code), file.frame + self._pages[number])
                self._results[number].append(Result(number, reading))
        waiting.extendleft(reversed(worker.tasks))
        self._workers[self._workers.index(worker)] = _Worker(self._arguments)

    def _gave_up(self, code: int | None) -> str:
        times = "" if self._tries == 1 else f", {self._tries} times"
        return f"ended the process that read it{times} ({_said(code)}). Save it again as PNG, or free memory: fewer -j"


class _Worker:
    """One process, and what it was given and has not answered yet, in order."""

    def __init__(self, arguments: tuple[LoadReader, Drawing]) -> None:
        # Forking a process in which OpenCV or onnxruntime runs threads would hang.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.tasks: deque[tuple[int, PictureFile]] = deque()
        self.read = 0
        # Pages of the first task that have come.
        self.pages = 0
        self.ahead = _MIN_AHEAD
        # The number of the picture that it reads, in memory that outlives it.
        self._reads = context.Value("q", -1, lock=False)
        self._process = context.Process(target=_work, args=(theirs, self._reads, *arguments), daemon=True)
        with _signals_blocked():
            self._process.start()
        theirs.close()

    @property
    def in_hand(self) -> tuple[int, PictureFile] | None:
        """What it was reading when it died; None where it had answered all, or had not begun."""
        return next((task for task in self.tasks if task[0] == self._reads.value), None)

    def give(self, tasks: list[tuple[int, PictureFile]]) -> None:
        """Hand it pictures; where it has died, its connection will tell."""
        self.tasks.extend(tasks)
        with suppress(OSError):
            self.connection.send(tasks)

    def take(self) -> list[Result]:
        """What it has read.

        Raises:
            EOFError, OSError: it has died.
        """
        results, seconds = self.connection.recv()
        done = 0
        for result in results:
            self.pages += 1
            if not result.more_pages:
                self.tasks.popleft()
                self.pages = 0
                done += 1
        self.read += done
        self.ahead = max(_MIN_AHEAD, min(_MAX_AHEAD, round(_AHEAD_SECONDS * done / seconds)))
        return list(results)

    def end(self) -> int | None:
        """End it, at once; its exit code."""
        self.connection.close()
        self._process.join(0.2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        return self._process.exitcode


class _Listed:
    """Inputs that are all known."""

    def __init__(self, inputs: Iterable[Input]) -> None:
        self._inputs = iter(inputs)
        self.bells: list[Connection] = []
        self.ended = False

    def take(self) -> Input | None:
        """The next input; None behind the last."""
        item = next(self._inputs, None)
        self.ended = item is None
        return item

    def check(self) -> None:
        """Nothing can be wrong with them."""


class _Arriving:
    """Inputs from a pipe, taken by a thread of their own: results must not wait for them.

    Attributes:
        bells: what can be waited for; rings when there is something to take.
        ended: whether all have been taken.
    """

    def __init__(self, inputs: Iterable[Input]) -> None:
        bell, self._ring = multiprocessing.Pipe(duplex=False)
        self.bells = [bell]
        self.ended = False
        self._error: BaseException | None = None
        self._queue: queue.Queue[Input | None] = queue.Queue(maxsize=_WAITING)
        threading.Thread(target=self._run, args=(iter(inputs),), daemon=True).start()

    def take(self) -> Input | None:
        """The next input, if there is one by now."""
        if self.ended:
            return None
        while self.bells[0].poll():
            self.bells[0].recv_bytes()
        try:
            item = self._queue.get_nowait()
        except queue.Empty:
            return None
        self.ended = item is None
        return item

    def check(self) -> None:
        """Raise what ended the inputs early."""
        if self._error is not None:
            raise self._error

    def _run(self, inputs: Iterator[Input]) -> None:
        try:
            for item in inputs:
                self._queue.put(item)
                self._ring.send_bytes(b".")
        except EdgeDigitsError as error:
            self._error = error
        self._queue.put(None)
        self._ring.send_bytes(b".")


def _work(connection: Connection, reads: Any, load: LoadReader, drawing: Drawing) -> None:
    """What a process does: read what it is given, until nobody is there to give it anything."""
    for signal_number in _FOR_THE_LEADER:
        signal.signal(signal_number, signal.SIG_IGN)
    gc.set_threshold(50_000)
    tasks: queue.SimpleQueue[tuple[int, PictureFile]] = queue.SimpleQueue()
    # Always taken, so that neither side waits for the other to take what it sends.
    threading.Thread(target=_receive, args=(connection, tasks), daemon=True).start()
    reader = load()
    results: list[Result] = []
    begun = monotonic()
    with suppress(OSError):
        while True:
            if results and (tasks.empty() or monotonic() - begun > _SEND_SECONDS):
                connection.send((results, monotonic() - begun))
                results = []
            number, file = tasks.get()
            if not results:
                begun = monotonic()
            reads.value = number
            for result in read_picture(number, file, reader, drawing):
                results.append(result)
                if result.more_pages or result.reading.frame != file.frame:
                    # At once: what has come of a document is kept, whatever the rest of it does to this process.
                    connection.send((results, monotonic() - begun))
                    results, begun = [], monotonic()
            reads.value = -1


def _receive(connection: Connection, tasks: queue.SimpleQueue[tuple[int, PictureFile]]) -> None:
    try:
        while True:
            for number, file in connection.recv():
                tasks.put((number, file.ahead()))
    except (EOFError, OSError):
        os._exit(0)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Processes begun herein never see a signal that is for the one that leads, not even while they import."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_LEADER)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _said(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
