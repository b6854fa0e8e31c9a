"""The size of a picture from the first bytes of its file, so that none is decoded that would not fit in memory."""

from __future__ import annotations

import struct

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, as stored (before any EXIF orientation); None where the format keeps them elsewhere.

    Formats: PNG (ISO/IEC 15948), GIF89a, BMP, WebP (RFC 9649), TIFF 6.0 and JPEG (ITU-T T.81 B.2.2). Other
    formats are left to their decoder.
    """
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack_from(">II", content, 16)
        elif content.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack_from("<HH", content, 6)
        elif content.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", content, 18)
        elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp_size(content)
        elif content.startswith(b"\xff\xd8"):
            return _jpeg_size(content)
        elif content.startswith((b"II*\0", b"MM\0*")):
            return _tiff_size(content)
        else:
            return None
    except struct.error:
        return None
    return abs(width), abs(height)


def _tiff_size(content: bytes) -> tuple[int, int] | None:
    order = "<" if content.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", content, 4)
    (count,) = struct.unpack_from(order + "H", content, directory)
    sizes: dict[int, int] = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, field_type = struct.unpack_from(order + "HH", content, entry)
        if tag in (256, 257):
            (sizes[tag],) = struct.unpack_from(order + ("H" if field_type == 3 else "I"), content, entry + 8)
    return (sizes[256], sizes[257]) if len(sizes) == 2 else None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    chunk = content[12:16]
    if chunk == b"VP8X":
        low, middle, high, low2, middle2, high2 = struct.unpack_from("<6B", content, 24)
        return 1 + (low | middle << 8 | high << 16), 1 + (low2 | middle2 << 8 | high2 << 16)
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        at += 2 + length
    return None
