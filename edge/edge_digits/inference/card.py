"""What a model file says of itself: the metadata of the ONNX file, one JSON string a field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

from edge_digits.errors import ModelError, install_from_checkout

SCHEMA_VERSION = 1
#: The normalisation that this runner does: `normalize.normalize`, with its parameters.
NORMALIZE: dict[str, Any] = {"name": "ink-box", "version": 1, "side": 28, "box": 20}
#: What a reader of windows sees: `normalize.window`, with its parameters.
WINDOW_NORMALIZE: dict[str, Any] = {"name": "window", "version": 2, "side": 28, "box": 20}
#: What a finder sees, at any size: `contrast.local_contrast`.
FINDER_NORMALIZE: dict[str, Any] = {"name": "local-contrast", "version": 1}
#: The longest label, and the longest field, characters.
_LONGEST_LABEL, _LONGEST_FIELD = 32, 65_536
#: What no text of a card holds, because a terminal or a page would not show it but obey it: control characters, line
#: and paragraph separators, changes of the direction of writing, halves of characters.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
#: The lowest temperature that a card may have, and the highest; a 32-bit float tells the lowest from 0.
_TEMPERATURES = (0.001, 1000.0)
#: How much of a value that is not known a message shows, characters.
_SHOWN = 200


@dataclass(frozen=True)
class ModelCard:
    """The contract of a model file.

    >>> from edge_digits import Model
    >>> card = Model.load("base").card
    >>> card.output, card.quantization["precision"], card.labels[:3]
    ('logits', 'int8', ('0', '1', '2'))

    Attributes:
        name: the model's name, such as "base".
        labels: the text of each class, in the order of the output's columns; 2 to 100, no two alike, each of 1 to 32
            characters that can be shown.
        temperature: the logits are divided by this before the softmax (Guo et al. 2017).
        reject: {"method": m, "threshold": t}: digits less sure than t are refused. With m "background", the network
            knows one class more, of what is no digit, whose logit is always 0; with "confidence" it does not.
        quantization: precision ("fp32" or "int8"), and for int8 method, calibration set, count and seed.
        metrics: accuracy by set, in per cent; for int8 beside the fp32 model's.
        train: recipe, seed, sha256 of the data, commit.
        normalize: the normalisation that the model was trained with.
        output: "logits"; "scores" where the file's output is ready to use as probabilities; "maps" of a finder.
        license: SPDX identifier.
        tool_versions: what the file was made with.
    """

    name: str
    labels: tuple[str, ...]
    temperature: float = 1.0
    reject: dict[str, Any] = field(default_factory=lambda: {"method": "confidence", "threshold": 0.0})
    quantization: dict[str, Any] = field(default_factory=lambda: {"precision": "fp32"})
    metrics: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    normalize: dict[str, Any] = field(default_factory=lambda: dict(NORMALIZE))
    output: str = "logits"
    license: str = ""
    tool_versions: dict[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def to_metadata(self) -> dict[str, str]:
        """The card as ONNX metadata_props."""
        return {f.name: json.dumps(getattr(self, f.name), ensure_ascii=False) for f in fields(self)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], path: str) -> ModelCard:
        """Read and check the metadata of the model file `path`; unknown fields are left alone.

        Raises:
            ModelError: the file has no card, or one of a contract that this runner does not know; it says which part.
        """
        if "schema_version" not in metadata:
            raise ModelError(f"{path} is no edge-digits model: it has no model card. Make one with: edge-digits export")
        values: dict[str, Any] = {}
        for f in fields(cls):
            if f.name in metadata:
                try:
                    values[f.name] = _parsed(metadata[f.name])
                except (ValueError, RecursionError):
                    raise _unknown(path, f.name, metadata[f.name]) from None
        if not _alike(values["schema_version"], SCHEMA_VERSION):
            raise _unknown(path, "schema_version", values["schema_version"])
        for name in ("name", "labels"):
            if name not in values:
                raise ModelError(f"{path}: its model card has no {name!r}. Export the model anew: edge-digits export")
        _check(path, values)
        values["labels"] = tuple(values["labels"])
        return cls(**values)


def _parsed(text: str) -> Any:
    """The value of a field.

    Raises:
        ValueError, RecursionError: it is no JSON, too long, or holds what is no number or no text.
    """
    if len(text) > _LONGEST_FIELD:
        raise ValueError("too long")
    value = json.loads(text, parse_constant=_refuse)
    if any(_NO_TEXT.search(text) for text in _texts(value)):
        raise ValueError("control characters")
    return value


def _refuse(constant: str) -> NoReturn:
    """NaN and infinity, which Python's JSON takes and no other does."""
    raise ValueError(constant)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value, keys among them."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            left += [*part, *part.values()]
        elif isinstance(part, list):
            left += part


def _alike(value: Any, known: Any) -> bool:
    """Whether they are the same JSON: for Python, True is 1."""
    return json.dumps(value, sort_keys=True) == json.dumps(known, sort_keys=True)


def _unknown(path: str, part: str, value: object) -> ModelError:
    shown = repr(value if not isinstance(value, str) else value[:_SHOWN])[:_SHOWN]
    return ModelError(
        f"{path}: this edge-digits does not know the {part} of its model card, {shown}. "
        f"Upgrade edge-digits (git pull; {install_from_checkout()}), or export the model anew with this version"
    )


def _check(path: str, values: dict[str, Any]) -> None:
    labels = values["labels"]
    if (
        not isinstance(labels, list)
        or not 2 <= len(labels) <= 100
        or not all(isinstance(label, str) and 0 < len(label) <= _LONGEST_LABEL for label in labels)
        or len(set(labels)) != len(labels)
    ):
        raise _unknown(path, "labels", labels)
    for name in ("name", "license"):
        if not isinstance(values.get(name, ""), str):
            raise _unknown(path, name, values[name])
    if values.get("output", "logits") not in ("logits", "scores", "maps"):
        raise _unknown(path, "output", values["output"])
    normalize = values.get("normalize", NORMALIZE)
    known_ones = (FINDER_NORMALIZE,) if values.get("output") == "maps" else (NORMALIZE, WINDOW_NORMALIZE)
    if not any(_alike(normalize, one) for one in known_ones):
        raise _unknown(path, "normalize", normalize)
    if not _is_between(*_TEMPERATURES, values.get("temperature", 1.0)):
        raise _unknown(path, "temperature", values["temperature"])
    reject = values.get("reject", {"method": "confidence", "threshold": 0.0})
    known = isinstance(reject, dict) and reject.get("method") in ("confidence", "background")
    if not known or not _is_between(0.0, 1.0, reject.get("threshold")):
        raise _unknown(path, "reject", reject)
    for name in ("quantization", "metrics", "train", "tool_versions"):
        if not isinstance(values.get(name, {}), dict):
            raise _unknown(path, name, values[name])


def _is_between(lowest: float, highest: float, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest
