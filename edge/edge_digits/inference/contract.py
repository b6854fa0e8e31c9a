"""Whether a model file keeps the contract, decided before anything of it runs: ports, operators, shapes and cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from edge_digits.inference.onnx_file import Graph, Node, OnnxFile, Port, UnusableError
from edge_digits.inference.operators import RULES, Operation, Shape, ShapeError

#: Operations of a graph.
_MOST_NODES = 2000
#: Numbers of one value, and multiplications of all operations, for one picture of 28 x 28 pixels; of a finder, for one
#: of 64 x 64. The shipped networks need less than a tenth of either.
MOST_NUMBERS, _MOST_MULTIPLICATIONS = 1 << 18, 300_000_000
#: A number of a value takes as long as so many multiplications of a convolution at least: logarithms do.
_LEAST_MULTIPLICATIONS = 20
#: The oldest set of operators that exported models use.
_OLDEST_OPSET = 13
#: Types of ports, as the format numbers them.
FLOAT, UINT8 = 1, 2
#: What the format calls the types that ports have.
_TYPES = {FLOAT: "float", UINT8: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "double"}


def check(file: OnnxFile, image: Port, output: Port, trials: Sequence[tuple[Shape, Shape]]) -> None:
    """Refuse a network that could do anything but give scores for pictures, in bounded time and memory.

    Args:
        file: the model file.
        image, output: the ports that it must have.
        trials: shapes of inputs, and what the output is of for each.

    Raises:
        UnusableError: it says which part is not of the contract.
        WireError: the file is broken.
    """
    opset = file.opsets.get("", 0)
    if opset < _OLDEST_OPSET:
        raise UnusableError(f"its graph is of opset {opset}, and {_OLDEST_OPSET} or a later one is needed")
    graph = file.graph(RULES)
    if len(graph.nodes) > _MOST_NODES:
        raise UnusableError(f"its graph has {len(graph.nodes)} operations, more than {_MOST_NODES}")
    _check_port("input", graph.inputs, image)
    _check_port("output", graph.outputs, output)
    for given, wanted in trials:
        shapes = shapes_of(graph, given)
        if shapes.get(output.name) != wanted:
            raise UnusableError(f"it gives {list(shapes.get(output.name, ()))} for {list(given)}, not {list(wanted)}")
        _check_declared(graph, shapes)


def _check_port(which: str, found: tuple[Port, ...], wanted: Port) -> None:
    if found != (wanted,):
        texts = ", ".join(_as_text(port) for port in found[:3]) or "missing"
        raise UnusableError(f"its {which} is {texts}, not {_as_text(wanted)}")


def _as_text(port: Port) -> str:
    """A port in one line: image: uint8 [N, 28, 28]."""
    sides = ["any" if side is None else str(side) for side in port.sides or ()]
    sides[:1] = ["N"] if sides[:1] == ["any"] else sides[:1]
    return f"{port.name[:60]!r}"[1:-1] + f": {_TYPES.get(port.dtype, 'unknown')} [{', '.join(sides)}]"


def shapes_of(graph: Graph, given: Shape) -> dict[str, Shape]:
    """The shape of every value for an input of a given shape."""
    shapes: dict[str, Shape] = {name: tensor.values.shape for name, tensor in graph.tensors.items()}
    if graph.inputs[0].name in shapes:
        raise UnusableError("its input is a tensor of the file")
    shapes[graph.inputs[0].name] = given
    share = given[0]
    multiplications = 0
    for node in graph.nodes:
        shape, each = _shape(graph, node, shapes)
        # What is made of large weights is as large as they are.
        most = max(MOST_NUMBERS * share, *(prod(shapes[name]) for name in node.inputs if name))
        if not 0 < prod(shape) <= most:
            raise UnusableError(
                f"{_called(node)} gives {prod(shape)} numbers, and {MOST_NUMBERS} a picture are the most"
            )
        multiplications += prod(shape) * max(each, _LEAST_MULTIPLICATIONS)
        if multiplications > _MOST_MULTIPLICATIONS * share:
            raise UnusableError(f"its graph takes more than {_MOST_MULTIPLICATIONS} multiplications a picture")
        if len(node.outputs) != 1 or not node.outputs[0] or node.outputs[0] in shapes:
            raise UnusableError(f"{_called(node)} does not give one new value")
        shapes[node.outputs[0]] = shape
    return shapes


def _shape(graph: Graph, node: Node, shapes: dict[str, Shape]) -> tuple[Shape, int]:
    attributes = {name: value for name, value in node.attributes.items() if value is not None}
    if len(attributes) < len(node.attributes):
        raise UnusableError(f"{_called(node)} has an attribute that exported models do not have")
    missing = [name for name in node.inputs if name and name not in shapes]
    if missing:
        raise UnusableError(f"{_called(node)} takes {missing[0][:60]!r}, which nothing before it gives")
    tensors = [graph.tensors.get(name) for name in node.inputs]
    operation = Operation(
        tuple(shapes[name] if name else None for name in node.inputs),
        tuple(None if tensor is None else tensor.values for tensor in tensors),
        attributes,
    )
    try:
        return RULES[node.operator](operation)
    except ShapeError as error:
        raise UnusableError(f"{_called(node)} cannot work: {error}") from None


def _called(node: Node) -> str:
    """An operation in words: its operator, and what it gives."""
    return f"its operation {node.operator} ({node.outputs[0][:60] if node.outputs else 'without output'!r})"


def _check_declared(graph: Graph, shapes: dict[str, Shape]) -> None:
    """What the file says of the shapes of inner values is so: onnxruntime believes it."""
    for port in graph.declared:
        shape = shapes.get(port.name)
        sides = port.sides
        if shape is None or sides is None:
            continue
        if len(sides) != len(shape) or any(side not in (None, own) for side, own in zip(sides, shape, strict=True)):
            raise UnusableError(f"its graph says that {port.name[:60]!r} is of shape {sides}, and it is {shape}")
