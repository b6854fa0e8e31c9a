"""What the user knows of the text: how many digits, a pattern, a checksum -> an automaton of the texts allowed.

Blanks and newlines of the text do not count: `1234 5678` has eight digits.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from edge_digits.errors import UsageError
from edge_digits.results import DIGITS
from edge_digits.text.automata import Part, Table, explore
from edge_digits.text.checksums import CHECKSUMS
from edge_digits.text.glushkov import compile_tree
from edge_digits.text.patterns import parse

if TYPE_CHECKING:
    from edge_digits.text.lattice import Automaton


@dataclass(frozen=True)
class Constraint:
    """What the text must be; what is None is left open.

    Attributes:
        digits: how many digits it has.
        pattern: what it must match as a whole: a regular expression of digits, `\\d`, `.`, classes `[0-9]` `[^0]`,
            groups, `|`, `?`, `*`, `+`, `{n}`, `{n,m}`, `{n,}`.
        checksum: one of `CHECKSUMS`, which it must pass.

    Raises:
        UsageError: one of them is malformed or too large, or no text satisfies them all.
    """

    digits: int | None = None
    pattern: str | None = None
    checksum: str | None = None

    def __post_init__(self) -> None:
        if not any(self._table.accepting):
            raise UsageError(f"no number satisfies {self.describe()} together. Leave one of them out, or correct it")

    def matches(self, text: str) -> bool:
        """Whether the text, less its blanks and newlines, satisfies the constraint."""
        states = list(self._table.starts)
        for character in "".join(text.split()):
            digit = DIGITS.find(character)
            states = [self._table.next[state][digit] for state in states if digit >= 0]
            states = [state for state in states if state >= 0]
        return any(self._table.accepting[state] for state in states)

    def describe(self) -> str:
        """The options that ask for it."""
        options = {"--digits": self.digits, "--pattern": self.pattern, "--checksum": self.checksum}
        return " ".join(f"{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None)

    def automaton(self, labels: Sequence[str]) -> Automaton:
        """The texts allowed, for `lattice.best_path`.

        Args:
            labels: the classes of the model, in its order.

        Raises:
            UsageError: they are not the ten digits.
        """
        if sorted(labels) != sorted(DIGITS):
            raise UsageError(
                f"{self.describe()} needs a model of the ten digits 0 to 9, and this one reads {', '.join(labels)}. "
                "Leave it out, or name another model with --model"
            )
        import numpy as np

        from edge_digits.text.lattice import Automaton

        table = self._table
        starts = np.zeros(len(table.next), np.bool_)
        starts[table.starts] = True
        columns = [int(label) for label in labels]
        return Automaton(np.array(table.next, np.int32)[:, columns], starts, np.array(table.accepting, np.bool_))

    @cached_property
    def _table(self) -> Table:
        parts = []
        if self.digits is not None:
            parts.append(_count(self.digits))
        if self.pattern is not None:
            parts.append(compile_tree(parse(self.pattern)))
        if self.checksum is not None:
            if self.checksum not in CHECKSUMS:
                raise UsageError(
                    f"--checksum {self.checksum}: there is no such checksum. Use one of: {', '.join(CHECKSUMS)}"
                )
            checksum = CHECKSUMS[self.checksum]
            parts += [compile_tree(parse(checksum.lengths)), checksum.part]
        return explore(parts, self.describe())


def _count(digits: int) -> Part:
    if digits < 1:
        raise UsageError(f"--digits {digits}: is no number of digits. Give 1 or more")
    return Part([0], lambda state, _: state + 1 if state < digits else None, lambda state: bool(state == digits))
