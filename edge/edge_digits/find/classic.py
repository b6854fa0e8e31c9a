"""The digits of a page, found by rule: threshold, straight lines out, strokes into groups, groups into lines, cuts."""

from __future__ import annotations

from edge_digits.find import layout, split
from edge_digits.find.glyph import Candidate, Glyph, Line
from edge_digits.find.pen import pen_strokes
from edge_digits.imaging.ink import Ink


def find(ink: Ink) -> list[Line]:
    """The lines of a page from the top, with every candidate digit of each.

    Groups of strokes that are wider than a digit are cut, see `split`; of the others there is one candidate.
    """
    lattices = [_lattice(line) for line in find_digits(ink)]
    return [line for line in lattices if line.candidates]


def find_digits(ink: Ink) -> list[list[Glyph]]:
    """The groups of strokes of a page in reading order, uncut: lines from the top, groups of a line from the left."""
    return layout.lines(pen_strokes(ink), ink.strength)


def _lattice(line: list[Glyph]) -> Line:
    height = layout.height_of(line)
    candidates: list[Candidate] = []
    node = 0
    for glyph in line:
        found, last = split.candidates(glyph, height) if split.worth_cutting(glyph, height) else ([(0, 1, glyph)], 1)
        if found:
            candidates += [Candidate(one, node + start, node + end) for start, end, one in found]
            node += last
    return Line(tuple(candidates), node + 1)
