"""From a picture to a Reading: find -> normalize -> classify in one batch -> order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.advice import advise
from edge_digits.errors import PictureError
from edge_digits.find import Glyph, find_digit, find_digits
from edge_digits.ink import Ink, extract_ink
from edge_digits.normalize import CROP_SIDE, SIDE, normalize_glyph
from edge_digits.pixels import Gray, shrink, to_gray
from edge_digits.results import Box, Digit, Reading, Status
from edge_digits.session import DEFAULT_MODEL, Model
from edge_digits.sources.decode import decode, decode_gray

#: Pictures are searched at this side at most: digits of a 40th of a page are then 24 pixels high.
WORK_SIDE = 960
#: Files are decoded at a smaller scale, where their format allows it, as long as their longer side keeps this: more
#: than the search needs, so that small digits can be looked at again.
DECODE_SIDE = 1600
#: The widest stroke of a picture that may hold many digits, as a fraction of its longer side.
_PAGE_STROKE = 0.1
#: A picture of at most this side is the crop of one digit, whose strokes may lie apart.
_ONE_DIGIT = 40
#: Below this height or width there is nothing to read.
_SMALLEST = 4


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Examination:
    """A reading with all that led to it.

    Attributes:
        reading: the result.
        original: gives the picture as it was given, or decodes it in full.
        ink: the ink, at working scale.
        lines: the glyphs by line, in reading order, at working scale.
        inputs: uint8 [N, 28, 28], what the model saw, one a glyph.
        scale: pixels of the working picture by pixels of the original.
    """

    reading: Reading
    original: Callable[[], NDArray[Any]]
    ink: Ink
    lines: list[list[Glyph]]
    inputs: NDArray[np.uint8]
    scale: float

    @cached_property
    def picture(self) -> NDArray[Any]:
        """The picture in full, in colour where it has any; decoded when first asked for.

        Raises:
            PictureError: there is not the memory for it.
        """
        return self.original()


class DigitReader:
    """Reads handwritten digits in pictures.

    >>> reader = DigitReader.load()
    >>> reader.read("samples/number-427.png").text
    '427'
    """

    def __init__(self, model: Model, *, conf: float | None = None, top_k: int = 3, ignore_exif: bool = False) -> None:
        """Wrap a loaded model.

        Args:
            model: the classifier.
            conf: digits less sure than this are rejected; None takes the threshold of the model's card.
            top_k: how many classes each digit lists.
            ignore_exif: decode files as they are stored, not as their EXIF tag says to turn them.
        """
        self.model = model
        self.conf = float(model.card.reject["threshold"]) if conf is None else conf
        self.top_k = max(1, min(top_k, len(model.card.labels)))
        self.ignore_exif = ignore_exif

    @classmethod
    def load(cls, model: str | os.PathLike[str] = DEFAULT_MODEL, *, threads: int = 1, **options: Any) -> DigitReader:
        """Load a shipped model by name, or an .onnx file by path; options as for the constructor.

        Raises:
            ModelError: the model cannot be used.
        """
        return cls(Model.load(model, threads=threads), **options)

    def read(self, picture: str | os.PathLike[str] | NDArray[Any], source: str | None = None) -> Reading:
        """Read one picture.

        Args:
            picture: a path, or an array as `pixels.to_gray` takes it (OpenCV's channel order, BGR).
            source: the name in the record; the path where there is one.

        Raises:
            PictureError: the picture cannot be decoded or is no picture.
        """
        return self.examine(picture, source).reading

    def examine(self, picture: str | os.PathLike[str] | NDArray[Any], source: str | None = None) -> Examination:
        """Read one picture and keep every step; as `read`."""
        if not isinstance(picture, np.ndarray):
            path = Path(picture)
            try:
                content = path.read_bytes()
            except OSError as error:
                raise PictureError(f"{path}: cannot be read ({error.strerror})") from None
            try:
                return self.examine_bytes(content, str(path) if source is None else source)
            except PictureError as error:
                raise PictureError(f"{path}: {error}") from None
        gray = to_gray(picture)
        return self._examine(gray, (gray.shape[1], gray.shape[0]), lambda: picture, source or "", {})

    def examine_bytes(self, content: bytes, source: str) -> Examination:
        """Read the bytes of a picture file; as `examine`."""
        start = perf_counter()
        gray, size = decode_gray(content, DECODE_SIDE, ignore_exif=self.ignore_exif)
        speed_ms = {"decode": 1e3 * (perf_counter() - start)}
        return self._examine(gray, size, partial(decode, content, ignore_exif=self.ignore_exif), source, speed_ms)

    def _examine(
        self,
        gray: Gray,
        size: tuple[int, int],
        original: Callable[[], NDArray[Any]],
        source: str,
        speed_ms: dict[str, float],
    ) -> Examination:
        """Read a grey plane; `size` is width and height of the picture, of which the plane may be a smaller copy."""
        width, height = size
        start = perf_counter()
        work = shrink(gray, WORK_SIDE)
        scale = max(work.shape) / max(size)
        ink = extract_ink(work) if max(work.shape) <= CROP_SIDE else extract_ink(work, _PAGE_STROKE)
        lines = _find(ink)
        found = perf_counter()
        glyphs = [glyph for line in lines for glyph in line]
        inputs = np.stack([normalize_glyph(g) for g in glyphs]) if glyphs else np.zeros((0, SIDE, SIDE), np.uint8)
        normalized = perf_counter()
        probabilities = self.model.probabilities(inputs)
        speed_ms = {
            **speed_ms,
            "find": 1e3 * (found - start),
            "normalize": 1e3 * (normalized - found),
            "infer": 1e3 * (perf_counter() - normalized),
        }
        digits = self._digits(lines, probabilities, scale, width, height)
        warnings = advise(work, ink, [Box(g.x, g.y, g.x + g.width, g.y + g.height) for g in glyphs], scale)
        reading = Reading(
            source=source, width=width, height=height, digits=digits, speed_ms=speed_ms, warnings=warnings
        )
        return Examination(_summed_up(reading), original, ink, lines, inputs, scale)

    def _digits(
        self, lines: list[list[Glyph]], probabilities: NDArray[np.float32], scale: float, width: int, height: int
    ) -> tuple[Digit, ...]:
        labels = self.model.card.labels
        places = [(number, glyph) for number, line in enumerate(lines) for glyph in line]
        digits = []
        for (number, glyph), row in zip(places, probabilities, strict=True):
            best = np.argsort(-row, kind="stable")[: self.top_k]
            confidence = float(row[best[0]])
            digits.append(
                Digit(
                    label=labels[best[0]],
                    confidence=confidence,
                    box=_box(glyph, scale, width, height),
                    line=number,
                    rejected=confidence < self.conf,
                    topk=tuple((labels[i], float(row[i])) for i in best),
                )
            )
        return tuple(digits)


def _find(ink: Ink) -> list[list[Glyph]]:
    height, width = ink.strength.shape
    if min(height, width) < _SMALLEST:
        return []
    if max(height, width) > _ONE_DIGIT:
        return find_digits(ink)
    glyph = find_digit(ink)
    return [] if glyph is None else [[glyph]]


def _box(glyph: Glyph, scale: float, width: int, height: int) -> Box:
    x1, y1 = int(glyph.x / scale), int(glyph.y / scale)
    x2, y2 = int(np.ceil((glyph.x + glyph.width) / scale)), int(np.ceil((glyph.y + glyph.height) / scale))
    return Box(x1, y1, min(x2, width), min(y2, height))


def _summed_up(reading: Reading) -> Reading:
    """Fill in text, confidence and status from the digits."""
    accepted = [digit for digit in reading.digits if not digit.rejected]
    rows: dict[int, list[Digit]] = {}
    for digit in accepted:
        rows.setdefault(digit.line, []).append(digit)
    text = "\n".join(_grouped(row) for row in rows.values())
    confidence = float(np.prod([digit.confidence for digit in accepted])) if accepted else 0.0
    status: Status = "ok" if accepted else "no_digits"
    if len(accepted) < len(reading.digits):
        status = "uncertain"
    return replace(reading, text=text, confidence=confidence, status=status)


def _grouped(row: list[Digit]) -> str:
    """The digits of a line; a blank where the gap is wider than one and a half digits are high."""
    text = row[0].label
    heights = sorted(digit.box.y2 - digit.box.y1 for digit in row)
    height = heights[len(heights) // 2]
    for left, right in pairwise(row):
        text += (" " if right.box.x1 - left.box.x2 > 1.5 * height else "") + right.label
    return text
