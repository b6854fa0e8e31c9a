"""Keep native libraries from talking on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
