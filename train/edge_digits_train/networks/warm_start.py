"""Start a network from one that is trained already: a run, a `.keras` file, or an `.onnx` file that export made.

An ONNX file holds each batch normalisation folded into its convolution, w' and b'. The network starts with w' in the
convolution and with a normalisation that leaves its outputs as they are: mean and variance measured on pictures, the
scale their deviation, the offset b' and the mean. So its outputs are the file's, and in training, where the
normalisation goes by each batch, nearly so from the first step.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import EdgeDigitsError, ModelError
from edge_digits.inference import run_files
from edge_digits.inference.session import Finder, Model, Network, find_model

if TYPE_CHECKING:
    import keras
    import onnx

Array = NDArray[np.float32]

#: What Keras files are called.
_KERAS = (".keras", ".h5")
#: The outputs of an ONNX file and of the network that was started from it correlate at least so well; int8 files reach
#: 0.99.
_MIN_CORRELATION = 0.95
#: Pictures that mean and variance are measured on, and of those, that the outputs are compared on.
_MEASURED, _COMPARED = 400, 50
#: Pictures that go through a network at a time.
_BATCH = 50


def start_from(model: keras.Model, source: str | Path, pictures: NDArray[np.uint8]) -> bool:
    """Give a fresh network the weights of a trained one of the same architecture.

    Args:
        model: the network; where it has other classes than the source, its last layer stays as it is.
        source: a run folder, a `.keras` file, an `.onnx` file, or the name of a shipped model such as "base.fp32".
        pictures: uint8 [N, H, W], training pictures as the network sees them.

    Returns:
        Whether the last layer was taken too.

    Raises:
        ModelError: the source is missing or broken, or of another architecture.
    """
    path = source_file(source)
    return _from_keras(model, path) if path.suffix in _KERAS else _from_onnx(model, path, pictures)


def source_file(source: str | Path) -> Path:
    """The file of a source, as `start_from` takes it.

    Raises:
        ModelError: there is none.
    """
    path = Path(source)
    path = path / run_files.MODEL if path.is_dir() else path
    if path.suffix not in _KERAS:
        return find_model(source)
    if not path.is_file():
        raise ModelError(f"{path}: no such file. Name a run folder, a .keras file or an .onnx file")
    return path


# --- Keras ---


def _from_keras(model: keras.Model, path: Path) -> bool:
    import keras

    try:
        source = keras.saving.load_model(path, compile=False)
        trained = [layer.get_weights() for layer in source.layers if layer.get_weights()]
    except Exception as error:  # Keras, and what it unpacks with, raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: is no Keras model that can be loaded ({reason}). Name another") from None
    layers = [layer for layer in model.layers if layer.get_weights()]
    if len(trained) != len(layers):
        raise _mismatch(path, model, f"has {len(trained)} layers with weights, not {len(layers)}")
    for layer, weights in zip(layers, trained, strict=True):
        shapes = [weight.shape for weight in weights]
        expected = [weight.shape for weight in layer.get_weights()]
        if shapes == expected:
            layer.set_weights(weights)
        elif layer is layers[-1] and [shape[:-1] for shape in shapes] == [shape[:-1] for shape in expected]:
            return False
        else:
            raise _mismatch(path, model, f"has weights of {shapes} where {expected} belong")
    return True


# --- ONNX ---


def _from_onnx(model: keras.Model, path: Path, pictures: NDArray[np.uint8]) -> bool:
    network = (Model if len(model.output.shape) == 2 else Finder).load(path)
    ops = _weighted_ops(path)
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    # By identity: a normalisation takes the very tensor that its convolution gives.
    norms = {id(layer.input): layer for layer in model.layers if hasattr(layer, "moving_mean")}
    all_taken = True
    for layer in layers:
        shape = tuple(layer.kernel.shape)
        # Branches may come in another order; within one, layers follow each other.
        index = next((index for index, (trained, _) in enumerate(ops) if trained.shape == shape), None)
        if index is None:
            other_classes = layer is layers[-1] and len(ops) == 1 and ops[0][0].shape[:-1] == shape[:-1]
            if not other_classes:
                raise _mismatch(path, model, f"has no layer with weights of {shape}")
            all_taken = False
            break
        kernel, bias = ops.pop(index)
        norm = norms.get(id(layer.output))
        layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
        if norm is not None:
            ones = np.ones_like(bias)
            norm.set_weights([ones, bias, 0 * ones, ones - np.float32(norm.epsilon)])
        elif not layer.use_bias and bias.any():
            raise _mismatch(path, model, f"adds a bias after weights of {shape}")
    if all_taken and ops:
        raise _mismatch(path, model, f"has {len(ops)} layers more")
    normalised = [(layer, norms[id(layer.output)]) for layer in layers if id(layer.output) in norms]
    _set_statistics(model, normalised, pictures)
    if all_taken:
        _compare(model, network, pictures[:_COMPARED])
    return all_taken


def _set_statistics(model: keras.Model, normalised: list[tuple[Any, Any]], pictures: NDArray[np.uint8]) -> None:
    """Give the normalisations the mean and variance of their inputs, and keep the network's outputs.

    Args:
        model: the network.
        normalised: each convolution with the normalisation behind it.
        pictures: uint8 [N, H, W].
    """
    import keras

    if not normalised:
        return
    hidden = keras.Model(model.input, [layer.output for layer, _ in normalised])
    measured = pictures[:_MEASURED]
    batches = [_outputs(hidden, batch) for batch in np.array_split(measured, -(-len(measured) // _BATCH))]
    for index, (_, norm) in enumerate(normalised):
        values = np.concatenate([batch[index] for batch in batches])
        axes = tuple(range(values.ndim - 1))
        mean, variance = values.mean(axis=axes, dtype=np.float64), values.var(axis=axes, dtype=np.float64)
        offset = norm.get_weights()[1]
        norm.set_weights([np.sqrt(variance + norm.epsilon), offset + mean, mean, variance])


def _outputs(model: keras.Model, pictures: NDArray[np.uint8]) -> list[Array]:
    """The outputs of a network, called: `predict` would compile each of the few that are needed once."""
    outputs = model(pictures[..., None].astype(np.float32), training=False)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def _compare(model: keras.Model, network: Network, pictures: NDArray[np.uint8]) -> None:
    """Refuse a file whose layers fit but are connected in another way."""
    outputs = _outputs(model, pictures)[0].ravel()
    correlation = float(np.corrcoef(outputs, network.run(pictures).ravel())[0, 1])
    if not correlation >= _MIN_CORRELATION:
        why = f"gives other outputs with the same weights (correlation {correlation:.2f})"
        raise _mismatch(Path(network.path), model, why)


def _weighted_ops(path: Path) -> list[tuple[Array, Array]]:
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
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
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
    """The graph's constants by name, float32; quantized ones are dequantized."""
    from onnx import helper, numpy_helper

    raw = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    constants: dict[str, Array] = {name: np.asarray(value, np.float32) for name, value in raw.items()}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in raw:
            value, scale = (raw[name] for name in node.input[:2])
            zero = raw[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale)
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            axis = attributes.get("axis", 1)
            if scale.ndim:
                sides = [-1 if side == axis % value.ndim else 1 for side in range(value.ndim)]
                scale, zero = scale.reshape(sides), zero.reshape(sides)
            constants[node.output[0]] = (value.astype(np.float32) - zero.astype(np.float32)) * scale
    return constants


def _mismatch(path: Path, model: keras.Model, why: str) -> EdgeDigitsError:
    return ModelError(
        f"{path}: cannot start a network {model.name!r}: it {why}. Give --arch the architecture that it was made of"
    )
