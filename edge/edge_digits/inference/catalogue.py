"""The shipped models side by side: size, accuracy by their cards, and this machine's speed where it is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge_digits.choices import PRECISIONS
from edge_digits.errors import ModelError
from edge_digits.inference import shipped, speeds
from edge_digits.inference.card import ModelCard
from edge_digits.inference.choosing import seconds_each
from edge_digits.inference.onnx_file import Graph, OnnxFile, UnusableError
from edge_digits.inference.operators import RULES
from edge_digits.inference.session import Finder, Model, known_speeds
from edge_digits.inference.wire import WireError

SCHEMA = "edge-digits/models/1"
#: What the accuracy of a card is the share of, by the task that the network was trained for.
_MEASURED_ON = {
    "digits": "pictures of its test set",
    "windows": "windows of composed test scenes",
    "finder": "digits in composed test scenes, found and read",
}
#: Seconds that timing takes for each file, where it is asked for.
_THOROUGH = 0.5


@dataclass(frozen=True)
class Entry:
    """A shipped file.

    Attributes:
        name: "base.int8"; `model` is "base" and `precision` "int8".
        size: of the file, bytes.
        sha256: of the file, in hexadecimal.
        parameters: numbers that were learnt, as the file holds them: batch normalisation is part of the convolutions.
        card: what the file says of itself.
        seconds: this machine's time for a picture as the network sees it; None where it was not timed.
        taken: whether `--precision auto` takes this file of its model; None where that is timed on first use.
    """

    name: str
    size: int
    sha256: str
    parameters: int
    card: ModelCard
    seconds: float | None = None
    taken: bool | None = None

    @property
    def model(self) -> str:
        """The name without the precision."""
        return shipped.parted(self.name)[0]

    @property
    def precision(self) -> str:
        """In what it computes."""
        return shipped.parted(self.name)[1]

    @property
    def accuracy(self) -> float | None:
        """Per cent of `measured_on`, by the card; None where it has none."""
        found = self.card.metrics.get("test")
        return found.get(self.precision) if isinstance(found, dict) else None

    @property
    def measured_on(self) -> str:
        """What `accuracy` is the share of."""
        settings = self.card.train.get("settings")
        return _MEASURED_ON.get(settings.get("task", "") if isinstance(settings, dict) else "", "its test set")

    @property
    def is_finder(self) -> bool:
        """Whether it is for --finder, and not for --model."""
        return self.card.output == "maps"

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "name": self.name,
            "model": self.model,
            "precision": self.precision,
            "kind": "finder" if self.is_finder else "classifier",
            "bytes": self.size,
            "sha256": self.sha256,
            "parameters": self.parameters,
            "accuracy": self.accuracy,
            "measured_on": self.measured_on,
            "microseconds": None if self.seconds is None else round(1e6 * self.seconds, 1),
            "taken": self.taken,
        }


def catalogue(threads: int = 1, *, time: bool = False) -> list[Entry]:
    """The shipped files, by kind and size; of each model the smaller file first.

    Args:
        threads: of one inference, for the speed.
        time: time all files now, by turns, and remember that; else what is remembered counts.

    Raises:
        ModelError: a file is broken, or cannot be used.
    """
    kept = known_speeds(threads)
    entries = [_read(name) for name in shipped.names()]
    known = kept.read()
    if time:
        known = {**known, **_timed(entries, threads)}
        kept.remember(known)
    smallest = {entry.model: min(other.size for other in entries if other.model == entry.model) for entry in entries}
    entries.sort(key=lambda entry: (entry.is_finder, smallest[entry.model], entry.model, entry.size))
    seconds = {entry.name: known.get(entry.sha256) for entry in entries}
    return [replace(entry, seconds=seconds[entry.name], taken=_taken(entry, seconds)) for entry in entries]


def _read(name: str) -> Entry:
    path = shipped.folder() / f"{name}.onnx"
    try:
        content = path.read_bytes()
        file = OnnxFile(content)
        parameters = _parameters(file.graph(RULES))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}). Install edge-digits again") from None
    except (UnusableError, WireError):
        raise ModelError(f"{path}: is broken. Install edge-digits again") from None
    card = ModelCard.from_metadata(file.metadata, str(path))
    return Entry(name, len(content), hashlib.sha256(content).hexdigest(), parameters, card)


def _timed(entries: Sequence[Entry], threads: int) -> dict[str, float]:
    """The seconds of each file by its sum; readers take turns with readers, and finders with finders."""
    taken: dict[str, float] = {}
    for kind in (Model, Finder):
        ours = [entry for entry in entries if entry.is_finder == (kind is Finder)]
        networks = [kind.load(entry.name, threads=threads) for entry in ours]
        seconds = seconds_each(networks, _THOROUGH) if networks else []
        taken |= {entry.sha256: each for entry, each in zip(ours, seconds, strict=True)}
    return taken


def _taken(entry: Entry, seconds: Mapping[str, float | None]) -> bool | None:
    """Whether `--precision auto` takes a file, by the seconds of all."""
    there = shipped.precisions(entry.model)
    if entry.is_finder or len(there) < len(PRECISIONS):
        return entry.precision == there[0]
    int8, fp32 = (seconds[f"{entry.model}.{precision}"] for precision in PRECISIONS)
    return None if int8 is None or fp32 is None else entry.precision == speeds.faster(int8, fp32)


def _parameters(graph: Graph) -> int:
    """Numbers of weights and biases: not the shapes, nor the scales and zero points of what is quantized."""
    learnt: set[str] = set()
    for node in graph.nodes:
        quantizes = node.operator in ("QuantizeLinear", "DequantizeLinear")
        learnt.update(node.inputs[:1] if quantizes else node.inputs)
    tensors = [tensor.values for name, tensor in graph.tensors.items() if name in learnt]
    return sum(values.size for values in tensors if values.ndim and values.dtype != "int64")
