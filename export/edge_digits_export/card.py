"""The model card of an exported file."""

from __future__ import annotations

import platform
from importlib import import_module
from typing import TYPE_CHECKING, Any

from edge_digits import __version__
from edge_digits.card import ModelCard
from edge_digits_export import confidence
from edge_digits_export.quantize import METHOD
from edge_digits_export.trained import Trained
from edge_digits_export.verify import Verified

if TYPE_CHECKING:
    import onnx

_TOOLS = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxslim", "onnxruntime", "numpy")


def card(
    name: str, precision: str, source: Trained, row: Verified | None = None, fp32: Verified | None = None
) -> ModelCard:
    """The card of a file; without `row`, of one that is yet to be judged.

    Args:
        name: the model's name.
        precision: "fp32" or "int8".
        source: the run.
        row: how the file was judged.
        fp32: how the float file was judged, for an int8 one.
    """
    settings: dict[str, Any] = {}
    if row is not None:
        classes = source.validation.classes
        temperature = confidence.temperature(row.logits, classes)
        settings["temperature"] = temperature
        settings["reject"] = {
            "method": "confidence",
            "threshold": confidence.threshold(row.logits, classes, temperature),
        }
        settings["metrics"] = {part: _accuracies(part, row, fp32) for part in ("validation", "test")}
    quantization: dict[str, Any] = {"precision": precision}
    if precision == "int8":
        seed, count = source.config.get("seed"), len(source.calibration)
        augmented = (source.config.get("recipe") or {}).get("augmentation") is not None
        pictures = "augmented training pictures" if augmented else "training pictures"
        quantization |= {"method": METHOD, "calibration": pictures, "count": count, "seed": seed}
    config = source.config
    return ModelCard(
        name=name,
        labels=source.labels,
        quantization=quantization,
        train={
            "recipe": config.get("recipe_name"),
            "settings": config.get("recipe"),
            "seed": config.get("seed"),
            "limit": config.get("limit"),
            "data_sha256": config.get("data_sha256"),
            "commit": config.get("commit"),
        },
        license="Apache-2.0",
        tool_versions={"edge-digits": __version__, "python": platform.python_version(), **_versions()},
        **settings,
    )


def with_card(graph: onnx.ModelProto, model_card: ModelCard) -> bytes:
    """The file: the graph with the card as its metadata."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(graph)
    onnx.helper.set_model_props(model, model_card.to_metadata())
    return bytes(model.SerializeToString(deterministic=True))


def _accuracies(part: str, row: Verified, fp32: Verified | None) -> dict[str, float]:
    accuracies = {row.name: round(float(getattr(row, part)), 2)}
    return accuracies if fp32 is None else {"fp32": round(float(getattr(fp32, part)), 2)} | accuracies


def _versions() -> dict[str, str]:
    # By module, not by distribution: TensorFlow comes under several names.
    return {tool: str(import_module(tool).__version__) for tool in _TOOLS}
