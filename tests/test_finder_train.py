"""Training of finders: what they are told to say, how they are judged by it, and a small run from scenes to maps."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Run, invoke
from drawing import digits, page, png
from numpy.typing import NDArray

pytest.importorskip("keras", reason="training needs the extra `train`")

from stopping import Stopping

from edge_digits.errors import ModelError
from edge_digits.inference.heatmap import REGRESSION_CHANNELS, STRIDE, find_peaks, score
from edge_digits.inference.session import Finder, Model
from edge_digits.results import SIGNS
from edge_digits_train import datasets, recipes
from edge_digits_train.datasets.data import Trace
from edge_digits_train.run import Config, Epoch, RunFolder
from edge_digits_train.synthesis.scenes import IGNORED, LABELS, Composer, Scene
from edge_digits_train.training import finder, fit, scenes, targets
from edge_digits_train.training.configure import configure

COMPOSER = Composer(*digits(40))
CLASSES = len(LABELS)


def scene(*places: tuple[tuple[float, float, float, float], int], shape: tuple[int, int] = (80, 160)) -> Scene:
    """A scene of which only boxes and classes count."""
    boxes, classes = zip(*places, strict=True) if places else ((), ())
    return Scene(np.zeros(shape, np.uint8), np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64))


def encode(made: Scene) -> NDArray[np.float32]:
    return targets.encode(made.boxes, made.classes, (made.gray.shape[0], made.gray.shape[1]))


def perfect(target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cells that say just what the targets ask for, [H/4, W/4, 26]."""
    sure = np.where(target[..., :CLASSES] > 0.99, 12.0, -12.0)
    return np.concatenate([sure, target[..., CLASSES : CLASSES + REGRESSION_CHANNELS]], axis=-1).astype(np.float32)


def folded(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cells -> maps as a network gives them, [1, H/8, W/8, 4 x 26]: what `heatmap.depth_to_space` undoes."""
    rows, columns, values = cells.shape
    quarters = cells.reshape(rows // 2, 2, columns // 2, 2, values).transpose(0, 2, 1, 3, 4)
    return quarters.reshape(1, rows // 2, columns // 2, 4 * values)


def loss(target: NDArray[np.float32], cells: NDArray[np.float32]) -> float:
    return float(targets.loss(target[None], folded(cells)))


# --- targets ---


def test_a_digits_middle_is_in_the_cell_that_holds_it_and_nowhere_else() -> None:
    target = encode(scene(((40, 20, 58, 50), 6), ((101, 33, 107, 63), 1)))
    assert target.shape == (20, 40, 28)
    middles = np.argwhere(target[..., -2] == 1)
    assert middles.tolist() == [[35 // STRIDE, 49 // STRIDE], [48 // STRIDE, 104 // STRIDE]]
    assert target[8, 12, 6] == target[12, 26, 1] == 1.0
    assert (target[..., :CLASSES] == 1).sum() == 2
    assert target[..., :10].max(axis=(0, 1)).tolist() == [0, 1, 0, 0, 0, 0, 1, 0, 0, 0]
    assert (target[..., -1] == 1).all()


def test_heat_falls_off_around_a_middle() -> None:
    heat = encode(scene(((40, 20, 58, 50), 6)))[..., 6]
    assert heat[8, 12] > heat[8, 13] > heat[8, 14]
    assert heat[8, 13] == pytest.approx(heat[9, 12])
    assert heat[8, 16] < 1e-3


def test_what_is_encoded_is_decoded_as_peaks() -> None:
    found = lost = 0
    for number in range(60):
        made = COMPOSER.scene(np.random.default_rng((4, number)))
        given = find_peaks(perfect(encode(made)), 0.0)
        for box, digit in zip(made.boxes, made.classes, strict=True):
            if digit < 0:
                continue
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            off = np.hypot(given.x - x, given.y - y)
            near = int(off.argmin()) if len(off) else -1
            if near < 0 or off[near] > 0.01 or given.logits[near].argmax() != digit:
                lost += 1  # two middles in one cell, or one out of the picture
                continue
            found += 1
            assert given.width[near] == pytest.approx(max(box[2] - box[0], 2.0), rel=1e-3)
            assert given.height[near] == pytest.approx(max(box[3] - box[1], 2.0), rel=1e-3)
    assert found > 100
    assert lost <= 0.03 * found


def test_what_is_not_to_be_found_is_no_target_and_what_may_be_has_no_weight() -> None:
    target = encode(scene(((40, 20, 58, 50), -1), ((100, 20, 118, 50), IGNORED)))
    assert not target[..., :-1].any()
    free = np.argwhere(target[..., -1] == 0)
    assert free.min(axis=0).tolist() == [5, 25]
    assert free.max(axis=0).tolist() == [12, 30]
    assert (target[5:13, 25:31, -1] == 0).all()


def test_a_middle_out_of_the_picture_is_no_target() -> None:
    assert not encode(scene(((-30, 20, -2, 50), 4), ((150, 70, 180, 100), 4)))[..., :-1].any()


# --- loss ---


def test_the_loss_of_perfect_maps_is_next_to_nothing() -> None:
    target = encode(scene(((40, 20, 58, 50), 6), ((101, 33, 107, 63), 1)))
    assert loss(target, perfect(target)) < 0.01
    assert loss(encode(scene()), perfect(encode(scene()))) < 1e-4


def test_the_loss_falls_as_maps_come_nearer_to_the_targets() -> None:
    target = encode(scene(((40, 20, 58, 50), 6), ((101, 33, 107, 63), 1)))
    noise = np.random.default_rng(0).normal(0, 1, (20, 40, 26)).astype(np.float32)
    losses = [loss(target, (1 - near) * noise + near * perfect(target)) for near in (0.0, 0.3, 0.6, 0.9, 1.0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 10 * losses[-1]


@pytest.mark.parametrize("part", ["class", "size", "place", "ghost"])
def test_each_mistake_costs(part: str) -> None:
    target = encode(scene(((40, 20, 58, 50), 6)))
    cells = perfect(target)
    if part == "class":
        cells[8, 12, [6, 0]] = cells[8, 12, [0, 6]]
    elif part == "size":
        cells[8, 12, CLASSES] += 0.5
    elif part == "place":
        cells[8, 12, CLASSES + 3] -= 0.4
    else:
        cells[15, 30, 3] = 4.0
    assert loss(target, cells) > loss(target, perfect(target)) + 0.05


def test_where_digits_may_be_found_or_not_nothing_costs() -> None:
    target = encode(scene(((100, 20, 118, 50), IGNORED)))
    cells = perfect(target)
    cells[8, 27, 5] = 6.0
    assert loss(target, cells) == pytest.approx(loss(target, perfect(target)), abs=1e-4)


def test_the_loss_is_that_of_the_focal_loss_by_hand() -> None:
    target = encode(scene(((40, 20, 58, 50), 6), ((100, 20, 118, 50), IGNORED)))
    cells = np.random.default_rng(1).normal(-2, 1, (20, 40, 26)).astype(np.float32)
    said = 1 / (1 + np.exp(-cells[..., :CLASSES].astype(np.float64)))
    heat, middle, weight = target[..., :CLASSES], target[..., 26], target[..., 27]
    total: Any = 0.0
    for row, column, digit in np.ndindex(20, 40, CLASSES):
        p, wanted = said[row, column, digit], heat[row, column, digit]
        if wanted == 1:
            total += weight[row, column] * -((1 - p) ** 2) * np.log(p)
        else:
            total += weight[row, column] * -((1 - wanted) ** 4) * p**2 * np.log(1 - p)
    sizes = np.abs(cells[..., CLASSES:] - target[..., CLASSES:26]).sum(axis=-1)[middle == 1].sum()
    assert loss(target, cells) == pytest.approx((total + 0.5 * sizes) / (middle.sum() + 1), rel=1e-4)


def test_the_accuracy_is_the_share_of_middles_with_the_right_class() -> None:
    target = encode(scene(((40, 20, 58, 50), 6), ((101, 33, 107, 63), 1)))
    cells = perfect(target)
    assert float(targets.accuracy(target[None], folded(cells))) == pytest.approx(1.0)
    cells[12, 26, [1, 7]] = cells[12, 26, [7, 1]]
    assert float(targets.accuracy(target[None], folded(cells))) == pytest.approx(0.5)


def test_the_best_epoch_is_that_of_the_highest_mean_of_recall_and_precision() -> None:
    rows = [Epoch(0, 1, 0, {"recall": recall, "precision": 0.5, "sign_recall": 0.0}, 1, 1) for recall in (0.7, 0.9)]
    assert [row.score for row in rows] == pytest.approx([0.6, 0.7])


@pytest.mark.parametrize("changed", [{"scenes": 0}, {"task": "digits"}, {"task": "letters"}], ids=str)
def test_a_recipe_has_scenes_just_where_it_is_a_finders(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"scenes|no task"):
        replace(recipes.recipe("finder"), **changed)


# --- runs ---


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finder") / "digits.npz"
    (x_train, y_train), (x_test, y_test) = digits(200), digits(40, seed=1)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few scenes to judge on: a thousand take longer than such a run."""
    monkeypatch.setattr(finder, "_VALIDATION", 24)
    monkeypatch.setattr(finder, "_CALIBRATION", 24)


def begun(data: Path, folder: RunFolder) -> tuple[Config, datasets.Data]:
    """A small run of the recipe `finder`, ready to start."""
    loaded = datasets.load(str(data))
    recipe = replace(recipes.recipe("finder"), scenes=48, batch=8, epochs=3)
    config = configure(Config("finder", recipe, str(data), None, 5), loaded)
    folder.create(force=False)
    folder.write_config(config)
    return config, loaded


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finder, "_VALIDATION", 24)
        patch.setattr(finder, "_CALIBRATION", 24)
        folder = RunFolder(tmp_path_factory.mktemp("trained") / "run")
        fit.fit(*begun(data, folder), folder, Stopping(None))
    return folder.path


@pytest.mark.slow
def test_a_finders_run_leaves_what_a_run_leaves(trained: Path) -> None:
    with (trained / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert float(rows[2]["loss"]) < float(rows[0]["loss"])
    assert cv2.imread(str(trained / "curves.png")) is not None
    assert list(rows[0])[3:6] == ["recall", "precision", "sign_recall"]
    results = json.loads((trained / "results.json").read_text())
    assert all(0 <= results[name] <= 1 for test in ("", "test_") for name in (f"{test}recall", f"{test}precision"))
    assert json.loads((trained / "config.json").read_text())["recipe"]["task"] == "finder"
    with np.load(trained / "pictures.npz") as kept:
        assert kept["validation"].shape == kept["calibration"].shape == (24, 80, 160)
        assert kept["validation_truth"].shape[1] == 6
        assert set(np.unique(kept["validation_truth"][:, 5])) <= {IGNORED, *range(CLASSES)}


@pytest.mark.slow
def test_scenes_of_an_epoch_are_made_alike_ahead_of_time_or_not(data: Path) -> None:
    train = datasets.load(str(data)).train
    with scenes.SceneEpochs(train, (), 12, seed=1, redraw=1) as epochs:
        epochs.make(0, until=2)
        ahead, alone = epochs.make(1, until=0), epochs.make(1, until=0)
        other = epochs.make(2, until=0)
    assert np.array_equal(ahead[0], alone[0])
    assert np.array_equal(ahead[1], alone[1])
    assert not np.array_equal(other[0], alone[0])
    assert (ahead[0].shape, ahead[1].shape) == ((12, 80, 160), (12, 20, 40, 28))


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_finders_run_that_was_stopped_comes_out_as_one_that_was_not(
    data: Path, trained: Path, tmp_path: Path
) -> None:
    import keras

    folder = RunFolder(tmp_path / "stopped")
    config, loaded = begun(data, folder)
    assert fit.fit(config, loaded, folder, Stopping(0)).interrupted
    fit.fit(folder.read_config(), loaded, folder, Stopping(None), resume=True)
    rows = [[replace(row, seconds=0.0) for row in one.history()] for one in (RunFolder(trained), folder)]
    assert rows[0] == rows[1]
    weights = [
        keras.saving.load_model(path, compile=False).get_weights() for path in (trained / "model.keras", folder.model)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


@pytest.fixture(scope="module", params=["int8", "none"])
def exported(request: pytest.FixtureRequest, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from click.testing import CliRunner

    from edge_digits_export.command import command

    path = tmp_path_factory.mktemp("exported") / "mine.onnx"
    done = CliRunner().invoke(
        command, [str(trained), "-o", str(path), "--quantize", request.param, "--max-drop", "100"]
    )
    assert done.exit_code == 0, done.output
    return path


@pytest.mark.slow
def test_an_exported_finder_says_what_it_is(exported: Path, trained: Path) -> None:
    card = Finder.load(exported).card
    assert (card.name, card.output, card.normalize["name"]) == ("mine", "maps", "local-contrast")
    assert card.train["recipe"] == "finder"
    assert card.train["data_sha256"] == json.loads((trained / "config.json").read_text())["data_sha256"]
    if card.quantization["precision"] == "int8":
        assert (card.quantization["calibration"], card.quantization["count"]) == ("composed scenes", 24)


@pytest.mark.slow
def test_predict_reads_with_a_finder_that_is_named_by_its_file(exported: Path) -> None:
    """It has hardly been trained: what it sees is not asked, but that the whole way is gone with its signs."""
    sample = Path(__file__).parent.parent / "samples" / "number-427.png"
    ended = invoke("predict", sample, "--finder", exported, "--signs", "all", "--conf", "0", "--format", "jsonl")
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert (record["width"], record["height"]) == (480, 240)
    assert all(digit["label"] in LABELS and digit["box"]["x2"] <= 480 for digit in record["digits"])
    assert {digit["label"] in SIGNS for digit in record["digits"] if digit.get("sign")} <= {True}
    wrong = invoke("predict", sample, "--finder", "magic")
    assert (wrong.code, wrong.out) == (4, "")
    assert "no model 'magic'" in wrong.err


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 80, 160), (3, 8, 8), (2, 48, 216)], ids=str)
def test_an_exported_finder_gives_the_maps_of_its_source(
    exported: Path, trained: Path, shape: tuple[int, int, int]
) -> None:
    import keras

    model = Finder.load(exported)
    rng = np.random.default_rng(0)
    pictures = np.stack([COMPOSER.scene(rng, *shape[1:]).gray for _ in range(shape[0])])
    source = np.asarray(keras.saving.load_model(trained / "model.keras", compile=False)(pictures[..., None]))
    given = model.run(pictures)
    assert given.shape == source.shape == (shape[0], shape[1] // 8, shape[2] // 8, 104)
    if model.card.quantization["precision"] == "int8":
        assert np.abs(given - source).mean() < 0.05 * np.ptp(source)
        assert np.corrcoef(given.ravel(), source.ravel())[0, 1] > 0.99
    else:
        np.testing.assert_allclose(given, source, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["int8", "none"])
def test_a_finder_becomes_a_litert_file_for_pictures_of_any_size(trained: Path, tmp_path: Path, precision: str) -> None:
    import keras

    from edge_digits_export import litert

    path = tmp_path / "mine.tflite"
    ended = invoke("export", trained, "--format", "litert", "-o", path, "--quantize", precision, "--max-drop", "100")
    assert ended.code == 0, ended.err
    interpreter = litert.Interpreter(path.read_bytes())
    source = keras.saving.load_model(trained / "model.keras", compile=False)
    rng = np.random.default_rng(0)
    for count, height, width in ((2, 80, 160), (1, 8, 8), (1, 48, 216)):
        scenes = [COMPOSER.scene(rng, 80, 216).gray for _ in range(count)]
        pictures = np.stack([scene[:height, :width] for scene in scenes])
        expected, given = np.asarray(source(pictures[..., None])), interpreter.run(pictures)
        assert given.shape == expected.shape
        assert np.corrcoef(given.ravel(), expected.ravel())[0, 1] > (0.99 if precision == "int8" else 0.999999)


def test_a_finder_is_not_taken_for_a_classifier(exported: Path, run: Run, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a finder of digits in pages"):
        Model.load(exported)
    (tmp_path / "a.png").write_bytes(png(page("4")))
    ended = run("predict", "a.png", "-m", exported)
    assert (ended.code, ended.out, ended.err.count("\n")) == (ModelError.exit_code, "", 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "known"),
    [
        (("--recipe", "finder", "--arch", "stem5"), "finder"),
        (
            ("--recipe", "digits", "--arch", "finder"),
            "cnn-1, cnn-2, cnn-bn, lenet, mlp, nano, resnet, small, stem3, stem5, wide",
        ),
    ],
)
def test_an_architecture_of_the_other_kind_is_refused(
    data: Path, tmp_path: Path, options: tuple[str, ...], known: str
) -> None:
    ended = invoke("train", "--data", data, "-o", tmp_path / "run", *options)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ended.err.endswith(f"there are: {known}\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_finder_of_letters_is_refused(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / "letters" / label).mkdir(parents=True)
        for number, picture in enumerate(digits(20)[0]):
            cv2.imwrite(str(tmp_path / "letters" / label / f"{number}.png"), picture)
    ended = invoke("train", "--data", tmp_path / "letters", "-o", tmp_path / "run", "--recipe", "finder")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "trained on the ten digits" in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_finder_is_trained_by_the_command(data: Path, tmp_path: Path) -> None:
    """An epoch of the recipe has thousands of scenes: a changed config makes them few."""
    folder = RunFolder(tmp_path / "run")
    config, _ = begun(data, folder)
    folder.write_config(replace(config, recipe=replace(config.recipe, scenes=8, epochs=1)))
    ended = invoke("train", "-o", folder.path, "--resume")
    assert ended.code == 0, ended.err
    assert "Next: edge-digits export" in ended.out
    shown = ("recall", "precision", "signs", "test recall", "test signs")
    assert all(re.search(rf"\b{name} \d+\.\d\d %", ended.out) for name in shown)
    assert re.search(r"  recall \d+\.\d\d %  precision \d+\.\d\d %  signs \d+\.\d\d %  ", ended.err)
    assert (tmp_path / "run" / "results.json").is_file()


def test_judged_scenes_can_be_judged_perfectly() -> None:
    """What a run keeps to be judged on agrees with what it trains on."""
    composer = Composer(*digits(40))
    kept = scenes.make_scenes(composer, (9,), range(12))
    assert kept.planes.shape == (12, *scenes.TILE)
    cells: list[Any] = []
    for number in range(12):
        plane, made = scenes.make_scene(composer, (9, number))
        np.testing.assert_array_equal(plane, kept.planes[number])
        cells.append(perfect(encode(made)))
    assert min(score(np.stack(cells), kept.truth)) > 0.95


@pytest.mark.slow
def test_scenes_serve_several_epochs_in_another_order_each(data: Path) -> None:
    train = datasets.load(str(data)).train
    with scenes.SceneEpochs(train, (), 30, seed=1, redraw=2) as epochs:
        (first, _), (again, _), (other, other_targets) = (epochs.make(number, until=0) for number in (0, 1, 2))
        resumed = [epochs.make(number, until=0) for number in (2, 1)]
    np.testing.assert_array_equal(resumed[0][1], other_targets)
    np.testing.assert_array_equal(resumed[1][0], again)
    # Some are paler in each epoch: what is known of a scene is where it is brightest, and that of few is shared.
    brightest = [[int(plane.argmax()) for plane in planes] for planes in (first, again, other)]
    assert brightest[0] != brightest[1]
    assert len(set(brightest[0]) & set(brightest[1])) > 20 > len(set(brightest[0]) & set(brightest[2]))


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_writers_are_on_one_side_of_training_and_validation(data: Path, tmp_path: Path) -> None:
    """Of a writer whose digits were trained on, the validation set would say too much."""
    stroke = np.array([[0, 0], [3, 9]], np.float32)
    traces = tuple(Trace("1", (stroke,), f"writer {number % 60}") for number in range(600))
    config, loaded = begun(data, RunFolder(tmp_path / "run"))
    task = finder.FinderTask(config, replace(loaded, traces=traces))
    trained, held_out = ({trace.writer for trace in part} for part in (task._traces, task._others))
    assert (len(trained) + len(held_out), trained & held_out) == (60, set())
    assert 1 <= len(held_out) <= 12
