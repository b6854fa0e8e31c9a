"""The camera, as it is used: what it reads and announces, what it costs, and whether it can run for months.

python benchmarks/camera.py DATA                    # DATA/video with labels.csv: file,label
python benchmarks/camera.py DATA --soak 100000      # only the long run

Frames come at their own rate, so a machine that is busy with something else drops some, and shows it here. Cost is the
processor time of the `edge-digits camera` process alone, as a share of one core, without its start.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import machine
import numpy as np
from numpy.typing import NDArray

from edge_digits import Camera, DigitReader
from edge_digits.live.watch import LiveReader
from edge_digits.sources.labels import LABELS, read_labels
from edge_digits.sources.stream import Shot, Stream, StreamError
from edge_digits.sources.video import VideoFile

_ROOT = Path(__file__).resolve().parent.parent
_COMMAND = [str(Path(sys.executable).with_name("edge-digits")), "camera"]
_TICKS = os.sysconf("SC_CLK_TCK")
#: Of a run, the beginning that is not measured, seconds.
_START = 3.0

Picture = NDArray[np.uint8]


def report(data: Path, seconds: float) -> None:
    """Print all tables but the soak's."""
    videos = {row.file: row.label for row in read_labels(data / "video" / LABELS)}
    print("**What is read**, each video played at its own rate\n")
    print("| video | frames read | dropped | right once in view | announced |\n|---|---|---|---|---|")
    for name, label in videos.items():
        accuracy(data / "video" / name, label)
    with tempfile.TemporaryDirectory() as folder:
        frames = _frames(data / "video" / next(iter(videos)))
        clip, slow = Path(folder) / "clip.mp4", Path(folder) / "slow.mp4"
        _write(clip, (frames * 9)[: round(30 * (seconds + _START + 2))], 30)
        _write(slow, frames[: round(seconds + _START + 2)], 1)
        print(f"\n**What it costs**, 640x480, {seconds:g} s each; goals: none skipped, 20 % of a core, p95 25 ms\n")
        print("| source | frames | skipped | of one core | frame to result, median | p95 |\n|---|---|---|---|---|---|")
        cost("video file, 30 fps", [f"fake:{clip}"], seconds)
        with _served(frames) as address:
            cost("Motion JPEG over HTTP, 30 fps", [address], seconds)
        with _standin(Path(folder)) as environment:
            cost("CSI pipe (stand-in for rpicam-vid), 30 fps", ["csi:0"], seconds, environment)
        cost("video file, 1 fps (goal: 2 % of a core)", [f"fake:{slow}"], seconds)
        print(
            "\n**What a loss costs**, opened again at once and then after 0.5 s; goal: back in less than twice that\n"
        )
        print("| fault | losses | back after |\n|---|---|---|")
        with _served(frames, fails_after=20) as address:
            loss("Motion JPEG: the camera closes the connection", [address])
        for fault, name in {"die": "dies", "hang": "hangs (told after 1 s)"}.items():
            with _standin(Path(folder)) as environment:
                standin = {"FAULT": fault, "AFTER": "20", "RUNS": str(Path(folder) / fault)}
                loss(
                    f"CSI pipe: the program {name}",
                    ["csi:0"],
                    {**environment, **{f"STANDIN_{key}": value for key, value in standin.items()}},
                )


def accuracy(video: Path, label: str) -> None:
    """A row: how many readings of single frames are right, and what is announced."""
    rows = _run([f"fake:{video}", "--raw"])
    texts = [row["text"] for row in rows]
    first = texts.index(label) if label in texts else 0
    right = statistics.mean(text == label for text in texts[first:]) if texts else 0.0
    events = [(row["event"], row["text"]) for row in _run([f"fake:{video}"])]
    announced = ", ".join(f"{text}{'' if kind == 'announced' else ' withdrawn'}" for kind, text in events)
    dropped = rows[-1]["frame"] + 1 - len(rows)
    print(f"| {video.stem} ({label}) | {len(rows)} | {dropped} | {100 * right:.1f} % | {announced} |")


def cost(name: str, args: list[str], seconds: float, environment: dict[str, str] | None = None) -> None:
    """A row: processor time and age of results of a run."""
    command = [*_COMMAND, *args, "--raw", "--format", "jsonl", "--duration", str(seconds + _START + 1)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})}) as child:
        assert child.stdout is not None
        lines: list[bytes] = []
        listener = threading.Thread(target=lambda: lines.extend(child.stdout or []))
        listener.start()
        time.sleep(_START)
        skip, before, begun = len(lines), _processor_seconds(child.pid), time.monotonic()
        time.sleep(seconds)
        share = (_processor_seconds(child.pid) - before) / (time.monotonic() - begun)
        end = len(lines)
        child.terminate()
        listener.join()
    rows = [json.loads(line) for line in lines[skip:end]]
    skipped = rows[-1]["frame"] - rows[0]["frame"] + 1 - len(rows)
    ages = sorted(row["frame_age_ms"] for row in rows)
    p95 = ages[int(0.95 * (len(ages) - 1))]
    print(
        f"| {name} | {len(rows)} | {skipped} | {100 * share:.1f} % | {statistics.median(ages):.1f} ms | {p95:.1f} ms |"
    )


def loss(name: str, args: list[str], environment: dict[str, str] | None = None) -> None:
    """A row: how often a source was lost that fails once, and for how long."""
    command = [*_COMMAND, *args, "--format", "jsonl", "--stall-seconds", "1", "--duration", "8"]
    ended = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **(environment or {})}
    )
    back = ", ".join(re.findall(r"back after ([0-9.]+ s)", ended.stderr))
    print(f"| {name} | {ended.stderr.count(': lost: ')} | {back} |")


def soak(data: Path, frames: int) -> None:
    """The whole loop over many frames, losing its source now and then: memory, files and threads must not grow."""
    video = next((data / "video").glob("*.mp4"))
    reader = LiveReader(DigitReader.load())  # as the command's default
    gaps: list[str] = []
    camera = Camera("soak", lambda: _Loop(video), backoff=(0.001, 0.001), say=gaps.append)
    print("| frames | gaps | resident memory | open files | threads |\n|---|---|---|---|---|")
    marks = {1000, *range(frames // 5, frames, frames // 5), frames}
    at_first = 0.0
    count = 0
    with camera, Path(os.devnull).open("w") as sink:
        for result in reader.watch(camera):
            if result is None or result.frame is None:
                continue
            sink.write(json.dumps(result.record()))
            sink.writelines(json.dumps(result.event_record(event)) for event in result.events)
            count += 1
            if count in marks:
                memory = _resident_megabytes()
                at_first = at_first or memory
                files = len(list(Path("/proc/self/fd").iterdir()))
                print(
                    f"| {count:,} | {camera.gaps} | {memory:.1f} MB | {files} | {threading.active_count()} |",
                    flush=True,
                )
            if count == frames:
                break
    print(f"\nGrown after the first thousand: {_resident_megabytes() - at_first:.1f} MB (goal: less than 5)")


class _Loop(Stream):
    """A video over and over that fails after 5,000 frames."""

    live = False

    def __init__(self, path: Path) -> None:
        self._path, self._left = path, 5000
        self._video = VideoFile(str(path))

    def read(self) -> Shot | None:
        self._left -= 1
        if self._left < 0:
            raise StreamError("made to fail")
        shot = self._video.read()
        if shot is None:
            self._video.close()
            self._video = VideoFile(str(self._path))
            shot = self._video.read()
        return shot if shot is None else shot._replace(time=None)

    def close(self) -> None:
        self._video.close()


def _run(args: list[str]) -> list[dict[str, Any]]:
    ended = subprocess.run([*_COMMAND, *args, "--format", "jsonl"], check=True, stdout=subprocess.PIPE)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _frames(video: Path) -> list[Picture]:
    """A video there and back, as 640x480."""
    frames = []
    for _, shot in VideoFile(str(video)).frames():
        picture = cv2.resize(shot.picture, (640, round(640 * shot.picture.shape[0] / shot.picture.shape[1])))
        rest = max(0, 480 - picture.shape[0])
        picture = cv2.copyMakeBorder(picture, rest // 2, rest - rest // 2, 0, 0, cv2.BORDER_REPLICATE)
        frames.append(np.asarray(picture[:480], np.uint8))
    return frames + frames[::-1]


def _write(path: Path, frames: list[Picture], rate: float) -> None:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), rate, (640, 480))
    for frame in frames:
        writer.write(frame)
    writer.release()


@contextmanager
def _served(frames: list[Picture], fails_after: int = 0) -> Iterator[str]:
    """A Motion JPEG camera in a process of its own; its address. It may end its first connection after some frames."""
    jpegs = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]
    with socket.create_server(("127.0.0.1", 0)) as server:
        args = (server, jpegs, fails_after)
        process = multiprocessing.get_context("fork").Process(target=_serve, args=args, daemon=True)
        process.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        process.kill()
        process.join()


def _serve(server: socket.socket, jpegs: list[bytes], max_frames: int) -> None:
    while True:
        connection, _ = server.accept()
        with connection, suppress(OSError):  # until the reader goes
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
            for number in _paced(30, max_frames):
                connection.sendall(_part(jpegs[number % len(jpegs)]))
        max_frames = 0


def _part(jpeg: bytes) -> bytes:
    return b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)


def _paced(rate: float, max_frames: int) -> Iterator[int]:
    """0, 1, 2 and so on at a rate; without end where `max_frames` is 0."""
    begun = time.monotonic()
    for number in itertools.count() if max_frames == 0 else range(max_frames):
        yield number
        time.sleep(max(0.0, begun + (number + 1) / rate - time.monotonic()))


@contextmanager
def _standin(folder: Path) -> Iterator[dict[str, str]]:
    program = folder / "rpicam-vid"
    script = _ROOT / "tests" / "rpicam_standin.py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)
    yield {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=20, help="how long each cost is measured")
    parser.add_argument("--soak", type=int, default=0, metavar="FRAMES", help="only the long run, over so many frames")
    options = parser.parse_args()
    print(f"Machine: {machine.describe()}\n")
    cv2.setNumThreads(1)
    if options.soak:
        soak(options.data, options.soak)
    else:
        report(options.data, options.seconds)
