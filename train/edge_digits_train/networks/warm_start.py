"""Start a network from one that is trained already: a run, a `.keras` file, or an `.onnx` file that export made.

An ONNX file holds each batch normalisation folded into its convolution, w' and b'. The network starts with w' in the
convolution and with a normalisation that leaves its outputs as they are: mean and variance measured on pictures, the
scale their deviation, the offset b' and the mean. So it says what the file says, and in training, where the
normalisation goes by each batch, nearly so from the first step.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import EdgeDigitsError, ModelError
from edge_digits.inference.session import Finder, Model, Network, find_model

if TYPE_CHECKING:
    import keras
    import onnx

Array = NDArray[np.float32]

#: An ONNX file and the network that was started from it correlate at least so well; int8 files reach 0.99.
_LEAST_CORRELATION = 0.95
#: Pictures that mean and variance are measured on, and of those, that the two are compared on.
_MEASURED, _COMPARED = 400, 50


def start_from(model: keras.Model, source: str | Path, pictures: NDArray[np.uint8]) -> bool:
    """Give a fresh network the weights of a trained one of the same architecture.

    Args:
        model: the network; where it has other classes than the source, its last layer stays as it is.
        source: a run folder, a `.keras` file, an `.onnx` file, or the name of a shipped model such as "digits.fp32".
        pictures: uint8 [N, H, W], training pictures as the network sees them.

    Returns:
        Whether the last layer was taken too.

    Raises:
        ModelError: the source is missing or broken, or of another architecture.
    """
    path = Path(source)
    if path.is_dir():
        return _from_keras(model, path / "model.keras")
    if path.suffix in (".keras", ".h5"):
        return _from_keras(model, path)
    return _from_onnx(model, find_model(source), pictures)


# --- Keras ---


def _from_keras(model: keras.Model, path: Path) -> bool:
    import keras

    if not path.is_file():
        raise ModelError(f"{path}: no such file. Name a run folder, a .keras file or an .onnx file")
    try:
        given = keras.saving.load_model(path, compile=False)
        theirs = [layer.get_weights() for layer in given.layers if layer.get_weights()]
    except Exception as error:  # Keras, and what it unpacks with, raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: is no Keras model that can be loaded ({reason}). Name another") from None
    ours = [layer for layer in model.layers if layer.get_weights()]
    if len(theirs) != len(ours):
        raise _other(path, model, f"has {len(theirs)} layers with weights, not {len(ours)}")
    for layer, weights in zip(ours, theirs, strict=True):
        shapes, wanted = ([weight.shape for weight in some] for some in (weights, layer.get_weights()))
        if shapes == wanted:
            layer.set_weights(weights)
        elif layer is ours[-1] and [shape[:-1] for shape in shapes] == [shape[:-1] for shape in wanted]:
            return False
        else:
            raise _other(path, model, f"has weights of {shapes} where {wanted} belong")
    return True


# --- ONNX ---


def _from_onnx(model: keras.Model, path: Path, pictures: NDArray[np.uint8]) -> bool:
    network = (Model if len(model.output.shape) == 2 else Finder).load(path)
    ops = _ops(path)
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    # By identity: a normalisation takes the very tensor that its convolution gives.
    norms = {id(layer.input): layer for layer in model.layers if hasattr(layer, "moving_mean")}
    taken = True
    for layer in layers:
        kernel = tuple(layer.kernel.shape)
        # Branches may come in another order; within one, layers follow each other.
        place = next((place for place, (given, _) in enumerate(ops) if given.shape == kernel), None)
        if place is None:
            last = layer is layers[-1] and len(ops) == 1 and ops[0][0].shape[:-1] == kernel[:-1]
            if not last:
                raise _other(path, model, f"has no layer with weights of {kernel}")
            taken = False
            break
        given, bias = ops.pop(place)
        norm = norms.get(id(layer.output))
        layer.set_weights([given, bias] if layer.use_bias else [given])
        if norm is not None:
            ones = np.ones_like(bias)
            norm.set_weights([ones, bias, 0 * ones, ones - np.float32(norm.epsilon)])
        elif not layer.use_bias and bias.any():
            raise _other(path, model, f"adds a bias after weights of {kernel}")
    if taken and ops:
        raise _other(path, model, f"has {len(ops)} layers more")
    _measure(model, [(layer, norms[id(layer.output)]) for layer in layers if id(layer.output) in norms], pictures)
    if taken:
        _compare(model, network, pictures[:_COMPARED])
    return taken


def _measure(model: keras.Model, normalised: list[tuple[Any, Any]], pictures: NDArray[np.uint8]) -> None:
    """Give the normalisations mean and variance of their inputs, and keep what the network says."""
    import keras

    if not normalised:
        return
    within = keras.Model(model.input, [layer.output for layer, _ in normalised])
    parts = [_said(within, part) for part in np.array_split(pictures[:_MEASURED], -(-len(pictures[:_MEASURED]) // 50))]
    for place, (_, norm) in enumerate(normalised):
        values = np.concatenate([part[place] for part in parts])
        axes = tuple(range(values.ndim - 1))
        mean, variance = values.mean(axis=axes, dtype=np.float64), values.var(axis=axes, dtype=np.float64)
        offset = norm.get_weights()[1]
        norm.set_weights([np.sqrt(variance + norm.epsilon), offset + mean, mean, variance])


def _said(model: keras.Model, pictures: NDArray[np.uint8]) -> list[Array]:
    """The outputs of a network, called: `predict` would compile each of the few that are needed once."""
    said = model(pictures[..., None].astype(np.float32), training=False)
    return [np.asarray(one) for one in (said if isinstance(said, list | tuple) else [said])]


def _compare(model: keras.Model, network: Network, pictures: NDArray[np.uint8]) -> None:
    """Refuse a file whose layers fit and are put together in another way."""
    said = _said(model, pictures)[0].ravel()
    alike = float(np.corrcoef(said, network.run(pictures).ravel())[0, 1])
    if not alike >= _LEAST_CORRELATION:
        raise _other(Path(network.path), model, f"says something else with the same weights (correlation {alike:.2f})")


def _ops(path: Path) -> list[tuple[Array, Array]]:
    """Kernel, as Keras holds it, and bias of each convolution and matrix product, in the order of the graph."""
    import onnx

    graph = onnx.load(path).graph
    constants = _constants(graph)
    users = {name: node for node in graph.node for name in node.input}
    ops = []
    for node in graph.node:
        if node.op_type not in ("Conv", "MatMul", "Gemm") or node.input[1] not in constants:
            continue
        kernel = constants[node.input[1]]
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        bias = constants.get(node.input[2]) if len(node.input) > 2 else None
        if node.op_type == "Conv":
            depthwise = attributes.get("group", 1) > 1
            kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)
            width = kernel.shape[2] if depthwise else kernel.shape[3]
        else:
            kernel = kernel.T if attributes.get("transB") else kernel
            width = kernel.shape[1]
            added = users.get(node.output[0])
            if bias is None and added is not None and added.op_type == "Add":
                bias = next((constants[name] for name in added.input if name in constants), None)
        ops.append((kernel, np.zeros(width, np.float32) if bias is None else bias.reshape(-1)))
    return ops


def _constants(graph: onnx.GraphProto) -> dict[str, Array]:
    """What the graph holds as numbers, those of quantized ones among them."""
    from onnx import helper, numpy_helper

    raw = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    constants: dict[str, Array] = {name: np.asarray(value, np.float32) for name, value in raw.items()}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in raw:
            value, scale, zero = (raw[name] for name in node.input)
            axis = next((helper.get_attribute_value(one) for one in node.attribute if one.name == "axis"), 1)
            if scale.ndim:
                sides = [-1 if side == axis % value.ndim else 1 for side in range(value.ndim)]
                scale, zero = scale.reshape(sides), zero.reshape(sides)
            constants[node.output[0]] = (value.astype(np.float32) - zero.astype(np.float32)) * scale
    return constants


def _other(path: Path, model: keras.Model, why: str) -> EdgeDigitsError:
    return ModelError(
        f"{path}: cannot start a network {model.name!r}: it {why}. Give --arch the architecture that it was made of"
    )
