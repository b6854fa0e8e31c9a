"""Train a finder (`edge_digits.inference.heatmap`) on composed scenes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.ink import extract_ink, levelled
from edge_digits.inference.heatmap import (
    REFERENCE_HEIGHT,
    REGRESSION_CHANNELS,
    STRIDE,
    depth_to_space,
    recall_and_precision,
)
from edge_digits_train.datasets.data import BACKGROUND, Data, Split, split
from edge_digits_train.networks import architectures
from edge_digits_train.pool import Prefetcher, start_worker
from edge_digits_train.run import Config
from edge_digits_train.synthesis import styles
from edge_digits_train.synthesis.scenes import IGNORED, Composer, Scene

if TYPE_CHECKING:
    import keras

#: Height and width of a training scene, pixels.
TILE = (80, 160)
#: Scenes that a process makes at a time.
_CHUNK = 250
#: Share of scenes whose ink is made paler: in a page, the darkest ink may be other than that of the digits.
_PALER = 0.4
#: Share of scenes that were photographed at fewer pixels, and at how many of those that they are looked at.
_COARSE, _COARSER = 0.25, (0.45, 0.85)

#: Scenes that a run keeps to be judged on, and to calibrate on.
_VALIDATION, _CALIBRATION = 1000, 200

Targets = NDArray[np.float16]


class SceneEpochs(Prefetcher[tuple[NDArray[np.uint8], Targets]]):
    """Makes the scenes of any epoch; the same seed and epoch give the same scenes."""

    def __init__(self, train: Split, scenes: int, seed: int) -> None:
        super().__init__(_start, train)
        self._scenes, self._seed = scenes, seed

    def make(self, epoch: int, *, then: int | None) -> tuple[NDArray[np.uint8], Targets]:
        """Levelled ink, uint8 [N, 80, 160], and targets of an epoch; begins to make those of epoch `then` beside it."""
        parts = self._take(epoch)
        if then is not None:
            self.prefetch(then)
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[tuple[NDArray[np.uint8], Targets]]]:
        counts = [min(_CHUNK, self._scenes - first) for first in range(0, self._scenes, _CHUNK)]
        return [pool.submit(_make, (self._seed, number, place), count) for place, count in enumerate(counts)]


_composer: Composer | None = None


def _start(train: Split) -> None:
    global _composer  # noqa: PLW0603  # sixty thousand digits are sent to a process once, not with each task
    start_worker()
    _composer = Composer(train.pictures, train.classes)


def _make(seed: tuple[int, ...], count: int) -> tuple[NDArray[np.uint8], Targets]:
    assert _composer is not None
    seen = np.empty((count, *TILE), np.uint8)
    targets = np.empty((count, TILE[0] // STRIDE, TILE[1] // STRIDE, 10 + REGRESSION_CHANNELS + 2), np.float16)
    for i in range(count):
        seen[i], scene = _seen(_composer, (*seed, i))
        targets[i] = encode(scene)
    return seen, targets


def _seen(composer: Composer, seed: tuple[int, ...]) -> tuple[NDArray[np.uint8], Scene]:
    """A scene, and its levelled ink as a finder sees it, uint8 [80, 160]."""
    rng = np.random.default_rng(seed)
    scene = composer.scene(rng, *TILE)
    gray = scene.gray
    if rng.random() < _COARSE:
        size = tuple(round(side * rng.uniform(*_COARSER)) for side in TILE[::-1])
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
    ink = levelled(extract_ink(gray, float(rng.choice([0.1, 0.25]))))
    if gray is not scene.gray:
        ink = np.asarray(cv2.resize(ink, TILE[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < _PALER:
        ink = np.asarray(ink * np.float32(rng.uniform(0.3, 1.0)), np.uint8)
    return ink, scene


def _judged(part: Split, seed: tuple[int, ...], count: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Scenes as a finder sees them, uint8 [N, 80, 160]; their digits as `heatmap.recall_and_precision` takes them."""
    composer, seen, truth = Composer(part.pictures, part.classes), [], [np.zeros((0, 6), np.float32)]
    for number in range(count):
        ink, scene = _seen(composer, (*seed, number))
        seen.append(ink)
        rows = np.column_stack([np.full(len(scene.classes), number), scene.boxes, scene.classes])
        truth.append(rows[scene.classes != BACKGROUND].astype(np.float32))
    return np.stack(seen), np.concatenate(truth)


class FinderTask:
    """See `task.Task`."""

    def __init__(self, config: Config, data: Data) -> None:
        self._config, self._test = config, data.test
        train, held_out = split(data.train, config.recipe.validation, config.seed)
        self._train = styles.add_to(train, config.recipe.styles, config.seed)
        self.size = config.recipe.scenes
        # Drawn by a seed that no epoch has.
        self._validation = _judged(held_out, (config.seed, 1 << 20), _VALIDATION)

    def model(self) -> tuple[keras.Model, Any, Any]:
        return architectures.build_finder(len(self._config.labels)), loss, accuracy

    def custom_objects(self) -> dict[str, Any]:
        return {"loss": loss, "accuracy": accuracy}

    def epochs(self) -> SceneEpochs:
        return SceneEpochs(self._train, self.size, self._config.seed)

    def judge(self, model: keras.Model) -> tuple[float, float, float]:
        right, precise = _judge(model, *self._validation)
        return 1.0 - right, right, precise

    def kept(self) -> dict[str, NDArray[Any]]:
        seed = self._config.seed
        validation, validation_truth = self._validation
        test, test_truth = _judged(self._test, (seed, 1 << 22), _VALIDATION)
        return {
            "calibration": _judged(self._train, (seed, 1 << 21), _CALIBRATION)[0],
            "validation": validation,
            "validation_truth": validation_truth,
            "test": test,
            "test_truth": test_truth,
        }

    def test(self, model: keras.Model, kept: Mapping[str, NDArray[Any]]) -> float:
        return _judge(model, kept["test"], kept["test_truth"])[0]


def _judge(model: keras.Model, seen: NDArray[np.uint8], truth: NDArray[np.float32]) -> tuple[float, float]:
    maps = np.asarray(model.predict(seen[..., None], batch_size=50, verbose=0))
    return recall_and_precision(depth_to_space(maps), truth)


def encode(scene: Scene) -> NDArray[np.float32]:
    """What a finder is to say of a scene, by cell: float32 [H/4, W/4, 16].

    Ten heat maps, the four numbers of `inference.heatmap`, 1 at the digits' middles, and a weight that is 0 where
    digits may be found or not.
    """
    rows, columns = scene.gray.shape[0] // STRIDE, scene.gray.shape[1] // STRIDE
    target = np.zeros((rows, columns, 10 + REGRESSION_CHANNELS + 2), np.float32)
    target[..., -1] = 1.0
    for box, digit in zip(scene.boxes, scene.classes, strict=True):
        if digit == IGNORED:
            x1, y1, x2, y2 = (round(float(v) / STRIDE) for v in box)
            target[max(y1, 0) : max(y2 + 1, 0), max(x1, 0) : max(x2 + 1, 0), -1] = 0.0
    for box, digit in zip(scene.boxes, scene.classes, strict=True):
        if digit < 0:
            continue
        width, height = float(box[2] - box[0]), float(box[3] - box[1])
        x, y = float(box[0] + box[2]) / (2 * STRIDE), float(box[1] + box[3]) / (2 * STRIDE)
        column, row = int(x), int(y)
        if not (0 <= column < columns and 0 <= row < rows):
            continue
        spread = 0.4 + 0.06 * height / STRIDE
        across = np.exp(-((np.arange(columns) - column) ** 2) / (2 * spread**2))
        down = np.exp(-((np.arange(rows) - row) ** 2) / (2 * spread**2))
        heat = target[..., int(digit)]
        np.maximum(heat, down[:, None] * across, out=heat)
        size = np.log(height / REFERENCE_HEIGHT), np.log(width / REFERENCE_HEIGHT)
        target[row, column, 10:] = (*size, x - column - 0.5, y - row - 0.5, 1, 1)
    return target


def loss(targets: Any, maps: Any) -> Any:
    """The focal loss of the heat maps (Zhou et al. 2019), and the absolute error of sizes and places at the middles."""
    from keras import ops

    cells, targets = _cells(maps), ops.cast(targets, "float32")
    logits, numbers = cells[..., :10], cells[..., 10:]
    heat, wanted = targets[..., :10], targets[..., 10 : 10 + REGRESSION_CHANNELS]
    middle, weight = targets[..., -2:-1], targets[..., -1:]
    said = ops.sigmoid(logits)
    positive = ops.cast(heat > 0.99, "float32")
    right = -((1.0 - said) ** 2) * ops.log_sigmoid(logits) * positive
    wrong = -((1.0 - heat) ** 4) * said**2 * ops.log_sigmoid(-logits) * (1.0 - positive)
    digits = ops.sum(middle) + 1.0
    focal = ops.sum((right + wrong) * weight) / digits
    return focal + 0.5 * ops.sum(ops.absolute(numbers - wanted) * middle) / digits


def accuracy(targets: Any, maps: Any) -> Any:
    """The share of digits whose class is the strongest at their middle."""
    from keras import ops

    middle = ops.cast(targets[..., -2], "float32")
    same = ops.equal(ops.argmax(_cells(maps)[..., :10], axis=-1), ops.argmax(targets[..., :10], axis=-1))
    return ops.sum(ops.cast(same, "float32") * middle) / (ops.sum(middle) + 1e-6)


def _cells(maps: Any) -> Any:
    """As `edge_digits.inference.heatmap.depth_to_space`."""
    from keras import ops

    count, rows, columns = ops.shape(maps)[:3]
    cells = ops.reshape(maps, (count, rows, columns, 2, 2, 10 + REGRESSION_CHANNELS))
    return ops.reshape(
        ops.transpose(cells, (0, 1, 3, 2, 4, 5)), (count, 2 * rows, 2 * columns, 10 + REGRESSION_CHANNELS)
    )
