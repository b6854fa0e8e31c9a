"""Nothing touches the network, and onnxruntime is told not to before it is loaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bars import bars
from cameras import scene, write_video
from conftest import COMMAND, Run
from drawing import page, png

#: A test opens no window, and X11 is spoken through a socket too.
NO_DISPLAY = {**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": ""}

#: Runs the command line and ends it where a program would speak to another machine, or ask for one's address.
GUARDED = """
import os, sys
stderr = os.dup(2)
def guard(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"):
        os.write(2, f"{event} {args}".encode())
        os._exit(99)
    if event == "import" and args[0] == "onnxruntime":
        os.write(stderr, f"telemetry off: {os.environ.get('ORT_DISABLE_TELEMETRY')}\\n".encode())
sys.addaudithook(guard)
from edge_digits.cli import main
main()
"""


def guarded(good: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    return subprocess.run(
        [sys.executable, "-c", GUARDED, *args], capture_output=True, text=True, env=env, cwd=good.parent, check=False
    )


def test_no_program_part_asks_python_for_a_connection(good: Path) -> None:
    ended = guarded(good, "predict", "good.png", "--save-crops", "crops", "--explain", "sheets")
    assert ended.returncode == 0, ended.stderr
    assert "427" in ended.stdout


def test_telemetry_is_off_before_onnxruntime_is_imported(good: Path) -> None:
    ended = guarded(good, "predict", "good.png")
    assert ended.stderr == "telemetry off: 1\n"


def test_telemetry_is_off_for_users_of_the_library_too(good: Path) -> None:
    code = "import os, sys; from edge_digits import DigitReader; print(DigitReader.load().read(sys.argv[1]).text, "
    code += "os.environ['ORT_DISABLE_TELEMETRY'])"
    env = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    ended = subprocess.run([sys.executable, "-c", code, good], capture_output=True, text=True, env=env, check=True)
    assert ended.stdout == "427 1\n"


def inputs(folder: Path) -> None:
    """What the commands below work on: pictures, a video, and data to train on."""
    for text in ("42", "7"):
        (folder / f"{text}.png").write_bytes(png(page(text)))
    write_video(folder / "clip.mp4", [scene("427")] * 30)
    x_train, y_train = bars(200)
    x_test, y_test = bars(60, seed=1)
    np.savez(folder / "bars.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def internet_calls(folder: Path, *args: str) -> list[str]:
    """The system calls by which a command, or a process that it starts, sets about to speak to another machine."""
    log = folder / "calls"
    trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=%network", "-o", str(log)]
    ended = subprocess.run(
        [*trace, *COMMAND, *args], capture_output=True, text=True, cwd=folder, env=NO_DISPLAY, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return [line for line in log.read_text().splitlines() if re.search(r"AF_INET|sendto|sendm", line)]


@pytest.fixture
def strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: sudo apt install strace")
    if subprocess.run(["strace", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace is not allowed to trace here")


@pytest.mark.slow
@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize(
    "args",
    [
        ("predict", "42.png", "7.png", "--save-annotated", "annotated", "--explain", "sheets"),
        ("predict", "clip.mp4", "--stride", "10"),
        ("camera", "fake:clip.mp4", "--no-window", "--duration", "1"),
        ("doctor",),
        ("bench", "--runs", "120", "--min-seconds", "0", "--warmup", "5"),
    ],
    ids=lambda args: " ".join(args[:2]),
)
def test_no_command_of_the_runner_opens_a_socket_of_the_internet(tmp_path: Path, args: tuple[str, ...]) -> None:
    """Libraries in C go past Python's hooks, but not past strace."""
    inputs(tmp_path)
    assert internet_calls(tmp_path, *args) == []


@pytest.mark.slow
@pytest.mark.usefixtures("strace")
def test_no_command_of_training_opens_one_either_with_data_of_the_users_own(tmp_path: Path) -> None:
    """TensorFlow comes with urllib3, which binds a socket to ::1 as soon as it is imported."""
    pytest.importorskip("tensorflow", reason="training needs the extra `train`")
    inputs(tmp_path)
    quick = ("--recipe", "plain", "--epochs", "1", "--batch", "32")
    assert internet_calls(tmp_path, "data", "bars.npz", "-o", "data.html") == []
    assert internet_calls(tmp_path, "train", "--data", "bars.npz", "-o", "trained", *quick) == []
    assert internet_calls(tmp_path, "evaluate", "trained", "-o", "report.html") == []
    assert internet_calls(tmp_path, "export", "trained", "-o", "bars.onnx", "--max-drop", "100") == []


@pytest.mark.slow
@pytest.mark.usefixtures("strace")
def test_a_connection_would_be_seen(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=%network", "-o", str(log)]
    subprocess.run([*trace, sys.executable, "-c", code], check=True)
    assert "AF_INET" in log.read_text()


def test_it_works_where_there_is_no_network_at_all(run: Run, good: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    for within in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run([*within, "true"], capture_output=True, check=False).returncode == 0:
            assert run("predict", "good.png", "--format", "jsonl", within=within).texts == {"good.png": "427"}
            assert run("doctor", within=within, timeout=300).code == 0
            return
    pytest.skip("unshare is not allowed")
