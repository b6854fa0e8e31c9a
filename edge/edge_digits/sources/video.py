"""What OpenCV opens: video files, USB cameras, RTSP and other video over the network; and slide shows.

Success is a frame, not `isOpened()`: on a Raspberry Pi `/dev/video0` may open and never deliver.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from edge_digits.errors import PictureError, SourceError
from edge_digits.sources.decode import decode
from edge_digits.sources.http_client import Tls
from edge_digits.sources.picture_file import PictureFile
from edge_digits.sources.plain_name import plain_name
from edge_digits.sources.stream import USUAL_RATE, Shot, Stream, StreamError

#: How long a slide is shown, seconds.
SLIDE_SECONDS = 2.0
#: A recording that ends more than this many frames before what its header promises was cut short; headers may be a
#: little off.
_COUNT_TOLERANCE = 5


class VideoFile(Stream):
    """A video file, every frame of it, as fast as it is taken."""

    live = reopens = False

    def __init__(self, path: str) -> None:
        """Open it.

        Raises:
            SourceError: it does not exist, or is no video that can be decoded.
        """
        self._path = path
        if not Path(path).is_file():
            raise SourceError(f"{path}: no such video file. Check the name")
        if not os.access(path, os.R_OK):
            raise SourceError(f"{path}: may not be read by this user. Change its permissions: chmod u+r FILE")
        with plain_name(path) as name:
            self._capture = _capture(name, cv2.CAP_FFMPEG, [])
        if not self._capture.isOpened():
            raise SourceError(
                f"{path}: is no video that can be read, or a broken one ({Path(path).stat().st_size} bytes). "
                "Convert it with: ffmpeg -i FILE video.mp4"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        #: Frames a second.
        self.rate: float = rate if 0.1 <= rate <= 1000 else USUAL_RATE
        #: Frames in all, as the file's header has it; 0 where it does not say.
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self._read, self._time = 0, -1.0

    def read(self) -> Shot | None:
        done, picture = self._capture.read()
        if not done:
            if self._read == 0:
                raise StreamError(f"{self._path}: no frame can be decoded. Convert it: ffmpeg -i FILE video.mp4")
            if self._read < self.count - _COUNT_TOLERANCE:
                raise StreamError(
                    f"{self._path}: ended after {self._read} of {self.count} frames: it is cut short or damaged. "
                    "Copy it again"
                )
            return None
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        # Files without usable time stamps give 0 or the same one again.
        self._time = stamp if stamp > self._time else self._time + 1 / self.rate if self._read else 0.0
        self._read += 1
        return Shot(np.asarray(picture), self._time)

    def frames(self, stride: int = 1) -> Iterator[tuple[int, Shot]]:
        """Each `stride`th frame with its number, to the end, and the file closed.

        Raises:
            StreamError: as `read`; what was decoded until then has been given.
        """
        try:
            while (shot := self.read()) is not None:
                yield self._read - 1, shot
                for _ in range(stride - 1):
                    # Without converting them, which costs as much as decoding.
                    self._read += bool(self._capture.grab())
        finally:
            self.close()

    def close(self) -> None:
        self._capture.release()


class Slides(Stream):
    """Pictures, each shown for a while; those that cannot be read are left out and counted as damaged."""

    live = reopens = False

    def __init__(self, files: Sequence[PictureFile], seconds: float = SLIDE_SECONDS) -> None:
        self._files = list(files)
        self._seconds = seconds
        self.rate = 1 / seconds
        self._next = 0

    def read(self) -> Shot | None:
        while self._next < len(self._files):
            file, number = self._files[self._next], self._next
            self._next += 1
            try:
                picture = decode(file.read())
            except PictureError:
                self.damaged += 1
                continue
            return Shot(picture, number * self._seconds, lasts=self._seconds)
        if self.damaged == len(self._files):
            raise StreamError("none of the pictures can be read. Save them as PNG or JPEG")
        return None

    def close(self) -> None:
        self._files.clear()


class Fake(Stream):
    """A recording that plays as if it were live: frames come at their own rate, and are replaced by newer ones."""

    reopens = False

    def __init__(self, recording: VideoFile | Slides) -> None:
        self._recording = recording
        self.rate = recording.rate
        self._begun: float | None = None
        self._stopped = Event()

    def read(self) -> Shot | None:
        shot = self._recording.read()
        if shot is None:
            return None
        now = monotonic()
        self._begun = now - (shot.time or 0.0) if self._begun is None else self._begun
        due = self._begun + (shot.time or 0.0)
        if due > now:
            self._stopped.wait(due - now)
        # A frame that was decoded too late counts as captured when it was due.
        return shot._replace(captured=due)

    def interrupt(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._recording.close()


class Usb(Stream):
    """A USB camera, by Video4Linux2."""

    def __init__(self, device: str, resolution: tuple[int, int] | None = None, fps: float | None = None) -> None:
        """Open it.

        Raises:
            SourceError: it does not exist, or another program has it, or this user may not use it.
        """
        self._device = device
        if not Path(device).exists():
            raise SourceError(
                f"{device}: no such camera. Plug it in; list what is there: edge-digits camera --list-cameras"
            )
        if not os.access(device, os.R_OK | os.W_OK):
            raise SourceError(
                f"{device}: this user may not use it. Join the group video: sudo usermod -aG video $USER; log in again"
            )
        self._capture = _capture(device, cv2.CAP_V4L2, [])
        if not self._capture.isOpened():
            raise SourceError(
                f"{device}: cannot be opened as a camera: another program may be using it (fuser {device}), or it is "
                "no camera. A CSI camera is csi:0"
            )
        width, height = resolution or (640, 480)
        if width * height > 640 * 480:
            # Beyond this a USB 2 camera reaches its rate only when it compresses.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        if fps:
            self._capture.set(cv2.CAP_PROP_FPS, fps)
        # Some drivers ignore it; the grabber drops old frames of those.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self) -> Shot | None:
        done, picture = self._capture.read()
        if not done:
            raise StreamError(f"{self._device}: no frame came" if Path(self._device).exists() else "unplugged")
        return Shot(np.asarray(picture))

    def close(self) -> None:
        self._capture.release()


class NetworkVideo(Stream):
    """Video from an address that FFmpeg knows: RTSP, or H.264 and the like over HTTP."""

    def __init__(self, address: str, seconds: float, tls: Tls) -> None:
        """Open it; `seconds` without data are a failure.

        Raises:
            SourceError: nothing answers there, or no video comes.
        """
        timeout_ms = int(1000 * seconds)
        parameters = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
        secured = urlsplit(address).scheme in ("https", "rtsps")
        with _ffmpeg_options(tls if secured else None):
            self._capture = _capture(address, cv2.CAP_FFMPEG, parameters)
        if not self._capture.isOpened():
            trust = ". Its certificate must be trusted: --tls-ca FILE, or --tls-insecure" if secured else ""
            raise SourceError(
                f"no video comes from this address. Check address, user, password and that the camera is on{trust}"
            )

    def read(self) -> Shot | None:
        done, picture = self._capture.read()
        if not done:
            raise StreamError("the stream ended or stalled")
        return Shot(np.asarray(picture))  # without its time stamps, which jump: the grabber takes the clock's

    def close(self) -> None:
        self._capture.release()


#: OpenCV hands options to FFmpeg by this environment variable alone, and reads it when it opens something.
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
#: UDP, the default, loses packets, and decoders then make pictures up.
_PLAIN = "rtsp_transport;tcp"
_options_lock = Lock()


@contextmanager
def _ffmpeg_options(tls: Tls | None) -> Iterator[None]:
    """Options for what is opened within, unless the user's environment has some."""
    os.environ.setdefault(_OPTIONS, _PLAIN)
    if tls is None or tls.insecure:
        yield
        return
    with _options_lock:
        ours = os.environ[_OPTIONS] == _PLAIN
        if ours:
            # FFmpeg accepts any certificate unless it is told otherwise, and knows no authorities of its own.
            authorities = re.sub(r"([\\';|])", r"\\\1", tls.ca or _system_authorities())
            os.environ[_OPTIONS] = f"{_PLAIN}|tls_verify;1|ca_file;{authorities}"
        try:
            yield
        finally:
            if ours:
                os.environ[_OPTIONS] = _PLAIN


def _system_authorities() -> str:
    """The file of the certificates that the system trusts, "" where it is not known."""
    # Debian's OpenSSL names a folder alone, which FFmpeg does not take.
    files = (ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt")
    return next((file for file in files if file and Path(file).is_file()), "")


def _capture(source: str, backend: int, parameters: list[int]) -> Any:
    """OpenCV's capture with one decoding thread: each further one would delay frames by one, and take a core."""
    # FFmpeg writes its complaints on standard error, a page for each broken frame; -8 is its AV_LOG_QUIET.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if backend == cv2.CAP_FFMPEG:
        parameters = [*parameters, cv2.CAP_PROP_N_THREADS, 1]
    try:
        return cv2.VideoCapture(source, backend, parameters)
    except cv2.error as error:
        # Of an address, the text of the error may hold the password.
        why = "" if "://" in source else f" ({error.err or error})"
        raise SourceError(f"cannot be opened by this OpenCV{why}. Install opencv-python") from None
