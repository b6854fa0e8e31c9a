"""Train a reader of single digits: classes of normalised 28x28 pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.datasets.data import BACKGROUND, Data, Split, split
from edge_digits_train.networks import architectures, open_set
from edge_digits_train.run import Config
from edge_digits_train.synthesis import styles
from edge_digits_train.training.batches import Epochs, make_pictures

if TYPE_CHECKING:
    import keras

#: Calibration pictures that a run keeps for export.
_CALIBRATION = 1000
#: Extra crops are repeated until they are this share of the training pictures, and not more often than that.
_EXTRA_SHARE, _MOST_REPEATS = 0.1, 50


class DigitsTask:
    """See `task.Task`. The validation set is judged as it is, and photographed with what is no digit among it."""

    def __init__(self, config: Config, data: Data) -> None:
        self._config, self._test = config, data.test
        recipe = config.recipe
        train, held_out = split(data.train, recipe.validation, config.seed)
        train = styles.add_to(train, recipe.styles, config.seed)
        if data.extra is not None:
            train = train.with_more(_repeated(data.extra, len(train)))
        self._train = _with_background(train, recipe.background)
        self._held_out = held_out
        self.size = len(self._train)
        self._judged: tuple[Split, Split] | None = None

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

    def judge(self, model: keras.Model) -> tuple[float, float, float]:
        clean, photographed = self._validation()
        loss, accuracy = self._evaluate(model, clean)
        return loss, accuracy, accuracy if photographed is clean else self._evaluate(model, photographed)[1]

    def kept(self) -> dict[str, NDArray[Any]]:
        how, seed = self._config.recipe.augmentation, self._config.seed
        chosen = self._train.take(np.random.default_rng(seed).permutation(len(self._train))[:_CALIBRATION])
        clean, photographed = self._validation()
        return {
            "calibration": make_pictures(chosen.pictures, chosen.classes, (seed, 1 << 21), how),
            "validation": np.concatenate([clean.pictures, photographed.pictures]),
            "validation_classes": np.concatenate([clean.classes, photographed.classes]),
            "test": make_pictures(self._test.pictures, self._test.classes, (seed,), None),
            "test_classes": self._test.classes,
        }

    def test(self, model: keras.Model, kept: Mapping[str, NDArray[Any]]) -> float:
        predicted = np.asarray(model.predict(kept["test"][..., None], batch_size=500, verbose=0)).argmax(axis=1)
        return float((predicted == kept["test_classes"]).mean())

    def _evaluate(self, model: keras.Model, part: Split) -> tuple[float, float]:
        one_hot = self._config.recipe.loss == "categorical"
        targets = open_set.one_hot(part.classes, len(self._config.labels)) if one_hot else part.classes
        loss, accuracy = model.evaluate(part.pictures[..., None], targets, batch_size=500, verbose=0)
        return loss, accuracy

    def _validation(self) -> tuple[Split, Split]:
        if self._judged is None:
            how, seed, held_out = self._config.recipe.augmentation, self._config.seed, self._held_out
            clean = Split(make_pictures(held_out.pictures, held_out.classes, (seed,), None), held_out.classes)
            photographed = clean
            if how is not None:
                # Drawn once, by a seed that no epoch has, so that epochs are judged alike.
                part = _with_background(held_out, self._config.recipe.background)
                always = replace(how, photograph=1.0)
                pictures = make_pictures(part.pictures, part.classes, (seed, 1 << 20), always)
                photographed = Split(pictures, part.classes)
            self._judged = clean, photographed
        return self._judged


def _repeated(extra: Split, beside: int) -> Split:
    times = min(max(1, round(_EXTRA_SHARE * beside / len(extra))), _MOST_REPEATS)
    return extra.take(np.tile(np.arange(len(extra)), times))


def _with_background(part: Split, share: float) -> Split:
    """A split with places for pictures of what is no digit, which augmentation fills."""
    count = round(share * len(part))
    blank = np.zeros((count, *part.pictures.shape[1:]), np.uint8)
    return Split(
        np.concatenate([part.pictures, blank]), np.concatenate([part.classes, np.full(count, BACKGROUND, np.int64)])
    )
