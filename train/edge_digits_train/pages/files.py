"""The files of a page: itself, and the record beside it with what it says; for the commands that write them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_digits.errors import MissingExtraError, PictureError, UsageError


def ready(command: str, packages: Sequence[str], page: Path, *, force: bool) -> Path:
    """Where the record of a page goes, after looking whether all that is needed is there and both places are free.

    Raises:
        MissingExtraError: one of the packages is not installed.
        UsageError: the page would lie where its record goes, or a file is there.
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
    """Write both; a path's own bytes that are no text become question marks."""
    from edge_digits.outputs.files import write_bytes

    write_bytes(page, html.encode("utf-8", "replace"))
    write_bytes(record, (json.dumps(facts, indent=1) + "\n").encode("utf-8"))


def check_read(unreadable: Mapping[str, str]) -> None:
    """Say that pictures are missing from a page, if any are.

    Raises:
        PictureError: there are, by name, with why each could not be read.
    """
    if unreadable:
        first = next(iter(unreadable.values()))
        raise PictureError(f"{len(unreadable)} pictures could not be read, and are not counted: {first}")
