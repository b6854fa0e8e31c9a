"""One look at a picture: a part of it, upright, at working scale, with the candidates that are in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import Layout
from edge_digits.find import Candidate, Glyph, Line, chain, classic, find_digit
from edge_digits.find.given import Glance, crop_lines, given_digit
from edge_digits.find.lines import scene_lines
from edge_digits.find.scene import WORK_SIDE, HeatMaps, find_characters, working_side
from edge_digits.imaging.ink import Ink, extract_ink
from edge_digits.imaging.pixels import CROP_SIDE, TINY_SIDE, Gray, shrink, to_gray, without_faint_colours
from edge_digits.imaging.regions import View
from edge_digits.imaging.ring import is_bar
from edge_digits.inference.session import Finder
from edge_digits.results import DIGITS, Box

#: The widest stroke of a picture that may hold many digits, as a fraction of its longer side.
_PAGE_STROKE = 0.1
#: A small picture that is wider than so many times its height holds a number, not one digit.
_WIDE = 1.2
#: Digits are on one line where they are spread so much less across it than along it; at a slant, between these angles,
#: radians.
_STRAIGHT, _SLANTED = 0.12, (0.2, 1.0)
#: Below this height or width there is nothing to read but a bar.
_SMALLEST = 4


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Look:
    """What a look found.

    Attributes:
        view: which part of the picture, and which way up.
        work: uint8 [H, W], or [H, W, 3] where it has colours, what was looked at.
        one: whether it was taken for one digit.
        scene: whether a network looked at it; else digits were found by rule.
        lines: the candidates, by line.
        back: float64 [2, 3], from pixels of `work` to those of what is seen.
    """

    view: View
    work: NDArray[np.uint8]
    one: bool
    scene: bool
    lines: list[Line]
    back: NDArray[np.float64]

    @cached_property
    def ink(self) -> Ink:
        """The ink of what was looked at, by one paper and polarity for all of it."""
        gray = self.gray
        small = self.one or max(gray.shape) <= CROP_SIDE
        return extract_ink(gray) if small else extract_ink(gray, _PAGE_STROKE)

    @cached_property
    def gray(self) -> Gray:
        """What was looked at, without its colours: uint8 [H, W]."""
        return to_gray(self.work)

    def box(self, glyph: Glyph) -> Box:
        """Where a glyph is in the whole picture."""
        width, height = self.view.size
        corners = [(x, y) for x in (glyph.x, glyph.x + glyph.width) for y in (glyph.y, glyph.y + glyph.height)]
        # One by one: there are a few per digit, and NumPy's overhead is a hundred times that.
        (x_x, x_y, x_0), (y_x, y_y, y_0) = self.back.tolist()
        (x1, x2), (y1, y2) = (
            _span([by_x * x + by_y * y + start for x, y in corners], size)
            for by_x, by_y, start, size in ((x_x, x_y, x_0, width), (y_x, y_y, y_0, height))
        )
        return self.view.back(Box(x1, y1, x2, y2))


def _span(places: list[float], size: int) -> tuple[int, int]:
    """The whole pixels from the least to the greatest of these places, one at least, within 0 and `size`."""
    # A box that should end at a pixel's edge may miss it by a rounding error.
    first = min(max(math.floor(min(places) + 1e-6), 0), size - 1)
    return first, min(max(math.ceil(max(places) - 1e-6), first + 1), size)


def look(
    pixels: NDArray[np.uint8], view: View, layout: Layout, finder: Finder | None, glance: Glance | None = None
) -> Look:
    """Find the candidates of a part of a picture.

    Args:
        pixels: uint8 [H, W] or [H, W, 3], the picture at any scale.
        view: the part.
        layout: "auto" takes tiny pictures for crops of one digit and all others for pages.
        finder: the finder's network; None finds by rule.
        glance: asks the reader about a crop of one digit first, for the finder is the slower one; None never does.
    """
    whole = view.cut(pixels)
    # Rules know pages of one size only.
    side = WORK_SIDE if finder is None else working_side(*whole.shape[:2])
    work = without_faint_colours(shrink(whole, side))
    one = layout == "digit" or (layout == "auto" and max(work.shape[:2]) <= TINY_SIDE)
    if one and finder is None:
        work = shrink(work, CROP_SIDE)
    scale = np.diag([view.size[0] / work.shape[1], view.size[1] / work.shape[0]])
    found = Look(view, work, one, finder is not None, [], np.hstack([scale, np.zeros((2, 1))]))
    if min(work.shape[:2]) < _SMALLEST and not (finder is not None and is_bar(to_gray(work))):
        return found
    if finder is None:
        found = replace(found, lines=_by_rule(found))
    elif one:
        found = replace(found, lines=given_digit(work, finder.maps, glance, "tiny" if layout == "auto" else "given"))
    elif layout == "auto" and _is_crop(work):
        found = replace(found, lines=crop_lines(work, finder.maps, glance))
    else:
        found = replace(found, lines=scene_lines(find_characters(work, finder.maps)))
        found = _straightened(found, finder.maps)
    return replace(found, lines=_in_one_line(found.lines)) if layout == "line" and len(found.lines) > 1 else found


def _by_rule(found: Look) -> list[Line]:
    """Candidates without a network: of one digit, of a small crop, or of a page."""
    if found.one:
        glyph = find_digit(found.ink)
        return [] if glyph is None else [Line((Candidate(glyph, 0, 1, "given"),), 2)]
    return _of_crop(found.ink) if _is_crop(found.work) else classic.find(found.ink)


def _is_crop(work: NDArray[np.uint8]) -> bool:
    """Whether a picture is small, and not so wide that it holds a number."""
    height, width = work.shape[:2]
    return bool(max(height, width) <= CROP_SIDE and width <= _WIDE * height)


def _straightened(found: Look, maps: HeatMaps) -> Look:
    """A look at the same page turned so that its one line, which runs at a slant, is level; where more is found so."""
    angle = _slant(found.lines)
    if angle is None:
        return found
    height, width = found.work.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.degrees(angle)), 1.0)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    size = (int(np.ceil(width * cos + height * sin)), int(np.ceil(width * sin + height * cos)))
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    work = np.asarray(cv2.warpAffine(found.work, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    undone = np.vstack([cv2.invertAffineTransform(turn), (0, 0, 1)])
    lines = scene_lines(find_characters(work, maps))
    level = replace(found, work=work, lines=lines, back=found.back @ undone)
    return level if _sureness(level.lines) > _sureness(found.lines) else found


def _slant(lines: list[Line]) -> float | None:
    """The angle of a single line of digits that does not run level, radians, clockwise; None for any other page."""
    sure = [candidate.glyph for candidate, logit in _strongest(lines) if logit > 0]
    if len(sure) < 3:
        return None
    middles = np.array([(glyph.x + glyph.width / 2, glyph.y + glyph.height / 2) for glyph in sure])
    spread, axes = np.linalg.eigh(np.cov(middles.T))
    x, y = axes[:, 1] * np.sign(axes[0, 1] or 1.0)
    angle = float(np.arctan2(y, x))
    straight = spread[0] < _STRAIGHT**2 * spread[1]
    return angle if straight and _SLANTED[0] < abs(angle) < _SLANTED[1] else None


def _sureness(lines: list[Line]) -> float:
    """How much the finder found: the sum of its probabilities."""
    logits = np.array([logit for _, logit in _strongest(lines)])
    return float((1.0 / (1.0 + np.exp(-logits))).sum())


def _strongest(lines: list[Line]) -> list[tuple[Candidate, float]]:
    """The finds of a scene, each with the strongest logit of a digit."""
    candidates = [candidate for line in lines for candidate in line.candidates]
    return [(c, float(c.place.logits[: len(DIGITS)].max())) for c in candidates if c.place is not None]


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
