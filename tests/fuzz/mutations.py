"""Spoilt pictures: files of each format, with parts of that format cut, doubled, swapped or changed. Seeded.

    spoilt = Spoiler().spoil(4711)
    spoilt.name, spoilt.content

A picture is the same for the same number, on every machine that has the same encoders.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from drawing import page

ROOT = Path(__file__).resolve().parent.parent.parent
#: Numbers at the edges of what a field can hold, or of what a decoder can do with it.
EDGES = (0, 1, 2, 7, 8, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0)
#: Longer files take longer to write, and are no worse.
MAX_BYTES = 4 << 20
PNG = b"\x89PNG\r\n\x1a\n"
#: Chunks that decoders look into, of PNG and APNG.
CHUNKS = b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP tEXt zTXt iTXt bKGD pHYs sBIT hIST tIME eXIf acTL fcTL fdAT"
#: Markers of JPEG with a length: frames, tables, scans, intervals, application data, comments.
MARKERS = (*range(0xC0, 0xD0), *range(0xDA, 0xE3), 0xED, 0xEE, 0xFE)

Parts = list[bytes]


@dataclass(frozen=True)
class Spoilt:
    """A file.

    Attributes:
        name: its number, and the suffix of the format that it was.
        content: its bytes.
    """

    name: str
    content: bytes


class Spoiler:
    """Makes spoilt pictures of whole ones: the samples, and drawings in every format that OpenCV can write."""

    def __init__(self) -> None:
        self.whole: list[tuple[str, bytes]] = [*_samples(), *_drawings()]

    def spoil(self, number: int) -> Spoilt:
        """The picture of a number."""
        choose = random.Random(number)
        suffix, content = choose.choice(self.whole)
        for _ in range(choose.choice((1, 1, 1, 2, 3))):
            content = self._step(suffix, content, choose)
        return Spoilt(f"{number:08}{suffix}", content[:MAX_BYTES])

    def _step(self, suffix: str, content: bytes, choose: random.Random) -> bytes:
        if choose.random() < 0.1:
            other = choose.choice(self.whole)[1]
            return content[: choose.randint(0, len(content))] + other[choose.randint(0, len(other)) :]
        if choose.random() < 0.25:
            return _any_bytes(content, choose)
        try:
            return _BY_FORMAT.get(suffix, _header)(content, choose)
        except (struct.error, zlib.error, IndexError, ValueError):  # it was spoilt before
            return _any_bytes(content, choose)


def _samples() -> list[tuple[str, bytes]]:
    paths = [*(ROOT / "samples").iterdir(), *(ROOT / "tests" / "golden").iterdir()]
    pictures = [path for path in sorted(paths) if path.suffix in {".png", ".jpg", ".gif", ".webp"}]
    return [(path.suffix, path.read_bytes()) for path in pictures if path.stat().st_size < 100_000]


def _drawings() -> list[tuple[str, bytes]]:
    gray = cv2.resize(page("427"), (96, 64), interpolation=cv2.INTER_AREA)
    colour = np.dstack([gray, gray // 2 + 100, gray])
    alpha, deep = np.dstack([colour, 255 - gray]), gray.astype(np.uint16) * 257
    tiffs = [[cv2.IMWRITE_TIFF_COMPRESSION, scheme] for scheme in (1, 5, 8, 32773)]
    jpegs = [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]]
    written = []
    for suffix, pictures, options in (
        (".png", (gray, colour, alpha, deep), [[]]),
        (".png", (gray,), [[cv2.IMWRITE_PNG_BILEVEL, 1]]),
        (".jpg", (gray, colour), jpegs),
        (".bmp", (gray, colour, alpha), [[]]),
        (".tiff", (gray, colour, deep), tiffs),
        (".webp", (colour, alpha), [[], [cv2.IMWRITE_WEBP_QUALITY, 101]]),
        (".jp2", (gray, colour), [[]]),
        (".pgm", (gray,), [[]]),
        (".ppm", (colour,), [[]]),
    ):
        for picture in pictures:
            written += [(suffix, cv2.imencode(suffix, picture, option)[1].tobytes()) for option in options]
    if cv2.haveImageWriter(".avif"):
        written += [(".avif", cv2.imencode(".avif", picture)[1].tobytes()) for picture in (gray, colour)]
    return written


# --- Bytes ------------------------------------------------------------------------------------------------------------


def _any_bytes(content: bytes, choose: random.Random) -> bytes:
    """Bits turned, or a run cut, doubled or overwritten, anywhere."""
    if not content:
        return bytes(choose.randrange(256) for _ in range(choose.randint(1, 40)))
    start = choose.randrange(len(content))
    stop = min(len(content), start + choose.choice((1, 2, 4, 16, 256, 4096)))
    kind = choose.randrange(6)
    if kind == 0:
        return content[:start]
    if kind == 1:
        return content[:start] + content[stop:]
    if kind == 2:
        return content[:stop] + content[start:stop] * choose.choice((1, 2, 40)) + content[stop:]
    if kind == 3:
        return content[:start] + bytes([choose.choice((0, 0xFF))]) * (stop - start) + content[stop:]
    changed = bytearray(content)
    for _ in range(choose.choice((1, 1, 4, 20))):
        changed[choose.randrange(len(changed))] ^= 1 << choose.randrange(8)
    return bytes(changed)


def _header(content: bytes, choose: random.Random, length: int = 64) -> bytes:
    """A number at the edge somewhere in the first bytes."""
    return _edge(content, choose.randrange(max(1, min(length, len(content)))), choose)


def _edge(content: bytes, at: int, choose: random.Random, size: int = 0) -> bytes:
    size = size or choose.choice((1, 2, 4))
    value = choose.choice(EDGES) & ((1 << 8 * size) - 1)
    return content[:at] + value.to_bytes(size, choose.choice(("big", "little"))) + content[at + size :]


def _shuffled(parts: Parts, choose: random.Random, spoil: Callable[[bytes], bytes], strange: bytes) -> Parts:
    """Parts of a file with one of them cut, doubled, moved, spoilt, or with a strange one among them."""
    at, other = choose.randrange(len(parts)), choose.randrange(len(parts))
    kind = choose.randrange(8)
    if kind == 0:
        del parts[at]
    elif kind == 1:
        parts[at:at] = [parts[at]] * choose.choice((1, 2, 300))
    elif kind == 2:
        parts[at], parts[other] = parts[other], parts[at]
    elif kind == 3:
        parts.insert(at, strange)
    else:
        parts[at] = spoil(parts[at])
    return parts


# --- Formats ----------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@cache
def deflated_zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def _png(content: bytes, choose: random.Random) -> bytes:
    parts, at = [], len(PNG)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        parts.append(content[at : at + 12 + length])
        at += 12 + length

    def spoil(part: bytes) -> bytes:
        kind, data = part[4:8], part[8:-4]
        choice = choose.randrange(5)
        if choice == 0:  # a length that is not its own
            return _edge(part, 0, choose, 4)
        if choice == 1:
            return chunk(choose.choice(CHUNKS.split()), data)
        if choice == 2 and kind in (b"IDAT", b"fdAT"):
            rows = _any_bytes(zlib.decompressobj().decompress(data, 1 << 20), choose)
            return chunk(kind, zlib.compress(rows))
        spoilt = _edge(data, choose.randrange(max(1, len(data))), choose) if choice == 3 else _any_bytes(data, choose)
        return chunk(kind, spoilt)

    bomb = deflated_zeros(choose.choice((10, 1 << 20, 1 << 24)))
    texts = [
        b"a\0" + bytes(choose.choice((0, 9, 70_000))),
        b"a\0\0" + bomb,
        struct.pack(">II", *choose.choices(EDGES, k=2)),
    ]
    strange = chunk(choose.choice(CHUNKS.split()), choose.choice(texts))
    return PNG + b"".join(_shuffled(parts, choose, spoil, strange))


def _jpeg(content: bytes, choose: random.Random) -> bytes:
    parts, at = [], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        if content[at + 1] == 0xDA:  # the pixels after it, up to the next marker
            end = _next_marker(content, end)
        parts.append(content[at:end])
        at = end
    parts.append(content[at:])

    def spoil(part: bytes) -> bytes:
        choice = choose.randrange(4)
        if choice == 0 and len(part) > 4:
            return _edge(part, 2, choose, 2)
        if choice == 1:
            return part[:1] + bytes([choose.choice(MARKERS)]) + part[2:]
        if choice == 2 and len(part) > 4:
            return _edge(part, choose.randrange(4, min(len(part), 24)), choose)
        return part[:4] + _any_bytes(part[4:], choose)

    orientation = struct.pack("<2sHIHHHIHH", b"II", 42, 8, 1, 0x112, 3, choose.choice(EDGES), choose.randrange(20), 0)
    data = choose.choice((b"Exif\0\0" + orientation, b"ICC_PROFILE\0\1\2", b"Adobe\0d\0\0\0\0\2", bytes(60_000)))
    strange = b"\xff" + bytes([choose.choice(MARKERS)]) + struct.pack(">H", len(data) + 2) + data
    return b"\xff\xd8" + b"".join(_shuffled(parts, choose, spoil, strange))


def _next_marker(content: bytes, at: int) -> int:
    """Where the pixels of a scan end: 0xFF, unless a zero or the number of an interval follows it."""
    while 0 <= (at := content.find(b"\xff", at)) < len(content) - 1:
        if content[at + 1] != 0 and content[at + 1] not in range(0xD0, 0xD8):
            return at
        at += 1
    return len(content)


def _riff(content: bytes, choose: random.Random) -> bytes:
    parts, at = [], 12
    while at + 8 <= len(content):
        length = struct.unpack_from("<I", content, at + 4)[0]
        parts.append(content[at : at + 8 + length + length % 2])
        at += 8 + length + length % 2

    def spoil(part: bytes) -> bytes:
        choice = choose.randrange(3)
        if choice == 0:
            return _edge(part, 4, choose, 4)
        if choice == 1:
            return part[:8] + _header(part[8:], choose, 24)
        return part[:8] + _any_bytes(part[8:], choose)

    kind = choose.choice((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"ICCP"))
    data = bytes(choose.randrange(256) for _ in range(choose.choice((0, 10, 16, 24))))
    parts = _shuffled(parts, choose, spoil, kind + struct.pack("<I", len(data)) + data)
    body = b"".join(parts)
    size = len(body) + 4 if choose.random() < 0.7 else choose.choice(EDGES)
    return b"RIFF" + struct.pack("<I", size) + b"WEBP" + body


def _tiff(content: bytes, choose: random.Random) -> bytes:
    order = "<" if content.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", content, 4)
    (count,) = struct.unpack_from(order + "H", content, directory)
    if choose.random() < 0.15:
        return _edge(content, choose.choice((4, directory, directory + 2 + 12 * count)), choose)
    entry = directory + 2 + 12 * choose.randrange(max(1, count))
    at, size = choose.choice(((0, 2), (2, 2), (4, 4), (8, 4), (8, 4), (8, 2)))
    value = choose.choice((choose.choice(EDGES), choose.randrange(40), choose.randrange(254, 340), directory))
    value &= (1 << 8 * size) - 1
    packed = struct.pack(order + ("H" if size == 2 else "I"), value)
    return content[: entry + at] + packed + content[entry + at + size :]


def _gif(content: bytes, choose: random.Random) -> bytes:
    if choose.random() < 0.4:
        return _header(content, choose, 13)
    starts = [at for at in range(13, len(content) - 10) if content[at] in b"!,"]
    at = choose.choice(starts)
    return _edge(content, at + choose.randrange(10), choose)


def _bmp(content: bytes, choose: random.Random) -> bytes:
    fields: Sequence[tuple[int, int]] = ((2, 4), (10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4), (46, 4))
    at, size = choose.choice(fields)
    value = choose.choice((choose.choice(EDGES), choose.choice((1, 4, 8, 12, 16, 24, 32, 40, 56, 64, 108, 124))))
    return content[:at] + (value & ((1 << 8 * size) - 1)).to_bytes(size, "little") + content[at + size :]


def _boxes(content: bytes, choose: random.Random) -> bytes:
    """ISO base media (AVIF) and JPEG 2000: the length, type or first bytes of a box."""
    kinds = (b"ftyp", b"meta", b"iloc", b"iinf", b"iprp", b"ipco", b"ispe", b"av1C", b"pixi", b"mdat", b"jp2h", b"ihdr")
    places = [at for kind in (*kinds, b"colr", b"jp2c", b"\xff\x51", b"\xff\x52") if (at := content.find(kind)) >= 4]
    at = choose.choice(places)
    return _edge(content, max(0, at + choose.choice((-4, 0, 4, 8, 12, 16)) + choose.randrange(4)), choose)


_BY_FORMAT: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".png": _png,
    ".jpg": _jpeg,
    ".webp": _riff,
    ".tiff": _tiff,
    ".gif": _gif,
    ".bmp": _bmp,
    ".avif": _boxes,
    ".jp2": _boxes,
}
