"""A picture that is, or may be, a crop of one digit -> the places where that may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_digits.find.glyph import Candidate, Kind, Line, Place
from edge_digits.find.lines import candidate, scene_lines
from edge_digits.find.scene import MIN_LOGIT, Finds, HeatMaps, Scale, find_characters, resized, scales_of
from edge_digits.imaging.contrast import ink_box, local_contrast
from edge_digits.imaging.pixels import CROP_SIDE, to_gray
from edge_digits.imaging.ring import with_ring
from edge_digits.inference.heatmap import REFERENCE_HEIGHT
from edge_digits.results import CHARACTERS, DIGITS

#: What the reader sees at a place: the probability of each character, float32 [K].
Glance = Callable[[Place], NDArray[np.float32]]

#: A crop of one digit is looked at where its ink has so many times the best height: if it is the digit, or holds more.
_STEPS = (1.5, 1.0)
#: A reader that gives a digit this probability needs no finder: on scans of single digits, no answer is another for it.
_CLEAR = 0.97
#: What the finder says where it found nothing.
_NOTHING = np.full(len(CHARACTERS), MIN_LOGIT, np.float32)
#: A digit is likely from this logit on; several are no farther from the crop's middle than this, in widths (the line of
#: a cell beside its digit is no other digit), the logarithms of their heights differ by less than this, and of their
#: boxes, which may lean or touch, they share less than this of either side.
_LIKELY_LOGIT, _INNER, _ALIKE, _TOUCHING = 1.0, 0.32, 0.25, 0.5


def given_digit(
    picture: NDArray[np.uint8], maps: HeatMaps, glance: Glance | None, kind: Literal["tiny", "given"]
) -> list[Line]:
    """The digit of a picture that is given as one digit, or tiny: alternatives, of which each is all that is read.

    They are the surest find, and the box of all ink: of a crop that fills its frame, the finder knows the box less
    well, and of one with lines and neighbours in it, the ink. Where the reader is sure of the ink, nothing is looked
    for. An even surface has none.

    Args:
        picture: uint8 [H, W] or [H, W, 3].
        maps: the finder's.
        glance: the reader's; None asks the finder at once.
        kind: of the candidates.
    """
    crop = _Crop.of(picture)
    if crop.is_even():
        return []
    said = None if glance is None else crop.seen(glance)
    clear = _clear(crop, said) or _opposite(picture, glance)
    if clear:
        return clear
    found = find_characters(crop.picture, maps, crop.factors)
    return [crop.moved(_alternatives(crop, found, kind, said))]


def _opposite(picture: NDArray[np.uint8], glance: Glance | None) -> list[Line]:
    """The digit of a crop that its ink fills, if it is clear once light is taken for dark."""
    if glance is None or max(picture.shape[:2]) > CROP_SIDE:
        return []
    crop = _Crop.of(picture, opposite=True)
    return _clear(crop, crop.seen(glance)) if crop.ring else []


def _clear(crop: _Crop, said: NDArray[np.float32] | None) -> list[Line]:
    """The digit of a crop, if the reader is sure of it by what it said of its ink."""
    if said is None or said[: len(DIGITS)].max() < _CLEAR:
        return []
    return [crop.moved(Line((replace(crop.of_ink(), kind="clear", probabilities=said),), 2))]


def crop_lines(picture: NDArray[np.uint8], maps: HeatMaps, glance: Glance | None) -> list[Line]:
    """What a small crop holds, of which nothing is said: lines where several digits are likely, else one digit.

    Arguments as of `given_digit`. The reader is not asked first: of two digits it may see one.
    """
    crop = _Crop.of(picture)
    if crop.is_even():
        return []
    found = find_characters(crop.picture, maps, crop.factors)
    if _holds_several(crop, found):
        return [crop.moved(line) for line in scene_lines(found)]
    likely = found.logits[:, : len(DIGITS)].max(initial=-np.inf) > _LIKELY_LOGIT
    clear = [] if likely else _opposite(picture, glance)
    return clear or [crop.moved(_alternatives(crop, found, "crop"))]


def _holds_several(crop: _Crop, found: Finds) -> bool:
    """Whether more than one digit is likely: about as high as each other, apart, and not at the crop's sides."""
    middles = (found.boxes[:, 0] + found.boxes[:, 2]) / (2 * crop.picture.shape[1])
    likely = found.logits[:, : len(DIGITS)].max(axis=1, initial=-np.inf) > _LIKELY_LOGIT
    boxes = found.boxes[likely & (np.abs(middles - 0.5) < _INNER)]
    heights = boxes[:, 3] - boxes[:, 1]
    for number in range(1, len(boxes)):
        one, others = boxes[number], boxes[:number]
        alike = np.abs(np.log(heights[number] / heights[:number])) < _ALIKE
        w = np.minimum(one[2], others[:, 2]) - np.maximum(one[0], others[:, 0])
        h = np.minimum(one[3], others[:, 3]) - np.maximum(one[1], others[:, 1])
        apart = (w < _TOUCHING * (one[2] - one[0])) | (h < _TOUCHING * heights[number])
        if (alike & apart).any():
            return True
    return False


def _alternatives(crop: _Crop, found: Finds, kind: Kind, said: NDArray[np.float32] | None = None) -> Line:
    """The surest find and the box of all ink, of which the reader may have said something already."""
    if not len(found.boxes):
        return Line((replace(crop.of_ink(), kind=kind, probabilities=said),), 2)
    surest = int(found.logits[:, : len(DIGITS)].max(axis=1).argmax())
    of_ink = replace(crop.of_ink(found.logits[surest]), kind=kind, probabilities=said)
    return Line((replace(candidate(found, surest, is_all=True), kind=kind), of_ink), 2)


@dataclass(frozen=True, eq=False)
class _Crop:
    """A picture that may be one digit.

    Attributes:
        picture: with a ring of paper around it where it is small.
        ring: its width, pixels.
        scale: one at which its ink was looked for.
        ink: float32 [1, 4], the box of all ink, in pixels of `picture`.
        factors: the scales to look at, from fine to coarse; none where it is no small crop.
    """

    picture: NDArray[np.uint8]
    ring: int
    scale: Scale
    ink: NDArray[np.float32]
    factors: tuple[float, ...]

    @classmethod
    def of(cls, picture: NDArray[np.uint8], *, opposite: bool = False) -> _Crop:
        """The crop that a picture is; `opposite` as of `with_ring`."""
        ring = 0
        small = max(picture.shape[:2]) <= CROP_SIDE
        if small:
            picture, ring = with_ring(to_gray(picture), opposite=opposite)
        factor = min(1.0, CROP_SIDE / max(picture.shape[:2]))
        pixels = resized(picture, factor)
        contrast = local_contrast(pixels)
        ink = np.array([ink_box(contrast)], np.float32) / factor
        side = max(float(ink[0, 3] - ink[0, 1]), 0.7 * float(ink[0, 2] - ink[0, 0]))
        factors = {step * REFERENCE_HEIGHT / side for step in _STEPS} | {*scales_of(*picture.shape[:2])}
        return cls(
            picture, ring, Scale(factor, pixels, contrast), ink, tuple(sorted(factors, reverse=True)) if small else ()
        )

    def of_ink(self, logits: NDArray[np.float32] = _NOTHING) -> Candidate:
        """The box of all ink as a candidate, of which the finder says `logits`, float32 [C]."""
        return candidate(Finds(self.ink, logits[None], np.zeros(1, np.intp), (self.scale,)), 0)

    def seen(self, glance: Glance) -> NDArray[np.float32] | None:
        """What the reader says of the box of all ink."""
        place = self.of_ink().place
        return None if place is None else glance(place)

    def is_even(self) -> bool:
        """Whether it shows one even surface, with nothing on it."""
        return not self.scale.contrast.any()

    def moved(self, line: Line) -> Line:
        """A line in pixels of the picture without its ring."""
        moved = (replace(c.glyph, x=c.glyph.x - self.ring, y=c.glyph.y - self.ring) for c in line.candidates)
        candidates = (replace(c, glyph=glyph) for c, glyph in zip(line.candidates, moved, strict=True))
        return replace(line, candidates=tuple(candidates))
