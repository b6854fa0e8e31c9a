"""The files of a page: the HTML, and beside it the record, a JSON file with the same facts."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_digits.errors import MissingExtraError, PictureError, UsageError


def ready(command: str, packages: Sequence[str], page: Path, *, force: bool) -> Path:
    """The path of a page's record, after checking that the packages are installed and neither file exists.

    Raises:
        MissingExtraError: one of the packages is not installed.
        UsageError: the page has the record's own name.
        OutputError: a file exists, and `force` is not set.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(command, "train", package)
    from edge_digits.outputs.files import check_free

    record = page.with_suffix(".json")
    if record == page:
        raise UsageError(f"-o {page}: that is where the numbers go. Name the page, as {page.with_suffix('.html')}")
    for path in (page, record):
        check_free(path, force=force)
    return record


def write(page: Path, html: str, record: Path, facts: Mapping[str, Any]) -> None:
    """Write both files; bytes of file names that are not UTF-8 become question marks in the page."""
    from edge_digits.outputs.files import write_bytes

    write_bytes(page, html.encode("utf-8", "replace"))
    write_bytes(record, (json.dumps(facts, indent=1) + "\n").encode("utf-8"))


def check_read(unreadable: Mapping[str, str]) -> None:
    """Say that pictures are missing from a page, if any are.

    Raises:
        PictureError: some are; it says how many, and why the first could not be read.
    """
    if unreadable:
        first = next(iter(unreadable.values()))
        raise PictureError(f"{len(unreadable)} pictures could not be read, and are not counted: {first}")
