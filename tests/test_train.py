"""`edge-digits train`: data of every kind, runs that repeat, stop and go on."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="training needs the extra `train`")

from bars import bars
from conftest import Ended, Run, Terminal, invoke
from stopping import Stopping

from edge_digits.errors import OutputError, UsageError
from edge_digits.inference.heatmap import depth_to_space
from edge_digits_train import datasets, recipes
from edge_digits_train.commands import train as train_command
from edge_digits_train.commands.progress import progress
from edge_digits_train.datasets import BACKGROUND, DataError
from edge_digits_train.networks import architectures, open_set
from edge_digits_train.run import Config, Epoch, RunFolder
from edge_digits_train.synthesis import augment
from edge_digits_train.training import digits, fit
from edge_digits_train.training.batches import Epochs, make_pictures
from edge_digits_train.training.configure import configure

PROGRAM = str(Path(sys.executable).with_name("edge-digits"))
#: Small enough to train in seconds.
QUICK = ("--recipe", "plain", "--epochs", "2", "--batch", "32")


def write_idx(folder: Path, *, compress: bool = False, **changed: bytes) -> Path:
    """The four IDX files; `changed` replaces the content of one, by x_train, y_train, x_test or y_test."""
    folder.mkdir()
    for name, count in (("train", 400), ("t10k", 100)):
        pictures, classes = bars(count, seed=count)
        axis = "train" if name == "train" else "test"
        contents = {
            f"{name}-images-idx3-ubyte": changed.get(
                f"x_{axis}", struct.pack(">4I", 0x803, count, 28, 28) + pictures.tobytes()
            ),
            f"{name}-labels-idx1-ubyte": changed.get(
                f"y_{axis}", struct.pack(">2I", 0x801, count) + classes.astype(np.uint8).tobytes()
            ),
        }
        for stem, content in contents.items():
            if compress:
                (folder / f"{stem}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / stem).write_bytes(content)
    return folder


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    x_train, y_train = bars(400)
    x_test, y_test = bars(100, seed=1)
    np.savez(tmp_path / "bars.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return tmp_path / "bars.npz"


def train(*arguments: object) -> Ended:
    return invoke("train", *arguments)


def test_a_run_leaves_config_history_model_and_curves(npz: Path, run: Run, tmp_path: Path) -> None:
    done = run("train", "--data", npz, "-o", "run", "--h5", *QUICK, timeout=300)
    assert done.code == 0, done.err
    folder = tmp_path / "run"
    config = json.loads((folder / "config.json").read_text())
    assert config["recipe"]["epochs"] == 2
    assert config["data_sha256"] == datasets.load(str(npz)).sha256
    with (folder / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert ",".join(rows[0]) == "epoch,loss,accuracy,val_loss,val_accuracy,photo_accuracy,learning_rate,seconds"
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    assert cv2.imread(str(folder / "curves.png")) is not None
    assert (folder / "model.h5").read_bytes().startswith(b"\x89HDF")
    results = json.loads((folder / "results.json").read_text())
    assert f"test {100 * results['test_accuracy']:.2f} %" in done.out
    assert "left" in done.err


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "targets"), [("sparse", (64,)), ("categorical", (64, 10))])
def test_either_loss_sees_its_kind_of_targets_and_learns(npz: Path, loss: str, targets: tuple[int, ...]) -> None:
    config, data = plain(npz, loss=loss)
    task = digits.DigitsTask(config, data)
    model, of, metric = task.model()
    model.compile("adam", of, metrics=[metric])
    with task.epochs() as epochs:
        pictures, wanted = epochs.make(0, until=0)
    assert wanted[:64].shape == targets
    before = task.judge(model)["val_loss"]
    model.fit(pictures[..., None], wanted, epochs=4, verbose=0)
    assert task.judge(model)["val_loss"] < before


def test_the_losses_are_the_same_with_and_without_a_background() -> None:
    logits = np.random.default_rng(0).normal(0, 2, (6, 4)).astype(np.float32)
    for classes, background in (([0, 3, 1, 2, 2, 0], False), ([0, -1, 1, 2, -1, 3], True)):
        sparse = np.array(classes)
        rows = open_set.one_hot(sparse, 4)
        losses, accuracies = [], []
        for loss, targets in (("sparse", sparse), ("categorical", rows)):
            of, metric = open_set.loss_and_metric(loss, background)
            losses.append(float(np.mean(np.asarray(of(targets, logits)))))
            if background:
                accuracies.append(np.asarray(metric(targets, logits)).tolist())
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
        assert not background or accuracies[0] == accuracies[1]


def test_a_multilayer_perceptron_gives_the_logarithms_of_its_sigmoids() -> None:
    """Then the softmax of its outputs is what cross-entropy of sigmoid outputs takes for probabilities."""
    import keras

    model = architectures.build("mlp", 10, 0.0)
    pictures = bars(5)[0][..., None]
    sigmoids = 1 / (1 + np.exp(-keras.Model(model.input, model.layers[-2].output).predict(pictures, verbose=0)))
    said = np.exp(model.predict(pictures, verbose=0))
    assert said / said.sum(axis=1, keepdims=True) == pytest.approx(sigmoids / sigmoids.sum(axis=1, keepdims=True))


@pytest.mark.slow
def test_an_architecture_brings_its_recipe(npz: Path, tmp_path: Path) -> None:
    done = train("--data", npz, "-o", tmp_path / "run", "--arch", "cnn-2", "--epochs", 1, "-q")
    assert done.code == 0, done.err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    recipe = config["recipe"]
    assert (config["recipe_name"], recipe["arch"], recipe["loss"]) == ("cnn-2", "cnn-2", "categorical")
    assert (recipe["validation"], recipe["patience"], recipe["min_delta"]) == (0.3, 4, 0.01)


def epoch(number: int, accuracy: float = 0.0, seconds: float = 1.0) -> Epoch:
    metrics = {"val_loss": 1.0, "val_accuracy": accuracy, "photo_accuracy": accuracy}
    return Epoch(number, 1.0, 0.0, metrics, 1.0, seconds)


def test_what_gains_less_than_min_delta_is_no_gain() -> None:
    rows = [epoch(number, accuracy) for number, accuracy in enumerate((0.5, 0.505, 0.509, 0.512))]
    assert [fit._last_gain(rows, min_delta) for min_delta in (0.0, 0.01, 0.1)] == [3, 3, 0]


def test_the_same_seed_trains_the_same_weights(npz: Path, run: Run, tmp_path: Path) -> None:
    import keras

    weights = []
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        arguments = ("train", "--data", npz, "-o", tmp_path / name, "--seed", seed, "-q", *QUICK)
        # The same in a process of its own and in one that has done other things before.
        done = run(*arguments, timeout=300) if name == "a" else invoke(*arguments)
        assert done.code == 0, done.err
        model = keras.saving.load_model(tmp_path / name / "model.keras")
        weights.append(np.concatenate([weight.ravel() for weight in model.get_weights()]))
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_model_and_resume_goes_on(npz: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [PROGRAM, "train", "--data", str(npz), "-o", str(run), "--recipe", "plain", "--epochs", "400"]
    with subprocess.Popen(
        [*arguments, "--patience", "400"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline and not (run / "history.csv").exists():
                time.sleep(0.05)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert (run / "model.keras").is_file()
    exported = invoke("export", run, "-o", tmp_path / "best.onnx", "--quantize", "none")
    assert exported.code == 0, exported.err
    before = len((run / "history.csv").read_text().splitlines())
    config = json.loads((run / "config.json").read_text())
    config["recipe"]["epochs"] = before + 1
    (run / "config.json").write_text(json.dumps(config))
    done = train("-o", run, "--resume")
    assert done.code == 0, done.err
    assert len((run / "history.csv").read_text().splitlines()) == before + 2
    again = train("-o", run, "--resume")
    assert again.code == 2
    assert "has ended already" in again.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_training_that_is_stopped_leaves_no_process_and_no_warning(
    npz: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """The signal goes to the worker processes too, as that of a terminal and that of a service manager do."""
    run = tmp_path / "run"
    process = subprocess.Popen(
        [PROGRAM, "train", "--data", npz, "-o", run, "--recipe", "quick-5", "--epochs", "400", "--patience", "400"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (run / "history.csv").exists():
        time.sleep(0.05)
    os.killpg(process.pid, number)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert [line for line in errors.splitlines() if not line.startswith("epoch")] == [
        "400 pictures; a part is set aside for validation"
    ]
    assert "--resume" in out
    assert (run / "model.keras").is_file()
    assert (run / "curves.png").is_file()
    deadline = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):  # noqa: PT012  # the last of its processes takes a moment to see its end
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.05)


@pytest.mark.slow
def test_a_run_that_gets_no_better_stops_early(npz: Path, tmp_path: Path) -> None:
    never = ("--learning-rate", 1e-12, "--patience", 2, "--epochs", 30)
    done = train("--data", npz, "-o", tmp_path / "run", "--recipe", "plain", "-q", *never)
    assert done.code == 0, done.err
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert 3 <= len(rows) - 1 < 30


def test_a_run_is_not_written_over_without_force(npz: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    done = train("--data", npz, "-o", tmp_path / "run", *QUICK)
    assert done.code == OutputError.exit_code
    assert "--force" in done.err
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_class_with_one_picture_is_named(tmp_path: Path) -> None:
    for label, count in (("a", 12), ("b", 1)):
        (tmp_path / label).mkdir()
        for number, picture in enumerate(bars(count)[0]):
            cv2.imwrite(str(tmp_path / label / f"{number}.png"), picture)
    with pytest.raises(DataError, match=r"/b: one picture of class 'b'"):
        datasets.load(str(tmp_path))


def test_more_classes_than_a_card_can_hold_are_refused_before_they_are_read(tmp_path: Path) -> None:
    for label in range(101):
        (tmp_path / str(label)).mkdir()
        (tmp_path / str(label) / "0.png").write_text("never read")
    with pytest.raises(DataError, match="101 classes; from 2 to 100"):
        datasets.load(str(tmp_path))


def test_pictures_of_any_size_and_mode_are_read_alike(tmp_path: Path) -> None:
    picture = bars(1)[0][0]
    large = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_LINEAR)
    forms = {
        "small.png": picture,
        "large.jpg": large,
        "dark on light.png": 255 - large,
        "16 bits.png": large.astype(np.uint16) * 257,
        "colour.png": cv2.cvtColor(large, cv2.COLOR_GRAY2BGR),
        "ink on nothing.png": np.dstack([np.zeros_like(large)] * 3 + [large]),
    }
    for label in "ab":
        (tmp_path / label).mkdir()
        for name, form in forms.items():
            cv2.imwrite(str(tmp_path / label / name), form)
    data = datasets.load(str(tmp_path))
    pictures = np.concatenate([data.train.pictures, data.test.pictures]).astype(float)
    assert pictures.shape == (12, 28, 28)
    alike = np.corrcoef(pictures.reshape(12, -1))
    assert alike.min() > 0.9


def test_two_pictures_a_class_leave_one_of_each_to_train_on() -> None:
    pictures, classes = bars(20)
    for seed in range(5):
        left, aside = datasets.split(datasets.Split(pictures, classes), 0.3, seed)
        assert (len(left), len(aside)) == (14, 6)
        assert set(left.classes.tolist()) == set(range(10))


def emnist(folder: Path, name: str = "emnist-letters", mapping: str = "1 65 97\n2 66 98\n3 67 99\n") -> Path:
    """An IDX set as EMNIST has it: numbers from 1, pictures stored column by column, a mapping beside."""
    folder.mkdir(exist_ok=True)
    for part, count in (("train", 60), ("test", 30)):
        pictures, classes = bars(count)
        pictures, numbers = pictures.transpose(0, 2, 1), (classes % 3 + 1).astype(np.uint8)
        images = struct.pack(">4I", 0x803, count, 28, 28) + pictures.tobytes()
        with gzip.open(folder / f"{name}-{part}-images-idx3-ubyte.gz", "wb") as stream:
            stream.write(images)
        (folder / f"{name}-{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + numbers.tobytes())
    if mapping:
        (folder / f"{name}-mapping.txt").write_text(mapping)
    return folder


def test_emnist_files_give_upright_letters(tmp_path: Path) -> None:
    data = datasets.load(str(emnist(tmp_path / "emnist")))
    assert data.labels == ("A", "B", "C")
    assert (len(data.train), len(data.test)) == (60, 30)
    assert np.array_equal(data.train.pictures, bars(60)[0])
    assert data.train.classes.tolist() == (bars(60)[1] % 3).tolist()


def test_of_several_emnist_sets_in_a_folder_one_is_named(tmp_path: Path) -> None:
    emnist(emnist(tmp_path / "emnist"), "emnist-balanced", "1 48\n2 65\n3 97\n")
    with pytest.raises(DataError, match=r"holds several sets. Name one: .*emnist/emnist-balanced, .*emnist-letters"):
        datasets.load(str(tmp_path / "emnist"))
    assert datasets.load(str(tmp_path / "emnist" / "emnist-balanced")).labels == ("0", "A", "a")


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("", r"emnist-letters-mapping\.txt: is missing"),
        ("1 65\n2 66\n", "labels-idx1-ubyte: holds class 3"),
        ("1 65\nx\n", r"mapping\.txt: cannot be read"),
        ("1\n", r"mapping\.txt: cannot be read"),
        ("1 65\n2 65\n3 67\n", "twice"),
    ],
)
def test_a_bad_mapping_is_named(tmp_path: Path, mapping: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        datasets.load(str(emnist(tmp_path / "emnist", mapping=mapping)))


def crops(folder: Path, *texts: str) -> Path:
    """Crops with the labels.csv that `predict --save-crops` writes, corrected."""
    folder.mkdir()
    rows = ["file,label,confidence,rejected,source,x1,y1,x2,y2"]
    for number, text in enumerate(texts):
        cv2.imwrite(str(folder / f"a.{number:03d}.png"), 255 - bars(10)[0][number % 10])
        rows.append(f"a.{number:03d}.png,{text},0.5,1,a.jpg,0,0,28,28")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_extra_crops_are_trained_on_and_never_judged_by(npz: Path, tmp_path: Path) -> None:
    extra = crops(tmp_path / "crops", "3", "none", "7")
    data = datasets.load(str(npz), extra=[str(extra)])
    assert data.extra is not None
    assert data.extra.classes.tolist() == [3, BACKGROUND, 7]
    assert data.sha256 != datasets.load(str(npz)).sha256
    recipe = replace(recipes.recipe("tune-crops"), epochs=1)
    config = configure(Config("tune-crops", recipe, str(npz), None, 0, "", (str(extra),)), data)
    task = digits.DigitsTask(config, data)
    repeats = round(0.1 * round(400 * 11 / 12) / 3)
    known = {picture.tobytes() for picture in data.extra.pictures}
    assert sum(picture.tobytes() in known for picture in task._train.pictures) >= 3 * repeats
    assert len(task._held_out) == round(400 / 12)


def test_a_crop_of_what_is_no_digit_is_augmented_as_it_is() -> None:
    pictures = bars(6)[0]
    classes = np.full(6, BACKGROUND)
    classes[0] = 3
    made = augment.augment(pictures, classes, 0, augment.Augmentation(photograph=0.0, coarse=0.0))
    assert min(np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(made, pictures, strict=True)) > 0.3


@pytest.mark.parametrize(
    ("texts", "arguments", "says"),
    [
        (("1", "x"), (), r"labels\.csv: a\.001\.png is labelled 'x'"),
        (("1", "none"), ("--recipe", "plain"), "--extra: crops labelled 'none' need a recipe"),
        (("1", "2"), ("--recipe", "finder"), "--extra: crops of single digits teach a finder nothing"),
        ((), (), "lists no pictures"),
    ],
)
def test_extra_crops_that_cannot_be_trained_on_are_named(
    npz: Path, tmp_path: Path, texts: tuple[str, ...], arguments: tuple[str, ...], says: str
) -> None:
    recipe = recipes.recipe(arguments[1] if arguments else "tune-crops")
    with pytest.raises((DataError, UsageError), match=says):
        configure(
            Config("a", recipe, str(npz), None, 0),
            datasets.load(str(npz), extra=[str(crops(tmp_path / "crops", *texts))]),
        )


def pens(path: Path, height: int = 40) -> Path:
    path.write_text(f'.PEN_DOWN\n 0 0\n 5 {height}\n.SEGMENT DIGIT 0 ? "1"\n')
    return path


def test_pens_change_the_checksum_of_the_data_and_nothing_else(npz: Path, tmp_path: Path) -> None:
    """Else a run could be resumed with other trajectories than it began with."""
    plain = datasets.load(str(npz))
    loaded = [datasets.load(str(npz), pens=[str(pens(tmp_path / "a.dat", height))]) for height in (40, 40, 41)]
    assert [len(data.traces) for data in loaded] == [1, 1, 1]
    assert plain.sha256 != loaded[0].sha256 == loaded[1].sha256 != loaded[2].sha256
    assert (loaded[0].train.pictures == plain.train.pictures).all()


def test_pens_are_for_finders_alone(npz: Path, tmp_path: Path) -> None:
    data = datasets.load(str(npz), pens=[str(pens(tmp_path / "a.dat"))])
    with pytest.raises(UsageError, match="--pens: only finder and reader are trained on pen trajectories"):
        configure(Config("digits", recipes.recipe("digits"), str(npz), None, 0), data)
    config = Config("finder", recipes.recipe("finder"), str(npz), None, 0, pens=(str(tmp_path / "a.dat"),))
    assert configure(config, data).labels == tuple("0123456789.,-+x/()=:%#")


def test_the_names_of_pens_are_kept_in_the_run_folder(npz: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create(force=False)
    folder.write_config(Config("finder", recipes.recipe("finder"), str(npz), None, 0, pens=("a.dat", "pens/1a")))
    assert folder.read_config().pens == ("a.dat", "pens/1a")


def test_a_folder_of_crops_without_labels_is_named(npz: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"crops/labels\.csv: is missing.*--save-crops"):
        datasets.load(str(npz), extra=[str(tmp_path / "crops")])


@pytest.mark.parametrize("compress", [False, True])
def test_idx_files_are_read_gzipped_or_not(tmp_path: Path, compress: bool) -> None:
    data = datasets.load(str(write_idx(tmp_path / "idx", compress=compress)))
    assert (len(data.train), len(data.test)) == (400, 100)
    assert np.array_equal(data.train.pictures, bars(400, seed=400)[0])


def test_a_folder_a_class_takes_its_labels_from_the_folders(tmp_path: Path) -> None:
    for label in ("alpha", "beta"):
        (tmp_path / label).mkdir()
        for number, picture in enumerate(bars(20, seed=len(label))[0]):
            cv2.imwrite(str(tmp_path / label / f"{number}.png"), picture)
    data = datasets.load(str(tmp_path))
    assert data.labels == ("alpha", "beta")
    assert len(data.train) + len(data.test) == 40
    assert data.train.pictures.shape[1:] == (28, 28)


def test_a_folder_with_labels_csv_is_read(tmp_path: Path) -> None:
    for number, picture in enumerate(bars(30)[0]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), 255 - picture)
    lines = [f"{number}.png,{'xyz'[number % 3]}" for number in range(30)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines]))
    assert datasets.load(str(tmp_path)).labels == ("x", "y", "z")


def test_limit_takes_the_same_pictures_for_the_same_seed(npz: Path) -> None:
    first, second = (datasets.load(str(npz), limit=50, seed=1) for _ in range(2))
    assert len(first.train) == 50
    assert first.sha256 == second.sha256 != datasets.load(str(npz), limit=50, seed=2).sha256


@pytest.mark.parametrize(
    ("changed", "file", "says"),
    [
        ({"x_train": b"\x00\x00\x0d\x03" + bytes(20)}, "train-images", "is no IDX file of bytes"),
        ({"x_train": struct.pack(">4I", 0x803, 400, 28, 28) + bytes(10)}, "train-images", "Download it again"),
        ({"y_test": struct.pack(">2I", 0x801, 99) + bytes(99)}, "t10k-labels", "sizes disagree"),
        ({"y_train": struct.pack(">2I", 0x801, 400) + bytes([200]) * 400}, "train-labels", "outside 0 to 99"),
        ({"y_train": struct.pack(">2I", 0x801, 400) + bytes(400)}, "idx", "no training picture of class 1"),
        ({"x_train": b""}, "train-images", "is no IDX file of bytes"),
        ({"x_train": struct.pack(">4I", 0x803, 1 << 31, 1 << 31, 4)}, "train-images", "Download it again"),
        ({"x_train": struct.pack(">I", 0x803)}, "train-images", "within its header"),
        (
            {"x_train": struct.pack(">4I", 0x803, 0, 9, 9), "y_train": struct.pack(">2I", 0x801, 0)},
            "train-images",
            "holds no pictures",
        ),
    ],
)
def test_a_bad_idx_file_is_named(tmp_path: Path, changed: dict[str, Any], file: str, says: str) -> None:
    folder = write_idx(tmp_path / "idx", **changed)
    with pytest.raises(DataError, match=file) as caught:
        datasets.load(str(folder))
    assert says in str(caught.value)


def test_a_broken_gzip_file_is_named(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "idx", compress=True)
    broken = folder / "train-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: cannot be read"):
        datasets.load(str(folder))


def test_a_missing_idx_file_is_named(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "idx")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte"):
        datasets.load(str(folder))


def test_a_class_without_pictures_is_named(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
    cv2.imwrite(str(tmp_path / "a" / "1.png"), bars(1)[0][0])
    with pytest.raises(DataError, match="no pictures for class 'b'"):
        datasets.load(str(tmp_path))


def test_an_unreadable_picture_is_named(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(5):
            (tmp_path / label / f"{number}.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"a/0\.png: unreadable picture"):
        datasets.load(str(tmp_path))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": np.zeros((5, 28, 28), np.uint8)}, "holds no y_train"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.zeros(4, int)}, "sizes disagree"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.zeros(5, float)}, "whole numbers"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.full(5, -1)}, "outside 0 to 99"),
        ({"x_train": np.zeros((0, 28, 28)), "y_train": np.zeros(0, int)}, "x_train holds no pictures"),
        ({"x_train": np.full((5, 28, 28), np.nan), "y_train": np.zeros(5, int)}, r"bad\.npz: x_train: .*NaN"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.array(list("abcde"))}, "whole numbers"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.array([0, 1, np.nan, 1, 0])}, "whole numbers"),
    ],
)
def test_a_bad_npz_file_says_what_is_wrong(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=says):
        datasets.load(str(tmp_path / "bad.npz"))


def test_bad_data_end_the_command_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_text("no archive")
    done = train("--data", tmp_path / "bad.npz", "-o", tmp_path / "run")
    assert done.code == DataError.exit_code
    assert "bad.npz" in done.err
    assert not (tmp_path / "run").exists()


def test_augmentation_repeats_with_its_seed_and_changes_with_it() -> None:
    pictures, classes = bars(20)
    how = augment.Augmentation()
    first, second = (augment.augment(pictures, classes, 5, how) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, augment.augment(pictures, classes, 6, how))


def test_a_photographed_digit_still_fills_its_box() -> None:
    pictures, classes = bars(200)
    made = augment.augment(pictures, classes, 0, augment.Augmentation(photograph=1.0))
    heights = [int((picture > 60).any(axis=1).sum()) for picture in made]
    widths = [int((picture > 60).any(axis=0).sum()) for picture in made]
    filled = np.mean(np.maximum(heights, widths) >= 17)
    assert filled > 0.9


@pytest.mark.slow
def test_epochs_are_made_alike_ahead_of_time_or_not() -> None:
    pictures, classes = bars(60)
    train_set = datasets.Split(pictures, classes)
    with Epochs(train_set, augment.Augmentation(), seed=1) as epochs:
        epochs.make(0, until=2)
        ahead, ahead_classes = epochs.make(1, until=0)
    with Epochs(train_set, augment.Augmentation(), seed=1) as epochs:
        alone, alone_classes = epochs.make(1, until=0)
    assert np.array_equal(ahead, alone)
    assert np.array_equal(ahead_classes, alone_classes)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "drawings"), [(augment.Augmentation(), [0, 0, 2, 2]), (None, [0, 0, 0, 0])])
def test_pictures_serve_some_epochs_in_another_order_each(
    how: augment.Augmentation | None, drawings: list[int]
) -> None:
    pictures, classes = bars(60)
    with Epochs(datasets.Split(pictures, classes), how, seed=1, redraw=2) as epochs:
        made = [epochs.make(number, until=4) for number in range(4)]
    pairs = [sorted((picture.tobytes(), int(label)) for picture, label in zip(*one, strict=True)) for one in made]
    for number, drawing in enumerate(drawings):
        assert pairs[number] == pairs[drawing]
        assert number == 0 or not np.array_equal(made[number][0], made[number - 1][0])
    assert (pairs[0] == pairs[2]) == (how is None)


@pytest.mark.slow
def test_places_of_the_background_are_filled_with_negatives_that_change_with_the_epoch() -> None:
    pictures, classes = bars(60)
    pictures[::3], classes[::3] = 0, BACKGROUND
    with Epochs(datasets.Split(pictures, classes), augment.Augmentation(), seed=1) as epochs:
        first, first_classes = epochs.make(0, until=0)
        second, second_classes = epochs.make(1, until=0)
    for made, of in ((first, first_classes), (second, second_classes)):
        assert sorted(of.tolist()) == sorted(classes.tolist())
        assert made[of == BACKGROUND].max(axis=(1, 2)).min() > 100
    negatives = [
        {picture.tobytes() for picture in made[of == -1]}
        for made, of in ((first, first_classes), (second, second_classes))
    ]
    assert len(negatives[0]) == 20
    assert not negatives[0] & negatives[1]


def test_a_background_is_a_share_of_the_digits_and_not_of_letters(npz: Path, tmp_path: Path) -> None:
    how = replace(recipes.recipe("digits"), epochs=1)
    config = Config("digits", how, str(npz), None, 0)
    of_digits = configure(config, datasets.load(str(npz)))
    assert of_digits.recipe.background == how.background > 0
    task = digits.DigitsTask(of_digits, datasets.load(str(npz)))
    digits_in_all = round((1 + how.styles) * round(400 * 11 / 12))
    assert task.size == round((1 + how.background) * digits_in_all)
    for label in "ab":
        (tmp_path / "letters" / label).mkdir(parents=True)
        for number, picture in enumerate(bars(10)[0]):
            cv2.imwrite(str(tmp_path / "letters" / label / f"{number}.png"), picture)
    of_letters = configure(config, datasets.load(str(tmp_path / "letters")))
    assert of_letters.recipe.background == of_letters.recipe.styles == 0


def test_plain_pictures_are_only_normalised() -> None:
    pictures, classes = bars(3)
    made = make_pictures(pictures, classes, (0,), None)
    assert made.shape == (3, 28, 28)
    assert made.dtype == np.uint8


def test_validation_is_the_same_split_for_the_same_seed() -> None:
    data = datasets.Split(*bars(100))
    (left, held), (left2, held2) = (datasets.split(data, 0.2, seed=7) for _ in range(2))
    assert (len(left), len(held)) == (80, 20)
    assert np.array_equal(held.pictures, held2.pictures)
    assert np.array_equal(left.classes, left2.classes)


PARAMETERS = {
    "stem5": 77_162,
    "wide": 297_162,
    "small": 19_410,
    "nano": 5_678,
    "stem3": 55_714,
    "mlp": 42_310,
    "cnn-1": 54_410,
    "cnn-2": 34_826,
    "cnn-bn": 117_722,
    "lenet": 61_706,
    "resnet": 78_426,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_architectures_have_the_parameters_that_they_say(name: str) -> None:
    model = architectures.build(name, 10, 0.2)
    assert model.count_params() == PARAMETERS[name]
    assert f"{PARAMETERS[name]:,}" in (architectures.ARCHITECTURES[name].__doc__ or "")


def test_a_finder_takes_pictures_of_any_size_and_begins_by_seeing_nothing() -> None:
    assert architectures.build_finder(22).count_params() == 299_832
    assert "299,832 parameters" in (architectures.build_finder.__doc__ or "")
    model = architectures.build_finder(10)
    for height, width in ((8, 8), (40, 64)):
        maps = np.asarray(model(np.zeros((2, height, width, 1), np.float32)))
        assert maps.shape == (2, height // 8, width // 8, 56)
        assert depth_to_space(maps)[..., :10].max() < -3


@pytest.mark.parametrize(
    "call",
    [
        lambda: architectures.build("none", 10, 0),
        lambda: architectures.build("finder", 10, 0),
        lambda: architectures.check("stem5", finder=True),
        lambda: recipes.recipe("none"),
    ],
)
def test_unknown_names_list_the_known_ones(call: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match="there are: "):
        call()


def test_a_cut_npz_file_is_named(npz: Path) -> None:
    npz.write_bytes(npz.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"bars\.npz: cannot be read as \.npz"):
        datasets.load(str(npz))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"caf\xe9.png,a", "in UTF-8"),
        (b"0.png,b", "line 12 lists 0.png again"),
        (b"a\0b.png,a", "unreadable picture"),
        (b"a" * 200_000 + b",a", "cannot be read"),
    ],
)
def test_a_bad_line_of_labels_csv_is_told(tmp_path: Path, line: bytes, says: str) -> None:
    for number in range(10):
        cv2.imwrite(str(tmp_path / f"{number}.png"), bars(1)[0][0])
    lines = [f"{number}.png,{'ab'[number % 2]}".encode() for number in range(10)]
    (tmp_path / "labels.csv").write_bytes(b"\n".join([b"file,label", *lines, line]))
    with pytest.raises(DataError, match=says):
        datasets.load(str(tmp_path))


def test_hidden_files_and_folders_are_no_pictures_and_no_classes(tmp_path: Path) -> None:
    for label in ("a", "b", ".git"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "._0.png").write_text("of macOS")
    for label in "ab":
        for number, picture in enumerate(bars(10)[0]):
            cv2.imwrite(str(tmp_path / label / f"{number}.png"), picture)
    assert datasets.load(str(tmp_path)).labels == ("a", "b")


def test_a_limit_that_leaves_a_class_empty_is_refused(npz: Path) -> None:
    with pytest.raises(DataError, match="Raise --limit"):
        datasets.load(str(npz), limit=5)


def test_a_limit_takes_test_pictures_of_all_classes(tmp_path: Path) -> None:
    pictures, classes = bars(400)
    order = np.argsort(classes, kind="stable")
    np.savez(tmp_path / "a.npz", x_train=pictures, y_train=classes, x_test=pictures[order], y_test=classes[order])
    assert len(set(datasets.load(str(tmp_path / "a.npz"), limit=100).test.classes.tolist())) > 5


def test_dark_ink_on_light_paper_is_turned_over(tmp_path: Path) -> None:
    pictures, classes = bars(40)
    np.savez(tmp_path / "a.npz", x_train=255 - pictures, y_train=classes, x_test=pictures, y_test=classes)
    data = datasets.load(str(tmp_path / "a.npz"))
    assert data.train.pictures.mean() < 100
    assert np.array_equal(data.test.pictures, pictures), "what is white on black stays as it is"


def plain(npz: Path, **changed: Any) -> tuple[Config, datasets.Data]:
    data = datasets.load(str(npz))
    recipe = replace(recipes.recipe("plain"), epochs=3, batch=64, **changed)
    return configure(Config("plain", recipe, str(npz), None, 5), data), data


@pytest.mark.slow
def test_a_run_that_was_stopped_comes_out_as_one_that_was_not(npz: Path, tmp_path: Path) -> None:
    import keras

    config, data = plain(npz)
    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    for folder in (whole, stopped):
        folder.create(force=False)
        folder.write_config(config)
    fit.fit(config, data, whole, Stopping(None))
    assert fit.fit(config, data, stopped, Stopping(1)).interrupted
    last = stopped.last.read_bytes()
    # As if it had been killed after the history was written and before the model was.
    history = stopped.history()
    stopped.write_history([*history, epoch(2, accuracy=2.0)])
    assert stopped.last.read_bytes() == last
    fit.fit(stopped.read_config(), data, stopped, Stopping(None), resume=True)
    rows = [[replace(row, seconds=0.0) for row in folder.history()] for folder in (whole, stopped)]
    assert rows[0] == rows[1]
    models = [keras.saving.load_model(folder.model).get_weights() for folder in (whole, stopped)]
    assert all(np.array_equal(a, b) for a, b in zip(*models, strict=True))


def test_a_run_without_its_last_epoch_cannot_go_on(npz: Path, tmp_path: Path) -> None:
    config, data = plain(npz)
    folder = RunFolder(tmp_path)
    folder.write_history([epoch(number) for number in range(2)])
    with pytest.raises(UsageError, match=r"last\.keras.*--force"):
        fit.fit(config, data, folder, Stopping(None), resume=True)


def test_an_unknown_architecture_is_refused_before_there_is_a_folder(npz: Path) -> None:
    data = datasets.load(str(npz))
    recipe = replace(recipes.recipe("plain"), arch="none")
    with pytest.raises(UsageError, match="there are: "):
        configure(Config("plain", recipe, str(npz), None, 0), data)


def test_a_new_run_leaves_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    for name in ("model.keras", "model.h5", "last.keras", "pictures.npz", "results.json", "history.csv", "curves.png"):
        (tmp_path / name).write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    RunFolder(tmp_path).create(force=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("content", ["", "{", '{"recipe": "digits"}', "[]"])
def test_a_broken_config_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UsageError, match="readable config"):
        RunFolder(tmp_path).read_config()


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n",
        "epoch,loss\n0,x\n",
        "epoch\n0\n",
        "epoch,loss,accuracy,learning_rate,seconds\n0,1,1,1,1\n",
        "epoch,loss,accuracy,mood,learning_rate,seconds\n0,1,1,1,1,1\n",
    ],
)
def test_a_broken_history_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(UsageError, match=r"history\.csv: cannot be read"):
        RunFolder(tmp_path).history()


def test_broken_results_are_told(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(UsageError, match=r"results\.json: cannot be read"):
        RunFolder(tmp_path).results()


def test_ctrl_c_while_a_file_is_written_leaves_no_part(tmp_path: Path) -> None:
    def write(part: Path) -> None:
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunFolder(tmp_path).place(tmp_path / "model.keras", write)
    assert not list(tmp_path.iterdir())


def test_a_terminal_shows_a_bar_with_speed_and_time_left_that_fits_its_width(
    terminal: Terminal, tmp_path: Path
) -> None:
    pictures, classes = bars(1500)
    np.savez(tmp_path / "bars.npz", x_train=pictures, y_train=classes, x_test=pictures[:99], y_test=classes[:99])
    ended = terminal("train", "--data", "bars.npz", *QUICK, "-o", "run")
    assert ended.code == 0
    shown = [line.removesuffix("\x1b[K") for line in ended.err.replace("\r\n", "\r").split("\r")]
    told = [line for line in shown if "[" in line]
    assert len(told) >= 4
    assert all(len(line) < 80 and " left  " in line and "pictures/s" in line for line in told)
    assert "[###" in told[1]
    assert told[-1].rstrip().endswith("%"), "the validation accuracy of the epoch before, whole"
    assert "validation" in told[-1]
    assert "validation" not in told[0], "there is none before the first epoch has ended"


def test_short_epochs_are_told_with_the_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    with progress(quiet=False, pictures=10) as shown:
        for number in range(2):
            shown.epoch(epoch(number, seconds=10.0), 3, False)
    assert "0:10 left" in capsys.readouterr().err.splitlines()[-1]


def test_after_ctrl_c_the_next_step_is_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for best in (None, epoch(0)):
        train_command._report(tmp_path, fit.Outcome(best, None, True, 1.0))
        said = capsys.readouterr().out
        assert "--resume" in said
        assert ("edge-digits export" in said) == (best is not None)


#: Makes pictures in other processes; tells of them when they have been started, and of their sum.
HELPED = """
import multiprocessing, sys, time
sys.path.insert(0, {tests!r})
from bars import bars
from edge_digits_train.training.batches import Epochs
from edge_digits_train.datasets import Split
with Epochs(Split(*bars(2500)), None, 0) as epochs:
    try:
        epochs.prefetch(0)
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print(len(epochs.make(0, until=0)[0]), flush=True)
"""


@contextmanager
def helped() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    program = HELPED.format(tests=str(Path(__file__).parent))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, [int(number) for number in process.stdout.readline().split()]
        finally:
            process.kill()


@pytest.mark.slow
def test_ctrl_c_does_not_reach_the_processes_that_make_pictures() -> None:
    with helped() as (process, _):
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert out.strip() == "2500"
    assert "Traceback" not in errors


@pytest.mark.slow
def test_the_processes_that_make_pictures_end_with_a_killed_training() -> None:
    with helped() as (process, children):
        assert children
        time.sleep(2)
        process.kill()
        process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(Path(f"/proc/{child}").exists() for child in children):
        time.sleep(0.1)
    assert not any(Path(f"/proc/{child}").exists() for child in children)
