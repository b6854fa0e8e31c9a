"""The operators that a model may use, and the shape of what each gives.

A model that is allowed needs no more than its file says: no operator here opens files, repeats others, or gives a shape
that hangs on the values of a picture. So the shapes of all values follow from that of the pictures, and with them the
time and memory that a model takes, before it runs. The list is what `edge-digits export` writes for Keras networks of
dense, convolution, normalisation, pooling and activation layers, in float and quantized, as pairs of QuantizeLinear and
DequantizeLinear or as QLinear operators. An operator that is not in `RULES` is refused.

Semantics: https://onnx.ai/onnx/operators/, and for the domain com.microsoft
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from edge_digits.inference.onnx_file import Attribute

Shape = tuple[int, ...]


class ShapeError(ValueError):
    """Inputs or attributes that do not go together."""


@dataclass(frozen=True)
class Operation:
    """An operation whose inputs are known.

    Attributes:
        shapes: of the inputs; None for one that is left out.
        values: of the inputs that are tensors of the file; None for others.
        attributes: by name.
    """

    shapes: tuple[Shape | None, ...]
    values: tuple[NDArray[np.generic] | None, ...]
    attributes: dict[str, Attribute]

    def shape(self, index: int) -> Shape:
        """The shape of an input that must be there."""
        shape = self.shapes[index] if index < len(self.shapes) else None
        if shape is None:
            raise ShapeError(f"input {index} is missing")
        return shape

    def numbers(self, index: int) -> list[int] | None:
        """The integers of an input that must be a tensor of the file; None where the input is left out."""
        if index >= len(self.shapes) or self.shapes[index] is None:
            return None
        values = self.values[index]
        if values is None or values.dtype.kind != "i" or values.size > 8:
            raise ShapeError(f"input {index} is no list of a few integers within the file")
        return [int(value) for value in values.ravel()]

    def integer(self, name: str, default: int) -> int:
        """An attribute that is a number."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise ShapeError(f"{name} is no integer")
        return value

    def integers(self, name: str, default: Attribute) -> list[int]:
        """An attribute that is a list of as many numbers as its default."""
        value = self.attributes.get(name, default)
        if isinstance(value, list) and isinstance(default, list) and len(value) == len(default):
            numbers = [number for number in value if isinstance(number, int)]
            if len(numbers) == len(value):
                return numbers
        raise ShapeError(f"{name} is no list of integers, or not of so many: {value}")


#: The shape of an operation's output, and how many multiplications each of its numbers takes.
Rule = Callable[[Operation], tuple[Shape, int]]


def _same(operation: Operation) -> tuple[Shape, int]:
    """The shape of the first input; others are parameters."""
    return operation.shape(0), 1


def _broadcast(*indices: int) -> Rule:
    """Of these inputs, or all of them, element by element."""

    def rule(operation: Operation) -> tuple[Shape, int]:
        which = indices or range(len(operation.shapes))
        return _joined([operation.shape(index) for index in which]), 1

    return rule


def _joined(shapes: list[Shape]) -> Shape:
    rank = max(map(len, shapes))
    sides = []
    for column in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        different = set(column) - {1}
        if len(different) > 1:
            raise ShapeError(f"shapes {', '.join(map(str, shapes))} do not go together")
        sides.append(different.pop() if different else 1)
    return tuple(sides)


def _matmul(left: int, right: int) -> Rule:
    def rule(operation: Operation) -> tuple[Shape, int]:
        a, b = operation.shape(left), operation.shape(right)
        if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
            raise ShapeError(f"no product of {a} and {b}")
        return (*_joined([a[:-2], b[:-2]]), a[-2], b[-1]), a[-1]

    return rule


def _gemm(right: int) -> Rule:
    def rule(operation: Operation) -> tuple[Shape, int]:
        a, b = operation.shape(0), operation.shape(right)
        if len(a) != 2 or len(b) != 2:
            raise ShapeError(f"no matrices: {a} and {b}")
        a = a[::-1] if operation.integer("transA", 0) else a
        b = b[::-1] if operation.integer("transB", 0) else b
        if a[1] != b[0]:
            raise ShapeError(f"no product of {a} and {b}")
        return (a[0], b[1]), a[1]

    return rule


def _conv(weights: int) -> Rule:
    def rule(operation: Operation) -> tuple[Shape, int]:
        x, w, group = operation.shape(0), operation.shape(weights), operation.integer("group", 1)
        if len(x) != 4 or len(w) != 4 or group < 1 or x[1] != w[1] * group or w[0] % group:
            raise ShapeError(f"no convolution of {x} with {w} in {group} groups")
        if operation.integers("kernel_shape", [*w[2:]]) != [*w[2:]]:
            raise ShapeError("kernel_shape is not that of the weights")
        return (x[0], w[0], *_windows(operation, x[2:], w[2:])), w[1] * w[2] * w[3]

    return rule


def _pool(operation: Operation) -> tuple[Shape, int]:
    x, kernel = operation.shape(0), operation.integers("kernel_shape", [0, 0])
    if len(x) != 4 or min(kernel) < 1 or operation.integer("channels_last", 0) or operation.integer("ceil_mode", 0):
        raise ShapeError(f"no pooling of {x} by {kernel}")
    return (*x[:2], *_windows(operation, x[2:], tuple(kernel))), prod(kernel)


def _windows(operation: Operation, sides: Shape, kernel: Shape) -> Shape:
    """How many places a window of a convolution or a pooling has along each side."""
    strides, dilations = operation.integers("strides", [1, 1]), operation.integers("dilations", [1, 1])
    pads = operation.integers("pads", [0, 0, 0, 0])
    if min(strides + dilations) < 1 or min(pads) < 0:
        raise ShapeError(f"strides {strides}, dilations {dilations}, pads {pads}")
    auto = operation.attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        return tuple(-(-side // stride) for side, stride in zip(sides, strides, strict=True))
    places = []
    for axis, side in enumerate(sides):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        padded = side + (pads[axis] + pads[axis + 2] if auto == "NOTSET" else 0)
        steps = padded - reach
        if steps < 0:
            raise ShapeError(f"a window of {reach} on {side} with pads {pads}")
        places.append(steps // strides[axis] + 1)
    return tuple(places)


def _global_pool(operation: Operation) -> tuple[Shape, int]:
    x = operation.shape(0)
    if len(x) != 4 or operation.integer("channels_last", 0):
        raise ShapeError(f"no planes: {x}")
    return (*x[:2], 1, 1), x[2] * x[3]


def _reshape(operation: Operation) -> tuple[Shape, int]:
    x, wanted = operation.shape(0), operation.numbers(1)
    if wanted is None or operation.integer("allowzero", 0) or wanted.count(-1) > 1 or min(wanted, default=0) < -1:
        raise ShapeError(f"no shape: {wanted}")
    if any(side == 0 and axis >= len(x) for axis, side in enumerate(wanted)):
        raise ShapeError(f"{x} has no side {len(wanted)}")
    sides = [x[axis] if side == 0 else side for axis, side in enumerate(wanted)]
    rest = prod(side for side in sides if side != -1)
    if -1 in sides:
        sides[sides.index(-1)] = prod(x) // rest
    if prod(sides) != prod(x):
        raise ShapeError(f"{x} cannot become {wanted}")
    return tuple(sides), 1


def _flatten(operation: Operation) -> tuple[Shape, int]:
    x, axis = operation.shape(0), operation.integer("axis", 1)
    if not -len(x) <= axis <= len(x):
        raise ShapeError(f"{x} has no axis {axis}")
    axis += len(x) * (axis < 0)
    return (prod(x[:axis]), prod(x[axis:])), 1


def _transpose(operation: Operation) -> tuple[Shape, int]:
    x = operation.shape(0)
    order = operation.integers("perm", list(range(len(x)))[::-1])
    if sorted(order) != list(range(len(x))):
        raise ShapeError(f"{order} is no order of the axes of {x}")
    return tuple(x[axis] for axis in order), 1


def _unsqueeze(operation: Operation) -> tuple[Shape, int]:
    x = operation.shape(0)
    axes = _axes(operation.numbers(1), len(x) + len(operation.numbers(1) or []))
    rest = iter(x)
    return tuple(1 if axis in axes else next(rest) for axis in range(len(x) + len(axes))), 1


def _squeeze(operation: Operation) -> tuple[Shape, int]:
    x = operation.shape(0)
    axes = _axes(operation.numbers(1), len(x))
    if any(x[axis] != 1 for axis in axes):
        raise ShapeError(f"{x} has more than 1 along {axes}")
    return tuple(side for axis, side in enumerate(x) if axis not in axes), 1


def _reduce(operation: Operation) -> tuple[Shape, int]:
    x, given = operation.shape(0), operation.attributes.get("axes")
    # An attribute up to opset 17, an input since.
    wanted = operation.numbers(1) or (list(range(len(x))) if given is None else operation.integers("axes", given))
    axes = _axes(wanted, len(x))
    kept = operation.integer("keepdims", 1)
    sides = [1 if axis in axes else side for axis, side in enumerate(x) if kept or axis not in axes]
    return tuple(sides), prod(x[axis] for axis in axes)


def _pad(operation: Operation) -> tuple[Shape, int]:
    x, pads = operation.shape(0), operation.numbers(1)
    if pads is None or len(pads) != 2 * len(x) or min(pads) < 0 or len(operation.shapes) > 3:
        raise ShapeError(f"no pads of {x}: {pads}")
    if operation.attributes.get("mode", "constant") != "constant":
        raise ShapeError("a mode that is not constant")
    return tuple(pads[axis] + side + pads[axis + len(x)] for axis, side in enumerate(x)), 1


def _axes(axes: list[int] | None, rank: int) -> list[int]:
    """Axes counted from the front."""
    if axes is None or not all(-rank <= axis < rank for axis in axes):
        raise ShapeError(f"no axes: {axes} of {rank}")
    counted = [axis % rank for axis in axes]
    if len(set(counted)) < len(counted):
        raise ShapeError(f"an axis twice: {axes}")
    return counted


_ELEMENTWISE = (
    "Abs BatchNormalization Cast Clip DequantizeLinear Elu Erf Exp HardSigmoid HardSwish Identity LeakyRelu Log "
    "LogSoftmax Neg QuantizeLinear Reciprocal Relu Selu Sigmoid Softmax Softplus Softsign Sqrt Tanh "
    "com.microsoft.QLinearLeakyRelu com.microsoft.QLinearSigmoid com.microsoft.QLinearSoftmax"
)
#: The rule of each operator that a model may use.
RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _same),
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "Pow", "PRelu", "Sub"), _broadcast()),
    # Each of these takes scale and zero point after a tensor.
    **dict.fromkeys(("com.microsoft.QLinearAdd", "com.microsoft.QLinearMul"), _broadcast(0, 3)),
    "Conv": _conv(1),
    "QLinearConv": _conv(3),
    "MatMul": _matmul(0, 1),
    "QLinearMatMul": _matmul(0, 3),
    "Gemm": _gemm(1),
    "com.microsoft.QGemm": _gemm(3),
    **dict.fromkeys(("AveragePool", "MaxPool", "com.microsoft.QLinearAveragePool"), _pool),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "com.microsoft.QLinearGlobalAveragePool"), _global_pool),
    **dict.fromkeys(("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"), _reduce),
    "Flatten": _flatten,
    "Pad": _pad,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
