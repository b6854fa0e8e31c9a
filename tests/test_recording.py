"""Recordings and crops of a camera run on a disk that is, or becomes, full: told, kept, and no end of the reading."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Run
from drawing import page

from edge_digits.errors import OutputError
from edge_digits.live.recording import Recording, UncertainCrops
from edge_digits.live.watch import LiveResult
from edge_digits.results import Box, Digit, Reading
from edge_digits.sources.stream import Frame

RNG = np.random.default_rng(0)


def result(number: int) -> LiveResult:
    """A frame of noise, which no codec makes small, with an unsure digit."""
    frame = Frame(RNG.integers(0, 255, (240, 320, 3)).astype(np.uint8), number, number / 10, 0.0)
    reading = Reading("camera", digits=(Digit("4", 0.5, Box(10, 10, 40, 50)),))
    return LiveResult(frame, reading, (), "", 0.0, 0.0)


@pytest.fixture(scope="module")
def on_a_small_disk() -> list[str]:
    """Runs a command with a disk of 300 kB mounted on the folder `small`, which goes with the command."""
    prefix = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=300k none small && exec "$@"', "sh"]
    try:
        subprocess.run(
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /tmp"], check=True, capture_output=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no disk can be mounted here: unshare is not installed, or not allowed")
    return prefix


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_recording_that_is_whole_gets_its_name(tmp_path: Path, suffix: str) -> None:
    recording = Recording(tmp_path / f"clip{suffix}", 10)
    for number in range(30):
        recording.write(result(number))
    assert [path.name for path in tmp_path.iterdir()] == [f"clip.part{suffix}"]
    recording.close()
    assert [path.name for path in tmp_path.iterdir()] == [f"clip{suffix}"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_recording_that_lacks_frames_keeps_its_part_and_says_so(tmp_path: Path, suffix: str) -> None:
    """FFmpeg tells nobody that its writes fail: a file without an index got the name, and the exit code was 0."""
    code = f"""
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
from test_recording import Recording, result
recording = Recording(Path("clip{suffix}"), 10)
for number in range(60):
    recording.write(result(number))
recording.close()
"""
    import sys

    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}){code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"OutputError: clip{suffix}: cannot be written (it lacks frames" in ended.stderr
    assert f"What was written is in clip.part{suffix}" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"clip.part{suffix}"]


def test_a_recording_is_begun_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg took a name with a colon for an address, and OpenCV died of one that is no UTF-8."""
    monkeypatch.chdir(tmp_path)
    for name in ("12:30.mp4", "\udcff.mp4"):
        recording = Recording(Path(name), 10)
        recording.write(result(0))
        recording.close()
        assert Path(name).stat().st_size > 0


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_camera_reads_on(run: Run, tmp_path: Path, on_a_small_disk: list[str]) -> None:
    """The recording was lost without a word; the first crop that did not fit ended the reading."""
    picture = np.ascontiguousarray(cv2.cvtColor(page("427"), cv2.COLOR_GRAY2BGR)[:100, :200])
    video = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, (200, 100))
    for _ in range(60):
        video.write(np.clip(picture + RNG.integers(0, 20, picture.shape), 0, 255).astype(np.uint8))
    video.release()
    (tmp_path / "small").mkdir()
    kept = ("--record", "small/out.avi", "--save-uncertain", "small/crops", "--uncertain-below", "1")
    args = ("camera", "clip.avi", "--raw", "--format", "jsonl", "--no-window", *kept)
    script = 'dd if=/dev/zero of=small/filler bs=1k count=290 2>/dev/null; "$@"; code=$?; ls small; exit $code'
    ended = run(*args, within=[*on_a_small_disk, "sh", "-c", script, "sh"])
    records = [line for line in ended.out.splitlines() if line.startswith("{")]
    assert len(records) == 60
    assert ended.code == 1
    assert "small/out.avi: cannot be written (No space left on device)" in ended.err
    assert "What was written is in small/out.part.avi" in ended.err
    assert "out.part.avi" in ended.out.splitlines()


def test_crops_on_a_full_disk_have_their_rows_or_are_not_there(tmp_path: Path, on_a_small_disk: list[str]) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_recording import OutputError, UncertainCrops, result
Path("small/filler").write_bytes(bytes(250_000))
crops = UncertainCrops(Path("small/crops"), period=0)
try:
    for number in range(1000):
        crops.write(result(number))
except OutputError as error:
    print(error)
rows = Path("small/crops/labels.csv").read_text()
assert rows.endswith("\\n")
names = {{row.split(",")[0] for row in rows.splitlines()[1:]}}
assert names == {{path.name for path in Path("small/crops").iterdir()}} - {{"labels.csv"}}, os.listdir("small/crops")
print(len(names))
"""
    import sys

    (tmp_path / "small").mkdir()
    ended = subprocess.run(
        [*on_a_small_disk, sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    said, count = ended.stdout.splitlines()
    assert "No space left on device" in said
    assert int(count) > 0


def test_a_folder_that_cannot_be_had_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        UncertainCrops(tmp_path / "file")
