"""JPEG files (ITU-T T.81), walked segment by segment before libjpeg sees them.

Each scan of a progressive JPEG is a pass over all its blocks, so that 55 kB with 5,000 scans take 21 s; and the blocks
of a progressive one are all in memory at once. What lies behind its end is none of it: phones append films.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from edge_digits.errors import PictureError
from edge_digits.sources.exif import orientation
from edge_digits.sources.header import MAX_PARTS, Header, too_many_parts

SIGNATURE = b"\xff\xd8"
EOI = b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOS = 0xDA
#: Without a length: restart markers, TEM, and SOI.
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
#: What ends entropy-coded data: a marker that is no stuffed byte, no restart and no fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
#: Encoders write at most 12 passes for a picture; so many may go over the largest, more over smaller ones.
_SCANS_AT_MOST = 15
_SCANS_EVER = 100
#: Bits that the code of a block of 8 x 8 has at least, by frame type: baseline DC and AC, progressive DC. Arithmetic
#: coding has no such bound.
_MIN_BITS = {0xC0: 2, 0xC1: 2, 0xC2: 1}


@dataclass
class _Walk:
    """What was met on the way through a file."""

    frame: int = 0
    width: int = 0
    height: int = 0
    samplings: list[tuple[int, int]] = field(default_factory=list)
    scans: int = 0
    coded_bytes: int = 0
    orientation: int = 1
    several: bool = False
    end: int | None = None


def jpeg_header(content: bytes, max_pixels: int) -> Header:
    """What a JPEG says of itself.

    Raises:
        PictureError: it takes too many passes, consists of too many parts, or holds next to no data.
        struct.error: it is broken in another way.
    """
    walk = _walk(content, max_pixels)
    if not walk.samplings:
        raise struct.error("no frame")
    widest, highest = (max(factors) for factors in zip(*walk.samplings, strict=True))
    shares = sum(h * v for h, v in walk.samplings) / (widest * highest)
    blocks = walk.width * walk.height * shares / 64
    header = Header(
        "JPEG",
        walk.width,
        walk.height,
        content if walk.end is not None else content + EOI,
        channels=1 if len(walk.samplings) == 1 else 3,
        # Coefficients of two bytes, kept where more than one scan adds to them.
        decoder_bytes=int(blocks * 128) if walk.scans > 1 or walk.frame == 0xC2 else 0,
        orientation=walk.orientation,
        end=walk.end,
        open_ended=walk.end is None,
        warnings=(_ANOTHER,) if walk.end and not walk.several and content.startswith(b"\xff\xd8\xff", walk.end) else (),
    )
    header.check(max_pixels)
    passes = walk.scans * walk.width * walk.height
    if walk.scans > _SCANS_EVER or (walk.scans > _SCANS_AT_MOST and passes > _SCANS_AT_MOST * max_pixels):
        raise PictureError(
            f"is a progressive JPEG of {walk.scans} or more passes, which would take too long to decode. "
            "Save it again as PNG or JPEG"
        )
    needed = blocks * _MIN_BITS.get(walk.frame, 0) / 8
    if walk.coded_bytes < needed / 2:
        raise PictureError(
            f"is cut short: {walk.coded_bytes} bytes of data cannot be {walk.width} x {walk.height} pixels. "
            "Copy it again"
        )
    return header


_ANOTHER = "followed by another picture in the same file, which was not read: save each as a file of its own"


def _walk(content: bytes, max_pixels: int) -> _Walk:
    walk, at, parts = _Walk(), len(SIGNATURE), 0
    while at + 2 <= len(content):
        parts += 1
        if parts > MAX_PARTS:
            raise too_many_parts("JPEG")
        if content[at] != 0xFF:
            # Garbage between segments, which libjpeg skips as well.
            following = _MARKER.search(content, at)
            if following is None:
                break
            at = following.start()
        marker = content[at + 1]
        if marker == 0xD9:
            walk.end = at + 2
            break
        if marker in _ALONE or marker in (0x00, 0xFF):
            at += 1 if marker == 0xFF else 2
            continue
        if at + 4 > len(content):
            break
        (length,) = struct.unpack_from(">H", content, at + 2)
        segment, at = at + 4, at + 2 + max(length, 2)
        if marker in _FRAMES and not walk.samplings:
            height, width, components = struct.unpack_from(">HHB", content, segment + 1)
            walk.frame, walk.width, walk.height = marker, width, height
            factors = content[segment + 7 : segment + 6 + 3 * components : 3]
            walk.samplings = [(max(1, factor >> 4), max(1, factor & 15)) for factor in factors]
        elif marker == 0xE1 and content.startswith(b"Exif\0\0", segment):
            walk.orientation = orientation(content[segment:at])
        elif marker == 0xE2 and content.startswith(b"MPF\0", segment):
            walk.several = True  # further pictures by CIPA DC-007: previews, depth and gain maps of the first
        elif marker == _SOS:
            walk.scans += 1
            following = _MARKER.search(content, at)
            after = len(content) if following is None else following.start()
            walk.coded_bytes += max(0, after - at)
            at = after
            if walk.scans > _SCANS_EVER:
                break
    return walk
