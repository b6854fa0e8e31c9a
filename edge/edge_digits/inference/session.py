"""A model file, loaded. The only module that imports onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edge_digits.choices import PRECISIONS, Precision
from edge_digits.errors import ModelError, pip_install
from edge_digits.inference import choosing, shipped, speeds
from edge_digits.inference.card import NORMALIZE, WINDOW_NORMALIZE, ModelCard
from edge_digits.inference.heatmap import INPUT_MULTIPLE, REGRESSION_CHANNELS, depth_to_space
from edge_digits.inference.softmax import softmax
from edge_digits.quiet import native_stderr_off
from edge_digits.results import DIGITS

if TYPE_CHECKING:
    import onnxruntime

#: The model that is used where none is named.
DEFAULT_MODEL = "base"
#: The finder that is used where none is named.
DEFAULT_FINDER = "finder"
#: The largest file, bytes: a network of 8 million weights in float.
_MOST_BYTES = 32 << 20
#: Side of the pictures that a classifier takes, pixels.
_SIDE: int = NORMALIZE["side"]
#: Scores are less, either way: what is made of them is finite.
_MOST = 1e15
#: Pictures that a classifier sees at a time.
_MOST_AT_ONCE = 256
#: How far apart scores of one picture may be, by the largest: a step of a quantized value may go either way.
_SAME = 0.05
#: How far probabilities may be off.
_ROUNDING = 1e-3


class Network:
    """A model file, loaded.

    Attributes:
        card: what the file says of itself.
        path: where it came from.
        name: of a file that ships, wherever it lies, its name: "base.int8"; else the card's.
    """

    #: Height and width of the input, None where any will do; name of the output.
    _INPUT_SIDES: ClassVar[tuple[int | None, ...]] = (_SIDE, _SIDE)
    _OUTPUT_NAME: ClassVar[str] = "logits"
    #: Heights and widths of pictures that a file is tried with.
    _TRIALS: ClassVar[tuple[tuple[int, int], ...]] = ((_SIDE, _SIDE),)
    #: Pictures that are timed at once: as many as a photograph of a number gives.
    _TIMED: ClassVar[tuple[int, int, int]] = (4, _SIDE, _SIDE)

    def __init__(
        self, session: onnxruntime.InferenceSession, card: ModelCard, path: str, name: str | None = None
    ) -> None:
        self.card = card
        self.path = path
        self.name = card.name if name is None else name
        self._session = session

    @classmethod
    def load(cls, model: str | os.PathLike[str], *, threads: int = 1, precision: Precision = "int8") -> Self:
        """Load a model by the name of a shipped one ("base", "base.fp32") or by the path of an .onnx file.

        Args:
            model: name or path.
            threads: how many threads one inference may use; they do not spin.
            precision: of a shipped model whose name does not say it; "auto" as `choose` takes it. By default int8, so
                that a program gives the same on all machines, and times nothing that nobody asked it to.

        Raises:
            ModelError: no such file, no ONNX model, or not of the model contract; it says what is wrong.
        """
        path = find_model(cls.choose(model, precision, threads=threads))
        try:
            content = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else None
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror}). Name an .onnx file, or one of: {shipped.listed()}"
            ) from None
        if content is None:
            raise ModelError(f"{path}: is larger than {_MOST_BYTES >> 20} MB, and no model for pictures of digits is")
        return cls.from_bytes(content, str(path), threads=threads)

    @classmethod
    def choose(
        cls,
        model: str | os.PathLike[str],
        precision: Precision = "auto",
        *,
        threads: int = 1,
        clock: speeds.Clock = perf_counter,
    ) -> str:
        """The very model that a name means: "base.int8" of "base"; a path, or a name with its precision, is one.

        Of a model that ships in both precisions, "auto" takes fp32 where this machine runs it more than 5 % faster, and
        else int8. The first time, both are timed by turns, for a fraction of a second; what came of it is kept in the
        user's cache directory (`speeds`). The network is not used.

        Args:
            model: name or path.
            precision: "int8", "fp32" or "auto".
            threads: how many threads one inference may use.
            clock: seconds that pass.

        Raises:
            ModelError: a file is to be timed, and cannot be used.
        """
        path, (name, own) = Path(model), shipped.parted(str(model))
        if path.is_file() or path.suffix == ".onnx":
            return str(model)
        there = shipped.precisions(name)
        if not there:
            return str(model)
        if own or precision != "auto":
            return f"{name}.{own or precision}"
        if len(there) < len(PRECISIONS):
            return f"{name}.{there[0]}"
        taken = choosing.faster(name, known_speeds(threads), partial(cls.load, threads=threads), clock)
        return f"{name}.{taken}"

    @classmethod
    def from_bytes(cls, content: bytes, path: str = "model", *, threads: int = 1) -> Self:
        """Load a model from the bytes of an .onnx file; `path` is for messages.

        Nothing of a file runs, and nothing that it names is opened, before `contract.check` has found that it can do
        no more than give scores for pictures. The shipped files are known by their sums.
        """
        name = shipped.name_of(content)
        if name is not None:
            session = open_session(content, threads=threads, path=path)
            card = cls._card(session.get_modelmeta().custom_metadata_map, path)
            return cls(session, card, path, name)
        card = cls._checked(content, path)
        model = cls(open_session(content, threads=threads, path=path), card, path)
        model._try_out()
        return model

    @classmethod
    def _checked(cls, content: bytes, path: str) -> ModelCard:
        """The card of a file that keeps the contract, found without running it."""
        # Not above: the shipped files need none of it, and it takes a hundredth of the time of a whole `predict`.
        from edge_digits.inference.contract import FLOAT, UINT8, check
        from edge_digits.inference.onnx_file import OnnxFile, Port, UnusableError
        from edge_digits.inference.wire import WireError

        try:
            file = OnnxFile(content)
            card = cls._card(file.metadata, path)
            trials = [(count, *sides) for count in (1, 3) for sides in cls._TRIALS]
            check(
                file,
                Port("image", UINT8, (None, *cls._INPUT_SIDES)),
                Port(cls._OUTPUT_NAME, FLOAT, (None, *cls._output_sides(card))),
                [(trial, cls._output_shape(card, trial)) for trial in trials],
            )
        except UnusableError as error:
            raise ModelError(f"{path}: {error}. Export it with: edge-digits export") from None
        except WireError:
            raise ModelError(_broken(path, content)) from None
        return card

    @classmethod
    def _card(cls, metadata: Mapping[str, str], path: str) -> ModelCard:
        """The card of a network of this kind."""
        card = ModelCard.from_metadata(metadata, path)
        if (card.output == "maps") != (cls._OUTPUT_NAME == "maps"):
            kinds = {True: "a finder of digits in pages", False: "a reader of single digits"}
            raise ModelError(
                f"{path}: is {kinds[card.output == 'maps']}, and {kinds[cls._OUTPUT_NAME == 'maps']} is needed here"
            )
        return card

    @classmethod
    def _output_sides(cls, card: ModelCard) -> tuple[int | None, ...]:
        """Shape of the output for one picture; None where any size will do."""
        return (len(card.labels),)

    @classmethod
    def _output_shape(cls, card: ModelCard, pictures: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output for pictures of a shape."""
        return pictures[0], len(card.labels)

    def _try_out(self) -> None:
        """Run the network on a picture of all kinds of pixels, alone and beside a blank and a full one.

        Raises:
            ModelError: it fails, or gives what are no scores, or others where a picture is not alone.
        """
        for height, width in self._TRIALS:
            mixed = np.arange(height * width, dtype=np.uint32).reshape(height, width) * 2654435761 >> 24
            pictures = np.stack([mixed.astype(np.uint8), *(np.full((height, width), v, np.uint8) for v in (0, 255))])
            beside, alone = self.run(pictures)[0], self.run(pictures[:1])[0]
            if np.abs(beside - alone).max() > _SAME * max(1.0, float(np.abs(alone).max())):
                raise ModelError(f"{self.path}: gives a picture other scores where it is not alone. Use another model")

    def timed_pictures(self) -> NDArray[np.uint8]:
        """What it is timed with (`choosing`): windows of a number, or a small page for a finder; uint8 [N, H, W]."""
        return (
            (np.arange(np.prod(self._TIMED), dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8).reshape(self._TIMED)
        )

    def run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on uint8 [N, H, W], N at least 1: its output as it is, float32 [N, ...].

        Raises:
            ModelError: it fails on these pictures, or gives what are no scores.
        """
        try:
            outputs: list[Any] = self._session.run(None, {"image": pictures})
        except Exception as error:  # onnxruntime raises a dozen types of its own, none of them documented
            raise ModelError(f"{self.path}: fails on {_shape(pictures)} ({_first_line(error)})") from None
        output = np.asarray(outputs[0], np.float32)
        if output.shape != self._output_shape(self.card, pictures.shape):
            raise ModelError(f"{self.path}: gives {_shape(output)} for {_shape(pictures)}. Use another model")
        # False for NaN too. One product is done in a tenth of the time of a minimum and a maximum.
        if not np.vdot(output, output) < _MOST**2:
            raise ModelError(f"{self.path}: gives what are no scores (NaN, infinity or nearly so). Use another model")
        return output


class Model(Network):
    """A classifier of 28x28 pictures.

    >>> import cv2
    >>> from edge_digits import Model, to_gray
    >>> from edge_digits.normalize import normalize_window
    >>> model = Model.load("base")
    >>> model.name
    'base.int8'
    >>> seen = normalize_window(to_gray(cv2.imread("samples/digit-7-crop-28.png")))
    >>> probabilities = model.probabilities(seen[None])
    >>> probabilities.shape, model.card.labels[probabilities[0].argmax()]
    ((1, 22), '7')
    """

    @classmethod
    def load(
        cls, model: str | os.PathLike[str] = DEFAULT_MODEL, *, threads: int = 1, precision: Precision = "int8"
    ) -> Self:
        """As `Network.load`; the shipped model by default."""
        return super().load(model, threads=threads, precision=precision)

    @property
    def reads_windows(self) -> bool:
        """Whether it sees a find of a scene with its surroundings (`normalize.window`); else a crop's digit alone."""
        return self.card.normalize == WINDOW_NORMALIZE

    @property
    def texts(self) -> tuple[str, ...]:
        """What is read as part of a text: its classes; of a reader of windows the ten digits, without the signs."""
        return tuple(DIGITS) if self.reads_windows else self.card.labels

    def logits(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The logits of normalised pictures: uint8 [N, 28, 28] -> float32 [N, classes]; N may be 0."""
        # In parts, so that a page full of specks takes no more memory than one of digits.
        parts = [self.run(pictures[first : first + _MOST_AT_ONCE]) for first in range(0, len(pictures), _MOST_AT_ONCE)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.card.labels)), np.float32)

    def probabilities(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated class probabilities, float32 [N, classes].

        What a row lacks of 1 is the probability of no class, where the network knows of that (`ModelCard.reject`).

        Raises:
            ModelError: as `run`; or what the card calls probabilities are none.
        """
        logits = self.logits(pictures)
        if self.card.output == "scores":
            if len(logits) and not (logits.min() >= -_ROUNDING and logits.max() <= 1 + _ROUNDING):
                raise ModelError(f"{self.path}: gives what are no probabilities. Use another model")
            return logits
        return softmax(logits, self.card.temperature, background=self.card.reject["method"] == "background")


class Finder(Network):
    """A network that says of every place in a page whether a digit is there: see `maps`."""

    _INPUT_SIDES: ClassVar[tuple[int | None, ...]] = (None, None)
    _OUTPUT_NAME: ClassVar[str] = "maps"
    _TRIALS: ClassVar[tuple[tuple[int, int], ...]] = ((64, 64), (32, 72))
    _TIMED: ClassVar[tuple[int, int, int]] = (1, 240, 320)

    @classmethod
    def load(
        cls, model: str | os.PathLike[str] = DEFAULT_FINDER, *, threads: int = 1, precision: Precision = "int8"
    ) -> Self:
        """As `Network.load`; the shipped finder by default."""
        return super().load(model, threads=threads, precision=precision)

    @classmethod
    def _output_sides(cls, card: ModelCard) -> tuple[int | None, ...]:
        return None, None, 4 * (len(card.labels) + REGRESSION_CHANNELS)

    @classmethod
    def _output_shape(cls, card: ModelCard, pictures: tuple[int, ...]) -> tuple[int, ...]:
        count, height, width = pictures
        return (
            count,
            height // INPUT_MULTIPLE,
            width // INPUT_MULTIPLE,
            4 * (len(card.labels) + REGRESSION_CHANNELS),
        )

    def maps(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The cells of pages (`heatmap`): float32 [N, H/4, W/4, classes + 4].

        Args:
            pictures: as the card's `normalize` makes them, uint8 [N, H, W], both sides multiples of
                `heatmap.INPUT_MULTIPLE`.
        """
        return depth_to_space(self.run(pictures))


def open_session(content: bytes, *, threads: int = 1, path: str = "model") -> onnxruntime.InferenceSession:
    """An onnxruntime session of an ONNX file, of which nothing is checked.

    Raises:
        ModelError: onnxruntime does not take it; `path` is for this message.
    """
    ort = _onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # A spinning pool burns a third of a core between the frames of a camera and wins nothing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    open_it = ort.InferenceSession
    try:
        return open_it(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen types of its own, none of them documented
        reason = _first_line(error)
        if "opset" in reason.lower() or "IR version" in reason:
            raise ModelError(
                f"{path}: this onnxruntime is too old for it ({reason}). Upgrade it: {pip_install('-U onnxruntime')}"
            ) from None
        raise ModelError(f"{_broken(path, content)} ({reason})") from None


def find_model(model: str | os.PathLike[str]) -> Path:
    """The file of a model that is named or pointed to.

    Raises:
        ModelError: there is none.
    """
    path, (name, precision) = Path(model), shipped.parted(str(model))
    released = shipped.folder() / f"{name}.{precision or PRECISIONS[0]}.onnx"
    if path.is_file():
        return path
    if path.name == str(model) and released.is_file():
        return released
    if path.suffix == ".onnx" or path.exists():
        what = "is a folder. Name an .onnx file in it" if path.is_dir() else "no such file. Name an .onnx file"
        raise ModelError(f"{path}: {what}, or one of: {shipped.listed()}")
    raise ModelError(f"no model {str(model)!r}. Name an .onnx file, or one of: {shipped.listed()}")


def known_speeds(threads: int = 1) -> speeds.Speeds:
    """What is known of this machine's speed, with this onnxruntime and so many threads."""
    return speeds.Speeds(_onnxruntime().__version__, threads)


def _onnxruntime() -> Any:
    # Linux builds since 1.29 report usage over the network unless told not to before they are imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # Some versions report there that they found no GPU under /sys/class/drm: on a Raspberry Pi, at each start.
    with native_stderr_off():
        import onnxruntime

    return onnxruntime


def _broken(path: str, content: bytes) -> str:
    if not content:
        return f"{path}: is empty (0 bytes). Copy or export the model again"
    return f"{path}: is no ONNX model, or a broken one ({len(content)} bytes). Copy or export it again"


def _first_line(error: Exception) -> str:
    """What onnxruntime says, which may be a page long and quote the file."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return "".join(character if character.isprintable() else "?" for character in line)


def _shape(array: NDArray[Any]) -> str:
    return " x ".join(map(str, array.shape))
