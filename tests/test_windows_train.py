"""Training of readers of windows: what their pictures are of, and a small run from scenes to a model file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import invoke
from drawing import Gray, blank, crop, digits, page, write
from numpy.typing import NDArray

pytest.importorskip("keras", reason="training needs the extra `train`")

from stopping import Stopping

from edge_digits import DigitReader
from edge_digits.errors import ModelError, UsageError
from edge_digits.imaging.contrast import ink_box, local_contrast
from edge_digits.inference.session import Model
from edge_digits.inference.softmax import softmax
from edge_digits.normalize import window
from edge_digits_train import datasets, recipes
from edge_digits_train.datasets.data import BACKGROUND, Split, Trace
from edge_digits_train.run import Config, RunFolder
from edge_digits_train.synthesis import raster
from edge_digits_train.synthesis.augment import Augmentation
from edge_digits_train.synthesis.scenes import IGNORED, LABELS, Composer, Scene
from edge_digits_train.training import crops, fit, windows
from edge_digits_train.training.bent import bend
from edge_digits_train.training.configure import configure
from edge_digits_train.training.teacher import Teacher

PICTURES, CLASSES = digits(40)
COMPOSER = Composer(PICTURES, CLASSES)
SCENES, CROPS = crops.make_windows(COMPOSER, Split(PICTURES, CLASSES), Augmentation(), (1,), 600)


@pytest.mark.parametrize("side", [40, 90])
def test_the_ink_box_of_a_crop_is_that_of_its_digit(side: int) -> None:
    x1, y1, x2, y2 = ink_box(local_contrast(crop("5", side)))
    assert (y2 - y1) / side == pytest.approx(0.66, abs=0.1)
    assert ((x1 + x2) / (2 * side), (y1 + y2) / (2 * side)) == pytest.approx((0.5, 0.5), abs=0.06)
    assert ink_box(local_contrast(np.asarray(cv2.bitwise_not(crop("5", side)), np.uint8)))[3] - y1 <= y2 - y1 + 2


def test_all_of_a_bare_crop_is_its_box() -> None:
    assert ink_box(np.zeros((30, 50), np.uint8)) == (0, 0, 50, 30)


def test_windows_are_of_digits_signs_and_as_much_background_and_crops() -> None:
    classes = SCENES.classes
    assert (len(SCENES), len(CROPS)) == (300, 300)
    assert SCENES.pictures.shape == (300, 28, 28)
    shares = [float(np.mean(part)) for part in ((classes >= 0) & (classes < 10), classes >= 10, classes == BACKGROUND)]
    assert shares == pytest.approx([0.43, 0.08, 0.49], abs=0.1)
    assert set(CROPS.classes.tolist()) == {BACKGROUND, *range(10)}
    assert (CROPS.classes == BACKGROUND).mean() == pytest.approx(0.35, abs=0.1)


def test_the_same_seed_makes_the_same_windows() -> None:
    again, crops_again = crops.make_windows(COMPOSER, Split(PICTURES, CLASSES), Augmentation(), (1,), 600)
    np.testing.assert_array_equal(again.pictures, SCENES.pictures)
    np.testing.assert_array_equal(crops_again.pictures, CROPS.pictures)
    other, _ = crops.make_windows(COMPOSER, Split(PICTURES, CLASSES), Augmentation(), (2,), 600)
    assert not np.array_equal(other.pictures, again.pictures)


def scene() -> tuple[Gray, Scene]:
    """A 4 among others that are not noted, its local contrast, and its box."""
    paper = blank(80, 160)
    for place, digit in enumerate("748"):
        write(paper, digit, 30 + 40 * place, 25, 30)
    box = np.array([[70, 25, 88, 55]], np.float32)
    return local_contrast(paper), Scene(paper, box, np.array([4], np.int64))


def boxes() -> Iterator[tuple[tuple[float, ...], int]]:
    plane, made = scene()
    for seed in range(60):
        yield from crops._boxes(plane, made, np.random.default_rng(seed), None)


def test_boxes_of_digits_are_off_by_what_a_finder_is() -> None:
    found = np.array([box for box, label in boxes() if label == 4])
    assert len(found) == 60
    heights, middles = found[:, 3] - found[:, 1], (found[:, 0] + found[:, 2]) / 2
    assert heights.mean() == pytest.approx(30, abs=1)
    assert heights.std() == pytest.approx(0.07 * 30, rel=0.4)
    assert middles.std() == pytest.approx(0.04 * 18, rel=0.4)


def test_background_holds_no_digit_and_stands_at_ink() -> None:
    """Else a reader would be told that a digit is none."""
    found = [box for box, label in boxes() if label == BACKGROUND]
    assert len(found) > 40
    plane, _ = scene()
    for x1, y1, x2, y2 in found:
        assert not (x1 <= 79 <= x2 and y1 <= 40 <= y2)
        shared = max(0, min(x2, 88) - max(x1, 70)) * max(0, min(y2, 55) - max(y1, 25))
        assert shared < 0.2 * ((x2 - x1) * (y2 - y1) + 18 * 30 - shared)
        assert window(plane, (x1, y1, x2, y2)).max() > 60


def test_what_is_found_of_a_part_of_a_character_is_background() -> None:
    """The stem of a four is no one; the four itself, slim or wide, and what may be found or not, are left alone."""
    plane, made = scene()
    stem, slim, wide, above = (80, 24, 87, 56), (72, 25, 85, 55), (64, 22, 92, 58), (70, 2, 88, 14)
    finds = np.array([stem, slim, wide, above], np.float32)

    def background(of: Scene) -> set[tuple[float, ...]]:
        found = crops._boxes(plane, of, np.random.default_rng(0), lambda _: finds)
        return {box for box, label in found if label == BACKGROUND}

    assert background(made) == {stem, above}
    assert background(Scene(made.gray, made.boxes, np.array([IGNORED], np.int64))) == {above}


def test_traces_are_drawn_behind_the_digits() -> None:
    one = (np.array([[0, 0], [2, 40]], np.float32),)
    traces = [Trace("1", one, "a"), Trace("x", one, "a")]
    joined = windows.with_traces(Split(PICTURES, CLASSES), traces, 0)
    assert (len(joined), joined.classes[-1]) == (41, 1)
    _, _, width, height = cv2.boundingRect((joined.pictures[-1] > 100).astype(np.uint8))
    assert 18 <= height <= 22 > 3 * width


def test_a_stroke_of_one_point_is_a_dot() -> None:
    for strokes in ([np.zeros((1, 2))], [np.zeros((1, 2)), np.full((1, 2), 9.0)]):
        drawn = raster.draw(strokes, 3.0)
        assert drawn.max() > 128
        assert cv2.connectedComponents((drawn > 60).astype(np.uint8))[0] == 1 + len(strokes)


# --- runs ---


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("windows") / "digits.npz"
    (x_train, y_train), (x_test, y_test) = digits(200), digits(40, seed=1)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_VALIDATION", 200)
        patch.setattr(windows, "_CALIBRATION", 100)
        folder, loaded = RunFolder(tmp_path_factory.mktemp("trained") / "run"), datasets.load(str(data))
        recipe = replace(recipes.recipe("reader"), windows=600, epochs=2)
        config = configure(Config("reader", recipe, str(data), None, 5), loaded)
        folder.create(force=False)
        folder.write_config(config)
        fit.fit(config, loaded, folder, Stopping(None))
    return folder.path


@pytest.mark.slow
def test_a_readers_run_leaves_what_a_run_leaves(trained: Path) -> None:
    with (trained / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[3:7] == ["val_loss", "val_accuracy", "crop_accuracy", "background_accuracy"]
    results = json.loads((trained / "results.json").read_text())
    assert 0 <= results["test_accuracy"] <= 1
    with np.load(trained / "pictures.npz") as kept:
        assert kept["validation"].shape == (200, 28, 28)
        kinds = set(kept["validation_classes"].tolist())
        assert BACKGROUND in kinds
        assert len(kinds & set(range(10))) > 5
        assert set(kept["test_classes"].tolist()) <= set(range(len(LABELS)))
        assert kept["calibration"].shape == (100, 28, 28)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["int8", "none"])
def test_an_exported_reader_says_what_it_sees_and_gives_the_logits_of_its_source(
    trained: Path, tmp_path: Path, precision: str
) -> None:
    import keras

    path = tmp_path / "mine.onnx"
    ended = invoke("export", trained, "-o", path, "--quantize", precision, "--max-drop", "100")
    assert ended.code == 0, ended.err
    model = Model.load(path)
    assert model.card.normalize == {"name": "window", "version": 2, "side": 28, "box": 20}
    assert (model.card.labels, model.card.reject["method"]) == (tuple(LABELS), "background")
    source = keras.saving.load_model(trained / "model.keras", compile=False)
    expected = np.asarray(source(SCENES.pictures[:100, ..., None].astype(np.float32)))
    given = model.logits(SCENES.pictures[:100])
    assert given.shape == (100, 22)
    if precision == "none":
        np.testing.assert_allclose(given, expected, atol=1e-3)
    else:
        assert np.corrcoef(given.ravel(), expected.ravel())[0, 1] > 0.97
    assert DigitReader.load(path).read(crop("5", 64)).width == 64


@pytest.mark.slow
def test_a_reader_of_windows_becomes_a_litert_file(trained: Path, tmp_path: Path) -> None:
    import keras

    from edge_digits_export import litert

    path = tmp_path / "mine.tflite"
    ended = invoke("export", trained, "--format", "litert", "-o", path, "--max-drop", "100")
    assert ended.code == 0, ended.err
    source = keras.saving.load_model(trained / "model.keras", compile=False)
    expected = np.asarray(source(SCENES.pictures[:100, ..., None].astype(np.float32)))
    given = litert.Interpreter(path.read_bytes()).run(SCENES.pictures[:100])
    assert np.corrcoef(given.ravel(), expected.ravel())[0, 1] > 0.97


def test_bent_windows_are_others_and_show_the_same() -> None:
    bent = bend(SCENES.pictures, np.random.default_rng(0))
    assert (bent.shape, bent.dtype) == (SCENES.pictures.shape, np.dtype(np.uint8))
    alike = []
    for before, after in zip(SCENES.pictures, bent, strict=True):
        if before.std() > 10:
            assert not np.array_equal(before, after)
            alike.append(float(np.corrcoef(before.ravel(), after.ravel())[0, 1]))
    assert np.median(alike) > 0.85
    np.testing.assert_array_equal(bent, bend(SCENES.pictures, np.random.default_rng(0)))
    full = np.full((50, 28, 28), 255, np.uint8)
    np.testing.assert_array_equal(bend(full, np.random.default_rng(1)), full)  # it goes on beyond the rim


@pytest.mark.slow
def test_windows_that_serve_two_epochs_are_bent_in_another_way_in_each(data: Path) -> None:
    train = datasets.load(str(data)).train
    with windows.WindowEpochs(train, (), Augmentation(), 50, seed=1, redraw=2) as epochs:
        first, second, third = (epochs.make(number, until=3) for number in range(3))
    assert sorted(first[1]) == sorted(second[1]) != sorted(third[1])
    assert not {picture.tobytes() for picture in first[0] if picture.any()} & {
        picture.tobytes() for picture in second[0]
    }


@pytest.mark.slow
def test_windows_of_an_epoch_are_made_alike_ahead_of_time_or_not(data: Path) -> None:
    train = datasets.load(str(data)).train
    with windows.WindowEpochs(train, (), Augmentation(), 50, seed=1, redraw=1) as epochs:
        epochs.make(0, until=2)
        ahead, alone, other = (epochs.make(number, until=0) for number in (1, 1, 2))
    np.testing.assert_array_equal(ahead[0], alone[0])
    np.testing.assert_array_equal(ahead[1], alone[1])
    assert not np.array_equal(alone[0], other[0])


def test_a_teachers_answers_are_learnt_beside_the_classes() -> None:
    """Of the shipped reader, as it reads these windows: rows that sum to 1, the background first."""
    pictures, classes = SCENES.pictures[:200], SCENES.classes[:200]
    rows = Teacher(["base.fp32"], LABELS).targets(pictures, classes)
    assert (rows.dtype, rows.shape) == (np.dtype(np.float16), (200, 23))
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, atol=5e-3)
    said = Model.load("base.fp32").probabilities(pictures)
    known = np.flatnonzero(classes >= 0)
    np.testing.assert_allclose(rows[known, classes[known] + 1], 0.3 + 0.7 * said[known, classes[known]], atol=2e-3)
    two = Teacher(["base.fp32", "base.int8"], LABELS).targets(pictures, classes)
    assert 0 < np.abs(two - rows).max() < 0.3


@pytest.mark.slow
def test_a_run_teaches_as_its_exported_file_does(trained: Path, tmp_path: Path) -> None:
    ended = invoke("export", trained, "-o", tmp_path / "mine.onnx", "--quantize", "none", "--max-drop", "100")
    assert ended.code == 0, ended.err
    pictures, classes = SCENES.pictures[:200], SCENES.classes[:200]
    rows = Teacher([str(trained)], LABELS).targets(pictures, classes)
    model = Model.load(tmp_path / "mine.onnx")
    said = softmax(model.logits(pictures), background=True)
    known = np.flatnonzero(classes >= 0)
    np.testing.assert_allclose(rows[known, classes[known] + 1], 0.3 + 0.7 * said[known, classes[known]], atol=2e-3)


def test_a_folder_without_a_run_is_no_teacher(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no run folder"):
        Teacher([str(tmp_path)], LABELS)


def test_a_teacher_of_other_classes_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--teacher .*crops\.int8\.onnx: knows the classes 0 1 2"):
        Teacher([str(Path(__file__).parent / "golden" / "crops.int8.onnx")], LABELS)


@pytest.mark.slow
def test_a_small_reader_learns_from_the_shipped_one(data: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_VALIDATION", 200)
        patch.setattr(windows, "_CALIBRATION", 100)
        folder, loaded = RunFolder(tmp_path / "run"), datasets.load(str(data))
        recipe = replace(recipes.recipe("reader"), arch="nano", windows=600, epochs=2)
        config = configure(Config("reader", recipe, str(data), None, 5, teachers=("base.fp32",)), loaded)
        folder.create(force=False)
        folder.write_config(config)
        assert folder.read_config().teachers == ("base.fp32",)
        outcome = fit.fit(config, loaded, folder, Stopping(None))
    assert outcome.test is not None
    ended = invoke("export", folder.path, "-o", tmp_path / "nano.onnx", "--max-drop", "100")
    assert ended.code == 0, ended.err
    assert (tmp_path / "nano.onnx").stat().st_size < 11_000
    assert Model.load(tmp_path / "nano.onnx").card.train["teachers"] == ["base.fp32"]


def test_sizes_are_of_readers_and_teachers_of_windows(data: Path) -> None:
    both = invoke("train", "--data", data, "--size", "nano", "--arch", "mlp")
    assert (both.code, "each names an architecture" in both.err) == (2, True)
    taught = invoke("train", "--data", data, "--size", "nano", "--teacher", "digits")
    assert (taught.code, "take the recipe reader" in taught.err) == (2, True)


def test_a_finder_that_is_gone_when_a_run_goes_on_is_named(data: Path, tmp_path: Path) -> None:
    loaded, folder = datasets.load(str(data)), RunFolder(tmp_path / "run")
    config = configure(Config("reader", recipes.recipe("reader"), str(data), None, 5), loaded)
    folder.create(force=False)
    folder.write_config(replace(config, finder="gone.onnx"))
    ended = invoke("train", "-o", folder.path, "--resume")
    assert (ended.code, "gone.onnx" in ended.err) == (4, True)


def test_a_reader_of_letters_is_refused(tmp_path: Path) -> None:
    labelled: dict[str, NDArray[Any]] = {"x_train": PICTURES, "y_train": CLASSES % 5}
    np.savez(tmp_path / "five.npz", allow_pickle=False, **labelled)
    loaded = datasets.load(str(tmp_path / "five.npz"))
    with pytest.raises(UsageError, match="read as the ten digits and signs, and these are 0, 1, 2, 3, 4"):
        configure(Config("reader", recipes.recipe("reader"), "five.npz", None, 0), loaded)


@pytest.mark.parametrize("changed", [{"windows": 0}, {"task": "digits"}, {"task": "finder"}], ids=str)
def test_a_recipe_has_windows_just_where_it_is_a_readers(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"windows|scenes"):
        replace(recipes.recipe("reader"), **changed)


def test_what_is_found_in_vain_is_background_first() -> None:
    plane, made = scene()
    vain = (30.0, 20.0, 50.0, 58.0)
    finds = np.array([made.boxes[0], vain], np.float32)
    for seed in range(10):
        found = crops._boxes(plane, made, np.random.default_rng(seed), lambda _: finds)
        assert [box for box, label in found if label == BACKGROUND] == [vain]


def test_a_finder_finds_what_is_written() -> None:
    finds = crops.finds_of("finder")
    assert finds is not None
    assert len(finds(local_contrast(page("427", 30)[:72, :120]))) >= 3
    with pytest.raises(ModelError, match="no model 'magic'"):
        crops.finds_of("magic")
    assert crops.finds_of("") is None
