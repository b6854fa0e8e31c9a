"""PNG files (ISO/IEC 15948), walked chunk by chunk before libpng sees them.

OpenCV's decoder allocates what a chunk claims, four gigabytes for a file of 53 bytes, and libpng unpacks up to 8 MB of
text from each of a thousand chunks. So lengths are checked, and of the chunks that are no pixels only those are kept
that say how to show them. Without its frames an animated PNG is a plain one, which shows its first.
"""

from __future__ import annotations

import struct

from edge_digits.sources.exif import orientation
from edge_digits.sources.header import ANIMATED, MAX_PARTS, Header, cut_short, too_many_parts

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}  # by colour type; OpenCV makes grey with alpha BGRA


def png_header(content: bytes) -> Header:
    """What a PNG says of itself.

    Raises:
        PictureError: it is cut short, or consists of too many parts.
        struct.error: it is broken in another way.
    """
    width, height, bits, color = struct.unpack_from(">IIBB", content, 16)
    pieces = [SIGNATURE]
    turned, animated, alpha = 1, False, False
    at, kept_from, parts = len(SIGNATURE), len(SIGNATURE), 0
    while True:
        # The name and the checksum of a chunk are 4 bytes each.
        if at + 12 > len(content):
            raise cut_short()
        length, kind = struct.unpack_from(">I4s", content, at)
        after = at + 12 + length
        if after > len(content):
            raise cut_short()
        parts += 1
        if parts > MAX_PARTS:
            raise too_many_parts("PNG")
        if kind not in _KEPT and kind[0] & 0x20:  # a small first letter: it can be ignored
            if kind == b"eXIf":
                turned = orientation(content[at + 8 : after - 4])
            animated = animated or kind == b"acTL"
            pieces.append(content[kept_from:at])
            kept_from = after
        alpha = alpha or kind == b"tRNS"
        at = after
        if kind == b"IEND":
            break
    whole = kept_from == len(SIGNATURE) and at == len(content)
    return Header(
        "PNG",
        width,
        height,
        content if whole else b"".join([*pieces, content[kept_from:at]]),
        channels=4 if alpha else _CHANNELS.get(color, 4),
        depth=2 if bits == 16 else 1,
        orientation=turned,
        end=at,
        warnings=(ANIMATED,) if animated else (),
    )
