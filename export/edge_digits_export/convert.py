"""A Keras network -> an ONNX graph of the model contract: uint8 pictures in, logits or maps out, scaling inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_digits.errors import EdgeDigitsError, SourceError
from edge_digits.inference.operators import RULES
from edge_digits_export.trained import TrainedRun

if TYPE_CHECKING:
    import onnx

#: The oldest opset that has per-channel DequantizeLinear: onnxruntime 1.7 of 2021 runs it.
OPSET = 13
#: The IR version that came with it.
IR_VERSION = 7
#: What shape arithmetic leaves behind, and what a graph of fixed shapes has no use for.
_LEFTOVERS = frozenset({"Shape", "Gather", "Slice", "Concat"})


class ExportError(EdgeDigitsError):
    """A model that cannot be exported as asked."""


def load_keras(path: Path) -> Any:
    """Load a Keras model.

    Raises:
        SourceError: the file is missing or broken.
    """
    import keras

    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras, and what it unpacks with, raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{path}: is no Keras model that can be loaded ({reason}). Train anew: edge-digits train --force"
        ) from None


def check_ports(model: Any, source: TrainedRun) -> None:
    """Refuse a network that is not of the kind that its run says.

    Raises:
        SourceError: its input or output has another shape.
    """
    ports = [tuple(getattr(model, name, ())) for name in ("input_shape", "output_shape")]
    wanted = source.task.ports(len(source.labels))
    if tuple(ports) != wanted:
        raise SourceError(
            f"{source.model}: takes {ports[0]} and gives {ports[1]}, where {wanted[0]} and {wanted[1]} are wanted: "
            "it is no network of this run. Train anew: edge-digits train --force"
        )


def to_onnx(model: Any) -> onnx.ModelProto:
    """Convert a network that takes floats 0..255 [N, H, W, 1] to a graph `image` uint8 [N, H, W] -> `logits` or `maps`.

    Batch normalisation is folded into the convolutions; the graph holds no shape arithmetic.

    Raises:
        ExportError: the network leaves some behind, or needs operators that the runner does not run.
    """
    import onnxslim
    import tensorflow as tf
    import tf2onnx

    height, width = model.input_shape[1:3]
    name = "maps" if height is None else "logits"

    # tf2onnx's from_keras no longer takes what Keras 3 makes; a traced function it does take. A reshape to fixed sides,
    # because [..., newaxis] would leave a Slice behind.
    @tf.function(input_signature=[tf.TensorSpec([None, height, width], tf.uint8, name="image")])  # type: ignore[untyped-decorator, unused-ignore]  # tensorflow has no types
    def network(image: Any) -> dict[str, Any]:
        pixels = tf.cast(image, tf.float32)
        planes = tf.expand_dims(pixels, 3) if height is None else tf.reshape(pixels, [-1, height, width, 1])
        return {name: model(planes, training=False)}

    converted, _ = tf2onnx.convert.from_function(network, input_signature=network.input_signature, opset=OPSET)
    slimmed = onnxslim.slim(converted)
    left = sorted({node.op_type for node in slimmed.graph.node} & _LEFTOVERS)
    if left:
        raise ExportError(
            f"the exported graph holds {', '.join(left)}: use layers of fixed shape (Reshape in place of Flatten)"
        )
    foreign = sorted({node.op_type for node in slimmed.graph.node} - RULES.keys())
    if foreign:
        raise ExportError(
            f"the exported graph uses {', '.join(foreign)}, which the runner does not run: use other layers"
        )
    return finish(slimmed)


def finish(model: onnx.ModelProto) -> onnx.ModelProto:
    """Pin opset and IR version, leave out what only tools need, and check the graph."""
    import onnx

    model.ir_version = IR_VERSION
    kept = [opset for opset in model.opset_import if opset.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    model.opset_import[0].version = OPSET
    del model.graph.value_info[:]
    model.graph.doc_string = model.doc_string = ""
    model.producer_name, model.producer_version = "edge-digits", ""
    model.graph.name = "digits"
    onnx.checker.check_model(model)
    return model
