"""`edge-digits predict`: read pictures, write records."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.commands.options import constraint, model_options, reading_options
from edge_digits.errors import SOME_FAILED, EdgeDigitsError, SourceError, UsageError
from edge_digits.quiet import load_opencv

if TYPE_CHECKING:
    from edge_digits.outputs.records import Writer
    from edge_digits.reader import DigitReader, Examination
    from edge_digits.results import Reading
    from edge_digits.sources import PictureFile


class RotationOption(click.Choice[str]):
    """The type of an option --rotate: degrees clockwise as quarter turns 0 to 3; None for "auto"."""

    def __init__(self) -> None:
        super().__init__(["0", "90", "180", "270", "auto"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        chosen = super().convert(value, param, ctx)
        return None if chosen == "auto" else int(chosen) // 90


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
    "turns",
    type=RotationOption(),
    default="0",
    show_default=True,
    help="Turn pictures clockwise first, or find out which way is up.",
)
@click.option(
    "--finder",
    type=click.Choice(["auto", "classic", "net"]),
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
        **{name: options[name] for name in ("finder", "threads", "layout", "turns", "ignore_exif")},
    )
    if options["verbose"]:
        click.echo(_about(reader), err=True)
    tally = _Tally()
    with ExitStack() as stack:
        folders = _Folders(options["save_annotated"], options["save_crops"], options["explain"], options["force"])
        stream = stack.enter_context(_records(options["output"], options["force"]))
        writer = FORMATS[form](stream, [_name(item) for item in inputs])
        stack.callback(folders.close)
        stack.callback(tally.report, quiet=quiet, verbose=options["verbose"])
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
    """All picture files, and in its place a record for each source that is not to be had while another is."""
    from edge_digits.results import Reading
    from edge_digits.sources import expand

    inputs: list[PictureFile | Reading] = []
    errors: list[str] = []
    for source in sources:
        try:
            inputs += expand(source, recursive=recursive)
        except SourceError as error:
            errors.append(str(error))
            inputs.append(Reading.failed(source, str(error).removeprefix(f"{source}: ")))
    if len(errors) == len(inputs):
        raise SourceError("\n".join(errors))
    return inputs


def _name(item: PictureFile | Reading) -> str:
    from edge_digits.results import Reading

    return item.source if isinstance(item, Reading) else item.name


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
    file: PictureFile | Reading, reader: DigitReader, writer: Writer, folders: _Folders, stride: int
) -> Iterator[Reading]:
    """Read a picture, or a video frame by frame."""
    from edge_digits.results import Reading
    from edge_digits.sources.files import is_video

    if isinstance(file, Reading) or not is_video(file.name):
        yield _read(file, reader, writer, folders)
        return
    from edge_digits.sources.video import VideoFile

    number = 0
    try:
        for number, shot in VideoFile(file.name).frames(stride):  # where it was when it failed
            examination = reader.examine(shot.picture, file.name)
            reading = replace(examination.reading, frame=number, time=shot.time)
            writer.write(reading)
            folders.write(replace(examination, reading=reading))
            yield reading
    except EdgeDigitsError as error:
        failed = Reading.failed(file.name, str(error).removeprefix(f"{file.name}: "), number)
        writer.write(failed)
        yield failed


def _read(file: PictureFile | Reading, reader: DigitReader, writer: Writer, folders: _Folders) -> Reading:
    from edge_digits.results import Reading

    if isinstance(file, Reading):
        writer.write(file)
        return file
    try:
        examination = reader.examine_bytes(file.read(), file.name)
        reading = examination.reading
        folders.prepare(examination)
    except EdgeDigitsError as error:
        reading = Reading.failed(file.name, str(error))
        writer.write(reading)
        return reading
    writer.write(reading)
    folders.write(examination)
    return reading


class _Folders:
    """The folders that pictures are written to, as far as they were asked for."""

    def __init__(self, annotated: Path | None, crops: Path | None, explained: Path | None, force: bool) -> None:
        from edge_digits.outputs.files import Names, make_folder

        named = [folder.resolve() for folder in (annotated, crops, explained) if folder is not None]
        if len(set(named)) < len(named):
            raise UsageError("--save-annotated, --save-crops and --explain each need a folder of their own")
        for folder in (annotated, crops, explained):
            if folder is not None:
                make_folder(folder, force=force)
        self._annotated, self._explained = annotated, explained
        self._crops = None
        self._wanted = bool(named)
        self._names = Names()
        if crops is not None:
            from edge_digits.outputs.pictures import CropFolder

            self._crops = CropFolder(crops)

    def prepare(self, examination: Examination) -> None:
        """Decode the picture in full where one will be written, so that a failure to is in its record."""
        if self._wanted:
            _ = examination.picture

    def write(self, examination: Examination) -> None:
        if not self._wanted:
            return
        from edge_digits.outputs.files import write_picture
        from edge_digits.outputs.pictures import annotate, explain

        reading = examination.reading
        # Of a video, the frame's number is part of the name.
        frame = "" if reading.time is None else f"-{reading.frame:06d}"
        name = self._names.of(f"{os.path.splitext(reading.source)[0]}{frame}.png" if frame else reading.source)
        if self._annotated is not None:
            write_picture(self._annotated / f"{name}.png", annotate(examination.picture, examination.reading))
        if self._explained is not None:
            write_picture(self._explained / f"{name}.png", explain(examination))
        if self._crops is not None:
            self._crops.write(name, examination)

    def close(self) -> None:
        if self._crops is not None:
            self._crops.close()


class _Tally:
    """Counts for the summary."""

    def __init__(self) -> None:
        self.count = self.failed = self.unsure = 0
        self._ms: dict[str, float] = {}

    def add(self, reading: Reading) -> None:
        self.count += 1
        self.failed += reading.status == "error"
        self.unsure += reading.status in ("uncertain", "no_digits")
        for step, ms in reading.speed_ms.items():
            self._ms[step] = self._ms.get(step, 0.0) + ms

    def report(self, *, quiet: bool, verbose: bool) -> None:
        if quiet or not (verbose or sys.stderr.isatty()):
            return
        parts = [f"{self.count} {'picture' if self.count == 1 else 'pictures'}"]
        parts += [f"{self.unsure} uncertain or without digits"] * bool(self.unsure)
        parts += [f"{self.failed} failed"] * bool(self.failed)
        if verbose:
            parts += [f"{step} {ms / max(self.count - self.failed, 1):.2f} ms" for step, ms in self._ms.items()]
        click.echo(", ".join(parts), err=True)
