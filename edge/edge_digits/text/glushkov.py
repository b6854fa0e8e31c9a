"""A pattern's syntax tree -> an automaton without empty moves (Glushkov 1961).

Each digit that the pattern spells out has a position. For each piece of it, Glushkov's sets say at which positions it
may begin and end, and whether it may be empty; `follow` says which positions may come after which. Sets of positions
are the bits of integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_digits.text.automata import Part
from edge_digits.text.patterns import Alternation, Concatenation, Digit, Node, Repetition

#: The set of the position after the last digit.
_END = 1


def compile_tree(tree: Node) -> Part:
    """The automaton of a pattern; a state is the set of positions whose digit may come next."""
    return _Compiler().part(tree)


@dataclass(frozen=True)
class _Piece:
    """Glushkov's sets of a piece of a pattern: where it may begin and end, and whether it may be empty."""

    nullable: bool
    first: int
    last: int

    def optional(self) -> _Piece:
        return _Piece(True, self.first, self.last)


_EMPTY = _Piece(nullable=True, first=0, last=0)


class _Compiler:
    def __init__(self) -> None:
        self._follow = [0]  # of each position; position 0 is the end
        self._matching = [0] * 10  # of each digit, the positions that it matches

    def part(self, tree: Node) -> Part:
        whole = self._compile(tree)
        for position in _bits(whole.last):
            self._follow[position] |= _END
        after: dict[int, int] = {0: 0}  # states seen so far

        def step(state: int, digit: int) -> int | None:
            matched = state & self._matching[digit]
            if matched not in after:
                following = 0
                for position in _bits(matched):
                    following |= self._follow[position]
                after[matched] = following
            return after[matched] or None

        start = whole.first | (_END if whole.nullable else 0)
        return Part([start], step, lambda state: bool(state & _END))

    def _compile(self, node: Node) -> _Piece:
        """Give each digit that a piece spells out a position, and find which may follow which."""
        match node:
            case Digit():
                return self._digit(node)
            case Concatenation():
                whole = _EMPTY
                for part in node.parts:
                    whole = self._concatenate(whole, self._compile(part))
                return whole
            case Alternation():
                branches = [self._compile(part) for part in node.parts]
                first = last = 0
                for branch in branches:
                    first, last = first | branch.first, last | branch.last
                return _Piece(any(branch.nullable for branch in branches), first, last)
            case Repetition():
                return self._repeat(node)

    def _digit(self, node: Digit) -> _Piece:
        position = 1 << len(self._follow)
        self._follow.append(0)
        for digit in range(10):
            self._matching[digit] |= position if node.digits >> digit & 1 else 0
        return _Piece(nullable=False, first=position, last=position)

    def _repeat(self, node: Repetition) -> _Piece:
        """From the right, as x(x(x)?)?, so that each repetition is followed by one other."""
        rest = _EMPTY
        if node.part.size and node.high is None:
            rest = self._compile(node.part)
            self._concatenate(rest, rest)
            if node.low == 0:
                rest = rest.optional()
        optional = 0 if node.high is None else node.high - node.low
        required = max(node.low - 1, 0) if node.high is None else node.low
        for number in range((optional + required) if node.part.size else 0):
            rest = self._concatenate(self._compile(node.part), rest)
            if number < optional:
                rest = rest.optional()
        return rest

    def _concatenate(self, left: _Piece, right: _Piece) -> _Piece:
        for position in _bits(left.last):
            self._follow[position] |= right.first
        return _Piece(
            left.nullable and right.nullable,
            left.first | (right.first if left.nullable else 0),
            right.last | (left.last if right.nullable else 0),
        )


def _bits(positions: int) -> Iterator[int]:
    """The positions of a set, ascending."""
    while positions:
        lowest = positions & -positions
        yield lowest.bit_length() - 1
        positions ^= lowest
