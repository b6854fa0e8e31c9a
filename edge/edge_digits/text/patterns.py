"""Patterns of digits: a subset of regular expressions -> an automaton (Glushkov 1961)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from edge_digits.errors import UsageError
from edge_digits.text.automata import DIGITS, Part

#: The most digits that a pattern may spell out, its repetitions counted.
_MOST_PLACES = 500
#: The deepest nesting of groups.
_DEEPEST = 50


def parse(pattern: str) -> Part:
    """The automaton of a pattern.

    Args:
        pattern: digits, `\\d`, `.`, classes `[0-9]` `[^0]`, groups, `|`, `?`, `*`, `+`, `{n}`, `{n,m}`, `{n,}`.

    Raises:
        UsageError: it is malformed or too large; the message points at the place.
    """
    return _Pattern(pattern).part()


@dataclass(frozen=True)
class _Node:
    """A piece of a pattern.

    Attributes:
        kind: "digit", "all" of the parts in order, "one" of the parts, or "repeat".
        size: the digits that it spells out.
        digits: bits of the digits that match, of a "digit".
        parts: the pieces within.
        low: the fewest repetitions.
        high: the most; None for any number.
    """

    kind: str
    size: int
    digits: int = 0
    parts: tuple[_Node, ...] = ()
    low: int = 0
    high: int | None = None


@dataclass(frozen=True)
class _Language:
    """Glushkov's sets of a piece, as bits: the places where it may begin and end, and whether it may be empty."""

    empty: bool
    first: int
    last: int


_NOTHING = _Language(empty=True, first=0, last=0)
_END = 1  # the place after the last digit
_ALL_DIGITS = (1 << 10) - 1
_REPEAT = re.compile(r"\{(?:([0-9]+)(,([0-9]*))?|,([0-9]+))\}")
_KNOWN = r"digits, \d, ., [0-9], [^0], ( ), |, ?, *, +, {n}, {n,m} and {n,}"


class _Pattern:
    """A regular expression of digits: parsed by recursive descent, then made an automaton."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        if not text:
            raise UsageError(r"--pattern: is empty. Give what the text must match, such as \d{4}")
        self.tree = self._either()
        if self.at < len(text):
            raise self._wrong("this ) closes no group", self.at)
        self.follow = [0]
        self.at_digit = [0] * 10

    def part(self) -> Part:
        """The automaton; a state is the set of places whose digit may come next, as bits."""
        whole = self._compile(self.tree)
        for place in _bits(whole.last):
            self.follow[place] |= _END
        known: dict[int, int] = {0: 0}

        def step(state: int, digit: int) -> int | None:
            hit = state & self.at_digit[digit]
            if hit not in known:
                follows = 0
                for place in _bits(hit):
                    follows |= self.follow[place]
                known[hit] = follows
            return known[hit] or None

        return Part([whole.first | (_END if whole.empty else 0)], step, lambda state: bool(state & _END))

    def _wrong(self, what: str, at: int) -> UsageError:
        shown = self.text if self.text.isprintable() else ascii(self.text)[1:-1]
        pointer = f"\n    {shown}\n    {' ' * at}^" if shown == self.text else ""
        return UsageError(f"--pattern {shlex.quote(shown)}: {what}, at character {at + 1}.{pointer}")

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _either(self) -> _Node:
        branches = [self._sequence()]
        while self._next() == "|":
            self.at += 1
            branches.append(self._sequence())
        return self._join("one", branches) if len(branches) > 1 else branches[0]

    def _sequence(self) -> _Node:
        pieces = []
        while self._next() not in ("", "|", ")"):
            pieces.append(self._repeated())
        return self._join("all", pieces)

    def _join(self, kind: str, parts: list[_Node]) -> _Node:
        return self._sized(_Node(kind, sum(part.size for part in parts), parts=tuple(parts)), 0)

    def _sized(self, node: _Node, at: int) -> _Node:
        if node.size > _MOST_PLACES:
            raise self._wrong(
                f"it spells out more than {_MOST_PLACES} digits; repeat with + or * and no number, or use --digits", at
            )
        return node

    def _repeated(self) -> _Node:
        piece = self._one()
        begin = self.at
        bounds = self._bounds()
        if bounds is None:
            return piece
        low, high = bounds
        if high is not None and high < low:
            raise self._wrong(f"it repeats at least {low} and at most {high} times; swap them", begin)
        if self._next() in ("?", "*", "+", "{") and self._next():
            raise self._wrong("it repeats what is repeated already; put the first into a group ( )", self.at)
        size = piece.size * max(low, 1 if high is None else high)
        return self._sized(_Node("repeat", size, parts=(piece,), low=low, high=high), begin)

    def _bounds(self) -> tuple[int, int | None] | None:
        """What a repetition at this place asks for; None where there is none."""
        sign = self._next()
        if sign and sign in "?*+":
            self.at += 1
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
        if sign != "{":
            return None
        found = _REPEAT.match(self.text, self.at)
        if found is None:
            raise self._wrong("{ begins no repetition; write {n}, {n,m} or {n,}", self.at)
        low, comma, high, only_high = found.groups()
        if max(len(number or "") for number in (low, high, only_high)) > 9:
            raise self._wrong("it repeats too often; repeat with + or * and no number, or use --digits", self.at)
        self.at = found.end()
        if only_high:
            return 0, int(only_high)
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else None

    def _one(self) -> _Node:
        sign, begin = self._next(), self.at
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        self.at += 1
        if sign in DIGITS:
            return _Node("digit", 1, 1 << int(sign))
        if sign == ".":
            return _Node("digit", 1, _ALL_DIGITS)
        if sign == "\\":
            self._escape(begin)
            return _Node("digit", 1, _ALL_DIGITS)
        if sign in "?*+{":
            raise self._wrong(f"there is nothing before {sign} that it could repeat", begin)
        if sign in "^$":
            raise self._wrong(f"leave {sign} out; the whole text is matched anyway", begin)
        if sign.isspace():
            raise self._wrong("leave the blank out; blanks of the text are not matched", begin)
        raise self._wrong(f"{sign!r} is no digit; a pattern is made of {_KNOWN}", begin)

    def _escape(self, begin: int) -> None:
        r"""Pass the d of \d."""
        if self._next() != "d":
            raise self._wrong(rf"after \ only d is known; a pattern is made of {_KNOWN}", begin)
        self.at += 1

    def _group(self) -> _Node:
        begin = self.at
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._wrong(f"groups are nested more than {_DEEPEST} deep; take some out", begin)
        self.at += 3 if self.text.startswith("(?:", begin) else 1
        if self._next() == "?":
            raise self._wrong("(? begins nothing that is known here; use plain groups ( )", begin)
        inner = self._either()
        if self._next() != ")":
            raise self._wrong("this ( is never closed; add a )", begin)
        self.at += 1
        self.depth -= 1
        return inner

    def _class(self) -> _Node:
        begin = self.at
        self.at += 1
        negated = self._next() == "^"
        self.at += negated
        digits = 0
        while self._next() != "]":
            digits |= self._range(begin)
        self.at += 1
        if negated:
            digits ^= _ALL_DIGITS
        if not digits:
            raise self._wrong("this class matches no digit", begin)
        return _Node("digit", 1, digits)

    def _range(self, begin: int) -> int:
        """A digit, a range of digits or \\d within a class, as bits."""
        low, at = self._next(), self.at
        if not low:
            raise self._wrong("this [ is never closed; add a ]", begin)
        self.at += 1
        if low == "\\":
            self._escape(at)
            return _ALL_DIGITS
        if low not in DIGITS:
            raise self._wrong(f"{low!r} is no digit; a class is made of digits, ranges 0-9 and \\d", at)
        if self._next() != "-":
            return 1 << int(low)
        high = self.text[self.at + 1 : self.at + 2]
        if not high or high not in DIGITS or high < low:
            raise self._wrong(f"{low}-{high} is no range; write the lower digit, -, the higher", at)
        self.at += 2
        return (2 << int(high)) - (1 << int(low))

    def _compile(self, node: _Node) -> _Language:
        """Give each digit that a piece spells out a place, and find which may follow which."""
        if node.kind == "digit":
            place = 1 << len(self.follow)
            self.follow.append(0)
            for digit in range(10):
                self.at_digit[digit] |= place if node.digits >> digit & 1 else 0
            return _Language(empty=False, first=place, last=place)
        if node.kind == "all":
            whole = _NOTHING
            for part in node.parts:
                whole = self._then(whole, self._compile(part))
            return whole
        if node.kind == "one":
            branches = [self._compile(part) for part in node.parts]
            first = last = 0
            for branch in branches:
                first, last = first | branch.first, last | branch.last
            return _Language(any(branch.empty for branch in branches), first, last)
        return self._compile_repeat(node)

    def _compile_repeat(self, node: _Node) -> _Language:
        (piece,) = node.parts
        # From the right, as x(x(x)?)?, so that each repetition is followed by one other.
        rest = _NOTHING
        if piece.size and node.high is None:
            rest = self._compile(piece)
            self._then(rest, rest)
            if node.low == 0:
                rest = _Language(True, rest.first, rest.last)
        optional = 0 if node.high is None else node.high - node.low
        required = max(node.low - 1, 0) if node.high is None else node.low
        for number in range((optional + required) if piece.size else 0):
            rest = self._then(self._compile(piece), rest)
            if number < optional:
                rest = _Language(True, rest.first, rest.last)
        return rest

    def _then(self, left: _Language, right: _Language) -> _Language:
        for place in _bits(left.last):
            self.follow[place] |= right.first
        return _Language(
            left.empty and right.empty,
            left.first | (right.first if left.empty else 0),
            right.last | (left.last if right.empty else 0),
        )


def _bits(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
