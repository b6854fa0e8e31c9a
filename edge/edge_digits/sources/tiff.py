"""TIFF 6.0 and BigTIFF: every page of a file, by its directory.

A page is given to the decoder as a file whose first directory is that page's, with its orientation tag set to 1: pages
are turned here, as all pictures are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from edge_digits.errors import PictureError
from edge_digits.sources.header import MAX_PARTS, Header, too_many_parts

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: Bytes of a value, by field type.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT = 274, 277, 278, 322, 323
_READ = frozenset(range(_SUBFILE, _TILE_HEIGHT + 1))
#: Compressions whose decoders are known to cost no more than their pixels: none, CCITT, LZW, Deflate, PackBits.
_PLAIN = frozenset((1, 2, 3, 4, 5, 8, 32773, 32946))


@dataclass(frozen=True, slots=True)
class _Form:
    """How the two versions differ: where things stand, and how they are written."""

    order: str
    first: int
    offset: str
    count: str
    entry_bytes: int

    @property
    def inline_bytes(self) -> int:
        return struct.calcsize(self.offset)


def tiff_headers(content: bytes) -> Iterator[Header]:
    """The pages of a file, in order; smaller copies of a page, and masks, are none.

    Raises:
        PictureError: it consists of too many parts.
        struct.error: it is broken.
    """
    order = "<" if content.startswith(b"II") else ">"
    big = content[2:4] in (b"+\0", b"\0+")
    form = _Form(order, 8, "Q", "Q", 20) if big else _Form(order, 4, "I", "H", 12)
    (at,) = struct.unpack_from(order + form.offset, content, form.first)
    seen: set[int] = set()
    parts = 0
    while at and at not in seen:
        seen.add(at)
        (entries,) = struct.unpack_from(order + form.count, content, at)
        parts += 1 + entries
        if parts > MAX_PARTS:
            raise too_many_parts("TIFF")
        values, places, following = _directory(content, at, entries, form)
        if not values.get(_SUBFILE, 0) & 0b101:
            turned = values.get(_ORIENTATION, 1)
            patches = []
            if len(seen) > 1:
                patches.append((form.first, struct.pack(order + form.offset, at)))
            if turned != 1:
                place, code = places[_ORIENTATION]
                patches.append((place, struct.pack(order + code, 1)))
            yield _header(values, turned, content, tuple(patches))
        at = following


def _directory(
    content: bytes, at: int, entries: int, form: _Form
) -> tuple[dict[int, int], dict[int, tuple[int, str]], int]:
    """The first value of each tag, where and how it is written, and the place of the next directory."""
    values: dict[int, int] = {}
    places: dict[int, tuple[int, str]] = {}
    entry = at + struct.calcsize(form.count)
    for _ in range(entries):
        tag, field_type, count = struct.unpack_from(f"{form.order}HH{form.offset}", content, entry)
        place = entry + 4 + form.inline_bytes
        size = _SIZES.get(field_type, 1) * count
        if size > form.inline_bytes:
            (place,) = struct.unpack_from(form.order + form.offset, content, place)
            if place + size > len(content):
                raise PictureError("is cut short, or broken: a part of it lies behind its end. Copy it again")
        if tag in _READ and field_type in _CODES and count and tag not in values:
            (values[tag],) = struct.unpack_from(form.order + _CODES[field_type], content, place)
            places[tag] = place, _CODES[field_type]
        entry += form.entry_bytes
    (following,) = struct.unpack_from(form.order + form.offset, content, entry)
    return values, places, following


def _header(values: dict[int, int], turned: int, content: bytes, patches: tuple[tuple[int, bytes], ...]) -> Header:
    if _WIDTH not in values or _HEIGHT not in values:
        raise struct.error("no size")
    width, height = values[_WIDTH], values[_HEIGHT]
    bits, samples = values.get(_BITS, 1), values.get(_SAMPLES, 1)
    depth = 1 if bits <= 8 else 2 if bits <= 16 else 4 if bits <= 32 else 8
    gray = samples == 1 and values.get(_PHOTOMETRIC, 1) <= 1
    block_width = values.get(_TILE_WIDTH, width)
    block_height = values.get(_TILE_HEIGHT, min(values.get(_ROWS, height), height))
    return Header(
        "TIFF",
        width,
        height,
        content,
        channels=1 if gray else max(3, min(samples, 4)),
        depth=depth,
        # A strip or tile as it is stored, and as 32-bit pixels.
        decoder_bytes=block_width * block_height * (4 + samples * depth),
        orientation=turned if 1 <= turned <= 8 else 1,
        apart=values.get(_COMPRESSION, 1) not in _PLAIN,
        patches=patches,
    )
