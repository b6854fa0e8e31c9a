"""A Keras network -> a LiteRT file (TensorFlow Lite): uint8 pictures in, float32 logits or maps out, one at a time.

For boards that have LiteRT and no onnxruntime. The runner does not read such files. Their card is the file `card.json`
of a ZIP archive behind the network, as LiteRT metadata keeps its associated files: `unzip -p digits.tflite card.json`.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.inference.card import ModelCard
from edge_digits.quiet import native_stderr_off
from edge_digits_export.convert import ExportError

#: What the card says of the method.
METHOD = "post-training, weights int8 per channel, activations int8, min-max calibration"
#: The name of the card in the archive.
CARD = "card.json"


def to_litert(model: Any, calibration: NDArray[np.uint8] | None) -> bytes:
    """Convert a network that takes floats 0..255 [N, H, W, 1].

    Args:
        model: the Keras model.
        calibration: uint8 [N, H, W], pictures as the model sees them, to quantize to int8; None keeps floats.

    Returns:
        The file: `image` uint8 [1, H, W] -> float32 [1, C], or maps float32 [1, H/8, W/8, 4 x K].

    Raises:
        ExportError: the converter does not take the network.
    """
    import tensorflow as tf

    height, width = model.input_shape[1:3]
    # The quantizer makes uint8 of a float input itself, without a cast.
    kind = tf.uint8 if calibration is None else tf.float32

    @tf.function(input_signature=[tf.TensorSpec([1, height, width], kind, name="image")])  # type: ignore[untyped-decorator, unused-ignore]  # tensorflow has no types
    def network(image: Any) -> Any:
        return model(tf.expand_dims(tf.cast(image, tf.float32), 3), training=False)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()], network)
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _samples(calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
    try:
        with _quietly():
            return bytes(converter.convert())
    except Exception as error:  # the converter raises many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ExportError(
            f"TensorFlow's converter does not take this network ({reason}). Use other layers, or --format onnx"
        ) from None


def with_card(content: bytes, card: ModelCard) -> bytes:
    """The file with its card behind it; the same content and card give the same bytes."""
    settings = {key: json.loads(value) for key, value in card.to_metadata().items()}
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(CARD), json.dumps(settings, indent=1))
    return file.getvalue()


class Interpreter:
    """A LiteRT file, loaded by `ai_edge_litert` where it is installed, and else by TensorFlow."""

    def __init__(self, content: bytes, *, threads: int = 1) -> None:
        with _quietly():
            self._interpreter = _kind()(model_content=content, num_threads=threads)
            self._interpreter.allocate_tensors()
        self._input, self._output = (
            details[0] for details in (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        )
        if self._input["dtype"] != np.uint8 or self._input["quantization"] not in ((0.0, 0), (1.0, 0)):
            raise ExportError(
                f"the LiteRT file takes {np.dtype(self._input['dtype']).name} with scale and zero point "
                f"{self._input['quantization']}, not pixels as they are. Use --format onnx"
            )
        self._shape = tuple(int(side) for side in self._input["shape"])

    def run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits or maps of pictures, uint8 [N, H, W]: float32 [N, ...]."""
        shape = (1, *pictures.shape[1:])
        if shape != self._shape:  # a finder takes pictures of any size
            self._interpreter.resize_tensor_input(self._input["index"], shape)
            self._interpreter.allocate_tensors()
            self._shape = shape
        return np.stack([self.one(picture) for picture in pictures])

    def one(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits or maps of one picture, uint8 [H, W] of the size of the last: float32 [...]."""
        self._interpreter.set_tensor(self._input["index"], picture[None])
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output["index"])[0], np.float32)


def _kind() -> Any:
    try:
        return import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError:
        import tensorflow as tf

        return tf.lite.Interpreter


def _samples(calibration: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """Pictures to calibrate on, of which one holds the darkest and the brightest pixel: the input's scale is then 1."""
    first = calibration[:1].copy()
    first.flat[0], first.flat[-1] = 0, 255
    for picture in (*first, *calibration):
        yield [picture[None].astype(np.float32)]


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the pages that converter and interpreter print, and their advice on packages."""
    with warnings.catch_warnings(), native_stderr_off(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
