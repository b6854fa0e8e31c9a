"""A float graph -> int8: static, per channel, calibrated on training pictures.

Never dynamic: dynamic quantization turns convolutions into ConvInteger, which is slower than float.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits_export.convert import ExportError, finish

if TYPE_CHECKING:
    import onnx

#: What the card says of the method.
METHOD = "static QDQ, weights int8 per channel in 7 bits, activations uint8, min-max calibration"


def quantize(model: onnx.ModelProto, calibration: NDArray[np.uint8], *, float_output: bool = False) -> onnx.ModelProto:
    """Quantize a graph that `convert.to_onnx` made.

    Activations are uint8. Weights use 7 of their 8 bits: the 16-bit sums of AVX2 saturate on products of full ones, and
    a model would read differently on processors with and without VNNI.

    Args:
        model: the float graph.
        calibration: uint8 [N, H, W], pictures as the model sees them.
        float_output: leave the last layer in float, where one scale for all its outputs would be too coarse: the
            places and sizes of a finder beside its logits.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported, as in the runner
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        source, prepared, quantized = (
            str(Path(folder) / name) for name in ("float.onnx", "prepared.onnx", "int8.onnx")
        )
        onnx.save(model, source)
        quant_pre_process(source, prepared)
        quantize_static(
            prepared,
            quantized,
            _reader(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=[_last_layer(onnx.load(prepared))] if float_output else [],
            # Logits stay as fine as the sums that they are, and with them the sums of any dense layer.
            extra_options={"ActivationSymmetric": False, "OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
        )
        return finish(_with_pixels_as_they_are(onnx.load(quantized)))


def _last_layer(model: onnx.ModelProto) -> str:
    """The name of the last convolution or matrix product."""
    return str([node.name for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")][-1])


def _reader(pictures: NDArray[np.uint8]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._batches: Iterator[NDArray[np.uint8]] = iter(np.array_split(pictures, max(1, len(pictures) // 100)))

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {"image": batch}

    return Reader()


def _with_pixels_as_they_are(model: onnx.ModelProto) -> onnx.ModelProto:
    """Feed the pixels to the first convolution or matrix product without a detour through float.

    A uint8 pixel is already a quantized number, of scale 1/255 and zero point 0. The quantizer does not know that and
    leaves Cast, Mul and QuantizeLinear before the first DequantizeLinear: take them out.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    by_output = {node.output[0]: node for node in graph.node}
    candidates = [node for node in graph.node if node.op_type == "DequantizeLinear" and _from_image(node, by_output)]
    if not candidates:
        raise ExportError(
            "the quantized graph does not begin with the picture: the network's first layer was not quantized"
        )
    first = max(candidates, key=lambda node: len(_chain(node, by_output)))
    chain = _chain(first, by_output)
    scale, zero, shape = "image_scale", "image_zero_point", "image_shape"
    flat = _flat_size(graph, chain)
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 / 255, np.float32), scale),
            numpy_helper.from_array(np.array(0, np.uint8), zero),
            numpy_helper.from_array(np.array([-1, flat] if flat else [1], np.int64), shape),
        ]
    )
    operation = "Reshape" if flat else "Unsqueeze"
    shaped = helper.make_node(operation, ["image", shape], ["image_shaped"], name="image_shaped")
    pixels = helper.make_node(
        "DequantizeLinear", ["image_shaped", scale, zero], [first.output[0]], name="image_dequantized"
    )
    rest = [node for node in graph.node if not any(node is removed for removed in (first, *chain))]
    del graph.node[:]
    graph.node.extend([shaped, pixels, *rest])
    used = {name for node in graph.node for name in node.input}
    kept = [initializer for initializer in graph.initializer if initializer.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return model


def _flat_size(graph: onnx.GraphProto, chain: list[onnx.NodeProto]) -> int:
    """Pixels of a picture where `chain`, nearest the network first, makes a row of it; 0 where it stays a plane."""
    from onnx import numpy_helper

    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    last = next((node for node in chain if node.op_type == "Reshape" and node.input[1] in shapes), None)
    shape = shapes[last.input[1]] if last is not None else np.zeros(4)
    return int(shape[1]) if len(shape) == 2 else 0


def _chain(node: onnx.NodeProto, by_output: dict[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes between the graph's input and `node`, following first inputs, nearest first."""
    chain = []
    while node.input[0] in by_output:
        node = by_output[node.input[0]]
        chain.append(node)
    return chain


def _from_image(node: onnx.NodeProto, by_output: dict[str, onnx.NodeProto]) -> bool:
    chain = _chain(node, by_output)
    allowed = {"Cast", "Mul", "Reshape", "Unsqueeze", "QuantizeLinear", "DequantizeLinear"}
    return bool(chain) and chain[-1].input[0] == "image" and {link.op_type for link in chain} <= allowed
