"""Strokes -> groups that may be one digit or several that touch -> lines in reading order."""

from __future__ import annotations

from statistics import fmean, median

import cv2
import numpy as np

from edge_digits.find.glyph import Glyph
from edge_digits.find.strokes import Strokes, group, typical
from edge_digits.imaging.pixels import Gray

#: Of a picture of many digits, the least height that can be told from a speck, pixels.
_SMALLEST = 8
#: How high the strokes of one digit are together, in heights of the page's digits: what stands above is another line's.
_ROOM = 1.2
#: Below this, in heights of the page's digits, nothing is a digit,
_SPECK = 0.2
#: and below these, in heights of the page's digits and of the line, nothing but a small nought.
_SMALL, _LOW = 0.33, 0.4
#: Of digits that are raised beside others, as exponents and cents are: how many there are, how high at most and how far
#: off, in heights of the others; how much of their height the others reach, at least, and of their width, at most.
_RAISED, _RAISED_HEIGHT, _RAISED_GAP, _RAISED_SHARED, _RAISED_COVERED = 2, 0.85, 4.0, 0.05, 0.3


def lines(strokes: Strokes, strength: Gray) -> list[list[Glyph]]:
    """Lines from the top, their groups from the left; dots, commas, dashes and specks left out."""
    if len(strokes) == 0:
        return []
    heights = strokes.y2 - strokes.y1
    tallest = min(typical(heights, heights, 0.75), 1.5 * typical(heights, heights, 0.5))
    groups = group(strokes, tallest, _ROOM)
    heights = np.array([strokes.y2[g].max() - strokes.y1[g].min() for g in groups])
    digits = typical(heights, heights, 0.5)
    smallest = max(_SMALLEST, _SPECK * digits)
    glyphs = [strokes.glyph(strength, g) for g, h in zip(groups, heights, strict=True) if h >= smallest]
    large = [g for g in glyphs if g.height >= _SMALL * digits or _has_hole(g)]
    return [row for row in map(_digits_of, rows(large)) if row]


def height_of(line: list[Glyph]) -> float:
    """How high the digits of a line are, pixels: the median of what is not small."""
    heights = [glyph.height for glyph in line]
    least = 0.6 * max(heights)
    return float(median(height for height in heights if height >= least))


def rows(glyphs: list[Glyph]) -> list[list[Glyph]]:
    """Lines from the top, their glyphs from the left: each joins the line whose last large one it overlaps by half."""
    found: list[list[Glyph]] = []
    for glyph in sorted(glyphs, key=lambda g: (g.x, g.y)):
        best, most = None, 0.0
        for row in found:
            last = _last_large(row)
            shared = min(last.y + last.height, glyph.y + glyph.height) - max(last.y, glyph.y)
            # Of two lines, that whose last one is about as high: a small one lies within much.
            alike = shared / max(last.height, glyph.height)
            if shared >= 0.5 * min(last.height, glyph.height) and alike >= most:
                best, most = row, alike
        if best is None:
            found.append([glyph])
        else:
            best.append(glyph)
    return sorted(found, key=lambda row: fmean(g.y + g.height / 2 for g in row))


def with_raised(found: list[list[Glyph]]) -> list[list[Glyph]]:
    """Lines, with digits that are raised beside one of them, as exponents and cents are, in that line."""
    lines = sorted(found, key=len)
    for row in list(lines):
        base = next((other for other in reversed(lines) if other is not row and _is_raised(row, other)), None)
        if base is not None:
            lines.remove(row)
            base.extend(row)
            base.sort(key=lambda g: g.x)
    return [row for row in found if any(row is line for line in lines)]


def _is_raised(row: list[Glyph], base: list[Glyph]) -> bool:
    """Whether a few small digits stand between or beside those of a line, at their upper end."""
    height = height_of(base)
    if len(row) > min(_RAISED, len(base)) or max(g.height for g in row) > _RAISED_HEIGHT * height:
        return False
    x1, x2 = min(g.x for g in row), max(g.x + g.width for g in row)
    y1, y2 = min(g.y for g in row), max(g.y + g.height for g in row)
    nearest = min(base, key=lambda g: max(g.x - x2, x1 - (g.x + g.width)))
    gap = max(nearest.x - x2, x1 - (nearest.x + nearest.width))
    covered = max(min(g.x + g.width, x2) - max(g.x, x1) for g in base)
    higher = y1 < nearest.y and y2 > nearest.y + _RAISED_SHARED * (y2 - y1)
    return higher and gap < _RAISED_GAP * height and covered < _RAISED_COVERED * (x2 - x1)


def _last_large(row: list[Glyph]) -> Glyph:
    return next((g for g in reversed(row) if g.height >= 0.6 * row[0].height), row[-1])


def _digits_of(row: list[Glyph]) -> list[Glyph]:
    """Without dots, commas and dashes."""
    height = height_of(row)
    return [g for g in row if g.height >= _LOW * height or _has_hole(g)]


def _has_hole(glyph: Glyph) -> bool:
    mask = cv2.copyMakeBorder((glyph.ink > 0).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return int(cv2.connectedComponents(1 - mask, connectivity=4)[0]) > 2
