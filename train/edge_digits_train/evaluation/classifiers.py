"""A model to evaluate, of either format: an ONNX file in the runner's own session, or a Keras file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import Precision
from edge_digits.errors import MissingExtraError, ModelError
from edge_digits.inference import run_files
from edge_digits.inference.session import Model, find_model
from edge_digits.inference.softmax import softmax
from edge_digits.normalize import SIDE
from edge_digits.quiet import training_libraries
from edge_digits_train.datasets.data import Pictures
from edge_digits_train.run import Config, RunFolder

#: What Keras files are called.
_KERAS = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Layer:
    """The feature maps of a convolution: float32 [N, height, width, channels], after its activation."""

    name: str
    maps: NDArray[np.float32]


class Classifier(Protocol):
    """A classifier of 28x28 pictures.

    Attributes:
        name: what to call it.
        path: of its file.
        kind: "ONNX int8", "ONNX fp32" or "Keras".
        labels: the text of each class.
        named: whether it says itself what its classes are called, and `labels` is more than their numbers.
        reads_windows: whether it sees a crop with its surroundings (`normalize_window`).
        background: whether it knows what is no class, and its probabilities may sum to less than 1.
        threshold: answers less sure than this are refused.
        facts: what else it says of itself, text by name.
    """

    name: str
    path: Path
    kind: str
    labels: tuple[str, ...]
    named: bool
    reads_windows: bool
    background: bool
    threshold: float
    facts: dict[str, str]

    def probabilities(self, pictures: Pictures) -> NDArray[np.float32]:
        """Class probabilities of uint8 [N, 28, 28]: float32 [N, classes]."""

    def layers(self, pictures: Pictures) -> list[Layer]:
        """The feature maps of each convolution, of a few pictures."""

    def filters(self) -> NDArray[np.float32] | None:
        """Kernels of the first convolution, [N, height, width]; None where there is none."""


def load(model: str, precision: Precision = "int8") -> Classifier:
    """Load a model by the name of a shipped one, or by the path of an .onnx file, a Keras file or a run folder.

    Args:
        model: name or path.
        precision: of a shipped model whose name does not say it.

    Raises:
        ModelError: missing, broken, or no classifier of 28x28 pictures; names the file.
        MissingExtraError: a Keras file, and no Keras.
    """
    path = Path(model)
    if path.is_dir():
        if not RunFolder(path).model.is_file():
            raise ModelError(
                f"{path}: is a folder without {run_files.MODEL}. Name a model file, or a folder of edge-digits train"
            )
        return KerasClassifier(RunFolder(path).model)
    if path.suffix.lower() in _KERAS:
        return KerasClassifier(path)
    chosen = Model.choose(model, precision)
    return OnnxClassifier(Model.load(chosen), find_model(chosen))


def sibling(model: Classifier) -> Path | None:
    """The same model in the other precision: NAME.fp32.onnx beside NAME.int8.onnx, and the other way about."""
    for own, other in ((".int8.onnx", ".fp32.onnx"), (".fp32.onnx", ".int8.onnx")):
        if model.path.name.endswith(own):
            path = model.path.with_name(model.path.name.removesuffix(own) + other)
            return path if path.is_file() else None
    return None


class OnnxClassifier:
    """A model file of `edge-digits export`."""

    named = True

    def __init__(self, model: Model, path: Path) -> None:
        card = model.card
        self._model = model
        self.path = path
        self.name = path.name
        self.kind = f"ONNX {card.quantization.get('precision', '')}".strip()
        self.labels = card.labels
        self.reads_windows = model.reads_windows
        self.background = card.reject["method"] == "background"
        self.threshold = float(card.reject["threshold"])
        self.facts = {
            "recipe": str(card.train.get("recipe") or ""),
            "temperature": f"{card.temperature:g}",
            "commit": str(card.train.get("commit") or ""),
            "licence": card.license,
        }

    def probabilities(self, pictures: Pictures) -> NDArray[np.float32]:
        parts = np.array_split(pictures, max(1, len(pictures) // 100))
        return np.concatenate([self._model.probabilities(part) for part in parts])

    def layers(self, pictures: Pictures) -> list[Layer]:
        from edge_digits_train.evaluation.onnx_layers import layers

        return [Layer(name, maps) for name, maps in layers(self.path, pictures)]

    def filters(self) -> NDArray[np.float32] | None:
        from edge_digits_train.evaluation.onnx_layers import filters

        return filters(self.path)


class KerasClassifier:
    """A Keras file, of a run folder or from elsewhere."""

    kind = "Keras"

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ModelError(f"{path}: no such file. Name a Keras file, an .onnx file or a run folder")
        self.path = path
        self.name = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
        self._network = _network(path)
        classes = int(self._network.output_shape[-1])
        config = _config(path, classes)
        self.named = config is not None
        self.labels = config.labels if config else tuple(map(str, range(classes)))
        self.reads_windows = config is not None and config.recipe.task == "windows"
        self.background = self.reads_windows or (config is not None and config.recipe.background > 0)
        self.threshold = 0.0
        self.facts = {"recipe": config.recipe_name, "commit": config.commit} if config else {}

    def probabilities(self, pictures: Pictures) -> NDArray[np.float32]:
        parts = np.array_split(pictures, max(1, len(pictures) // 500))
        logits = np.concatenate([self._run(part) for part in parts])
        if len(logits) and logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
            return logits  # its last layer is a softmax
        return softmax(logits, background=self.background)

    def layers(self, pictures: Pictures) -> list[Layer]:
        import keras

        outputs = _activated(self._network)
        if not outputs:
            return []
        activations = keras.Model(self._network.inputs[0], outputs)(self._input(pictures), training=False)
        return [
            Layer(name, np.asarray(keras.ops.convert_to_numpy(maps), np.float32)) for name, maps in activations.items()
        ]

    def filters(self) -> NDArray[np.float32] | None:
        convolutions = _convolutions(self._network)
        if not convolutions or len(convolutions[0].weights[0].shape) != 4:
            return None
        kernel = np.asarray(convolutions[0].weights[0].numpy(), np.float32)  # [height, width, inputs, filters]
        return np.ascontiguousarray(kernel.mean(axis=2).transpose(2, 0, 1))

    def _run(self, pictures: Pictures) -> NDArray[np.float32]:
        import keras

        outputs = self._network(self._input(pictures), training=False)
        return np.asarray(keras.ops.convert_to_numpy(outputs), np.float32)

    def _input(self, pictures: Pictures) -> NDArray[np.float32]:
        pixels = pictures.astype(np.float32)
        return pixels if len(self._network.input_shape) == 3 else pixels[..., None]


def _network(path: Path) -> Any:
    """A Keras model, checked."""
    try:
        with training_libraries():
            import keras
    except ImportError:
        raise MissingExtraError(f"{path}: a Keras file", "train", "Keras") from None
    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras, and what it unpacks with, raise many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelError(
            f"{path}: is no Keras model, or a broken one ({reason}). Copy it again, or train anew"
        ) from None
    if isinstance(network.input_shape, list | dict) or isinstance(network.output_shape, list | dict):
        raise ModelError(f"{path}: has several inputs or outputs; a classifier has one of each")
    inputs, outputs = network.input_shape, network.output_shape
    if len(outputs) != 2 or not outputs[1] or not 2 <= outputs[1] <= 100:
        kind = "is a finder of digits in pages" if inputs[1:3] == (None, None) else f"gives {_shape(outputs)}"
        raise ModelError(
            f"{path}: is no classifier: it {kind}. A classifier gives a number for each of 2 to 100 classes"
        )
    if inputs[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
        raise ModelError(f"{path}: takes {_shape(inputs)}, and pictures are [N, {SIDE}, {SIDE}, 1]")
    return network


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('N' if side is None else str(side) for side in shape)}]"


def _config(path: Path, classes: int) -> Config | None:
    """The config of the run that a model lies in, where it is of as many classes."""
    if not (path.parent / run_files.CONFIG).is_file():
        return None
    config = RunFolder(path.parent).read_config()
    return config if len(config.labels) == classes else None


def _convolutions(network: Any) -> list[Any]:
    import keras

    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    return [layer for layer in network.layers if isinstance(layer, kinds)]


def _activated(network: Any) -> dict[str, Any]:
    """The output tensor of each convolution, by its name; after the normalisation and activation that follow it."""
    import keras

    followers = (keras.layers.BatchNormalization, keras.layers.ReLU, keras.layers.Activation)
    # By the layer that produces their input: of a Sequential, Keras keeps other tensors of the same layers too.
    after = {id(_producer(layer.input)): layer for layer in network.layers if isinstance(layer, followers)}
    outputs = {}
    for layer in _convolutions(network):
        last = layer
        while id(last) in after:
            last = after[id(last)]
        outputs[layer.name] = last.output
    return outputs


def _producer(tensor: Any) -> Any:
    """The layer whose output a tensor is."""
    return tensor._keras_history.operation
