"""What a finder hands on: glyphs, and the lines of candidates that a lattice search chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Glyph:
    """One candidate digit: its place in the picture and its own ink.

    Attributes:
        x, y: top left corner, pixels.
        ink: uint8 [h, w], the strength of its strokes, 0 elsewhere.
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


class Ground(Enum):
    """What a candidate stands on.

    GIVEN: a picture that was given as one digit. CROP: a small picture. ALONE: a place in a page that its ink fills,
    with nothing else found near it. CLOSE: the same among others. REST: its ink does not fill the place. SCENE: a place
    in a picture of which nothing was decided before (`scene`).
    """

    GIVEN = "given"
    CROP = "crop"
    ALONE = "alone"
    CLOSE = "close"
    REST = "rest"
    SCENE = "scene"


@dataclass(frozen=True, eq=False)
class Place:
    """A place in a scene: the local contrast at the scale of a find, uint8 [H, W], and x1, y1, x2, y2 in its pixels."""

    contrast: Gray
    box: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A glyph that may be one digit, as an edge of its line's lattice.

    Attributes:
        glyph: the ink.
        start, end: the nodes that it joins, start < end; all ink of the line between two nodes lies in any chain of
            candidates from one to the other, but for what no digit can be made of.
        logits: float32 [C], what the finder says of each class, by itself and not against the others; None where it
            says nothing.
        ground: what the finder's logits were seen on.
        signs: float32 [S], the finder's logits of signs, where it knows any.
        place: where it stands, for a look at it with its surroundings; None where the finder cut its ink out.
    """

    glyph: Glyph
    start: int
    end: int
    logits: NDArray[np.float32] | None = None
    ground: Ground = Ground.CROP
    signs: NDArray[np.float32] | None = None
    place: Place | None = None


@dataclass(frozen=True, eq=False)
class Line:
    """A line of writing.

    Attributes:
        candidates: by start, then end. Where nothing was cut, they are the line's digits.
        nodes: how many nodes the lattice has; a reading is a chain of candidates from node 0 to node `nodes` - 1.
    """

    candidates: tuple[Candidate, ...]
    nodes: int
