"""Files that strangers made to cost much: each is one record, within bounds of memory, and loses no other reading.

The files are those of `benchmarks/hostile_pictures.py`, which prints what each costs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import COMMAND, Run
from drawing import coded, page, png
from hostile_pictures import HOSTILE, encoded, jpeg_of_scans, jpeg_without_data, tiff
from hostile_pictures import png as black_png
from picture_files import png_chunk

from edge_digits import PictureError
from edge_digits.choices import MAX_PIXELS
from edge_digits.imaging.pixels import to_gray
from edge_digits.sources.apart import Worker
from edge_digits.sources.decode import decode, decode_gray
from edge_digits.sources.header import MAX_PARTS, MEMORY_BYTES
from edge_digits.sources.jpeg import jpeg_header
from edge_digits.sources.size import headers

PAGE = page("427")

#: What is refused without being decoded, and what its record says.
REFUSED = {
    "PNG, IHDR and a chunk of 4 GB": "is cut short",
    "PNG, text chunk of 1 GB": "is cut short",
    "PNG, 40 MP, 16-bit RGBA": "Save it with 8 bits",
    "JPEG, 36 MP, hardly any data": "cannot be 6000 x 6000 pixels",
    "JPEG, 4 MP, 5,000 scans": "too long to decode",
    "JPEG, 40 MP, 100 scans": "too long to decode",
    "GIF, claims 134 MP": "is too large",
    "AVIF, claims 196 MP": "is too large",
    "JPEG 2000, claims 324 MP": "is too large",
    "TIFF, 36 MP, 64-bit floats": "Save it with 8 bits",
    "BigTIFF, 134 MP": "is too large",
}


def content_of(name: str) -> bytes:
    if name.startswith("AVIF") and not cv2.haveImageWriter("a.avif"):
        pytest.skip(f"OpenCV {cv2.__version__} was built without AVIF")
    return HOSTILE[name]()


_COST = """
import resource, sys
from edge_digits import PictureError
from edge_digits.sources.decode import decode_gray
content = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_gray(content, 1600)
    said = ""
except PictureError as error:
    said = str(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, said)
"""


def decoding(content: bytes, folder: Path) -> tuple[int, str]:
    """Bytes by which decoding raised the peak of a process that had done nothing else; and what was said."""
    path = folder / "hostile"
    path.write_bytes(content)
    ended = subprocess.run([sys.executable, "-c", _COST, path], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == ""
    kilobytes, _, said = ended.stdout.strip().partition(" ")
    return int(kilobytes) * 1024, said


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_would_cost_much_is_refused_for_next_to_nothing(tmp_path: Path, name: str) -> None:
    cost, said = decoding(content_of(name), tmp_path)
    assert REFUSED[name] in said
    assert cost < 16 << 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name for name in HOSTILE if name not in REFUSED and not name.startswith("PDF")],
)
def test_what_is_decoded_stays_within_the_limit(tmp_path: Path, name: str) -> None:
    cost, _ = decoding(content_of(name), tmp_path)
    assert cost < MEMORY_BYTES


@pytest.mark.slow
def test_the_pictures_before_and_behind_hostile_ones_are_read(tmp_path: Path) -> None:
    for number, name in enumerate(REFUSED):
        (tmp_path / f"1 {number}.png").write_bytes(content_of(name))
    for name in ("0 good.png", "2 good.png"):
        (tmp_path / name).write_bytes(png(PAGE))
    ended = subprocess.run([*COMMAND, "predict", tmp_path, "--format", "jsonl"], capture_output=True, check=False)
    texts = [json.loads(line)["text"] for line in ended.stdout.splitlines()]
    assert texts == ["427", *[""] * len(REFUSED), "427"]
    assert (ended.returncode, ended.stderr) == (5, b"")


def test_memory_that_is_not_there_is_a_record(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(black_png(6300, 6300, 8, 6))
    errors = set()
    # Where it runs out differs: while decoding, while OpenCV copies for Python, while turning it grey.
    for kilobytes in (650_000, 800_000, 880_000, 940_000):
        limit = ["sh", "-c", f'ulimit -v {kilobytes}; exec "$@"', "sh"]
        ended = run("predict", "large.png", "good.png", "--format", "jsonl", within=limit)
        assert ended.texts == {"large.png": "", "good.png": "427"}
        errors.add(ended.records[0].get("error", ""))
    assert errors - {""} == {"needs more memory than there is: scale it down, or close other programs"}


# --- The limit --------------------------------------------------------------------------------------------------------


def test_a_larger_picture_is_read_where_its_user_says_so(run: Run, tmp_path: Path) -> None:
    paper = np.full((6_400, 6_400), 235, np.uint8)
    paper[3000 : 3000 + PAGE.shape[0] * 4, 1000 : 1000 + PAGE.shape[1] * 4] = cv2.resize(PAGE, None, fx=4, fy=4)
    (tmp_path / "large.png").write_bytes(png(paper))
    refused = run("predict", "large.png", "--format", "jsonl")
    assert "6400 x 6400 pixels, of 40000000 at most" in refused.records[0]["error"]
    assert "--max-pixels" in refused.records[0]["error"]
    read = run("predict", "large.png", "--format", "jsonl", "--max-pixels", "41000000")
    assert (read.code, read.texts) == (0, {"large.png": "427"})


def test_the_limit_holds_for_every_way_to_decode() -> None:
    content = png(PAGE)
    for decoded in (lambda: decode(content, max_pixels=100), lambda: decode_gray(content, 50, max_pixels=100)):
        with pytest.raises(PictureError, match="of 100 at most"):
            decoded()
    with pytest.raises(PictureError, match="at most 100 pixels"):
        to_gray(PAGE, max_pixels=100)


def test_a_picture_that_is_all_side_is_refused() -> None:
    with pytest.raises(PictureError, match="no side may have more than 65535"):
        decode(black_png(70_000, 1, 8, 0))


def test_a_file_too_large_to_be_a_picture_is_measured_and_not_read(run: Run, good: Path, tmp_path: Path) -> None:
    with (tmp_path / "endless.png").open("wb") as file:
        file.truncate(1 << 40)
    ended = run("predict", "endless.png", "/dev/zero", "good.png", "--format", "jsonl")
    assert (ended.code, ended.texts) == (5, {"endless.png": "", "zero": "", "good.png": "427"})
    assert all("a file of more than 256 MB" in record["error"] for record in ended.records[:2])


def test_standard_input_without_end_is_a_record(tmp_path: Path) -> None:
    with Path("/dev/zero").open("rb") as zeros:
        ended = subprocess.run(
            [*COMMAND, "predict", "-", "--format", "jsonl"], stdin=zeros, capture_output=True, check=False, timeout=60
        )
    assert "a file of more than 256 MB" in json.loads(ended.stdout)["error"]


# --- What headers say -------------------------------------------------------------------------------------------------

#: Files that OpenCV decodes and whose headers are not parsed here: what they would cost, nobody knows.
UNPARSED = {
    "Radiance": lambda: coded(np.dstack([PAGE] * 3).astype(np.float32), ".hdr"),
    "Sun raster": lambda: coded(PAGE, ".ras"),
    "portable float map": lambda: coded(PAGE.astype(np.float32), ".pfm"),
}


@pytest.mark.parametrize("kind", UNPARSED)
def test_a_format_whose_header_is_not_parsed_is_not_decoded(kind: str) -> None:
    with pytest.raises(PictureError, match="is no picture that can be read"):
        decode(UNPARSED[kind]())


KNOWN: dict[str, Callable[[], bytes]] = {
    ".png": lambda: png(PAGE),
    ".jpg": lambda: coded(PAGE, ".jpg"),
    ".bmp": lambda: coded(PAGE, ".bmp"),
    ".webp": lambda: coded(PAGE, ".webp"),
    ".tiff": lambda: coded(PAGE, ".tiff"),
    ".pgm": lambda: coded(PAGE, ".pgm"),
    ".pbm": lambda: coded(PAGE, ".pbm"),
    ".ppm": lambda: coded(np.dstack([PAGE] * 3), ".ppm"),
    ".jp2": lambda: coded(PAGE, ".jp2"),
    "16-bit .png": lambda: png(PAGE.astype(np.uint16) * 257),
    "BGRA .png": lambda: png(np.dstack([PAGE] * 4)),
    "BGRA .webp": lambda: coded(np.dstack([PAGE] * 4), ".webp"),
    "16-bit .tiff": lambda: coded(np.dstack([PAGE] * 3).astype(np.uint16), ".tiff"),
    "float .tiff": lambda: coded(PAGE.astype(np.float32) / 255, ".tiff"),
    "double .tiff": lambda: tiff(40, 30, bits=64, floating=True),
    "16-bit .jp2": lambda: coded(PAGE.astype(np.uint16) * 257, ".jp2"),
    "progressive .jpg": lambda: encoded(".jpg", 40, 30, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_no_picture_decodes_to_more_than_its_header_says(kind: str) -> None:
    content = KNOWN[kind]()
    (header,) = headers(content, MAX_PIXELS)
    decoded = decode(content)
    assert decoded.shape[:2] == (header.height, header.width)
    assert decoded.nbytes <= header.array_bytes


def test_fifteen_scans_over_the_largest_picture_are_taken_and_more_over_a_small_one() -> None:
    jpeg_header(jpeg_of_scans(200, 90), MAX_PIXELS)
    with pytest.raises(PictureError, match="90 or more passes"):
        jpeg_header(jpeg_of_scans(3000, 90), MAX_PIXELS)
    with pytest.raises(PictureError, match="101 or more passes"):
        jpeg_header(jpeg_of_scans(200, 200), MAX_PIXELS)


def test_a_jpeg_without_data_is_an_error_and_one_of_bare_paper_is_none() -> None:
    with pytest.raises(PictureError, match="cut short"):
        decode(jpeg_without_data(2000))
    assert decode(encoded(".jpg", 2000, 2000)).shape[:2] == (2000, 2000)


@pytest.mark.parametrize(
    "content",
    [
        png(PAGE)[:33] + png_chunk(b"tEXt", b"") * (MAX_PARTS + 1) + png(PAGE)[33:],
        coded(PAGE, ".jpg")[:2] + b"\xff\xfe\0\2" * (MAX_PARTS + 1) + coded(PAGE, ".jpg")[2:],
    ],
    ids=["PNG", "JPEG"],
)
def test_a_file_of_countless_parts_is_refused(content: bytes) -> None:
    with pytest.raises(PictureError, match="parts"):
        decode(content)


def test_texts_that_unpack_to_gigabytes_are_never_unpacked() -> None:
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20)))
    (header,) = headers(png(PAGE)[:33] + text * 900 + png(PAGE)[33:], MAX_PIXELS)
    assert b"zTXt" not in header.content


def test_truncating_or_changing_any_header_byte_never_raises_anything_else() -> None:
    rng = np.random.default_rng(5)
    for kind, make in KNOWN.items():
        whole = make()
        for _ in range(60):
            content = bytearray(whole)
            for place in rng.integers(0, min(len(whole), 400), 3):
                content[place] = rng.integers(256)
            cut = bytes(content[: rng.integers(1, len(whole) + 1)])
            try:
                list(headers(cut, MAX_PIXELS))
            except PictureError:
                continue
            except Exception as error:
                pytest.fail(f"{kind}: {error!r} of {cut[:400]!r}")


# --- The process apart ------------------------------------------------------------------------------------------------


def noise(side: int) -> bytes:
    """A JPEG 2000 that takes its decoder seconds."""
    return coded(np.random.default_rng(1).integers(0, 256, (side, side), np.uint8), ".jp2")


def ask(worker: Worker, content: bytes, memory: int = MEMORY_BYTES) -> dict[str, Any]:
    return worker.ask({"kind": "JPEG 2000", "memory": memory}, content, held=False)[0]


@pytest.mark.slow
def test_what_takes_too_long_is_ended_and_the_next_one_is_decoded() -> None:
    worker = Worker(seconds=0.2)
    try:
        ask(worker, coded(PAGE, ".jp2"))
        with pytest.raises(PictureError, match=r"takes longer than 0\.2 s"):
            ask(worker, noise(3000))
        assert ask(worker, coded(PAGE, ".jp2"))["shape"] == list(PAGE.shape)
    finally:
        worker.close()


@pytest.mark.slow
def test_what_takes_too_much_memory_fails_and_the_next_one_is_decoded() -> None:
    worker = Worker()
    try:
        content = encoded(".jp2", 6000, 6000)
        with pytest.raises(PictureError):
            ask(worker, content, memory=100 << 20)
        assert ask(worker, content)["shape"] == [6000, 6000]
    finally:
        worker.close()


@pytest.mark.slow
def test_a_decoder_that_dies_loses_no_other_picture() -> None:
    worker = Worker()
    try:
        ask(worker, coded(PAGE, ".jp2"))
        assert worker.pid is not None
        killer = Timer(0.1, os.kill, (worker.pid, signal.SIGKILL))
        slow = noise(3000)
        killer.start()
        with pytest.raises(PictureError, match="its decoder failed"):
            ask(worker, slow)
        assert ask(worker, coded(PAGE, ".jp2"))["shape"] == list(PAGE.shape)
    finally:
        worker.close()


@pytest.mark.slow
def test_no_process_is_left_behind(tmp_path: Path) -> None:
    code = """
import sys
from edge_digits.sources import apart
from edge_digits.sources.decode import decode
decode(open(sys.argv[1], "rb").read())
print(apart._worker.pid)
"""
    path = tmp_path / "a.jp2"
    path.write_bytes(coded(PAGE, ".jp2"))
    ended = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert not Path(f"/proc/{ended.stdout.strip()}").exists()
