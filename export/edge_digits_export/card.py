"""The model card of an exported file."""

from __future__ import annotations

import platform
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_digits import __version__
from edge_digits.inference.card import ModelCard
from edge_digits_export.compact import compact
from edge_digits_export.quantize import METHOD
from edge_digits_export.trained import TrainedRun
from edge_digits_export.verify import Verification

if TYPE_CHECKING:
    import onnx

_TOOLS = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxslim", "onnxruntime", "numpy")


def card(
    name: str,
    precision: str,
    source: TrainedRun,
    row: Verification | None = None,
    fp32: Verification | None = None,
    method: str = "",
) -> ModelCard:
    """The card of a file; without `row`, of one that is yet to be judged.

    Args:
        name: the model's name.
        precision: "fp32" or "int8".
        source: the run.
        row: how the file was judged.
        fp32: how the float file was judged, for an int8 one.
        method: how int8 was made, where `quantize` did not.
    """
    task, config = source.task, source.config
    settings = task.contract(source.background)
    if row is not None:
        settings |= task.confidence(row.logits, source.validation.truth, source.background)
        settings["metrics"] = {part: _accuracies(part, precision, row, fp32) for part in ("validation", "test")}
    quantization: dict[str, Any] = {"precision": precision}
    if precision == "int8":
        augmented = (config.get("recipe") or {}).get("augmentation") is not None
        quantization |= {
            "method": method or METHOD + (", last layer in float" if task.float_output else ""),
            "calibration": task.calibration(augmented),
            "count": len(source.calibration),
            "seed": config.get("seed"),
        }
    return ModelCard(
        name=name,
        labels=source.labels,
        quantization=quantization,
        train={
            "recipe": config.get("recipe_name"),
            "settings": config.get("recipe"),
            "epochs": source.epochs,
            "init": Path(config.get("init") or "").name,
            "init_sha256": config.get("init_sha256") or "",
            "extra": [Path(folder).name for folder in config.get("extra") or ()],
            "pens": [Path(source).name for source in config.get("pens") or ()],
            "finder": Path(config.get("finder") or "").name,
            "teachers": [Path(source).name for source in config.get("teachers") or ()],
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
    """The file: the graph, compact, with the card as its metadata."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(graph)
    compact(model)
    onnx.helper.set_model_props(model, model_card.to_metadata())
    return bytes(model.SerializeToString(deterministic=True))


def _accuracies(part: str, precision: str, row: Verification, fp32: Verification | None) -> dict[str, float]:
    accuracies = {precision: round(float(getattr(row, part)), 2)}
    return accuracies if fp32 is None else {"fp32": round(float(getattr(fp32, part)), 2)} | accuracies


def _versions() -> dict[str, str]:
    # By module, not by distribution: TensorFlow comes under several names.
    return {tool: str(import_module(tool).__version__) for tool in _TOOLS}
