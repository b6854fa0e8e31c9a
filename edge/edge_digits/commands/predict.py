"""`edge-digits predict`: read pictures, write records."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_digits.choices import MAX_PIXELS, ROTATIONS
from edge_digits.commands.inputs import ask, gather
from edge_digits.commands.options import model_options, reading_options
from edge_digits.commands.reading import ReaderLoader, Take, check_format, folders_of, open_folders, record_stream
from edge_digits.commands.stopping import stopped_as_by_ctrl_c
from edge_digits.errors import SOME_FAILED
from edge_digits.quiet import load_opencv
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.batch.reading import Input, Result
    from edge_digits.batch.workers import Workers
    from edge_digits.outputs.folders import Folders
    from edge_digits.outputs.tally import Tally
    from edge_digits.reader import DigitReader

#: The value of -j that takes a process for each core.
_ALL_CORES = 0


class RotationOption(click.Choice[str]):
    """The type of an option --rotate: degrees clockwise; None for "auto"."""

    def __init__(self) -> None:
        super().__init__([*map(str, ROTATIONS), "auto"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        chosen = super().convert(value, param, ctx)
        return None if chosen == "auto" else int(chosen)


class JobsOption(click.ParamType[int]):
    """The type of the option -j: a number of processes, or "auto" for all cores."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value in ("auto", "0"):
            return _ALL_CORES
        return click.IntRange(0, 256).convert(value, param, ctx)


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1)
@model_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv", "xlsx"]),
    default="table",
    show_default=True,
    help="Of records; xlsx needs -o.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the records to this file, not to standard output."
)
@click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark, by which Excel knows that it is UTF-8.")
@reading_options
@click.option(
    "--rotate",
    type=RotationOption(),
    default="0",
    show_default=True,
    help="Turn pictures clockwise first, or find out which way is up.",
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
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=JobsOption(),
    default="1",
    show_default=True,
    help="Read with so many processes; 0 or auto: one a core.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
@click.option("-v", "--verbose", is_flag=True, help="Say which model is used, and where the time goes.")
def command(sources: tuple[str, ...], form: str, quiet: bool, verbose: bool, **options: Any) -> int:
    """Read the digits in pictures.

    SOURCE is a picture, a video (a record a frame), a folder, a quoted glob ("scans/**/*.png"), - for a picture or a
    stream of JPEG files on standard input, or @list.txt with a path a line (@- reads the list from standard input, as
    it comes). Records go to standard output, all else to standard error.

    \b
    Exit codes: 0 all read; 2 usage; 3 no such source; 4 model not usable;
    5 some pictures could not be read (their records say why);
    130 interrupted by Ctrl-C or SIGTERM: what was read is kept.
    """
    if not sources:
        sources = (ask(),)
    output: Path | None = options["output"]
    check_format(form, output, bom=options["bom"])
    load = ReaderLoader.of(options)
    load_opencv(options["threads"])
    inputs, names = gather(
        sources,
        recursive=options["recursive"],
        without=folders_of(options),
        max_pixels=options["max_pixels"],
    )
    load = load.settled()
    reader = load()
    if verbose:
        click.echo(printable(_about(reader)), err=True)
    from edge_digits.outputs.records import writer
    from edge_digits.outputs.tally import Tally

    tally = Tally()
    with ExitStack() as stack:
        stack.enter_context(stopped_as_by_ctrl_c())
        folders = open_folders(options, names)
        if folders is not None:
            stack.callback(folders.close)
        stream = stack.enter_context(record_stream(form, output, force=options["force"], bom=options["bom"]))
        take = Take(writer(form, stream, names), folders, tally)
        stack.callback(_summarize, tally, quiet=quiet, verbose=verbose)
        results, workers = stack.enter_context(_results(inputs, reader, load, folders, options))
        shown = not quiet and sys.stderr.isatty() and not (output is None and sys.stdout.isatty())
        advance = stack.enter_context(_progress(len(names) if isinstance(inputs, list) else None, shown=shown))
        try:
            for result in results:
                take(result)
                advance(result.number)
        except KeyboardInterrupt:
            for result in workers.unwritten() if workers else ():
                take(result)
            raise
    return SOME_FAILED if tally.failed else 0


@contextmanager
def _results(
    inputs: Iterable[Input], reader: DigitReader, load: ReaderLoader, folders: Folders | None, options: dict[str, Any]
) -> Iterator[tuple[Iterator[Result], Workers | None]]:
    """What is read, in order; by other processes where they are asked for, which are ended behind it."""
    from edge_digits.batch.reading import read_in_turn
    from edge_digits.outputs.folders import Drawing

    drawing = Drawing() if folders is None else folders.drawing
    if options["jobs"] == 1:
        yield read_in_turn(inputs, reader, drawing, options["stride"]), None
        return
    from edge_digits.batch.workers import Workers, cores

    with Workers(options["jobs"] or cores(), load, drawing) as workers:
        yield workers.read(inputs, reader, drawing, options["stride"]), workers


def _summarize(tally: Tally, *, quiet: bool, verbose: bool) -> None:
    if not quiet and (verbose or sys.stderr.isatty()):
        click.echo(tally.summary(times=verbose), err=True)


def _about(reader: DigitReader) -> str:
    card = reader.model.card
    accuracy = ", ".join(f"{name} {value}" for name, value in card.metrics.items())
    return f"model {reader.model.path} ({reader.model.name}, {card.quantization.get('precision')}; {accuracy})"


@contextmanager
def _progress(length: int | None, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal, told which input, from 0, was read; `length` is how many there are, if that is known."""
    if not shown:
        yield lambda number: None
        return
    numbers: Iterable[int] = iter(()) if length is None else range(length)
    with click.progressbar(numbers, length, label="reading", file=sys.stderr, show_pos=True) as bar:
        yield lambda number: bar.update(number + 1 - bar.pos)
