"""What a request says of its picture: the options of `predict`, as a query; and the readers that they ask for."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_digits.choices import Layout, SignsName
from edge_digits.imaging.regions import WHOLE, Region
from edge_digits.inference.session import Model
from edge_digits.reader import DigitReader
from edge_digits.text.constraint import Constraint
from edge_digits.web.settings import Settings

#: Readers that are kept for the next request with the same options.
_KEPT = 16


class ReadingOptions(BaseModel):
    """The options of `edge-digits predict` that describe pictures, with the same names and meanings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layout: Annotated[Layout, Field(description="One digit fills it, one line of them, or any number anywhere.")] = (
        "auto"
    )
    rotate: Annotated[
        Literal["0", "90", "180", "270", "auto"], Field(description="Turn the picture clockwise first.")
    ] = "0"
    signs: Annotated[SignsName, Field(description="Signs that are part of the text.")] = "none"
    roi: Annotated[
        tuple[str, ...], Field(max_length=16, description="Read this part only: x,y,width,height as fractions.")
    ] = ()
    digits: Annotated[int | None, Field(ge=1, le=500, description="The text has exactly so many digits.")] = None
    pattern: Annotated[
        str | None, Field(max_length=200, description="The text looks like this regular expression.")
    ] = None
    checksum: Annotated[
        str | None, Field(max_length=40, description="The text carries this check digit: luhn, ean...")
    ] = None
    conf: Annotated[float | None, Field(ge=0, le=1, description="Reject digits less sure than this.")] = None
    top_k: Annotated[int, Field(ge=1, le=100, description="Classes listed for each digit.")] = 3
    ignore_exif: Annotated[bool, Field(description="Do not turn the picture as its EXIF orientation says.")] = False


class ReadQuery(ReadingOptions):
    """Options of /api/read."""

    name: str = Field("", max_length=1000, description="The record's source, where the body is the picture itself.")
    seen: Annotated[bool, Field(description="Add to each digit what the model saw: 28 x 28 grey pixels in base64.")] = (
        False
    )


class Readers:
    """Readers by their options, each loaded once."""

    def __init__(self, settings: Settings) -> None:
        # Once, so that all read with the same file.
        self._model = Model.choose(settings.model, settings.precision)
        self._max_pixels = settings.limits.pixels
        self._kept = lru_cache(_KEPT)(self._loaded)

    def of(self, options: ReadingOptions) -> DigitReader:
        """The reader of these options; to be called in a thread, as it may load one.

        Raises:
            UsageError: they do not go together.
            ModelError: the model cannot be used.
        """
        plain = {name: getattr(options, name) for name in ReadingOptions.model_fields}
        return self._kept(tuple(plain.items()))

    def live(self) -> DigitReader:
        """The reader of frames, which lists all classes."""
        return self.of(ReadingOptions(top_k=100))

    def _loaded(self, items: tuple[tuple[str, Any], ...]) -> DigitReader:
        options = dict(items)
        digits, pattern, checksum = (options.pop(name) for name in ("digits", "pattern", "checksum"))
        known = any(value is not None for value in (digits, pattern, checksum))
        rotate, regions = options.pop("rotate"), options.pop("roi")
        return DigitReader.load(
            self._model,
            rotate=None if rotate == "auto" else int(rotate),
            regions=tuple(map(Region.parse, regions)) or (WHOLE,),
            constraint=Constraint(digits, pattern, checksum) if known else None,
            max_pixels=self._max_pixels,
            **options,
        )
