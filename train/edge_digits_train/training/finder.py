"""Train a finder (`edge_digits.inference.heatmap`) on composed scenes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.imaging.ink import extract_ink, levelled
from edge_digits.inference import run_files
from edge_digits.inference.heatmap import (
    REFERENCE_HEIGHT,
    REGRESSION_CHANNELS,
    STRIDE,
    depth_to_space,
    recall_and_precision,
)
from edge_digits.results import DIGITS
from edge_digits_train.datasets.data import BACKGROUND, Data, Split, split
from edge_digits_train.networks import architectures, warm_start
from edge_digits_train.pool import Prefetcher, start_worker
from edge_digits_train.run import Config
from edge_digits_train.synthesis import styles
from edge_digits_train.synthesis.scenes import IGNORED, Composer, Scene

if TYPE_CHECKING:
    import keras

#: Height and width of a training scene, pixels.
TILE = (80, 160)
#: Of a target: a heat map a class, the numbers of a centre, whether there is a centre, and the weight.
_CLASSES = len(DIGITS)
_CHANNELS = _CLASSES + REGRESSION_CHANNELS + 2
#: Scenes that a worker makes at a time.
_CHUNK = 250
#: Share of scenes whose ink is made paler: in a page, the darkest ink may be other than that of the digits.
_PALER = 0.4
#: Share of scenes that are photographed at fewer pixels, and the range of the factors.
_COARSE, _COARSER = 0.25, (0.45, 0.85)

#: Scenes of the validation and of the test set, and those to calibrate on.
_VALIDATION, _CALIBRATION = 1000, 200

Targets = NDArray[np.float16]


class SceneEpochs(Prefetcher[tuple[NDArray[np.uint8], Targets]]):
    """Makes the scenes of any epoch; the same seed and epoch give the same scenes."""

    def __init__(self, train: Split, scenes: int, seed: int) -> None:
        super().__init__(_start_worker, train)
        self._scenes, self._seed = scenes, seed

    def make(self, epoch: int, *, then: int | None) -> tuple[NDArray[np.uint8], Targets]:
        """Levelled ink, uint8 [N, 80, 160], and targets of an epoch; begins to make those of epoch `then` beside it."""
        parts = self._take(epoch)
        if then is not None:
            self.prefetch(then)
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[tuple[NDArray[np.uint8], Targets]]]:
        counts = [min(_CHUNK, self._scenes - first) for first in range(0, self._scenes, _CHUNK)]
        return [pool.submit(_make_chunk, (self._seed, number, chunk), count) for chunk, count in enumerate(counts)]


_composer: Composer | None = None


def _start_worker(train: Split) -> None:
    global _composer  # noqa: PLW0603  # sixty thousand digits are sent to a process once, not with each chunk
    start_worker()
    _composer = Composer(train.pictures, train.classes)


def _make_chunk(seed: tuple[int, ...], count: int) -> tuple[NDArray[np.uint8], Targets]:
    assert _composer is not None
    inks = np.empty((count, *TILE), np.uint8)
    targets = np.empty((count, TILE[0] // STRIDE, TILE[1] // STRIDE, _CHANNELS), np.float16)
    for i in range(count):
        inks[i], scene = _inked_scene(_composer, (*seed, i))
        targets[i] = encode(scene)
    return inks, targets


def _inked_scene(composer: Composer, seed: tuple[int, ...]) -> tuple[NDArray[np.uint8], Scene]:
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


def _inked_scenes(part: Split, seed: tuple[int, ...], count: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Scenes as a finder sees them, uint8 [N, 80, 160]; their digits as `heatmap.recall_and_precision` takes them."""
    composer, inks, truth = Composer(part.pictures, part.classes), [], [np.zeros((0, 6), np.float32)]
    for index in range(count):
        ink, scene = _inked_scene(composer, (*seed, index))
        inks.append(ink)
        rows = np.column_stack([np.full(len(scene.classes), index), scene.boxes, scene.classes])  # [digits, 6]
        truth.append(rows[scene.classes != BACKGROUND].astype(np.float32))
    return np.stack(inks), np.concatenate(truth)


class FinderTask:
    """See `task.Task`."""

    def __init__(self, config: Config, data: Data) -> None:
        self._config, self._test = config, data.test
        train, held_out = split(data.train, config.recipe.validation, config.seed)
        self._train = styles.add_to(train, config.recipe.styles, config.seed)
        self.size = config.recipe.scenes
        # Drawn by a seed that no epoch has.
        self._validation = _inked_scenes(held_out, (config.seed, 1 << 20), _VALIDATION)

    @staticmethod
    def configure(config: Config, data: Data) -> Config:
        architectures.check(config.recipe.arch, finder=True)
        if data.labels != tuple(DIGITS):
            raise UsageError(
                f"{config.data}: a finder is trained on the ten digits, and these are {', '.join(data.labels)}. "
                "Take another recipe, or other data"
            )
        if data.extra is not None:
            raise UsageError(
                "--extra: crops of single digits teach a finder nothing. Leave it out, or take another recipe"
            )
        if config.init:
            sides = ((0, 0), (2, 2), (2, 2))  # 28 to 32, a multiple of INPUT_MULTIPLE
            pictures = np.pad(data.train.pictures[:50], sides)
            warm_start.start_from(architectures.build_finder(len(data.labels)), config.init, pictures)
        return config

    def model(self) -> tuple[keras.Model, Any, Any]:
        return architectures.build_finder(len(self._config.labels)), loss, accuracy

    def custom_objects(self) -> dict[str, Any]:
        return {"loss": loss, "accuracy": accuracy}

    def epochs(self) -> SceneEpochs:
        return SceneEpochs(self._train, self.size, self._config.seed)

    def judge(self, model: keras.Model) -> dict[str, float]:
        recall, precision = _judge(model, *self._validation)
        return {"recall": recall, "precision": precision}

    def arrays(self) -> dict[str, NDArray[Any]]:
        seed = self._config.seed
        validation, validation_truth = self._validation
        test, test_truth = _inked_scenes(self._test, (seed, 1 << 22), _VALIDATION)
        return {
            run_files.CALIBRATION: _inked_scenes(self._train, (seed, 1 << 21), _CALIBRATION)[0],
            run_files.VALIDATION: validation,
            run_files.VALIDATION_TRUTH: validation_truth,
            run_files.TEST: test,
            run_files.TEST_TRUTH: test_truth,
        }

    def test(self, model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        recall, precision = _judge(model, arrays[run_files.TEST], arrays[run_files.TEST_TRUTH])
        return {"test_recall": recall, "test_precision": precision}


def _judge(model: keras.Model, inks: NDArray[np.uint8], truth: NDArray[np.float32]) -> tuple[float, float]:
    maps = np.asarray(model.predict(inks[..., None], batch_size=50, verbose=0))  # [N, H/8, W/8, 4 x 14]
    return recall_and_precision(depth_to_space(maps), truth)


def encode(scene: Scene) -> NDArray[np.float32]:
    """What a finder is to answer to a scene, by cell: float32 [H/4, W/4, 16].

    Ten heat maps, the four numbers of `inference.heatmap`, 1 at the digits' centres, and a weight that is 0 where
    digits may be found or not.
    """
    rows, columns = scene.gray.shape[0] // STRIDE, scene.gray.shape[1] // STRIDE
    target = np.zeros((rows, columns, _CHANNELS), np.float32)
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
        sigma = 0.4 + 0.06 * height / STRIDE
        across = np.exp(-((np.arange(columns) - column) ** 2) / (2 * sigma**2))  # [W/4]
        down = np.exp(-((np.arange(rows) - row) ** 2) / (2 * sigma**2))  # [H/4]
        heat = target[..., int(digit)]  # [H/4, W/4], a view
        np.maximum(heat, down[:, None] * across, out=heat)
        size = np.log(height / REFERENCE_HEIGHT), np.log(width / REFERENCE_HEIGHT)
        target[row, column, _CLASSES:] = (*size, x - column - 0.5, y - row - 0.5, 1, 1)
    return target


def loss(targets: Any, maps: Any) -> Any:
    """The focal loss of the heat maps, and the absolute error of sizes and offsets at the centres.

    Both as in Zhou, Wang and Kraehenbuehl 2019, Objects as Points.

    Args:
        targets: as `encode` makes them, [N, H/4, W/4, 16].
        maps: the network's output, float32 [N, H/8, W/8, 4 x 14].
    """
    from keras import ops

    cells, targets = _cells(maps), ops.cast(targets, "float32")  # [N, H/4, W/4, 14], [N, H/4, W/4, 16]
    logits, numbers = cells[..., :_CLASSES], cells[..., _CLASSES:]  # [N, H/4, W/4, 10], [N, H/4, W/4, 4]
    heat = targets[..., :_CLASSES]  # [N, H/4, W/4, 10]
    wanted = targets[..., _CLASSES : _CLASSES + REGRESSION_CHANNELS]  # [N, H/4, W/4, 4]
    centre, weight = targets[..., -2:-1], targets[..., -1:]  # [N, H/4, W/4, 1] each
    probability = ops.sigmoid(logits)  # [N, H/4, W/4, 10]
    positive = ops.cast(heat > 0.99, "float32")
    at_centres = -((1.0 - probability) ** 2) * ops.log_sigmoid(logits) * positive
    elsewhere = -((1.0 - heat) ** 4) * probability**2 * ops.log_sigmoid(-logits) * (1.0 - positive)
    digits = ops.sum(centre) + 1.0  # a scene may hold none
    focal = ops.sum((at_centres + elsewhere) * weight) / digits
    return focal + 0.5 * ops.sum(ops.absolute(numbers - wanted) * centre) / digits


def accuracy(targets: Any, maps: Any) -> Any:
    """The share of digits whose class is the strongest at their centre; arguments as of `loss`."""
    from keras import ops

    centre = ops.cast(targets[..., -2], "float32")  # [N, H/4, W/4]
    predicted = ops.argmax(_cells(maps)[..., :_CLASSES], axis=-1)
    same = ops.equal(predicted, ops.argmax(targets[..., :_CLASSES], axis=-1))  # [N, H/4, W/4]
    return ops.sum(ops.cast(same, "float32") * centre) / (ops.sum(centre) + 1e-6)


def _cells(maps: Any) -> Any:
    """`heatmap.depth_to_space` of tensors."""
    from keras import ops

    return depth_to_space(maps, ops)
