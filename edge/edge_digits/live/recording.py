"""What a camera run keeps: annotated video, and crops of digits that the model was unsure of."""

from __future__ import annotations

import errno
import os
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import OutputError, SourceError
from edge_digits.imaging.pixels import to_gray
from edge_digits.live.watch import LiveResult
from edge_digits.outputs.atomic import PartFile, cannot_write
from edge_digits.outputs.files import check_free, make_folder, write_picture
from edge_digits.outputs.labels import LabelsFile, label_row
from edge_digits.outputs.pictures import annotate, crop
from edge_digits.sources.plain_name import plain_name
from edge_digits.sources.video import VideoFile

_CODECS = {".mp4": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
#: A pause of the source becomes a still of this length at most, seconds.
_LONGEST_STILL = 1.0
#: A recording ends where the disk has fewer bytes left than FFmpeg may hold back, and its index may need.
_MIN_FREE = 4 << 20
#: Seconds between two looks at the room that is left.
_LOOK_SECONDS = 1.0
#: Frames that a header may lack of those that were written: Matroska tells a length in time, which is rounded.
_COUNT_TOLERANCE = 1


class Recording:
    """A video file of annotated frames, at a constant rate; it gets its name when it is closed and found whole."""

    def __init__(self, path: Path, rate: float, *, force: bool = False) -> None:
        """Get ready; the file is begun with the first frame.

        Raises:
            OutputError: it may not be written there, or its name ends in no known format.
        """
        if path.suffix.lower() not in _CODECS:
            raise OutputError(f"{path}: a recording ends in one of: {' '.join(_CODECS)}")
        check_free(path, force=force)
        self._path, self._rate, self._force = path, rate, force
        self._part: PartFile | None = None
        self._writer: Any = None
        self._size = (0, 0)
        self._time = self._frames_due = 0.0
        self._written = 0
        self._next_look = 0.0

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
            self._written += 1
            self._frames_due -= 1.0
        self._check_room()

    def close(self) -> None:
        """End the file, see whether all of it is there, and give it its name; what is not whole stays PATH.part.

        Raises:
            OutputError: it cannot be written, or was not.
        """
        if self._writer is None or self._part is None:
            return
        self._writer.release()
        self._writer = None
        try:
            # FFmpeg tells nobody that a disk was full: the file is cut short, or has no index.
            if _frames_in(self._part.path) < self._written - _COUNT_TOLERANCE:
                raise OSError(errno.ENOSPC, "it lacks frames; the disk was full, or a limit was reached")
            self._part.publish(force=self._force)
        except OSError as error:
            raise cannot_write(self._path, error, kept=self._part.path) from None
        finally:
            self._part.close()

    def _open(self, picture: NDArray[np.uint8]) -> None:
        height, width = picture.shape[:2]
        self._size = (width - width % 2, height - height % 2)
        codec = cv2.VideoWriter.fourcc(*_CODECS[self._path.suffix.lower()])
        try:
            self._part = PartFile(self._path, keep_suffix=True, alone=True).claim()
        except OSError as error:
            raise cannot_write(self._path, error) from None
        with plain_name(str(self._part.path)) as name:
            self._writer = cv2.VideoWriter(name, cv2.CAP_FFMPEG, codec, self._rate, self._size)
        if not self._writer.isOpened():
            self._writer = None
            self._part.discard()
            raise OutputError(f"{self._path}: cannot be written. Check free space and permissions there, or try .avi")

    def _check_room(self) -> None:
        """End the recording while there is room for its index, so that what there is can be played.

        Raises:
            OutputError: there is no room for more.
        """
        now = monotonic()
        if now < self._next_look or self._part is None:
            return
        self._next_look = now + _LOOK_SECONDS
        disk = os.statvfs(self._part.path.parent)
        if disk.f_bavail * disk.f_frsize >= _MIN_FREE:
            return
        self._writer.release()
        self._writer = None
        self._part.close()
        raise cannot_write(self._path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), kept=self._part.path)


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
        self._next = 0.0
        make_folder(folder, force=True)
        self._left = max_bytes - sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        self._labels: LabelsFile | None = None

    @property
    def full(self) -> bool:
        """Whether the folder has its size."""
        return self._left <= 0

    def write(self, result: LiveResult) -> None:
        """Keep the unsure digits of a frame, unless one was just kept or the folder is full.

        Raises:
            OutputError: they cannot be written; no crop is left without its row.
        """
        unsure = [digit for digit in result.reading.digits if digit.confidence < self._below]
        now = monotonic()
        if not unsure or result.frame is None or now < self._next or self.full:
            return
        self._next = now + self._period
        if self._labels is None:
            self._labels = LabelsFile(self._folder, anew=False)
        gray = to_gray(result.frame.picture)
        stem = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        for number, digit in enumerate(unsure):
            path = self._folder / f"{stem}.{number:03d}.png"
            write_picture(path, crop(gray, digit))
            try:
                self._left -= self._labels.add([label_row(path.name, digit, result.reading.source)])
            except OutputError:
                path.unlink(missing_ok=True)
                raise
            self._left -= path.stat().st_size


def _frames_in(path: Path) -> int:
    """How many frames a video has by its header, which FFmpeg writes last."""
    try:
        video = VideoFile(str(path))
    except SourceError:
        return 0
    try:
        return video.count
    finally:
        video.close()
