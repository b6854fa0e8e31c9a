"""An ONNX graph without what only its makers needed: nodes without use, long names, zero points that are zero anyway.

A small network's names take as many bytes as its weights: of an int8 file of 99 kB they and the zero points were 13.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def compact(model: onnx.ModelProto) -> None:
    """Shorten a graph's names, but for those of its inputs and outputs, in place; its answers stay the same."""
    import onnx

    graph = model.graph
    wanted = {port.name for port in graph.output}
    for node in reversed(list(graph.node)):  # onnxruntime runs those that nothing needs, too
        if wanted & set(node.output):
            wanted.update(node.input)
        else:
            graph.node.remove(node)
    # ONNX has none for int32: those of biases.
    biases = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT32}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in biases:
            del node.input[2:]
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    short = {port.name: port.name for port in (*graph.input, *graph.output)} | {"": ""}
    for node in graph.node:
        node.name = ""
        for ports in (node.input, node.output):
            names = [short.setdefault(name, _name(len(short))) for name in ports]
            del ports[:]
            ports.extend(names)
    for tensor in graph.initializer:
        tensor.name = short[tensor.name]


def _name(number: int) -> str:
    """a, b, ..., z, ba, bb and so on."""
    name = ascii_lowercase[number % 26]
    while number := number // 26:
        name = ascii_lowercase[number % 26] + name
    return name
