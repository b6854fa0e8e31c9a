"""Why a picture may be read badly, and what to do about it: for the `warnings` of its record.

The limits lie beyond what models are trained on (`synthesis.augment`) and beyond what good pictures show, so that a
warning is worth the reader's time. All is measured on a few lines through the digits and on a coarse sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.ink import MIN_PAPER, Ink, ink_threshold
from edge_digits.imaging.pixels import TINY_SIDE, Gray, histogram
from edge_digits.results import Box

#: Training's paper is at 50 at its darkest; below `MIN_PAPER`, `ink` takes what differs for the sensor's noise.
_MIN_BRIGHTEST = 40
#: Training's digits are at least 15 pixels high.
_MIN_HEIGHT = 12
#: The widest edge of a stroke, as a fraction of the digit's height: one and a half of the 20 pixels that a model sees
#: of it. Training's blur ends there.
_MAX_EDGE = 0.075
#: Edges of fewer pixels, at the scale that is worked on, are as sharp as pixels allow.
_SHARP_EDGE = 3.0
#: Training's contrast ends at 38 of 255, and its noise at a tenth of the contrast (the peaks that are measured here lie
#: above the mean by one or two times the noise).
_MIN_CONTRAST = 26
_MIN_CONTRAST_TO_NOISE = 5.0
#: More noise than a camera makes is texture, among which edges mean nothing.
_MAX_NOISE = 25
#: Glare is white, and lies on paper that is not; as shares of the picture.
_WHITE, _WHITE_PAPER = 250, 235
_MIN_GLARE, _MAX_GLARE = 0.004, 0.3
#: Side of the coarse sample; glare is wider than the kernel of an opening, pixels of the sample, strokes are not.
_SAMPLE_SIDE = 128
_OPENING = 5
#: At most so many digits are looked at; fewer crossings of strokes than this say nothing.
_MAX_DIGITS = 12
_MIN_CROSSINGS = 4


def is_assessed(gray: Gray) -> bool:
    """Whether anything is said of a picture: its maker knows best of a tiny crop, and one so low holds no digit."""
    return bool(max(gray.shape) > TINY_SIDE and min(gray.shape) >= _MIN_HEIGHT)


def assess(gray: Gray, ink: Ink, digits: Sequence[Box], scale: float = 1.0) -> tuple[str, ...]:
    """What may spoil the reading of a picture: one short line each, with the figure measured and what to do.

    Args:
        gray: uint8 [H, W], the picture at the scale that it is worked on.
        ink: its ink, [H, W] too.
        digits: the boxes of what was found, in pixels of `gray`; without any, blur is reported only where it is gross.
        scale: pixels of `gray` by pixels of the original, in which lengths are reported.

    Returns:
        Nothing for a good picture, and for one that is not assessed.
    """
    if not is_assessed(gray):
        return ()
    step = -(-max(gray.shape) // _SAMPLE_SIDE)
    sample = np.ascontiguousarray(gray[step // 2 :: step, step // 2 :: step])
    cumulative = np.asarray(np.cumsum(histogram(sample)) / sample.size, np.float64)  # [256], shares
    warnings = [
        _check_brightness(cumulative),
        _check_glare(sample, cumulative),
        _check_size(digits, scale),
        *_check_strokes(gray, ink, digits, scale),
    ]
    return tuple(warning for warning in warnings if warning is not None)


def _check_brightness(cumulative: NDArray[np.float64]) -> str | None:
    brightest = int(np.searchsorted(cumulative, 0.99))
    if brightest >= _MIN_BRIGHTEST:
        return None
    return f"too dark: the brightest part is at {brightest} of 255; more light, or longer exposure"


def _check_glare(sample: Gray, cumulative: NDArray[np.float64]) -> str | None:
    """White spots within paper that is not white: they fade out, hold no ink, and keep off the rim.

    A sheet that is white all over has ink on it or ends sharply; a window behind it reaches the rim.
    """
    paper = float(np.searchsorted(cumulative, 0.5))
    if paper >= _WHITE_PAPER or float(cumulative[_WHITE - 1]) > 1.0 - _MIN_GLARE:
        return None
    kernel = np.ones((_OPENING, _OPENING), np.uint8)
    white = cv2.morphologyEx((sample >= _WHITE).astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(white)
    height, width = sample.shape
    burnt = 0.0
    for label in range(1, min(count, 20)):
        x, y, w, h, area = (int(v) for v in stats[label])
        if x == 0 or y == 0 or x + w == width or y + h == height or area > _MAX_GLARE * sample.size:
            continue
        spot = (labels == label).astype(np.uint8)
        outline, _ = cv2.findContours(spot, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        filled = cv2.drawContours(np.zeros_like(spot), outline, -1, 1, cv2.FILLED)
        ring = cv2.dilate(filled, np.ones((3, 3), np.uint8)) > filled
        fades = _upper_median(sample[ring]) > (paper + _WHITE) / 2
        holds_ink = int(cv2.countNonZero(filled)) > 1.02 * area
        burnt += area * (fades and not holds_ink)
    share = burnt / sample.size
    if share < _MIN_GLARE:
        return None
    return f"glare: {100 * share:.1f} % of the picture is burnt out; tilt the paper, or move the lamp"


def _check_size(digits: Sequence[Box], scale: float) -> str | None:
    if not digits:
        return None
    height = _upper_median(np.array([box.y2 - box.y1 for box in digits])) / scale
    if height >= _MIN_HEIGHT:
        return None
    return f"digits too small: {height:.0f} pixels high, {_MIN_HEIGHT} at least are needed; go closer, or scan finer"


def _check_strokes(gray: Gray, ink: Ink, digits: Sequence[Box], scale: float) -> tuple[str, ...]:
    """Blur and faintness, from lines across the digits.

    An edge's width is its contrast by its steepest step: of a stroke that a Gaussian of sigma s has blurred, 2.5 s
    where the stroke is wide and 1.6 s where it is narrow.
    """
    lines = _scan_lines(ink.strength, digits)
    strength = np.concatenate(lines).astype(np.int32)  # [pixels of all lines]
    threshold = ink_threshold(ink.noise)
    peaks, steps, widths = _crossings(strength, np.cumsum([len(line) for line in lines]), threshold)
    if len(peaks) < _MIN_CROSSINGS:
        return ()
    strong = peaks >= 0.5 * np.sort(peaks)[int(0.9 * len(peaks))]
    peaks, edges, widths = peaks[strong], peaks[strong] / steps[strong], widths[strong]
    if len(peaks) < _MIN_CROSSINGS:
        return ()
    contrast = _upper_median(peaks)
    if digits:
        brightness = np.concatenate(_scan_lines(gray, digits))
        noise = _paper_noise(255 - brightness if ink.inverted else brightness, strength < threshold)
        if contrast < max(_MIN_CONTRAST, _MIN_CONTRAST_TO_NOISE * noise):
            return (
                f"faint: the ink stands out by {contrast:.0f} of 255 from paper whose noise is {noise:.0f}; "
                "a darker pen, or more light",
            )
    height = _upper_median(np.array([box.y2 - box.y1 for box in digits])) if digits else float(min(gray.shape))
    edge = _upper_median(edges)
    if edge < max(_SHARP_EDGE, _MAX_EDGE * height) or ink.noise > _MAX_NOISE:
        return ()
    if not digits and contrast < 2 * threshold:
        return ()  # a shadow, or a stain
    return (
        f"blurred: edges are {edge / scale:.1f} pixels wide, strokes {_upper_median(widths) / scale:.1f}; "
        "focus, hold still, or clean the lens",
    )


def _scan_lines(plane: Gray, digits: Sequence[Box]) -> list[Gray]:
    """Five rows and five columns of each digit, with a margin of paper; of the whole picture where there is none."""
    height, width = plane.shape
    if not digits:
        return [*plane[height // 24 :: max(1, height // 12)], *plane.T[width // 24 :: max(1, width // 12)]]
    lines = []
    for box in digits[:: -(-len(digits) // _MAX_DIGITS)]:
        margin = 2 + (box.y2 - box.y1) // 4
        left, right = max(0, box.x1 - margin), box.x2 + margin
        top, bottom = max(0, box.y1 - margin), box.y2 + margin
        for sixth in range(1, 6):
            lines.append(plane[min((box.y1 * (6 - sixth) + box.y2 * sixth) // 6, height - 1), left:right])
            lines.append(plane[top:bottom, min((box.x1 * (6 - sixth) + box.x2 * sixth) // 6, width - 1)])
    return lines


def _crossings(
    strength: NDArray[np.int32], ends: NDArray[np.intp], threshold: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Where lines cross a stroke: its peak, its steepest step, and its width, float64 [crossings] each.

    The width is that of a stroke with sharp edges, of the same peak and as much ink.

    Args:
        strength: of the ink along all lines, one after the other, int32 [P].
        ends: where each line ends in it, intp [lines].
        threshold: the strength from which on a pixel is ink.
    """
    inked = strength >= threshold  # [P]
    first, last = np.append(0, ends[:-1]), ends - 1
    cut_off = np.zeros(len(strength), np.bool_)
    cut_off[first] = inked[first]
    cut_off[last] = inked[last]
    inked[first] = inked[last] = False
    steps = np.zeros_like(strength)
    steps[1:] = np.abs(np.diff(strength))
    edges = np.flatnonzero(np.diff(inked)) + 1  # [2 x runs], into ink and out of it in turn
    starts, stops = edges[::2], edges[1::2]
    complete = ~(cut_off[starts - 1] | cut_off[stops])
    starts, stops = starts[complete], stops[complete]
    if len(starts) == 0:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    runs = np.stack([starts, stops], axis=1).ravel()
    peaks = np.maximum.reduceat(strength, runs)[::2].astype(np.float64)
    total = np.add.reduceat(strength, runs)[::2]
    # The step down behind the stroke is its edge too; strokes are parted by at least one pixel of paper.
    steepest = np.maximum(np.maximum.reduceat(steps, runs)[::2], steps[stops])
    return peaks, steepest.astype(np.float64), total / peaks


def _paper_noise(brightness: Gray, bare: NDArray[np.bool_]) -> float:
    """Standard deviation of bare paper, of 255 parts of its brightness, from steps between neighbours."""
    pixels = brightness[bare].astype(np.int32)
    if len(pixels) < 16:
        return 0.0
    steps = np.abs(np.diff(pixels))
    # The larger half may lie across strokes. Of a normal distribution, the rest's mean is 0.46 standard deviations.
    smaller = np.sort(steps)[: len(steps) // 2]
    return float(smaller.mean()) / 0.46 * 255.0 / max(float(pixels.mean()), MIN_PAPER)


def _upper_median(values: NDArray[Any]) -> float:
    """The median, the upper one of two; NumPy's takes ten times as long for a few values."""
    return float(np.sort(values)[len(values) // 2])
