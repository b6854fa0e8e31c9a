"""Native libraries, loaded so that they keep to their share of the machine and off standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edge_digits.errors import SourceError


@contextmanager
def native_stderr_off() -> Iterator[None]:
    """Send what C and C++ code writes on standard error to nowhere; Python's own `sys.stderr` is held back as well.

    For imports that greet the user with a page of log lines (TensorFlow), and only there: errors vanish with them, but
    exceptions do not.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load_opencv(threads: int, stall_seconds: float = 5.0) -> None:
    """Load OpenCV for the command line; the first import of cv2 in a process should be this one.

    Args:
        threads: that it may use, so that it leaves the other cores of a small board alone.
        stall_seconds: how long it waits for a frame of a USB camera.

    Raises:
        SourceError: it cannot be loaded, because a library of the system is missing.
    """
    # OpenCV waits ten seconds for a USB camera by default; it reads this when it is loaded.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, round(stall_seconds))))
    try:
        import cv2
    except ImportError as error:
        raise SourceError(
            f"OpenCV cannot be loaded ({error}). Where a library is missing: sudo apt install libgl1 libglib2.0-0"
        ) from None
    cv2.setNumThreads(threads)
    # Its decoders would write on standard error. OpenCV 4 has this at the top, OpenCV 5 in its own module.
    set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
    set_log_level(0)
