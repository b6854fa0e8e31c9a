"""The simpler formats: GIF89a, BMP, WebP (RFC 9649), and the netpbm family."""

from __future__ import annotations

import re
import struct

from edge_digits.sources.exif import orientation
from edge_digits.sources.header import ANIMATED, MAX_PARTS, Header, cut_short, too_many_parts

#: Magic number, width, height and, but for bitmaps, the largest value; comments may stand between them.
_BLANK = rb"(?:\s|#[^\n]{0,1000}\n){1,100}"
_PNM = re.compile(rb"P([1-6])" + _BLANK + rb"(\d{1,9})" + _BLANK + rb"(\d{1,9})(?:" + _BLANK + rb"(\d{1,5}))?")


def gif_header(content: bytes) -> Header:
    """What a GIF says of itself."""
    width, height, packed = struct.unpack_from("<HHB", content, 6)
    at = 13 + (3 << (packed & 7) + 1 if packed & 0x80 else 0)
    pictures = parts = 0
    while at < len(content) and pictures < 2 and content[at] in b"!,":
        if content[at] == ord(","):
            pictures += 1
            local = content[at + 9] if at + 9 < len(content) else 0
            at += 11 + (3 << (local & 7) + 1 if local & 0x80 else 0)
        else:
            at += 2
        while at < len(content) and content[at]:
            parts += 1
            if parts > 100 * MAX_PARTS:  # pixels come in blocks of 255 bytes
                raise too_many_parts("GIF")
            at += 1 + content[at]
        at += 1
    return Header(
        "GIF",
        width,
        height,
        content,
        decoder_bytes=8 * width * height,  # its canvas, and the canvas before
        warnings=(ANIMATED,) if pictures > 1 else (),
    )


def bmp_header(content: bytes) -> Header:
    """What a BMP says of itself, of Windows or of OS/2."""
    (header_bytes,) = struct.unpack_from("<I", content, 14)
    if header_bytes == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", content, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", content, 18)
    return Header("BMP", abs(width), abs(height), content, channels=4 if bits == 32 else 3)


def webp_header(content: bytes) -> Header:
    """What a WebP says of itself."""
    width = height = 0
    turned, animated, alpha = 1, False, False
    at, parts = 12, 0
    while at + 8 <= len(content):
        parts += 1
        if parts > MAX_PARTS:
            raise too_many_parts("WebP")
        kind, length = struct.unpack_from("<4sI", content, at)
        begin = at + 8
        if kind == b"VP8X":
            low, middle, high, low2, middle2, high2 = struct.unpack_from("<6B", content, begin + 4)
            sizes = 1 + (low | middle << 8 | high << 16), 1 + (low2 | middle2 << 8 | high2 << 16)
            animated, alpha = bool(content[begin] & 2), bool(content[begin] & 16)
        elif kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", content, begin + 1)
            sizes = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
            alpha = True
        elif kind == b"VP8 ":
            wide, high = struct.unpack_from("<HH", content, begin + 6)
            sizes = wide & 0x3FFF, high & 0x3FFF
        else:
            sizes = 0, 0
            if kind == b"EXIF":
                turned = orientation(content[begin : begin + length])
        width, height = max(width, sizes[0]), max(height, sizes[1])
        at = begin + length + length % 2
    if not width:
        raise struct.error("no size")
    pixels = width * height
    return Header(
        "WebP",
        width,
        height,
        content,
        channels=4 if alpha or animated else 3,
        # Lossless ones are decoded into pixels of 4 bytes, alpha is a plane, animations have canvases.
        decoder_bytes=pixels * (12 if animated else 5),
        orientation=turned,
        warnings=(ANIMATED,) if animated else (),
    )


def pnm_header(content: bytes) -> Header:
    """What a PBM, PGM or PPM file says of itself.

    Raises:
        PictureError: it is cut short.
        struct.error: it is broken.
    """
    found = _PNM.match(content)
    if found is None:
        raise struct.error("no header")
    kind, width, height = (int(number) for number in found.group(1, 2, 3))
    bitmap = kind in (1, 4)
    largest = 1 if bitmap else int(found.group(4) or 0)
    begin = found.end(3 if bitmap else 4) + 1
    channels, depth = 3 if kind in (3, 6) else 1, 1 if largest < 256 else 2
    end = None
    if kind >= 4:
        end = begin + height * (-(-width // 8) if bitmap else width * channels * depth)
        if end > len(content):
            raise cut_short()
    whole = content if end is None or end == len(content) else content[:end]
    return Header("PNM", width, height, whole, channels=channels, depth=depth, end=end)
