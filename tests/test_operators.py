"""The operators that a model may use: of each, the runner says beforehand what shape onnxruntime will give."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_digits.inference import contract, shipped
from edge_digits.inference.onnx_file import OnnxFile
from edge_digits.inference.operators import RULES

Array = np.ndarray[Any, Any]
Case = tuple[list[Array], dict[str, Any]]


def floats(*shape: int) -> Array:
    """Numbers from 0.1 to 1, which every function takes."""
    return np.linspace(0.1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def quantized(*shape: int) -> list[Array]:
    """A uint8 tensor, its scale and zero point."""
    return [(100 * floats(*shape)).astype(np.uint8), SCALE, ZERO]


def integers(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


SCALE: Array = np.array(0.01, np.float32)
ZERO: Array = np.array(0, np.uint8)
PLANES = (2, 3, 9, 8)
WEIGHTS: list[Array] = [(40 * floats(4, 3, 3, 2)).astype(np.int8), SCALE, np.array(0, np.int8), SCALE, ZERO]
SAME: Case = ([floats(*PLANES)], {})
TWO: list[Case] = [([floats(*PLANES), floats(*PLANES)], {}), ([floats(3, 1, 8), floats(2, 1, 9, 1)], {})]
POOLS: list[Case] = [
    ([floats(*PLANES)], {"kernel_shape": [3, 2]}),
    ([floats(*PLANES)], {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 2, 1]}),
    ([floats(*PLANES)], {"kernel_shape": [3, 2], "strides": [2, 3], "auto_pad": "SAME_UPPER"}),
    ([floats(*PLANES)], {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    ([floats(*PLANES)], {"kernel_shape": [3, 2], "auto_pad": "VALID"}),
]
REDUCE: list[Case] = [
    ([floats(*PLANES)], {"axes": [2, -1]}),
    ([floats(*PLANES)], {"axes": [1], "keepdims": 0}),
    ([floats(*PLANES)], {}),
]
#: Functions of one value.
SIMPLE = (
    "Abs Elu Erf Exp GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish Identity LeakyRelu Log LogSoftmax Neg "
    "Reciprocal Relu Selu Sigmoid Softmax Softplus Softsign Sqrt Tanh"
)
QUANTIZED = ("com.microsoft.QLinearSigmoid", "com.microsoft.QLinearLeakyRelu", "com.microsoft.QLinearGlobalAveragePool")
#: Inputs and attributes for each operator.
CASES: dict[str, list[Case]] = {
    **{name: [SAME] for name in SIMPLE.split()},
    "BatchNormalization": [([floats(*PLANES), *[floats(3)] * 4], {})],
    "Cast": [([floats(*PLANES)], {"to": TensorProto.INT32})],
    "Clip": [([floats(*PLANES), np.array(0, np.float32), np.array(6, np.float32)], {})],
    "QuantizeLinear": [([floats(*PLANES), SCALE, ZERO], {})],
    "DequantizeLinear": [(quantized(*PLANES), {})],
    **dict.fromkeys(("Add", "Div", "Mul", "Sub", "Max", "Min", "Pow"), TWO),
    "PRelu": [([floats(*PLANES), floats(3, 1, 1)], {})],
    "Conv": [
        ([floats(*PLANES), floats(4, 3, 3, 2)], {}),
        ([floats(*PLANES), floats(4, 3, 3, 2), floats(4)], {"strides": [2, 3], "dilations": [2, 1]}),
        ([floats(*PLANES), floats(4, 3, 3, 2)], {"pads": [1, 0, 2, 1]}),
        ([floats(*PLANES), floats(6, 1, 3, 2)], {"group": 3, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ([floats(*PLANES), floats(4, 3, 1, 1)], {"pads": [2, 2, 2, 2], "kernel_shape": [1, 1]}),
    ],
    "QLinearConv": [([*quantized(*PLANES), *WEIGHTS], {"strides": [2, 1], "pads": [1, 1, 1, 1]})],
    "MatMul": [([floats(2, 5), floats(5, 3)], {}), ([floats(4, 1, 2, 5), floats(6, 5, 3)], {})],
    "QLinearMatMul": [([*quantized(2, 5), *quantized(5, 3), SCALE, ZERO], {})],
    "Gemm": [([floats(2, 5), floats(5, 3)], {}), ([floats(5, 2), floats(3, 5), floats(3)], {"transA": 1, "transB": 1})],
    "com.microsoft.QGemm": [
        ([*quantized(2, 5), *quantized(3, 5), np.zeros(3, np.int32), SCALE, ZERO], {"transB": 1}),
    ],
    **{
        f"com.microsoft.QLinear{name}": [([*quantized(2, 3, 4), *quantized(3, 1), SCALE, ZERO], {})]
        for name in ("Add", "Mul")
    },
    **{name: [([*quantized(*PLANES), SCALE, ZERO], {})] for name in QUANTIZED},
    "com.microsoft.QLinearSoftmax": [([*quantized(2, 10), SCALE, ZERO], {"opset": 13, "axis": -1})],
    "MaxPool": POOLS,
    "AveragePool": POOLS,
    "com.microsoft.QLinearAveragePool": [
        ([*quantized(*PLANES), SCALE, ZERO], {"kernel_shape": [3, 2], "strides": [2, 3]}),
    ],
    **dict.fromkeys(("ReduceMax", "ReduceMean", "ReduceMin"), REDUCE),
    "ReduceSum": [([floats(*PLANES), integers(1, -1)], {"keepdims": 0}), ([floats(*PLANES), integers(2)], {})],
    "Flatten": [
        SAME,
        ([floats(*PLANES)], {"axis": 2}),
        ([floats(*PLANES)], {"axis": -1}),
        ([floats(*PLANES)], {"axis": 0}),
    ],
    "Pad": [([floats(*PLANES), integers(0, 0, 1, 2, 0, 0, 3, 4)], {})],
    "Reshape": [
        ([floats(*PLANES), integers(-1, 24)], {}),
        ([floats(*PLANES), integers(0, 0, 72)], {}),
        ([floats(*PLANES), integers(2, -1)], {}),
    ],
    "Squeeze": [([floats(2, 3, 1, 1), integers(2, -1)], {})],
    "Unsqueeze": [([floats(2, 3), integers(0, 3)], {}), ([floats(2, 3), integers(-1)], {})],
    "Transpose": [SAME, ([floats(*PLANES)], {"perm": [0, 2, 3, 1]})],
}


def file_of(operator: str, inputs: list[Array], attributes: dict[str, Any]) -> bytes:
    """A graph of one operation on tensors of the file."""
    domain, _, name = operator.rpartition(".")
    names = [f"i{number}" for number in range(len(inputs))]
    graph = helper.make_graph(
        [helper.make_node(name, names, ["y"], domain=domain, **attributes)],
        "one",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N"])],
        [onnx_value("y")],
        [numpy_helper.from_array(values, name) for name, values in zip(names, inputs, strict=True)],
    )
    opsets = [helper.make_opsetid("", 14), helper.make_opsetid("com.microsoft", 1)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return content


def onnx_value(name: str) -> Any:
    """An output of whatever type and shape."""
    from onnx import ValueInfoProto

    return ValueInfoProto(name=name)


def test_every_operator_that_is_allowed_is_tried_here() -> None:
    assert CASES.keys() == RULES.keys()


@pytest.mark.parametrize("operator", RULES)
def test_the_shape_is_what_onnxruntime_gives(operator: str) -> None:
    for inputs, attributes in CASES[operator]:
        content = file_of(operator, inputs, attributes)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        (given,) = session.run(None, {"image": np.zeros(1, np.uint8)})
        expected = contract.shapes_of(OnnxFile(content).graph(RULES), (1,))["y"]
        assert expected == given.shape, (attributes, [values.shape for values in inputs])


@pytest.mark.parametrize(("name", "pictures"), [("base.int8", (2, 28, 28)), ("finder.int8", (1, 24, 40))])
def test_the_shapes_within_a_shipped_network_are_those_of_onnxruntime(name: str, pictures: tuple[int, ...]) -> None:
    import onnx

    model = onnx.load_from_string((shipped.folder() / f"{name}.onnx").read_bytes())
    expected = contract.shapes_of(OnnxFile(model.SerializeToString()).graph(RULES), pictures)
    names = [node.output[0] for node in model.graph.node]
    del model.graph.output[:]
    model.graph.output.extend(onnx_value(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = session.run(names, {"image": np.zeros(pictures, np.uint8)})
    assert {name: expected[name] for name in names} == {
        name: values.shape for name, values in zip(names, given, strict=True)
    }


@pytest.mark.parametrize("name", shipped.names())
def test_a_file_is_read_as_the_onnx_package_reads_it(name: str) -> None:
    import onnx

    content = (shipped.folder() / f"{name}.onnx").read_bytes()
    model, file = onnx.load_from_string(content), OnnxFile(content)
    graph = file.graph(RULES)
    assert file.metadata == {entry.key: entry.value for entry in model.metadata_props}
    assert [(n.operator, n.inputs, n.outputs) for n in graph.nodes] == [
        (n.op_type, tuple(n.input), tuple(n.output)) for n in model.graph.node
    ]
    for node, theirs in zip(graph.nodes, model.graph.node, strict=True):
        expected = {a.name: helper.get_attribute_value(a) for a in theirs.attribute}
        given = {k: v.encode() if isinstance(v, str) else v for k, v in node.attributes.items()}
        assert given == expected
    assert graph.tensors.keys() == {tensor.name for tensor in model.graph.initializer}
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        assert graph.tensors[tensor.name].values.dtype == values.dtype
        np.testing.assert_array_equal(graph.tensors[tensor.name].values, values)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int8, np.int32, np.int64])
def test_typed_values_are_read_as_raw_ones(dtype: type) -> None:
    values: Array = np.array([[1, 0, 7], [100, 3, 5]], dtype) - np.array(0 if dtype is np.uint8 else 50, dtype)
    model = helper.make_model(helper.make_graph([], "g", [], []))
    number = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    model.graph.initializer.append(helper.make_tensor("t", number, values.shape, values.ravel().tolist()))
    assert not model.graph.initializer[0].raw_data
    read = OnnxFile(model.SerializeToString()).graph(RULES).tensors["t"].values
    assert (read.dtype, read.tolist()) == (values.dtype, values.tolist())
