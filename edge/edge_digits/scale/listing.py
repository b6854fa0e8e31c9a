"""Sources as a user names them -> the names of pictures, one after the other, however many there are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge_digits.errors import EdgeDigitsError, SourceError, UsageError
from edge_digits.scale.objects import is_address, message_of, objects_in, store_of
from edge_digits.sources.extras import left_out_line
from edge_digits.sources.files import expand, listed, natural_key, pictures_in
from edge_digits.sources.picture_file import STDIN

#: What a column of names is called where nothing else was said, and the ending of a file that has one.
COLUMN, TABLE = "path", ".parquet"


def names(
    sources: Sequence[str], *, recursive: bool, column: str | None, without: Path | None, left_out: Counter[str]
) -> Iterator[str]:
    """The names of the pictures of all sources, in their order.

    Of a folder, its own files come first, in natural order, then its sub-folders: no more than the names of one folder
    are held at a time.

    Args:
        sources: a picture, a folder, a glob, @LIST, a Parquet file with a column of names, an address in an object
            store.
        recursive: look into sub-folders, and below a prefix.
        column: of a Parquet file; None for `path` or the only column of text.
        without: a folder that is passed over.
        left_out: counts, by suffix, files of folders that may show digits too, and are of kinds that are not read.

    Raises:
        SourceError: one is not available, or has no picture.
        UsageError: one cannot be read in this way.
    """
    for source in sources:
        if source == STDIN:
            raise UsageError("batch reads files and objects, not standard input: edge-digits predict -")
        if source.startswith("@"):
            yield from (file.name for file in listed(source))
        elif source.endswith(TABLE):
            yield from _from_table(source, column)
        elif is_address(source):
            yield from objects_in(source, recursive=recursive)
        elif os.path.isdir(source):
            yield from _from_folder(source, recursive, without, left_out)
        else:
            yield from (file.name for file in expand(source))


def _from_folder(folder: str, recursive: bool, without: Path | None, left_out: Counter[str]) -> Iterator[str]:
    empty = True
    try:
        for name in _below(folder, recursive, without, left_out):
            empty = False
            yield name
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: the folder cannot be read ({error.strerror})") from None
    if empty:
        hint = "" if recursive else ". To look into its sub-folders too: --recursive"
        others = f". {left_out_line(left_out)}" if left_out else ""
        raise SourceError(f"{folder}: no pictures in this folder{hint}{others}")


def _below(folder: str, recursive: bool, without: Path | None, left_out: Counter[str]) -> Iterator[str]:
    """Raises: OSError: the folder cannot be read; a sub-folder that may not be is named, and is a record later."""
    yield from sorted(pictures_in(folder, False, (), left_out), key=natural_key)
    if not recursive:
        return
    with os.scandir(folder) as entries:
        inner = [
            entry.path
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and not _is(entry.path, without)
        ]
    for path in sorted(inner, key=natural_key):
        try:
            yield from _below(path, True, without, left_out)
        except PermissionError:
            yield path


def _is(path: str, folder: Path | None) -> bool:
    return folder is not None and folder.exists() and folder.samefile(path)


def _from_table(source: str, column: str | None) -> Iterator[str]:
    """The names in a column of a Parquet file, a batch of rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Each store has errors of its own.
    errors = Exception if is_address(source) else (pa.ArrowException, OSError)
    try:
        with _opened(source) as stream, pq.ParquetFile(stream) as table:
            name = _column_of(source, table.schema_arrow, column)
            for batch in table.iter_batches(columns=[name]):
                for value in batch.column(0).to_pylist():
                    if value:
                        yield value if isinstance(value, str) else os.fsdecode(value)
    except EdgeDigitsError:
        raise
    except errors as error:
        raise SourceError(f"{source}: cannot be read as Parquet ({message_of(error)})") from None


def _opened(source: str) -> Any:
    if not is_address(source):
        return open(source, "rb")
    store, path = store_of(source)
    return store.open(path, "rb")


def _column_of(source: str, schema: Any, column: str | None) -> str:
    import pyarrow as pa

    texts = [
        field.name
        for field in schema
        if any(kind(field.type) for kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))
    ]
    wanted = column or (COLUMN if COLUMN in texts else texts[0] if len(texts) == 1 else None)
    if wanted in texts:
        return str(wanted)
    there = f"its columns of text are {', '.join(texts)}" if texts else "it has no column of text"
    raise UsageError(
        f"{source}: "
        + (f"has no column {column!r} of text" if column else "which column has the paths?")
        + f" ({there}). Name one: --column NAME"
    )
