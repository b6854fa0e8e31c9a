"""The model card of an exported file."""

from __future__ import annotations

import platform
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits import __version__
from edge_digits.inference.card import FINDER_NORMALIZE, ModelCard
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
    if source.finder:
        settings |= {"output": "maps", "normalize": dict(FINDER_NORMALIZE)}
    elif source.background:
        settings["reject"] = {"method": "background", "threshold": 0.0}
    if row is not None:
        if not source.finder:
            settings |= _confidence(row.logits, source)
        settings["metrics"] = {part: _accuracies(part, row, fp32) for part in ("validation", "test")}
    quantization: dict[str, Any] = {"precision": precision}
    if precision == "int8":
        seed, count = source.config.get("seed"), len(source.calibration)
        augmented = (source.config.get("recipe") or {}).get("augmentation") is not None
        pictures = "augmented training pictures" if augmented else "training pictures"
        pictures = "composed scenes" if source.finder else pictures
        quantization |= {"method": METHOD, "calibration": pictures, "count": count, "seed": seed}
    config = source.config
    return ModelCard(
        name=name,
        labels=source.labels,
        quantization=quantization,
        train={
            "recipe": config.get("recipe_name"),
            "settings": config.get("recipe"),
            "init": Path(config.get("init") or "").name,
            "seed": config.get("seed"),
            "limit": config.get("limit"),
            "data_sha256": config.get("data_sha256"),
            "commit": config.get("commit"),
        },
        license="Apache-2.0",
        tool_versions={"edge-digits": __version__, "python": platform.python_version(), **_versions()},
        **settings,
    )


def _confidence(logits: NDArray[np.float32], source: Trained) -> dict[str, Any]:
    classes, method = source.validation.truth, "confidence"
    if source.background:
        logits = np.concatenate([np.zeros((len(logits), 1), np.float32), logits], axis=1)
        classes, method = classes + 1, "background"
    temperature = confidence.temperature(logits, classes)
    threshold = confidence.threshold(logits, classes, temperature)
    return {"temperature": temperature, "reject": {"method": method, "threshold": threshold}}


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
