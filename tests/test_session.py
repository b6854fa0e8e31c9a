"""Model files: those of the contract load and compute, all others are refused with what is wrong and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import Run
from drawing import STROKES, crop
from onnx import TensorProto, helper, numpy_helper

from edge_digits import Model, ModelCard, ModelError
from edge_digits.inference.card import FINDER_NORMALIZE
from edge_digits.inference.heatmap import REGRESSION_CHANNELS, depth_to_space
from edge_digits.inference.session import Finder, find_model
from edge_digits.inference.shipped import names
from edge_digits.normalize import normalize_window
from edge_digits.results import CHARACTERS

DIGITS = tuple("0123456789")
IMAGE = ("image", TensorProto.UINT8, ["N", 28, 28])


def tiny_model(
    card: ModelCard | None = ModelCard("tiny", DIGITS),  # noqa: B008  # it is frozen
    port: tuple[str, int, list[Any]] = IMAGE,
    classes: int = 10,
    output: str = "logits",
    batch: str | int = "N",
    shift: float = 0.0,
) -> onnx.ModelProto:
    """A classifier that looks at its picture's first `classes` pixels: class k's logit is pixel k, plus `shift`."""
    name, dtype, shape = port
    pixels = int(np.prod(shape[1:]))
    weights = np.eye(pixels, classes, dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [name], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["floats"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "shift"], [output]),
        ],
        "tiny",
        [helper.make_tensor_value_info(name, dtype, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, classes])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.full(classes, shift, np.float32), "shift"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if card is not None:
        helper.set_model_props(model, card.to_metadata())
    return model


def save(path: Path, model: onnx.ModelProto) -> None:
    path.write_bytes(model.SerializeToString())


def save_with_external_data(path: Path) -> None:
    onnx.save_model(tiny_model(), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)


def save_of_a_later_opset(path: Path) -> None:
    model = tiny_model()
    model.opset_import[0].version = 999
    save(path, model)


# How to make the file, and what the message says of it.
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "no such file"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "empty": (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
    "text": (lambda path: path.write_text("not a model\n"), "no ONNX model"),
    "cut short": (
        lambda path: path.write_bytes(tiny_model().SerializeToString()[:-9000]),
        "no ONNX model, or a broken one",
    ),
    "foreign": (lambda path: save(path, tiny_model(card=None)), "no model card"),
    "external data": (save_with_external_data, "keeps its weights in another file"),
    "later opset": (save_of_a_later_opset, "pip install -U onnxruntime"),
    "colour input": (lambda path: save(path, tiny_model(port=("image", TensorProto.UINT8, ["N", 28, 28, 3]))), "input"),
    "large input": (lambda path: save(path, tiny_model(port=("image", TensorProto.UINT8, ["N", 32, 32]))), "input"),
    "float input": (lambda path: save(path, tiny_model(port=("image", TensorProto.FLOAT, ["N", 28, 28]))), "input"),
    "input of another name": (
        lambda path: save(path, tiny_model(port=("x", TensorProto.UINT8, ["N", 28, 28]))),
        "input",
    ),
    "one picture at a time": (
        lambda path: save(path, tiny_model(port=("image", TensorProto.UINT8, [1, 28, 28]), batch=1)),
        "input",
    ),
    "fewer classes than labels": (lambda path: save(path, tiny_model(classes=9)), "output"),
    "output of another name": (lambda path: save(path, tiny_model(output="y")), "output"),
}


@pytest.fixture(scope="module", params=[name for name in names() if not name.startswith("finder")])
def shipped(request: pytest.FixtureRequest) -> Model:
    return Model.load(request.param)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The ten digits as a model sees them."""
    return np.stack([normalize_window(crop(digit)) for digit in STROKES])


def test_the_first_name_is_the_quantized_base_model() -> None:
    assert find_model("base") == find_model("base.int8") == find_model("digits") == find_model("digits.int8")
    assert Model.load().path == Model.load("base.int8").path


def test_a_shipped_model_reads_the_ten_digits(shipped: Model, pictures: np.ndarray[Any, Any]) -> None:
    assert (shipped.card.labels, shipped.texts) == (CHARACTERS, DIGITS)
    best = shipped.probabilities(pictures).argmax(axis=1)
    assert "".join(shipped.card.labels[i] for i in best) == "".join(STROKES)


def test_a_batch_gives_what_its_pictures_give_one_by_one(shipped: Model, pictures: np.ndarray[Any, Any]) -> None:
    one_by_one = np.concatenate([shipped.probabilities(pictures[i : i + 1]) for i in range(len(pictures))])
    np.testing.assert_allclose(shipped.probabilities(pictures), one_by_one, atol=1e-5)


def test_no_pictures_give_no_rows(shipped: Model) -> None:
    nothing = np.zeros((0, 28, 28), np.uint8)
    assert shipped.logits(nothing).shape == shipped.probabilities(nothing).shape == (0, 22)


def test_probabilities_are_shares_of_one_with_the_background_where_there_is_one(shipped: Model) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    probabilities = shipped.probabilities(noise)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    if shipped.card.reject["method"] == "background":
        assert (probabilities.sum(axis=1) < 1).all()
    else:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_a_model_with_a_background_weighs_its_classes_against_a_logit_of_0(tmp_path: Path, temperature: float) -> None:
    reject = {"method": "background", "threshold": 0.5}
    save(tmp_path / "b.onnx", tiny_model(ModelCard("tiny", DIGITS, temperature=temperature, reject=reject), shift=-3))
    model = Model.load(tmp_path / "b.onnx")
    pictures = np.random.default_rng(0).integers(0, 7, (30, 28, 28), np.uint8)
    pictures[0] = 0
    pictures[1] = 255
    logits = pictures[:, 0, :10].astype(np.float64) - 3
    with_background = np.exp(np.hstack([np.zeros((30, 1)), logits]) / temperature)
    expected = with_background[:, 1:] / with_background.sum(axis=1, keepdims=True)
    given = model.probabilities(pictures)
    np.testing.assert_allclose(given, expected, atol=1e-5)
    assert given[0].sum() < 1, "no class is likely"
    assert np.isfinite(given).all()


def test_probabilities_without_a_background_are_shares_of_one(tmp_path: Path) -> None:
    save(tmp_path / "c.onnx", tiny_model())
    pictures = np.random.default_rng(0).integers(0, 7, (30, 28, 28), np.uint8)
    np.testing.assert_allclose(Model.load(tmp_path / "c.onnx").probabilities(pictures).sum(axis=1), 1, atol=1e-5)


def test_more_threads_change_nothing(pictures: np.ndarray[Any, Any]) -> None:
    one, two = (Model.load(threads=threads).logits(pictures) for threads in (1, 2))
    np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("name", ["mine.onnx", "a model without an ending"])
def test_a_model_is_loaded_by_its_path(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, tiny_model())
    assert Model.load(tmp_path / name).card.name == "tiny"
    assert Model.load(str(tmp_path / name)).path == str(tmp_path / name)


def test_a_shipped_model_works_from_anywhere(tmp_path: Path) -> None:
    shutil.copy(str(resources.files("edge_digits.models") / "base.int8.onnx"), tmp_path / "copy.onnx")
    assert Model.load(tmp_path / "copy.onnx").card == Model.load("base").card


def test_the_temperature_of_the_card_softens_the_probabilities(tmp_path: Path) -> None:
    picture = np.zeros((1, 28, 28), np.uint8)
    picture[0, 0, 3] = 4  # the logits are 0, 0, 0, 4, 0, ...
    for temperature, share in ((1.0, np.exp(4) / (np.exp(4) + 9)), (2.0, np.exp(2) / (np.exp(2) + 9))):
        save(tmp_path / "t.onnx", tiny_model(ModelCard("tiny", DIGITS, temperature=temperature)))
        assert Model.load(tmp_path / "t.onnx").probabilities(picture)[0, 3] == pytest.approx(share, rel=1e-5)


def test_strong_logits_do_not_overflow(tmp_path: Path) -> None:
    save(tmp_path / "t.onnx", tiny_model(ModelCard("tiny", DIGITS, temperature=0.01)))
    picture = np.full((1, 28, 28), 255, np.uint8)
    np.testing.assert_allclose(Model.load(tmp_path / "t.onnx").probabilities(picture), 0.1, atol=1e-6)


def test_scores_are_taken_as_they_are(tmp_path: Path) -> None:
    save(tmp_path / "s.onnx", tiny_model(ModelCard("tiny", DIGITS, output="scores")))
    picture = np.zeros((1, 28, 28), np.uint8)
    picture[0, 0, 3] = 1
    assert Model.load(tmp_path / "s.onnx").probabilities(picture).tolist() == [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_model_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, kind: str) -> None:
    make, reason = BROKEN[kind]
    path = tmp_path / "x.onnx"
    make(path)
    with pytest.raises(ModelError, match=reason) as refused:
        Model.load(path)
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize("kind", BROKEN)
def test_the_command_line_ends_with_4_where_the_model_cannot_be_used(
    run: Run, good: Path, tmp_path: Path, kind: str
) -> None:
    make, _ = BROKEN[kind]
    make(tmp_path / "x.onnx")
    ended = run("predict", good.name, "--model", "x.onnx")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("edge-digits: x.onnx")
    assert ended.err.count("\n") == 1, "one line says it all"


@pytest.mark.parametrize("name", ["letters", "digits.int4", "../models/digits", "", "."])
def test_a_name_that_is_not_shipped_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(ModelError, match=r"base\.fp32, base\.int8"):
        Model.load(name)


def test_a_link_that_leads_to_itself_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").symlink_to("x.onnx")
    with pytest.raises(ModelError, match=r"x\.onnx"):
        Model.load(tmp_path / "x.onnx")


def tiny_finder(classes: int = 10, output: str = "maps") -> onnx.ModelProto:
    """A finder whose numbers are all the mean of its 8x8 pixels."""
    values = 4 * (classes + REGRESSION_CHANNELS)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["floats", "one"], ["planes"]),
            helper.make_node("Conv", ["planes", "mean"], ["means"], strides=[8, 8]),
            helper.make_node("Transpose", ["means"], [output], perm=[0, 2, 3, 1]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", "h", "w", values])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "one"),
            numpy_helper.from_array(np.full((values, 1, 8, 8), 1 / 64, np.float32), "mean"),
        ],
    )
    card = ModelCard("tiny finder", DIGITS, output="maps", normalize=dict(FINDER_NORMALIZE))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, card.to_metadata())
    return model


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 64, 200), (3, 80, 160)], ids=str)
def test_a_finder_takes_pictures_of_any_size_in_steps_of_8(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    save(tmp_path / "f.onnx", tiny_finder())
    finder = Finder.load(tmp_path / "f.onnx")
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    count, height, width = shape
    means = pictures.reshape(count, height // 8, 8, width // 8, 8).mean(axis=(2, 4))
    expected = depth_to_space(np.repeat(means[..., None], 4 * (10 + REGRESSION_CHANNELS), axis=3).astype(np.float32))
    given = finder.maps(pictures)
    assert given.shape == (count, height // 4, width // 4, 10 + REGRESSION_CHANNELS)
    np.testing.assert_allclose(given, expected, rtol=1e-5)


def test_the_shipped_finder_knows_the_ten_digits_and_signs() -> None:
    finder = Finder.load()
    assert (finder.card.name, finder.card.labels, finder.card.output) == ("finder", CHARACTERS, "maps")
    assert Path(finder.path).stat().st_size <= 1_000_000
    blank = finder.maps(np.zeros((1, 64, 96), np.uint8))
    assert blank.shape == (1, 16, 24, 22 + REGRESSION_CHANNELS)
    assert (blank[..., :22] < 0).all(), "there is nothing on a blank page"


def test_a_finder_is_no_classifier_and_a_classifier_no_finder(tmp_path: Path) -> None:
    save(tmp_path / "f.onnx", tiny_finder())
    save(tmp_path / "c.onnx", tiny_model())
    with pytest.raises(ModelError, match=r"f\.onnx: is a finder of digits in pages, and a reader of single digits"):
        Model.load(tmp_path / "f.onnx")
    with pytest.raises(ModelError, match=r"c\.onnx: is a reader of single digits, and a finder of digits in pages"):
        Finder.load(tmp_path / "c.onnx")


def test_a_finder_given_as_the_model_ends_with_4_in_one_line(run: Run, good: Path) -> None:
    ended = run("predict", good.name, "-m", "finder")
    assert (ended.code, ended.out, ended.err.count("\n")) == (4, "", 1)
    assert "finder.int8.onnx: is a finder of digits in pages" in ended.err


@pytest.mark.parametrize("broken", [tiny_finder(classes=9), tiny_finder(output="y")], ids=["classes", "output"])
def test_a_finder_of_another_output_is_refused(tmp_path: Path, broken: onnx.ModelProto) -> None:
    save(tmp_path / "f.onnx", broken)
    with pytest.raises(ModelError, match=r"its output is .*, not maps: float \[N, any, any, 56\]"):
        Finder.load(tmp_path / "f.onnx")
