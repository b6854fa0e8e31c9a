"""Still pictures over HTTP (`http://CAMERA/snap.jpg`), asked for again and again."""

from __future__ import annotations

from time import monotonic

from edge_digits.errors import PictureError
from edge_digits.sources.http_client import HttpClient
from edge_digits.sources.mjpeg import MAX_BYTES, decode_jpeg
from edge_digits.sources.stream import Shot, Stream, StreamError

#: Content types of a JPEG file.
TYPES = frozenset({"image/jpeg", "image/jpg", "image/pjpeg"})
#: Seconds from one picture to the next.
EVERY = 1.0


class Snapshots(Stream):
    """A picture every so many seconds."""

    def __init__(self, client: HttpClient, *, every: float = EVERY, gray: bool = False) -> None:
        """Take the answer that a client has got, as the first picture."""
        self._client, self._every, self._gray = client, every, gray
        self._asked: float | None = None

    def read(self) -> Shot | None:
        if self._asked is None:
            self._client.limit()
            self._asked = monotonic()
        else:
            self._asked = monotonic()
            content_type = self._client.get()
            if content_type not in TYPES:
                raise StreamError(f"serves {content_type} now, and no JPEG")
        self.due = self._asked + self._every
        try:
            return Shot(decode_jpeg(self._content(), gray=self._gray))
        except PictureError as error:
            raise StreamError(f"the picture {error}") from None
        finally:
            self._client.close()

    def _content(self) -> bytes:
        content = bytearray()
        while piece := self._client.read():
            content += piece
            if len(content) > MAX_BYTES:
                raise StreamError(f"the picture has more than {MAX_BYTES >> 20} MB")
        if not self._client.complete:
            raise StreamError("the picture was cut short")
        return bytes(content)

    def close(self) -> None:
        self._client.close()
