"""Files of boxes: AVIF and HEIC (ISO/IEC 14496-12, 23008-12) and JPEG 2000 (ISO/IEC 15444-1).

Their sizes are read here; their decoders run in a process apart, as their cost depends on more than that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from edge_digits.sources.exif import orientation
from edge_digits.sources.header import ANIMATED, MAX_PARTS, Header, too_many_parts

JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
_HEIC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AVIF = frozenset((b"avif", b"avis"))
#: Planes, reference frames and RGB of their decoders, as measured.
_HEIF_PIXEL_BYTES = 12
#: EXIF orientations by quarters of a turn against the clock (`irot`), and what a mirror (`imir`) makes of them: its
#: axis upright (0: top and bottom change places) or not.
_TURNS = (1, 8, 3, 6)
_MIRRORED = {0: {1: 4, 8: 5, 3: 2, 6: 7}, 1: {1: 2, 8: 7, 3: 4, 6: 5}}


def brands(content: bytes) -> frozenset[bytes]:
    """The names of the formats that a file says it keeps to; none where it is no such file."""
    if content[4:8] != b"ftyp":
        return frozenset()
    (size,) = struct.unpack_from(">I", content, 0)
    names = content[8:12] + content[16 : min(size, 256)]
    return frozenset(names[at : at + 4] for at in range(0, len(names), 4))


def is_avif(content: bytes) -> bool:
    """Whether it is AVIF, by its brands."""
    return bool(brands(content) & _AVIF)


def is_heic(content: bytes) -> bool:
    """Whether it is HEIC, or another kind of HEIF but AVIF."""
    found = brands(content)
    return bool(found & _HEIC) and not found & _AVIF


def heif_header(content: bytes, kind: str) -> Header:
    """What an AVIF or HEIC file says of itself.

    Raises:
        PictureError: it consists of too many parts.
        struct.error: it is broken.
    """
    top = dict(_boxes(content, 0, len(content), kind))
    if b"meta" not in top:
        raise struct.error("no meta box")
    meta = dict(_boxes(content, top[b"meta"][0] + 4, top[b"meta"][1], kind))
    properties = dict(_boxes(content, *meta[b"iprp"], kind)) if b"iprp" in meta else {}
    listed = list(_boxes(content, *properties[b"ipco"], kind)) if b"ipco" in properties else []
    # Every size that is declared, so that a part cannot be larger than the whole.
    sizes = [struct.unpack_from(">II", content, begin + 4) for name, (begin, _) in listed if name == b"ispe"]
    if not sizes:
        raise struct.error("no size")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    of_primary = _associated(content, meta, properties) if b"ipma" in properties else []
    turn = mirror = None
    for name, (begin, _) in (listed[index - 1] for index in of_primary if 0 < index <= len(listed)):
        if name == b"irot":
            turn = content[begin] & 3
        elif name == b"imir":
            mirror = content[begin] & 1
    if turn is None and mirror is None:
        # By the standard, EXIF says nothing here; but some programs write nothing else.
        block = content.find(b"Exif\0\0")
        turned = orientation(content[block:]) if block >= 0 else 1
        by_exif = True
    else:
        by_exif = False
        turned = _TURNS[turn or 0]
        turned = turned if mirror is None else _MIRRORED[mirror][turned]
    warnings = (ANIMATED,) if content[8:12] == b"avis" else ()
    return Header(
        kind,
        width,
        height,
        content,
        decoder_bytes=_HEIF_PIXEL_BYTES * width * height,
        orientation=1 if kind == "HEIC" else turned,  # its decoder turns it
        by_exif=by_exif,
        apart=True,
        warnings=warnings,
    )


def jp2_header(content: bytes) -> Header:
    """What a JPEG 2000 file or codestream says of itself; as `heif_header`."""
    at = 0
    if not content.startswith(CODESTREAM):
        at = dict(_boxes(content, 0, len(content), "JPEG 2000")).get(b"jp2c", (-1, -1))[0]
    if at < 0 or not content.startswith(CODESTREAM, at):
        raise struct.error("no codestream")
    right, bottom, left, top = struct.unpack_from(">IIII", content, at + 8)
    (components,) = struct.unpack_from(">H", content, at + 40)
    width, height = right - left, bottom - top
    return Header(
        "JPEG 2000",
        width,
        height,
        content,
        channels=1 if components == 1 else 4,
        depth=2 if content[at + 42] & 0x7F > 7 else 1,  # its number of bits, less one
        decoder_bytes=4 * components * width * height,  # which it has 32 of for each
        apart=True,
    )


def _boxes(content: bytes, at: int, end: int, kind: str) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The boxes of a part of a file: name, and where its content begins and ends."""
    parts = 0
    while at + 8 <= end:
        parts += 1
        if parts > MAX_PARTS:
            raise too_many_parts(kind)
        size, name = struct.unpack_from(">I4s", content, at)
        begin = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, begin)
            begin += 8
        after = end if size == 0 else at + size
        if after < begin:
            raise struct.error("a box that is smaller than its header")
        yield name, (begin, min(after, end))
        at = after


def _associated(
    content: bytes, meta: dict[bytes, tuple[int, int]], properties: dict[bytes, tuple[int, int]]
) -> list[int]:
    """The numbers, from 1, of the primary item's properties."""
    primary = 1
    if b"pitm" in meta:
        begin = meta[b"pitm"][0]
        primary = struct.unpack_from(">I" if content[begin] else ">H", content, begin + 4)[0]
    at, end = properties[b"ipma"]
    version, wide = content[at], content[at + 3] & 1
    (entries,) = struct.unpack_from(">I", content, at + 4)
    at += 8
    for _ in range(min(entries, MAX_PARTS)):
        (item,) = struct.unpack_from(">I" if version else ">H", content, at)
        at += 4 if version else 2
        if at >= end:
            break
        count = content[at]
        numbers = struct.unpack_from(f">{count}{'H' if wide else 'B'}", content, at + 1)
        if item == primary:
            return [number & (0x7FFF if wide else 0x7F) for number in numbers]
        at += 1 + count * (2 if wide else 1)
    return []
