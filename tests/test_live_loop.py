"""A live run as a program calls it: what its options mean, and how it says that it ended."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cameras import scene, write_video

from edge_digits import DigitReader, open_camera
from edge_digits.live.loop import LiveLoop, LiveOptions
from edge_digits.live.rate import FrameRate
from edge_digits.live.watch import LiveReader


@pytest.mark.parametrize(
    ("options", "window", "colour"),
    [
        ({}, True, True),
        ({"jsonl": True}, False, False),
        ({"window": False}, False, False),
        ({"jsonl": True, "window": True}, True, True),
        ({"window": False, "record": Path("a.mp4")}, False, True),
    ],
)
def test_a_window_is_for_text_unless_it_is_asked_for_and_colour_for_whoever_looks(
    options: dict[str, Any], window: bool, colour: bool
) -> None:
    chosen = LiveOptions(**options)
    assert (chosen.wants_window, chosen.wants_colour) == (window, colour)


def test_a_run_that_ends_with_its_source_has_no_problem(
    reader: DigitReader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_video(tmp_path / "clip.avi", [scene("427")] * 20)
    outcome = LiveLoop(LiveOptions(jsonl=True, raw=True)).run(open_camera(str(clip)), LiveReader(reader))
    out, err = capsys.readouterr()
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["427"] * 20
    assert (outcome.frames, outcome.dropped, outcome.gaps, outcome.interrupted) == (20, 0, 0, False)
    assert (outcome.problem, err) == (None, "")


def test_a_source_that_is_cut_short_is_a_problem_unless_the_run_had_ended_before(
    reader: DigitReader, tmp_path: Path
) -> None:
    frames = [np.random.default_rng(n).integers(0, 256, (120, 160), np.uint8) for n in range(40)]
    content = write_video(tmp_path / "whole.avi", frames).read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])

    def problem(options: LiveOptions) -> str | None:
        return LiveLoop(options).run(open_camera(str(tmp_path / "cut.avi")), LiveReader(reader)).problem

    assert "cut short" in (problem(LiveOptions(jsonl=True)) or "")
    assert problem(LiveOptions(jsonl=True, max_frames=2)) is None


@pytest.mark.parametrize(("number", "interrupted"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_signal_ends_the_run_and_is_given_back(
    reader: DigitReader, tmp_path: Path, number: signal.Signals, interrupted: bool
) -> None:
    clip = write_video(tmp_path / "clip.avi", [scene("427")] * 300)
    before = signal.getsignal(number)
    crops = tmp_path / "crops"

    def interrupt() -> None:
        while not list(crops.glob("*.png")):  # of the first frame
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    loop = LiveLoop(LiveOptions(jsonl=True, save_uncertain=crops, uncertain_below=1.0))
    outcome = loop.run(open_camera(f"fake:{clip}"), LiveReader(reader))
    thread.join()
    assert outcome.interrupted is interrupted
    assert outcome.problem is None
    assert 0 < outcome.frames + outcome.dropped < 300, "before the recording ends"
    assert signal.getsignal(number) is before


def test_the_frame_rate_is_that_of_the_last_two_seconds() -> None:
    rate = FrameRate()
    assert rate.add() == 0.0
    for _ in range(20):
        time.sleep(0.01)
        latest = rate.add()
    assert 20 < latest <= 100
