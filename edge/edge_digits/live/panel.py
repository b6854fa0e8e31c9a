"""The camera in a terminal: announcements line by line, and a status line below them that is updated in place."""

from __future__ import annotations

import os
import select
import shutil
import sys
from time import monotonic
from typing import Any, TextIO

from edge_digits.live.watch import LiveResult
from edge_digits.terminal import has_colours, printable

#: Seconds between two updates of the status line: nobody could read it faster, and SSH connections may be slow.
_PERIOD = 0.1


class Panel:
    """Announcements on standard output; on a terminal, in colour, with a status line on standard error."""

    def __init__(self, stream: TextIO, status: TextIO, *, raw: bool = False, quiet: bool = False) -> None:
        self._stream, self._status, self._raw = stream, status, raw
        self._shows_status = status.isatty() and not quiet
        self._colours = has_colours(stream)
        self._next = 0.0
        self._drawn = False

    def show(self, result: LiveResult, rate: float) -> None:
        """Print what came and went, or where it is `raw` what was read, and update the status line."""
        if self._raw and result.frame is not None:
            self._line(f"{result.frame.time:9.2f} s  {_one_line(result.reading.text) or '-'}")
        for event in result.events if not self._raw else ():
            text = _one_line(event.text)
            if event.kind == "announced":
                text = f"\x1b[1;32m{text}\x1b[0m" if self._colours else text
                self._line(f"{event.time:9.2f} s  {text}  {100 * event.confidence:.1f} %")
            else:
                self._line(f"{event.time:9.2f} s  {text}  gone")
        if not self._shows_status or result.frame is None or monotonic() < self._next:
            return
        self._next = monotonic() + _PERIOD
        now = _one_line(result.reading.text) or "-"
        gaps = f"  {result.frame.gap} gaps" if result.frame.gap else ""
        held = _one_line(result.text) or "nothing"
        text = f"{held} | now {now} | {rate:.0f} fps  {result.age_ms:.0f} ms old{gaps} | q quits"
        self._status.write("\r" + text[: max(10, shutil.get_terminal_size().columns - 1)] + "\x1b[K")
        self._status.flush()
        self._drawn = True

    def say(self, message: str) -> None:
        """Print a message on standard error, above the status line."""
        self._clear()
        self._status.write(printable(message, lines=True) + "\n")
        self._status.flush()

    def close(self) -> None:
        """Erase the status line."""
        self._clear()

    def _line(self, text: str) -> None:
        self._clear()
        self._stream.write(text + "\n")
        self._stream.flush()

    def _clear(self) -> None:
        if self._drawn:
            self._status.write("\r\x1b[K")
            self._status.flush()
            self._drawn = False


class Keyboard:
    """Keys that are pressed in a terminal, without Enter; nothing where standard input is none."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        self._descriptor = -1

    def __enter__(self) -> Keyboard:
        if sys.stdin is None or not sys.stdin.isatty():
            return self
        import termios
        import tty

        self._descriptor = sys.stdin.fileno()
        if not _in_background(self._descriptor):
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor, termios.TCSADRAIN)  # what was typed already counts
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def key(self) -> str:
        """The key that was pressed; "" for none."""
        if self._before is None or not select.select([self._descriptor], [], [], 0)[0]:
            return ""
        pressed = os.read(self._descriptor, 64)
        if not pressed:
            self._before = None  # the terminal has gone
        return pressed[:1].decode("ascii", "replace")


def _in_background(terminal: int) -> bool:
    """Whether the terminal belongs to another program, which makes the system stop us if we touch it."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False  # a terminal that controls nobody


def _one_line(text: str) -> str:
    return printable(text.replace("\n", " / "))
