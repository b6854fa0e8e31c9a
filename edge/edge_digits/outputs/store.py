"""A trail of what was announced: an SQLite file that survives kills and power cuts, for boards without a network."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from edge_digits.errors import OutputError, SourceError
from edge_digits.terminal import text_only

#: The format of the file: SQLite's user_version, and its application_id ("edig").
_VERSION, _APPLICATION = 1, 0x65646967
_TABLE = """
CREATE TABLE readings (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    captured_at TEXT NOT NULL,
    board TEXT NOT NULL,
    source TEXT NOT NULL,
    frame INTEGER NOT NULL,
    text TEXT NOT NULL,
    confidence REAL NOT NULL,
    held REAL NOT NULL,
    plausible INTEGER,
    doubts TEXT NOT NULL,
    crop BLOB
) STRICT
"""
#: Seconds to wait for another program that holds the file.
_BUSY = 5.0


class Row(NamedTuple):
    """An announcement or withdrawal, as the table has it.

    Attributes:
        id: tells it from all others.
        event: "announced" or "withdrawn".
        captured_at: when its frame was taken: ISO 8601, UTC.
        board: the board's name.
        source: the camera.
        frame: the frame's number.
        text: the number.
        confidence: of the text.
        held: seconds since it was first seen.
        plausible: whether it can follow the one before; None where nobody asked.
        doubts: why it is not plausible, joined by "; ".
        crop: the digits as a PNG file; None for what was withdrawn.
    """

    id: str
    event: str
    captured_at: str
    board: str
    source: str
    frame: int
    text: str
    confidence: float
    held: float
    plausible: bool | None
    doubts: str
    crop: bytes | None

    @classmethod
    def of(cls, record: Mapping[str, Any], board: str, crop: bytes | None) -> Row:
        """From the record of an event."""
        same = ("id", "event", "captured_at", "frame", "text", "confidence", "held")
        return cls(
            **{name: record[name] for name in same},
            source=text_only(record["source"]),
            board=board,
            plausible=record.get("plausible"),
            doubts="; ".join(record.get("doubts", ())),
            crop=crop,
        )


class Store:
    """Adds rows to a file; each is on the disk when `add` returns."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin it.

        Raises:
            OutputError: it cannot be written, or is another program's.
        """
        self._path = path
        try:
            self._connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None)
            # Readers do not wait for the writer, and a commit is one write at the end of a log, synced (FULL): a power
            # cut loses nothing that was added. https://www.sqlite.org/wal.html
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._prepare()
        except sqlite3.Error as error:
            raise _cannot_write(path, error) from None

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows, all or none.

        Raises:
            OutputError: they cannot be written.
        """
        names = ", ".join(Row._fields)
        marks = ", ".join("?" for _ in Row._fields)
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(f"INSERT INTO readings ({names}) VALUES ({marks})", rows)
        except sqlite3.Error as error:
            raise _cannot_write(self._path, error) from None

    def last_plausible(self) -> str | None:
        """The text of the last announcement that nobody doubted; None where there is none."""
        found = self._connection.execute(
            "SELECT text FROM readings WHERE event = 'announced' AND plausible ORDER BY number DESC LIMIT 1"
        ).fetchone()
        return None if found is None else str(found[0])

    def close(self) -> None:
        """Fold the log into the file, and let go of it."""
        self._connection.close()

    def _prepare(self) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            version, application = (
                self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
            )
            if (version, application) == (_VERSION, _APPLICATION):
                return
            if version or application or self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise OutputError(f"{self._path}: is the file of another program or version. Name another file")
            self._connection.execute(_TABLE)
            self._connection.execute(f"PRAGMA user_version = {_VERSION}")
            self._connection.execute(f"PRAGMA application_id = {_APPLICATION}")


def read_rows(path: Path, *, since: str = "", until: str = "", crops: bool = True) -> Iterator[Row]:
    """The rows of a file in their order; a program that adds to it is not disturbed.

    Args:
        path: the file.
        since, until: the first moment and the one after the last, as `captured_at`; "" for no limit.
        crops: with the crops.

    Raises:
        SourceError: there is no such file, or it is none of ours.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    names = ", ".join(name if crops or name != "crop" else "NULL" for name in Row._fields)
    limits = "captured_at >= ? AND (? = '' OR captured_at < ?)"
    try:
        with closing(sqlite3.connect(_readable(path), uri=True, timeout=_BUSY)) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
                raise SourceError(f"{path}: holds no readings of edge-digits camera --store")
            query = f"SELECT {names} FROM readings WHERE {limits} ORDER BY number"
            for row in connection.execute(query, (since, until, until)):
                found = Row(*row)
                yield found._replace(plausible=None if found.plausible is None else bool(found.plausible))
    except sqlite3.Error as error:
        log = f". Copy it together with {path.name}-wal to where you may write" if _log_of(path).exists() else ""
        raise SourceError(f"{path}: cannot be read ({error}){log}") from None


def _readable(path: Path) -> str:
    """The file as SQLite opens it: one on a card that cannot be written has no log, and nobody who adds to it."""
    alone = not os.access(path.parent, os.W_OK) and not _log_of(path).exists()
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"


def _log_of(path: Path) -> Path:
    """SQLite's log of what was added, until it is folded into the file."""
    return path.with_name(f"{path.name}-wal")


def _cannot_write(path: Path, error: sqlite3.Error) -> OutputError:
    hint = {
        "SQLITE_FULL": "Make room there, or name a file on another disk",
        "SQLITE_NOTADB": "It is no SQLite file: name another one",
        "SQLITE_BUSY": "Another program holds it: end that one",
    }.get(getattr(error, "sqlite_errorname", ""), "Check its folder and its permissions")
    return OutputError(f"{path}: cannot be written ({error}). {hint}")
