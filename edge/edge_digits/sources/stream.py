"""The interface of moving sources, and the frames that they deliver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from edge_digits.errors import SourceError

#: What a recording or a camera is taken to run at where it does not say.
USUAL_RATE = 30.0


class StreamError(SourceError):
    """A source that was open and fails: unplugged, stalled, cut short. The grabber opens it again if it is live."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Frame:
    """One frame of a source.

    >>> from edge_digits import open_camera
    >>> with open_camera("samples/number-427.png") as camera:
    ...     frame = camera.read()
    >>> frame.number, frame.time, frame.picture.shape, frame.picture.dtype
    (0, 0.0, (240, 480, 3), dtype('uint8'))

    Attributes:
        picture: uint8 [H, W] or [H, W, 3] (BGR).
        number: which frame of its source it is, from 0; numbers are left out where a live source's frames were dropped.
        time: seconds since the first frame: by the clock for live sources, by time stamps for recordings.
        captured: `time.monotonic()` at its capture.
        lasts: seconds that it is shown for if it is a slide, else 0.
        gap: how many times the source had been lost before it.
    """

    picture: NDArray[Any]
    number: int
    time: float
    captured: float
    lasts: float = 0.0
    gap: int = 0


class Shot(NamedTuple):
    """What a stream delivers: a picture, its time stamp where it has one, when it was captured, how long it lasts."""

    picture: NDArray[Any]
    time: float | None = None
    captured: float | None = None
    lasts: float = 0.0


class Stream(ABC):
    """A source that is open.

    Attributes:
        live: whether frames that nobody took are to be dropped.
        reopens: whether it is to be opened again when it fails.
        rate: frames a second, where a recording says.
        damaged: how many pieces of it could not be decoded and were left out.
        due: `time.monotonic()` before which the next frame is not wanted.
    """

    live = True
    reopens = True
    rate: float | None = None
    damaged = 0
    due = 0.0

    def open(self) -> None:  # noqa: B027  # most need no more than their constructor
        """Do what may take long, such as to connect; called by the thread that reads, and `interrupt` ends it.

        Raises:
            SourceError: it is not available.
        """

    @abstractmethod
    def read(self) -> Shot | None:
        """The next frame, waited for; None where the source has come to its end.

        Raises:
            StreamError: it failed, or delivered nothing within its time limit.
        """

    @abstractmethod
    def close(self) -> None:
        """Give everything back; called by the thread that reads."""

    def interrupt(self) -> None:  # noqa: B027  # most reads end soon by themselves
        """Make an `open` or a `read` that another thread waits in end soon, and those that follow."""
