"""Which cameras this machine has, and what keeps it from having more."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edge_digits.board import in_group
from edge_digits.sources.csi import PROGRAMS, find_program
from edge_digits.sources.files import natural_key

#: VIDIOC_QUERYCAP and two of its flags (linux/videodev2.h).
_QUERYCAP, _QUERYCAP_FORMAT = 0x80685600, "16s32s32sIII3I"
_CAPTURE, _DEVICE_CAPS = 0x1, 0x80000000
#: Drivers of a Raspberry Pi whose nodes are parts of a CSI camera or of a codec, and no cameras.
_NO_CAMERAS = re.compile(r"unicam|bcm2835-(codec|isp)|rp1-cfe|pispbe|rpi-hevc|rpivid")


@dataclass(frozen=True)
class CameraInfo:
    """A camera that the system knows.

    Attributes:
        source: how to name it: "csi:0", "/dev/video0".
        description: what it says of itself.
    """

    source: str
    description: str


def list_cameras() -> list[CameraInfo]:
    """The cameras that the system knows, CSI before USB; whether they deliver is seen only by opening them."""
    return [*_csi_cameras(), *_usb_cameras()]


def _csi_cameras() -> list[CameraInfo]:
    program = find_program()
    if program is None:
        return []
    try:
        ended = subprocess.run(
            [program, "--list-cameras"], capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    # "0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)"; USB cameras are listed too.
    text = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    lines = re.findall(r"^\s*(\d+) : (.*)$", text, re.MULTILINE)
    return [CameraInfo(f"csi:{number}", name.strip()) for number, name in lines if "/usb" not in name]


def _usb_cameras() -> list[CameraInfo]:
    found = []
    for path in sorted(Path("/dev").glob("video*"), key=lambda path: natural_key(path.name)):
        try:
            card, driver, captures = _query_capability(path)
        except PermissionError:
            found.append(CameraInfo(str(path), "this user may not ask it: join the group video"))
            continue
        except OSError:
            continue
        if captures and not _NO_CAMERAS.search(driver):
            found.append(CameraInfo(str(path), f"{card} ({driver})"))
    return found


def _query_capability(path: Path) -> tuple[str, str, bool]:
    """Name, driver, and whether it captures pictures, by VIDIOC_QUERYCAP (Video4Linux2)."""
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        answer = bytearray(struct.calcsize(_QUERYCAP_FORMAT))
        fcntl.ioctl(device, _QUERYCAP, answer)
    finally:
        os.close(device)
    driver, card, _, _, all_nodes, this_node, *_ = struct.unpack(_QUERYCAP_FORMAT, answer)
    flags = this_node if all_nodes & _DEVICE_CAPS else all_nodes
    return _until_nul(card), _until_nul(driver), bool(flags & _CAPTURE)


def _until_nul(padded: bytes) -> str:
    return padded.partition(b"\0")[0].decode("utf-8", "replace")


def camera_hints(cameras: list[CameraInfo]) -> list[str]:
    """What is missing on this machine for each kind of camera, as far as it can be seen."""
    hints = []
    if find_program() is None:
        hints.append(
            f"  CSI: {' and '.join(PROGRAMS)} are not installed. On Raspberry Pi OS: sudo apt install rpicam-apps-lite"
        )
    elif not any(found.source.startswith("csi:") for found in cameras):
        hints.append(
            "  CSI: no camera is connected. Switch off, check the ribbon cable at both ends, then: rpicam-hello"
        )
    if not any(found.source.startswith("/dev/") for found in cameras):
        hints.append("  USB: there is no /dev/video*. Plug a camera in, and see it appear with: lsusb")
    elif not in_group("video"):
        hints.append("  USB: this user is not in the group video: sudo usermod -aG video $USER, and log in again")
    if sys.maxsize <= 1 << 32 or platform.machine().startswith(("armv6", "armv7")):
        hints.append("  System: this is a 32-bit system. Install the 64-bit Raspberry Pi OS")
    return [
        *hints,
        "  Or name a source: edge-digits camera clip.mp4, http://HOST/stream, rtsp://HOST/stream, fake:clip.mp4",
    ]
