"""The window, on a display of our own that nobody sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from cameras import scene, write_video
from conftest import COMMAND, Run
from numpy.typing import NDArray

from edge_digits import DigitReader
from edge_digits.imaging.regions import Region
from edge_digits.live.watch import LiveReader
from edge_digits.live.window import draw, why_no_window
from edge_digits.sources.stream import Frame

Screen = NDArray[np.uint8]


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Screen]]:
    """A display that DISPLAY names meanwhile; what it shows, uint8 [480, 800, 3]."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (sudo apt install xvfb)")
    if "NONE" in cv2.getBuildInformation().partition("GUI:")[2].partition("\n")[0]:
        pytest.skip("this OpenCV has no windows (opencv-python-headless)")
    folder = tmp_path_factory.mktemp("display")
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        [
            *("Xvfb", "-displayfd", str(theirs), "-screen", "0", "800x480x24", "-fbdir", str(folder)),
            *("-noreset", "-nolisten", "tcp"),
        ],
        pass_fds=[theirs],
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    with os.fdopen(ours) as stream:
        number = stream.readline().strip()  # it writes the end of the line apart, and a closed pipe would end it
    before = os.environ.get("DISPLAY")
    os.environ["DISPLAY"] = f":{number}"

    def screen() -> Screen:
        content = (folder / "Xvfb_screen0").read_bytes()
        # An X window dump: 25 numbers, a name, colours of 12 bytes each, then the pixels, blue first.
        header = np.frombuffer(content, ">u4", 25)
        begin = int(header[0]) + 12 * int(header[19])
        return np.frombuffer(content, np.uint8, 800 * 480 * 4, begin).reshape(480, 800, 4)[:, :, :3]

    try:
        yield screen
    finally:
        os.environ.pop("DISPLAY")
        if before is not None:
            os.environ["DISPLAY"] = before
        server.terminate()
        server.wait()


def green(picture: Screen) -> int:
    """How many pixels are as green as boxes and announced numbers are."""
    blue, greens, red = (picture[:, :, channel].astype(int) for channel in range(3))
    return int(((greens - blue > 50) & (greens - red > 50)).sum())


def wait_for(truth: Callable[[], bool]) -> bool:
    for _ in range(600):
        if truth():
            return True
        time.sleep(0.05)
    return False


def test_the_window_shows_boxes_and_number_and_obeys_keys(display: Callable[[], Screen], tmp_path: Path) -> None:
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed (sudo apt install xdotool)")
    clip = write_video(tmp_path / "clip.mp4", [scene("427", 640, 400)] * 1800)
    with subprocess.Popen(
        [*COMMAND, "camera", f"fake:{clip}"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        try:
            out, err = _use(child, display, tmp_path)
        finally:
            child.kill()
    assert child.returncode == 0
    assert b"427" in out
    assert err.startswith(b"saved frame-")
    saved = np.asarray(cv2.imread(str(next(tmp_path.glob("frame-*.png")))), np.uint8)
    assert saved.shape == (400, 640, 3)
    assert green(saved) == 0, "the frame as it came"


def _use(child: subprocess.Popen[bytes], display: Callable[[], Screen], folder: Path) -> tuple[bytes, bytes]:
    assert child.stdout is not None
    announced = child.stdout.readline()
    assert wait_for(lambda: green(display()) > 1000), "boxes and number"

    def press(key: str) -> None:
        found = subprocess.run(["xdotool", "search", "--name", "edge-digits"], capture_output=True, check=True)
        window = found.stdout.split()[-1].decode()
        subprocess.run(["xdotool", "windowfocus", window, "key", key], check=True)

    press("space")
    assert wait_for(lambda: np.array_equal(_earlier(display), display())), "it stands still"
    press("s")
    assert wait_for(lambda: len(list(folder.glob("frame-*.png"))) == 1)
    press("q")
    rest, err = child.communicate(timeout=20)
    return announced + rest, err


def _earlier(display: Callable[[], Screen]) -> Screen:
    before = display().copy()
    time.sleep(0.3)
    return before


def test_a_display_that_refuses_is_found_out_before_it_can_abort_us(
    display: Callable[[], Screen], run: Run, tmp_path: Path
) -> None:
    assert why_no_window() is None
    clip = write_video(tmp_path / "clip.mp4", [scene("427")] * 30)
    ended = run("camera", clip, env={"DISPLAY": ":994"})
    assert ended.code == 0
    assert "427" in ended.out
    assert ended.err.splitlines() == [
        "no window: the display :994 cannot be used. Reading in the terminal; --no-window says so without a warning"
    ]


def test_an_opencv_without_windows_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("class error(Exception): pass\ndef namedWindow(name): raise error('no GUI')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("DISPLAY", ":0")
    reason = why_no_window()
    assert reason is not None
    assert "opencv-python-headless" in reason


def test_what_is_drawn_fits_its_frame(reader: DigitReader) -> None:
    for width, height in ((1280, 960), (640, 480), (160, 120)):
        live = LiveReader(reader)
        frame = Frame(scene("42", width, height), 3, 0.1, time.monotonic(), gap=2)
        picture = draw(live.read(frame, "x"), 29.7, regions=[Region(0, 0, 0.5, 1)], note="paused")
        assert picture.dtype == np.uint8
        assert picture.shape[1] >= width
        assert picture.shape[0] > height
        assert green(picture) > 0
