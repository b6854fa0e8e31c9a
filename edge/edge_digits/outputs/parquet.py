"""Rows as a Parquet file."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from edge_digits.errors import MissingExtraError
from edge_digits.outputs.atomic import write_whole
from edge_digits.outputs.store import Row

#: Rows that are in memory at the same time.
_GROUP = 10_000


def check_parquet() -> None:
    """Raises: MissingExtraError: Parquet cannot be written, because pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401  # whether it is there, before anything is read
    except ImportError:
        raise MissingExtraError("Parquet", "parquet", "pyarrow") from None


def write_parquet(path: Path, rows: Iterable[Row], *, force: bool) -> int:
    """Write rows; the file is there when it is whole. How many there were.

    Raises:
        OutputError: it cannot be written, or is there already and `force` was not given.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    kinds = {"frame": pa.int64(), "confidence": pa.float64(), "held": pa.float64(), "plausible": pa.bool_()}
    kinds |= {"captured_at": pa.timestamp("ms", tz="UTC"), "crop": pa.binary()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in Row._fields])
    left, count = iter(rows), 0

    def write(part: Path) -> None:
        nonlocal count
        with ParquetWriter(part, schema, compression="zstd") as writer:
            while group := list(islice(left, _GROUP)):
                columns = dict(zip(Row._fields, map(list, zip(*group, strict=True)), strict=True))
                columns["captured_at"] = pa.array(columns["captured_at"]).cast(kinds["captured_at"])
                writer.write_table(pa.table(columns, schema=schema))
                count += len(group)

    write_whole(path, write, force=force)
    return count
