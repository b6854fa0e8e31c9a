"""What picture files cost that were made to cost much: memory and time of a run for each, and what its record says.

    python benchmarks/hostile_pictures.py

Each is read by a process of its own. Memory is its peak of resident memory (of the process apart, where that has more)
above the peak with a small good picture; time is that of the whole run above the same.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from edge_digits.sources.header import MEMORY_BYTES

#: The side of a square picture just within the limit of 40 megapixels.
SIDE = 6300
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FLAT = np.full((64, 64), 235, np.uint8)


def chunk(kind: bytes, content: bytes, claimed: int | None = None) -> bytes:
    """A chunk of a PNG, which may claim another length."""
    length = len(content) if claimed is None else claimed
    return struct.pack(">I", length) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deflated_zeros(count: int) -> bytes:
    """Zeros, compressed piece by piece."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(count >> 20)]
    return b"".join([*pieces, packer.compress(bytes(count & 0xFFFFF)), packer.flush()])


def png(width: int, height: int, bits: int, color: int, extra: bytes = b"") -> bytes:
    """A black PNG of any size and kind; `color` is its colour type."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    rows = deflated_zeros(height * (1 + -(-width * channels * bits // 8)))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    return _SIGNATURE + header + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff(width: int, height: int, *, bits: int, samples: int = 1, floating: bool = False, big: bool = False) -> bytes:
    """A black TIFF or BigTIFF of one deflated strip."""
    strip = deflated_zeros(width * height * samples * bits // 8)
    short, long = 3, 4
    entries = [
        (256, long, width),
        (257, long, height),
        (258, short, bits),
        (259, short, 8),
        (262, short, 1 if samples == 1 else 2),
        (273, long, 16),
        (277, short, samples),
        (278, long, height),
        (279, long, len(strip)),
        (339, short, 3 if floating else 1),
    ]
    if big:
        header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16 + len(strip))
        rows = b"".join(struct.pack("<HHQQ", tag, kind, 1, value) for tag, kind, value in entries)
        return header + strip + struct.pack("<Q", len(entries)) + rows + bytes(8)
    header = struct.pack("<2sHI", b"II", 42, 16 + len(strip)) + bytes(8)
    rows = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return header + strip + struct.pack("<H", len(entries)) + rows + bytes(4)


def encoded(suffix: str, width: int, height: int, parameters: tuple[int, ...] = ()) -> bytes:
    """A bright picture as OpenCV writes it."""
    done, content = cv2.imencode(suffix, np.full((height, width), 235, np.uint8), parameters)
    assert done
    return content.tobytes()


def jpeg_of_scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    content = encoded(".jpg", side, side, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * (count - content.count(b"\xff\xda")) + content[-2:]


def jpeg_without_data(side: int) -> bytes:
    """A JPEG whose header claims a size, with an end behind hardly any data."""
    content = bytearray(encoded(".jpg", 16, 16))
    struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, side, side)
    return bytes(content)


def patched(content: bytes, name: bytes, offset: int, form: str, *values: int) -> bytes:
    """A file with other numbers at a place behind a name."""
    changed = bytearray(content)
    struct.pack_into(form, changed, content.index(name) + offset, *values)
    return bytes(changed)


def gif(side: int) -> bytes:
    """A GIF of one pixel that claims a screen and a picture."""
    screen = struct.pack("<6sHHBBB", b"GIF89a", side, side, 0x80, 0, 0) + bytes(6)
    return screen + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00;"


def pdf(width: int, height: int, image_side: int) -> bytes:
    """A PDF of a page that shows a deflated black picture."""
    data = deflated_zeros(image_side * (image_side // 8))
    drawing = b"q %d 0 0 %d 0 0 cm /I Do Q" % (width, height)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>"
        % (width, height),
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode"
        b"/Length %d>>stream\n%s\nendstream" % (image_side, image_side, len(data), data),
    ]
    content = b"%PDF-1.4\n"
    for number, body in enumerate(objects, 1):
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return content + b"trailer<</Root 1 0 R/Size 6>>\n%%EOF\n"


#: By name; what the record says is in the table.
HOSTILE: dict[str, Callable[[], bytes]] = {
    "PNG, IHDR and a chunk of 4 GB": lambda: (
        _SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)) + chunk(b"IDAT", b"", 0xFFFFFFF0)
    ),
    "PNG, text chunk of 1 GB": lambda: (
        _SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)) + chunk(b"tEXt", b"a\0b", 1 << 30)
    ),
    "PNG, 900 texts of 7 MB each": lambda: png(64, 64, 8, 0, chunk(b"zTXt", b"a\0\0" + deflated_zeros(7 << 20)) * 900),
    "PNG, 40 MP, 16-bit RGBA": lambda: png(SIDE, SIDE, 16, 6),
    "PNG, 40 MP, RGBA": lambda: png(SIDE, SIDE, 8, 6),
    "PNG, 65,500 x 600": lambda: png(65_500, 600, 8, 0),
    "JPEG, 36 MP, hardly any data": lambda: jpeg_without_data(6000),
    "JPEG, 4 MP, 5,000 scans": lambda: jpeg_of_scans(2000, 5000),
    "JPEG, 40 MP, 100 scans": lambda: jpeg_of_scans(SIDE, 100),
    "JPEG, 40 MP, progressive": lambda: encoded(".jpg", SIDE, SIDE, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "GIF, claims 134 MP": lambda: gif(11_585),
    "GIF, claims 40 MP": lambda: gif(SIDE),
    "WebP, 39 MP": lambda: encoded(".webp", 16_383, 2_400, (cv2.IMWRITE_WEBP_QUALITY, 101)),
    "AVIF, claims 196 MP": lambda: patched(encoded(".avif", 64, 64), b"ispe", 8, ">II", 14_000, 14_000),
    "AVIF, 25 MP, claims 64 x 64": lambda: patched(
        encoded(".avif", 5000, 5000, (cv2.IMWRITE_AVIF_SPEED, 10)), b"ispe", 8, ">II", 64, 64
    ),
    "JPEG 2000, claims 324 MP": lambda: patched(
        encoded(".jp2", 64, 64), b"\xff\x51", 6, ">IIIIIIII", 18_000, 18_000, 0, 0, 18_000, 18_000, 0, 0
    ),
    "JPEG 2000, claims 36 MP in tiles of 1 pixel": lambda: patched(
        encoded(".jp2", 64, 64), b"\xff\x51", 6, ">IIIIIIII", 6000, 6000, 0, 0, 1, 1, 0, 0
    ),
    "JPEG 2000, 36 MP": lambda: encoded(".jp2", 6000, 6000),
    "TIFF, 36 MP, 64-bit floats": lambda: tiff(6000, 6000, bits=64, floating=True),
    "TIFF, 36 MP, 32-bit floats": lambda: tiff(6000, 6000, bits=32, floating=True),
    "BigTIFF, 134 MP": lambda: tiff(11_585, 11_585, bits=8, big=True),
    "BigTIFF, 40 MP, RGB": lambda: tiff(SIDE, SIDE, bits=8, samples=3, big=True),
    "PDF, a page of 14,400 inches": lambda: pdf(14_400 * 72, 14_400 * 72, 64),
    "PDF, a picture of 900 MP": lambda: pdf(600, 800, 30_000),
}


@dataclass(frozen=True)
class Cost:
    """What a run cost: MB at its peak, seconds, and what its record says."""

    megabytes: float
    seconds: float
    said: str


_RUN = "import sys; from edge_digits.cli import main; sys.exit(main())"
_PEAK = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def cost(path: Path) -> Cost:
    """Read a picture in a process of its own, and take that process's measure."""
    begun = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", _PEAK, sys.executable, "-c", _RUN, "predict", "--format", "jsonl", path],
        capture_output=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    (record,) = map(json.loads, ended.stdout.splitlines())
    said = record.get("error") or " ".join([record["status"], *record["warnings"]])
    return Cost(int(ended.stderr.split()[-1]) / 1024, seconds, said)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        good = Path(folder) / "good.png"
        good.write_bytes(png(28, 28, 8, 0))
        cost(good)
        base = cost(good)
        print(f"a small good picture: {base.megabytes:.0f} MB, {base.seconds:.2f} s; limit {MEMORY_BYTES >> 20} MB")
        print(f"\n{'file':44}  {'bytes':>9}  {'MB':>5}  {'s':>5}  record")
        for name, make in HOSTILE.items():
            if name.startswith("PDF") and find_spec("pypdfium2") is None:
                continue
            path = Path(folder) / "hostile"
            path.write_bytes(make())
            found = cost(path)
            print(
                f"{name:44}  {path.stat().st_size:9,}  {found.megabytes - base.megabytes:5.0f}  "
                f"{found.seconds - base.seconds:5.2f}  {found.said[:150]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
