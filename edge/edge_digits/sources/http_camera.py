"""A camera at an address of HTTP: which kind it is, its first answer says."""

from __future__ import annotations

from edge_digits.errors import SourceError
from edge_digits.sources.address import Login, split_login, with_login
from edge_digits.sources.http_client import SYSTEM, HttpClient, Tls
from edge_digits.sources.mjpeg import MotionJpeg
from edge_digits.sources.snapshots import EVERY, TYPES, Snapshots
from edge_digits.sources.stream import Shot, Stream
from edge_digits.sources.video import NetworkVideo


class HttpCamera(Stream):
    """Motion JPEG, a still picture that is asked for again and again, or other video by way of FFmpeg."""

    def __init__(
        self,
        address: str,
        seconds: float,
        *,
        login: Login | None = None,
        tls: Tls = SYSTEM,
        every: float | None = None,
        gray: bool = False,
    ) -> None:
        """Get ready; `open` connects.

        Args:
            address: of scheme http or https.
            seconds: the time limit for connecting, and for each frame.
            login: where the address has none.
            tls: which certificates are accepted.
            every: seconds from one still picture to the next.
            gray: no colours are wanted.

        Raises:
            SourceError: it is no address.
        """
        self._address, self._seconds, self._login, self._tls = address, seconds, login, tls
        self._every, self._gray = every or EVERY, gray
        self._client = HttpClient(address, login, self._tls, seconds)
        self._content: Stream | None = None

    def open(self) -> None:
        content_type = self._client.get()
        if content_type.startswith("multipart/"):
            self._content = MotionJpeg(self._client, gray=self._gray)
        elif content_type in TYPES:
            self._content = Snapshots(self._client, every=self._every, gray=self._gray)
        elif content_type.startswith(("text/", "application/json")):
            raise SourceError(
                f"serves {content_type}, not multipart/x-mixed-replace (Motion JPEG) or image/jpeg. Name the address "
                "of the camera's stream or picture"
            )
        else:
            self._client.close()
            found, bare = split_login(self._address)
            self._content = NetworkVideo(with_login(bare, found or self._login), self._seconds, self._tls)

    @property
    def damaged(self) -> int:  # type: ignore[override]  # those of its content
        """How many pieces could not be decoded."""
        return 0 if self._content is None else self._content.damaged

    @property
    def due(self) -> float:  # type: ignore[override]  # that of its content
        """When the next picture is wanted."""
        return 0.0 if self._content is None else self._content.due

    def read(self) -> Shot | None:
        assert self._content is not None
        return self._content.read()

    def interrupt(self) -> None:
        self._client.interrupt()

    def close(self) -> None:
        self._client.close()
        if self._content is not None:
            self._content.close()
