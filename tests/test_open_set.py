"""A class of what is no digit: its loss, its metric, and what it makes of temperature and threshold."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="training needs the extra `train`")

from edge_digits.inference import run_files
from edge_digits.results import DIGITS
from edge_digits_export import card as export_card
from edge_digits_export import confidence
from edge_digits_export.tasks import TASKS
from edge_digits_export.trained import Evaluated, TrainedRun
from edge_digits_train.networks import open_set

LOGITS = np.array([[2.0, -1.0, 0.5], [-3.0, -2.0, -4.0], [0.1, 0.2, 0.3], [5.0, -5.0, 0.0]], np.float32)
CLASSES = np.array([0, -1, 1, -1])


def shares(row: NDArray[np.float32]) -> list[float]:
    """Of the background, then of the classes."""
    parts = [1.0, *(math.exp(v) for v in row.tolist())]
    return [part / sum(parts) for part in parts]


def test_the_loss_is_the_cross_entropy_with_a_logit_of_0_for_the_background() -> None:
    given = np.asarray(open_set.crossentropy(CLASSES, LOGITS))
    expected = [-math.log(shares(row)[digit + 1]) for row, digit in zip(LOGITS, CLASSES.tolist(), strict=True)]
    np.testing.assert_allclose(given, expected, rtol=1e-5)


def test_probabilities_are_learnt_as_classes_are() -> None:
    """Rows that are certain cost what their class does; others the mean of what the classes cost, by their shares."""
    certain = np.zeros((4, 4), np.float32)
    certain[np.arange(4), CLASSES + 1] = 1.0
    expected = np.asarray(open_set.crossentropy(CLASSES, LOGITS))
    np.testing.assert_allclose(np.asarray(open_set.crossentropy(certain, LOGITS)), expected, rtol=1e-5)
    np.testing.assert_array_equal(open_set.accuracy(certain, LOGITS), open_set.accuracy(CLASSES, LOGITS))
    mixed = np.full((4, 4), 0.25, np.float16)
    rows = [[-math.log(share) for share in shares(row)] for row in LOGITS]
    np.testing.assert_allclose(np.asarray(open_set.crossentropy(mixed, LOGITS)), np.mean(rows, axis=1), rtol=1e-4)


@pytest.mark.parametrize("shape", [(4,), (4, 1)], ids=str)
def test_the_accuracy_is_the_share_that_gets_its_class_or_the_background(shape: tuple[int, ...]) -> None:
    given = np.asarray(open_set.accuracy(CLASSES.reshape(shape), LOGITS))
    assert given.tolist() == [1, 1, 0, 0]


def test_without_a_background_the_usual_loss_and_metric_are_taken() -> None:
    loss, metric = open_set.loss_and_metric("sparse", False)
    expected = [
        -math.log(shares(row)[digit + 1] / sum(shares(row)[1:]))
        for row, digit in zip(LOGITS, (0, 1, 1, 2), strict=True)
    ]
    assert float(loss(np.array([0, 1, 1, 2]), LOGITS)) == pytest.approx(np.mean(expected), rel=1e-5)
    assert metric == "accuracy"
    assert open_set.loss_and_metric("sparse", True) == (open_set.crossentropy, open_set.accuracy)


@pytest.mark.slow
def test_a_network_that_was_saved_with_this_loss_can_be_loaded(tmp_path: Any) -> None:
    import keras

    image = keras.Input((2,))
    model = keras.Model(image, keras.layers.Dense(3)(image))
    model.compile("adam", *open_set.loss_and_metric("sparse", True)[:1], metrics=[open_set.accuracy])
    points = np.random.default_rng(0).normal(0, 1, (6, 2)).astype(np.float32)
    classes = np.array([-1, 0, 1, 2, -1, 0])
    model.fit(points, classes, verbose=0)
    model.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras", custom_objects=open_set.custom_objects())
    np.testing.assert_allclose(model.evaluate(points, classes, verbose=0), loaded.evaluate(points, classes, verbose=0))


def judged(temperature: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits of a model with a background that is calibrated but for a factor; -1 for the background."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-1, 2, (20_000, 10))
    with_background = np.hstack([np.zeros((len(logits), 1)), logits])
    likely = np.exp(with_background)
    likely /= likely.sum(axis=1, keepdims=True)
    classes = (likely.cumsum(axis=1) < rng.random((len(logits), 1))).sum(axis=1) - 1
    return (temperature * logits).astype(np.float32), classes.astype(np.int64)


def source(classes: NDArray[np.int64], task: run_files.Task = "digits", **config: Any) -> TrainedRun:
    part = Evaluated(np.zeros((len(classes), 28, 28), np.uint8), classes)
    config = {"recipe_name": task, "recipe": {"task": task, "augmentation": {}}, "seed": 1, **config}
    return TrainedRun(Path("model.keras"), TASKS[task], config, tuple(DIGITS), 3, part.pictures[:5], part, part)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_card_holds_temperature_and_threshold_with_the_background(factor: float) -> None:
    logits, classes = judged(factor)
    row: Any = SimpleNamespace(name="fp32", logits=logits, validation=90.0, test=91.0)
    card = export_card.card("mine", "fp32", source(classes), row)
    assert card.reject["method"] == "background"
    assert card.temperature == pytest.approx(factor, rel=0.05)
    likely = np.exp(np.hstack([np.zeros((len(logits), 1)), logits]) / card.temperature)
    likely /= likely.sum(axis=1, keepdims=True)
    right = likely.argmax(axis=1) == classes + 1
    assert (likely.max(axis=1)[right] < card.reject["threshold"]).mean() == pytest.approx(0.002, abs=0.001)
    assert card.metrics == {"validation": {"fp32": 90.0}, "test": {"fp32": 91.0}}


def test_the_card_of_a_model_without_a_background_says_so() -> None:
    logits, classes = judged(1.0)
    digits = classes >= 0
    row: Any = SimpleNamespace(name="fp32", logits=logits[digits], validation=90.0, test=91.0)
    card = export_card.card("mine", "fp32", source(classes[digits]), row)
    assert card.reject["method"] == "confidence"
    assert card.temperature == confidence.temperature(logits[digits], classes[digits])


def test_the_card_of_a_finder_has_its_own_contract() -> None:
    card = export_card.card("mine", "int8", source(np.arange(10), "finder"))
    assert (card.output, card.normalize["name"]) == ("maps", "local-contrast")
    assert card.quantization["calibration"] == "composed scenes"
    assert card.reject["method"] == "confidence"


def test_the_card_says_what_a_network_was_started_from_and_how_long_it_was_trained() -> None:
    begun = source(np.arange(10), init="runs/finder-2/", init_sha256="ab" * 32, extra=["a/crops", "b/more"])
    train = export_card.card("mine", "fp32", begun).train
    assert (train["init"], train["init_sha256"], train["extra"]) == ("finder-2", "ab" * 32, ["crops", "more"])
    assert train["epochs"] == 3, "the recipe's may be more, where the run was stopped"
    fresh = export_card.card("mine", "fp32", source(np.arange(10))).train
    assert (fresh["init"], fresh["init_sha256"], fresh["extra"]) == ("", "", [])
