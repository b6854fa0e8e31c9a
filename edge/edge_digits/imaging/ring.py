"""A ring of paper around a crop that its ink fills, so that paper can be told from ink."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.ink import extract_ink, ink_threshold
from edge_digits.imaging.pixels import TINY_SIDE, Gray

#: Ink fills a crop of which it covers this share; the width of the ring that is put around it then, in longer sides.
_FILLED, _RING = 0.25, 0.25
#: A tight crop's ink reaches so many of its sides, and this share of it lies farther from the rim than this, in sides.
_SIDES, _RIM, _INNER_SHARE = 2, 0.15, 0.12
#: A crop may be nothing but a bar if it is so many times as high as wide, and its brightness differs by so much; the
#: bar is in one piece in this share of the rows.
_BAR_ASPECT, _BAR_CONTRAST, _BAR_ROWS = 2.5, 40, 0.9


def with_ring(gray: Gray, *, opposite: bool = False) -> tuple[Gray, int]:
    """A crop that its ink fills, with a ring of its own paper around it.

    Others stay as they are: what ends at their rim, as the lines of a table, would look like a stroke.

    Args:
        gray: uint8 [H, W], either polarity.
        opposite: as of `extract_ink`: which is which cannot always be told of such a crop. Of a bar it can.

    Returns:
        uint8 [H + 2 w, W + 2 w], and w, pixels; w is 0 where there is no ring.
    """
    width = max(2, round(_RING * max(gray.shape)))
    beside = _beside_bar(gray)
    if beside is not None:
        return (gray, 0) if opposite else (np.pad(gray, width, constant_values=beside), width)
    ink = extract_ink(gray, opposite=opposite)
    mask = (ink.strength >= ink_threshold(ink.noise)).astype(np.uint8)
    if np.count_nonzero(mask) < _FILLED * gray.size or not (max(gray.shape) <= TINY_SIDE or is_tight(mask)):
        return gray, 0
    paper = np.asarray(cv2.bitwise_not(ink.paper), np.uint8) if ink.inverted else ink.paper
    ringed = np.pad(paper, width, "edge")
    ringed[width:-width, width:-width] = gray
    return ringed, width


def is_tight(mask: Gray) -> bool:
    """Whether a picture is cut at the ink of the one thing that it shows, which has its strokes in the middle too.

    The lines of a form that run along the rim of a cell, or across it, are no such thing.

    Args:
        mask: where there is ink, uint8 [H, W] of 0 and 1.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return False
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    x, y, w, h, area = stats[largest].tolist()
    height, width = mask.shape
    touched = (x <= 1) + (y <= 1) + (x + w >= width - 1) + (y + h >= height - 1)
    if touched < _SIDES:
        return False
    down, across = round(_RIM * height), round(_RIM * width)
    inner = labels[down : height - down, across : width - across]
    return bool(np.count_nonzero(inner == largest) >= _INNER_SHARE * area)


def is_bar(gray: Gray) -> bool:
    """Whether a picture is cut at a bar, as at a one without flag and foot, and shows nothing else.

    Args:
        gray: uint8 [H, W], either polarity.
    """
    return _beside_bar(gray) is not None


def _beside_bar(gray: Gray) -> int | None:
    """The brightness of the paper, if a bar fills the picture: what is most of it is ink, with paper at its sides."""
    height, width = gray.shape
    if width < 2 or height < _BAR_ASPECT * width:
        return None
    darkest, lightest = int(gray.min()), int(gray.max())
    if lightest - darkest < _BAR_CONTRAST:
        return None
    light: NDArray[np.bool_] = gray > (darkest + lightest) / 2  # [H, W]
    for ink, paper in ((light, darkest), (~light, lightest)):
        padded = np.pad(ink, ((0, 0), (1, 1)))  # [H, W + 2]
        pieces = np.count_nonzero(padded[:, 1:] > padded[:, :-1], axis=1)  # [H]
        if 2 * np.count_nonzero(ink) >= ink.size and np.count_nonzero(pieces == 1) >= _BAR_ROWS * height:
            return paper
    return None
