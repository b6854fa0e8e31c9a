"""Networks that start from trained ones: runs, Keras files, and the shipped ONNX files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Run
from drawing import digits
from numpy.typing import NDArray

pytest.importorskip("keras", reason="training needs the extra `train`")

from stopping import Stopping

from edge_digits.errors import ModelError
from edge_digits.inference.session import Finder, Model, find_model
from edge_digits_train import datasets, recipes
from edge_digits_train.networks import architectures, warm_start
from edge_digits_train.run import Config, RunFolder
from edge_digits_train.synthesis.scenes import Composer
from edge_digits_train.training import fit
from edge_digits_train.training.configure import configure
from edge_digits_train.training.scenes import make_scenes

pytestmark = pytest.mark.slow  # it trains networks

PICTURES = digits(300)[0]
#: A classifier of crops, in both precisions.
CROPS, CROPS_FP32 = (
    str(Path(__file__).parent / "golden" / f"crops.{precision}.onnx") for precision in ("int8", "fp32")
)


@pytest.fixture(scope="module")
def scenes() -> NDArray[np.uint8]:
    return make_scenes(Composer(*digits(60)), (0,), range(40)).planes


def correlation(a: object, b: object) -> float:
    return float(np.corrcoef(np.asarray(a).ravel(), np.asarray(b).ravel())[0, 1])


def test_a_network_started_from_the_shipped_float_file_says_what_that_says() -> None:
    model = architectures.build("stem5", 10, 0.1)
    assert warm_start.start_from(model, CROPS_FP32, PICTURES)
    logits = Model.load(CROPS_FP32).logits(PICTURES)
    assert np.abs(model.predict(PICTURES[..., None], verbose=0) - logits).max() < 1e-4


def test_a_network_started_from_an_int8_file_says_nearly_what_that_says() -> None:
    model = architectures.build("stem5", 10, 0.1)
    assert warm_start.start_from(model, Path(CROPS), PICTURES)
    assert correlation(model.predict(PICTURES[..., None], verbose=0), Model.load(CROPS).logits(PICTURES)) > 0.999


def test_a_finder_started_from_the_shipped_one_says_nearly_what_that_says(scenes: NDArray[np.uint8]) -> None:
    finder = architectures.build_finder(22)
    assert warm_start.start_from(finder, find_model("finder"), scenes)
    assert correlation(finder.predict(scenes[..., None], verbose=0), Finder.load().run(scenes)) > 0.999


def test_normalisations_start_with_the_mean_and_variance_that_batches_have() -> None:
    """With any others, the first steps of training would see another network than the file's."""
    model = architectures.build("stem5", 10, 0.0)
    warm_start.start_from(model, CROPS_FP32, PICTURES)
    at_rest, in_training = (np.asarray(model(PICTURES[..., None].astype(np.float32), training=on)) for on in (0, 1))
    assert correlation(at_rest, in_training) > 0.999


def test_other_classes_start_with_a_last_layer_of_their_own() -> None:
    source, model = architectures.build("stem5", 10, 0.0), architectures.build("stem5", 26, 0.0)
    fresh = model.layers[-1].get_weights()[0]
    assert warm_start.start_from(source, CROPS_FP32, PICTURES)
    assert not warm_start.start_from(model, CROPS_FP32, PICTURES)
    assert np.array_equal(model.layers[-1].get_weights()[0], fresh)
    firsts = [network.layers[2].get_weights()[0] for network in (source, model)]
    assert np.array_equal(*firsts)


def test_a_keras_file_is_taken_weight_by_weight(tmp_path: Path) -> None:
    source, model = architectures.build("stem5", 10, 0.1), architectures.build("stem5", 10, 0.1)
    source.save(tmp_path / "model.keras")
    for named in (tmp_path, tmp_path / "model.keras"):
        assert warm_start.start_from(model, named, PICTURES)
        assert all(np.array_equal(a, b) for a, b in zip(source.get_weights(), model.get_weights(), strict=True))


def no_classifier(folder: Path) -> Path:
    import keras

    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(folder / "regression.keras")
    return folder / "regression.keras"


def broken(folder: Path, name: str) -> Path:
    (folder / name).write_bytes(b"broken")
    return folder / name


def permuted(folder: Path) -> Path:
    """The shipped file without one activation: all weights fit, and it is another network."""
    model = onnx.load(Path(CROPS_FP32))
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Neg"
    onnx.save(model, folder / "other.onnx")
    return folder / "other.onnx"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "gone.keras", r"gone\.keras: no such file"),
        (lambda folder: folder / "gone.onnx", r"gone\.onnx: no such file"),
        (lambda folder: folder, r"model\.keras: no such file"),
        (lambda folder: broken(folder, "a.keras"), r"a\.keras: is no Keras model"),
        (lambda folder: broken(folder, "a.onnx"), r"a\.onnx: is no ONNX model"),
        (no_classifier, r"regression\.keras: cannot start a network 'stem5'"),
        (permuted, r"other\.onnx: cannot start a network 'stem5'.*gives other outputs"),
        (lambda folder: find_model("finder"), "finder.* is a finder of digits in pages"),
    ],
)
def test_what_cannot_be_started_from_is_named(tmp_path: Path, make: Callable[[Path], str | Path], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        warm_start.start_from(architectures.build("stem5", 10, 0.0), make(tmp_path), PICTURES)


def test_a_run_that_starts_from_the_shipped_model_begins_where_that_ends(tmp_path: Path) -> None:
    x_train, y_train = digits(200)
    np.savez(tmp_path / "digits.npz", x_train=x_train, y_train=y_train)
    data = datasets.load(str(tmp_path / "digits.npz"))
    accuracies = []
    for init in ("", CROPS_FP32):
        recipe = replace(recipes.recipe("plain"), epochs=1, learning_rate=1e-5, validation=0.3)
        config = configure(Config("plain", recipe, "digits.npz", None, 0, init), data)
        folder = RunFolder(tmp_path / f"run {init}")
        folder.create(force=False)
        folder.write_config(config)
        best = fit.fit(config, data, folder, Stopping(None)).best
        assert best is not None
        accuracies.append(best.metrics["val_accuracy"])
    assert accuracies[0] < 0.5
    assert accuracies[1] > 0.9
    written = json.loads((folder.path / "config.json").read_text())
    assert written["init"] == CROPS_FP32
    assert written["init_sha256"] == hashlib.sha256(Path(CROPS_FP32).read_bytes()).hexdigest()


def test_a_bad_start_is_told_before_there_is_a_run_folder(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", x_train=PICTURES[:60], y_train=digits(300)[1][:60])
    ended = run("train", "--data", "digits.npz", "--init", "gone.onnx", "-o", "out")
    assert (ended.code, ended.out) == (4, "")
    assert "gone.onnx: no such file" in ended.err
    assert not (tmp_path / "out").exists()
