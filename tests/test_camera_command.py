"""`edge-digits camera` as its users meet it: in a pipe, in a terminal, without a display; and `predict` on videos."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cameras import motion_jpeg, paced, part, rpicam, scene, write_video
from conftest import COMMAND, Run, Terminal
from drawing import png

__all__ = ["rpicam"]
#: A test's own desktop must not open.
NO_DISPLAY = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Half a second of bare paper, then a number for two seconds, then paper again."""
    frames = [scene("")] * 15 + [scene("427")] * 60 + [scene("")] * 30
    return write_video(tmp_path / "clip.mp4", frames)


def records(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_number_is_announced_once_and_withdrawn_when_gone(run: Run, clip: Path) -> None:
    ended = run("camera", clip, "--format", "jsonl")
    assert (ended.code, ended.err) == (0, "")
    came, went = records(ended.out)
    assert (came["schema"], came["event"], came["text"]) == ("edge-digits/event/1", "announced", "427")
    assert (went["event"], went["text"], went["source"]) == ("withdrawn", "427", str(clip))
    assert 1.0 <= came["time"] <= 1.1
    assert 2.5 < went["time"] < 3.5
    assert came["frame_age_ms"] >= 0
    assert came["confidence"] > 0.5


def test_raw_gives_a_record_a_frame(run: Run, clip: Path) -> None:
    ended = run("camera", clip, "--format", "jsonl", "--raw")
    rows = records(ended.out)
    assert [row["frame"] for row in rows] == list(range(105))
    assert [row["text"] for row in rows] == [""] * 15 + ["427"] * 60 + [""] * 30
    assert all(row["schema"] == "edge-digits/result/1" and row["gaps"] == 0 for row in rows)
    assert [row["time"] for row in rows] == pytest.approx([n / 30 for n in range(105)], abs=0.002)
    assert all(row["frame_age_ms"] >= 0 and row["captured_at"].endswith("+00:00") for row in rows)


def test_what_is_known_of_a_number_holds_before_a_camera_too(run: Run, clip: Path) -> None:
    for options, text in (
        (("--digits", "2"), "42|47|27"),
        (("--pattern", "[17]27"), "127|727"),
        (("--pattern", "4[0-9]7"), "427"),
    ):
        ended = run("camera", clip, "--format", "jsonl", *options)
        assert re.fullmatch(text, records(ended.out)[0]["text"]), options


def test_a_region_of_the_picture_is_read_before_a_camera_too(run: Run, clip: Path) -> None:
    whole = records(run("camera", clip, "--format", "jsonl", "--raw", "--max-frames", "40").out)[-1]
    first, second = (digit["box"] for digit in whole["digits"][:2])
    edge = (first["x2"] + second["x1"]) / 2 / whole["width"]
    ended = run("camera", clip, "--format", "jsonl", "--raw", "--max-frames", "40", "--roi", f"0,0,{edge:.3f},1")
    (digit,) = records(ended.out)[-1]["digits"]
    assert digit["label"] == "4"
    assert digit["box"]["x1"] == pytest.approx(first["x1"], abs=3), "in pixels of the whole picture"


def test_text_is_for_people(run: Run, clip: Path) -> None:
    ended = run("camera", clip, "--no-window")
    came, went = ended.out.splitlines()
    assert "427" in came
    assert "%" in came
    assert "gone" in went
    assert ended.err == ""


@pytest.mark.parametrize(
    "display", [{}, {"DISPLAY": ":993"}, {"DISPLAY": "no display"}, {"WAYLAND_DISPLAY": "wayland-9"}]
)
def test_without_a_usable_display_it_says_so_in_one_line_and_reads_on(
    run: Run, clip: Path, display: dict[str, str]
) -> None:
    ended = run("camera", clip, env={**NO_DISPLAY, **display})
    assert ended.code == 0
    assert "427" in ended.out
    (warning,) = ended.err.splitlines()
    assert warning.startswith("no window: ")
    assert all(name in warning for name in display.values())


def test_it_ends_after_so_many_frames_or_seconds(run: Run, clip: Path) -> None:
    assert len(records(run("camera", clip, "--raw", "--format", "jsonl", "--max-frames", "7").out)) == 7
    live = run("camera", f"fake:{clip}", "--raw", "--format", "jsonl", "--duration", "0.5")
    assert 0 < records(live.out)[-1]["time"] < 1.5


def test_a_terminal_shows_a_line_that_lives_and_q_quits(terminal: Terminal, clip: Path) -> None:
    ended = terminal("camera", f"fake:{clip}", "--no-window", records_there_too=True)
    assert ended.code == 0
    assert "\r" in ended.err
    assert "now 427" in ended.err
    assert "\x1b[1;32m427" in ended.err
    assert "105 frames" in ended.err or "dropped" in ended.err
    (clip.parent / "loop").mkdir()
    for number in range(30):
        (clip.parent / "loop" / f"{number}.png").write_bytes(png(scene("1")))
    ended = terminal("camera", "fake:loop", "--no-window", typed=b"q")
    assert ended.code == 0
    assert "gone" not in ended.out


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
@pytest.mark.usefixtures("rpicam")
def test_signals_end_it_cleanly(number: signal.Signals, code: int, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*COMMAND, "camera", "csi:0", "--raw", "--format", "jsonl", "--record", "out.mp4"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads here
    )
    assert child.stdout is not None
    first = child.stdout.readline()
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (code, b"")
    assert records((first + out).decode())[0]["text"] == "427", "and no line is cut"
    assert cv2.VideoCapture(str(tmp_path / "out.mp4")).read()[0]


def test_annotated_video_is_recorded_at_its_own_rate(run: Run, clip: Path, tmp_path: Path) -> None:
    assert run("camera", clip, "--no-window", "--record", "out.mp4").code == 0
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    pictures = []
    while (got := capture.read())[0]:
        pictures.append(np.asarray(got[1]))
    assert len(pictures) == 105
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(30)
    assert pictures[40].shape == (240, 320, 3)
    green = (pictures[40][:, :, 1].astype(int) - pictures[40][:, :, 2] > 60).sum()
    assert green > 200, "boxes"
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.mp4"]
    again = run("camera", clip, "--no-window", "--record", "out.mp4")
    assert again.code == 1
    assert "--force" in again.err
    assert run("camera", clip, "--no-window", "--record", "out.gif").code == 1


def test_unsure_digits_are_kept_for_labelling_and_never_fill_the_disk(run: Run, clip: Path, tmp_path: Path) -> None:
    args = ("camera", clip, "--no-window", "--save-uncertain", "unsure", "--uncertain-below", "1")
    assert run(*args).code == 0
    folder = tmp_path / "unsure"
    rows = list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))
    assert [row["label"] for row in rows[:3]] == ["4", "2", "7"]
    assert len(rows) <= 9, "from one frame a second at most"
    for row in rows:
        assert cv2.imread(str(folder / row["file"])) is not None
    ended = run(*args, "--uncertain-mb", "0.01")
    assert ended.code == 0
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size < 40_000
    many = list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))
    assert len(many) >= len(rows), "later runs add to it"
    full = run(*args, "--uncertain-mb", "0.01")
    assert "is full" in full.err
    assert sum(path.stat().st_size for path in folder.iterdir()) == size


def test_a_recording_that_is_cut_short_says_so_once_and_has_its_own_exit_code(run: Run, tmp_path: Path) -> None:
    frames = [np.random.default_rng(n).integers(0, 256, (120, 160), np.uint8) for n in range(40)]
    whole = write_video(tmp_path / "whole.avi", frames)
    cut = tmp_path / "cut.avi"
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    ended = run("camera", cut, "--raw", "--format", "jsonl")
    seen = len(records(ended.out))
    assert (ended.code, 0 < seen < 40) == (5, True)
    assert ended.err.count("cut.avi") == 1
    predicted = run("predict", cut, "--format", "jsonl")
    assert predicted.code == 5
    *rows, failed = predicted.records
    assert len(rows) == seen
    assert failed["status"] == "error"
    assert "of 40 frames" in failed["error"]


def test_a_camera_that_fails_is_said_once_and_read_again(run: Run) -> None:
    first = [part(scene("427"))] * 25
    with motion_jpeg(lambda: paced(first, 30), lambda: paced([part(scene("911"))] * 300, 30)) as address:
        ended = run("camera", address, "--format", "jsonl", "--duration", "5")
    texts = [(event["event"], event["text"], event["gaps"]) for event in records(ended.out)]
    assert [(kind, text) for kind, text, _ in texts] == [
        ("announced", "427"),
        ("withdrawn", "427"),
        ("announced", "911"),
    ]
    assert texts[-1][2] == 1
    lost, back = ended.err.splitlines()
    assert "closed the connection" in lost
    assert "back after" in back


@pytest.mark.usefixtures("rpicam")
def test_the_csi_camera_is_found_listed_and_read(run: Run) -> None:
    listed = run("camera", "--list-cameras")
    assert listed.out.startswith("csi:0 ")
    assert "imx708" in listed.out
    ended = run("camera", "--format", "jsonl", "--raw", "--max-frames", "3", "--resolution", "480x360")
    assert [(row["source"], row["text"], row["width"]) for row in records(ended.out)] == [("csi:0", "427", 480)] * 3


def test_without_a_camera_it_ends_with_3_and_says_how_to_mend_it(run: Run, tmp_path: Path) -> None:
    ended = run("camera", env={"PATH": str(tmp_path), **NO_DISPLAY})
    assert ended.code == 3
    assert "rpicam-apps" in ended.err
    assert "USB" in ended.err
    assert run("camera", "--list-cameras", env={"PATH": str(tmp_path)}).code == 3
    for source in ("9", "missing.mp4", "http://127.0.0.1:9/"):
        assert run("camera", source, "--no-window").code == 3


def test_where_opencv_lacks_a_library_it_says_which_package_brings_it(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "cv2"
    broken.mkdir(parents=True)
    message = "libGL.so.1: cannot open shared object file: No such file or directory"
    (broken / "__init__.py").write_text(f"raise ImportError({message!r})\n")
    path = os.pathsep.join([str(broken.parent), os.environ.get("PYTHONPATH", "")])
    ended = run("camera", "0", env={"PYTHONPATH": path})
    assert ended.code == 3
    assert "libGL.so.1" in ended.err
    assert "sudo apt install libgl1" in ended.err


@pytest.mark.parametrize(
    "args",
    [
        ("--resolution", "640"),
        ("--roi", "1,2,3"),
        ("--roi", "0.1,0.2,0,0.4"),
        ("--rotate", "45"),
        ("--fps", "0"),
        ("--hold", "0"),
        ("--roi", "100,80,10,10"),
        ("--digits", "0"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(run: Run, clip: Path, args: tuple[str, ...]) -> None:
    ended = run("camera", clip, "--no-window", *args)
    assert ended.code == 2
    assert ended.out == ""


def test_systemd_hears_that_it_is_ready_and_alive(run: Run, clip: Path, tmp_path: Path) -> None:
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(10)

        def listen() -> None:
            while not heard or heard[-1] != b"STOPPING=1":
                heard.append(ear.recv(100))

        thread = threading.Thread(target=listen)
        thread.start()
        run("camera", clip, "--no-window", env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000"})
        thread.join(10)
    assert heard[0] == b"READY=1"
    assert heard[-1] == b"STOPPING=1"
    assert b"WATCHDOG=1" in heard


# predict


def test_predict_gives_a_record_a_frame_of_a_video(run: Run, clip: Path, tmp_path: Path) -> None:
    ended = run("predict", clip, "--format", "jsonl", "--stride", "10", "--save-annotated", "out")
    rows = ended.records
    assert ended.code == 0
    assert [row["frame"] for row in rows] == list(range(0, 105, 10))
    assert [row["time"] for row in rows] == pytest.approx([n / 30 for n in range(0, 105, 10)], abs=0.002)
    assert [row["text"] for row in rows] == [""] * 2 + ["427"] * 6 + [""] * 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir())[1] == "clip-000010.png"


def test_predict_shows_the_time_of_a_frame(run: Run, clip: Path, good: Path) -> None:
    table = run("predict", clip, "--stride", "50")
    assert "clip.mp4 1.67 s" in table.out
    rows = list(csv.DictReader(run("predict", clip, good, "--stride", "50", "--format", "csv").out.splitlines()))
    assert [(row["frame"], row["time"]) for row in rows] == [
        ("0", "0.000"),
        ("50", "1.667"),
        ("100", "3.333"),
        ("0", ""),
    ]


def test_predict_reads_on_after_a_broken_video(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    ended = run("predict", "broken.mp4", good, "--format", "jsonl")
    assert ended.code == 5
    assert [row["status"] for row in ended.records] == ["error", "ok"]
    assert "no video" in ended.records[0]["error"]
