"""Standard error as JSON, for programs that collect logs: each message a record, whoever wrote it."""

from __future__ import annotations

import io
import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

#: What begins the lines that say why the program ends.
_ERROR = "edge-digits: "
LOG_FORMATS = ("text", "json")


def log_as_json() -> None:
    """Turn every message that this program writes on standard error from now on into a record."""
    stream = sys.stderr
    sys.stderr = _JsonLines(stream)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _write(stream, "critical", "".join(traceback.format_exception(kind, error, trace)).rstrip())

    sys.excepthook = uncaught


class _JsonLines(io.TextIOBase):
    """A text stream that writes a record for each message: what is written at once, up to the end of a line."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._begun = stream, ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        message, _, self._begun = (self._begun + text).rpartition("\n")
        if message.strip():
            level = "error" if message.startswith(_ERROR) else "info"
            _write(self._stream, level, message.removeprefix(_ERROR))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _line(record.levelname.lower(), record.getMessage(), {"logger": record.name})


def _write(stream: TextIO, level: str, message: str) -> None:
    stream.write(_line(level, message) + "\n")
    stream.flush()


def _line(level: str, message: str, more: dict[str, str] | None = None) -> str:
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "level": level, "message": message, **(more or {})})
