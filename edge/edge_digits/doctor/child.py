"""Probes in processes of their own, which may fail, hang, die of a signal or print rubbish."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

#: Seconds that a process may take. A camera may take 40 until its first frame.
TIMEOUT = 90.0


def ask(probe: str, *arguments: str, timeout: float = TIMEOUT) -> tuple[Any, str]:
    """The answer of a function of `probe`, None where there is none; and the reason for that, else ""."""
    try:
        ended = subprocess.run(
            # -P: a numpy.py in the current folder is not numpy.
            [sys.executable, "-P", "-m", "edge_digits.doctor.probe", probe, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            # onnxruntime would report its use over the network.
            env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {timeout:g} s"
    try:
        result = json.loads(ended.stdout.splitlines()[-1])
        return result["answer"], result["reason"]
    except (IndexError, ValueError, TypeError, KeyError):
        return None, _death(ended)


def _death(ended: subprocess.CompletedProcess[str]) -> str:
    """What a process that gave no answer died of."""
    if ended.returncode >= 0:
        lines = ended.stderr.strip().splitlines()
        return lines[-1] if lines else f"ended with {ended.returncode}"
    name = signal.Signals(-ended.returncode).name
    more = ": this build is for a newer processor" if name == "SIGILL" else ""
    return f"the process died of {name}{more}"
