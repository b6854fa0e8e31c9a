"""What a server is told at its start, and the limits that hold for every request."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from edge_digits.choices import MAX_PIXELS, Precision
from edge_digits.errors import UsageError
from edge_digits.inference.session import DEFAULT_MODEL

#: Characters that a token may have, so that it can stand in an address, a header and a cookie as it is.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,256}")


@dataclass(frozen=True)
class Limits:
    """What requests may cost.

    Attributes:
        pixels: of a picture.
        body_bytes: of one request.
        held_bytes: of all requests that are being received or read.
        body_seconds: for a body to arrive.
        head_seconds: for a request to begin, on a connection that has nothing else to do.
        wait_seconds: that a reading may have to wait for its turn; beyond that it is refused at once.
        read_seconds: that a reading may take.
        send_seconds: that a viewer of a stream may take nothing.
        connections: at one time; of more, those that have been idle for longest are closed.
        viewers: of the camera, at one time.
        streams: of frames from browsers, at one time.
        jobs: pictures that are read at one time.
    """

    pixels: int = MAX_PIXELS
    body_bytes: int = 32 << 20
    held_bytes: int = 256 << 20
    body_seconds: float = 30.0
    head_seconds: float = 10.0
    wait_seconds: float = 0.5
    read_seconds: float = 60.0
    send_seconds: float = 15.0
    connections: int = 2000
    viewers: int = 100
    streams: int = 64
    jobs: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))


@dataclass(frozen=True)
class Settings:
    """What a server does.

    Attributes:
        model: a shipped model's name, or an .onnx file.
        precision: of a shipped model whose name does not say it.
        camera: the source of the server's own camera; None for none.
        token: what clients must know; None for nothing.
        hosts: names by which it may be addressed, beside this machine's own.
        origins: other sites whose pages may use the API.
        corrections: the folder that corrected digits are saved to; None for not at all.
        corrections_bytes: what that folder may take.
        limits: of requests.
    """

    model: str = DEFAULT_MODEL
    precision: Precision = "int8"
    camera: str | None = None
    token: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    corrections: Path | None = None
    corrections_bytes: int = 100 << 20
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Raises: UsageError: a token that can be guessed, or cannot be sent; an origin that is none."""
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise UsageError(
                "a token has 16 to 256 letters, digits and any of - . _ ~; with --token auto, one is made that nobody "
                "can guess"
            )
        for origin in self.origins:
            if not re.fullmatch(r"https?://[\w.:\[\]-]+", origin):
                raise UsageError(
                    f"{origin}: is no origin. Write it as https://name or http://name:port, without a path"
                )
