"""Frames of moving sources: the newest first, every one of a file, and all back after whatever may befall a camera."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cameras import (
    BOUNDARY,
    brightness,
    gray_level,
    motion_jpeg,
    paced,
    part,
    rpicam,
    rtsp,
    write_video,
)
from drawing import Gray, page, png
from hypothesis import given
from hypothesis import strategies as st

from edge_digits import DigitReader, SourceError, UsageError, open_camera
from edge_digits.imaging.regions import Region
from edge_digits.live.watch import LiveReader
from edge_digits.results import Digit, Reading
from edge_digits.sources.address import without_password
from edge_digits.sources.camera import Camera
from edge_digits.sources.discovery import list_cameras
from edge_digits.sources.mjpeg import JpegParts
from edge_digits.sources.stream import Frame
from edge_digits.sources.video import Usb

__all__ = ["rpicam"]
#: Seconds: a lost source is tried again at once, as far as a test can tell.
QUICK = (0.05, 0.2)


def opened(source: str | None, said: list[str] | None = None, **options: Any) -> Camera:
    """A camera that gives up on a stalled source soon, and tells `said`."""
    say = [].append if said is None else said.append
    return open_camera(source, **{"stall_seconds": 1.0, "backoff": QUICK, "say": say, **options})


def levels(camera: Camera, count: int) -> list[int]:
    return [brightness(frame.picture) for frame in islice(camera, count)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twenty frames, each of another brightness."""
    return write_video(tmp_path / "clip.avi", [gray_level(5 + number) for number in range(20)])


# What every camera has, whatever its source


def state(camera: Camera) -> tuple[object, ...]:
    """The attributes that are documented, but for its name and its clock."""
    assert camera.beat <= time.monotonic()
    return camera.live, camera.gaps, camera.dropped, camera.down, camera.ended, camera.problem, camera.rate


@pytest.mark.parametrize("kind", ["file", "folder", "fake", "network", "first"])
@pytest.mark.usefixtures("rpicam")
def test_a_camera_has_its_attributes_before_while_and_after_it_is_open(kind: str, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    for number in (1, 2):
        (tmp_path / "slides" / f"{number}.png").write_bytes(png(gray_level(number)))
    with motion_jpeg(lambda: paced(stream(5, 6, 7))) as address:
        source, name, rate = {
            "file": (str(clip), str(clip), pytest.approx(30)),
            "folder": (str(tmp_path / "slides"), str(tmp_path / "slides"), 0.5),
            "fake": (f"fake:{clip}", f"fake:{clip}", pytest.approx(30)),
            "network": (address, address, None),
            "first": (None, "csi:0", None),
        }[kind]
        live = kind not in ("file", "folder")
        camera = opened(source, stall_seconds=60.0)
        assert camera.name == (name if source else "first camera")
        assert state(camera) == (True, 0, 0, False, False, None, None)
        with pytest.raises(UsageError, match=r"is not open\. Open it first: with open_camera"):
            camera.read()
        with pytest.raises(UsageError, match="is not open"):
            next(iter(camera))
        with camera as entered:
            assert entered is camera
            frame = next(iter(camera))
            assert frame.picture.shape[:2] == ((480, 640) if kind == "first" else (48, 64))
            assert frame.number == 0
            assert (camera.name, camera.live, camera.rate) == (name, live, rate)
        assert (camera.name, camera.live, camera.rate, camera.gaps, camera.problem) == (name, live, rate, 0, None)


@pytest.mark.parametrize("source", ["file", "folder", "fake"])
def test_a_for_ends_with_the_recording_which_can_be_opened_again(source: str, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    for number in range(20):
        (tmp_path / "slides" / f"{number}.png").write_bytes(png(gray_level(5 + number)))
    name = {"file": str(clip), "folder": str(tmp_path / "slides"), "fake": f"fake:{clip}"}[source]
    camera = opened(name)
    for _ in range(2):
        with camera as frames:
            levels_seen = [brightness(frame.picture) for frame in frames]
        assert levels_seen == sorted(levels_seen)
        assert (levels_seen[0], levels_seen[-1]) == (5, 24)
        assert camera.ended


def test_where_no_camera_is_found_entering_is_a_source_error_and_the_attributes_stay(
    rpicam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_NONE", "1")
    camera = opened(None)
    with pytest.raises(SourceError, match="no camera gives a picture"):
        camera.__enter__()
    assert state(camera) == (True, 0, 0, False, False, None, None)
    camera.close()


# Files


def test_a_file_gives_every_frame_in_order_however_slow_its_reader(clip: Path) -> None:
    numbers, times = [], []
    with opened(str(clip)) as frames:
        for frame in frames:
            time.sleep(0.005)
            numbers.append((frame.number, brightness(frame.picture)))
            times.append(frame.time)
    assert numbers == [(number, 5 + number) for number in range(20)]
    assert times == pytest.approx([number / 30 for number in range(20)], abs=0.002)
    assert (frames.dropped, frames.gaps, frames.problem) == (0, 0, None)


def test_a_recording_that_plays_as_if_live_drops_what_nobody_takes(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.avi", [gray_level(5 + number // 4) for number in range(80)], rate=200)
    with opened(f"fake:{clip}") as frames:
        first = next(iter(frames))
        time.sleep(0.1)
        second = next(iter(frames))
        assert first.number == 0
        assert second.number > 2, "the frames of a tenth of a second lie between"
        assert frames.dropped >= second.number - 2
        rest = [frame.number for frame in frames]
    assert rest == sorted(set(rest))
    assert rest[-1] == 79


def test_a_recording_that_plays_as_if_live_takes_its_time(clip: Path) -> None:
    with opened(f"fake:{clip}") as frames:
        captured = [frame.captured for frame in frames]
    assert captured[-1] - captured[0] == pytest.approx(19 / 30, abs=0.01)


@pytest.mark.parametrize("prefix", ["", "fake:"])
def test_a_file_that_is_cut_while_it_plays_gives_what_it_has_and_says_so(tmp_path: Path, prefix: str) -> None:
    pictures = [np.random.default_rng(number).integers(0, 256, (240, 320), np.uint8) for number in range(60)]
    clip = write_video(tmp_path / "clip.avi", pictures, rate=100)
    size = clip.stat().st_size
    with opened(f"{prefix}{clip}") as frames:
        for frame in frames:
            if frame.number == 5:
                os.truncate(clip, size // 2)
    assert frame.number < 50
    assert frames.problem is not None
    assert "of 60 frames: it is cut short" in frames.problem


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.mp4", b"", "no video that can be read"),
        ("text.mp4", b"no video at all" * 100, "no video that can be read"),
        ("missing.mp4", None, "no such video file"),
        ("missing", None, "no such file or folder"),
    ],
)
def test_a_file_that_is_no_video_is_a_source_error(tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=why), opened(str(path)):
        pass


def test_a_folder_is_a_slide_show_without_its_broken_pictures(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / f"{number}.png").write_bytes(png(gray_level(number)))
    (tmp_path / "3.png").write_bytes(b"broken")
    said: list[str] = []
    with opened(str(tmp_path), said, fps=0.5) as frames:
        slides = [(brightness(frame.picture), frame.time, frame.lasts) for frame in frames]
    assert slides == [(1, 0.0, 2.0), (2, 2.0, 2.0), (10, 6.0, 2.0)]
    assert len(said) == 1
    assert "damaged" in said[0]


# Motion JPEG over HTTP


def stream(*numbers: int, length: bool = True) -> list[bytes]:
    return [part(gray_level(number), length=length) for number in numbers]


def for_ever(number: int) -> Iterator[bytes]:
    while True:
        yield from paced(stream(number))


@pytest.mark.parametrize("length", [True, False])
def test_motion_jpeg_is_read_with_and_without_lengths(length: bool) -> None:
    parts = stream(*range(5, 15), length=length)
    with motion_jpeg(lambda: paced(parts)) as address, opened(address) as frames:
        assert levels(frames, 10) == list(range(5, 15))


def test_garbage_between_pictures_costs_nothing_and_within_one_only_that_one() -> None:
    noise = np.random.default_rng(1).integers(0, 255, 3000, np.uint8).tobytes()
    whole = part(gray_level(9))
    pieces = [
        *stream(5),
        noise,
        *stream(6, 7),
        whole[: len(whole) // 2],
        *stream(10),
        b"\xff\xd8\xff" + noise,
        *stream(11),
    ]
    said: list[str] = []
    with motion_jpeg(lambda: paced([*pieces, *stream(12, 13)])) as address, opened(address, said) as frames:
        seen = levels(frames, 5)
        assert frames.gaps == 0
    assert [number for number in seen if number in (5, 6, 7, 10, 12, 13)] == [5, 6, 7, 10, 12]
    assert len(said) == 1
    assert "damaged" in said[0]


@pytest.mark.parametrize("fault", ["closes", "hangs", "trickles", "sends garbage for ever"])
def test_a_network_camera_that_fails_is_back_and_said_once(fault: str) -> None:
    def failing() -> Iterator[bytes]:
        yield from paced(stream(5, 6))
        noise = np.random.default_rng(2).bytes(4000).replace(b"\xff", b"\xfe")
        while fault != "closes":
            time.sleep(0.01)
            if fault != "hangs":
                yield b"x" if fault == "trickles" else noise

    said: list[str] = []
    with motion_jpeg(failing, lambda: for_ever(8)) as address, opened(address, said, stall_seconds=0.3) as frames:
        seen = []
        for frame in frames:
            seen.append((brightness(frame.picture), frame.gap))
            if frame.gap:
                break
        assert frames.gaps == 1
        assert not frames.down
    assert seen == [(5, 0), (6, 0), (8, 1)], "nothing is lost but the gap, and nothing is invented"
    said = [line for line in said if "damaged" not in line]
    assert len(said) == 2
    assert "lost" in said[0]
    assert "back after" in said[1]


def test_a_camera_that_stays_away_is_tried_for_ever_and_said_once() -> None:
    visits: list[int] = []

    def refusing() -> Iterator[bytes]:
        visits.append(1)
        if len(visits) == 1:
            yield from stream(5)
        elif len(visits) > 6:
            yield from for_ever(7)

    said: list[str] = []
    with motion_jpeg(refusing) as address, opened(address, said) as frames:
        seen = [(brightness(frame.picture), frame.gap) for frame in islice(frames, 2)]
    assert seen == [(5, 0), (7, 1)]
    assert len(visits) >= 7
    assert [line.split(": ")[1].split(" ")[0] for line in said] == ["lost", "back"]


def test_frames_that_change_their_size_are_a_gap_and_come_on_in_the_new_size() -> None:
    small, large = part(gray_level(5)), part(gray_level(6, 128, 96))
    said: list[str] = []
    scripts = (lambda: paced([small, small, large, large]), lambda: paced([large] * 500))
    with motion_jpeg(*scripts) as address, opened(address, said) as frames:
        shapes = [(frame.picture.shape[:2], frame.gap) for frame in islice(frames, 4)]
    assert shapes[:2] == [((48, 64), 0), ((48, 64), 0)]
    assert shapes[2:] == [((96, 128), 1), ((96, 128), 1)]
    assert "changed from 64x48 to 128x96" in said[0]


def test_reopening_leaves_no_thread_and_no_file_behind() -> None:
    def short() -> Iterator[bytes]:
        yield from paced(stream(5, 6))

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    threads = threading.active_count()
    with motion_jpeg(short) as address:
        before = threading.active_count()
        with opened(address, backoff=(0.001, 0.001)) as frames:
            for frame in frames:
                if frame.gap == 3:
                    early = open_files()
                if frame.gap == 30:
                    break
            # The server's own threads and sockets come and go with each connection.
            assert open_files() <= early + 4
            grabbers = [thread for thread in threading.enumerate() if thread.name.startswith("grabber")]
            assert len(grabbers) == 1
        assert not grabbers[0].is_alive()
        assert threading.active_count() <= before + 3
    assert threading.active_count() <= threads + 3


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "404"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "user and password"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", "text/html"),
        (b"nonsense\r\n\r\n", "nothing answers"),
        (b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n", "302"),
    ],
)
def test_an_address_that_gives_no_stream_says_why(head: bytes, why: str) -> None:
    with (
        motion_jpeg(lambda: iter([b""]), head=head) as address,
        pytest.raises(SourceError, match=why) as caught,
        opened(address),
    ):
        pass
    assert str(caught.value).startswith(address)


def test_a_password_is_sent_and_never_shown() -> None:
    assert without_password("rtsp://user:secret@host:554/a") == "rtsp://host:554/a"
    assert without_password("http://host/a@b") == "http://host/a@b"
    with (
        motion_jpeg(lambda: paced(stream(5, 6))) as address,
        opened(address.replace("//", "//user:secret@")) as frames,
    ):
        assert "secret" not in frames.name
        assert levels(frames, 1) == [5]


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=40), st.booleans())
def test_jpegs_are_cut_out_alike_however_the_network_parts_them(sizes: list[int], length: bool) -> None:
    content = b"".join([b"HTTP noise\r\n", *stream(*range(5, 12), length=length)])
    parts, got = JpegParts(), []
    at = 0
    for size in [*sizes, len(content)]:
        parts.feed(content[at : at + size])
        at += size
        while (jpeg := parts.next()) is not None:
            got.append(jpeg)
    assert got == [
        piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in stream(*range(5, 12), length=length)
    ]
    assert parts.damaged == 0


def test_the_thumbnail_of_a_picture_is_no_picture_of_the_stream() -> None:
    """Where no length is given: its end marker was taken for that of the picture."""
    thumbnail = cv2.imencode(".jpg", np.full((16, 16), 90, np.uint8))[1].tobytes()
    exif = b"Exif\0\0" + thumbnail
    whole = cv2.imencode(".jpg", page("427"))[1].tobytes()
    whole = whole[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + whole[2:]
    parts, got = JpegParts(), []
    for _ in range(3):
        parts.feed(b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n" + whole)
        while (jpeg := parts.next()) is not None:
            got.append(jpeg)
    assert got == [whole] * 3
    assert parts.damaged == 0


@given(st.binary(max_size=3000))
def test_garbage_is_held_for_a_while_at_most(noise: bytes) -> None:
    parts = JpegParts()
    for _ in range(60):
        parts.feed(noise.replace(b"\xff", b"\xfe") + b" " * 2000)
        assert parts.next() is None
    assert len(parts._buffer) < 80_000
    parts.feed(BOUNDARY + b"\r\n" + stream(9)[0])
    assert parts.next() is not None


# RTSP


@pytest.mark.slow
def test_rtsp_is_read_and_back_after_it_hangs(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.ts", [gray_level(12, 320, 240)] * 60)
    said: list[str] = []
    with rtsp(clip, packets=120) as address, opened(address, said, stall_seconds=1.5) as frames:
        for frame in frames:
            assert frame.picture.shape == (240, 320, 3)
            assert abs(brightness(frame.picture) - 12) <= 1
            if frame.gap:
                break
    assert [line.split(": ")[1].split(" ")[0] for line in said][:2] == ["lost", "back"]


def test_video_that_is_no_motion_jpeg_is_read_over_http_too(tmp_path: Path) -> None:
    content = write_video(tmp_path / "clip.ts", [gray_level(12, 320, 240)] * 60).read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"
    with motion_jpeg(lambda: iter([content]), head=head) as address, opened(address) as frames:
        assert abs(levels(frames, 1)[0] - 12) <= 1


@pytest.mark.parametrize(
    "source", ["rtsp://127.0.0.1:9/x", "http://127.0.0.1:9/x", "gopher://host/x", "http://host:port/"]
)
def test_an_address_where_nobody_answers_is_a_source_error(source: str) -> None:
    with pytest.raises(SourceError, match=r"address|port"), opened(source):
        pass


# CSI cameras, by the stand-in for rpicam-vid


@pytest.mark.usefixtures("rpicam")
@pytest.mark.parametrize("resolution", [(640, 480), (480, 360), (650, 484), (321, 241)])
def test_csi_frames_are_freed_of_their_rows_padding(resolution: tuple[int, int]) -> None:
    expected = np.full((resolution[1] // 2 * 2, resolution[0] // 2 * 2), 235, np.uint8)
    text = page("427", 100)[: expected.shape[0], : expected.shape[1]]
    expected[: text.shape[0], : text.shape[1]] = text
    with opened("csi:0", resolution=resolution, stall_seconds=60.0) as frames:
        frame = next(iter(frames))
        assert np.array_equal(frame.picture, expected)


@pytest.mark.usefixtures("rpicam")
@pytest.mark.parametrize("row", [16, 32, 128])
def test_csi_rows_of_other_hardware_are_measured(monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    monkeypatch.setenv("STANDIN_ROW", str(row))
    monkeypatch.setenv("STANDIN_TEXT", "1")
    # Each width is measured once in a program's life.
    with opened("csi", resolution=(200 + row // 8, 120), stall_seconds=60.0) as frames:
        frame = next(iter(frames))
    assert frame.picture.shape == (120, 200 + row // 8)
    assert int(frame.picture[:, -1].min()) > 200, "paper, and no padding"


@pytest.mark.slow
@pytest.mark.usefixtures("rpicam")
@pytest.mark.parametrize("fault", ["die", "hang"])
def test_a_csi_camera_that_fails_is_back_and_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str
) -> None:
    for name, value in {"FAULT": fault, "AFTER": "5", "RUNS": str(tmp_path / "runs")}.items():
        monkeypatch.setenv(f"STANDIN_{name}", value)
    said: list[str] = []
    with opened("csi:0", said, stall_seconds=3.0 if fault == "hang" else 60.0) as frames:
        before = 0
        for frame in frames:
            if frame.gap:
                break
            before += 1
    assert before + frames.dropped >= 5
    assert (tmp_path / "runs").read_text() == "run\nrun\n"
    assert len(said) == 2
    assert ("timed out" if fault == "die" else "no frame for 3 s") in said[0]


@pytest.mark.usefixtures("rpicam")
def test_a_csi_camera_is_free_again_when_it_is_closed(tmp_path: Path) -> None:
    with opened("csi:0", stall_seconds=60.0) as frames:
        next(iter(frames))
        children = _children()
        assert children
    assert _children() == set()


def _children() -> set[str]:
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and b"rpicam_standin" in (status.parent / "cmdline").read_bytes():
            found.add(status.parent.name)
    return found


@pytest.mark.usefixtures("rpicam")
def test_without_a_name_the_csi_camera_is_taken_first() -> None:
    assert [(found.source, found.description.split(" ")[0]) for found in list_cameras()][:1] == [("csi:0", "imx708")]
    with opened(None, stall_seconds=60.0) as frames:
        assert frames.name == "csi:0"
        assert next(iter(frames)).picture.shape == (480, 640)


@pytest.mark.usefixtures("rpicam")
def test_a_csi_camera_that_is_not_there_says_what_the_program_said() -> None:
    with pytest.raises(SourceError, match=r"csi:7: rpicam-vid ended .*no cameras available"), opened("csi:7"):
        pass


def test_where_there_is_no_camera_it_says_what_was_tried_and_how_to_mend_it(
    rpicam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_NONE", "1")
    with pytest.raises(SourceError, match="ribbon cable"), opened(None):
        pass
    (rpicam / "rpicam-vid").unlink()
    with pytest.raises(SourceError, match="apt install rpicam-apps") as caught, opened(None):
        pass
    assert caught.value.exit_code == 3
    with pytest.raises(SourceError, match="apt install rpicam-apps"), opened("csi:0"):
        pass


def test_picamera2_is_used_where_there_is_no_rpicam_vid(
    rpicam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rpicam / "rpicam-vid").unlink()
    (tmp_path / "picamera2.py").write_text(PICAMERA2)
    monkeypatch.syspath_prepend(tmp_path)
    with opened("csi:0", resolution=(100, 60)) as frames:
        frame = next(iter(frames))
    assert frame.picture.shape == (60, 100)
    assert int(frame.picture.max()) == 90


PICAMERA2 = """
import numpy as np

class Picamera2:
    def __init__(self, camera): pass
    def create_video_configuration(self, main, controls):
        assert main["format"] == "YUV420"
        self.width, self.height = main["size"]
        return {}
    def configure(self, configuration): pass
    def start(self): pass
    def capture_array(self, name, wait):
        planes = np.full((self.height * 3 // 2, self.width + 28), 200, np.uint8)
        planes[: self.height, : self.width] = 90
        return planes
    def stop(self): pass
    def close(self): pass
"""


# USB


def test_a_usb_camera_that_is_not_there_says_so() -> None:
    with pytest.raises(SourceError, match=r"/dev/video99: no such camera.*--list-cameras"), opened("99"):
        pass


def test_a_device_that_is_no_camera_says_so(tmp_path: Path) -> None:
    (tmp_path / "video0").write_bytes(b"")
    with pytest.raises(SourceError, match="cannot be opened as a camera"):
        Usb(str(tmp_path / "video0"))


# What is done with frames


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[1, 2], [3, 4]]),
        ({"rotate": 90}, [[3, 1], [4, 2]]),
        ({"rotate": 180}, [[4, 3], [2, 1]]),
        ({"rotate": 270}, [[2, 4], [1, 3]]),
        ({"hflip": True}, [[2, 1], [4, 3]]),
        ({"vflip": True}, [[3, 4], [1, 2]]),
        ({"hflip": True, "vflip": True}, [[4, 3], [2, 1]]),
        ({"rotate": 90, "hflip": True}, [[1, 3], [2, 4]]),
    ],
)
def test_frames_are_turned_and_mirrored(tmp_path: Path, options: dict[str, Any], expected: list[list[int]]) -> None:
    (tmp_path / "a.png").write_bytes(png(np.array([[1, 2], [3, 4]], np.uint8)))
    with opened(str(tmp_path / "a.png"), **options) as frames:
        assert next(iter(frames)).picture.tolist() == expected


@pytest.mark.parametrize("options", [{"rotate": 45}, {"stall_seconds": 0.0}, {"fps": -1.0}, {"resolution": (0, 480)}])
def test_arguments_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        opened("0", **options)


def accepted(reading: Reading) -> list[Digit]:
    return [digit for digit in reading.digits if not digit.rejected]


def test_boxes_are_in_pixels_of_the_whole_frame_whatever_part_and_size_is_read(reader: DigitReader) -> None:
    picture = np.full((960, 1280), 235, np.uint8)
    text = page("427", 120)
    picture[400 : 400 + text.shape[0], 500 : 500 + text.shape[1]] = text
    direct = reader.read(picture)
    frame = _frame(picture)
    whole = LiveReader(reader).read(frame, "x").reading
    part = LiveReader(DigitReader(reader.model, regions=[Region(0.35, 0.4, 0.55, 0.27)])).read(frame, "x").reading
    assert direct.text == whole.text == part.text == "427"
    for reading in (whole, part):
        assert (reading.width, reading.height) == (1280, 960)
        for near, exact in zip(accepted(reading), accepted(direct), strict=True):
            a, b = near.box, exact.box
            assert max(abs(a.x1 - b.x1), abs(a.y1 - b.y1), abs(a.x2 - b.x2), abs(a.y2 - b.y2)) <= 10


def test_small_digits_in_a_large_frame_are_read_too(reader: DigitReader) -> None:
    picture = np.full((720, 1280), 235, np.uint8)
    text = page("427", 26)
    picture[300 : 300 + text.shape[0], 600 : 600 + text.shape[1]] = text
    live = LiveReader(reader)
    texts = [live.read(_frame(picture, number), "x").reading.text for number in range(20)]
    assert texts == ["427"] * 20


def _frame(picture: Gray, number: int = 0) -> Frame:
    return Frame(picture, number, number / 30, time.monotonic())
