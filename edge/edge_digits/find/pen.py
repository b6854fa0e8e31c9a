"""What the pen wrote on a page: its strokes, without paper, pattern, straight lines and specks."""

from __future__ import annotations

import cv2
import numpy as np

from edge_digits.find.grid import without_grid
from edge_digits.find.ruling import without_ruling
from edge_digits.find.single import ink_mask
from edge_digits.find.strokes import Mask, Strokes, cut_off, strokes_of
from edge_digits.ink import Ink
from edge_digits.pixels import Gray

#: Strokes beyond this many, by weight, are texture.
_MOST_STROKES = 400
#: Pixels weaker than this fraction of the strong ones of their stroke are pattern that touches it,
_WEAK = 0.4
#: where at least this fraction of the ink is as weak: the blurred rim of a pen's stroke is not.
_PATTERNED = 0.3
#: Below this noise, paper is plain.
_PLAIN = 4.0


def pen_strokes(ink: Ink) -> Strokes:
    """The strokes of a page."""
    mask = without_grid(without_ruling(ink_mask(ink)))
    strokes = strokes_of(mask, ink.strength)
    if len(strokes) and ink.noise >= _PLAIN:
        strokes = _without_pattern(mask, strokes, ink.strength)
    strokes = strokes.take(~cut_off(strokes.x1, strokes.y1, strokes.x2, strokes.y2, mask.shape))
    if len(strokes) < 2:
        return strokes
    strokes = strokes.take(strokes.area >= 6)
    if len(strokes) > _MOST_STROKES:
        strokes = strokes.take(strokes.weight >= np.sort(strokes.weight)[-_MOST_STROKES])
    if len(strokes) < 2:
        return strokes
    # Specks, and what is much paler than the main stroke: old pencil, print showing through, the grain of the paper.
    main = int(strokes.weight.argmax())
    pale = strokes.weight * strokes.area[main] < 0.35 * strokes.weight[main] * strokes.area
    return strokes.take((strokes.weight >= 0.002 * strokes.weight[main]) & ~pale)


def _without_pattern(mask: Mask, strokes: Strokes, strength: Gray) -> Strokes:
    """Cut away what is weak beside the strong part of its own stroke, but for the rim of the strong part."""
    inked = np.flatnonzero(mask)
    label = strokes.labels.ravel()[inked]
    calm = np.asarray(cv2.blur(strength, (3, 3)), np.uint8).ravel()[inked]
    counts = np.bincount(label * 32 + (calm >> 3), minlength=32 * (len(strokes) + 1)).reshape(-1, 32)
    shares = np.cumsum(counts, axis=1)
    strong = 8.0 * (shares < 0.8 * shares[:, -1:]).sum(axis=1) + 4.0
    weak = calm < _WEAK * strong[label]
    if float(weak.mean()) < _PATTERNED:
        return strokes
    kept = np.zeros(mask.size, np.uint8)
    kept[inked[~weak]] = 1
    kept = kept.reshape(mask.shape)
    return strokes_of(np.asarray(cv2.dilate(kept, np.ones((3, 3), np.uint8)) & mask, np.uint8), strength)
