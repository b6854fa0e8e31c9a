"""Printed type, which is no handwriting, in the fonts that matplotlib brings."""

from __future__ import annotations

import logging
from functools import cache
from typing import Literal

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray
from edge_digits_train.synthesis.scenes.sheets import IGNORED, LABELS, Sheet, paste

#: Family, style and weight.
_FONTS: tuple[tuple[str, Literal["normal", "italic"], Literal["normal", "bold"]], ...] = (
    ("DejaVu Sans", "normal", "normal"),
    ("DejaVu Sans", "italic", "normal"),
    ("DejaVu Sans", "normal", "bold"),
    ("DejaVu Serif", "normal", "normal"),
    ("DejaVu Serif", "italic", "bold"),
    ("DejaVu Sans Mono", "normal", "normal"),
    ("DejaVu Sans Mono", "normal", "bold"),
    ("STIXGeneral", "normal", "normal"),
    ("STIXGeneral", "italic", "normal"),
    ("cmr10", "normal", "normal"),
    ("cmss10", "normal", "normal"),
    ("cmtt10", "normal", "normal"),
)
#: Glyphs are kept at this size, with their foot so many rows below the top; capitals are then so high.
_SIZE, _ROWS, _FOOT, _CAPITALS = 48, 64, 46, 35.0
#: What is neither to be found nor not: digits, signs, and letters that pass for them.
_DOUBTFUL = frozenset(LABELS + "OoIlZSBX")


def print_text(sheet: Sheet, text: str, height: float, foot: tuple[float, float], rng: np.random.Generator) -> None:
    """Print a line beside the writing.

    Args:
        sheet: to print on.
        text: the line.
        height: of capitals, pixels.
        foot: x where it begins, y of its foot.
        rng: chooses font and ink.
    """
    font, scale, ink = int(rng.integers(len(_FONTS))), height / _CAPITALS, int(rng.integers(90, 256))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    x, y = foot
    for character in text:
        if x > sheet.shape[1]:
            return
        glyph = _glyph(font, character)
        if glyph is None:
            x += 0.35 * height
            continue
        size = (max(1, round(glyph.shape[1] * scale)), max(1, round(_ROWS * scale)))
        scaled = cv2.resize(glyph, size, interpolation=method)
        strokes = np.asarray(cv2.convertScaleAbs(scaled, alpha=ink / 255), np.uint8)
        if paste(sheet.other, strokes, round(x), round(y - _FOOT * scale)) and character in _DOUBTFUL:
            sheet.add_box((x - 1, y - _CAPITALS * scale - 2, x + size[0] + 1, y + 2), IGNORED)
        x += size[0] + 0.06 * height


@cache
def _glyph(font: int, character: str) -> Gray | None:
    """A character in white on black, uint8 [64, W]; None for a blank."""
    if character == " ":
        return None
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of fonts that have no bold face
    family, style, weight = _FONTS[font]
    path = TextPath((0, 0), character, size=_SIZE, prop=FontProperties(family=family, style=style, weight=weight))
    polygons = [np.asarray(polygon, np.float64) for polygon in path.to_polygons()]
    canvas = np.zeros((_ROWS, max(4, int(np.concatenate(polygons)[:, 0].max()) + 3)), np.uint8)
    outlines = [np.rint(np.column_stack([p[:, 0] + 1, _FOOT - p[:, 1]]) * 16).astype(np.int32) for p in polygons]
    cv2.fillPoly(canvas, outlines, 255, cv2.LINE_AA, shift=4)
    return canvas
