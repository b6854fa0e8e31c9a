"""A model file, loaded. The only module that imports onnxruntime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import ModelError
from edge_digits.inference import shipped
from edge_digits.inference.card import ModelCard
from edge_digits.inference.heatmap import REGRESSION_CHANNELS, depth_to_space
from edge_digits.inference.softmax import softmax

if TYPE_CHECKING:
    import onnxruntime

#: The model that is used where none is named.
DEFAULT_MODEL = "digits"
#: The finder that is used where none is named.
DEFAULT_FINDER = "finder"
#: How the key of an external tensor's file name is coded in an ONNX file (StringStringEntryProto).
_EXTERNAL_DATA = b"\x0a\x08location\x12"


class Network:
    """A model file, loaded.

    Attributes:
        card: what the file says of itself.
        path: where it came from.
    """

    #: Height and width of the input, None where any will do; name of the output.
    _INPUT_SIDES: ClassVar[list[int | None]] = [28, 28]
    _OUTPUT_NAME: ClassVar[str] = "logits"

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard, path: str) -> None:
        self.card = card
        self.path = path
        self._session = session

    @classmethod
    def load(cls, model: str | os.PathLike[str], *, threads: int = 1) -> Self:
        """Load a model by the name of a shipped one ("digits", "digits.fp32") or by the path of an .onnx file.

        Args:
            model: name or path.
            threads: how many threads one inference may use; they do not spin.

        Raises:
            ModelError: no such file, no ONNX model, or not of the model contract; it says what is wrong.
        """
        path = find_model(model)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror}). Name an .onnx file, or one of: {_shipped()}"
            ) from None
        return cls.from_bytes(content, str(path), threads=threads)

    @classmethod
    def from_bytes(cls, content: bytes, path: str = "model", *, threads: int = 1) -> Self:
        """Load a model from the bytes of an .onnx file; `path` is for messages."""
        if _EXTERNAL_DATA in content:
            # onnxruntime would look for it in the current folder.
            raise ModelError(
                f"{path}: keeps its weights in another file. Export it as one file: edge-digits export does"
            )
        try:
            session = open_session(content, threads=threads)
        except Exception as error:  # onnxruntime raises a dozen types of its own, none of them documented
            raise ModelError(_why_not_loaded(path, content, error)) from None
        card = ModelCard.from_metadata(session.get_modelmeta().custom_metadata_map, path)
        if (card.output == "maps") != (cls._OUTPUT_NAME == "maps"):
            kinds = {True: "a finder of digits in pages", False: "a reader of single digits"}
            raise ModelError(
                f"{path}: is {kinds[card.output == 'maps']}, and {kinds[cls._OUTPUT_NAME == 'maps']} is needed here"
            )
        _check_ports(session, path, cls._INPUT_SIDES, cls._OUTPUT_NAME, cls._output_sides(card))
        model = cls(session, card, path)
        try:
            model.run(np.zeros((2, *(side or 32 for side in cls._INPUT_SIDES)), np.uint8))
        except Exception as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ModelError(
                f"{path}: does not take input of any number of pictures ({reason}). Export it with: edge-digits export"
            ) from None
        return model

    @classmethod
    def _output_sides(cls, card: ModelCard) -> list[int | None]:
        """Shape of the output for one picture; None where any size will do."""
        return [len(card.labels)]

    def run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on uint8 [N, H, W], N at least 1: its output as it is, float32 [N, ...]."""
        outputs: list[Any] = self._session.run(None, {"image": pictures})
        return np.asarray(outputs[0], np.float32)


class Model(Network):
    """A classifier of 28x28 pictures.

    >>> import cv2
    >>> from edge_digits import Model, to_gray
    >>> from edge_digits.normalize import normalize
    >>> model = Model.load("digits")
    >>> seen = normalize(to_gray(cv2.imread("samples/digit-7-crop-28.png")))
    >>> probabilities = model.probabilities(seen[None])
    >>> probabilities.shape, model.card.labels[probabilities[0].argmax()]
    ((1, 10), '7')
    """

    @classmethod
    def load(cls, model: str | os.PathLike[str] = DEFAULT_MODEL, *, threads: int = 1) -> Self:
        """As `Network.load`; the shipped model by default."""
        return super().load(model, threads=threads)

    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The logits of pictures as `normalize` makes them: uint8 [N, 28, 28] -> float32 [N, classes]; N may be 0."""
        return self.run(pictures) if len(pictures) else np.zeros((0, len(self.card.labels)), np.float32)

    def probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated class probabilities, float32 [N, classes].

        What a row lacks of 1 is the probability of no class, where the network knows of that (`ModelCard.reject`).
        """
        logits = self.logits(pictures)
        if self.card.output == "scores":
            return logits
        return softmax(logits, self.card.temperature, background=self.card.reject["method"] == "background")


class Finder(Network):
    """A network that says of every place in a page whether a digit is there: see `maps`."""

    _INPUT_SIDES: ClassVar[list[int | None]] = [None, None]
    _OUTPUT_NAME: ClassVar[str] = "maps"

    @classmethod
    def load(cls, model: str | os.PathLike[str] = DEFAULT_FINDER, *, threads: int = 1) -> Self:
        """As `Network.load`; the shipped finder by default."""
        return super().load(model, threads=threads)

    @classmethod
    def _output_sides(cls, card: ModelCard) -> list[int | None]:
        return [None, None, 4 * (len(card.labels) + REGRESSION_CHANNELS)]

    def maps(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The cells of pages (`heatmap`): float32 [N, H/4, W/4, classes + 4].

        Args:
            pictures: as the card's `normalize` makes them, uint8 [N, H, W], both sides multiples of
                `heatmap.INPUT_MULTIPLE`.
        """
        return depth_to_space(self.run(pictures))


def open_session(content: bytes, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """An onnxruntime session of any ONNX file, of which nothing is checked; whatever onnxruntime raises is raised."""
    ort = _onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # A spinning pool burns a third of a core between the frames of a camera and wins nothing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def find_model(model: str | os.PathLike[str]) -> Path:
    """The file of a model that is named or pointed to.

    Raises:
        ModelError: there is none.
    """
    path = Path(model)
    if path.suffix == ".onnx" or path.exists():
        if path.is_dir():
            raise ModelError(f"{path}: is a folder. Name an .onnx file in it, or one of: {_shipped()}")
        if not path.is_file():
            raise ModelError(f"{path}: no such file. Name an .onnx file, or one of: {_shipped()}")
        return path
    name = f"{model}.onnx" if str(model).endswith((".int8", ".fp32")) else f"{model}.int8.onnx"
    released = shipped.folder() / name
    if path.name != str(model) or not released.is_file():
        raise ModelError(f"no model {str(model)!r}. Name an .onnx file, or one of: {_shipped()}")
    return released


def _shipped() -> str:
    return ", ".join(shipped.names()) or "none is shipped"


def _onnxruntime() -> Any:
    # Linux builds since 1.29 report usage over the network unless told not to before they are imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


def _why_not_loaded(path: str, content: bytes, error: Exception) -> str:
    if not content:
        return f"{path}: is empty (0 bytes). Copy or export the model again"
    text = str(error)
    if "opset" in text.lower() or "IR version" in text:
        reason = text.strip().splitlines()[0][:200]
        return f"{path}: this onnxruntime is too old for it ({reason}). Upgrade it: pip install -U onnxruntime"
    return f"{path}: is no ONNX model, or a broken one ({len(content)} bytes). Copy or export it again"


def _check_ports(
    session: onnxruntime.InferenceSession,
    path: str,
    input_sides: list[int | None],
    output_name: str,
    output_sides: list[int | None],
) -> None:
    """Check name, dtype and shape of input and output."""
    inputs = [(port.name, port.type, _sides(port.shape)) for port in session.get_inputs()]
    if inputs != [("image", "tensor(uint8)", input_sides)]:
        raise ModelError(
            f"{path}: its input is {inputs}, not image: uint8 [N, {_as_text(input_sides)}]. "
            "Export it with: edge-digits export"
        )
    outputs = [(port.name, port.type, _sides(port.shape)) for port in session.get_outputs()]
    if outputs != [(output_name, "tensor(float)", output_sides)]:
        raise ModelError(
            f"{path}: its output is {outputs}, not {output_name}: float [N, {_as_text(output_sides)}]. "
            "Export it with: edge-digits export"
        )


def _sides(shape: list[Any]) -> list[int | None]:
    """A shape without the number of pictures; None where any size will do."""
    return [side if isinstance(side, int) else None for side in shape[1:]]


def _as_text(sides: list[int | None]) -> str:
    return ", ".join("any" if side is None else str(side) for side in sides)
