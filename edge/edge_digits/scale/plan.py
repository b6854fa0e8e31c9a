"""What a batch reads: the names of all pictures, written down once, and cut into partitions.

It lies beside the partitions, so that a run that goes on reads what the first one listed, whatever has happened to the
sources since. Each of its row groups has the names of one partition; the partition's file is called by its number and
by a digest of its names and of the settings, so that a file of other input is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from edge_digits.errors import OutputError, UsageError
from edge_digits.scale.place import Place

#: Its name; readers of Parquet folders pass over names that begin so.
INPUTS = "_inputs.parquet"
SCHEMA = "edge-digits/batch/1"
_KEY = b"edge-digits"


class Plan:
    """The plan of a batch, as it was written down.

    Attributes:
        place: where it lies.
        settings: what the run was told, by option.
        pictures: how many there are.
        listed: when, in UTC.
    """

    def __init__(self, place: Place) -> None:
        """Read it.

        Raises:
            OutputError: it cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.place = place
        try:
            with place.open(INPUTS) as stream:
                self._metadata = pq.read_metadata(stream)
            about = json.loads(self._metadata.metadata[_KEY])
            self.settings: dict[str, Any] = about["settings"]
            self._size: int = about["partition_size"]
            self._digests: list[str] = about["digests"]
            self.pictures, self.listed = int(about["pictures"]), str(about["listed"])
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
            raise OutputError(f"{place.address}: {INPUTS} is damaged, or none of ours. Name another folder") from None

    @classmethod
    def make(cls, place: Place, names: Iterator[str], size: int, settings: dict[str, Any]) -> Plan:
        """Write the plan of a new batch.

        Args:
            place: where it is to lie.
            names: of the pictures.
            size: of a partition, pictures.
            settings: as for `check`.

        Raises:
            OutputError: it cannot be written.
            EdgeDigitsError: what `names` raises.
        """
        place.write_by(INPUTS, lambda path: _write(path, names, size, settings))
        return cls(place)

    def __len__(self) -> int:
        """How many partitions it has."""
        return len(self._digests)

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse to go on with other settings: records of one folder are all made in one way.

        Raises:
            UsageError: some differ; says which.
        """
        differing = [name for name in settings if settings[name] != self.settings.get(name)]
        if differing:
            told = "; ".join(f"{name}: {self.settings.get(name)!r}, and now {settings[name]!r}" for name in differing)
            raise UsageError(
                f"{self.place.address} was begun with other settings ({told}). Go on with those, or name another folder"
            )

    def file(self, number: int) -> str:
        """The name of a partition's file."""
        return f"part-{number:06d}-{self._digests[number]}.parquet"

    def count(self, number: int) -> int:
        """How many pictures a partition has."""
        return min(self._size, self.pictures - number * self._size)

    def names(self, number: int) -> list[str]:
        """The pictures of a partition.

        Raises:
            OutputError: the plan cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with self.place.open(INPUTS) as stream, pq.ParquetFile(stream, metadata=self._metadata) as file:
                return [os.fsdecode(name) for name in file.read_row_group(number).column(0).to_pylist()]
        except (pa.ArrowException, OSError) as error:
            raise OutputError(f"{self.place.address}: {INPUTS} cannot be read ({error})") from None

    @cached_property
    def finished(self) -> frozenset[int]:
        """The partitions whose files were there when this was asked first.

        Raises:
            OutputError: the folder cannot be listed, or holds partitions of other inputs.
        """
        there = {name for name in self.place.names() if name.startswith("part-")}
        done = frozenset(number for number in range(len(self)) if self.file(number) in there)
        if len(done) < len(there):
            strange = min(there - {self.file(number) for number in done})
            raise OutputError(
                f"{self.place.address}: holds {strange}, which is none of this batch. Name another folder"
            )
        return done


def _write(path: Path, names: Iterator[str], size: int, settings: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = json.dumps(settings, sort_keys=True).encode()
    columns = pa.schema([("name", pa.binary())])
    digests: list[str] = []
    pictures = 0
    with pq.ParquetWriter(path, columns, compression="zstd") as writer:
        for group in iter(lambda: list(islice(names, size)), []):
            encoded = [os.fsencode(name) for name in group]
            writer.write_table(pa.table([pa.array(encoded, pa.binary())], columns), row_group_size=size)
            digests.append(hashlib.sha256(b"\0".join([said, *encoded])).hexdigest()[:16])
            pictures += len(encoded)
        about = {
            "schema": SCHEMA,
            "settings": settings,
            "pictures": pictures,
            "partition_size": size,
            "digests": digests,
            "listed": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        writer.add_key_value_metadata({_KEY: json.dumps(about)})
