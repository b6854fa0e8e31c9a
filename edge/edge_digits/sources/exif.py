"""Which way up a camera was held: the orientation tag of EXIF 2.32, 4.6.4, and what that means."""

from __future__ import annotations

import struct

_TAG = 0x0112
#: What brings a picture upright, by orientation: whether rows become columns, and then OpenCV's code of a flip (0
#: upside down, 1 left to right, -1 both; None for none).
STEPS: dict[int, tuple[bool, int | None]] = {
    1: (False, None),
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


def orientation(block: bytes) -> int:
    """The orientation that an EXIF block says, 1 to 8; 1 where it says none.

    Args:
        block: a TIFF structure; the name "Exif" and two zero bytes may stand before it.
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", block, entry)
            if tag == _TAG:
                return value if value in STEPS else 1
    except struct.error:
        pass
    return 1
