"""`edge-digits predict`: read pictures, write records."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.choices import FINDERS, MAX_PIXELS, ROTATIONS
from edge_digits.commands.options import constraint, model_options, reading_options
from edge_digits.errors import SOME_FAILED, EdgeDigitsError, SourceError, UsageError
from edge_digits.quiet import load_opencv

if TYPE_CHECKING:
    from edge_digits.outputs.folders import Folders
    from edge_digits.outputs.records import Writer
    from edge_digits.outputs.tally import Tally
    from edge_digits.reader import DigitReader
    from edge_digits.results import Reading
    from edge_digits.sources import PictureFile
    from edge_digits.sources.decode import Page


class RotationOption(click.Choice[str]):
    """The type of an option --rotate: degrees clockwise; None for "auto"."""

    def __init__(self) -> None:
        super().__init__([*map(str, ROTATIONS), "auto"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        chosen = super().convert(value, param, ctx)
        return None if chosen == "auto" else int(chosen)


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1)
@model_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="Of records.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the records to this file, not to standard output."
)
@reading_options
@click.option(
    "--rotate",
    type=RotationOption(),
    default="0",
    show_default=True,
    help="Turn pictures clockwise first, or find out which way is up.",
)
@click.option(
    "--finder",
    type=click.Choice(FINDERS),
    default="auto",
    show_default=True,
    help="Find digits in pages by a network, or by rule.",
)
@click.option("-r", "--recursive", is_flag=True, help="Look into sub-folders too.")
@click.option(
    "--stride", type=click.IntRange(1), default=1, show_default=True, help="Of a video, read each Nth frame only."
)
@click.option("--ignore-exif", is_flag=True, help="Do not turn pictures as their EXIF orientation says.")
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=MAX_PIXELS,
    show_default=True,
    help="Largest picture that is read; the memory for one (512 MB) grows with it.",
)
@click.option(
    "--save-annotated", metavar="DIR", type=click.Path(path_type=Path), help="Write each picture with boxes and labels."
)
@click.option(
    "--save-crops", metavar="DIR", type=click.Path(path_type=Path), help="Write each digit's crop, and labels.csv."
)
@click.option(
    "--explain", metavar="DIR", type=click.Path(path_type=Path), help="Write a sheet of every step for each picture."
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads for one inference.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
@click.option("-v", "--verbose", is_flag=True, help="Say which model is used, and where the time goes.")
def command(
    sources: tuple[str, ...], model: str, conf: float | None, top_k: int, form: str, quiet: bool, **options: Any
) -> int:
    """Read the digits in pictures.

    SOURCE is a picture, a video (a record a frame), a folder, a quoted glob ("scans/*.png"), - for a picture on
    standard input, or @list.txt with a path a line. Records go to standard output, all else to standard error.

    \b
    Exit codes: 0 all read; 2 usage; 3 no such source; 4 model not usable;
    5 some pictures could not be read (their records say why); 130 interrupted.
    """
    if not sources:
        sources = (_ask(),)
    from edge_digits.outputs.records import FORMATS

    known = constraint(options["digits"], options["pattern"], options["checksum"])
    load_opencv(options["threads"])
    inputs = _expand(sources, options["recursive"])
    from edge_digits.imaging.regions import WHOLE
    from edge_digits.reader import DigitReader

    reader = DigitReader.load(
        model,
        conf=conf,
        top_k=top_k,
        constraint=known,
        regions=options["regions"] or (WHOLE,),
        **{name: options[name] for name in ("finder", "threads", "layout", "rotate", "ignore_exif", "max_pixels")},
    )
    if options["verbose"]:
        click.echo(_about(reader), err=True)
    from edge_digits.outputs.tally import Tally

    tally = Tally()
    with ExitStack() as stack:
        folders = _folders(options["save_annotated"], options["save_crops"], options["explain"], options["force"])
        stream = stack.enter_context(_records(options["output"], options["force"]))
        writer = FORMATS[form](stream, [_name(item) for item in inputs])
        if folders is not None:
            stack.callback(folders.close)
        stack.callback(_summarize, tally, quiet=quiet, verbose=options["verbose"])
        for item in stack.enter_context(_progress(inputs, quiet, options["output"] is None)):
            for reading in _read_all(item, reader, writer, folders, options["stride"]):
                tally.add(reading)
    return SOME_FAILED if tally.failed else 0


def _ask() -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "what shall be read? Name a picture, a folder, or - for standard input: edge-digits predict SOURCE"
        )
    answer: str = click.prompt("Picture or folder to read", err=True)
    return answer


def _expand(sources: tuple[str, ...], recursive: bool) -> list[PictureFile | Reading]:
    """All picture files, and in its place a record for each source that is not available while another is."""
    from edge_digits.results import Reading
    from edge_digits.sources import expand
    from edge_digits.sources.extras import left_out_line

    inputs: list[PictureFile | Reading] = []
    errors: list[str] = []
    left_out: Counter[str] = Counter()
    for source in sources:
        try:
            inputs += expand(source, recursive=recursive, left_out=left_out)
        except SourceError as error:
            errors.append(str(error))
            inputs.append(Reading.failed(source, str(error).removeprefix(f"{source}: ")))
    if len(errors) == len(inputs):
        raise SourceError("\n".join(errors))
    if left_out:
        click.echo(left_out_line(left_out), err=True)
    return inputs


def _name(item: PictureFile | Reading) -> str:
    from edge_digits.results import Reading

    return item.source if isinstance(item, Reading) else item.name


def _folders(annotated: Path | None, crops: Path | None, explained: Path | None, force: bool) -> Folders | None:
    """What is to be written beside the records; None where that is nothing, which needs no module for it."""
    if annotated is crops is explained is None:
        return None
    from edge_digits.outputs.folders import Folders

    return Folders(annotated, crops, explained, force=force)


def _summarize(tally: Tally, *, quiet: bool, verbose: bool) -> None:
    if not quiet and (verbose or sys.stderr.isatty()):
        click.echo(tally.summary(times=verbose), err=True)


def _about(reader: DigitReader) -> str:
    card = reader.model.card
    accuracy = ", ".join(f"{name} {value}" for name, value in card.metrics.items())
    return f"model {reader.model.path} ({card.name}, {card.quantization.get('precision')}; {accuracy})"


@contextmanager
def _records(output: Path | None, force: bool) -> Iterator[Any]:
    if output is None:
        yield sys.stdout
        return
    from edge_digits.outputs.files import text_file

    try:
        with text_file(output, force=force) as stream:
            yield stream
    except KeyboardInterrupt:
        click.echo(f"the records so far are in {output}.part", err=True)
        raise


@contextmanager
def _progress(inputs: list[PictureFile | Reading], quiet: bool, records_on_stdout: bool) -> Iterator[Any]:
    """A bar on the terminal, unless the records are written there too."""
    shown = not quiet and sys.stderr.isatty() and not (records_on_stdout and sys.stdout.isatty())
    if not shown:
        yield inputs
        return
    with click.progressbar(inputs, label="reading", file=sys.stderr, show_pos=True) as bar:
        yield bar


def _read_all(
    file: PictureFile | Reading, reader: DigitReader, writer: Writer, folders: Folders | None, stride: int
) -> Iterator[Reading]:
    """Read a picture, or a video frame by frame."""
    from edge_digits.results import Reading
    from edge_digits.sources.files import is_video

    if isinstance(file, Reading) or not is_video(file.name):
        yield from _read(file, reader, writer, folders)
        return
    from edge_digits.sources.video import VideoFile

    number = 0
    try:
        for number, shot in VideoFile(file.name).frames(stride):  # where it was when it failed
            examination = reader.examine(shot.picture, file.name)
            reading = replace(examination.reading, frame=number, time=shot.time)
            writer.write(reading)
            if folders is not None:
                folders.write(replace(examination, reading=reading))
            yield reading
    except EdgeDigitsError as error:
        failed = Reading.failed(file.name, str(error).removeprefix(f"{file.name}: "), number)
        writer.write(failed)
        yield failed


def _read(
    file: PictureFile | Reading, reader: DigitReader, writer: Writer, folders: Folders | None
) -> Iterator[Reading]:
    """Read a picture, or a document page by page; a page that fails is a record beside the others."""
    from edge_digits.results import Reading

    if isinstance(file, Reading):
        writer.write(file)
        yield file
        return
    for number, page in enumerate(_pages(file, reader)):
        yield _read_page(page, number, file.name, reader, writer, folders)


def _pages(file: PictureFile, reader: DigitReader) -> Iterator[Page | EdgeDigitsError]:
    """The pages of a file; last, why there is none, or no further one."""
    try:
        yield from reader.open_pages(file.read(reader.max_pixels))
    except EdgeDigitsError as error:
        yield error


def _read_page(
    page: Page | EdgeDigitsError,
    number: int,
    name: str,
    reader: DigitReader,
    writer: Writer,
    folders: Folders | None,
) -> Reading:
    from edge_digits.results import Reading

    try:
        if isinstance(page, EdgeDigitsError):
            raise page
        examination = reader.examine_page(page, name, number)
        if folders is not None:
            folders.prepare(examination)
    except EdgeDigitsError as error:
        reading = Reading.failed(name, str(error), number)
        writer.write(reading)
        return reading
    writer.write(examination.reading)
    if folders is not None:
        folders.write(examination)
    return examination.reading
