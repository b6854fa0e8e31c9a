"""One input -> its records, and what is drawn of them; whatever is wrong with it is a record that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from edge_digits.errors import EdgeDigitsError
from edge_digits.outputs.folders import Drawing, Drawn
from edge_digits.reader import DigitReader
from edge_digits.results import Reading
from edge_digits.sources.decode import Page
from edge_digits.sources.files import is_video
from edge_digits.sources.native import memory_errors
from edge_digits.sources.picture_file import PictureFile

#: A picture or a video to read, or the record of a source that is not there.
Input = PictureFile | Reading


@dataclass(frozen=True)
class Result:
    """A record, and what was drawn of it; None where nothing was to be, or could be.

    Attributes:
        number: of its input, from 0; the frames of a video share one, and the pages of a document.
        more_pages: whether further pages of the same file follow.
    """

    number: int
    reading: Reading
    drawn: Drawn | None = None
    more_pages: bool = False


def read_picture(number: int, file: PictureFile, reader: DigitReader, drawing: Drawing) -> Iterator[Result]:
    """Read a picture, or a document page by page, and draw of it what is wanted.

    A page that fails is a record among the others.
    """
    pages = _pages(file, reader)
    page: Page | EdgeDigitsError | None = next(pages)
    frame = file.frame
    while page is not None:
        reading, drawn = _read_page(page, frame, file.name, reader, drawing)
        # Behind it, so that what the next page costs does not add to what this one does.
        page = next(pages, None)
        yield Result(number, reading, drawn, more_pages=page is not None)
        frame += 1


def _pages(file: PictureFile, reader: DigitReader) -> Iterator[Page | EdgeDigitsError]:
    """The pages of a file; last, why there is none, or no further one."""
    try:
        yield from reader.open_pages(file.read(reader.max_pixels))
    except EdgeDigitsError as error:
        yield error


def _read_page(
    page: Page | EdgeDigitsError, frame: int, name: str, reader: DigitReader, drawing: Drawing
) -> tuple[Reading, Drawn | None]:
    try:
        if isinstance(page, EdgeDigitsError):
            raise page
        examination = reader.examine_page(page, name, frame)
        with memory_errors():
            drawn = drawing.draw(examination) if drawing != Drawing() else None
    except EdgeDigitsError as error:
        return Reading.failed(name, str(error), frame), None
    return examination.reading, drawn


def read_in_turn(inputs: Iterable[Input], reader: DigitReader, drawing: Drawing, stride: int) -> Iterator[Result]:
    """Read inputs one after the other, of videos each `stride`th frame."""
    for number, item in enumerate(inputs):
        if isinstance(item, PictureFile) and not is_video(item.name):
            yield from read_picture(number, item, reader, drawing)
        else:
            yield from read_other(number, item, reader, drawing, stride)


def read_other(number: int, item: Input, reader: DigitReader, drawing: Drawing, stride: int) -> Iterator[Result]:
    """What is no picture: a video, frame by frame, or a record."""
    if isinstance(item, Reading):
        yield Result(number, item)
        return
    from edge_digits.sources.video import VideoFile

    frame = 0
    try:
        for frame, shot in VideoFile(item.name).frames(stride):  # where it was when it failed
            examination = reader.examine(shot.picture, item.name)
            drawn = drawing.draw(examination) if drawing != Drawing() else None
            yield Result(number, replace(examination.reading, frame=frame, time=shot.time), drawn)
    except EdgeDigitsError as error:
        yield Result(number, Reading.failed(item.name, str(error).removeprefix(f"{item.name}: "), frame))
