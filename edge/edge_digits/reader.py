"""From a picture to a Reading: look -> normalize -> classify in one batch -> choose -> order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError, UsageError
from edge_digits.find import Line
from edge_digits.find.net import Maps
from edge_digits.find.search import LAYOUTS, Look, chain, look
from edge_digits.imaging.pixels import Gray, to_gray
from edge_digits.imaging.quality import advise
from edge_digits.imaging.regions import WHOLE, Region, View
from edge_digits.inference.session import DEFAULT_FINDER, DEFAULT_MODEL, Finder, Model
from edge_digits.normalize import SIDE, normalize_glyph
from edge_digits.results import Box, Digit, Reading, Status
from edge_digits.sources.decode import decode, decode_gray
from edge_digits.text import fusion
from edge_digits.text.choice import Choice, Chooser
from edge_digits.text.constraint import Constraint

#: Files are decoded at a smaller scale, where their format allows it, as long as their longer side keeps this: more
#: than the search needs, so that a region of the picture can be looked at too.
DECODE_SIDE = 1600
FINDERS = ("auto", "classic", "net")
#: A page is taken to lie on its side, or on its head, where so many times more is read after turning it.
_PLAINLY_MORE = 1.2
#: In a number, what is surely a digit is read from this confidence on: without it, the number would be wrong too.
_UNCLEAR = 0.3
#: Candidates less sure than this are no digits that were refused: they are not listed.
_PERHAPS = 0.1


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Examination:
    """A reading with all that led to it.

    Attributes:
        reading: the result.
        original: gives the picture as it was given, or decodes it in full.
        looks: what was found in each part of it.
        candidates: all that might be digits, in reading order, with the box and opinion of each.
    """

    reading: Reading
    original: Callable[[], NDArray[Any]]
    looks: tuple[Look, ...]
    candidates: tuple[Examined, ...]

    @cached_property
    def picture(self) -> NDArray[Any]:
        """The picture in full, in colour where it has any; decoded when first asked for.

        Raises:
            PictureError: there is not the memory for it.
        """
        return self.original()


@dataclass(frozen=True, eq=False)
class Examined:
    """One candidate.

    Attributes:
        seen: uint8 [28, 28], what the classifier saw.
        digit: what was made of it.
        chosen: whether it is on the way that was chosen; others are other cuts of the same ink.
    """

    seen: NDArray[np.uint8]
    digit: Digit
    chosen: bool

    @property
    def perhaps(self) -> bool:
        """Whether it is read, or might have been."""
        return not self.digit.rejected or self.digit.confidence >= _PERHAPS


@dataclass(frozen=True, eq=False)
class _Shot:
    """A picture to read: its grey plane, which may be a smaller copy; its size; how to get it whole; time so far."""

    gray: Gray
    size: tuple[int, int]
    original: Callable[[], NDArray[Any]]
    source: str
    speed_ms: dict[str, float]


class DigitReader:
    """Reads handwritten digits in pictures.

    >>> reader = DigitReader.load()
    >>> reader.read("samples/number-427.png").text
    '427'
    """

    def __init__(
        self,
        model: Model,
        maps: Callable[[], Maps] | None = None,
        *,
        layout: str = "auto",
        regions: Sequence[Region] = (WHOLE,),
        turns: int | None = 0,
        constraint: Constraint | None = None,
        conf: float | None = None,
        top_k: int = 3,
        ignore_exif: bool = False,
    ) -> None:
        """Wrap a loaded model.

        Args:
            model: the classifier.
            maps: gives the network that finds digits in pages when it is first needed; None finds by rule.
            layout: "auto", "digit" (one digit fills the picture), "line" or "page".
            regions: the parts of each picture to read, in this order.
            turns: quarter turns clockwise that bring a picture upright; None finds out, at four times the cost.
            constraint: what is known of the text.
            conf: digits less sure than this are rejected; None takes the threshold of the model's card, and less for
                what is surely a digit in a number.
            top_k: how many classes each digit lists.
            ignore_exif: decode files as they are stored, not as their EXIF tag says to turn them.

        Raises:
            UsageError: no such layout, or the constraint asks for what the model cannot say.
        """
        if layout not in LAYOUTS:
            raise UsageError(f"no layout {layout!r}; there are: {', '.join(LAYOUTS)}")
        self.model = model
        self._maps = maps
        self.layout = layout
        self.regions = tuple(regions)
        self.turns = turns
        self._chooser = Chooser(model.card.labels, constraint)
        self.conf = float(model.card.reject["threshold"]) if conf is None else conf
        self._exact = conf is not None
        self.top_k = max(1, min(top_k, len(model.card.labels)))
        self.ignore_exif = ignore_exif

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        finder: str = "auto",
        threads: int = 1,
        **options: Any,
    ) -> DigitReader:
        """Load a shipped model by name, or an .onnx file by path; options as for the constructor.

        Args:
            model: name or path of the classifier.
            finder: "net" (the shipped network), "classic" (by rule), or "auto": the network where the model reads the
                digits that it knows.
            threads: how many threads one inference may use.

        Raises:
            ModelError: the model cannot be used.
            UsageError: no such finder.
        """
        if finder not in FINDERS:
            raise UsageError(f"no finder {finder!r}; there are: {', '.join(FINDERS)}")
        reads = Model.load(model, threads=threads)
        digits = reads.card.labels == tuple("0123456789")
        if finder == "net" and not digits:
            raise UsageError("--finder net knows the ten digits only, and this model has other labels: take classic")

        def maps() -> Maps:
            return Finder.load(DEFAULT_FINDER, threads=threads).maps

        return cls(reads, maps if finder != "classic" and digits else None, **options)

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
        return self._examine(_Shot(gray, (gray.shape[1], gray.shape[0]), lambda: picture, source or "", {}))

    def examine_bytes(self, content: bytes, source: str) -> Examination:
        """Read the bytes of a picture file; as `examine`."""
        start = perf_counter()
        gray, size = decode_gray(content, DECODE_SIDE, ignore_exif=self.ignore_exif)
        speed_ms = {"decode": 1e3 * (perf_counter() - start)}
        original = partial(decode, content, ignore_exif=self.ignore_exif)
        return self._examine(_Shot(gray, size, original, source, speed_ms))

    def _examine(self, shot: _Shot) -> Examination:
        if self.turns is not None:
            return self._turned(shot, self.turns)
        upright = self._turned(shot, 0)
        best = max((self._turned(shot, turns) for turns in (1, 2, 3)), key=_read_in)
        return best if _read_in(best) > _PLAINLY_MORE * _read_in(upright) else upright

    def _turned(self, shot: _Shot, turns: int) -> Examination:
        start = perf_counter()
        views = [View(*shot.size, region, turns) for region in self.regions]
        looks = tuple(look(shot.gray, view, self.layout, self._network) for view in views)
        found = perf_counter()
        places = [(one, line) for one in looks for line in one.lines]
        lattice = chain([line for _, line in places])
        inputs = np.zeros((len(lattice.candidates), SIDE, SIDE), np.uint8)
        for row, candidate in enumerate(lattice.candidates):
            inputs[row] = normalize_glyph(candidate.glyph)
        normalized = perf_counter()
        probabilities = self.model.probabilities(inputs)
        inferred = perf_counter()
        scores = fusion.join([line for _, line in places], probabilities)
        choice = self._chooser.choose(lattice.candidates, lattice.nodes, scores)
        candidates = self._examined(places, inputs, scores, choice)
        digits = tuple(one.digit for one in candidates if one.chosen and one.perhaps)
        speed_ms = {
            **shot.speed_ms,
            "find": 1e3 * (found - start),
            "normalize": 1e3 * (normalized - found),
            "infer": 1e3 * (inferred - normalized),
        }
        reading = Reading(
            source=shot.source,
            width=shot.size[0],
            height=shot.size[1],
            digits=digits,
            speed_ms=speed_ms,
            warnings=(*choice.warnings, *_advice(looks, candidates)),
        )
        return Examination(_summed_up(reading, choice.way.confidence), shot.original, looks, candidates)

    @cached_property
    def _network(self) -> Maps | None:
        return None if self._maps is None else self._maps()

    def _examined(
        self,
        places: list[tuple[Look, Line]],
        inputs: NDArray[np.uint8],
        scores: NDArray[np.float32],
        choice: Choice,
    ) -> tuple[Examined, ...]:
        taken = {step.edge: step.label for step in choice.way.steps}
        labels, row, examined = self.model.card.labels, 0, []
        there = 1.0 - np.exp(scores[:, -1])
        of_all = np.exp(scores[:, :-1])
        order = np.argsort(-of_all, axis=1, kind="stable")[:, : self.top_k].tolist()
        of_all = of_all.tolist()
        for number, (one, line) in enumerate(places):
            least = self._least(line, there[row : row + len(line.candidates)])
            for candidate, enough in zip(line.candidates, least, strict=True):
                probabilities, best = of_all[row], order[row]
                read = taken.get(row)
                label = best[0] if read is None else read
                confidence = probabilities[label]
                # What a constraint asks for is read, however unlikely it looks by itself.
                rejected = read is None or (confidence < enough and not choice.bound)
                digit = Digit(
                    label=labels[label],
                    confidence=confidence,
                    box=one.box(candidate.glyph),
                    line=number,
                    rejected=rejected,
                    topk=tuple((labels[i], probabilities[i]) for i in best),
                )
                examined.append(Examined(inputs[row], digit, row in taken))
                row += 1
        return tuple(examined)

    def _least(self, line: Line, there: NDArray[np.floating]) -> list[float]:
        """The confidence from which on each of a line's candidates is read; `there`, whether it is a digit at all."""
        found = there >= self.conf
        number = not self._exact and found.sum() > 1 and line.candidates[0].ground in fusion.PAGE
        return [min(_UNCLEAR, self.conf) if number and one else self.conf for one in found]


def _advice(looks: tuple[Look, ...], examined: tuple[Examined, ...]) -> tuple[str, ...]:
    """Why the picture may be read badly; of its candidates, those that may be digits are looked at."""
    said: list[str] = []
    rest = iter(examined)
    for one in looks:
        of_look = [(candidate.glyph, next(rest)) for line in one.lines for candidate in line.candidates]
        glyphs = [glyph for glyph, made in of_look if made.chosen and made.perhaps]
        boxes = [Box(g.x, g.y, g.x + g.width, g.y + g.height) for g in glyphs]
        said += advise(one.work, one.ink, boxes, max(one.work.shape) / max(one.view.size))
    return tuple(dict.fromkeys(said))


def _read_in(examination: Examination) -> float:
    """How much was read: the accepted digits' boxes, by their confidence; scraps count for little."""
    accepted = [digit for digit in examination.reading.digits if not digit.rejected]
    return sum(d.confidence * (d.box.x2 - d.box.x1) * (d.box.y2 - d.box.y1) for d in accepted)


def _summed_up(reading: Reading, confidence: float) -> Reading:
    """Fill in text, confidence and status from the digits."""
    accepted = [digit for digit in reading.digits if not digit.rejected]
    rows: dict[int, list[Digit]] = {}
    for digit in accepted:
        rows.setdefault(digit.line, []).append(digit)
    text = "\n".join(_grouped(row) for row in rows.values())
    confidence = confidence if accepted else 0.0
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
