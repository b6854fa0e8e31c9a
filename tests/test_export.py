"""`edge-digits export`: a run becomes one ONNX or LiteRT file that reads as its source does."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow", reason="export needs the extra `train`")

from bars import bars
from conftest import COMMAND, invoke

from edge_digits.errors import OutputError, SourceError, UsageError
from edge_digits.inference.session import Model
from edge_digits_export import confidence, litert, trained, verify
from edge_digits_export.convert import ExportError, load_keras

pytestmark = pytest.mark.slow  # it trains networks


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("export")
    pictures, classes = bars(1000)
    np.savez(folder / "bars.npz", x_train=pictures, y_train=classes)
    done = invoke(
        "train", "--data", folder / "bars.npz", "-o", folder / "run", "--recipe", "plain", "--epochs", 12,
        "--batch", 32, "-q",
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture(scope="module")
def int8(run: Path) -> tuple[Path, str]:
    """The exported int8 file, and what the export printed, as a process of its own."""
    path = run.parent / "bars.int8.onnx"
    command = [*COMMAND, "export", str(run), "-o", str(path), "--max-drop", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return path, done.stdout


def test_an_export_prints_how_it_compares(int8: tuple[Path, str]) -> None:
    path, printed = int8
    lines = printed.splitlines()
    assert lines[0].split() == ["validation", "test", "max", "|diff|", "same", "label", "bytes"]
    assert [line.split()[0] for line in lines[1:4]] == ["keras", "fp32", "int8"]
    assert f"{path.stat().st_size:,} bytes" in lines[4]


def test_the_float_file_gives_the_logits_of_its_source(run: Path, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "bars.onnx"
    assert invoke("export", run, "-o", path, "--quantize", "none").code == 0
    pictures = np.load(run / "pictures.npz")["validation"]
    source = np.asarray(keras.saving.load_model(run / "model.keras").predict(pictures[..., None], verbose=0))
    assert np.abs(Model.load(path).logits(pictures) - source).max() < 1e-3


def test_the_graph_holds_no_shape_arithmetic_and_takes_pixels_as_they_are(int8: tuple[Path, str]) -> None:
    import onnx

    model = onnx.load(int8[0])
    kinds = [node.op_type for node in model.graph.node]
    assert not {"Shape", "Gather", "Slice", "Concat", "Cast", "Mul", "ConvInteger", "DynamicQuantizeLinear"} & set(
        kinds
    )
    assert model.ir_version <= 10
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    weights = next(node for node in model.graph.node if node.output[0] == first.input[1])
    scales = next(tensor for tensor in model.graph.initializer if tensor.name == weights.input[1])
    assert list(scales.dims) == [32], "one scale a channel"
    used = {name for node in model.graph.node for name in node.input} | {port.name for port in model.graph.output}
    assert all(used & set(node.output) for node in model.graph.node), "what nothing needs is computed all the same"
    assert kinds[-1] == "Gemm", "logits are not rounded to 8 bits"


def test_the_card_tells_how_the_file_came_about(int8: tuple[Path, str], run: Path) -> None:
    card = Model.load(int8[0]).card
    config = json.loads((run / "config.json").read_text())
    assert card.name == "bars"
    assert card.train["data_sha256"] == config["data_sha256"]
    assert card.quantization["precision"] == "int8"
    assert card.quantization["calibration"] == "training pictures", "the recipe does not augment"
    assert card.quantization["count"] == len(np.load(run / "pictures.npz")["calibration"])
    assert set(card.metrics["test"]) == {"fp32", "int8"}
    assert 0.1 < card.temperature < 10


@pytest.fixture
def spoilt(run: Path, tmp_path: Path) -> Path:
    """A run in which the last layer's weights are made to span what 8 bits cannot, so that int8 must lose."""
    import keras

    shutil.copytree(run, tmp_path / "run")
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    weights, bias = model.get_layer("logits").get_weights()
    # A common offset changes no label in float, and swamps the differences in int8.
    weights += 3e3
    model.get_layer("logits").set_weights([weights, bias])
    model.save(tmp_path / "run" / "model.keras")
    return tmp_path / "run"


def test_a_drop_over_the_limit_writes_nothing(spoilt: Path, tmp_path: Path) -> None:
    done = invoke("export", spoilt, "-o", tmp_path / "spoilt.onnx")
    assert done.code == ExportError.exit_code, done.out
    assert "--max-drop" in done.err
    assert not (tmp_path / "spoilt.onnx").exists()


def test_what_a_conversion_loses_against_keras_counts_without_quantization_too(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ONNX file in float was compared with itself."""
    judge = verify.verify_source

    def better(*args: Any) -> tuple[verify.Verification, NDArray[np.float32]]:
        row, logits = judge(*args)
        return replace(row, validation=row.validation + 5.0), logits

    monkeypatch.setattr(verify, "verify_source", better)
    done = invoke("export", run, "-o", tmp_path / "worse.onnx", "--quantize", "none")
    assert (done.code, "loses 5.00 points" in done.err) == (ExportError.exit_code, True)
    assert "--quantize none" not in done.err
    assert not (tmp_path / "worse.onnx").exists()


def test_a_file_is_not_written_over_without_force(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_text("mine")
    done = invoke("export", run, "-o", path)
    assert done.code == OutputError.exit_code
    assert "--force" in done.err
    assert path.read_text() == "mine"


# --- LiteRT ---


@pytest.fixture(scope="module", params=["int8", "none"])
def tflite(request: pytest.FixtureRequest, run: Path) -> tuple[str, bytes, str]:
    """The precision, the exported file, and what the export printed."""
    path = run.parent / f"bars.{request.param}.tflite"
    done = invoke("export", run, "--format", "litert", "-o", path, "--quantize", request.param, "--max-drop", "3")
    assert done.code == 0, done.err
    return request.param, path.read_bytes(), done.out


def card_of(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        card: dict[str, Any] = json.loads(archive.read("card.json"))
    return card


def test_a_litert_file_is_judged_beside_the_onnx_file(tflite: tuple[str, bytes, str]) -> None:
    precision, content, printed = tflite
    lines = printed.splitlines()
    rows = [line.split()[0] for line in lines[1:-1]]
    assert rows == ["keras", "fp32", *(["int8"] if precision == "int8" else []), "litert"]
    assert f"{len(content):,} bytes" in lines[-1]
    same = re.search(r"([\d.]+) % of its answers are those of the ONNX file", lines[-1])
    assert same is not None
    assert float(same[1]) >= (100 if precision == "none" else 95)


def test_a_litert_file_takes_pixels_and_gives_the_logits_of_its_source(
    tflite: tuple[str, bytes, str], run: Path
) -> None:
    import keras

    precision, content, _ = tflite
    pictures = np.load(run / "pictures.npz")["validation"]
    source = np.asarray(keras.saving.load_model(run / "model.keras").predict(pictures[..., None], verbose=0))
    given = litert.Interpreter(content).run(pictures)
    assert given.shape == source.shape
    assert given.dtype == np.float32
    if precision == "none":
        np.testing.assert_allclose(given, source, atol=1e-3)
    else:
        assert np.corrcoef(given.ravel(), source.ravel())[0, 1] > 0.99
        assert not np.array_equal(given, source)


def test_an_int8_litert_file_is_smaller_and_has_a_scale_for_each_channel(run: Path, int8: tuple[Path, str]) -> None:
    import keras
    import tensorflow as tf

    calibration = np.load(run / "pictures.npz")["calibration"]
    model = keras.saving.load_model(run / "model.keras")
    small, large = litert.to_litert(model, calibration), litert.to_litert(model, None)
    assert len(small) < 0.45 * len(large)
    with litert._quietly():
        interpreter = tf.lite.Interpreter(model_content=small)
    filters = [
        len(details["quantization_parameters"]["scales"])
        for details in interpreter.get_tensor_details()
        if details["dtype"] == np.int8 and len(details["shape"]) == 4
    ]
    assert 32 in filters


def test_the_card_of_a_litert_file_lies_in_it(tflite: tuple[str, bytes, str], run: Path) -> None:
    precision, content, _ = tflite
    card, config = card_of(content), json.loads((run / "config.json").read_text())
    assert (card["name"], card["labels"]) == ("bars", config["labels"])
    assert card["normalize"]["name"]
    assert 0.1 < card["temperature"] < 10
    if precision == "int8":
        assert card["quantization"]["method"] == litert.METHOD
        assert set(card["metrics"]["test"]) == {"fp32", "int8"}
    else:
        assert card["quantization"] == {"precision": "fp32"}
        assert set(card["metrics"]["test"]) == {"fp32"}


def test_a_litert_file_that_loses_too_much_is_not_written(spoilt: Path, tmp_path: Path) -> None:
    done = invoke("export", spoilt, "--format", "litert", "-o", tmp_path / "spoilt.tflite")
    assert done.code == ExportError.exit_code, done.out
    assert "litert loses" in done.err
    assert not (tmp_path / "spoilt.tflite").exists()


@pytest.mark.parametrize(("kind", "name"), [("litert", "a.onnx"), ("onnx", "a.tflite")])
def test_a_name_of_the_other_format_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    done = invoke("export", tmp_path, "--format", kind, "-o", tmp_path / name)
    assert done.code == UsageError.exit_code
    assert f"{name}: files of --format litert end in .tflite" in done.err


@pytest.mark.parametrize(
    "content",
    [{}]
    + [
        {"config.json": config}
        for config in ("{", '{"labels": ["a", "b"]}', '{"labels": ["a", "b"], "recipe": {"task": "digits"}}')
    ],
)
def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    done = invoke("export", tmp_path, "-o", tmp_path / "x.onnx")
    assert done.code == SourceError.exit_code
    assert "edge-digits train" in done.err


def test_an_ended_run_without_its_pictures_is_not_told_to_resume(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"labels": ["a", "b"], "recipe": {"task": "digits"}}')
    (tmp_path / "results.json").write_text("{}")
    (tmp_path / "pictures.npz").write_bytes(b"PK\x03\x04broken")
    with pytest.raises(SourceError, match=r"pictures\.npz: is missing or broken.*--force"):
        trained.load(tmp_path)


def test_a_broken_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "no model")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"model\.keras: is no Keras model.*edge-digits train"):
            load_keras(path)
        path.unlink(missing_ok=True)


def test_a_network_of_another_kind_than_its_run_is_named(run: Path, tmp_path: Path) -> None:
    import keras

    shutil.copytree(run, tmp_path / "run")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "run" / "model.keras")
    done = invoke("export", tmp_path / "run", "-o", tmp_path / "a.onnx")
    assert done.code == SourceError.exit_code
    assert "model.keras: takes (None, 3) and gives (None, 2)" in done.err


def test_a_network_that_knows_what_is_no_digit_says_so_in_its_card(tmp_path: Path) -> None:
    import keras

    from edge_digits_train import datasets, recipes
    from edge_digits_train.run import Config, RunFolder
    from edge_digits_train.synthesis import augment
    from edge_digits_train.training import fit
    from edge_digits_train.training.configure import configure

    pictures, classes = bars(200)
    np.savez(tmp_path / "bars.npz", x_train=pictures, y_train=classes)
    data = datasets.load(str(tmp_path / "bars.npz"))
    recipe = replace(recipes.recipe("plain"), epochs=1, background=0.5, augmentation=augment.Augmentation())
    folder = RunFolder(tmp_path / "run")
    config = configure(Config("plain", recipe, str(tmp_path / "bars.npz"), None, 0), data)
    folder.create(force=False)
    folder.write_config(config)
    fit.fit(config, data, folder, Silent())
    source = trained.load(folder.path)
    assert source.background
    assert (source.validation.truth == -1).sum() > 0
    done = invoke("export", folder.path, "-o", tmp_path / "b.onnx", "--quantize", "none", "--max-drop", 100)
    assert done.code == 0, done.err
    model = Model.load(tmp_path / "b.onnx")
    assert model.card.reject["method"] == "background"
    seen = source.validation.pictures
    logits = np.asarray(keras.saving.load_model(folder.model, compile=False).predict(seen[..., None], verbose=0))
    parts = np.exp(np.hstack([np.zeros((len(logits), 1)), logits.astype(np.float64)]) / model.card.temperature)
    np.testing.assert_allclose(model.probabilities(seen), parts[:, 1:] / parts.sum(axis=1, keepdims=True), atol=1e-4)
    labels = np.where(logits.max(axis=1) < 0, -1, logits.argmax(axis=1))
    accuracy = 100 * (labels == source.validation.truth).mean()
    assert model.card.metrics["validation"]["fp32"] == pytest.approx(accuracy, abs=0.01)


class Silent:
    """A progress that tells nothing."""

    def step(self, *arguments: object) -> None:
        pass

    def epoch(self, *arguments: object) -> None:
        pass


def overconfident(factor: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits of a model that is calibrated but for a factor: labels are drawn from its own probabilities."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 10))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    classes = (probabilities.cumsum(axis=1) < rng.random((len(logits), 1))).sum(axis=1)
    return (factor * logits).astype(np.float32), classes.astype(np.int64)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_overconfidence(factor: float) -> None:
    assert confidence.temperature(*overconfident(factor)) == pytest.approx(factor, rel=0.05)


def test_the_threshold_refuses_few_right_answers() -> None:
    logits, classes = overconfident(1.0)
    limit = confidence.threshold(logits, classes, 1.0)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = probabilities.argmax(axis=1) == classes
    assert (probabilities.max(axis=1)[right] < limit).mean() == pytest.approx(0.002, abs=0.001)


def test_a_network_of_other_operators_is_refused_by_their_names() -> None:
    import keras

    from edge_digits_export.convert import to_onnx

    layers = [keras.Input((28, 28, 1)), keras.layers.Reshape((784,)), keras.layers.Dense(10, activation=keras.ops.sin)]
    with pytest.raises(ExportError, match="uses Sin, which the runner does not run"):
        to_onnx(keras.Sequential(layers))
