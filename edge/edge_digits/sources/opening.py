"""A moving source as a user names it -> its frames."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_digits.errors import SourceError, UsageError
from edge_digits.imaging.regions import check_rotation
from edge_digits.sources.address import Login, login_of, split_login, with_login, without_password
from edge_digits.sources.camera import Camera
from edge_digits.sources.csi import PROGRAMS, Picamera, RpicamPipe, find_program, has_picamera2
from edge_digits.sources.discovery import camera_hints, list_cameras
from edge_digits.sources.files import SUFFIXES, expand, is_video
from edge_digits.sources.grabber import BACKOFF
from edge_digits.sources.http_camera import HttpCamera
from edge_digits.sources.http_client import SYSTEM, Tls
from edge_digits.sources.jpeg_pipe import JpegPipe
from edge_digits.sources.picture_file import STDIN
from edge_digits.sources.stream import Stream
from edge_digits.sources.video import SLIDE_SECONDS, Fake, NetworkVideo, Slides, Usb, VideoFile

_FAKE = "fake:"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamOptions:
    """What is asked of a source; cameras deliver what they can.

    Attributes:
        resolution: width and height in pixels.
        fps: frames a second; for a folder, the inverse of how long a slide is shown.
        stall_seconds: without a frame for this long, a live source is lost.
        gray: no colours are wanted.
        login: for addresses that hold none.
        tls: which certificates are accepted of https and rtsps.
        every: seconds from one still picture to the next.
    """

    resolution: tuple[int, int] | None = None
    fps: float | None = None
    stall_seconds: float = 5.0
    gray: bool = False
    login: Login | None = None
    tls: Tls = SYSTEM
    every: float | None = None


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
    every: float | None = None,
    login: str | None = None,
    tls_ca: str | os.PathLike[str] | None = None,
    tls_insecure: bool = False,
    backoff: tuple[float, float] = BACKOFF,
    say: Callable[[str], None] | None = None,
) -> Camera:
    """Frames of a camera, a video, an address or a folder.

    >>> from edge_digits import open_camera
    >>> with open_camera("samples/number-427.png") as camera:
    ...     for frame in camera:
    ...         print(frame.number, frame.time, frame.picture.shape)
    0 0.0 (240, 480, 3)

    Args:
        source: "0" or "/dev/video0" (USB), "csi:0", a video file, a folder or glob (slides), "rtsp://...", "http://..."
            (Motion JPEG, a still JPEG, or what FFmpeg knows), "-" (JPEG files on standard input), "fake:FILE" to play a
            recording as if live. None takes the first camera that delivers a frame, CSI before USB.
        resolution: width and height that are asked of a camera; 640x480 by default.
        fps: frames a second that are asked of a camera; slides a second for a folder.
        rotate: turn frames clockwise by 0, 90, 180 or 270 degrees.
        hflip, vflip: then mirror them, left to right or top to bottom.
        gray: no colours are wanted; some sources are cheaper then.
        stall_seconds: without a frame for this long, a live source is taken for lost and opened again.
        every: seconds from one still picture of an address to the next; by default one a second, or `fps`.
        login: "USER:PASSWORD" for an address that holds none; by default the environment's EDGE_DIGITS_LOGIN.
        tls_ca: a file of PEM certificates that are trusted in place of the system's.
        tls_insecure: accept any certificate; `say` is told.
        backoff: seconds between attempts to open it again, at first and at most; the first one comes at once.
        say: takes one line about each loss and return; by default they are logged as warnings.

    Returns:
        A `Camera`; its source is opened on entering a `with`.

    Raises:
        SourceError: on entering: the source is not available; says what was tried and how to mend it.
        UsageError: an argument is out of its range.
    """
    check_rotation(rotate)
    if stall_seconds <= 0 or (fps is not None and fps <= 0):
        raise UsageError("stall_seconds and fps are more than 0")
    if resolution is not None and not all(16 <= side <= 16384 for side in resolution):
        raise UsageError(f"a resolution of {resolution[0]}x{resolution[1]} is none: write WIDTHxHEIGHT in pixels")
    if every is not None and every <= 0:
        raise UsageError("every is more than 0 seconds")
    tls = _tls(tls_ca, tls_insecure, say)
    found = login_of(login) if source is not None and "://" in source else None
    options = StreamOptions(resolution, fps, stall_seconds, gray, found, tls, every or (1 / fps if fps else None))
    common: dict[str, Any] = {
        "stall_seconds": stall_seconds,
        "rotate": rotate,
        "hflip": hflip,
        "vflip": vflip,
        "backoff": backoff,
        "say": say,
    }
    if source is None:
        return _FirstCamera(options, **common)
    return Camera(without_password(source), partial(open_stream, source, options), **common)


def _tls(ca: str | os.PathLike[str] | None, insecure: bool, say: Callable[[str], None] | None) -> Tls:
    if ca is not None and insecure:
        raise UsageError("--tls-ca and --tls-insecure do not go together: the one checks, and the other does not")
    tls = Tls(None if ca is None else os.fspath(ca), insecure)
    if ca is not None:
        tls.context()  # a file that holds no certificate is told now, and not as a loss
    if insecure:
        (say or _log.warning)(
            "--tls-insecure: certificates are not checked. Whoever is on the way to the camera can read the password, "
            "and change the pictures"
        )
    return tls


def open_stream(source: str, options: StreamOptions) -> Stream:
    """Open a source once.

    Raises:
        SourceError: it is not available.
    """
    if source.startswith(_FAKE):
        return Fake(_recording(source.removeprefix(_FAKE), options))
    if source == STDIN:
        return JpegPipe()
    if source.isdecimal() or source.startswith("/dev/video"):
        device = f"/dev/video{source}" if source.isdecimal() else source
        return Usb(device, options.resolution, options.fps)
    if source == "csi" or source.startswith("csi:"):
        return _csi(source, options)
    if "://" in source:
        return _address(source, options)
    return _recording(source, options)


def _recording(path: str, options: StreamOptions) -> VideoFile | Slides:
    if is_video(path) or (Path(path).is_file() and not _is_picture(path)):
        return VideoFile(path)
    return Slides(expand(path), 1 / options.fps if options.fps else SLIDE_SECONDS)


def _is_picture(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in SUFFIXES


def _csi(source: str, options: StreamOptions) -> Stream:
    number = source.partition(":")[2] or "0"
    if not number.isdecimal():
        raise SourceError(f"{source}: name a CSI camera by its number: csi:0")
    program = find_program()
    if program is not None:
        return RpicamPipe(int(number), options.resolution, options.fps, options.stall_seconds, program)
    if has_picamera2():
        return Picamera(int(number), options.resolution, options.fps, options.stall_seconds)
    raise SourceError(
        f"{source}: neither {' nor '.join(PROGRAMS)} is installed. Install it: sudo apt install rpicam-apps-lite"
    )


def _address(address: str, options: StreamOptions) -> Stream:
    scheme = address.partition("://")[0].lower()
    if scheme in ("http", "https"):
        return HttpCamera(
            address,
            options.stall_seconds,
            login=options.login,
            tls=options.tls,
            every=options.every,
            gray=options.gray,
        )
    if scheme not in ("rtsp", "rtsps", "rtmp", "rtp", "udp", "tcp", "srt"):
        raise SourceError("this is no kind of address that is known. Use rtsp://, http:// or https://")
    if scheme in ("rtsp", "rtsps"):
        found, bare = split_login(address)
        address = with_login(bare, found or options.login)
    return NetworkVideo(address, options.stall_seconds, options.tls)


class _FirstCamera(Camera):
    """The first camera that delivers a frame; after a loss, that one again."""

    def __init__(self, options: StreamOptions, **common: Any) -> None:
        super().__init__("first camera", _nothing_found, **common)
        self._options = options

    def _open(self) -> None:
        cameras = list_cameras()
        failures = []
        for camera in cameras:
            try:
                self._grab(camera.source, partial(open_stream, camera.source, self._options))
            except SourceError as error:
                failures.append(f"  {error}")
            else:
                return
        raise SourceError("\n".join(["no camera gives a picture. Tried:", *failures, *camera_hints(cameras)]))


def _nothing_found() -> Stream:
    raise SourceError("no camera has been looked for")
