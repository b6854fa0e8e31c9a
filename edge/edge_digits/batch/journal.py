"""What a watched folder held that was read: a small file by which a run goes on where an earlier one ended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from edge_digits.outputs.atomic import append_whole, cannot_write, hold_file, write_whole
from edge_digits.sources.arrivals import Arrival, Stamp

#: Its name in the folder, where no other was given.
NAME = ".edge-digits-watch.jsonl"
#: Lines of pictures that are gone, or were replaced, that are kept until the file is written anew.
_MAX_STALE = 1000


class Journal:
    """A line of JSON a picture, added when its record is written; a context manager.

    With the picture it notes how long the file of records was then: of what a killed run wrote behind that, its last
    record or the pages of a document, the next run makes a clean cut, and reads that picture again.
    """

    def __init__(self, path: Path, folder: str) -> None:
        """Open it, made where it is missing, and keep other runs out of it.

        Args:
            path: of the journal.
            folder: that is watched: pictures are noted by their names in it, however it was named itself.

        Raises:
            OutputError: another run uses it, or it cannot be written.
        """
        self._path, self._folder = path, folder
        #: The length of the file of records in bytes, behind the last record that is noted; None where there is none.
        self.records_end: int | None = None
        #: Whether a document was begun there, and not noted: any number of its records may follow.
        self.in_document = False
        self._done: dict[str, Stamp] = {}
        try:
            self._descriptor = hold_file(path)
            lines = self._read()
            if lines > len(self._done) + _MAX_STALE:
                self._write_anew()
        except OSError as error:
            raise cannot_write(path, error) from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def has(self, arrival: Arrival) -> bool:
        """Whether this picture was read, and has not changed since."""
        return self._done.get(self._name(arrival)) == arrival.stamp

    def begin_document(self, arrival: Arrival, records_end: int | None) -> None:
        """Note that the pages of a document begin there, before the first of them is written.

        Raises:
            OutputError: it cannot be written.
        """
        self._append({"name": self._name(arrival), "records_end": records_end})

    def add(self, arrival: Arrival, records_end: int | None) -> None:
        """Note a picture.

        Raises:
            OutputError: it cannot be written.
        """
        name = self._name(arrival)
        self._done[name] = arrival.stamp
        self._append(_noted(name, arrival.stamp, records_end))

    def _append(self, noted: dict[str, Any]) -> None:
        try:
            append_whole(self._descriptor, _line(noted))
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def _name(self, arrival: Arrival) -> str:
        return os.path.relpath(arrival.path, self._folder)

    def _read(self) -> int:
        """Read what is there, and cut off a last line that is not whole; the number of lines."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with open(os.dup(self._descriptor), "rb") as stream:
            content = stream.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._descriptor, whole)
        lines = content[:whole].splitlines()
        for line in lines:
            try:
                noted: dict[str, Any] = json.loads(line)
                self.records_end = noted["records_end"]
                self.in_document = "size" not in noted
                if not self.in_document:
                    self._done[noted["name"]] = Stamp(noted["size"], noted["changed"])
            except (ValueError, KeyError, TypeError):
                continue  # not ours: its picture is read again
        return len(lines)

    def _write_anew(self) -> None:
        self._done = {name: stamp for name, stamp in self._done.items() if Path(self._folder, name).exists()}
        content = b"".join(_line(_noted(name, stamp, self.records_end)) for name, stamp in self._done.items())
        write_whole(self._path, lambda part: part.write_bytes(content))
        before, self._descriptor = self._descriptor, hold_file(self._path)
        os.close(before)


def cut_behind(descriptor: int, end: int | None, *, in_document: bool, quoted: bool) -> None:
    """Cut a file of records where the journal says that they end, and a killed run began another.

    That is one record at most, unless it was in a document. What is more was added by somebody else, and is left alone.

    Args:
        descriptor: of the file.
        end: where its records end; None where that is not known.
        in_document: whether the run was killed between the pages of a document.
        quoted: whether a record may have several lines, within quotation marks, as in CSV.

    Raises:
        OSError: the file cannot be changed.
    """
    size = os.fstat(descriptor).st_size
    if end is None or size <= end:
        return
    behind = os.pread(descriptor, size - end, end)
    if quoted:
        behind = b"".join(behind.split(b'"')[::2])
    if in_document or behind.count(b"\n") <= 1:
        os.ftruncate(descriptor, end)


def _noted(name: str, stamp: Stamp, records_end: int | None) -> dict[str, Any]:
    return {"name": name, **stamp._asdict(), "records_end": records_end}


def _line(noted: dict[str, Any]) -> bytes:
    return (json.dumps(noted) + "\n").encode()
