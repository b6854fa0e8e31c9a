"""CSI cameras of a Raspberry Pi, by a pipe from rpicam-vid (libcamera-vid on older systems).

The program writes raw YUV 4:2:0 frames, the grey plane first, which is all that a reader of digits needs. It asks for
no Python package; picamera2 is used only where that program is missing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from time import monotonic
from typing import Any

import numpy as np

from edge_digits.errors import SourceError
from edge_digits.sources.stream import USUAL_RATE, Shot, Stream, StreamError

#: The programs, the present one first.
PROGRAMS = ("rpicam-vid", "libcamera-vid")
#: Rows of the hardware's buffers begin at multiples of this many bytes: https://github.com/raspberrypi/linux/pull/4419
_ALIGNMENT = 64
#: Seconds that the program, the camera and its exposure may take until the first frame.
_START_SECONDS = 15.0
#: Row stride in bytes, once measured, by program, width and height.
_strides: dict[tuple[str, int, int], int] = {}
#: Frames that are at most this many kilobytes pass through the pipe in one piece (the largest that Linux gives a user).
_PIPE = 1 << 20


def find_program() -> str | None:
    """The path of rpicam-vid or libcamera-vid, None where neither is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def has_picamera2() -> bool:
    """Whether picamera2 is installed; it is not imported for that."""
    return find_spec("picamera2") is not None


class RpicamPipe(Stream):
    """Grey frames from the standard output of rpicam-vid."""

    def __init__(
        self, camera: int, resolution: tuple[int, int] | None, fps: float | None, seconds: float, program: str
    ) -> None:
        """Get ready; `open` starts the program, and `seconds` without a frame are a failure."""
        width, height = resolution or (640, 480)
        # YUV 4:2:0 has a colour for every second pixel.
        self._width, self._height = width - width % 2, height - height % 2
        self._seconds = seconds
        self._command = [
            *(program, "--nopreview", "--camera", str(camera), "--codec", "yuv420", "--flush", "--output", "-"),
            *("--width", str(self._width), "--height", str(self._height), "--framerate", f"{fps or USUAL_RATE:g}"),
        ]
        self._timeout = max(seconds, _START_SECONDS)
        self._pipe: _Pipe | None = None
        self._interrupted = False

    def open(self) -> None:
        # Rows of other widths are padded to a stride that depends on the hardware: Pi 5 and Pi 4 differ.
        size = (self._command[0], self._width, self._height)
        if self._width % _ALIGNMENT and size not in _strides:
            _strides[size] = self._measure_stride()
        self._stride = _strides.get(size, self._width)
        self._plane = self._stride * self._height
        self._frame = memoryview(bytearray(self._plane * 3 // 2))
        self._start("--timeout", "0")

    def _start(self, *arguments: str) -> _Pipe:
        self._pipe = pipe = _Pipe([*self._command, *arguments])
        if self._interrupted:  # just now, when there was none to kill
            pipe.kill()
        return pipe

    def read(self) -> Shot | None:
        assert self._pipe is not None
        timeout, self._timeout = self._timeout, self._seconds
        deadline = monotonic() + timeout
        filled = 0
        while filled < len(self._frame):
            count = self._pipe.read_into(self._frame[filled:], deadline)
            if count is None:
                raise StreamError(f"{self._pipe.name} gave no frame for {timeout:g} s{self._pipe.last_error()}")
            if count == 0:
                raise StreamError(f"{self._pipe.name} ended{self._pipe.last_error()}")
            filled += count
        gray = np.frombuffer(self._frame, np.uint8, self._plane).reshape(self._height, self._stride)
        return Shot(gray[:, : self._width].copy())

    def interrupt(self) -> None:
        self._interrupted = True
        if self._pipe is not None:
            self._pipe.kill()

    def close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _measure_stride(self) -> int:
        """Bytes from one row to the next, padding included, by the size of one frame."""
        pipe = self._start("--frames", "1", "--timeout", "0")
        try:
            size, buffer = 0, memoryview(bytearray(_PIPE))
            deadline = monotonic() + max(self._seconds, _START_SECONDS)
            while count := pipe.read_into(buffer, deadline):
                size += count
            stride, remainder = divmod(size * 2, self._height * 3)
            if remainder or not self._width <= stride < self._width + 4 * _ALIGNMENT:
                raise SourceError(
                    f"{pipe.name} gave {size} bytes for a frame of {self._width} x {self._height}{pipe.last_error()}. "
                    "Use a width that is a multiple of 64, such as --resolution 640x480"
                )
            return stride
        finally:
            self.close()


class _Pipe:
    """A program that writes frames, read with time limits; the last lines of its standard error are kept."""

    def __init__(self, command: list[str]) -> None:
        self.name = os.path.basename(command[0])
        try:
            # A session of its own: Ctrl-C is for us, and what the program started ends with it.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(f"{command[0]} cannot be started ({error.strerror})") from None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._stderr_lines: deque[bytes] = deque(maxlen=20)
        with suppress(OSError, AttributeError):
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _PIPE)
        os.set_blocking(self._err, False)
        os.set_blocking(self._out, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._selector.register(self._err, selectors.EVENT_READ)

    def read_into(self, buffer: memoryview, deadline: float) -> int | None:
        """Read available bytes, or wait for some: how many, 0 at the end, None when the deadline has passed."""
        while True:
            left = deadline - monotonic()
            if left <= 0:
                return None
            for key, _ in self._selector.select(left):
                if key.fd == self._err:
                    self._read_stderr()
                    continue
                try:
                    return os.readv(self._out, [buffer])
                except BlockingIOError:
                    continue

    def _read_stderr(self) -> None:
        try:
            output = os.read(self._err, 4096)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return
            output = b""
        if not output:
            self._selector.unregister(self._err)
        self._stderr_lines.extend(line for line in output.splitlines() if line.strip())

    def last_error(self) -> str:
        """The last error that it wrote, else its last line, in brackets for a message; "" where it wrote none."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
        with suppress(OSError, ValueError, KeyError):
            self._read_stderr()
        lines = [line.decode("utf-8", "replace").strip() for line in self._stderr_lines]
        errors = [line for line in lines if "ERROR" in line] or lines[-1:]
        return f" ({errors[-1][:200]})" if errors else ""

    def kill(self) -> None:
        """End it and all that it started, now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, by SIGTERM first, so that it leaves the camera free for the next one."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGTERM)
            # It may be blocked on a full pipe until somebody reads it.
            deadline = monotonic() + 1.0
            buffer = memoryview(bytearray(1 << 16))
            while self._process.poll() is None and self.read_into(buffer, deadline):
                pass
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        self.kill()
        self._process.wait()
        self._selector.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


class Picamera(Stream):
    """Grey frames by picamera2, which comes with Raspberry Pi OS and only there."""

    def __init__(self, camera: int, resolution: tuple[int, int] | None, fps: float | None, seconds: float) -> None:
        """Start the camera.

        Raises:
            SourceError: picamera2 cannot be imported, or has no such camera.
        """
        width, height = resolution or (640, 480)
        self._seconds = seconds
        self._width, self._height = width - width % 2, height - height % 2
        try:
            from picamera2 import Picamera2

            self._camera: Any = Picamera2(camera)
            configuration = self._camera.create_video_configuration(
                main={"size": (self._width, self._height), "format": "YUV420"},
                controls={"FrameRate": fps or USUAL_RATE},
            )
            self._camera.configure(configuration)
            self._camera.start()
        except Exception as error:  # its errors are of many kinds, a clash of its numpy with ours among them
            raise SourceError(
                f"picamera2 does not work here ({type(error).__name__}: {error}). "
                "Install rpicam-apps: sudo apt install rpicam-apps-lite"
            ) from None

    def read(self) -> Shot | None:
        try:
            # A number is a time limit to newer versions, and older ones wait.
            planes = self._camera.capture_array("main", wait=self._seconds)
        except Exception as error:
            raise StreamError(f"picamera2 gave no frame ({type(error).__name__}: {error})") from None
        return Shot(np.ascontiguousarray(planes[: self._height, : self._width]))

    def close(self) -> None:
        self._camera.stop()
        self._camera.close()
