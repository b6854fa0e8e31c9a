"""Names of files as OpenCV and FFmpeg can take them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_digits.errors import SourceError

#: What FFmpeg takes for a protocol, or for the numbers of a series of pictures, and no shell would.
_PLAIN = re.compile(r"[^:%]+")


@contextmanager
def plain_name(path: str) -> Iterator[str]:
    """A name by which OpenCV can open a file within, whatever its own is; an open file needs it no longer.

    OpenCV dies (SIGSEGV) of a name that is not UTF-8, and FFmpeg reads `scan:1.mp4` as an address: such a file is
    reached by a link with another name and the same ending.

    Raises:
        SourceError: no link can be made.
    """
    try:
        path.encode()
        plain = _PLAIN.fullmatch(path) is not None
    except UnicodeEncodeError:
        plain = False
    if plain:
        yield path
        return
    suffix = re.sub(r"[^.\w]", "", os.path.splitext(path)[1], flags=re.ASCII)
    try:
        with tempfile.TemporaryDirectory(prefix="edge-digits-") as folder:
            link = Path(folder, f"file{suffix}")
            link.symlink_to(Path(path).absolute())
            yield str(link)
    except OSError as error:
        raise SourceError(
            f"{path}: has a name that OpenCV cannot take ({error.strerror or error}). Rename it"
        ) from None
