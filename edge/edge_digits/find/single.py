"""The one digit of a crop. What models are trained on passes here: a change is a change to `normalize`."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.find.glyph import Glyph
from edge_digits.find.ruling import without_ruling
from edge_digits.find.strokes import MAX_STROKES, Mask, Strokes, cut_off, group, strokes_of
from edge_digits.imaging.ink import Ink, ink_threshold


def find_digit(ink: Ink) -> Glyph | None:
    """The one digit of a crop: the strongest group of strokes. None where there is no ink."""
    strokes = _strokes(ink)
    if len(strokes) == 0:
        return None
    groups = group(strokes, int((strokes.y2 - strokes.y1).max()))
    strongest = int(np.argmax([float(strokes.weight[one].sum()) for one in groups]))
    return strokes.glyph(ink.strength, groups[strongest])


def ink_mask(ink: Ink) -> Mask:
    """Where there is ink: uint8 [H, W] of 0 and 1, ruling and rim included."""
    strength = ink.strength
    if min(strength.shape) >= 48 or ink.noise >= 4.0:
        # Takes two thirds of the noise away, where it is not smeared by JPEG.
        strength = np.asarray(cv2.blur(strength, (3, 3)), np.uint8)
    return np.asarray(cv2.threshold(strength, min(ink_threshold(ink.noise), 254), 1, cv2.THRESH_BINARY)[1], np.uint8)


def _strokes(ink: Ink) -> Strokes:
    mask = without_ruling(ink_mask(ink))
    strokes = strokes_of(mask, ink.strength)
    rests = cut_off(strokes.x1, strokes.y1, strokes.x2, strokes.y2, mask.shape)
    if rests.any():
        strokes = strokes.take(~rests)
    if len(strokes) < 2:
        return strokes
    if len(strokes) > MAX_STROKES:
        strokes = strokes.take(strokes.area >= np.sort(strokes.area)[-MAX_STROKES])
    # Specks, and what is much paler than the main stroke: old pencil, print showing through, the grain of the paper.
    main = int(strokes.weight.argmax())
    pale = strokes.weight * strokes.area[main] < 0.35 * strokes.weight[main] * strokes.area
    return strokes.take((strokes.weight >= 0.01 * strokes.weight[main]) & ~pale)
