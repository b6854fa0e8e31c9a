"""What a benchmark ran on, in one line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import cv2
import numpy as np

from edge_digits import __version__

# Before anything imports onnxruntime, which would report its use otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def describe() -> str:
    """Processor, cores, system and versions."""
    import onnxruntime

    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}, "
        f"onnxruntime {onnxruntime.__version__}, edge-digits {__version__}"
    )


def _processor() -> str:
    board = Path("/proc/device-tree/model")
    if board.is_file():
        return board.read_text(encoding="utf-8").strip("\0 \n")
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
