"""The folders that pictures, crops and sheets of a reading are written to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge_digits.errors import UsageError
from edge_digits.examination import Examination
from edge_digits.imaging.pixels import to_gray
from edge_digits.outputs.atomic import folder_held, remove_leftovers
from edge_digits.outputs.files import Names, encoded, make_folder, write_bytes
from edge_digits.outputs.labels import LabelsFile, label_row
from edge_digits.outputs.pictures import annotate, crop, explain
from edge_digits.results import Reading


@dataclass(frozen=True)
class Drawn:
    """What is to be written of one reading, as the bytes of PNG files; None for what is not.

    Attributes:
        annotated: the picture with boxes and labels.
        explained: a sheet of every step.
        crops: of each digit, in their order.
    """

    annotated: bytes | None = None
    explained: bytes | None = None
    crops: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """What is wanted of each reading; apart from the folders, as worker processes draw, and one process writes."""

    annotated: bool = False
    crops: bool = False
    explained: bool = False

    def draw(self, examination: Examination) -> Drawn:
        """Draw it.

        Raises:
            PictureError: the picture cannot be decoded in full.
            OutputError: what was drawn cannot be coded.
        """
        picture, reading = examination.picture, examination.reading
        crops: tuple[bytes, ...] = ()
        if self.crops and reading.digits:
            gray = to_gray(picture)
            crops = tuple(encoded(crop(gray, digit), ".png") for digit in reading.digits)
        return Drawn(
            encoded(annotate(picture, reading), ".png") if self.annotated else None,
            encoded(explain(examination), ".png") if self.explained else None,
            crops,
        )


class Folders:
    """Writes what was drawn to the folders that were asked for, until it is closed; no other run may meanwhile."""

    def __init__(
        self, annotated: Path | None, crops: Path | None, explained: Path | None, *, force: bool, go_on: bool = False
    ) -> None:
        """Make the folders.

        Args:
            annotated: for pictures with boxes and labels; None for none, as for the others.
            crops: for each digit's crop, and `labels.csv`, which has their rows as soon as they are there.
            explained: for a sheet of every step for each picture.
            force: write into folders that hold files already, and over these.
            go_on: add to what earlier runs wrote there, and write over nothing.

        Raises:
            UsageError: two of them are the same.
            OutputError: one cannot be made, or holds files and may not, or another run is writing into it.
        """
        folders = [folder for folder in (annotated, crops, explained) if folder is not None]
        if len({folder.resolve() for folder in folders}) < len(folders):
            raise UsageError("--save-annotated, --save-crops and --explain each need a folder of their own")
        with ExitStack() as held:
            for folder in folders:
                make_folder(folder, force=force or go_on)
                held.enter_context(folder_held(folder))
                remove_leftovers(folder)
            self._labels = None if crops is None else LabelsFile(crops, anew=not go_on)
            self._names = Names(folders if go_on else ())
            self._held = held.pop_all()
        self._annotated, self._crops, self._explained = annotated, crops, explained

    @property
    def drawing(self) -> Drawing:
        """What they want drawn."""
        return Drawing(self._annotated is not None, self._crops is not None, self._explained is not None)

    def write(self, reading: Reading, drawn: Drawn) -> None:
        """Write all that was asked for.

        Raises:
            OutputError: something cannot be written.
        """
        # Of a video or a stream, the frame's number is part of the name.
        frame = f"-{reading.frame:06d}" if reading.time is not None or reading.frame else ""
        name = self._names.of(f"{os.path.splitext(reading.source)[0]}{frame}.png" if frame else reading.source)
        if self._annotated is not None and drawn.annotated is not None:
            write_bytes(self._annotated / f"{name}.png", drawn.annotated)
        if self._explained is not None and drawn.explained is not None:
            write_bytes(self._explained / f"{name}.png", drawn.explained)
        if self._crops is not None and self._labels is not None and drawn.crops:
            rows = []
            for number, (content, digit) in enumerate(zip(drawn.crops, reading.digits, strict=True)):
                file = f"{name}.{number:03d}.png"
                write_bytes(self._crops / file, content)
                rows.append(label_row(file, digit, reading.source))
            self._labels.add(rows)

    def close(self) -> None:
        """Let other runs write there."""
        self._held.close()


def check_not_sources(folders: Sequence[Path | None], names: Sequence[str]) -> None:
    """Refuse folders that hold the pictures that are read: what is written might have their names.

    Raises:
        UsageError: says which.
    """
    wanted = {folder.resolve(): folder for folder in folders if folder is not None and folder.is_dir()}
    if not wanted:
        return
    for parent in {os.path.dirname(name) for name in names}:
        folder = wanted.get(Path(parent).resolve())
        if folder is not None:
            raise UsageError(
                f"{folder}: holds pictures that are to be read, and that might be written over. Name another"
            )
