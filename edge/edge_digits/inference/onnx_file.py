"""What an ONNX file holds, read without onnxruntime: its operators, tensors, ports and metadata.

onnxruntime does what a file says: it opens other files that the file names, takes the memory that it asks for, and runs
loops that do not end. So the file is read here first, strictly: a message or field that no exported model has, or one
that is there twice where one belongs, is refused, as two readers might understand it differently.
Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.inference.wire import BYTES, FIXED32, VARINT, Field, WireError, WireReader, signed

#: Types of tensors that exported models hold, by their number in the format.
DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype(np.uint8),
    3: np.dtype(np.int8),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
}
#: What an attribute may be: a number, a text, or a row of numbers; not a graph, a tensor or a type.
Attribute = int | float | str | list[int] | list[float]
#: Sides of a port or tensor; None where any will do.
Sides = tuple[int | None, ...]
#: The most dimensions, and numbers of an attribute.
_MOST_SIDES, _MOST_NUMBERS = 8, 64
#: The most integers of a tensor that are read one by one; exported models keep them as raw data.
_MOST_TYPED = 1 << 20


class UnusableError(ValueError):
    """A part of a file that no exported model has; the text names the part."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor whose values are in the file.

    Attributes:
        name: as nodes refer to it.
        values: of one of `DTYPES`.
    """

    name: str
    values: NDArray[Any]


@dataclass(frozen=True)
class Node:
    """One operation of a graph.

    Attributes:
        operator: "Conv"; with the domain where that is not ONNX's own: "com.microsoft.QGemm".
        inputs, outputs: names of values; "" for one that is left out.
        attributes: by name; None for what is no `Attribute`.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute | None]


@dataclass(frozen=True)
class Port:
    """Input, output or inner value of a graph: its name, type (number in the format; 0 for none) and sides."""

    name: str
    dtype: int
    sides: Sides | None


@dataclass(frozen=True)
class Graph:
    """The network: `nodes` in the order in which they run, `tensors` by name, and the declared ports."""

    nodes: tuple[Node, ...]
    tensors: dict[str, Tensor]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    declared: tuple[Port, ...]


class OnnxFile:
    """An ONNX file; its graph is read when first asked for.

    Attributes:
        opsets: version of each set of operators, by its domain; "" is ONNX's own.
        metadata: text by key.
    """

    def __init__(self, content: bytes) -> None:
        """Read all but the graph.

        Raises:
            UnusableError: a part is no text, or is one that exported models do not have.
            WireError: the bytes are no ONNX file.
        """
        self._reader = WireReader(content)
        model = self._message("the file", _MODEL, 0, len(content))
        self.metadata: dict[str, str] = {}
        for start, end in _spans(model, 14):
            entry = self._message("its metadata", _ENTRY, start, end)
            key = self._text(entry, 1, "a key of its metadata")
            if key in self.metadata:
                raise UnusableError(f"its metadata holds {_shown(key)} twice")
            self.metadata[key] = self._text(entry, 2, f"{_shown(key)} of its metadata")
        self.opsets: dict[str, int] = {}
        for start, end in _spans(model, 8):
            opset = self._message("a set of operators", _OPSET, start, end)
            domain = self._text(opset, 1, "the name of a set of operators")
            self.opsets["" if domain == "ai.onnx" else domain] = signed(_number(opset, 2))
        graphs = _spans(model, 7)
        if not graphs:
            raise WireError("no graph")
        self._graph = graphs[0]

    def graph(self, operators: Container[str]) -> Graph:
        """The network.

        Args:
            operators: that it may use.

        Raises:
            UnusableError: it holds what exported models do not hold; names it.
            WireError: it is broken.
        """
        graph = self._message("its graph", _GRAPH, *self._graph)
        nodes = tuple(self._node(*span) for span in _spans(graph, 1))
        foreign = sorted({node.operator[:60] for node in nodes if node.operator not in operators})
        if foreign:
            raise UnusableError(
                f"its graph uses the operator{'s' * (len(foreign) > 1)} {', '.join(map(_shown, foreign[:5]))}, "
                "which this runner does not run"
            )
        tensors: dict[str, Tensor] = {}
        for span in _spans(graph, 5):
            tensor = self._tensor(*span)
            if tensor.name in tensors:
                raise UnusableError(f"its graph holds the tensor {_shown(tensor.name)} twice")
            tensors[tensor.name] = tensor
        return Graph(
            nodes,
            tensors,
            *(tuple(self._port(*span) for span in _spans(graph, number)) for number in (11, 12, 13)),
        )

    def _message(self, what: str, schema: dict[int, tuple[int, bool]], start: int, end: int) -> dict[int, list[Field]]:
        """The fields of a message by number, of which each must be one that exported models have.

        Args:
            what: the message, for errors.
            schema: kind of each field, and whether it may be there several times.
            start, end: where it lies.
        """
        message: dict[int, list[Field]] = {}
        for field in self._reader.fields(start, end):
            number, kind, _, _ = field
            wanted, repeated = schema.get(number, (-1, False))
            # Numbers of a repeated field may lie side by side.
            if kind != wanted and not (repeated and kind == BYTES and wanted in (VARINT, FIXED32)):
                part = _FOREIGN.get((id(schema), number))
                if schema is _MODEL and part is None:
                    raise WireError(f"field {number}")
                raise UnusableError(f"{what} holds {part or f'a part (field {number}) that exported models do not'}")
            if number in message and not repeated:
                raise WireError(f"{what} holds field {number} twice")
            message.setdefault(number, []).append(field)
        return message

    def _tensor(self, start: int, end: int) -> Tensor:
        tensor = self._message("a tensor", _TENSOR, start, end)
        name = self._text(tensor, 8, "the name of a tensor")
        if 13 in tensor or _number(tensor, 14):
            raise UnusableError("keeps its weights in another file")
        dtype = DTYPES.get(_number(tensor, 2))
        if dtype is None:
            raise UnusableError(
                f"its tensor {_shown(name)} is of type {_number(tensor, 2)}, which no exported model has"
            )
        sides = [signed(number) for number in self._numbers(tensor.get(1, []), _MOST_SIDES)]
        count = 1
        for side in sides:
            count *= side
            if not 0 < side < 1 << 31 or count > len(self._reader.data):
                raise UnusableError(f"its tensor {_shown(name)} is of shape {sides}, more than the file holds")
        values = self._values(tensor, dtype, count)
        if len(values) != count:
            raise UnusableError(f"its tensor {_shown(name)} of shape {sides} has {len(values)} values")
        if dtype.kind == "f" and not np.isfinite(values).all():
            raise UnusableError(f"its tensor {_shown(name)} holds values that are no numbers (NaN or infinity)")
        return Tensor(name, values.reshape(sides))

    def _values(self, tensor: dict[int, list[Field]], dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """The values of a tensor, wherever in the message they are."""
        data = self._reader.data
        typed = {"f": 4, "i": 7 if dtype.itemsize == 8 else 5, "u": 5}[dtype.kind]
        if [number for number in (4, 5, 7, 9) if number in tensor] not in ([9], [typed]):
            return np.zeros(0, dtype)
        if 9 in tensor:
            ((_, _, start, end),) = tensor[9]
            if end == start or (end - start) % dtype.itemsize:
                return np.zeros(0, dtype)
            return np.frombuffer(data, dtype, (end - start) // dtype.itemsize, start)
        if typed == 4:
            return np.frombuffer(b"".join(data[start:end] for _, _, start, end in tensor[4]), dtype)
        if count > _MOST_TYPED:
            raise UnusableError(f"a tensor keeps more than {_MOST_TYPED} integers one by one, not as raw data")
        numbers = [signed(number) for number in self._numbers(tensor[typed], count)]
        limits = np.iinfo(dtype)
        if not all(limits.min <= number <= limits.max for number in numbers):
            return np.zeros(0, dtype)
        return np.array(numbers, dtype)

    def _node(self, start: int, end: int) -> Node:
        node = self._message("an operation", _NODE, start, end)
        operator = self._text(node, 4, "the name of an operator")
        domain = self._text(node, 7, "the domain of an operator")
        attributes: dict[str, Attribute | None] = {}
        for span in _spans(node, 5):
            attribute = self._message("an attribute", _ATTRIBUTE, *span)
            name = self._text(attribute, 1, "the name of an attribute")
            if name in attributes:
                raise WireError(f"the attribute {name} twice")
            attributes[name] = self._attribute(attribute)
        return Node(
            operator if domain in ("", "ai.onnx") else f"{domain}.{operator}",
            tuple(self._decoded(field, "the name of a value") for field in node.get(1, [])),
            tuple(self._decoded(field, "the name of a value") for field in node.get(2, [])),
            attributes,
        )

    def _attribute(self, attribute: dict[int, list[Field]]) -> Attribute | None:
        """The value of an attribute; None where it is none that exported models have."""
        kind = _number(attribute, 20)
        number = _ATTRIBUTES.get(kind, 0)
        if not attribute.keys() <= {1, 13, 20, number}:
            return None
        fields = attribute.get(number, [])
        if kind == _TEXT:
            return self._text(attribute, number, "an attribute")
        if kind == _INT:
            return signed(_number(attribute, number))
        if kind == _INTS:
            return [signed(value) for value in self._numbers(fields, _MOST_NUMBERS)]
        raw = b"".join(self._reader.data[start:end] for _, _, start, end in fields)
        if len(raw) % 4 or len(raw) > 4 * _MOST_NUMBERS:
            return None
        numbers: list[float] = np.frombuffer(raw, "<f4").tolist()
        return None if not np.isfinite(numbers).all() else numbers if kind == _FLOATS else sum(numbers)

    def _port(self, start: int, end: int) -> Port:
        port = self._message("a port", _PORT, start, end)
        name = self._text(port, 1, "the name of a value")
        tensor = self._inner(self._inner(port, 2, _TYPE), 1, _TENSOR_TYPE)
        if 2 not in tensor:
            return Port(name, _number(tensor, 1), None)
        sides: list[int | None] = []
        for span in _spans(self._inner(tensor, 2, _SHAPE), 1):
            side = self._message("a shape", _SIDE, *span)
            sides.append(signed(_number(side, 1)) if 1 in side else None)
        return Port(name, _number(tensor, 1), tuple(sides))

    def _inner(
        self, message: dict[int, list[Field]], number: int, schema: dict[int, tuple[int, bool]]
    ) -> dict[int, list[Field]]:
        """A message within a message; empty where it is not there."""
        spans = _spans(message, number)
        return self._message("a port", schema, *spans[0]) if spans else {}

    def _numbers(self, fields: list[Field], most: int) -> list[int]:
        """The numbers of a repeated field, which may lie side by side."""
        numbers: list[int] = []
        for _, kind, start, end in fields:
            numbers += [start] if kind == VARINT else self._reader.varints(start, end, most)
            if len(numbers) > most:
                raise WireError(f"more than {most} numbers")
        return numbers

    def _text(self, message: dict[int, list[Field]], number: int, what: str) -> str:
        return self._decoded(message[number][0] if number in message else None, what)

    def _decoded(self, field: Field | None, what: str) -> str:
        if field is None:
            return ""
        if field[1] != BYTES:
            raise WireError(f"{what} is no text")
        try:
            return self._reader.data[field[2] : field[3]].decode()
        except UnicodeDecodeError:
            raise UnusableError(f"{what} is no text (not UTF-8)") from None


def _spans(message: dict[int, list[Field]], number: int) -> list[tuple[int, int]]:
    return [(start, end) for _, _, start, end in message.get(number, ())]


def _number(message: dict[int, list[Field]], number: int) -> int:
    return message[number][0][2] if number in message else 0


def _shown(name: str) -> str:
    return repr(name[:60])


# The messages: kind of each field by its number, and whether it may be there several times. Fields that are not listed
# are refused.
_ONE, _MANY = (BYTES, False), (BYTES, True)
_INTEGER, _INTEGERS = (VARINT, False), (VARINT, True)
_MODEL = {1: _INTEGER, 2: _ONE, 3: _ONE, 4: _ONE, 5: _INTEGER, 6: _ONE, 7: _ONE, 8: _MANY, 14: _MANY}
_ENTRY = {1: _ONE, 2: _ONE}
_OPSET = {1: _ONE, 2: _INTEGER}
_GRAPH = {1: _MANY, 2: _ONE, 5: _MANY, 10: _ONE, 11: _MANY, 12: _MANY, 13: _MANY, 14: _MANY, 16: _MANY}
_TENSOR = {1: _INTEGERS, 2: _INTEGER, 4: (FIXED32, True), 5: _INTEGERS, 7: _INTEGERS, 8: _ONE, 9: _ONE, 12: _ONE}
_TENSOR |= {13: _MANY, 14: _INTEGER, 16: _MANY}
_NODE = {1: _MANY, 2: _MANY, 3: _ONE, 4: _ONE, 5: _MANY, 6: _ONE, 7: _ONE, 9: _MANY}
_PORT = {1: _ONE, 2: _ONE, 3: _ONE, 4: _MANY}
_TYPE = {1: _ONE, 6: _ONE}
_TENSOR_TYPE = {1: _INTEGER, 2: _ONE}
_SHAPE = {1: _MANY}
_SIDE = {1: _INTEGER, 2: _ONE, 3: _ONE}
_ATTRIBUTE = {1: _ONE, 2: (FIXED32, False), 3: _INTEGER, 4: _ONE, 5: _ONE, 6: _ONE, 7: (FIXED32, True), 8: _INTEGERS}
_ATTRIBUTE |= {9: _MANY, 10: _MANY, 11: _MANY, 13: _ONE, 14: _ONE, 15: _MANY, 20: _INTEGER, 22: _ONE, 23: _MANY}
#: Kinds of attribute, and the field that holds the value.
_FLOAT, _INT, _TEXT, _FLOATS, _INTS = 1, 2, 3, 6, 7
_ATTRIBUTES = {_FLOAT: 2, _INT: 3, _TEXT: 4, _FLOATS: 7, _INTS: 8}
#: What some of the fields that are refused are called.
_FOREIGN = {
    (id(_MODEL), 20): "a training graph",
    (id(_MODEL), 25): "functions of its own",
    (id(_GRAPH), 15): "sparse tensors",
}
