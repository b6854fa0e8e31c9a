"""Patterns of digits: a subset of regular expressions -> a syntax tree, by recursive descent."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from edge_digits.errors import UsageError
from edge_digits.results import DIGITS

#: The most digits that a pattern may spell out, its repetitions counted.
_MAX_SIZE = 500
#: The deepest nesting of groups.
_MAX_DEPTH = 50


@dataclass(frozen=True)
class Digit:
    """One digit; bit d of `digits` says whether d matches."""

    digits: int
    size: int = 1


@dataclass(frozen=True)
class Concatenation:
    """All parts, one after the other; `size` is the number of digits that they spell out."""

    parts: tuple[Node, ...]
    size: int


@dataclass(frozen=True)
class Alternation:
    """One of the parts; `size` is the number of digits that all of them spell out."""

    parts: tuple[Node, ...]
    size: int


@dataclass(frozen=True)
class Repetition:
    """A part, `low` to `high` times in a row, None for any number; `size` counts the repetitions spelled out."""

    part: Node
    low: int
    high: int | None
    size: int


Node = Digit | Concatenation | Alternation | Repetition


def parse(pattern: str) -> Node:
    """The syntax tree of a pattern.

    Args:
        pattern: digits, `\\d`, `.`, classes `[0-9]` `[^0]`, groups, `|`, `?`, `*`, `+`, `{n}`, `{n,m}`, `{n,}`.

    Raises:
        UsageError: it is malformed or too large; the message points at the place.
    """
    return _Parser(pattern).parse()


_ALL_DIGITS = (1 << 10) - 1
_REPEAT = re.compile(r"\{(?:([0-9]+)(,([0-9]*))?|,([0-9]+))\}")
_KNOWN = r"digits, \d, ., [0-9], [^0], ( ), |, ?, *, +, {n}, {n,m} and {n,}"


class _Parser:
    """Parses a regular expression of digits: one method a rule of the grammar, each leaves `position` behind it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    def parse(self) -> Node:
        if not self.text:
            raise UsageError(r"--pattern: is empty. Give what the text must match, such as \d{4}")
        tree = self._alternation()
        if self.position < len(self.text):
            raise self._error("this ) closes no group", self.position)
        return tree

    def _error(self, what: str, position: int) -> UsageError:
        shown = self.text if self.text.isprintable() else ascii(self.text)[1:-1]
        pointer = f"\n    {shown}\n    {' ' * position}^" if shown == self.text else ""
        return UsageError(f"--pattern {shlex.quote(shown)}: {what}, at character {position + 1}.{pointer}")

    def _peek(self) -> str:
        """The next character; "" at the end."""
        return self.text[self.position : self.position + 1]

    def _alternation(self) -> Node:
        branches = [self._concatenation()]
        while self._peek() == "|":
            self.position += 1
            branches.append(self._concatenation())
        return Alternation(tuple(branches), self._total(branches)) if len(branches) > 1 else branches[0]

    def _concatenation(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repetition())
        return Concatenation(tuple(parts), self._total(parts))

    def _total(self, parts: list[Node]) -> int:
        return self._checked(sum(part.size for part in parts), 0)

    def _checked(self, size: int, position: int) -> int:
        if size > _MAX_SIZE:
            raise self._error(
                f"it spells out more than {_MAX_SIZE} digits; repeat with + or * and no number, or use --digits",
                position,
            )
        return size

    def _repetition(self) -> Node:
        part = self._atom()
        begin = self.position
        bounds = self._bounds()
        if bounds is None:
            return part
        low, high = bounds
        if high is not None and high < low:
            raise self._error(f"it repeats at least {low} and at most {high} times; swap them", begin)
        if self._peek() in ("?", "*", "+", "{"):
            raise self._error("it repeats what is repeated already; put the first into a group ( )", self.position)
        size = part.size * max(low, 1 if high is None else high)
        return Repetition(part, low, high, self._checked(size, begin))

    def _bounds(self) -> tuple[int, int | None] | None:
        """What a repetition at this place asks for; None where there is none."""
        symbol = self._peek()
        if symbol and symbol in "?*+":
            self.position += 1
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[symbol]
        if symbol != "{":
            return None
        found = _REPEAT.match(self.text, self.position)
        if found is None:
            raise self._error("{ begins no repetition; write {n}, {n,m} or {n,}", self.position)
        low, comma, high, only_high = found.groups()
        if max(len(number or "") for number in (low, high, only_high)) > 9:
            raise self._error("it repeats too often; repeat with + or * and no number, or use --digits", self.position)
        self.position = found.end()
        if only_high:
            return 0, int(only_high)
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else None

    def _atom(self) -> Node:
        symbol, begin = self._peek(), self.position
        if symbol == "(":
            return self._group()
        if symbol == "[":
            return self._class()
        self.position += 1
        if symbol in DIGITS:
            return Digit(1 << int(symbol))
        if symbol == ".":
            return Digit(_ALL_DIGITS)
        if symbol == "\\":
            self._escape(begin)
            return Digit(_ALL_DIGITS)
        if symbol in "?*+{":
            raise self._error(f"there is nothing before {symbol} that it could repeat", begin)
        if symbol in "^$":
            raise self._error(f"leave {symbol} out; the whole text is matched anyway", begin)
        if symbol.isspace():
            raise self._error("leave the blank out; blanks of the text are not matched", begin)
        raise self._error(f"{symbol!r} is no digit; a pattern is made of {_KNOWN}", begin)

    def _escape(self, begin: int) -> None:
        r"""Pass the d of \d."""
        if self._peek() != "d":
            raise self._error(rf"after \ only d is known; a pattern is made of {_KNOWN}", begin)
        self.position += 1

    def _group(self) -> Node:
        begin = self.position
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self._error(f"groups are nested more than {_MAX_DEPTH} deep; take some out", begin)
        self.position += 3 if self.text.startswith("(?:", begin) else 1
        if self._peek() == "?":
            raise self._error("(? begins nothing that is known here; use plain groups ( )", begin)
        inner = self._alternation()
        if self._peek() != ")":
            raise self._error("this ( is never closed; add a )", begin)
        self.position += 1
        self.depth -= 1
        return inner

    def _class(self) -> Node:
        begin = self.position
        self.position += 1
        negated = self._peek() == "^"
        self.position += negated
        digits = 0
        while self._peek() != "]":
            digits |= self._range(begin)
        self.position += 1
        if negated:
            digits ^= _ALL_DIGITS
        if not digits:
            raise self._error("this class matches no digit", begin)
        return Digit(digits)

    def _range(self, begin: int) -> int:
        """A digit, a range of digits or \\d within a class, as bits."""
        low, start = self._peek(), self.position
        if not low:
            raise self._error("this [ is never closed; add a ]", begin)
        self.position += 1
        if low == "\\":
            self._escape(start)
            return _ALL_DIGITS
        if low not in DIGITS:
            raise self._error(f"{low!r} is no digit; a class is made of digits, ranges 0-9 and \\d", start)
        if self._peek() != "-":
            return 1 << int(low)
        high = self.text[self.position + 1 : self.position + 2]
        if not high or high not in DIGITS or high < low:
            raise self._error(f"{low}-{high} is no range; write the lower digit, -, the higher", start)
        self.position += 2
        return (2 << int(high)) - (1 << int(low))
