"""Where pictures are named: lists of every make, pipes, globs, and names that other programs stumble over."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from conftest import COMMAND, Run
from drawing import coded, page, png, turned
from picture_files import tiff

from edge_digits.batch.journal import cut_behind
from edge_digits.errors import PictureError, SourceError
from edge_digits.sources.files import expand
from edge_digits.sources.jpegs import pictures
from edge_digits.sources.lists import names
from edge_digits.sources.picture_file import PictureFile
from edge_digits.sources.video import VideoFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

JPEGS = [coded(page(text), ".jpg") for text in ("1", "22", "333")]


class Dripping(io.RawIOBase):
    """A pipe that gives so many bytes at a time."""

    def __init__(self, content: bytes, at_once: int) -> None:
        self._content, self._at_once = content, at_once

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        with memoryview(buffer) as room:
            piece = self._content[: min(self._at_once, len(room))]
            room[: len(piece)] = piece
        self._content = self._content[len(piece) :]
        return len(piece)


def dripping(content: bytes, at_once: int) -> io.BufferedReader:
    return io.BufferedReader(Dripping(content, at_once))


def clip(path: Path, text: str = "427", frames: int = 3) -> None:
    """A video that shows `text`."""
    picture = cv2.cvtColor(page(text), cv2.COLOR_GRAY2BGR)[:100, :200]
    plain = path.parent / "plain.avi"
    video = cv2.VideoWriter(str(plain), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, (200, 100))
    for _ in range(frames):
        video.write(np.ascontiguousarray(picture))
    video.release()
    plain.rename(path)


# --- Lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 5, 65536])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CR LF"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_list_is_read_whoever_wrote_it(encoding: str, end: str, at_once: int) -> None:
    """Notepad's byte order mark became part of the first name; PowerShell's UTF-16 was taken for NUL bytes."""
    text = end.join(["a b.png", "zażółć.png", "", "数.png"])
    content = ("\ufeff" + text if encoding == "utf-16-be" else text).encode(encoding)
    assert list(names(dripping(content, at_once))) == ["a b.png", "zażółć.png", "数.png"]


@pytest.mark.parametrize("at_once", [1, 65536])
def test_names_between_nul_bytes_keep_what_lines_cannot_hold(at_once: int) -> None:
    content = b"ends in CR\r\0\xff.png\0" if at_once == 1 else b"two\nlines\0ends in CR\r\0\xff.png\0"
    expected = ["two\nlines", "ends in CR\r", "\udcff.png"]
    assert list(names(dripping(content, at_once))) == expected[at_once == 1 :]


def test_what_is_no_list_is_not_read_to_its_end(run: Run, tmp_path: Path) -> None:
    """One line without end took all the memory that there was."""
    (tmp_path / "photo.raw").write_bytes(b"a.png\n" + b"x" * (1 << 20))
    ended = run("predict", "@photo.raw")
    assert (ended.code, "one path a line" in ended.err, "more than 65536 bytes" in ended.err) == (3, True, True)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_list_on_standard_input_is_read_as_it_comes(good: Path, jobs: str) -> None:
    """A pipe that waits for each answer, such as a scanner's, was waited for to its end."""
    child = subprocess.Popen(
        [*COMMAND, "predict", "@-", "--format", "jsonl", "-j", jobs],
        cwd=good.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    for _ in range(3):
        child.stdin.write(b"good.png\n")
        assert json.loads(child.stdout.readline())["text"] == "427"
    child.stdin.close()
    assert (child.wait(20), child.stdout.read()) == (0, b"")
    child.stdout.close()


def test_an_empty_list_on_standard_input_is_no_source_and_beside_others_a_record(run: Run, good: Path) -> None:
    alone = run("predict", "@-", stdin=b"\n")
    assert (alone.code, "the list is empty" in alone.err) == (3, True)
    beside = run("predict", "@-", "good.png", "--format", "jsonl", stdin=b"\n")
    assert (beside.code, [record["status"] for record in beside.records]) == (5, ["error", "ok"])


# --- Streams of JPEG files -------------------------------------------------------------------------------------------


def test_the_password_of_an_address_is_in_no_record(run: Run, good: Path) -> None:
    ended = run("predict", good, "http://joe:secret@127.0.0.1/a.jpg?token=hidden", "--format", "jsonl")
    assert ended.code == 5
    assert "is an address" in json.loads(ended.out.splitlines()[-1])["error"]
    assert "secret" not in ended.out + ended.err
    assert "hidden" not in ended.out + ended.err


@pytest.mark.parametrize("at_once", [1, 100, 65536])
def test_a_stream_of_jpegs_is_cut_into_its_pictures(at_once: int) -> None:
    def cut(content: bytes) -> list[bytes]:
        return list(pictures(dripping(content, at_once), 1 << 20))

    assert cut(b"".join(JPEGS)) == JPEGS
    assert cut(b"--x\r\nContent-type: image/jpeg\r\n\r\n" + b"\r\n--x\r\n\r\n".join(JPEGS)) == JPEGS
    assert cut(JPEGS[0] + JPEGS[1][:500] + JPEGS[2]) == [JPEGS[0], JPEGS[1][:500], JPEGS[2]], "one is cut short"
    assert cut(JPEGS[0] + JPEGS[1] + b"rubbish" + JPEGS[2]) == JPEGS


@pytest.mark.parametrize("at_once", [1, 65536])
def test_what_is_one_picture_stays_one(at_once: int) -> None:
    thumbnail = b"Exif\0\0" + JPEGS[1]
    with_thumbnail = JPEGS[0][:2] + b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2) + thumbnail + JPEGS[0][2:]
    several_views = JPEGS[0][:2] + b"\xff\xe2\x00\x08MPF\0xx" + JPEGS[0][2:] + JPEGS[1]
    for content in (
        JPEGS[0],
        JPEGS[0][:700],
        with_thumbnail,
        several_views,
        JPEGS[0] + b"a video",
        turned(page("4"), 6),
        png(page("4")),
        b"no picture",
        b"-",
        b"",
    ):
        assert list(pictures(dripping(content, at_once), 1 << 20)) == [content]


@pytest.mark.parametrize("begin", [b"\x89PNG", b"\xff\xd8\xff", b"\xff\xd8\xff\xda\0\2"], ids=["PNG", "JPEG", "scan"])
def test_of_what_never_ends_no_more_is_read_than_one_picture_may_have(begin: bytes) -> None:
    """A stream of JPEG files is looked for, which a flood that begins like one never lets be found."""
    endless = dripping(begin + bytes(1000) + b"left", 7)
    (content,) = pictures(endless, 500)
    assert 501 <= len(content) <= 507
    assert endless.read().endswith(b"left")


def test_a_frame_of_a_stream_may_be_no_larger_than_a_file() -> None:
    with pytest.raises(PictureError, match="a file of more than 256 MB"):
        PictureFile("-", bytes((256 << 20) + 1)).read()


def test_a_stream_of_jpegs_on_standard_input_is_a_record_a_frame(run: Run) -> None:
    """All but the first were lost, and the exit code was 0."""
    ended = run("predict", "-", "--format", "jsonl", "--save-crops", "crops", stdin=b"".join(JPEGS))
    assert [(record["frame"], record["text"]) for record in ended.records] == [(0, "1"), (1, "22"), (2, "333")]
    assert ended.code == 0


def test_the_camera_reads_a_stream_of_jpegs_from_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "frames.mjpeg").write_bytes(b"".join(10 * [coded(page("427"), ".jpg")] + [b"\xff\xd8\xffbroken"]))
    within = ["sh", "-c", 'exec "$@" < frames.mjpeg', "sh"]
    ended = run("camera", "-", "--raw", "--format", "jsonl", "--no-window", within=within)
    assert [record["text"] for record in ended.records] == 10 * ["427"]
    assert [record["time"] for record in ended.records][:2] == [0, round(1 / 30, 3)]
    assert "damaged" in ended.err
    nothing = run("camera", "-", "--no-window", stdin=b"")
    assert (nothing.code, "no JPEG file came on standard input" in nothing.err) == (3, True)


# --- Names and folders -----------------------------------------------------------------------------------------------


def test_two_stars_are_any_number_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("1.png", "a/2.png", "a/b/10.png", "a/b/9.png", "a/notes.txt"):
        (tmp_path / "scans" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scans" / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert [file.name for file in expand("scans/**/*.png")] == [
        "scans/1.png",
        "scans/a/2.png",
        "scans/a/b/9.png",
        "scans/a/b/10.png",
    ]


@pytest.mark.parametrize("source", ["scans", "scans/**/*.png"])
def test_the_folder_that_a_run_writes_to_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """A second run read the annotated pictures of the first one, and annotated them."""
    for name in ("1.png", "out/1.png", "out/deep/1.png", "outer/1.png"):
        (tmp_path / "scans" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scans" / name).write_bytes(b"")
    (tmp_path / "link").symlink_to("scans/out")
    monkeypatch.chdir(tmp_path)
    for written in ("scans/out", "link"):
        found = [file.name for file in expand(source, recursive=True, without=[Path(written), Path("gone")])]
        assert found == ["scans/1.png", "scans/outer/1.png"]
    with pytest.raises(SourceError):
        expand("scans/out/*.png", without=[Path("scans/out")])


@pytest.mark.parametrize("name", ["scan:1.avi", "c:2.png.avi", "\udcff.avi", "a%02d.avi", " .avi"])
def test_a_video_is_read_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A colon made an address of it, and a byte that is no UTF-8 ended the program by SIGSEGV."""
    monkeypatch.chdir(tmp_path)
    clip(tmp_path / name)
    assert len(list(VideoFile(name).frames())) == 3


def test_a_video_of_a_name_that_is_no_utf_8_does_not_end_the_run(run: Run, good: Path, tmp_path: Path) -> None:
    clip(tmp_path / "\udcff.avi")
    ended = run("predict", b"\xff.avi", "good.png", "--format", "jsonl")
    assert (ended.code, len(ended.records)) == (0, 4)


def test_the_module_is_the_program(good: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "edge_digits", "--help"], capture_output=True, text=True, check=False)
    assert (ended.returncode, "predict" in ended.stdout) == (0, True)


# --- A folder in which pictures arrive -------------------------------------------------------------------------------


class Watching:
    """`edge-digits watch inbox -o out.jsonl`, and what it has written so far."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.folder = folder
        code = "from edge_digits.cli import run; run()"
        self._child = subprocess.Popen(
            [sys.executable, "-c", code, "watch", "inbox", "--format", "jsonl", "-o", "out.jsonl", *args],
            cwd=folder,
            stderr=subprocess.PIPE,
        )

    def texts(self, count: int) -> list[str]:
        """What was read, once there are so many records; and no more than these in the time of another one."""
        deadline = time.monotonic() + 30
        path = self.folder / "out.jsonl"
        while not path.exists() or path.read_bytes().count(b"\n") < count:
            assert time.monotonic() < deadline, path.read_bytes() if path.exists() else "nothing"
            assert self._child.poll() is None
            time.sleep(0.05)
        return [json.loads(line)["text"] for line in path.read_text().splitlines()]

    def end(self, signal_name: str = "SIGTERM") -> int:
        import signal

        self._child.send_signal(signal.Signals[signal_name])
        _, err = self._child.communicate(timeout=20)
        self.said = err.decode()
        assert "Traceback" not in self.said
        return self._child.returncode


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--poll", "--settle", "0.3"]], ids=["told", "polled"])
def test_each_picture_that_arrives_is_read_once_when_it_is_whole(tmp_path: Path, how: list[str]) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "deep").mkdir(parents=True)
    (inbox / "early.png").write_bytes(png(page("1")))
    watching = Watching(tmp_path, "-r", *how)
    assert watching.texts(1) == ["1"]
    content = png(page("22"))
    with (inbox / "slow.png").open("wb") as slow:
        slow.write(content[:100])
        slow.flush()
        time.sleep(0.2)
        slow.write(content[100:])
    assert watching.texts(2)[1:] == ["22"]
    (inbox / ".moved").write_bytes(png(page("333")))
    (inbox / ".moved").rename(inbox / "moved.png")
    assert watching.texts(3)[2:] == ["333"]
    (inbox / "deep" / "4.png").write_bytes(png(page("44")))
    (inbox / "notes.txt").write_text("no picture")
    assert watching.texts(4)[3:] == ["44"]
    assert watching.end() == 0


@pytest.mark.slow
def test_a_document_that_arrives_is_a_record_a_page_and_other_kinds_are_named_once(tmp_path: Path) -> None:
    """Of a scan of several sheets only the first was read, and of files that nobody reads nothing was said."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.dng").write_bytes(b"?")
    (inbox / "scan.tif").write_bytes(tiff(page("427"), page("305")))
    watching = Watching(tmp_path, "--max-pixels", "100000", "--poll", "--settle", "0.1")
    assert watching.texts(2) == ["427", "305"]
    (inbox / "large.png").write_bytes(png(np.zeros((400, 400), np.uint8)))
    assert watching.texts(3)[2:] == [""]
    assert watching.end() == 0
    assert "--max-pixels" in (tmp_path / "out.jsonl").read_text().splitlines()[2]
    (line,) = watching.said.splitlines()
    assert line.startswith("edge-digits: 1 file of other kinds left out: 1 .dng. ")


@pytest.mark.slow
def test_a_watch_that_is_killed_and_begun_anew_has_each_picture_once(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number in range(1, 4):
        (inbox / f"{number}.png").write_bytes(png(page(str(number))))
    watching = Watching(tmp_path, "--save-crops", "crops")
    assert watching.texts(3) == ["1", "2", "3"]
    records, journal = tmp_path / "out.jsonl", inbox / ".edge-digits-watch.jsonl"
    while journal.read_bytes().count(b"\n") < 3:
        time.sleep(0.02)
    assert watching.end("SIGKILL") == -9
    # As if it had been killed in the middle of the third record.
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    records.write_bytes(records.read_bytes()[:-20])
    (inbox / "2.png").write_bytes(png(page("22")))
    watching = Watching(tmp_path, "--save-crops", "crops")
    assert sorted(watching.texts(4)) == ["1", "2", "22", "3"]
    while journal.read_bytes().count(b"\n") < 4:
        time.sleep(0.02)
    assert watching.end() == 0
    crops = sorted(path.name for path in (tmp_path / "crops").glob("*.png"))
    assert crops == ["1.000.png", "2-2.000.png", "2-2.001.png", "2.000.png", "3-2.000.png", "3.000.png"]


@pytest.mark.parametrize(
    ("behind", "quoted", "left"),
    [
        (b'b.jpg,"12\n305",ok\n', True, b""),
        (b'b.jpg,"12\n3', True, b""),
        (b"b.jpg,12,ok\nc.jpg,3,ok\n", True, b"b.jpg,12,ok\nc.jpg,3,ok\n"),
        (b'{"text": "1\\n2\\"}\n', False, b""),
        (b"{}\n{}\n", False, b"{}\n{}\n"),
    ],
)
def test_one_record_behind_the_journal_is_cut_off_however_many_lines_it_has(
    tmp_path: Path, behind: bytes, quoted: bool, left: bytes
) -> None:
    records = tmp_path / "records"
    records.write_bytes(b"noted\n" + behind)
    with records.open("rb+") as stream:
        cut_behind(stream.fileno(), len(b"noted\n"), in_document=False, quoted=quoted)
    assert records.read_bytes() == b"noted\n" + left


@pytest.mark.slow
def test_a_watch_that_is_killed_between_pages_has_each_page_once(tmp_path: Path) -> None:
    """What is behind the journal was taken for another program's, as it was more than one record."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "scan.tif").write_bytes(tiff(page("1"), page("2"), page("3")))
    watching = Watching(tmp_path)
    assert watching.texts(3) == ["1", "2", "3"]
    records, journal = tmp_path / "out.jsonl", inbox / ".edge-digits-watch.jsonl"
    while journal.read_bytes().count(b"\n") < 2:
        time.sleep(0.02)
    assert watching.end("SIGKILL") == -9
    # As if it had been killed in the middle of the third record.
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    records.write_bytes(records.read_bytes()[:-20])
    watching = Watching(tmp_path)
    while journal.read_bytes().count(b"\n") < 3:
        time.sleep(0.02)
    assert watching.texts(3) == ["1", "2", "3"]
    assert watching.end() == 0


@pytest.mark.slow
def test_two_watches_do_not_share_a_folder(tmp_path: Path, run: Run) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "1.png").write_bytes(png(page("1")))
    watching = Watching(tmp_path)
    watching.texts(1)
    second = run("watch", "inbox")
    assert (second.code, "another run is using it" in second.err) == (1, True)
    watching.end()
    missing = run("watch", "no-such-folder")
    assert (missing.code, "mkdir -p" in missing.err) == (3, True)
