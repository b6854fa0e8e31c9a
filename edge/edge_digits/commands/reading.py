"""What the commands that read pictures share: the reader that their options ask for, and where its records go."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from edge_digits.commands.options import check_precision, constraint
from edge_digits.errors import UsageError
from edge_digits.quiet import load_opencv
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.batch.reading import Result
    from edge_digits.outputs.folders import Folders
    from edge_digits.outputs.records import Writer
    from edge_digits.outputs.tally import Tally
    from edge_digits.reader import DigitReader


@dataclass(frozen=True)
class ReaderLoader:
    """Loads the reader that options ask for; other processes are sent it, and load their own."""

    model: str
    settings: dict[str, Any]

    @classmethod
    def of(cls, options: dict[str, Any]) -> ReaderLoader:
        """From the values of options.

        Raises:
            UsageError: they do not go together.
        """
        check_precision([options["model"]])
        # Those of DigitReader.load that have an option of their name.
        same = (
            "precision",
            "finder",
            "threads",
            "layout",
            "signs",
            "rotate",
            "ignore_exif",
            "max_pixels",
            "conf",
            "top_k",
        )
        settings = {name: options[name] for name in same}
        settings["constraint"] = constraint(options["digits"], options["pattern"], options["checksum"])
        settings["regions"] = options["regions"]
        return cls(options["model"], settings)

    def __call__(self) -> DigitReader:
        """Raises: ModelError, UsageError: as `DigitReader.load`."""
        load_opencv(self.settings["threads"])
        from edge_digits.imaging.regions import WHOLE
        from edge_digits.reader import DigitReader

        return DigitReader.load(self.model, **{**self.settings, "regions": self.settings["regions"] or (WHOLE,)})

    def settled(self) -> ReaderLoader:
        """The same, with the very model that is read with here: processes that choose for themselves may differ.

        Raises:
            ModelError: a model is to be timed, and cannot be used.
        """
        from edge_digits.inference.session import Model

        chosen = Model.choose(self.model, self.settings["precision"], threads=self.settings["threads"])
        return replace(self, model=chosen)


class Take:
    """Writes a result to all that wants it."""

    def __init__(self, writer: Writer, folders: Folders | None, tally: Tally) -> None:
        self._writer, self._folders, self._tally = writer, folders, tally

    def __call__(self, result: Result) -> None:
        """Raises: OutputError: something cannot be written."""
        self._writer.write(result.reading)
        if self._folders is not None and result.drawn is not None:
            self._folders.write(result.reading, result.drawn)
        self._tally.add(result.reading)


def check_format(form: str, output: Path | None, *, bom: bool) -> None:
    """Refuse a format that cannot be written.

    Raises:
        UsageError: options do not go together.
        MissingExtraError: its package is not installed.
    """
    if bom and form != "csv":
        raise UsageError("--bom is of CSV: add --format csv")
    if form == "xlsx":
        if output is None:
            raise UsageError("--format xlsx needs a file: add -o FILE.xlsx")
        from edge_digits.outputs.spreadsheet import check_workbooks

        check_workbooks()


def folders_of(options: dict[str, Any]) -> list[Path]:
    """The folders that pictures are to be written to."""
    folders = (options["save_annotated"], options["save_crops"], options["explain"])
    return [folder for folder in folders if folder is not None]


def open_folders(options: dict[str, Any], sources: Sequence[str] = (), *, go_on: bool = False) -> Folders | None:
    """What is to be written beside the records; None where that is nothing, which needs no module for it.

    Raises:
        UsageError: a folder holds the pictures that are read.
        OutputError: as `Folders`.
    """
    wanted = folders_of(options)
    if not wanted:
        return None
    from edge_digits.outputs.folders import Folders, check_not_sources

    check_not_sources(wanted, sources)
    saving = (options["save_annotated"], options["save_crops"], options["explain"])
    return Folders(*saving, force=options["force"], go_on=go_on)


@contextmanager
def record_stream(form: str, output: Path | None, *, force: bool, bom: bool) -> Iterator[TextIO]:
    """Where records go; says where those of a run that ends early are.

    Raises:
        OutputError: they cannot be written.
    """
    if output is None:
        if bom:
            sys.stdout.write("\ufeff")
        yield sys.stdout
        return
    from edge_digits.outputs.files import text_file
    from edge_digits.outputs.spreadsheet import workbook_file

    opened = workbook_file if form == "xlsx" else text_file
    kept = output
    try:
        with opened(output, force=force) as stream:
            kept = Path(stream.name)
            if bom:
                stream.write("\ufeff")
            yield stream
    except KeyboardInterrupt:
        if kept != output:
            lines = " as JSON Lines" if form == "xlsx" else ""
            click.echo(f"the records so far are{lines} in {printable(str(kept))}", err=True)
        raise
