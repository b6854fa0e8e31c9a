"""Nothing touches the network, and onnxruntime is told not to before it is loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import COMMAND, Run

#: Runs the command line and ends it where a program would speak to another machine, or ask for one's address.
GUARDED = """
import os, sys
def guard(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"):
        os.write(2, f"{event} {args}".encode())
        os._exit(99)
    if event == "import" and args[0] == "onnxruntime":
        print("telemetry off:", os.environ.get("ORT_DISABLE_TELEMETRY"), file=sys.stderr)
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


def test_the_operating_system_sees_no_socket_of_the_internet(good: Path, tmp_path: Path) -> None:
    """Libraries in C go past Python's hooks, but not past strace."""
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace is not installed, or not allowed to trace")
    log = tmp_path / "calls"
    trace = [strace, "-f", "-qq", "-e", "trace=%network", "-o", str(log)]
    ended = subprocess.run([*trace, *COMMAND, "predict", good], capture_output=True, text=True, check=False)
    assert "427" in ended.stdout
    assert [line for line in log.read_text().splitlines() if "AF_INET" in line or "sendto" in line] == []


def test_it_works_where_there_is_no_network_at_all(run: Run, good: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    for within in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run([*within, "true"], capture_output=True, check=False).returncode == 0:
            assert run("predict", "good.png", "--format", "jsonl", within=within).texts == {"good.png": "427"}
            assert run("doctor", within=within, timeout=300).code == 0
            return
    pytest.skip("unshare is not allowed")
