"""Train a reader of single digits: classes of normalised 28x28 pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.inference import run_files
from edge_digits.results import DIGITS
from edge_digits_train.datasets.data import BACKGROUND, Data, Split, split
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.networks import architectures, open_set, warm_start
from edge_digits_train.run import Config
from edge_digits_train.synthesis import styles
from edge_digits_train.training.batches import Epochs, make_pictures
from edge_digits_train.training.extra import with_extra

if TYPE_CHECKING:
    import keras

#: Calibration pictures that a run keeps for export.
_CALIBRATION = 1000


class DigitsTask:
    """See `task.Task`. The validation set is judged as it is, and photographed with what is no digit among it."""

    def __init__(self, config: Config, data: Data) -> None:
        self._config, self._test = config, data.test
        recipe = config.recipe
        train, held_out = split(data.train, recipe.validation, config.seed)
        train = styles.add_to(train, recipe.styles, config.seed)
        train = with_extra(train, data.extra)
        self._train = _with_background(train, recipe.background)
        self._held_out = held_out
        self.size = len(self._train)
        self._validation_sets: tuple[Split, Split] | None = None

    @staticmethod
    def configure(config: Config, data: Data) -> Config:
        recipe = config.recipe
        architectures.check(recipe.arch, finder=False)
        if data.traces:
            raise UsageError(
                "--pens: only finder and reader are trained on pen trajectories. Leave it out, or take such a recipe"
            )
        if config.finder:
            raise UsageError(
                "--finder: only readers of windows learn from a finder. Leave it out, or take such a recipe"
            )
        if config.teachers:
            raise UsageError("--teacher: readers of windows learn from others. Leave it out, or take the recipe reader")
        if recipe.augmentation is not None and data.labels != tuple(DIGITS):
            # A foot under class 1 is a style of ones, not of letters; and letters are no background to letters,
            # nor are styles of digits any of letters.
            augmentation = replace(recipe.augmentation, rare_styles=0.0)
            recipe = replace(recipe, augmentation=augmentation, background=0.0, styles=0.0)
        if data.extra is not None and (data.extra.classes < 0).any() and not recipe.background:
            raise UsageError(
                f"--extra: crops labelled {NONE!r} need a recipe that knows what is no digit, such as digits or tune. "
                "Take one, or leave those crops out"
            )
        if config.init:
            network = architectures.build(recipe.arch, len(data.labels), 0.0)
            warm_start.start_from(network, config.init, data.train.pictures[:50])
        return replace(config, recipe=recipe, labels=data.labels)

    def model(self) -> tuple[keras.Model, Any, Any]:
        recipe = self._config.recipe
        model = architectures.build(recipe.arch, len(self._config.labels), recipe.dropout)
        return model, *open_set.loss_and_metric(recipe.loss, recipe.background > 0)

    def custom_objects(self) -> dict[str, Any]:
        return open_set.custom_objects()

    def epochs(self) -> Epochs:
        recipe = self._config.recipe
        one_hot = len(self._config.labels) if recipe.loss == "categorical" else 0
        return Epochs(self._train, recipe.augmentation, self._config.seed, one_hot, recipe.redraw)

    def judge(self, model: keras.Model) -> dict[str, float]:
        clean, photographed = self._validation()
        loss, accuracy = self._evaluate(model, clean)
        photo_accuracy = accuracy if photographed is clean else self._evaluate(model, photographed)[1]
        return {"val_loss": loss, "val_accuracy": accuracy, "photo_accuracy": photo_accuracy}

    def arrays(self) -> dict[str, NDArray[Any]]:
        augmentation, seed = self._config.recipe.augmentation, self._config.seed
        chosen = self._train.take(np.random.default_rng(seed).permutation(len(self._train))[:_CALIBRATION])
        clean, photographed = self._validation()
        return {
            run_files.CALIBRATION: make_pictures(chosen.pictures, chosen.classes, (seed, 1 << 21), augmentation),
            run_files.VALIDATION: np.concatenate([clean.pictures, photographed.pictures]),
            run_files.VALIDATION_CLASSES: np.concatenate([clean.classes, photographed.classes]),
            run_files.TEST: make_pictures(self._test.pictures, self._test.classes, (seed,), None),
            run_files.TEST_CLASSES: self._test.classes,
        }

    def test(self, model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        logits = np.asarray(model.predict(arrays[run_files.TEST][..., None], batch_size=500, verbose=0))  # [N, C]
        return {"test_accuracy": float((logits.argmax(axis=1) == arrays[run_files.TEST_CLASSES]).mean())}

    def _evaluate(self, model: keras.Model, part: Split) -> tuple[float, float]:
        one_hot = self._config.recipe.loss == "categorical"
        targets = open_set.one_hot(part.classes, len(self._config.labels)) if one_hot else part.classes
        loss, accuracy = model.evaluate(part.pictures[..., None], targets, batch_size=500, verbose=0)
        return loss, accuracy

    def _validation(self) -> tuple[Split, Split]:
        """What is set aside: clean, and photographed where the recipe augments."""
        if self._validation_sets is None:
            augmentation, seed, held_out = self._config.recipe.augmentation, self._config.seed, self._held_out
            clean = Split(make_pictures(held_out.pictures, held_out.classes, (seed,), None), held_out.classes)
            photographed = clean
            if augmentation is not None:
                # Drawn once, by a seed that no epoch has, so that epochs are judged alike.
                part = _with_background(held_out, self._config.recipe.background)
                always = replace(augmentation, photograph=1.0)
                pictures = make_pictures(part.pictures, part.classes, (seed, 1 << 20), always)
                photographed = Split(pictures, part.classes)
            self._validation_sets = clean, photographed
        return self._validation_sets


def _with_background(part: Split, share: float) -> Split:
    """A split with places for pictures of what is no digit, which augmentation fills."""
    count = round(share * len(part))
    blank = np.zeros((count, *part.pictures.shape[1:]), np.uint8)
    return Split(
        np.concatenate([part.pictures, blank]), np.concatenate([part.classes, np.full(count, BACKGROUND, np.int64)])
    )
