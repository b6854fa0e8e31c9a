"""The ink of a picture -> where its digits are.

`find_digit` takes the one digit of a crop, as `normalize` does in training and in use; `find` takes a page, and gives
lines of candidates for a lattice search; `find_digits` gives the lines of a page as they were found, uncut.
"""

from edge_digits.find.classic import find, find_digits
from edge_digits.find.glyph import Candidate, Glyph, Line, Place, chain
from edge_digits.find.pen import written
from edge_digits.find.ruling import without_ruling
from edge_digits.find.single import find_digit, ink_mask

__all__ = [
    "Candidate",
    "Glyph",
    "Line",
    "Place",
    "chain",
    "find",
    "find_digit",
    "find_digits",
    "ink_mask",
    "without_ruling",
    "written",
]
