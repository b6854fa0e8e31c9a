"""The bytes of a picture file -> its pages -> their pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import PictureError
from edge_digits.imaging.pixels import Gray, to_gray, to_planes
from edge_digits.sources.apart import count_pages, decode_apart, render_page
from edge_digits.sources.exif import STEPS
from edge_digits.sources.extras import PDF, extra_of
from edge_digits.sources.header import Header, cut_short, memory_limit
from edge_digits.sources.native import imdecode, memory_errors, no_picture
from edge_digits.sources.size import headers

#: OpenCV's flags by what a JPEG's sides are divided by: it decodes fewer DCT coefficients of each block of 8 x 8.
_GRAY_BY_DENOMINATOR = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
_COLOUR_BY_DENOMINATOR = {
    1: cv2.IMREAD_ANYCOLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
#: Pages of one file that are read.
MAX_PAGES = 1000
#: What libjpeg says of bytes that a camera left between a picture and its end.
_HARMLESS = "extraneous bytes before marker"


@dataclass(frozen=True, eq=False)
class Decoded:
    """A page as pixels to read.

    Attributes:
        pixels: uint8 [h, w], or [h, w, 3] (BGR), as `to_planes` makes them; they may be a smaller copy.
        size: width and height of the whole page, pixels, after its EXIF orientation.
        warnings: what may be wrong with it.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    warnings: tuple[str, ...] = ()


class Page(ABC):
    """One picture of a file, not decoded yet."""

    @abstractmethod
    def read(self, side: int, *, gray: bool = False) -> Decoded:
        """Decode it, no larger than needed where its format has a short cut (JPEG: 1/2, 1/4, 1/8).

        Args:
            side: minimum length of the longer side, where it is not shorter itself, pixels.
            gray: without its colours.

        Raises:
            PictureError: it is broken, cut short, or would cost too much.
        """

    @abstractmethod
    def picture(self) -> NDArray[Any]:
        """Decode it whole: grey, BGR, or BGRA where it has an alpha channel; uint8 or of more bits.

        Raises:
            PictureError: as `read`.
        """


class _Picture(Page):
    """A picture whose header is known."""

    def __init__(self, header: Header, content: bytes, max_pixels: int, ignore_exif: bool) -> None:
        self._header, self._content, self._max_pixels = header, content, max_pixels
        self._orientation = 1 if ignore_exif and header.by_exif else header.orientation

    def read(self, side: int, *, gray: bool = False) -> Decoded:
        flags, size = cv2.IMREAD_UNCHANGED, None
        if self._header.kind == "JPEG":
            flags = (_GRAY_BY_DENOMINATOR if gray else _COLOUR_BY_DENOMINATOR)[self._denominator(side)]
            sides = self._header.width, self._header.height
            size = sides[::-1] if STEPS[self._orientation][0] else sides
        picture, warnings = self._decoded(flags)
        pixels = (to_gray if gray else to_planes)(picture, max_pixels=self._max_pixels)
        del picture
        pixels = np.ascontiguousarray(upright(pixels, self._orientation))
        return Decoded(pixels, size or (pixels.shape[1], pixels.shape[0]), (*self._header.warnings, *warnings))

    def picture(self) -> NDArray[Any]:
        jpeg = self._header.kind == "JPEG"
        flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR if jpeg else cv2.IMREAD_UNCHANGED
        with memory_errors():
            return upright(self._decoded(flags)[0], self._orientation)

    def _denominator(self, side: int) -> int:
        """What the sides of a JPEG can be divided by, so that the longer one keeps `side` pixels."""
        width, height = self._header.width, self._header.height
        denominator = max(d for d in _GRAY_BY_DENOMINATOR if d == 1 or max(width, height) >= d * side)
        becomes_square = -(-width // denominator) == -(-height // denominator) and width != height
        return 1 if becomes_square else denominator

    def _decoded(self, flags: int) -> tuple[NDArray[Any], tuple[str, ...]]:
        """As it is stored; and what its decoder had to say."""
        header = self._header
        copied = 0 if header.content is self._content and not header.patches else len(header.content)
        held = len(self._content) + copied
        header.check(self._max_pixels, held)
        content = header.patched()
        if header.apart:
            spare = memory_limit(self._max_pixels) - held - header.array_bytes
            picture = decode_apart(header.kind, content, spare)
            if picture.shape[0] * picture.shape[1] > header.width * header.height:
                raise PictureError(f"is a broken {header.kind}: it holds more pixels than it says. Save it again")
            return picture, ()
        picture, lines, caught = imdecode(content, flags if flags < 0 else flags | cv2.IMREAD_IGNORE_ORIENTATION)
        if header.open_ended:
            if not caught or any("remature end" in line for line in lines):
                raise cut_short()
            lines = tuple(line for line in lines if _HARMLESS not in line)
        return picture, tuple(f"damaged: {line}. Parts of it may be wrong: copy it again" for line in lines)


class _PdfPage(Page):
    """A page of a document, which is drawn in a process apart."""

    def __init__(self, number: int, content: bytes, max_pixels: int) -> None:
        self._number, self._content, self._max_pixels = number, content, max_pixels

    def read(self, side: int, *, gray: bool = False) -> Decoded:
        pixels = (to_gray if gray else to_planes)(self.picture(), max_pixels=self._max_pixels)
        return Decoded(pixels, (pixels.shape[1], pixels.shape[0]))

    def picture(self) -> NDArray[Any]:
        return render_page(self._content, self._number, self._max_pixels, _spare(self._content, self._max_pixels))


def open_pages(content: bytes, *, max_pixels: int = MAX_PIXELS, ignore_exif: bool = False) -> Iterator[Page]:
    """The pictures in a file: pages of a TIFF or a PDF, PNG or netpbm files strung together; else one.

    Args:
        content: the bytes of the file.
        max_pixels: that a picture may have; with more than the default ones, it may cost more memory accordingly.
        ignore_exif: leave pictures as they are stored, not as their EXIF orientation says to turn them.

    Raises:
        PictureError: there is none, or no further one where there should be; pages before were given.
    """
    if not content:
        raise PictureError("is empty (0 bytes): copy it again")
    found: Iterator[Page]
    extra = extra_of(content)
    if extra is not None and not extra.installed:
        raise PictureError(
            f"is no picture that can be read without {extra.package}: it is {extra.kind}. Install it {extra.remedy}"
        )
    if extra is PDF:
        numbers = range(count_pages(content, _spare(content, max_pixels)))
        found = (_PdfPage(number, content, max_pixels) for number in numbers)
    else:
        found = (_Picture(header, content, max_pixels, ignore_exif) for header in headers(content, max_pixels))
    count = 0
    while True:
        with memory_errors():
            page = next(found, None)
        if page is None:
            break
        if count == MAX_PAGES:
            raise PictureError(f"has more than {MAX_PAGES} pages, of which the first were read. Split it into files")
        count += 1
        yield page
    if not count:
        raise no_picture(content)


def decode(content: bytes, *, max_pixels: int = MAX_PIXELS, ignore_exif: bool = False) -> NDArray[Any]:
    """Decode a picture: grey, BGR, or BGRA where it has an alpha channel; uint8 or more bits; the first page of many.

    Arguments are those of `open_pages`. The EXIF orientation is applied, unless it is to be ignored.

    Raises:
        PictureError: empty, no picture, broken, cut short, or too large to be decoded safely.
    """
    return next(open_pages(content, max_pixels=max_pixels, ignore_exif=ignore_exif)).picture()


def decode_gray(
    content: bytes, side: int, *, max_pixels: int = MAX_PIXELS, ignore_exif: bool = False
) -> tuple[Gray, tuple[int, int]]:
    """Decode a picture to grey, and its whole size; as `Page.read` and `decode`."""
    decoded = next(open_pages(content, max_pixels=max_pixels, ignore_exif=ignore_exif)).read(side, gray=True)
    return decoded.pixels, decoded.size


def upright(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A picture as it was seen, from how it was stored."""
    transposed, flip = STEPS[orientation]
    if transposed:
        picture = np.asarray(cv2.transpose(picture))
    return picture if flip is None else np.asarray(cv2.flip(picture, flip))


def _spare(content: bytes, max_pixels: int) -> int:
    """Memory for drawing a page, bytes: what is left beside the file, and the page's pixels in this process."""
    return memory_limit(max_pixels) - len(content) - 3 * max_pixels
