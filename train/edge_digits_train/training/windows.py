"""Train a reader of windows: what a finder's second look is, at digits and signs in a scene, or at a crop of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.inference import run_files
from edge_digits.results import DIGITS
from edge_digits_train.datasets.data import BACKGROUND, Data, Pictures, Split, Trace, split, split_writers
from edge_digits_train.networks import architectures, open_set, warm_start
from edge_digits_train.pool import start_worker
from edge_digits_train.run import Config
from edge_digits_train.synthesis import raster, styles
from edge_digits_train.synthesis.augment import Augmentation
from edge_digits_train.synthesis.scenes import LABELS, Composer
from edge_digits_train.training.bent import bend
from edge_digits_train.training.crops import Finds, finds_of, make_windows
from edge_digits_train.training.extra import with_extra
from edge_digits_train.training.redrawn import Redrawn
from edge_digits_train.training.teacher import Teacher

if TYPE_CHECKING:
    import keras

#: Windows of the validation and of the test set, and those to calibrate on.
_VALIDATION, _CALIBRATION = 8000, 1000
#: Windows that a worker makes at a time.
_CHUNK = 1000
#: Widths of the pens that trajectories are drawn with, of MNIST's pixels.
_PENS = (1.3, 3.6)


class WindowEpochs(Redrawn[Split]):
    """Makes the windows of any epoch; the same seed and epoch give the same windows in the same order.

    Windows are bent a little differently in each epoch. With a teacher, their targets are what it says of them unbent.
    """

    def __init__(
        self,
        train: Split,
        traces: Sequence[Trace],
        augmentation: Augmentation,
        windows: int,
        seed: int,
        redraw: int,
        extra: Split | None = None,
        finder: str = "",
        teacher: Teacher | None = None,
    ) -> None:
        """Args: as the recipe has them; `train` and `traces` are what scenes and crops are made of, `extra` crops,
        `finder` finds in vain, and `teacher` says what the network is to say."""
        super().__init__(redraw, _start_worker, train, traces, augmentation, seed, extra, finder)
        self._windows, self._seed, self._teacher = windows, seed, teacher
        self._taught: tuple[Split, NDArray[Any]] | None = None

    def make(self, epoch: int, *, until: int) -> tuple[Pictures, NDArray[Any]]:
        """Windows, uint8 [N, 28, 28], and targets of an epoch; begins to make what follows before epoch `until`."""
        rng = np.random.default_rng((self._seed, epoch))
        order = rng.permutation(self._windows)
        windows = self._of(epoch, until)
        return bend(windows.pictures[order], rng), self._targets(windows)[order]

    def _targets(self, windows: Split) -> NDArray[Any]:
        """The classes, or what the teacher says, which is asked once while the windows serve."""
        if self._teacher is None:
            return windows.classes
        if self._taught is None or self._taught[0] is not windows:
            self._taught = windows, self._teacher.targets(windows.pictures, windows.classes)
        return self._taught[1]

    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[Split]]:
        counts = [min(_CHUNK, self._windows - first) for first in range(0, self._windows, _CHUNK)]
        return [pool.submit(_make_chunk, (self._seed, number, chunk), count) for chunk, count in enumerate(counts)]

    def _joined(self, parts: list[Split]) -> Split:
        return Split(
            np.concatenate([part.pictures for part in parts]), np.concatenate([part.classes for part in parts])
        )


_source: tuple[Composer, Split, Augmentation, Finds | None] | None = None


def _start_worker(
    train: Split, traces: Sequence[Trace], augmentation: Augmentation, seed: int, extra: Split | None, finder: str
) -> None:
    global _source  # noqa: PLW0603  # sixty thousand digits are sent to a process once, not with each chunk
    start_worker()
    crops = with_extra(with_traces(train, traces, seed), extra)
    _source = Composer(train.pictures, train.classes, traces), crops, augmentation, finds_of(finder)


def _make_chunk(seed: tuple[int, ...], count: int) -> Split:
    assert _source is not None
    composer, crops, augmentation, finds = _source
    return Split.with_more(*make_windows(composer, crops, augmentation, seed, count, finds))


def with_traces(digits: Split, traces: Sequence[Trace], seed: int) -> Split:
    """Digits, and behind them those that pens drew, in MNIST's form."""
    rng = np.random.default_rng((seed, 1 << 24))
    of_digits = [trace for trace in traces if trace.label in tuple(DIGITS)]
    if not of_digits:
        return digits
    thinnest, boldest = np.log(_PENS).tolist()
    pens = np.exp(rng.uniform(thinnest, boldest, len(of_digits))).tolist()
    drawn = np.stack([raster.draw(trace.strokes, pen) for trace, pen in zip(of_digits, pens, strict=True)])
    return digits.with_more(Split(drawn, np.array([int(trace.label) for trace in of_digits], np.int64)))


class WindowsTask:
    """See `task.Task`. Validation and test windows are of digits and writers that are held out."""

    def __init__(self, config: Config, data: Data) -> None:
        """Raises: ModelError: the finder that it learns of cannot be used."""
        recipe = config.recipe
        self._config, self._test, self._extra = config, data.test, data.extra
        train, self._held_out = split(data.train, recipe.validation, config.seed)
        self._train = styles.add_to(train, recipe.styles, config.seed)
        self._traces, self._others = split_writers(data.traces, recipe.validation)
        self.size = recipe.windows
        self._validation_sets: tuple[Split, Split] | None = None
        self._finds = finds_of(config.finder)

    @staticmethod
    def configure(config: Config, data: Data) -> Config:
        architectures.check(config.recipe.arch, finder=False)
        if data.labels != tuple(DIGITS):
            raise UsageError(
                f"{config.data}: windows are read as the ten digits and signs, and these are {', '.join(data.labels)}. "
                "Take another recipe, or other data"
            )
        finds_of(config.finder)  # says now what is wrong with it
        Teacher(config.teachers, LABELS)  # and with them
        if config.init:
            network = architectures.build(config.recipe.arch, len(LABELS), 0.0)
            warm_start.start_from(network, config.init, data.train.pictures[:50])
        return replace(config, labels=tuple(LABELS))

    def model(self) -> tuple[keras.Model, Any, Any]:
        recipe = self._config.recipe
        model = architectures.build(recipe.arch, len(self._config.labels), recipe.dropout)
        return model, *open_set.loss_and_metric(recipe.loss, background=True)

    def custom_objects(self) -> dict[str, Any]:
        return open_set.custom_objects()

    def epochs(self) -> WindowEpochs:
        seed, redraw = self._config.seed, self._config.recipe.redraw
        finder, teachers = self._config.finder, self._config.teachers
        teacher = Teacher(teachers, self._config.labels) if teachers else None
        return WindowEpochs(
            self._train, self._traces, self._augmentation, self.size, seed, redraw, self._extra, finder, teacher
        )

    def judge(self, model: keras.Model) -> dict[str, float]:
        scenes, crops = self._validation()
        digits = scenes.take((scenes.classes >= 0) & (scenes.classes < len(DIGITS)))
        loss, accuracy = self._evaluate(model, digits)
        return {
            "val_loss": loss,
            "val_accuracy": accuracy,
            "crop_accuracy": self._evaluate(model, crops)[1],
            "background_accuracy": self._evaluate(model, scenes.take(scenes.classes == BACKGROUND))[1],
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        seed = self._config.seed
        validation = Split.with_more(*self._validation())
        test = Split.with_more(*self._windows(self._test, self._others, (seed, 1 << 22), _VALIDATION))
        test = test.take(test.classes != BACKGROUND)  # what is no digit counts in the validation set alone
        calibration = Split.with_more(*self._windows(self._train, self._traces, (seed, 1 << 21), _CALIBRATION))
        return {
            run_files.CALIBRATION: calibration.pictures,
            run_files.VALIDATION: validation.pictures,
            run_files.VALIDATION_CLASSES: validation.classes,
            run_files.TEST: test.pictures,
            run_files.TEST_CLASSES: test.classes,
        }

    def test(self, model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        logits = np.asarray(model.predict(arrays[run_files.TEST][..., None], batch_size=500, verbose=0))  # [N, C]
        return {"test_accuracy": float((logits.argmax(axis=1) == arrays[run_files.TEST_CLASSES]).mean())}

    @property
    def _augmentation(self) -> Augmentation:
        return self._config.recipe.augmentation or Augmentation()

    def _evaluate(self, model: keras.Model, part: Split) -> tuple[float, float]:
        loss, accuracy = model.evaluate(part.pictures[..., None], part.classes, batch_size=500, verbose=0)
        return loss, accuracy

    def _validation(self) -> tuple[Split, Split]:
        if self._validation_sets is None:
            # By a seed that no epoch has.
            seed = (self._config.seed, 1 << 20)
            self._validation_sets = self._windows(self._held_out, self._others, seed, _VALIDATION)
        return self._validation_sets

    def _windows(
        self, digits: Split, traces: Sequence[Trace], seed: tuple[int, ...], count: int
    ) -> tuple[Split, Split]:
        composer = Composer(digits.pictures, digits.classes, traces)
        crops = with_traces(digits, traces, self._config.seed)
        return make_windows(composer, crops, self._augmentation, seed, count, self._finds)
