"""`edge-digits watch`: read the pictures that arrive in a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from edge_digits.commands import predict
from edge_digits.commands.options import log_option
from edge_digits.commands.reading import ReaderLoader, Take, folders_of, open_folders
from edge_digits.commands.stopping import stopped_as_by_ctrl_c
from edge_digits.errors import UsageError
from edge_digits.logs import log_as_json
from edge_digits.quiet import load_opencv
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.batch.journal import Journal

#: What a run that goes on for ever, and adds to what it wrote before, has no use for.
_NOT_OURS = {"sources", "bom", "stride", "force", "jobs", "verbose", "quiet"}


@click.command()
@click.argument("folder")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="The file that notes what was read.  [default: FOLDER/.edge-digits-watch.jsonl]",
)
@click.option(
    "--settle",
    type=click.FloatRange(0.05, 3600),
    default=2,
    show_default=True,
    metavar="SECONDS",
    help="A file that does not change for so long is whole, where nothing tells that it was closed.",
)
@click.option("--poll", is_flag=True, help="Look into the folder once a second, and do not rely on what Linux tells.")
@log_option
@click.option("-q", "--quiet", is_flag=True, help="Do not say what is watched.")
def command(folder: str, journal: Path | None, form: str, quiet: bool, log_format: str, **options: Any) -> int:
    """Read pictures as they arrive in a folder: a record each, once it is whole.

    The model is loaded once. What was read is noted in a journal, so that a run that begins anew, after a restart or
    a power cut, reads each picture once; a picture that was changed is read again. With -o, records are added to the
    file as they come.

    \b
    Exit codes: 0 ended by SIGTERM; 2 usage; 3 no such folder;
    4 model not usable; 130 Ctrl-C.
    """
    if form == "xlsx":
        raise UsageError("--format xlsx is written at the end, which watch has not: use csv or jsonl")
    if log_format == "json":
        log_as_json()
    load = ReaderLoader.of(options)
    load_opencv(options["threads"])
    from edge_digits.batch.journal import NAME, Journal
    from edge_digits.batch.reading import read_picture
    from edge_digits.outputs.folders import Drawing
    from edge_digits.outputs.records import writer
    from edge_digits.outputs.tally import Tally
    from edge_digits.sources.arrivals import Arrivals
    from edge_digits.sources.picture_file import PictureFile

    def say(message: str) -> None:
        click.echo(f"edge-digits: {printable(message)}", err=True)

    watched = {name: options[name] for name in ("recursive", "settle", "poll")}
    arrivals = Arrivals(folder, **watched, without=folders_of(options), say=say)
    reader = load()
    with stopped_as_by_ctrl_c() as stopped, Journal(journal or Path(folder, NAME), folder) as noted:
        folders = open_folders({**options, "force": True}, [os.path.join(folder, "a")], go_on=True)
        with _appended(options["output"], noted, quoted=form == "csv") as (stream, header):
            take = Take(writer(form, stream, [], header=header), folders, Tally())
            drawing = Drawing() if folders is None else folders.drawing
            if not quiet and sys.stderr.isatty():
                say(f"{folder}: watched; Ctrl-C ends")
            try:
                for arrival in arrivals.watch(noted.has):
                    for result in read_picture(0, PictureFile(arrival.path), reader, drawing):
                        if result.more_pages and result.reading.frame == 0:
                            noted.begin_document(arrival, _end_of(stream, options["output"]))
                        take(result)
                    noted.add(arrival, _end_of(stream, options["output"]))
            except KeyboardInterrupt:
                if stopped.by_signal:
                    return 0
                raise
    return 0


command.params += [parameter for parameter in predict.command.params if parameter.name not in _NOT_OURS]


@contextmanager
def _appended(output: Path | None, journal: Journal, *, quoted: bool) -> Iterator[tuple[TextIO, bool]]:
    """The stream that records are added to, and whether it is at its beginning.

    Raises:
        OutputError: another run has the file, or it cannot be written.
    """
    if output is None:
        yield sys.stdout, True
        return
    from edge_digits.batch.journal import cut_behind
    from edge_digits.outputs.atomic import cannot_write, hold_file

    try:
        descriptor = hold_file(output)
        cut_behind(descriptor, journal.records_end, in_document=journal.in_document, quoted=quoted)
        with open(descriptor, "a", encoding="utf-8", newline="") as stream:
            yield stream, stream.tell() == 0
    except OSError as error:
        raise cannot_write(output, error) from None


def _end_of(stream: TextIO, output: Path | None) -> int | None:
    """Where the records end that the disk holds; None where there is no file of them."""
    if output is None:
        return None
    # Before the journal says so: else a power cut could lose a record that it holds for written.
    os.fsync(stream.fileno())
    return stream.tell()
