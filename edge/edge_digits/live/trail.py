"""The outlet that keeps a trail: a row for each event, with a crop of the number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_digits.imaging.pixels import to_gray
from edge_digits.live.plausibility import Plausibility, as_number
from edge_digits.outputs.files import encoded
from edge_digits.outputs.pictures import crop
from edge_digits.outputs.store import Row, Store
from edge_digits.results import Box

if TYPE_CHECKING:
    from edge_digits.live.watch import LiveResult
    from edge_digits.sources.camera import Camera


class Trail:
    """Keeps what is announced in a file, from which the last plausible number is known after a restart."""

    def __init__(self, path: Path, board: str, plausibility: Plausibility | None = None) -> None:
        """Open the file.

        Args:
            path: the file.
            board: this board's name.
            plausibility: goes on from the file's last plausible number.

        Raises:
            OutputError: it cannot be written.
        """
        self._store, self._board = Store(path), board
        if plausibility is not None and plausibility.last is None:
            plausibility.last = as_number(self._store.last_plausible() or "")

    def open(self, camera: Camera) -> None:
        """Nothing to be done: rows name their sources."""

    def take(self, result: LiveResult) -> None:
        if result.events:
            self._store.add(
                [
                    Row.of(record, self._board, _crop(result) if record["event"] == "announced" else None)
                    for record in result.event_records
                ]
            )

    def tick(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self._store.close()


def _crop(result: LiveResult) -> bytes | None:
    """The part of the frame that holds what was read, as a PNG file; None where the frame is gone."""
    digits = result.reading.digits
    if result.frame is None or not digits:
        return None
    boxes = [digit.box for digit in digits]
    around = Box(
        min(box.x1 for box in boxes),
        min(box.y1 for box in boxes),
        max(box.x2 for box in boxes),
        max(box.y2 for box in boxes),
    )
    return encoded(crop(to_gray(result.frame.picture), replace(digits[0], box=around)), ".png")
