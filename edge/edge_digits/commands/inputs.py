"""The sources of `predict` as they are named -> what is to be read."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_digits.errors import SourceError, UsageError

if TYPE_CHECKING:
    from edge_digits.batch.reading import Input


def ask() -> str:
    """The source of a run that was given none, from a person.

    Raises:
        UsageError: nobody is there to be asked.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "what shall be read? Name a picture, a folder, or - for standard input: edge-digits predict SOURCE"
        )
    answer: str = click.prompt("Picture or folder to read", err=True)
    return answer


def gather(
    sources: Sequence[str], *, recursive: bool, without: Sequence[Path], max_pixels: int
) -> tuple[Iterable[Input], list[str]]:
    """What is to be read: a list or, where standard input gives it bit by bit, an iterator; and the names known by now.

    A source that is not available is a record in its place, while another is. What is left out of folders is said on
    standard error.

    Raises:
        SourceError: none of them is; of standard input, while it is read.
    """
    from edge_digits.results import Reading
    from edge_digits.sources.address import without_password
    from edge_digits.sources.extras import left_out_line
    from edge_digits.sources.files import arriving, expand

    parts: list[Iterable[Input]] = []
    names: list[str] = []
    errors: list[str] = []
    left_out: Counter[str] = Counter()
    for source in sources:
        later = arriving(source, max_pixels)
        if later is not None:
            parts.append(later if len(sources) == 1 else _or_record(source, later))
            continue
        try:
            files = expand(source, recursive=recursive, without=without, left_out=left_out)
        except SourceError as error:
            errors.append(str(error))
            shown = without_password(source) if "://" in source else source
            parts.append([Reading.failed(shown, _without_name(shown, error))])
            names.append(shown)
        else:
            parts.append(files)
            names += [file.name for file in files]
    if len(errors) == len(sources):
        raise SourceError("\n".join(errors))
    if left_out:
        click.echo(left_out_line(left_out), err=True)
    inputs: Iterable[Input] = chain.from_iterable(parts)
    return (list(inputs) if all(isinstance(part, list) for part in parts) else inputs), names


def _or_record(source: str, inputs: Iterator[Input]) -> Iterator[Input]:
    from edge_digits.results import Reading

    try:
        yield from inputs
    except SourceError as error:
        yield Reading.failed(source, _without_name(source, error))


def _without_name(source: str, error: SourceError) -> str:
    return str(error).removeprefix(f"{source}: ")
