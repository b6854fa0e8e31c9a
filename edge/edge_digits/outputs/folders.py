"""The folders that pictures, crops and sheets of a reading are written to."""

from __future__ import annotations

import os
from pathlib import Path

from edge_digits.errors import UsageError
from edge_digits.outputs.files import Names, make_folder, write_picture
from edge_digits.outputs.pictures import CropFolder, annotate, explain
from edge_digits.reader import Examination


class Folders:
    """Writes examinations to the folders that were asked for, until it is closed."""

    def __init__(self, annotated: Path | None, crops: Path | None, explained: Path | None, *, force: bool) -> None:
        """Make the folders.

        Args:
            annotated: for pictures with boxes and labels; None for none, as for the others.
            crops: for each digit's crop, and `labels.csv`.
            explained: for a sheet of every step for each picture.
            force: write into folders that hold files already.

        Raises:
            UsageError: two of them are the same.
            OutputError: one cannot be made, or holds files and may not.
        """
        folders = [folder for folder in (annotated, crops, explained) if folder is not None]
        if len({folder.resolve() for folder in folders}) < len(folders):
            raise UsageError("--save-annotated, --save-crops and --explain each need a folder of their own")
        for folder in folders:
            make_folder(folder, force=force)
        self._annotated, self._explained = annotated, explained
        self._crops = None if crops is None else CropFolder(crops)
        self._names = Names()

    def prepare(self, examination: Examination) -> None:
        """Decode the picture in full before its record is written, so that a failure to is in there.

        Raises:
            PictureError: it cannot be decoded.
        """
        _ = examination.picture

    def write(self, examination: Examination) -> None:
        """Write all that was asked for.

        Raises:
            OutputError: something cannot be written.
        """
        reading = examination.reading
        # Of a video, the frame's number is part of the name.
        frame = "" if reading.time is None else f"-{reading.frame:06d}"
        name = self._names.of(f"{os.path.splitext(reading.source)[0]}{frame}.png" if frame else reading.source)
        if self._annotated is not None:
            write_picture(self._annotated / f"{name}.png", annotate(examination.picture, reading))
        if self._explained is not None:
            write_picture(self._explained / f"{name}.png", explain(examination))
        if self._crops is not None:
            self._crops.write(name, examination)

    def close(self) -> None:
        """End the list of crops."""
        if self._crops is not None:
            self._crops.close()
