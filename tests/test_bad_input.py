"""Whatever lies among the pictures: it is a record that says what is wrong, and the good ones beside it are read."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import COMMAND, Run
from drawing import PAPER, PEN, coded, page, png

from edge_digits.sources.extras import PDF

GOLDEN = Path(__file__).parent / "golden"
PAGE = page("427")
PNG = png(PAGE)
JPEG = coded(PAGE, ".jpg")


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deflated_zeros(count: int) -> bytes:
    """Zeros, compressed piece by piece, as there may be more than fit in memory."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(count >> 20)]
    return b"".join([*pieces, packer.compress(bytes(count & 0xFFFFF)), packer.flush()])


def huge_png(side: int) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = deflated_zeros(side * (side // 8 + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def huge_tiff(side: int) -> bytes:
    """One bit a pixel, deflated; all strips of 16 rows are the same one."""
    rows = 16
    strips = side // rows
    strip = deflated_zeros(rows * side // 8)
    offsets, counts = struct.pack("<I", 8) * strips, struct.pack("<I", len(strip)) * strips
    places = 8 + len(strip), 8 + len(strip) + len(offsets)
    short, long = 3, 4
    entries = [
        (256, long, 1, side),
        (257, long, 1, side),
        (258, short, 1, 1),
        (259, short, 1, 8),
        (262, short, 1, 1),
        (273, long, strips, places[0]),
        (277, short, 1, 1),
        (278, long, 1, rows),
        (279, long, strips, places[1]),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    header = struct.pack("<2sHI", b"II", 42, places[1] + len(counts))
    return header + strip + offsets + counts + directory + bytes(4)


def patched(content: bytes, at: int, replacement: bytes) -> bytes:
    return content[:at] + replacement + content[at + len(replacement) :]


HUGE: dict[str, Callable[[], bytes]] = {
    "png": lambda: huge_png(20_000),
    "tiff": lambda: huge_tiff(20_000),
    "jpg": lambda: patched(JPEG, JPEG.index(b"\xff\xc0") + 5, struct.pack(">HH", 60_000, 60_000)),
    "bmp": lambda: patched(coded(PAGE, ".bmp"), 18, struct.pack("<ii", 60_000, 60_000)),
    "gif": lambda: patched((GOLDEN / "animated.gif").read_bytes(), 6, struct.pack("<HH", 60_000, 60_000)),
}

#: The file's content, and what its record says.
BAD: dict[str, tuple[bytes, str]] = {
    "zero bytes.png": (b"", "is empty (0 bytes)"),
    "zero bytes.jpg": (b"", "is empty (0 bytes)"),
    "half.png": (PNG[: len(PNG) // 2], "is cut short"),
    "nearly whole.png": (PNG[:-12], "is cut short"),
    "header.png": (PNG[:40], "is cut short"),
    "half.jpg": (JPEG[: len(JPEG) // 2], "is cut short"),
    "nearly whole.jpg": (JPEG[:-20], "is cut short"),
    "header.jpg": (JPEG[:60], "is no picture that can be read"),
    "half.bmp": (coded(PAGE, ".bmp")[:9999], "is no picture that can be read"),
    "half.tiff": (coded(PAGE, ".tiff")[:1000], "is no picture that can be read"),
    "half.webp": (coded(PAGE, ".webp")[:500], "is no picture that can be read"),
    "bit flip.png": (patched(PNG, len(PNG) // 2, bytes([PNG[len(PNG) // 2] ^ 8])), "is no picture that can be read"),
    "text.png": (b"four hundred and twenty-seven\n", "is no picture that can be read"),
    "web page.jpg": (b"<!doctype html><title>404 Not Found</title>", "is no picture that can be read"),
    "document.png": (
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "is a PDF that cannot be opened" if PDF.installed else "is no picture that can be read",
    ),
    "from a phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "is no picture that can be read"),
    "nan.tiff": (coded(np.full((40, 40), np.nan, np.float32), ".tiff"), "holds NaN"),
    "beyond.tiff": (coded(np.full((40, 40), 7.5, np.float32), ".tiff"), "holds 0..1"),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The records of a folder that holds all bad files at once, a good picture before them and one after them."""
    folder = tmp_path_factory.mktemp("bad")
    for name, (content, _) in BAD.items():
        (folder / name).write_bytes(content)
    for name in ("0 good.png", "zz good.png"):
        (folder / name).write_bytes(PNG)
    (folder / "link to nothing.png").symlink_to("nowhere.png")
    (folder / "link to itself.png").symlink_to("link to itself.png")
    (folder / "folder.jpg").mkdir()
    (folder / "link to a folder.png").symlink_to(".")
    ended = subprocess.run([*COMMAND, "predict", folder, "--format", "jsonl"], capture_output=True, check=False)
    assert ended.returncode == 5
    assert b"Traceback" not in ended.stderr
    return {os.path.basename(record["source"]): record for record in map(json.loads, ended.stdout.splitlines())}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_a_record_that_says_what_is_wrong(records: dict[str, dict[str, Any]], name: str) -> None:
    record = records[name]
    assert BAD[name][1] in record["error"]
    assert (record["status"], record["text"], record["digits"]) == ("error", "", [])


@pytest.mark.parametrize("name", ["link to nothing.png", "link to itself.png"])
def test_a_link_that_leads_nowhere_is_a_record(records: dict[str, dict[str, Any]], name: str) -> None:
    assert records[name]["status"] == "error"
    assert "link" in records[name]["error"]


@pytest.mark.parametrize("name", ["folder.jpg", "link to a folder.png"])
def test_a_folder_named_like_a_picture_is_none(records: dict[str, dict[str, Any]], name: str) -> None:
    assert name not in records


@pytest.mark.parametrize("name", ["0 good.png", "zz good.png"])
def test_the_good_pictures_among_the_bad_are_read(records: dict[str, dict[str, Any]], name: str) -> None:
    assert (records[name]["status"], records[name]["text"]) == ("ok", "427")


@pytest.mark.parametrize("length", [30, len(PNG) // 2, len(PNG) - 12])
def test_a_truncated_png_does_not_make_the_decoder_talk(run: Run, good: Path, tmp_path: Path, length: int) -> None:
    (tmp_path / "short.png").write_bytes(PNG[:length])
    assert run("predict", ".").err == "", "the record says it, with the file's name"


@pytest.mark.parametrize("name", ["missing.png", "folder.jpg", "empty folder"])
def test_a_source_that_is_not_to_be_had_is_a_record_beside_one_that_is(
    run: Run, good: Path, tmp_path: Path, name: str
) -> None:
    if "folder" in name:
        (tmp_path / name).mkdir()
    ended = run("predict", name, "good.png", "--format", "jsonl")
    assert ended.code == 5
    assert ended.texts == {name: "", "good.png": "427"}
    alone = run("predict", name)
    assert (alone.code, alone.out) == (3, "")
    assert name in alone.err


def test_a_folder_in_a_list_is_a_record_that_says_how_to_read_it(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    ended = run("predict", "@-", "--format", "jsonl", stdin=b"folder.jpg\ngood.png\n")
    assert (ended.code, ended.texts) == (5, {"folder.jpg": "", "good.png": "427"})
    assert "is a folder" in ended.records[0]["error"]


@pytest.mark.parametrize("content", [b"", b"\n\n"], ids=["nothing", "blank lines"])
def test_an_empty_list_is_refused(run: Run, content: bytes) -> None:
    ended = run("predict", "@-", stdin=content)
    assert ended.code == 3
    assert "the list is empty" in ended.err


def test_nothing_on_standard_input_is_a_record(run: Run) -> None:
    ended = run("predict", "-", "--format", "jsonl", stdin=b"")
    assert (ended.code, ended.records[0]["status"]) == (5, "error")


def test_a_named_pipe_in_a_folder_does_not_hang_the_run(run: Run, good: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a pipe.png")
    assert run("predict", ".", "--format", "jsonl", timeout=5).texts["good.png"] == "427"


# --- Pictures that are only unusual -----------------------------------------------------------------------------------


def bilevel() -> bytes:
    black_and_white = np.where(PAGE < 140, np.uint8(0), np.uint8(255))
    return cv2.imencode(".png", black_and_white, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()


def with_alpha() -> bytes:
    return png(np.dstack([np.zeros((*PAGE.shape, 3), np.uint8), PAPER - PAGE]))


UNUSUAL: dict[str, Callable[[], bytes]] = {
    "1 bit.png": bilevel,
    "16 bits.png": lambda: png(PAGE.astype(np.uint16) * 257),
    "12 of 16 bits.png": lambda: png(PAGE.astype(np.uint16) * 16),
    "16 bits in colour.png": lambda: png(np.dstack([PAGE] * 3).astype(np.uint16) * 257),
    "black ink on nothing.png": with_alpha,
    "palette.png": (GOLDEN / "palette.png").read_bytes,
    "animated.png": (GOLDEN / "animated.png").read_bytes,
    "animated.gif": (GOLDEN / "animated.gif").read_bytes,
    "animated.webp": (GOLDEN / "animated.webp").read_bytes,
    "cmyk.jpg": (GOLDEN / "cmyk.jpg").read_bytes,
    "followed by a film.jpg": lambda: JPEG + b"\0\0\0\x18ftypmp42" + bytes(500),
    "called a jpeg.jpg": lambda: PNG,
    "float.tiff": lambda: coded((PAGE / 255).astype(np.float32), ".tiff"),
    "plain.tif": lambda: coded(PAGE, ".tiff"),
    "plain.bmp": lambda: coded(PAGE, ".bmp"),
    "plain.pgm": lambda: coded(PAGE, ".pgm"),
    "plain.ppm": lambda: coded(np.dstack([PAGE] * 3), ".ppm"),
    "plain.webp": lambda: coded(PAGE, ".webp"),
    "plain.jp2": lambda: coded(PAGE, ".jp2"),
}


@pytest.fixture(scope="module")
def unusual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The records of a folder with all of them."""
    folder = tmp_path_factory.mktemp("unusual")
    for name, make in UNUSUAL.items():
        (folder / name).write_bytes(make())
    ended = subprocess.run([*COMMAND, "predict", folder, "--format", "jsonl"], capture_output=True, check=False)
    assert ended.stderr == b""
    return {os.path.basename(record["source"]): record for record in map(json.loads, ended.stdout.splitlines())}


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_picture_is_read_like_any_other(unusual: dict[str, dict[str, Any]], name: str) -> None:
    if name in ("animated.gif", "animated.webp") and not hasattr(cv2, "imdecodeanimation"):
        pytest.skip(f"OpenCV {cv2.__version__} reads no animated pictures")
    assert unusual[name].get("error") is None
    assert unusual[name]["text"] == "427"


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 2)], ids=str)
def test_a_picture_too_small_to_hold_a_digit_holds_none(
    run: Run, good: Path, tmp_path: Path, shape: tuple[int, int]
) -> None:
    (tmp_path / "a.png").write_bytes(png(np.full(shape, PEN, np.uint8)))
    ended = run("predict", "a.png", "good.png", "--format", "jsonl", "--explain", "out", "--save-crops", "crops")
    assert (ended.code, ended.texts) == (0, {"a.png": "", "good.png": "427"})
    assert (ended.records[0]["status"], ended.records[0]["width"]) == ("no_digits", shape[1])


PEAK_MEMORY = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("suffix", HUGE)
def test_a_picture_too_large_for_a_board_is_refused_before_it_is_decoded(
    run: Run, good: Path, tmp_path: Path, suffix: str
) -> None:
    (tmp_path / f"huge.{suffix}").write_bytes(HUGE[suffix]())
    ended = run(
        "predict", f"huge.{suffix}", "good.png", "--format", "jsonl", within=[sys.executable, "-c", PEAK_MEMORY]
    )
    assert (ended.code, ended.texts) == (5, {f"huge.{suffix}": "", "good.png": "427"})
    assert "too large" in ended.records[0]["error"]
    assert int(ended.err.splitlines()[-1]) < 300, "MiB at the most"


# --- Names ------------------------------------------------------------------------------------------------------------

NAMES = ["grüße.png", "数字.png", "two\nlines.png", "tab\tand\x1b[31m.png", " .png", "-q.png", "'\".png", "a,b;c.png"]


def times_read(text: str) -> int:
    """How often 427 was read, in any format; 0.427 ms is something else."""
    return len(re.findall(r"(?<![\d.])427(?![\d.])", text))


@pytest.mark.parametrize("form", ["table", "jsonl", "csv"])
def test_any_name_that_is_text_is_read_in_any_format(run: Run, tmp_path: Path, form: str) -> None:
    (tmp_path / "in").mkdir()
    for name in NAMES:
        (tmp_path / "in" / name).write_bytes(PNG)
    ended = run("predict", "in", "--format", form, "--save-annotated", "annotated", "--save-crops", "crops")
    assert (ended.code, ended.err, times_read(ended.out)) == (0, "", len(NAMES))
    assert len(list((tmp_path / "annotated").iterdir())) == len(NAMES)
    if form == "table":
        assert len(ended.out.splitlines()) == 1 + len(NAMES), "a row each, whatever their names hold"


@pytest.mark.parametrize("form", ["table", "jsonl", "csv"])
@pytest.mark.parametrize("output", [[], ["-o", "out"]], ids=["standard output", "file"])
def test_a_name_that_is_no_utf_8_is_read_in_any_format(run: Run, tmp_path: Path, form: str, output: list[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / os.fsdecode(b"in/\xff\xfe 1.png")).write_bytes(PNG)
    (tmp_path / os.fsdecode(b"in/\xff\xfe 2.png")).write_bytes(b"broken")
    ended = run("predict", "in", "--format", form, *output, "--save-crops", "crops", "--explain", "sheets")
    assert (ended.code, ended.err) == (5, "")
    text = (tmp_path / "out").read_text("utf-8") if output else ended.out
    assert times_read(text) == 1
    assert text.count("broken one") == 1


@pytest.mark.parametrize("form", ["table", "jsonl", "csv"])
def test_a_missing_file_whose_name_is_no_utf_8_is_a_record(run: Run, good: Path, tmp_path: Path, form: str) -> None:
    ended = run("predict", b"gone \xff.png", "good.png", "--format", form, "-o", "out")
    assert (ended.code, ended.err) == (5, "")
    text = (tmp_path / "out").read_text("utf-8")
    assert times_read(text) == 1
    assert "no such file" in text


def test_a_missing_file_whose_name_has_two_lines_is_one_row_of_the_table(run: Run, good: Path) -> None:
    ended = run("predict", "two\nlines\x1b[31m.png", "good.png")
    assert len(ended.out.splitlines()) == 3
    assert "\x1b" not in ended.out


def test_the_source_of_a_record_leads_back_to_its_file(run: Run, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.png")
    (tmp_path / name).write_bytes(PNG)
    (record,) = run("predict", ".", "--format", "jsonl").records
    assert (tmp_path / record["source"]).read_bytes() == PNG


# --- Folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_that_links_to_itself_is_read_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "scans" / "deeper").mkdir(parents=True)
    (tmp_path / "scans" / "1.png").write_bytes(PNG)
    (tmp_path / "scans" / "deeper" / "back").symlink_to("../..")
    (tmp_path / "scans" / "itself").symlink_to(".")
    ended = run("predict", "scans", "--recursive", "--format", "jsonl")
    assert [record["source"] for record in ended.records] == ["scans/1.png"]
    assert ended.code == 0


def test_a_folder_without_pictures_is_no_source(run: Run, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "notes.txt").write_text("none here")
    ended = run("predict", "scans")
    assert (ended.code, ended.out) == (3, "")
    assert "scans: no pictures in this folder" in ended.err


@pytest.fixture(scope="module")
def as_a_user() -> list[str]:
    """Runs a command so that permissions hold for it, even if the tests are run by root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and setpriv is not there to change that")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def test_a_file_that_may_not_be_read_is_a_record(run: Run, good: Path, tmp_path: Path, as_a_user: list[str]) -> None:
    (tmp_path / "locked.png").write_bytes(PNG)
    (tmp_path / "locked.png").chmod(0)
    ended = run("predict", ".", "--format", "jsonl", within=as_a_user)
    assert (ended.code, ended.texts) == (5, {"good.png": "427", "locked.png": ""})
    assert "chmod" in ended.records[1]["error"]


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may look or write into, while the test runs."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


@pytest.mark.usefixtures("locked")
def test_a_folder_that_may_not_be_read_is_no_source(run: Run, as_a_user: list[str]) -> None:
    ended = run("predict", "locked", within=as_a_user)
    assert ended.code == 3
    assert "locked: the folder cannot be read (Permission denied)" in ended.err


@pytest.mark.usefixtures("locked")
def test_a_sub_folder_that_may_not_be_read_does_not_hide_the_pictures_beside_it(
    run: Run, good: Path, as_a_user: list[str]
) -> None:
    ended = run("predict", ".", "--recursive", "--format", "jsonl", within=as_a_user)
    assert (ended.code, ended.texts.get("good.png")) == (5, "427")


def test_an_output_folder_that_may_not_be_written_is_refused_before_anything_is_read(
    run: Run, good: Path, locked: Path, as_a_user: list[str]
) -> None:
    locked.chmod(0o500)
    for args in (["-o", "locked/out.csv"], ["--save-crops", "locked/crops"], ["--save-annotated", "locked"]):
        ended = run("predict", "good.png", *args, within=as_a_user)
        assert (ended.code, ended.out) == (1, ""), args
        assert "locked" in ended.err
        assert "Permission denied" in ended.err
