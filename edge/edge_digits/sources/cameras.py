"""A moving source as a user names it -> its frames; and which cameras there are."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from edge_digits.board import in_group
from edge_digits.errors import SourceError, UsageError
from edge_digits.sources.csi import PROGRAMS, Picamera, RpicamPipe, find_program, has_picamera2
from edge_digits.sources.files import expand, is_video, natural_key
from edge_digits.sources.grab import BACKOFF, Camera
from edge_digits.sources.mjpeg import MotionJpeg, NotMotionJpegError
from edge_digits.sources.stream import Stream
from edge_digits.sources.video import SLIDE_SECONDS, Fake, NetworkVideo, Slides, Usb, VideoFile

#: VIDIOC_QUERYCAP and two of its flags (linux/videodev2.h).
_QUERYCAP, _QUERYCAP_FORMAT = 0x80685600, "16s32s32sIII3I"
_CAPTURE, _DEVICE_CAPS = 0x1, 0x80000000
#: Drivers of a Raspberry Pi whose nodes are parts of a CSI camera or of a codec, and no cameras.
_NO_CAMERAS = re.compile(r"unicam|bcm2835-(codec|isp)|rp1-cfe|pispbe|rpi-hevc|rpivid")
_FAKE = "fake:"


@dataclass(frozen=True)
class Found:
    """A camera that is there.

    Attributes:
        source: how to name it: "csi:0", "/dev/video0".
        description: what it says of itself.
    """

    source: str
    description: str


@dataclass(frozen=True)
class Wishes:
    """What is asked of a source; cameras give what they can.

    Attributes:
        resolution: width and height in pixels.
        fps: frames a second; for a folder, the inverse of how long a slide is shown.
        stall_seconds: without a frame for this long, a live source is lost.
        gray: no colours are wanted.
    """

    resolution: tuple[int, int] | None = None
    fps: float | None = None
    stall_seconds: float = 5.0
    gray: bool = False


def open_camera(
    source: str | None = None,
    *,
    resolution: tuple[int, int] | None = None,
    fps: float | None = None,
    rotate: int = 0,
    hflip: bool = False,
    vflip: bool = False,
    gray: bool = False,
    stall_seconds: float = 5.0,
    backoff: tuple[float, float] = BACKOFF,
    say: Callable[[str], None] | None = None,
) -> Camera:
    """Frames of a camera, a video, an address or a folder.

    >>> with open_camera("0") as frames:
    ...     for frame in frames:
    ...         print(frame.picture.shape, frame.time)

    Args:
        source: "0" or "/dev/video0" (USB), "csi:0", a video file, a folder or glob (slides), "rtsp://...", "http://..."
            (Motion JPEG, or what FFmpeg knows), "fake:FILE" to play a recording as if live. None takes the first camera
            that delivers a frame, CSI before USB.
        resolution: width and height that are asked of a camera; 640x480 by default.
        fps: frames a second that are asked of a camera; slides a second for a folder.
        rotate: turn frames clockwise by 0, 90, 180 or 270 degrees.
        hflip, vflip: then mirror them, left to right or top to bottom.
        gray: no colours are wanted; some sources are cheaper then.
        stall_seconds: without a frame for this long, a live source is taken for lost and opened again.
        backoff: seconds between attempts to open it again, at first and at most; the first one comes at once.
        say: takes one line about each loss and return; by default they are logged as warnings.

    Returns:
        A `Camera`; its source is opened on entering a `with`.

    Raises:
        SourceError: on entering: the source is not to be had; says what was tried and how to mend it.
        UsageError: an argument is out of its range.
    """
    if rotate not in (0, 90, 180, 270):
        raise UsageError(f"rotate is 0, 90, 180 or 270, not {rotate}")
    if stall_seconds <= 0 or (fps is not None and fps <= 0):
        raise UsageError("stall_seconds and fps are more than 0")
    if resolution is not None and not all(16 <= side <= 16384 for side in resolution):
        raise UsageError(f"a resolution of {resolution[0]}x{resolution[1]} is none: write WIDTHxHEIGHT in pixels")
    wishes = Wishes(resolution, fps, stall_seconds, gray)
    make = partial(
        Camera,
        stall_seconds=stall_seconds,
        rotate=rotate,
        hflip=hflip,
        vflip=vflip,
        backoff=backoff,
        say=say,
    )
    if source is None:
        return _First(make, wishes)
    return make(shown(source), partial(open_stream, source, wishes))


def shown(source: str) -> str:
    """The source for messages and records: an address without its password."""
    if "://" not in source:
        return source
    return re.sub(r"//[^/@]*@", "//", source)


def open_stream(source: str, wishes: Wishes) -> Stream:
    """Open a source once.

    Raises:
        SourceError: it is not to be had.
    """
    if source.startswith(_FAKE):
        return Fake(_recording(source.removeprefix(_FAKE), wishes))
    if source.isdecimal():
        return Usb(f"/dev/video{source}", wishes.resolution, wishes.fps)
    if source.startswith("/dev/video"):
        return Usb(source, wishes.resolution, wishes.fps)
    if source == "csi" or source.startswith("csi:"):
        return _csi(source, wishes)
    if "://" in source:
        return _address(source, wishes)
    return _recording(source, wishes)


def _recording(path: str, wishes: Wishes) -> VideoFile | Slides:
    if Path(path).is_file() and (is_video(path) or not _is_picture(path)):
        return VideoFile(path)
    if is_video(path):
        return VideoFile(path)  # says that it is not there
    return Slides(expand(path), 1 / wishes.fps if wishes.fps else SLIDE_SECONDS)


def _is_picture(path: str) -> bool:
    from edge_digits.sources.files import SUFFIXES

    return os.path.splitext(path)[1].lower() in SUFFIXES


def _csi(source: str, wishes: Wishes) -> Stream:
    number = source.partition(":")[2] or "0"
    if not number.isdecimal():
        raise SourceError(f"{source}: name a CSI camera by its number: csi:0")
    program = find_program()
    if program is not None:
        return RpicamPipe(int(number), wishes.resolution, wishes.fps, wishes.stall_seconds, program)
    if has_picamera2():
        return Picamera(int(number), wishes.resolution, wishes.fps, wishes.stall_seconds)
    raise SourceError(
        f"{source}: neither {' nor '.join(PROGRAMS)} is installed. Install it: sudo apt install rpicam-apps-lite"
    )


def _address(address: str, wishes: Wishes) -> Stream:
    scheme = urlsplit(address).scheme
    if scheme in ("http", "https"):
        try:
            return MotionJpeg(address, wishes.stall_seconds, gray=wishes.gray)
        except NotMotionJpegError as error:
            if error.kind.startswith("text/"):
                raise
    elif scheme not in ("rtsp", "rtsps", "rtmp", "rtp", "udp", "tcp", "srt"):
        raise SourceError(f"{scheme}:// is no kind of address that is known. Use rtsp://, http:// or https://")
    return NetworkVideo(address, wishes.stall_seconds)


class _First(Camera):
    """The first camera that delivers a frame."""

    def __init__(self, make: Callable[..., Camera], wishes: Wishes) -> None:
        self._make, self._wishes = make, wishes
        self._chosen: Camera | None = None

    def __enter__(self) -> Camera:  # type: ignore[override]  # what is entered is the camera that was found
        cameras = list_cameras()
        tried = []
        for found in cameras:
            wishes = replace(self._wishes)
            camera = self._make(found.source, partial(open_stream, found.source, wishes))
            try:
                self._chosen = camera.__enter__()
            except SourceError as error:
                tried.append(f"  {error}")
                continue
            return camera
        raise SourceError("\n".join(["no camera gives a picture. Tried:", *tried, *how_to_mend(cameras)]))

    def close(self) -> None:
        if self._chosen is not None:
            self._chosen.close()


def list_cameras() -> list[Found]:
    """The cameras that the system knows, CSI before USB; whether they deliver is seen only by opening them."""
    return [*_csi_cameras(), *_usb_cameras()]


def _csi_cameras() -> list[Found]:
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
    return [Found(f"csi:{number}", name.strip()) for number, name in lines if "/usb" not in name]


def _usb_cameras() -> list[Found]:
    found = []
    for path in sorted(Path("/dev").glob("video*"), key=lambda path: natural_key(path.name)):
        try:
            card, driver, captures = _capability(path)
        except PermissionError:
            found.append(Found(str(path), "this user may not ask it: join the group video"))
            continue
        except OSError:
            continue
        if captures and not _NO_CAMERAS.search(driver):
            found.append(Found(str(path), f"{card} ({driver})"))
    return found


def _capability(path: Path) -> tuple[str, str, bool]:
    """Name, driver, and whether it captures pictures, by VIDIOC_QUERYCAP (Video4Linux2)."""
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        answer = bytearray(struct.calcsize(_QUERYCAP_FORMAT))
        fcntl.ioctl(device, _QUERYCAP, answer)
    finally:
        os.close(device)
    driver, card, _, _, all_nodes, this_node, *_ = struct.unpack(_QUERYCAP_FORMAT, answer)
    flags = this_node if all_nodes & _DEVICE_CAPS else all_nodes
    return _text(card), _text(driver), bool(flags & _CAPTURE)


def _text(padded: bytes) -> str:
    return padded.partition(b"\0")[0].decode("utf-8", "replace")


def how_to_mend(cameras: list[Found]) -> list[str]:
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
