"""Finite automata over the ten digits, in parts and as the table of their product.

The product is built state by state from its starts, so that only what can be reached is made.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from edge_digits.errors import UsageError

#: The most states of a constraint: on a page of 200 candidates, this many take seconds on a small board.
MAX_STATES = 10_000


@dataclass(frozen=True)
class Part:
    """One automaton of a product; its states are any hashable values.

    Attributes:
        starts: its start states; a text is accepted from one of them at most.
        step: the state after a state and a digit; None where nothing may follow.
        accepts: whether the text may end in a state.
    """

    starts: Sequence[Hashable]
    step: Callable[[Any, int], Hashable | None]
    accepts: Callable[[Any], bool]


@dataclass(frozen=True)
class Table:
    """An automaton with numbered states; `next[state][digit]` is -1 where nothing may follow."""

    starts: list[int]
    next: list[list[int]]
    accepting: list[bool]


def explore(parts: Sequence[Part], options: str) -> Table:
    """The product of the parts, less the states that lead to no accepted text.

    Raises:
        UsageError: it has more than `MAX_STATES`; `options` are what the user asked for.
    """
    states: list[tuple[Any, ...]] = list(product(*(part.starts for part in parts)))
    starts = list(range(len(states)))
    numbers = {state: number for number, state in enumerate(states)}
    successors: list[list[int]] = []  # of each state, by digit
    predecessors: list[list[int]] = [[] for _ in states]
    for number, state in enumerate(states):  # which grows below
        row = []
        for digit in range(10):
            target = tuple(part.step(own, digit) for part, own in zip(parts, state, strict=True))
            if None in target:
                row.append(-1)
                continue
            if target not in numbers:
                if len(states) == MAX_STATES:
                    raise _too_large(options)
                numbers[target] = len(states)
                states.append(target)
                predecessors.append([])
            row.append(numbers[target])
            predecessors[numbers[target]].append(number)
        successors.append(row)
    accepting = [all(part.accepts(own) for part, own in zip(parts, state, strict=True)) for state in states]
    alive = _co_reachable([number for number, accepts in enumerate(accepting) if accepts], predecessors)
    renumbered = {old: new for new, old in enumerate(sorted(alive))}
    return Table(
        [renumbered[number] for number in starts if number in alive],
        [[renumbered.get(target, -1) for target in successors[old]] for old in renumbered],
        [accepting[old] for old in renumbered],
    )


def _co_reachable(goals: list[int], predecessors: list[list[int]]) -> set[int]:
    """The states from which a goal can be reached."""
    alive = set(goals)
    waiting = list(goals)
    while waiting:
        new = set(predecessors[waiting.pop()]) - alive
        alive |= new
        waiting += new
    return alive


def _too_large(options: str) -> UsageError:
    return UsageError(f"{options}: is too large to search. Ask for fewer digits, or repeat with + or * and no number")
