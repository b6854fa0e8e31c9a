"""One look at a picture: a part of it, upright, at working scale, with its ink and the candidates that are in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from edge_digits.find import Candidate, Glyph, Line, classic, find_digit, net
from edge_digits.find.net import Maps
from edge_digits.ink import Ink, extract_ink
from edge_digits.normalize import CROP_SIDE
from edge_digits.pixels import Gray, shrink
from edge_digits.regions import View
from edge_digits.results import Box

#: Pictures are searched at this side at most: digits of a 40th of a page are then 24 pixels high.
WORK_SIDE = 960
#: The widest stroke of a picture that may hold many digits, as a fraction of its longer side.
_PAGE_STROKE = 0.1
#: A picture of at most this side is the crop of one digit, whose strokes may lie apart.
_ONE_DIGIT = 40
#: A small picture that is up to so many times longer than wide may be the crop of one digit.
_SQUARE = 1.5
#: Below this height or width there is nothing to read.
_SMALLEST = 4

LAYOUTS = ("auto", "digit", "line", "page")


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Look:
    """What a look found.

    Attributes:
        view: which part of the picture, and which way up.
        work: uint8 [H, W], what was looked at.
        ink: its ink.
        lines: the candidates, by line.
    """

    view: View
    work: Gray
    ink: Ink
    lines: list[Line]

    def box(self, glyph: Glyph) -> Box:
        """Where a glyph is in the whole picture."""
        width, height = self.view.size
        across, down = width / self.work.shape[1], height / self.work.shape[0]
        x1, y1 = int(glyph.x * across), int(glyph.y * down)
        x2, y2 = int(np.ceil((glyph.x + glyph.width) * across)), int(np.ceil((glyph.y + glyph.height) * down))
        return self.view.back(Box(x1, y1, min(x2, width), min(y2, height)))


def look(gray: Gray, view: View, layout: str, maps: Maps | None) -> Look:
    """Find the candidates of a part of a picture.

    Args:
        gray: uint8 [H, W], the picture at any scale.
        view: the part.
        layout: one of LAYOUTS; "auto" takes tiny pictures for crops of one digit and all others for pages.
        maps: the finder's network; None finds by rule.
    """
    work = shrink(view.cut(gray), WORK_SIDE)
    longer = max(work.shape)
    one = layout == "digit" or (layout == "auto" and longer <= _ONE_DIGIT)
    if one:
        work = shrink(work, CROP_SIDE)
    ink = extract_ink(work) if one or longer <= CROP_SIDE else extract_ink(work, _PAGE_STROKE)
    if min(work.shape) < _SMALLEST:
        return Look(view, work, ink, [])
    if one:
        glyph = find_digit(ink)
        return Look(view, work, ink, [] if glyph is None else [Line((Candidate(glyph, 0, 1),), 2)])
    small = longer <= min(CROP_SIDE, _SQUARE * min(work.shape))
    if small:
        lines = _of_crop(ink)
        lines = lines if maps is None else net.judged(lines, ink, maps)
    else:
        lines = classic.find(ink) if maps is None else net.find(ink, maps)
    return Look(view, work, ink, _in_one_line(lines) if layout == "line" and len(lines) > 1 else lines)


def _of_crop(ink: Ink) -> list[Line]:
    """The strokes of a crop by groups, uncut: what is wide in it is sooner a letter than digits that touch.

    One group alone is taken as the classifier was trained on it.
    """
    groups = classic.find_digits(ink)
    if sum(map(len, groups)) == 1:
        glyph = find_digit(ink)
        groups = [] if glyph is None else [[glyph]]
    return [
        Line(tuple(Candidate(glyph, node, node + 1) for node, glyph in enumerate(group)), len(group) + 1)
        for group in groups
    ]


def _in_one_line(lines: list[Line]) -> list[Line]:
    """All candidates as one line, from the left; what was cut of one group stays together."""
    groups = [group for line in lines for group in _groups(line)]
    return [chain(sorted(groups, key=lambda group: group.candidates[0].glyph.x))]


def _groups(line: Line) -> list[Line]:
    """The parts of a line between nodes that no candidate spans."""
    cuts = [
        node
        for node in range(line.nodes)
        if not any(candidate.start < node < candidate.end for candidate in line.candidates)
    ]
    parts = []
    for first, last in pairwise(cuts):
        inside = [c for c in line.candidates if c.start >= first and c.end <= last]
        if inside:
            moved = tuple(replace(c, start=c.start - first, end=c.end - first) for c in inside)
            parts.append(Line(moved, last - first + 1))
    return parts


def chain(lines: list[Line]) -> Line:
    """Lines one after the other as a single one: the last node of each is the first of the next."""
    candidates: list[Candidate] = []
    node = 0
    for line in lines:
        candidates += [replace(c, start=c.start + node, end=c.end + node) for c in line.candidates]
        node += line.nodes - 1
    return Line(tuple(candidates), node + 1)
