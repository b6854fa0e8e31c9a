"""What export has to know of each task that a network can be trained to do."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_digits.inference import run_files
from edge_digits.inference.card import FINDER_NORMALIZE, WINDOW_NORMALIZE
from edge_digits.inference.heatmap import REGRESSION_CHANNELS, depth_to_space, score
from edge_digits.inference.session import Finder, Model, Network
from edge_digits_export import confidence

Logits = NDArray[np.float32]
#: Sides of a network's input or output; None where they are free.
Shape = tuple[int | None, ...]


class Task(Protocol):
    """One kind of network.

    Attributes:
        truth: the arrays of a run with what is in its validation and test pictures.
        network: the runner's session for it.
        float_output: whether int8 leaves its last layer in float.
    """

    truth: ClassVar[tuple[str, str]]
    network: ClassVar[type[Network]]
    float_output: ClassVar[bool]

    def ports(self, classes: int) -> tuple[Shape, Shape]:
        """Input and output of the Keras network."""

    def calibration(self, augmented: bool) -> str:
        """What the card says of the calibration pictures."""

    def contract(self, background: bool) -> dict[str, Any]:
        """The fields of the card that this kind of network needs."""

    def confidence(self, logits: Logits, truth: NDArray[Any], background: bool) -> dict[str, Any]:
        """The fields of the card that are measured on the validation pictures."""

    def background(self, truth: NDArray[Any]) -> bool:
        """Whether the network was taught what is no digit, by what is in its validation pictures."""

    def accuracy(self, logits: Logits, truth: NDArray[Any]) -> float:
        """The share that is read right, 0..1."""

    def agreement(self, logits: Logits, source: Logits, background: bool) -> float:
        """The share, 0..1, in which two networks answer alike."""


class DigitsTask:
    """Readers of single digits: `logits` float32 [N, C]; the truth is classes, int64 [N], -1 for what is no digit."""

    truth: ClassVar[tuple[str, str]] = (run_files.VALIDATION_CLASSES, run_files.TEST_CLASSES)
    network: ClassVar[type[Network]] = Model
    float_output: ClassVar[bool] = False

    def ports(self, classes: int) -> tuple[Shape, Shape]:
        return (None, 28, 28, 1), (None, classes)

    def calibration(self, augmented: bool) -> str:
        return "augmented training pictures" if augmented else "training pictures"

    def contract(self, background: bool) -> dict[str, Any]:
        return {"reject": {"method": "background", "threshold": 0.0}} if background else {}

    def confidence(self, logits: Logits, truth: NDArray[Any], background: bool) -> dict[str, Any]:
        classes, method = truth, "confidence"
        if background:
            logits = np.concatenate([np.zeros((len(logits), 1), np.float32), logits], axis=1)  # [N, 1 + C]
            classes, method = classes + 1, "background"
        temperature = confidence.temperature(logits, classes)
        threshold = confidence.threshold(logits, classes, temperature)
        return {"temperature": temperature, "reject": {"method": method, "threshold": threshold}}

    def background(self, truth: NDArray[Any]) -> bool:
        return bool((truth < 0).any())

    def accuracy(self, logits: Logits, truth: NDArray[Any]) -> float:
        # Of digits, whether the label is right, refused or not; of what is no digit, whether it is refused.
        correct = np.where(truth < 0, logits.max(axis=1) < 0, logits.argmax(axis=1) == truth)  # [N]
        return float(correct.mean())

    def agreement(self, logits: Logits, source: Logits, background: bool) -> float:
        return float((_answers(logits, background) == _answers(source, background)).mean())


class WindowsTask(DigitsTask):
    """Readers of windows: as readers of single digits, but for what they see."""

    def calibration(self, augmented: bool) -> str:
        return "windows of composed scenes, and crops"

    def contract(self, background: bool) -> dict[str, Any]:
        return super().contract(background) | {"normalize": dict(WINDOW_NORMALIZE)}


class FinderTask:
    """Finders: `maps` float32 [N, H/8, W/8, 4 x K]; the truth is as `heatmap.score` takes it."""

    truth: ClassVar[tuple[str, str]] = (run_files.VALIDATION_TRUTH, run_files.TEST_TRUTH)
    network: ClassVar[type[Network]] = Finder
    float_output: ClassVar[bool] = True

    def ports(self, classes: int) -> tuple[Shape, Shape]:
        return (None, None, None, 1), (None, None, None, 4 * (classes + REGRESSION_CHANNELS))

    def calibration(self, augmented: bool) -> str:
        return "composed scenes"

    def contract(self, background: bool) -> dict[str, Any]:
        return {"output": "maps", "normalize": dict(FINDER_NORMALIZE)}

    def confidence(self, logits: Logits, truth: NDArray[Any], background: bool) -> dict[str, Any]:
        return {}

    def background(self, truth: NDArray[Any]) -> bool:
        return False

    def accuracy(self, logits: Logits, truth: NDArray[Any]) -> float:
        """Recall: the share of digits that are found with the right class."""
        return score(depth_to_space(logits), truth).recall

    def agreement(self, logits: Logits, source: Logits, background: bool) -> float:
        """Of the cells where the source sees a digit."""
        heat, wanted = (depth_to_space(maps)[..., :-REGRESSION_CHANNELS] for maps in (logits, source))
        digits = wanted.max(axis=-1) > 0  # [N, H/4, W/4]
        same = (heat.argmax(axis=-1) == wanted.argmax(axis=-1)) & (heat.max(axis=-1) > 0)
        return float(same[digits].mean()) if digits.any() else 1.0


def _answers(logits: Logits, background: bool) -> NDArray[np.int64]:
    """The most probable class of each picture, [N]; -1 where that is the background."""
    best = logits.argmax(axis=1)
    return np.where(logits.max(axis=1) < 0, -1, best) if background else best


TASKS: dict[run_files.Task, Task] = {"digits": DigitsTask(), "finder": FinderTask(), "windows": WindowsTask()}
