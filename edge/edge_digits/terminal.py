"""What people are shown: text that is safe on a terminal, and colour where it is wanted."""

from __future__ import annotations

import os
import re
from typing import TextIO

#: C0 and C1 control characters and DEL (escape sequences begin with one of these), line and paragraph separators, and
#: the marks that turn the direction of text, by which a name can pose as another (CVE-2021-42574).
_CONTROL = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
_UNSAFE = re.compile(f"[{_CONTROL}]")
_UNSAFE_BUT_LINES = re.compile(f"(?!\\n)[{_CONTROL}]")

_SURROGATE = re.compile("[\ud800-\udfff]")


def printable(text: str, *, lines: bool = False) -> str:
    """A text that comes from outside, such as a file name or what a camera answered, for people to read.

    >>> printable("scan\\x1b[2J.png")
    'scan?[2J.png'

    Args:
        text: bytes of file names that are no text, as Python keeps them, become replacement characters.
        lines: keep line breaks.
    """
    return (_UNSAFE_BUT_LINES if lines else _UNSAFE).sub("?", text_only(text))


def text_only(name: str) -> str:
    """A file name, of which bytes that are no text (lone surrogates, to Python) become replacement characters."""
    return _SURROGATE.sub("\ufffd", name)


def has_colours(stream: TextIO) -> bool:
    """Whether to write to a stream in colour: a terminal, unless NO_COLOR (https://no-color.org) is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
