"""What a camera run keeps: annotated video, and crops of digits that the model was unsure of."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import OutputError
from edge_digits.imaging.pixels import to_gray
from edge_digits.live.watch import LiveResult
from edge_digits.outputs.files import cannot_write, check_free, write_picture
from edge_digits.outputs.pictures import CropFolder, annotate, crop

_CODECS = {".mp4": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
#: A pause of the source becomes a still of this length at most, seconds.
_LONGEST_STILL = 1.0


class Recording:
    """A video file of annotated frames, at a constant rate; it gets its name when it is closed."""

    def __init__(self, path: Path, rate: float, *, force: bool = False) -> None:
        """Get ready; the file is begun with the first frame.

        Raises:
            OutputError: it may not be written there, or its name ends in no known format.
        """
        if path.suffix.lower() not in _CODECS:
            raise OutputError(f"{path}: a recording ends in one of: {' '.join(_CODECS)}")
        check_free(path, force=force)
        self._path, self._rate = path, rate
        self._part = path.with_name(f"{path.stem}.part{path.suffix}")
        self._writer: Any = None
        self._size = (0, 0)
        self._time = self._frames_due = 0.0

    def write(self, result: LiveResult) -> None:
        """Add a frame, repeated or left out so that the recording runs as fast as the source did.

        Raises:
            OutputError: it cannot be written.
        """
        if result.frame is None:
            return
        picture = annotate(result.frame.picture, result.reading)
        if self._writer is None:
            self._open(picture)
            self._frames_due = 1.0
        else:
            self._frames_due += self._rate * min(max(result.frame.time - self._time, 0.0), _LONGEST_STILL)
        self._time = result.frame.time
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = np.asarray(cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        # Half a frame of tolerance: the intervals of a constant rate are never exactly equal.
        while self._frames_due > 0.5:
            self._writer.write(picture)
            self._frames_due -= 1.0

    def close(self) -> None:
        """End the file and give it its name.

        Raises:
            OutputError: it cannot be written.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        try:
            self._part.replace(self._path)
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def _open(self, picture: NDArray[np.uint8]) -> None:
        height, width = picture.shape[:2]
        self._size = (width - width % 2, height - height % 2)
        codec = cv2.VideoWriter.fourcc(*_CODECS[self._path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, codec, self._rate, self._size)
        if not self._writer.isOpened():
            raise OutputError(f"{self._path}: cannot be written. Check free space and permissions there, or try .avi")


class UncertainCrops:
    """Crops of digits of low confidence, with a `labels.csv` to correct and train on; it never fills the disk."""

    def __init__(self, folder: Path, *, below: float = 0.9, period: float = 1.0, max_bytes: int = 100 << 20) -> None:
        """Open the folder; what it holds already counts.

        Args:
            folder: created where it does not exist; later runs add to it.
            below: digits less sure than this are kept.
            period: minimum seconds between frames that crops are kept of.
            max_bytes: maximum size of the folder.

        Raises:
            OutputError: the folder cannot be made or written to.
        """
        self._folder, self._below, self._period = folder, below, period
        self._left = max_bytes
        self._next = 0.0
        self._labels = folder / "labels.csv"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._left -= sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
            if not self._labels.exists():
                self._add(CropFolder.COLUMNS)
        except OSError as error:
            raise cannot_write(folder, error) from None

    @property
    def full(self) -> bool:
        """Whether the folder has its size."""
        return self._left <= 0

    def write(self, result: LiveResult) -> None:
        """Keep the unsure digits of a frame, unless one was just kept or the folder is full.

        Raises:
            OutputError: they cannot be written.
        """
        unsure = [digit for digit in result.reading.digits if digit.confidence < self._below]
        now = monotonic()
        if not unsure or result.frame is None or now < self._next or self.full:
            return
        self._next = now + self._period
        gray = to_gray(result.frame.picture)
        stem = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        for number, digit in enumerate(unsure):
            path = self._folder / f"{stem}.{number:03d}.png"
            write_picture(path, crop(gray, digit))
            self._left -= path.stat().st_size
            box = digit.box
            row = (path.name, digit.label, f"{digit.confidence:.4f}", int(digit.rejected), result.reading.source)
            try:
                self._add((*row, box.x1, box.y1, box.x2, box.y2))
            except OSError as error:
                raise cannot_write(self._labels, error) from None

    def _add(self, row: tuple[object, ...]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        with self._labels.open("a", encoding="utf-8", newline="") as stream:
            stream.write(line.getvalue())
        self._left -= len(line.getvalue())
