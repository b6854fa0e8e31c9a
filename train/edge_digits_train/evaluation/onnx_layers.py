"""Inside an ONNX file: the output of each convolution, and the kernels of the first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import MissingExtraError
from edge_digits.inference.session import open_session

if TYPE_CHECKING:
    import onnx

_CONVOLUTIONS = frozenset({"Conv", "QLinearConv"})
#: Operators that belong to the convolution before them: its activation, which quantized graphs fold into clipping.
_FOLLOWERS = frozenset({"Relu", "Clip", "QuantizeLinear", "DequantizeLinear"})


def layers(path: Path, pictures: NDArray[np.uint8]) -> list[tuple[str, NDArray[np.float32]]]:
    """Name and output, float32 [N, height, width, channels], of each convolution, after its activation."""
    graph = _graph(path)
    after = {node.input[0]: node.output[0] for node in graph.graph.node if node.op_type in _FOLLOWERS}
    names = []
    for node in _convolutions(graph):
        name = node.output[0]
        while name in after:
            name = after[name]
        names.append(name)
    planes = [np.asarray(output, np.float32).transpose(0, 2, 3, 1) for output in _run(graph, names, pictures)]
    return [(f"convolution {number}", maps) for number, maps in enumerate(planes, 1) if maps.ndim == 4]


def filters(path: Path) -> NDArray[np.float32] | None:
    """Kernels of the first convolution, [N, height, width], the mean over their input channels."""
    from onnx import numpy_helper

    graph = _graph(path)
    first = next(iter(_convolutions(graph)), None)
    if first is None:
        return None
    name = first.input[1 if first.op_type == "Conv" else 3]
    initializers = {tensor.name: tensor for tensor in graph.graph.initializer}
    if name in initializers:
        kernel = numpy_helper.to_array(initializers[name])
    else:
        (kernel,) = _run(graph, [name], np.zeros((1, 28, 28), np.uint8))  # the output of a DequantizeLinear
    return np.asarray(kernel.mean(axis=1), np.float32)


def _graph(path: Path) -> onnx.ModelProto:
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("looking into an ONNX file", "train", "onnx") from None
    return onnx.load_from_string(path.read_bytes())


def _convolutions(graph: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in graph.graph.node if node.op_type in _CONVOLUTIONS]


def _run(graph: onnx.ModelProto, names: list[str], pictures: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """Inner values of the graph, by their names."""
    import onnx

    if not names:
        return []
    opened = onnx.ModelProto()
    opened.CopyFrom(graph)
    del opened.graph.output[:]
    opened.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    outputs: list[NDArray[Any]] = open_session(opened.SerializeToString()).run(names, {"image": pictures})
    return outputs
