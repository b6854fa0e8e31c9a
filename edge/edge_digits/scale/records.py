"""Records as the rows of a Parquet file: the JSON contract `edge-digits/result/1` in columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from edge_digits.results import SCHEMA, Reading
from edge_digits.terminal import text_only

#: The key, among a file's metadata, under which it says what it holds.
KEY = b"edge-digits"

_STEPS = ("decode", "find", "normalize", "infer")


@cache
def columns() -> Any:
    """The schema of the rows, for pyarrow."""
    import pyarrow as pa

    box = pa.struct([(side, pa.int32()) for side in ("x1", "y1", "x2", "y2")])
    digit = pa.struct(
        [
            ("label", pa.string()),
            ("confidence", pa.float32()),
            ("box", box),
            ("line", pa.int32()),
            ("rejected", pa.bool_()),
            ("topk", pa.list_(pa.struct([("label", pa.string()), ("confidence", pa.float32())]))),
            ("sign", pa.bool_()),
        ]
    )
    return pa.schema(
        [
            ("source", pa.string()),
            ("frame", pa.int32()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("text", pa.string()),
            ("confidence", pa.float32()),
            ("status", pa.string()),
            ("digits", pa.list_(digit)),
            ("speed_ms", pa.struct([(step, pa.float32()) for step in _STEPS])),
            ("warnings", pa.list_(pa.string())),
            ("error", pa.string()),
        ]
    )


def parquet(readings: Sequence[Reading], about: dict[str, Any]) -> bytes:
    """A Parquet file of readings.

    Args:
        readings: in the order of the rows.
        about: what is said of them in the file's metadata.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = {"schema": SCHEMA, **about}
    schema = columns().with_metadata({KEY: json.dumps(said)})
    table = pa.Table.from_pylist([_row(reading) for reading in readings], schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def about(stream: Any) -> dict[str, Any]:
    """What a file of `parquet` says of its readings.

    Raises:
        KeyError, ValueError, OSError: it is none.
    """
    import pyarrow.parquet as pq

    said: dict[str, Any] = json.loads(pq.read_metadata(stream).metadata[KEY])
    return said


def _row(reading: Reading) -> dict[str, Any]:
    return {
        "source": text_only(reading.source),
        "frame": reading.frame,
        "width": reading.width,
        "height": reading.height,
        "text": reading.text,
        "confidence": reading.confidence,
        "status": reading.status,
        "digits": [
            {
                "label": digit.label,
                "confidence": digit.confidence,
                "box": {"x1": digit.box.x1, "y1": digit.box.y1, "x2": digit.box.x2, "y2": digit.box.y2},
                "line": digit.line,
                "rejected": digit.rejected,
                "topk": [{"label": label, "confidence": confidence} for label, confidence in digit.topk],
                "sign": digit.sign,
            }
            for digit in reading.digits
        ],
        "speed_ms": reading.speed_ms or None,
        "warnings": [text_only(warning) for warning in reading.warnings],
        "error": None if reading.error is None else text_only(reading.error),
    }
