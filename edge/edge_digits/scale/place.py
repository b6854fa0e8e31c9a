"""Where a batch is written: a folder, or a prefix in an object store. Files in it are whole or not there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_digits.errors import EdgeDigitsError, OutputError, SourceError, UsageError
from edge_digits.outputs.atomic import cannot_write, folder_held, remove_leftovers, write_whole
from edge_digits.outputs.files import make_folder
from edge_digits.scale.objects import is_address, store_of


@dataclass(frozen=True)
class Place:
    """A place; can be pickled.

    Attributes:
        address: an absolute path, or an address such as s3://bucket/prefix.
    """

    address: str

    @classmethod
    def of(cls, out: str) -> Place:
        """The place that a user names.

        Raises:
            UsageError: an address of what is no object store.
        """
        if not is_address(out):
            return cls(str(Path(out).absolute()))
        try:
            store_of(out)
        except SourceError as error:
            raise UsageError(f"--output {error}") from None
        return cls(out.rstrip("/"))

    @property
    def folder(self) -> Path | None:
        """The folder; None in an object store."""
        return None if is_address(self.address) else Path(self.address)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make it, and keep other runs on this machine out of it for the time within.

        Raises:
            OutputError: it cannot be made, or another run writes there.
        """
        if self.folder is None:
            yield
            return
        make_folder(self.folder, force=True)
        with folder_held(self.folder):
            remove_leftovers(self.folder)
            yield

    def names(self) -> set[str]:
        """The names of the files in it.

        Raises:
            OutputError: it cannot be listed.
        """
        if self.folder is not None:
            return {path.name for path in self.folder.iterdir()}
        store, path = store_of(self.address)
        with self._errors("listed"):
            try:
                return {str(name).rpartition("/")[2] for name in store.ls(path, detail=False)}
            except FileNotFoundError:
                return set()

    def has(self, name: str) -> bool:
        """Whether there is such a file.

        Raises:
            OutputError: that cannot be told.
        """
        if self.folder is not None:
            return (self.folder / name).exists()
        store, path = store_of(self.address)
        with self._errors("read"):
            return bool(store.exists(f"{path}/{name}"))

    def write(self, name: str, content: bytes) -> None:
        """Write a file; in a folder, one that is there by now stays: another process was faster with the same content.

        Raises:
            OutputError: it cannot be written.
        """
        if self.folder is not None:
            place = self.folder / name
            try:
                write_whole(place, lambda part: part.write_bytes(content), force=False)
            except OutputError:
                if not place.exists():
                    raise
            return
        store, path = store_of(self.address)
        with self._errors("written"):
            store.pipe_file(f"{path}/{name}", content)

    def write_by(self, name: str, write: Callable[[Path], Any]) -> None:
        """Write a file that may be larger than memory: `write` makes it, at the path that it is given.

        Raises:
            OutputError: it cannot be written.
        """
        if self.folder is not None:
            write_whole(self.folder / name, write)
            return
        store, path = store_of(self.address)
        with tempfile.NamedTemporaryFile(suffix=name) as here:
            write(Path(here.name))
            with self._errors("written"):
                store.put_file(here.name, f"{path}/{name}")

    def open(self, name: str) -> Any:
        """A file to read, as pyarrow takes it.

        Raises:
            OutputError: it cannot be read.
        """
        if self.folder is not None:
            try:
                return (self.folder / name).open("rb")
            except OSError as error:
                raise cannot_write(self.folder / name, error) from None
        store, path = store_of(self.address)
        with self._errors("read"):
            return store.open(f"{path}/{name}", "rb")

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except EdgeDigitsError:
            raise
        except Exception as error:  # each store has errors of its own
            said = " ".join(str(error).split()) or type(error).__name__
            raise OutputError(
                f"{self.address}: cannot be {done} ({said}). Check its name, your credentials and the network"
            ) from None
