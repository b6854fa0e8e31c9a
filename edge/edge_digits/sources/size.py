"""The header of a picture in any of the formats that are read."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from edge_digits.errors import PictureError
from edge_digits.sources import bmff, jpeg, plain, png, tiff
from edge_digits.sources.header import Header


def headers(content: bytes, max_pixels: int) -> Iterator[Header]:
    """The pictures of a file, by their headers, as far as they can be parsed.

    Those of a TIFF are its pages, and PNG and netpbm files may be strung together. What this gives nothing for is of
    no format that is read: nothing else is decoded, as nobody could tell what that would cost.

    Args:
        content: the bytes of the file.
        max_pixels: that a picture may have.

    Raises:
        PictureError: one is broken, or would cost too much; says why.
    """
    given = 0
    try:
        if content.startswith(tiff.SIGNATURES):
            for header in tiff.tiff_headers(content):
                yield header
                given += 1
            return
        rest = content
        while (single := _single(rest, max_pixels)) is not None:
            yield single
            given += 1
            if single.end is None or single.kind not in ("PNG", "PNM"):
                return
            rest = rest[single.end :]
    except (struct.error, OverflowError, IndexError, KeyError):  # one of a place that no file can have
        if given:
            raise PictureError(f"is broken behind page {given}: the others cannot be found. Copy it again") from None


def _single(content: bytes, max_pixels: int) -> Header | None:
    """The header of a picture at the beginning of these bytes."""
    header: Header | None = None
    if content.startswith(png.SIGNATURE):
        header = png.png_header(content)
    elif content.startswith(jpeg.SIGNATURE):
        header = jpeg.jpeg_header(content, max_pixels)
    elif content.startswith((b"GIF87a", b"GIF89a")):
        header = plain.gif_header(content)
    elif content.startswith(b"BM"):
        header = plain.bmp_header(content)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        header = plain.webp_header(content)
    elif content.startswith((bmff.JP2, bmff.CODESTREAM)):
        header = bmff.jp2_header(content)
    elif bmff.is_avif(content):
        header = bmff.heif_header(content, "AVIF")
    elif bmff.is_heic(content):
        header = bmff.heif_header(content, "HEIC")
    elif content[:1] == b"P" and content[1:2].isdigit():
        header = plain.pnm_header(content)
    return header
