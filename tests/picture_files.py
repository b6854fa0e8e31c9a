"""Picture files of unusual make, written by hand: no test needs a picture, or a program, from elsewhere."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
from drawing import coded, png
from numpy.typing import NDArray

#: How a picture was turned before it was stored, by the orientation that brings it upright.
STORED: dict[int, tuple[bool, int | None]] = {
    1: (False, None),
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 0),
    7: (True, -1),
    8: (True, 1),
}


def stored(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A picture as a camera stores it that was held this way."""
    transposed, flip = STORED[orientation]
    if transposed:
        picture = np.asarray(cv2.transpose(picture))
    return picture if flip is None else np.asarray(cv2.flip(picture, flip))


def exif(orientation: int, order: str = "<") -> bytes:
    """An EXIF block that says it."""
    name = b"II" if order == "<" else b"MM"
    return struct.pack(order + "2sHIHHHIHHI", name, 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(picture: NDArray[Any], kind: bytes, content: bytes) -> bytes:
    """A PNG with one chunk more, before its pixels."""
    whole = png(picture)
    return whole[:33] + png_chunk(kind, content) + whole[33:]


def jpeg_with_exif(picture: NDArray[Any], orientation: int) -> bytes:
    """A JPEG as JFIF writers make it: its own segment, then the EXIF."""
    whole = coded(picture, ".jpg")
    body = b"Exif\0\0" + exif(orientation, ">")
    return whole[:20] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + whole[20:]


def webp_with_exif(picture: NDArray[Any], orientation: int) -> bytes:
    """A lossless WebP in the extended format."""
    done, simple = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert done
    pixels = simple.tobytes()[12:]
    if pixels.startswith(b"VP8X"):
        pixels = pixels[18:]
    height, width = picture.shape[:2]
    flags = 0x08 | (0x10 if picture.ndim == 3 and picture.shape[2] == 4 else 0)
    sizes = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    block = exif(orientation)
    parts = b"VP8X" + struct.pack("<IB3x", 10, flags) + sizes + pixels + b"EXIF" + struct.pack("<I", len(block)) + block
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WEBP" + parts


def avif_with(picture: NDArray[Any], *properties: bytes) -> bytes:
    """An AVIF whose picture has these properties too, such as `irot`."""
    content = bytearray(coded(picture, ".avif"))
    ipco, ipma = content.index(b"ipco"), content.index(b"ipma")
    end = ipco - 4 + int.from_bytes(content[ipco - 4 : ipco])
    count, at = 0, ipco + 4
    while at < end:
        count, at = count + 1, at + int.from_bytes(content[at : at + 4])
    added = b"".join(properties)
    numbers = bytes(0x80 | (count + 1 + place) for place in range(len(properties)))  # all of them essential
    associations = ipma + 14  # version and flags, entries, item, and then how many
    known = content[associations]
    content[associations + 1 + known : associations + 1 + known] = numbers
    content[associations] += len(properties)
    content[end:end] = added
    grown = len(added) + len(numbers)
    for name, by in ((b"meta", grown), (b"iprp", grown), (b"ipco", len(added)), (b"ipma", len(numbers))):
        place = content.index(name) - 4
        struct.pack_into(">I", content, place, int.from_bytes(content[place : place + 4]) + by)
    # Where the pixels are, from the beginning of the file: 4-byte places and lengths, one item of one piece.
    place = content.index(b"iloc") + 18
    struct.pack_into(">I", content, place, int.from_bytes(content[place : place + 4]) + grown)
    return bytes(content)


def irot(quarters: int) -> bytes:
    """A turn against the clock."""
    return struct.pack(">I4sB", 9, b"irot", quarters)


def imir(axis: int) -> bytes:
    """A mirror: 0 changes top and bottom, 1 left and right."""
    return struct.pack(">I4sB", 9, b"imir", axis)


def tiff(
    *pages: NDArray[np.uint8], big: bool = False, order: str = "<", orientation: int = 1, subfiles: tuple[int, ...] = ()
) -> bytes:
    """An uncompressed grey TIFF or BigTIFF of pages; `subfiles` says of each whether it is a smaller copy (1)."""
    offset, count, name = ("Q", "Q", 43) if big else ("I", "H", 42)
    content = bytearray(struct.pack(order + "2sH", b"II" if order == "<" else b"MM", name))
    content += struct.pack(order + "HHQ", 8, 0, 0) if big else struct.pack(order + "I", 0)
    link = len(content) - struct.calcsize(offset)
    for number, page in enumerate(pages):
        pixels = len(content)
        content += page.tobytes() + bytes(page.size % 2)
        height, width = page.shape
        fields = [
            (254, 4, subfiles[number] if subfiles else 0),
            (256, 4, width),
            (257, 4, height),
            (258, 3, 8),
            (259, 3, 1),
            (262, 3, 1),
            (273, 4, pixels),
            (274, 3, orientation),
            (277, 3, 1),
            (278, 4, height),
            (279, 4, page.size),
        ]
        struct.pack_into(order + offset, content, link, len(content))
        content += struct.pack(order + count, len(fields))
        for tag, kind, value in fields:
            content += struct.pack(f"{order}HH{offset}", tag, kind, 1)
            content += struct.pack(order + ("H" if kind == 3 else "I"), value).ljust(struct.calcsize(offset), b"\0")
        link = len(content)
        content += bytes(struct.calcsize(offset))
    return bytes(content)


def os2_bmp(picture: NDArray[np.uint8]) -> bytes:
    """A grey BMP with the 12-byte header of OS/2 1.x."""
    height, width = picture.shape
    rows = np.zeros((height, -(-width // 4) * 4), np.uint8)
    rows[:, :width] = picture[::-1]
    palette = np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes()
    begin = 14 + 12 + len(palette)
    header = struct.pack("<2sIHHI", b"BM", begin + rows.size, 0, 0, begin) + struct.pack(
        "<IHHHH", 12, width, height, 1, 8
    )
    return header + palette + rows.tobytes()


def motion_photo(picture: NDArray[Any]) -> bytes:
    """A JPEG that a film follows, in whose noise the markers of a JPEG occur as in any noise."""
    film = np.random.default_rng(3).integers(0, 256, 4000, np.uint8).tobytes()
    return coded(picture, ".jpg") + b"\0\0\0\x18ftypmp42" + film + b"\xff\xd9" + film + b"\xff\xda\0\x08" + film


def without_end(picture: NDArray[Any]) -> bytes:
    """A JPEG without its end marker, and the list of a phone's maker behind it."""
    return coded(picture, ".jpg")[:-2] + b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFH" + bytes(40) + b"SEFT"
