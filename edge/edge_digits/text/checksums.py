"""Checksums of numbers that are made of digits only, as automata that read them from the left.

Those that count places from the right guess, at the left end, how many digits will follow (modulo their period): one
start state a guess. A text has one length, so that only one of the guesses can accept it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_digits.text.automata import Part


@dataclass(frozen=True)
class Checksum:
    """A rule by which the digits of a number check one another.

    Attributes:
        used: where it is used.
        lengths: a pattern of the numbers that are long enough to have it.
        part: its automaton.
    """

    used: str
    lengths: str
    part: Part


def _from_right(values: Sequence[Sequence[int]], add: Callable[[int, int], int]) -> Part:
    """A sum that must be 0 of values that depend on the digit and on its place from the right.

    Args:
        values: of each digit at the last place, the last but one and so on; then they repeat.
        add: the value of a place, and the sum of those on its left.
    """
    period = len(values)

    def step(state: tuple[int, int], digit: int) -> tuple[int, int]:
        remaining, total = state  # digits that follow, modulo the period
        place = (remaining - 1) % period
        return place, add(values[place][digit], total)

    return Part([(remaining, 0) for remaining in range(period)], step, lambda state: bool(state == (0, 0)))


def _weighted(*weights: int) -> Part:
    return _from_right([[weight * digit for digit in range(10)] for weight in weights], lambda x, y: (x + y) % 10)


def _luhn() -> Part:
    return _from_right([range(10), [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]], lambda x, y: (x + y) % 10)


def _verhoeff() -> Part:
    """Verhoeff 1969: products in the symmetry group of the pentagon, of digits permuted by their place."""
    permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    permuted = [list(range(10))]
    while len(permuted) < 8:
        permuted.append([permuted[-1][digit] for digit in permutation])

    def times(x: int, y: int) -> int:
        # 0 to 4 turn the pentagon, 5 to 9 turn and mirror it.
        turn = (x + y) % 5 if x < 5 else (x - y) % 5
        return turn if (x < 5) == (y < 5) else turn + 5

    return _from_right(permuted, times)


def _damm() -> Part:
    """Damm 2004: a totally antisymmetric quasigroup of order 10, of which his thesis prints this one."""
    table = [
        "0317598642",
        "7092154863",
        "4206871359",
        "1750983426",
        "6123045978",
        "3674209581",
        "5869720134",
        "8945362017",
        "9438617205",
        "2581436790",
    ]
    return Part([0], lambda state, digit: int(table[state][digit]), lambda state: bool(state == 0))


def _mod11_10() -> Part:
    """ISO/IEC 7064 MOD 11,10; a state is the product carried on, and whether the last digit checks the others."""

    def step(state: tuple[int, bool], digit: int) -> tuple[int, bool]:
        total = (state[0] + digit) % 10
        return (total or 10) * 2 % 11, total == 1

    return Part([(10, False)], step, lambda state: bool(state[1]))


#: By name. ISBN-13 is `ean` with a pattern, 97[89]\d{10}.
CHECKSUMS = {
    "luhn": Checksum("payment cards, IMEI", r"\d{2,}", _luhn()),
    "ean": Checksum("GTIN: EAN-8, UPC-A, EAN-13, ITF-14", r"\d{8}|\d{12,14}", _weighted(1, 3)),
    "verhoeff": Checksum("Aadhaar", r"\d{2,}", _verhoeff()),
    "damm": Checksum("Damm's algorithm", r"\d{2,}", _damm()),
    "mod97": Checksum(
        "ISO/IEC 7064 MOD 97-10", r"\d{3,}", Part([0], lambda s, d: (10 * s + d) % 97, lambda s: bool(s == 1))
    ),
    "mod11-10": Checksum("ISO/IEC 7064 MOD 11,10: German tax numbers, Croatian OIB", r"\d{2,}", _mod11_10()),
    "aba": Checksum("routing numbers of US banks", r"\d{9}", _weighted(1, 7, 3)),
}
