"""The shipped classifiers in other runtimes, with their own weights: each gives logits for one window of 28x28 pixels.

OpenCV reads the ONNX file itself. For ncnn, pnnx converts it. For LiteRT, its layers are built again in Keras with the
same weights, and converted as `edge-digits export --format litert` does; int8 is calibrated on windows of
MNIST's training pictures. All are set to one thread.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.inference.session import Model, find_model
from edge_digits.quiet import training_libraries
from edge_digits_export import litert

#: What pnnx calls the float pictures.
_NCNN_INPUT = "1"
#: Pictures that int8 is calibrated on.
CALIBRATION = 500


class Runtime(ABC):
    """A network, loaded. Loading raises ImportError or OSError where what it needs is not installed.

    Attributes:
        name: in tables.
        version: of the runtime.
        size: of what it loads, bytes.
    """

    name: ClassVar[str]
    version: str
    size: int

    @abstractmethod
    def __init__(self, onnx: Path, calibration: NDArray[np.uint8], folder: Path) -> None:
        """Convert and load.

        Args:
            onnx: the network in float32.
            calibration: uint8 [N, 28, 28].
            folder: for files in between.
        """

    @abstractmethod
    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits of a window, uint8 [28, 28], the ten digits first."""


class OnnxFloat(Runtime):
    """onnxruntime, as edge-digits calls it."""

    name = "onnxruntime fp32"

    def __init__(self, onnx: Path, calibration: NDArray[np.uint8], folder: Path) -> None:
        self._load(onnx)

    def _load(self, path: Path) -> None:
        self._model, self.size, self.version = Model.load(path), path.stat().st_size, version("onnxruntime")

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._model.run(picture[None])[0]
        return logits


class OnnxInt8(OnnxFloat):
    """The same with the quantized file."""

    name = "onnxruntime int8"

    def __init__(self, onnx: Path, calibration: NDArray[np.uint8], folder: Path) -> None:
        self._load(onnx.with_name(onnx.name.replace(".fp32.", ".int8.")))


class OpenCV(Runtime):
    """OpenCV's own network module."""

    name = "OpenCV DNN fp32"

    def __init__(self, onnx: Path, calibration: NDArray[np.uint8], folder: Path) -> None:
        cv2.setNumThreads(1)
        self._net = cv2.dnn.readNetFromONNX(str(onnx))
        self.size, self.version = onnx.stat().st_size, cv2.__version__

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        self._net.setInput(picture[None])
        return np.asarray(self._net.forward(), np.float32).reshape(-1)


class Ncnn(Runtime):
    """ncnn, with its default options: where the processor can, it computes in half precision all the same."""

    name = "ncnn fp32"

    def __init__(self, onnx: Path, calibration: NDArray[np.uint8], folder: Path) -> None:
        import ncnn

        pnnx = shutil.which("pnnx", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        if pnnx is None:
            raise OSError("pnnx, which converts the file, is not installed: pip install pnnx")
        copy = Path(shutil.copy(onnx, folder / "digits.onnx"))
        subprocess.run(
            [pnnx, str(copy), "inputshape=[1,28,28]u8", "fp16=0"], check=True, capture_output=True, cwd=folder
        )
        parameters, weights = folder / "digits.ncnn.param", folder / "digits.ncnn.bin"
        parameters.write_text(_without_cast(parameters.read_text(encoding="utf-8")), encoding="utf-8")
        self._ncnn, self._net = ncnn, ncnn.Net()
        self._net.opt.num_threads = 1
        if self._net.load_param(str(parameters)) or self._net.load_model(str(weights)):
            raise OSError("it cannot load what pnnx made")
        self.size = parameters.stat().st_size + weights.stat().st_size
        self.version = ncnn.__version__

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = picture.astype(np.float32)  # ncnn only points to it
        with self._net.create_extractor() as extractor:
            extractor.input(_NCNN_INPUT, self._ncnn.Mat(pixels))
            return np.array(extractor.extract("out0")[1], np.float32)


class LiteRTFloat(Runtime):
    """LiteRT, formerly TensorFlow Lite, with its XNNPACK kernels."""

    name = "LiteRT fp32"

    def __init__(self, onnx: Path, calibration: NDArray[np.uint8], folder: Path) -> None:
        self.version = version("ai-edge-litert")
        self._load(onnx, None)

    def _load(self, onnx: Path, calibration: NDArray[np.uint8] | None) -> None:
        with training_libraries():
            import tensorflow  # noqa: F401  # for what its import prints
        content = litert.to_litert(_keras(onnx), calibration)
        self.size, self._interpreter = len(content), litert.Interpreter(content, threads=1)

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._interpreter.one(picture)


class LiteRTInt8(LiteRTFloat):
    """The same in int8."""

    name = "LiteRT int8"

    def __init__(self, onnx: Path, calibration: NDArray[np.uint8], folder: Path) -> None:
        self.version = version("ai-edge-litert")
        self._load(onnx, calibration[:CALIBRATION])


RUNTIMES: tuple[type[Runtime], ...] = (OnnxInt8, OnnxFloat, LiteRTInt8, LiteRTFloat, OpenCV, Ncnn)


def fp32_file(size: str) -> Path:
    """A shipped classifier in float32, by the name of its size."""
    return find_model(f"{size}.fp32")


def _without_cast(parameters: str) -> str:
    """ncnn's network without the layer from uint8 to float, which ncnn does not know and float pictures do not need."""
    magic, counts, given, cast, *rest = parameters.splitlines()
    if not (given.startswith("Input") and cast.startswith("Tensor.to") and cast.split()[5] == _NCNN_INPUT):
        raise OSError("pnnx made another network of it than was expected")
    layers, blobs = map(int, counts.split())
    lines = [magic, f"{layers - 1} {blobs - 1}", f"Input {_NCNN_INPUT} 0 1 {_NCNN_INPUT}", *rest]
    return "\n".join(lines) + "\n"


def _keras(path: Path) -> Any:
    """The network in Keras: a chain of convolutions, most with ReLU, then one matrix with a bias."""
    import keras
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load(str(path)).graph
    weights = {one.name: to_array(one) for one in graph.initializer}
    rectified = {node.input[0] for node in graph.node if node.op_type == "Relu"}
    model = keras.Sequential([keras.Input((28, 28, 1), batch_size=1), keras.layers.Rescaling(1 / 255)])
    for node in graph.node:
        given = [weights[name] for name in node.input if name in weights]
        if node.op_type == "Conv":
            kernel, bias = given
            settings = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            options = {
                "kernel_size": kernel.shape[2:],
                "strides": tuple(settings.get("strides", (1, 1))),
                "padding": "same" if any(settings.get("pads", ())) else "valid",
                "activation": "relu" if node.output[0] in rectified else None,
            }
            if settings.get("group", 1) > 1:
                model.add(keras.layers.DepthwiseConv2D(**options))
                kernel = kernel.transpose(2, 3, 0, 1)
            else:
                model.add(keras.layers.Conv2D(kernel.shape[0], **options))
                kernel = kernel.transpose(2, 3, 1, 0)
            model.layers[-1].set_weights([kernel, bias])
        elif node.op_type == "MatMul":
            model.add(keras.layers.Flatten())
            model.add(keras.layers.Dense(given[0].shape[1]))
            matrix = given[0]
        elif node.op_type == "Add":
            model.layers[-1].set_weights([matrix, given[0]])
    return model
