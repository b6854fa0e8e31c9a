"""The other end of `apart`: decodes what it is sent, within the memory that it is told.

A request is a line of JSON, and then the file, unless it is the one that is held; the answer a line of JSON, and then
the pixels, where it has a `shape`. Nothing that is sent is executed.
"""

from __future__ import annotations

import json
import resource
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.sources.native import imdecode


def serve(descriptor: int) -> None:
    """Answer requests on this socket until it is closed."""
    cv2.setNumThreads(1)
    connection: Connection[Any, Any] = Connection(descriptor)
    connection.send_bytes(b"{}")
    content = b""
    document: Any = None
    while True:
        try:
            request = json.loads(connection.recv_bytes())
            if not request["again"]:
                document, content = None, connection.recv_bytes()
        except (EOFError, OSError):
            return
        _limit_memory(request["memory"])
        picture: NDArray[Any] | None = None
        try:
            if request["kind"] == "PDF":
                from edge_digits.sources import pdf

                document = pdf.opened(content) if document is None else document
                answer: dict[str, Any] = {"pages": len(document)}
                if "page" in request:
                    picture = pdf.rendered(document, request["page"], request["max_pixels"])
            elif request["kind"] == "HEIC":
                from edge_digits.sources import heic

                picture = heic.decoded(content)
            else:
                picture = imdecode(content, cv2.IMREAD_UNCHANGED)[0]
            if picture is not None:
                picture = np.ascontiguousarray(picture)
                answer = {"shape": picture.shape, "dtype": picture.dtype.str}
        except PictureError as error:
            picture, answer = None, {"error": str(error)}
        except MemoryError:
            picture, answer = None, {"error": _OUT_OF_MEMORY.format(request["memory"] >> 20)}
        with suppress(MemoryError):
            connection.send_bytes(json.dumps(answer).encode())
            if picture is not None:
                connection.send_bytes(picture.data.cast("B"))


_OUT_OF_MEMORY = "is too large: decoding it takes more than {} MB of memory. Scale it down, or raise --max-pixels"


def _limit_memory(count: int) -> None:
    """Let this process have so many bytes more than it has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + count
    resource.setrlimit(resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
