"""Libraries that would talk to the user, or to the network, when they are imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import COMMAND

#: Speaks as onnxruntime 1.20 to 1.24 do when they are imported where /sys/class/drm holds a card without a vendor.
NOISY = """
import os, sys
def speak(event, args):
    if event == "import" and args[0] == "onnxruntime":
        os.write(2, b"[W:onnxruntime:Default, device_discovery.cc:164] GPU device discovery failed\\n")
sys.addaudithook(speak)
from edge_digits.cli import main
main()
"""


def test_what_onnxruntime_says_of_a_gpu_that_it_did_not_find_is_not_shown(good: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", NOISY, "predict", good], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert "427" in ended.stdout


@pytest.mark.slow
def test_it_reads_where_standard_error_is_closed(good: Path) -> None:
    """As a program started with `2>&-` has it; descriptor 2 is then free for the next file that is opened."""
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND, "predict", str(good)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ), check=False)
    assert (ended.returncode, "427" in ended.stdout) == (0, True)
