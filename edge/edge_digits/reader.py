"""From a picture to a Reading: look -> normalize -> classify in one batch -> choose -> order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import (
    LAYOUTS,
    MAX_PIXELS,
    ROTATIONS,
    SIGN_CHOICES,
    Layout,
    Precision,
    SignsName,
)
from edge_digits.errors import ModelError, PictureError, UsageError
from edge_digits.examination import Acceptance, Examination, amount_read, quality_warnings, with_text
from edge_digits.find import Line, Place
from edge_digits.find.search import look
from edge_digits.imaging.pixels import to_planes
from edge_digits.imaging.regions import WHOLE, Region, View, check_rotation
from edge_digits.inference.session import DEFAULT_FINDER, DEFAULT_MODEL, Finder, Model
from edge_digits.normalize import SIDE, normalize_glyph, window
from edge_digits.results import CHARACTERS, SIGNS, Reading
from edge_digits.sources.decode import Page, open_pages
from edge_digits.sources.native import memory_errors
from edge_digits.sources.picture_file import read_picture_file
from edge_digits.text import fusion
from edge_digits.text.assemble import with_signs
from edge_digits.text.choice import Chooser
from edge_digits.text.constraint import Constraint
from edge_digits.text.weights import weights_of

#: Files are decoded at a smaller scale, where their format allows it, as long as their longer side keeps this: more
#: than the search needs, so that a region of the picture can be looked at too.
DECODE_SIDE = 1600
#: A page is taken to lie on its side, or on its head, where so many times more is read after rotating it.
_MIN_GAIN = 1.2
#: Of a file with many pages, where one was asked for.
_MORE_PAGES = "more pages: only the first was read. To read them all: edge-digits predict, or DigitReader.open_pages"


@dataclass(frozen=True, eq=False)
class _Picture:
    """A picture to read: its pixels, maybe of a smaller copy; its size; how to get it whole; time so far."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    original: Callable[[], NDArray[Any]]
    source: str
    speed_ms: dict[str, float]
    frame: int = 0
    warnings: tuple[str, ...] = ()


class DigitReader:
    """Reads handwritten digits in pictures.

    >>> from edge_digits import DigitReader
    >>> reader = DigitReader.load()
    >>> reader.read("samples/number-427.png").text
    '427'

    Tell it what you know of the pictures:

    >>> DigitReader.load(layout="digit").read("samples/digit-3-pencil.png").text
    '3'
    """

    def __init__(
        self,
        model: Model,
        finder: Callable[[], Finder] | None = None,
        *,
        layout: Layout = "auto",
        regions: Sequence[Region] = (WHOLE,),
        rotate: int | None = 0,
        constraint: Constraint | None = None,
        signs: SignsName = "none",
        conf: float | None = None,
        top_k: int = 3,
        ignore_exif: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Wrap a loaded model.

        Args:
            model: the classifier: a reader of windows, or of crops (`Model.reads_windows`).
            finder: gives the network that finds what a reader of windows reads, when it is first needed; None takes the
                shipped one. What a classifier of crops reads is found by rule.
            layout: "auto", "digit" (one digit fills the picture), "line" or "page".
            regions: the parts of each picture to read, in this order.
            rotate: degrees clockwise that bring a picture upright: 0, 90, 180 or 270. None finds out, at four times the
                cost.
            constraint: what is known of the text.
            signs: which signs are part of the text: "none"; "number", those of decimal numbers; "all". Only a finder
                that knows signs finds any.
            conf: digits less sure than this are rejected; None takes the threshold of the model's card, and less for
                what is surely a digit in a number.
            top_k: how many classes each digit lists.
            ignore_exif: decode files as they are stored, not as their EXIF tag says to turn them.
            max_pixels: that a picture may have. Decoding one takes 512 MB at most, and more in the proportion in which
                this limit is raised.

        Raises:
            UsageError: the model reads other finds; no such layout, rotation or choice of signs; the constraint asks
                for what the model cannot say.
        """
        if layout not in LAYOUTS:
            raise UsageError(f"no layout {layout!r}; there are: {', '.join(LAYOUTS)}")
        if finder is not None and not model.reads_windows:
            raise UsageError(
                f"{model.path}: reads crops, which are found by rule. Leave the finder out, or take another model"
            )
        if signs not in SIGN_CHOICES:
            raise UsageError(f"no signs {signs!r}; there are: {', '.join(SIGN_CHOICES)}")
        if rotate is not None:
            check_rotation(rotate)
        self.model = model
        self._finder = Finder.load if finder is None and model.reads_windows else finder
        self.signs: SignsName = signs
        self.layout: Layout = layout
        self.regions = tuple(regions)
        self.rotate = rotate
        labels = model.texts
        self._weights = weights_of(model.card.train)
        self._chooser = Chooser(labels, constraint)
        threshold = fusion.THRESHOLD if model.reads_windows else float(model.card.reject["threshold"])
        self.conf = threshold if conf is None else conf
        self.top_k = max(1, min(top_k, len(labels)))
        self._acceptance = Acceptance(labels, self.conf, strict=conf is not None, top_k=self.top_k)
        self.ignore_exif = ignore_exif
        self.max_pixels = max_pixels

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        precision: Precision = "int8",
        finder: str | os.PathLike[str] | None = None,
        threads: int = 1,
        layout: Layout = "auto",
        regions: Sequence[Region] = (WHOLE,),
        rotate: int | None = 0,
        constraint: Constraint | None = None,
        signs: SignsName = "none",
        conf: float | None = None,
        top_k: int = 3,
        ignore_exif: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> Self:
        """Load a shipped model by name, or an .onnx file by path.

        Args:
            model: name or path of the classifier.
            precision: of a shipped model whose name does not say it: "int8", "fp32", or "auto" for the faster one on
                this machine (`Network.choose`). The finder is int8, where its name does not say otherwise.
            finder: name or path of the finder, for a reader of windows; None takes the shipped one.
            threads: how many threads one inference may use.
            layout, regions, rotate, constraint, signs, conf, top_k, ignore_exif, max_pixels: as for the constructor.

        Raises:
            ModelError: the model cannot be used.
            UsageError: as the constructor.
        """
        classifier = Model.load(model, threads=threads, precision=precision)
        if finder is not None:
            named = Finder.load(finder, threads=threads)  # what is wrong with it is said before anything is read

        def load_finder() -> Finder:
            return Finder.load(DEFAULT_FINDER, threads=threads) if finder is None else named

        return cls(
            classifier,
            load_finder if finder is not None or classifier.reads_windows else None,
            layout=layout,
            regions=regions,
            rotate=rotate,
            constraint=constraint,
            signs=signs,
            conf=conf,
            top_k=top_k,
            ignore_exif=ignore_exif,
            max_pixels=max_pixels,
        )

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
                content = read_picture_file(path, self.max_pixels)
                return self.examine_bytes(content, str(path) if source is None else source)
            except OSError as error:
                raise PictureError(f"{path}: cannot be read ({error.strerror})") from None
            except PictureError as error:
                raise PictureError(f"{path}: {error}") from None
        pixels = to_planes(picture, max_pixels=self.max_pixels)
        return self._examine(_Picture(pixels, (pixels.shape[1], pixels.shape[0]), lambda: picture, source or "", {}))

    def examine_bytes(self, content: bytes, source: str) -> Examination:
        """Read the bytes of a picture file, of many pages the first; as `examine`."""
        pages = self.open_pages(content)
        examination = self.examine_page(next(pages), source)
        try:
            more = next(pages, None) is not None
        except PictureError:
            more = True  # a broken one
        if not more:
            return examination
        reading = examination.reading
        return replace(examination, reading=replace(reading, warnings=(*reading.warnings, _MORE_PAGES)))

    def open_pages(self, content: bytes) -> Iterator[Page]:
        """The pages of a picture file, for `examine_page`: of most files one.

        Raises:
            PictureError: there is none, or no further one where there should be; pages before were given.
        """
        return open_pages(content, max_pixels=self.max_pixels, ignore_exif=self.ignore_exif)

    def examine_page(self, page: Page, source: str, frame: int = 0) -> Examination:
        """Read one page of a picture file; `frame` is its number in the record. As `examine`.

        Raises:
            PictureError: it cannot be decoded, or there is not the memory for it.
        """
        start = perf_counter()
        with memory_errors():
            decoded = page.read(DECODE_SIDE)
            speed_ms = {"decode": 1e3 * (perf_counter() - start)}
            picture = _Picture(
                decoded.pixels, decoded.size, page.picture, source, speed_ms, frame=frame, warnings=decoded.warnings
            )
            return self._examine(picture)

    def _examine(self, picture: _Picture) -> Examination:
        if self.rotate is not None:
            return self._examine_rotated(picture, self.rotate)
        upright = self._examine_rotated(picture, 0)
        others = (self._examine_rotated(picture, degrees) for degrees in ROTATIONS if degrees)
        best = max(others, key=amount_read)
        return best if amount_read(best) > _MIN_GAIN * amount_read(upright) else upright

    def _examine_rotated(self, picture: _Picture, degrees: int) -> Examination:
        start = perf_counter()
        views = [View(*picture.size, region, degrees) for region in self.regions]
        glance = _Glance(self.model)
        looks = tuple(look(picture.pixels, view, self.layout, self._network, glance) for view in views)
        found = perf_counter()
        lines = [(part, line) for part in looks for line in part.lines]
        found_lines = [line for _, line in lines]
        inputs = _inputs(found_lines)
        normalized = perf_counter()
        probabilities = _probabilities(self.model, found_lines, inputs)  # [N, K]
        inferred = perf_counter()
        scores = fusion.join_each([part.lines for part in looks], probabilities, self._weights)
        choice = self._chooser.choose(found_lines, scores.classes)
        candidates = self._acceptance.examined(lines, inputs, scores, choice)
        speed_ms = {
            **picture.speed_ms,
            "find": 1e3 * (found - start - glance.seconds),
            "normalize": 1e3 * (normalized - found),
            "infer": 1e3 * (inferred - normalized + glance.seconds),
        }
        listed = [candidate.digit for candidate in candidates if candidate.chosen and candidate.listed]
        reading = Reading(
            source=picture.source,
            frame=picture.frame,
            width=picture.size[0],
            height=picture.size[1],
            digits=with_signs(listed, self.signs),
            speed_ms=speed_ms,
            warnings=(*picture.warnings, *choice.warnings, *quality_warnings(looks, candidates)),
        )
        return Examination(with_text(reading, choice.way.confidence), picture.original, looks, candidates)

    @cached_property
    def _network(self) -> Finder | None:
        if self._finder is None:
            return None
        finder = self._finder()
        for network in (finder, self.model):
            if network.card.labels != CHARACTERS:
                raise ModelError(
                    f"{network.path}: knows other characters than the ten digits and the signs {SIGNS}. "
                    "Use the models that ship, or train both anew: edge-digits train"
                )
        return finder


class _Glance:
    """What the reader sees at a place, see `given.Glance`; `seconds` that it took."""

    def __init__(self, model: Model) -> None:
        self._model, self.seconds = model, 0.0

    def __call__(self, place: Place) -> NDArray[np.float32]:
        seen = window(place.contrast, place.box)
        start = perf_counter()
        (probabilities,) = self._model.probabilities(seen[None])
        self.seconds += perf_counter() - start
        return np.asarray(probabilities, np.float32)


def _inputs(lines: Sequence[Line]) -> NDArray[np.uint8]:
    """What the classifier sees of all candidates, uint8 [N, 28, 28]."""
    candidates = [candidate for line in lines for candidate in line.candidates]
    inputs = np.zeros((len(candidates), SIDE, SIDE), np.uint8)
    for row, candidate in enumerate(candidates):
        place = candidate.place
        inputs[row] = normalize_glyph(candidate.glyph) if place is None else window(place.contrast, place.box)
    return inputs


def _probabilities(model: Model, lines: Sequence[Line], inputs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the classifier says of all candidates, float32 [N, K]; `inputs` as of `_inputs`.

    It is asked about those of which it has not said it yet, in one batch.
    """
    said = [candidate.probabilities for line in lines for candidate in line.candidates]
    new = np.array([one is None for one in said], bool)
    if new.all():
        return model.probabilities(inputs)
    known = np.array([one for one in said if one is not None], np.float32)
    probabilities = np.empty((len(said), known.shape[1]), np.float32)
    probabilities[~new] = known
    if new.any():
        probabilities[new] = model.probabilities(inputs[new])
    return probabilities
