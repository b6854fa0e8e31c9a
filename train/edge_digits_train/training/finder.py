"""Train a finder (`edge_digits.inference.heatmap`) of digits and signs on composed scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.inference import run_files
from edge_digits.inference.heatmap import Scores, depth_to_space, score
from edge_digits.results import DIGITS
from edge_digits_train.datasets.data import Data, split, split_writers
from edge_digits_train.networks import architectures, warm_start
from edge_digits_train.run import Config
from edge_digits_train.synthesis.scenes import LABELS, Composer
from edge_digits_train.training.scenes import SceneEpochs, make_scenes
from edge_digits_train.training.targets import accuracy, loss

if TYPE_CHECKING:
    import keras

#: Scenes of the validation and of the test set, and those to calibrate on.
_VALIDATION, _CALIBRATION = 1000, 200


class FinderTask:
    """See `task.Task`. Validation scenes are of digits and of writers that are held out, test scenes of the test digits
    and of those writers."""

    def __init__(self, config: Config, data: Data) -> None:
        self._config, self._test = config, data.test
        self._train, held_out = split(data.train, config.recipe.validation, config.seed)
        self._traces, self._others = split_writers(data.traces, config.recipe.validation)
        self.size = config.recipe.scenes
        composer = Composer(held_out.pictures, held_out.classes, self._others)
        # By a seed that no epoch has.
        self._validation = make_scenes(composer, (config.seed, 1 << 20), range(_VALIDATION))

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
        if config.finder:
            raise UsageError("--finder: a finder learns from none. Leave it out, or start from it: --init")
        if config.teachers:
            raise UsageError("--teacher: readers of windows learn from others. Leave it out, or take the recipe reader")
        if config.init:
            sides = ((0, 0), (2, 2), (2, 2))  # 28 to 32, a multiple of INPUT_MULTIPLE
            pictures = np.pad(data.train.pictures[:50], sides)
            warm_start.start_from(architectures.build_finder(len(LABELS)), config.init, pictures)
        return replace(config, labels=tuple(LABELS))

    def model(self) -> tuple[keras.Model, Any, Any]:
        return architectures.build_finder(len(self._config.labels)), loss, accuracy

    def custom_objects(self) -> dict[str, Any]:
        return {"loss": loss, "accuracy": accuracy}

    def epochs(self) -> SceneEpochs:
        return SceneEpochs(self._train, self._traces, self.size, self._config.seed, self._config.recipe.redraw)

    def judge(self, model: keras.Model) -> dict[str, float]:
        return _judge(model, self._validation.planes, self._validation.truth)._asdict()

    def arrays(self) -> dict[str, NDArray[Any]]:
        seed = self._config.seed
        test = Composer(self._test.pictures, self._test.classes, self._others)
        train = Composer(self._train.pictures, self._train.classes, self._traces)
        tested = make_scenes(test, (seed, 1 << 22), range(_VALIDATION))
        return {
            run_files.CALIBRATION: make_scenes(train, (seed, 1 << 21), range(_CALIBRATION)).planes,
            run_files.VALIDATION: self._validation.planes,
            run_files.VALIDATION_TRUTH: self._validation.truth,
            run_files.TEST: tested.planes,
            run_files.TEST_TRUTH: tested.truth,
        }

    def test(self, model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        scores = _judge(model, arrays[run_files.TEST], arrays[run_files.TEST_TRUTH])
        return {f"test_{name}": value for name, value in scores._asdict().items()}


def _judge(model: keras.Model, planes: NDArray[np.uint8], truth: NDArray[np.float32]) -> Scores:
    maps = np.asarray(model.predict(planes[..., None], batch_size=50, verbose=0))  # [N, H/8, W/8, 4 x (C + 4)]
    return score(depth_to_space(maps), truth)
