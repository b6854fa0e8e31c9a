"""What a live run hands its results to, beside the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_digits.live.watch import LiveResult
    from edge_digits.sources.camera import Camera


class Outlet(Protocol):
    """Takes results for as long as a run lasts; all calls come from the thread of the run, and none may wait."""

    def open(self, camera: Camera) -> None:
        """The camera gives frames."""

    def take(self, result: LiveResult) -> None:
        """A frame was read, or the source was lost.

        Raises:
            OutputError: it cannot be kept; that is told, and the run goes on.
        """

    def tick(self) -> None:
        """Called between frames, and while there are none."""

    def close(self) -> None:
        """The run has ended."""
