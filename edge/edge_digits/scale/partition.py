"""A partition: the pictures of a part of the plan -> one file of records, by whichever engine."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Self

from edge_digits import __version__, errors
from edge_digits.batch.reading import Input, Result
from edge_digits.batch.workers import LoadReader, Workers
from edge_digits.errors import EdgeDigitsError
from edge_digits.outputs.folders import Drawing
from edge_digits.reader import DigitReader
from edge_digits.results import Reading
from edge_digits.scale import records
from edge_digits.scale.objects import ObjectFile, is_address
from edge_digits.scale.place import Place
from edge_digits.scale.plan import Plan
from edge_digits.sources.files import is_video
from edge_digits.sources.picture_file import PictureFile

#: Processes that a picture may end before its record says so.
TRIES = 2
#: Times that a process of an engine starts those that read, where they end before they have read anything.
_STARTS = 3
#: Finished partitions that are looked into at once.
_AT_ONCE = 16
_VIDEO = "is a video, and batch reads pictures. Read it with: edge-digits predict"


@dataclass(frozen=True)
class Job:
    """What a process has to know to read any partition; can be pickled.

    Attributes:
        place: where plan and partitions are.
        load: loads the reader.
        folder: that relative paths are relative to, where there is one of its name.
    """

    place: Place
    load: LoadReader
    folder: str

    def reader(self) -> DigitReader:
        """Load the reader, in a process of its own.

        Raises:
            EdgeDigitsError: it cannot be loaded.
        """
        with suppress(OSError):
            os.chdir(self.folder)
        return self.load()


@dataclass(frozen=True)
class Done:
    """A partition that is finished, or why it could not be.

    Attributes:
        number: of the partition.
        pictures: that it has.
        failed: those whose records are errors.
        error, kind: the message and the class of what ended it; empty where nothing did.
    """

    number: int
    pictures: int = 0
    failed: int = 0
    error: str = ""
    kind: str = ""

    @classmethod
    def not_done(cls, number: int, error: EdgeDigitsError) -> Self:
        """The outcome of an error, which other processes may not be able to unpickle."""
        return cls(number, error=str(error), kind=type(error).__name__)

    def check(self) -> Self:
        """Itself.

        Raises:
            EdgeDigitsError: it is not finished.
        """
        if self.error:
            known = {kind.__name__: kind for kind in (errors.ModelError, errors.OutputError, errors.SourceError)}
            raise known.get(self.kind, EdgeDigitsError)(self.error)
        return self


def start_workers(job: Job, count: int) -> Workers:
    """Processes that read for a job; a context manager, as `Workers`."""
    return Workers(count, job.reader, Drawing(), tries=TRIES)


def read_partitions(
    plan: Plan, numbers: Sequence[int], workers: Workers, reader: DigitReader, advance: Callable[[int], None]
) -> Iterator[Done]:
    """Read partitions, one after the other, without a pause between them; write each when it is whole.

    Args:
        plan: what is read.
        numbers: of the partitions.
        workers: that read the pictures.
        reader: as theirs, in this process.
        advance: told of every picture that has been read.

    Raises:
        EdgeDigitsError: a partition cannot be written, or nothing can be read at all.
    """
    results = workers.read(_Pictures(plan, numbers), reader, Drawing(), 1)
    for number in numbers:
        readings, failed = [], 0
        left = count = plan.count(number)
        while left:
            result: Result = next(results)
            readings.append(result.reading)
            failed += result.reading.status == "error"
            left -= not result.more_pages
            advance(not result.more_pages)
        about = {"partition": number, "pictures": count, "failed": failed}
        plan.place.write(plan.file(number), records.parquet(readings, about))
        yield Done(number, count, failed)


def finished(plan: Plan, number: int) -> Done:
    """What the file of a finished partition says of it.

    Raises:
        OutputError: it is no such file.
    """
    name = plan.file(number)
    try:
        with plan.place.open(name) as stream:
            about = records.about(stream)
        return Done(number, about["pictures"], about["failed"])
    except (KeyError, ValueError, OSError):
        raise errors.OutputError(f"{plan.place.address}/{name}: is damaged. Delete it, and it is read again") from None


def all_finished(plan: Plan) -> list[Done]:
    """What the files of all finished partitions say, asked for side by side: a store takes its time for each.

    Raises:
        OutputError: as `finished`; or the place holds partitions of other inputs.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(partial(finished, plan), sorted(plan.finished)))


class PartitionReader:
    """Reads partitions in a process of an engine, the pictures of them in a process of their own.

    Of a picture that ends the latter, this one learns; and where this one is ended, the engine begins the partition
    anew elsewhere. So no engine has to know of pictures.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._workers: Workers | None = None

    def __call__(self, number: int) -> Done:
        """Read a partition, unless it is finished: an engine may ask twice, where it lost the answer."""
        for left in reversed(range(_STARTS)):
            try:
                return self._read(number)
            except EdgeDigitsError as error:
                self.close()
                # One machine on which processes are killed while they start is not to end a run of a hundred.
                if type(error) is not EdgeDigitsError or not left:
                    return Done.not_done(number, error)
        raise AssertionError("the last start returns")

    def _read(self, number: int) -> Done:
        if self._workers is None:
            self._plan, self._reader = _plan_of(self._job.place), self._job.load()
            self._workers = start_workers(self._job, 1)
        if self._job.place.has(self._plan.file(number)):
            return finished(self._plan, number)
        (done,) = read_partitions(self._plan, [number], self._workers, self._reader, lambda pictures: None)
        return done

    def close(self) -> None:
        """End its process; the next partition starts another."""
        if self._workers is not None:
            self._workers.__exit__()
        self._workers = None


def _plan_of(place: Place) -> Plan:
    """Raises: EdgeDigitsError: it was made by another edge-digits, which may read otherwise."""
    plan = Plan(place)
    wanted = plan.settings.get("version", __version__)
    if wanted != __version__:
        raise EdgeDigitsError(
            f"{socket.gethostname()}: has edge-digits {__version__}, and the batch was begun with {wanted}. "
            "Install the same everywhere"
        )
    return plan


class _Pictures(Iterable[Input]):
    """The pictures of partitions, as the plan has them: it is no iterator, as nothing has to be waited for."""

    def __init__(self, plan: Plan, numbers: Sequence[int]) -> None:
        self._plan, self._numbers = plan, numbers

    def __iter__(self) -> Iterator[Input]:
        for number in self._numbers:
            yield from map(_input, self._plan.names(number))


def _input(name: str) -> Input:
    if is_video(name):
        return Reading.failed(name, _VIDEO)
    return ObjectFile(name) if is_address(name) else PictureFile(name)
