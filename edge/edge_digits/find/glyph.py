"""What a finder hands on: glyphs, and the lines of candidates that a lattice search chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray

#: What a candidate may be the digit of: a scene with others; a crop; a picture too small to be anything else; one that
#: was given as one digit; or one of the last two that the reader knew before the finder was asked.
Kind = Literal["scene", "crop", "tiny", "given", "clear"]


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Glyph:
    """One candidate digit: its place in the picture and its own ink.

    Attributes:
        x, y: top left corner, pixels.
        ink: uint8 [h, w], the strength of its strokes, 0 elsewhere; of a find in a scene, 0 everywhere.
    """

    x: int
    y: int
    ink: Gray

    @property
    def width(self) -> int:
        return int(self.ink.shape[1])

    @property
    def height(self) -> int:
        return int(self.ink.shape[0])


@dataclass(frozen=True, eq=False)
class Place:
    """What a network found in a scene.

    Attributes:
        contrast: the local contrast of the scene at the scale of the find, uint8 [H, W].
        box: x1, y1, x2, y2 in its pixels.
        logits: float32 [C], what the finder says of each character, by itself and not against the others: of the ten
            digits, then of signs.
        beyond: of what may be all of its picture, how much of its strokes lies outside of the box (`find.pieces`).
        elsewhere: of what stands in a scene, how much of the picture outside of all finds is ink: a share.
    """

    contrast: Gray
    box: tuple[float, float, float, float]
    logits: NDArray[np.float32]
    beyond: float = 0.0
    elsewhere: float = 0.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """A glyph that may be one digit, as an edge of its line's lattice.

    Attributes:
        glyph: the ink.
        start, end: the nodes that it joins, start < end; all ink of the line between two nodes lies in any chain of
            candidates from one to the other, but for what no digit can be made of.
        kind: what it may be the digit of.
        place: where a network found it, for a look at it with its surroundings; None where a rule cut its ink out.
        probabilities: float32 [K], what the reader says of it, where it was asked already.
    """

    glyph: Glyph
    start: int
    end: int
    kind: Kind = "scene"
    place: Place | None = None
    probabilities: NDArray[np.float32] | None = None

    @property
    def alone(self) -> bool:
        """Whether it is all that is read of its picture, and the others are alternatives."""
        return self.kind != "scene"

    @property
    def given(self) -> bool:
        """Whether its picture is said to be one digit, or too small to be anything else."""
        return self.kind in ("tiny", "given", "clear")


@dataclass(frozen=True, eq=False)
class Line:
    """A line of writing.

    Attributes:
        candidates: by start, then end. Where nothing was cut, they are the line's digits.
        nodes: how many nodes the lattice has; a reading is a chain of candidates from node 0 to node `nodes` - 1.
    """

    candidates: tuple[Candidate, ...]
    nodes: int


def chain(lines: Sequence[Line]) -> Line:
    """Lines one after the other as a single one: the last node of each is the first of the next."""
    candidates: list[Candidate] = []
    node = 0
    for line in lines:
        candidates += [replace(c, start=c.start + node, end=c.end + node) for c in line.candidates]
        node += line.nodes - 1
    return Line(tuple(candidates), node + 1)
