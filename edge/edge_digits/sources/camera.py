"""A moving source as its user sees it: the newest frame, or every one of a recording, in a `with` and a `for`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.imaging.regions import rotate
from edge_digits.sources.grabber import BACKOFF, Grabber
from edge_digits.sources.stream import Frame, Stream


class Camera:
    """Frames of a source, in a `with` and a `for`; `open_camera` makes one.

    >>> from edge_digits import Camera, open_camera
    >>> with open_camera("samples") as camera:
    ...     first = next(iter(camera))
    >>> isinstance(camera, Camera), camera.name, camera.live, first.picture.dtype
    (True, 'samples', False, dtype('uint8'))

    A thread reads the source into one slot. Where the source is live, a new frame replaces one that nobody took, so
    that the frame that you get is the newest; recordings wait instead, and lose none. A live source that fails (it
    stalls, is unplugged, changes the size of its frames) is opened again for ever, at growing intervals; `for` waits
    for it.

    All attributes can be read at any time: before the source is opened, while it is, and after it was closed.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], Stream],
        *,
        stall_seconds: float = 5.0,
        rotate: int = 0,
        hflip: bool = False,
        vflip: bool = False,
        backoff: tuple[float, float] = BACKOFF,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Get ready; the source is opened on entering a `with`.

        Args:
            name: for messages and records.
            opener: opens the source; called again after each loss.
            stall_seconds: for how long the source may give nothing at first, if that is more than 40 s.
            rotate: turn each frame clockwise by 0, 90, 180 or 270 degrees.
            hflip, vflip: then mirror it, left to right or top to bottom.
            backoff: seconds from a failed attempt to open it to the next one, at first and at most; a source that was
                open for longer is opened again at once.
            say: takes one line about each loss and each return; by default they are logged as warnings.
        """
        self._make_grabber = partial(Grabber, stall_seconds=stall_seconds, backoff=backoff, say=say)
        self._opener = opener
        self._grabber = self._make_grabber(name, opener)
        self._stall_seconds = stall_seconds
        self._rotate, self._hflip, self._vflip = rotate, hflip, vflip
        self._entered = self._ended = False

    @property
    def name(self) -> str:
        """The source as it was named, passwords left out; of the first camera that is found, known once it is open."""
        return self._grabber.name

    @property
    def live(self) -> bool:
        """Whether it is live; taken for so until it is open."""
        return self._grabber.live

    @property
    def gaps(self) -> int:
        """How often it was lost."""
        return self._grabber.gaps

    @property
    def dropped(self) -> int:
        """Frames that were replaced before anybody took them."""
        return self._grabber.dropped

    @property
    def down(self) -> bool:
        """Whether it is lost at this moment."""
        return self._grabber.down

    @property
    def ended(self) -> bool:
        """Whether it has come to its end and all its frames were taken."""
        return self._ended

    @property
    def problem(self) -> str | None:
        """Why it ended, where that was not its proper end."""
        return self._grabber.problem

    @property
    def stall_seconds(self) -> float:
        """For how long it may give nothing, and show no life, before it is taken for lost."""
        return self._stall_seconds

    @property
    def rate(self) -> float | None:
        """Frames a second, where a recording says."""
        return self._grabber.rate

    @property
    def beat(self) -> float:
        """`time.monotonic()` when its thread last showed life."""
        return self._grabber.beat

    def __enter__(self) -> Self:
        """Open the source and wait for its first frame.

        Raises:
            SourceError: it is not available; says why and what to do.
        """
        self.close()
        self._ended = False
        self._open()
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.read()) is not None or not self._ended:
            if frame is not None:
                yield frame

    def read(self, timeout: float | None = None) -> Frame | None:
        """The newest frame, waited for; None after `timeout` seconds without one, or where the source has `ended`.

        Raises:
            UsageError: the source was not opened yet.
        """
        if not self._entered:
            raise UsageError(f"{self.name}: is not open. Open it first: with open_camera(SOURCE) as camera")
        frame, self._ended = self._grabber.take(timeout)
        return None if frame is None else self._oriented(frame)

    def close(self) -> None:
        """Stop the thread and give the source back."""
        self._grabber.stop()

    def _open(self) -> None:
        """Open the source, which may have been open before."""
        self._grab(self.name, self._opener)

    def _grab(self, name: str, opener: Callable[[], Stream]) -> None:
        self._grabber = self._make_grabber(name, opener)
        self._grabber.start()

    def _oriented(self, frame: Frame) -> Frame:
        if not (self._rotate or self._hflip or self._vflip):
            return frame
        picture: NDArray[Any] = rotate(frame.picture, self._rotate)
        if self._hflip or self._vflip:
            picture = np.asarray(cv2.flip(picture, -1 if self._hflip and self._vflip else int(self._hflip)))
        return replace(frame, picture=picture)
