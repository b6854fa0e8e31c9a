"""The records of docs/contracts.md as OpenAPI schemas."""

from __future__ import annotations

from typing import Any

from edge_digits.live.watch import EVENT_SCHEMA
from edge_digits.results import SCHEMA

_NUMBER = {"type": "number"}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_BOX = {
    "type": "object",
    "required": ["x1", "y1", "x2", "y2"],
    "properties": {side: {"type": "integer"} for side in ("x1", "y1", "x2", "y2")},
}
_DIGIT = {
    "type": "object",
    "required": ["label", "confidence", "box", "line", "rejected", "topk"],
    "properties": {
        "label": _TEXT,
        "confidence": _SHARE,
        "box": _BOX,
        "line": _COUNT,
        "rejected": {"type": "boolean"},
        "topk": {"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2}},
        "sign": {"type": "boolean"},
        "seen": {"type": "string", "description": "28 x 28 grey pixels, row by row, in base64"},
    },
}
_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "event", "text", "confidence", "held", "time"],
    "properties": {
        "schema": {"const": EVENT_SCHEMA},
        "event": {"enum": ["announced", "withdrawn"]},
        "source": _TEXT,
        "frame": _COUNT,
        "text": _TEXT,
        "confidence": _SHARE,
        "held": _NUMBER,
        "time": _NUMBER,
    },
}
_FIELDS: dict[str, Any] = {
    "schema": {"const": SCHEMA},
    "source": _TEXT,
    "frame": _COUNT,
    "width": _COUNT,
    "height": _COUNT,
    "text": _TEXT,
    "confidence": _SHARE,
    "status": {"enum": ["ok", "uncertain", "no_digits"]},
    "digits": {"type": "array", "items": _DIGIT},
    "speed_ms": {"type": "object", "additionalProperties": _NUMBER},
    "warnings": {"type": "array", "items": _TEXT},
    "time": _NUMBER,
}


def _described(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


#: What a picture is answered with.
RECORD = _described("The record.", {"type": "object", "required": [*_FIELDS][:-1], "properties": _FIELDS})
#: What a frame of a browser's camera is answered with.
FRAME_RECORD = _described(
    "The frame's record, and what is announced.",
    {
        "type": "object",
        "required": [*_FIELDS, "announced", "events"],
        "properties": {
            **_FIELDS,
            "announced": {"type": "object", "properties": {"text": _TEXT, "confidence": _SHARE}},
            "events": {"type": "array", "items": _EVENT},
        },
    },
)
