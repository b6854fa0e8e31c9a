"""A process apart for decoders whose time and memory no header bounds: AVIF, JPEG 2000, HEIC, PDF, rare TIFFs.

It starts when the first such file is met, and stays for the next ones. What takes too long is ended with it; what takes
too much memory fails in there (RLIMIT_AS), and a decoder that crashes takes no other reading along.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError

#: What it may take for one picture or page, seconds.
SECONDS = 10.0
#: Starting it loads numpy and OpenCV, which takes long on a small board.
_START_SECONDS = 30.0
_MAIN = "import sys; sys.path[:] = sys.argv[2:]; from edge_digits.sources.worker import serve; serve(int(sys.argv[1]))"
#: One thread each: every other one reserves address space, which is what is limited.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Worker:
    """The process, seen from this one; one request at a time."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Get ready; the process is started by the first request.

        Args:
            seconds: that one may take.
        """
        self._seconds = seconds
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._held: object = None
        os.register_at_fork(after_in_child=self._forget)

    @property
    def pid(self) -> int | None:
        """The number of the process; None where there is none."""
        return None if self._process is None else self._process.pid

    def _forget(self) -> None:
        """A child of this process has the parent's worker, which is not its own to ask."""
        self._lock = Lock()
        self._process = self._connection = self._held = None

    def ask(self, request: dict[str, Any], content: bytes | bytearray, *, held: bool) -> tuple[dict[str, Any], bytes]:
        """Send a request about a file, and wait for its answer.

        Args:
            request: what `worker` takes.
            content: the file.
            held: it is asked about again and again, and sent once only.

        Raises:
            PictureError: it took too long, or its decoder failed.
        """
        with self._lock:
            try:
                connection = self._started()
                again = held and self._held is content
                connection.send_bytes(json.dumps(request | {"again": again}).encode())
                if not again:
                    connection.send_bytes(content)
                self._held = content if held else None
                if not connection.poll(self._seconds):
                    raise PictureError(
                        f"takes longer than {self._seconds:g} s to decode, which no picture of its size should. "
                        "Save it as PNG or JPEG"
                    )
                answer: dict[str, Any] = json.loads(connection.recv_bytes())
                data = connection.recv_bytes() if "shape" in answer else b""
            except (OSError, EOFError):
                self._end()
                raise PictureError(
                    "cannot be decoded: its decoder failed, or needed too much memory. Save it as PNG or JPEG"
                ) from None
            except BaseException:
                self._end()  # it may still be at work on this one
                raise
        if "error" in answer:
            raise PictureError(answer["error"])
        return answer, data

    def _started(self) -> Connection[Any, Any]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._connection is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _MAIN, str(theirs.fileno()), *sys.path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, **_ENVIRONMENT},
                    start_new_session=True,  # Ctrl-C is for this process, which then ends that one
                )
            self._connection = Connection(ours.detach())
            if not self._connection.poll(_START_SECONDS):
                raise OSError("it did not start")
            self._connection.recv_bytes()
        return self._connection

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._connection = self._held = None

    def close(self) -> None:
        """End the process, where there is one."""
        with self._lock:
            self._end()


_worker = Worker()
atexit.register(_worker.close)


def decode_apart(kind: str, content: bytes | bytearray, memory_bytes: int) -> NDArray[Any]:
    """Decode a picture: [H, W] or [H, W, 3 or 4], uint8 or of more bits.

    Args:
        kind: the name of its format.
        content: the file.
        memory_bytes: that decoding it may take.

    Raises:
        PictureError: it cannot be decoded within that, or at all.
    """
    return _array(*_worker.ask({"kind": kind, "memory": memory_bytes}, content, held=False))


def count_pages(content: bytes, memory_bytes: int) -> int:
    """How many pages a PDF has; as `decode_apart`."""
    return int(_worker.ask({"kind": "PDF", "memory": memory_bytes}, content, held=True)[0]["pages"])


def render_page(content: bytes, page: int, max_pixels: int, memory_bytes: int) -> NDArray[np.uint8]:
    """A page of a PDF as pixels, uint8 [H, W, 3] (BGR); as `decode_apart`."""
    request = {"kind": "PDF", "memory": memory_bytes, "page": page, "max_pixels": max_pixels}
    return _array(*_worker.ask(request, content, held=True))


def _array(answer: dict[str, Any], data: bytes) -> NDArray[Any]:
    return np.frombuffer(data, answer["dtype"]).reshape(answer["shape"])
