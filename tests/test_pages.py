"""Files that hold more than one picture: every page is read, or its record says that more are there."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Run
from drawing import Gray, coded, page, png
from picture_files import png_with, tiff

from edge_digits import DigitReader, PictureError
from edge_digits.sources.decode import open_pages

GOLDEN = Path(__file__).parent / "golden"
TEXTS = ["427", "305", "16"]
PAGES: list[Gray] = [page(text, 40) for text in TEXTS]

FILES: dict[str, Callable[[], bytes]] = {
    "pages.tif": lambda: tiff(*PAGES),
    "big.tif": lambda: tiff(*PAGES, big=True),
    "big-endian.tif": lambda: tiff(*PAGES, order=">"),
    "turned.tif": lambda: tiff(*[np.rot90(each).copy() for each in PAGES], orientation=6),
    "strung.png": lambda: b"".join(map(png, PAGES)),
    "strung.pgm": lambda: b"".join(coded(each, ".pgm") for each in PAGES),
}


def grays(content: bytes) -> list[Gray]:
    return [each.read(4000, gray=True).pixels for each in open_pages(content)]


@pytest.mark.parametrize("name", FILES)
def test_every_page_is_a_frame_of_the_record(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name]())
    ended = run("predict", name, "--format", "jsonl")
    assert [(record["frame"], record["text"]) for record in ended.records] == list(enumerate(TEXTS))
    assert (ended.code, ended.err) == (0, "")


def test_what_is_saved_of_a_page_is_of_that_page(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pages.tif").write_bytes(FILES["pages.tif"]())
    assert run("predict", "pages.tif", "--save-annotated", "out").code == 0
    shapes = {cv2.imread(str(path)).shape[1] for path in (tmp_path / "out").iterdir()}  # type: ignore[union-attr]
    assert len(shapes) == 2, "pages of three digits and of two differ in width"


def test_a_page_that_is_kept_for_later_is_still_that_page() -> None:
    kept = list(open_pages(FILES["pages.tif"]()))
    for each, expected in zip(reversed(kept), reversed(PAGES), strict=True):
        np.testing.assert_array_equal(each.picture(), expected)


def test_smaller_copies_of_a_page_are_no_pages() -> None:
    content = tiff(PAGES[0], PAGES[0][::2, ::2].copy(), PAGES[1], subfiles=(0, 1, 0))
    assert [gray.shape for gray in grays(content)] == [PAGES[0].shape, PAGES[1].shape]


def test_a_page_that_is_broken_is_a_record_among_the_others(run: Run, tmp_path: Path) -> None:
    content = bytearray(tiff(*PAGES))
    # The second directory's width, as it stands behind its tag, type and count.
    place = content.index(struct.pack("<HHI", 256, 4, 1), content.index(struct.pack("<HHI", 256, 4, 1)) + 1)
    struct.pack_into("<I", content, place + 8, 60_000)
    struct.pack_into("<I", content, place + 20, 60_000)
    (tmp_path / "pages.tif").write_bytes(content)
    ended = run("predict", "pages.tif", "--format", "jsonl")
    assert [record["text"] for record in ended.records] == ["427", "", "16"]
    assert "too large" in ended.records[1]["error"]
    assert ended.code == 5


def test_pages_that_cannot_be_found_are_told_behind_those_that_can(run: Run, tmp_path: Path) -> None:
    whole = tiff(*PAGES)
    (tmp_path / "pages.tif").write_bytes(whole[: len(whole) - 20])
    ended = run("predict", "pages.tif", "--format", "jsonl")
    assert [record["text"] for record in ended.records] == ["427", "305", ""]
    assert (ended.records[2]["frame"], ended.records[2]["status"], ended.code) == (2, "error", 5)


def test_directories_that_lead_round_in_a_circle_end() -> None:
    content = bytearray(tiff(*PAGES[:2]))
    (first,) = struct.unpack_from("<I", content, 4)
    struct.pack_into("<I", content, len(content) - 4, first)
    assert len(grays(bytes(content))) == 2


def test_more_pages_than_anybody_reads_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_digits.sources.decode.MAX_PAGES", 2)
    found = open_pages(FILES["strung.png"]())
    next(found), next(found)
    with pytest.raises(PictureError, match="more than 2 pages"):
        next(found)


@pytest.mark.parametrize("name", ["animated.gif", "animated.png", "animated.webp"])
def test_an_animated_picture_says_that_more_frames_are_there(reader: DigitReader, name: str) -> None:
    if name != "animated.png" and not hasattr(cv2, "imdecodeanimation"):
        pytest.skip(f"OpenCV {cv2.__version__} reads no animated pictures")
    reading = reader.read(GOLDEN / name)
    assert reading.text == "427"
    assert any(warning.startswith("animated: ") for warning in reading.warnings)


def test_a_gif_that_does_not_move_says_nothing_of_frames(reader: DigitReader, tmp_path: Path) -> None:
    if not cv2.haveImageWriter("a.gif"):
        pytest.skip(f"OpenCV {cv2.__version__} writes no GIF")
    (tmp_path / "still.gif").write_bytes(coded(np.dstack([PAGES[0]] * 3), ".gif"))
    assert reader.read(tmp_path / "still.gif").warnings == ()


def test_a_jpeg_that_another_one_follows_says_so(reader: DigitReader) -> None:
    content = b"".join(coded(each, ".jpg") for each in PAGES)
    reading = reader.examine_bytes(content, "").reading
    assert reading.text == "427"
    assert any("followed by another picture" in warning for warning in reading.warnings)


def test_the_further_pictures_of_a_phone_s_jpeg_are_its_own_and_no_pages(reader: DigitReader) -> None:
    whole = coded(PAGES[0], ".jpg")
    index = b"MPF\0" + bytes(20)
    content = whole[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(index)) + index + whole[2:] + coded(PAGES[1], ".jpg")
    assert reader.examine_bytes(content, "").reading.warnings == ()


@pytest.mark.parametrize("name", ["pages.tif", "strung.png"])
def test_the_library_reads_the_first_page_and_says_that_there_are_more(reader: DigitReader, name: str) -> None:
    reading = reader.examine_bytes(FILES[name](), "").reading
    assert reading.text == "427"
    assert any(warning.startswith("more pages: ") for warning in reading.warnings)
    assert reader.examine_bytes(png(PAGES[0]), "").reading.warnings == ()


# --- Formats of extras ------------------------------------------------------------------------------------------------


def test_a_folder_says_in_one_line_what_of_it_is_left_out(run: Run, good: Path, tmp_path: Path) -> None:
    for name in ("a.djvu", "b.dng", "c.DNG", "d.mp4", "notes.txt"):
        (tmp_path / name).write_bytes(b"?")
    ended = run("predict", ".", "--format", "jsonl")
    assert (ended.code, ended.texts) == (0, {"good.png": "427"})
    (line,) = ended.err.splitlines()
    assert line.startswith("4 files of other kinds left out: 1 .djvu, 2 .dng, 1 .mp4. ")


def test_a_folder_of_other_kinds_only_says_so_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.dng").write_bytes(b"?")
    ended = run("predict", ".")
    assert ended.code == 3
    assert "1 file of other kinds left out: 1 .dng" in ended.err


#: The beginning of a file of each extra's format, and what is installed to read it.
DOCUMENTS = {"a.pdf": (b"%PDF-1.7\n", "pypdfium2"), "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "pillow_heif")}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_format_whose_extra_is_missing_is_named_with_what_installs_it(run: Run, tmp_path: Path, name: str) -> None:
    content, module = DOCUMENTS[name]
    if find_spec(module) is not None:
        pytest.skip(f"{module} is installed")
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.png").write_bytes(png(PAGES[0]))
    extra = name.removeprefix("a.")
    alone = run("predict", name, "--format", "jsonl")
    assert alone.code == 5
    assert f"pip install '.[{extra}]'" in alone.records[0]["error"]
    folder = run("predict", ".", "--format", "jsonl")
    assert (folder.code, folder.texts) == (0, {"good.png": "427"})
    assert f"1 .{extra}. To read them: in a checkout of edge-digits:" in folder.err
    assert f"pip install '.[{extra}]'" in folder.err


def pdf(*pictures: Gray) -> bytes:
    """A document of scans, one a page, at 72 pixels to the inch."""
    objects: list[bytes] = []
    kids = b" ".join(b"%d 0 R" % (3 + 3 * number) for number in range(len(pictures)))
    objects += [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pictures))]
    for number, picture in enumerate(pictures):
        height, width = picture.shape
        first = 3 + 3 * number
        drawing = b"q %d 0 0 %d 0 0 cm /I Do Q" % (width, height)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents %d 0 R/Resources<</XObject<</I %d 0 R>>>>>>"
            % (width, height, first + 1, first + 2)
        )
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing))
        objects.append(
            b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceGray/Length %d>>"
            b"stream\n%s\nendstream" % (width, height, picture.size, picture.tobytes())
        )
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % numbered for numbered in enumerate(objects, 1))
    return b"%%PDF-1.4\n%strailer<</Root 1 0 R/Size %d>>\n%%%%EOF\n" % (body, len(objects) + 1)


def test_a_scanned_document_is_read_page_by_page(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="the extra pdf is not installed")
    (tmp_path / "scan.pdf").write_bytes(pdf(*PAGES))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    ended = run("predict", ".", "--format", "jsonl")
    records = {(os.path.basename(record["source"]), record["frame"]): record["text"] for record in ended.records}
    assert [records["scan.pdf", number] for number in range(3)] == TEXTS
    assert (ended.code, records["broken.pdf", 0], ended.err) == (5, "", "")


def test_a_phone_s_heic_is_read_upright(run: Run, tmp_path: Path) -> None:
    pillow_heif: Any = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    picture = np.dstack([PAGES[0]] * 3)
    file = pillow_heif.from_bytes(mode="RGB", size=picture.shape[1::-1], data=picture.tobytes())
    file.save(tmp_path / "photo.heic", quality=90)
    assert run("predict", ".", "--format", "jsonl").texts == {"photo.heic": "427"}


def test_a_chunk_that_no_pixel_needs_changes_nothing() -> None:
    profile = png_with(PAGES[0], b"iCCP", b"broken\0\0nothing")
    np.testing.assert_array_equal(grays(profile)[0], PAGES[0])


def test_a_picture_that_speaks_of_pdf_is_no_document() -> None:
    np.testing.assert_array_equal(grays(png_with(PAGES[0], b"tEXt", b"Source\0made of %PDF-1.7"))[0], PAGES[0])
