"""Stands in for rpicam-vid: writes real YUV 4:2:0 frames, rows padded as the hardware pads them, and fails if told to.

It takes the options of the real program that we use, and refuses all others. Environment: STANDIN_TEXT is what its
frames show; STANDIN_ROW the multiple of bytes that rows are padded to; STANDIN_FAULT "die" or "hang" with
STANDIN_AFTER, the number of frames before; STANDIN_RUNS a file that counts its runs, the first of which alone has the
fault; STANDIN_NONE is set where no camera is connected.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from drawing import PAPER, page

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--list-cameras", action="store_true")
for flag in ("--nopreview", "--flush"):
    parser.add_argument(flag, action="store_true")
for flag in ("--camera", "--width", "--height", "--frames", "--timeout"):
    parser.add_argument(flag, type=int, default=0)
parser.add_argument("--framerate", type=float, default=30)
parser.add_argument("--codec", choices=["yuv420"])
parser.add_argument("--output", choices=["-"])
options = parser.parse_args()

if options.list_cameras:
    sys.stdout.write("Available cameras\n-----------------\n")
    if not os.environ.get("STANDIN_NONE"):
        sys.stdout.write("0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)\n")
        sys.stdout.write("    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]\n")
    sys.exit()

sys.stderr.write("[0:00:01] [1]  INFO Camera camera_manager.cpp:326 libcamera v0.5.1\n")
if options.camera or os.environ.get("STANDIN_NONE"):
    sys.exit("ERROR: *** no cameras available ***")
assert options.codec == "yuv420"
assert options.output == "-"
assert options.width % 2 == options.height % 2 == 0

fault, after = os.environ.get("STANDIN_FAULT"), int(os.environ.get("STANDIN_AFTER", "0"))
if runs := os.environ.get("STANDIN_RUNS"):
    with Path(runs).open("a") as stream:
        stream.write("run\n")
    if Path(runs).read_text().count("run") > 1:
        fault = None

text = page(os.environ.get("STANDIN_TEXT", "427"), 100)[: options.height, : options.width]
multiple = int(os.environ.get("STANDIN_ROW", "64"))
row = -(-options.width // multiple) * multiple
# What the padding holds is left over from elsewhere.
luma = np.random.default_rng(0).integers(0, 256, (options.height, row), np.uint8)
luma[:, : options.width] = PAPER
luma[: text.shape[0], : text.shape[1]] = text
frame = luma.tobytes() + bytes([128]) * (row // 2 * options.height)

begun = time.monotonic()
number = 0
while options.frames == 0 or number < options.frames:
    if fault and number == after:
        if fault == "hang":
            time.sleep(600)
        sys.stdout.buffer.write(frame[: len(frame) // 3])
        sys.stdout.buffer.flush()
        sys.exit("ERROR: *** Camera frontend has timed out! ***")
    sys.stdout.buffer.write(frame)
    sys.stdout.buffer.flush()
    number += 1
    time.sleep(max(0.0, begun + number / options.framerate - time.monotonic()))
