"""What libpng and libjpeg would write on standard error goes into the record, and nothing else is lost by that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import cv2
import numpy as np
import pytest
from conftest import Run
from drawing import coded, page, png

from edge_digits import DigitReader
from edge_digits.sources.native import imdecode

PAGE = page("427")
SCAN = np.asarray(cv2.resize(PAGE, None, fx=3, fy=3), np.uint8)


def damaged_jpeg() -> bytes:
    """Its last rows are missing, and a program has closed it properly nevertheless."""
    whole = coded(SCAN, ".jpg")
    return whole[: len(whole) - 600] + b"\xff\xd9"


def test_what_a_decoder_says_of_damage_is_a_warning_of_the_record(run: Run, tmp_path: Path) -> None:
    (tmp_path / "damaged.jpg").write_bytes(damaged_jpeg())
    ended = run("predict", "damaged.jpg", "--format", "jsonl")
    (warning,) = (text for text in ended.records[0]["warnings"] if text.startswith("damaged: "))
    assert "Corrupt JPEG data: premature end of data segment" in warning
    assert ended.err == ""


def test_what_a_decoder_says_of_a_broken_file_is_part_of_its_error(run: Run, tmp_path: Path) -> None:
    content = bytearray(png(PAGE))
    content[len(content) // 2] ^= 8
    (tmp_path / "broken.png").write_bytes(content)
    ended = run("predict", "broken.png", "--format", "jsonl")
    assert "libpng " in ended.records[0]["error"]
    assert ended.err == ""


def test_a_sound_picture_has_no_such_warning(reader: DigitReader) -> None:
    for content in (png(PAGE), coded(SCAN, ".jpg")):
        assert reader.examine_bytes(content, "").reading.warnings == ()


def test_each_thread_gets_the_words_about_its_own_picture(capfd: pytest.CaptureFixture[str]) -> None:
    said: dict[int, set[bool]] = {0: set(), 1: set()}

    def decode(number: int, content: bytes) -> None:
        for _ in range(100):
            said[number].add(bool(imdecode(content, cv2.IMREAD_GRAYSCALE)[1]))

    threads = [Thread(target=decode, args=pair) for pair in enumerate((coded(SCAN, ".jpg"), damaged_jpeg()))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {0: {False}, 1: {True}}
    assert capfd.readouterr().err == ""


def test_what_another_thread_writes_meanwhile_arrives(capfd: pytest.CaptureFixture[str]) -> None:
    done = Event()
    lines = 0

    def write() -> None:
        nonlocal lines
        while not done.is_set() and lines < 5000:
            os.write(2, b"a line of a log\n")
            lines += 1

    thread = Thread(target=write)
    thread.start()
    for _ in range(200):
        imdecode(damaged_jpeg(), cv2.IMREAD_GRAYSCALE)
    done.set()
    thread.join()
    imdecode(damaged_jpeg(), cv2.IMREAD_GRAYSCALE)  # passes on what was being written when the one before it ended
    assert capfd.readouterr().err == "a line of a log\n" * lines


@pytest.mark.slow
def test_a_process_without_standard_error_reads_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(coded(SCAN, ".jpg"))
    code = "import sys; from edge_digits import DigitReader; print(DigitReader.load().read(sys.argv[1]).text)"
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code, str(tmp_path / "good.jpg")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "427\n"


@pytest.mark.slow
def test_a_forked_process_catches_the_words_about_its_own_pictures(tmp_path: Path) -> None:
    (tmp_path / "damaged.jpg").write_bytes(damaged_jpeg())
    code = """
import os, sys
from edge_digits.sources.native import imdecode
content = open(sys.argv[1], "rb").read()
imdecode(content, 0)
child = os.fork()
found = [bool(imdecode(content, 0)[1]) for _ in range(50)]
if not child:
    os._exit(0 if all(found) else 1)
print(all(found), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "damaged.jpg"], capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("True 0\n", "")
