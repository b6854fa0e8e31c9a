"""`edge-digits train`: data of every kind, runs that repeat, stop and go on."""

from __future__ import annotations

import csv
import gzip
import json
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="training needs the extra `train`")

from bars import bars

from edge_digits.errors import OutputError, UsageError
from edge_digits_train import architectures, augment, datasets, recipes
from edge_digits_train.batches import Epochs, make_pictures
from edge_digits_train.datasets import DataError

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


def train(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, "train", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_run_leaves_config_history_model_and_curves(npz: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = train("--data", npz, "-o", run, "--h5", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    config = json.loads((run / "config.json").read_text())
    assert config["recipe"]["epochs"] == 2
    assert config["data_sha256"] == datasets.load(str(npz)).sha256
    with (run / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    assert cv2.imread(str(run / "curves.png")) is not None
    assert (run / "model.h5").read_bytes().startswith(b"\x89HDF")
    results = json.loads((run / "results.json").read_text())
    assert f"test {100 * results['test_accuracy']:.2f} %" in done.stdout
    assert "left" in done.stderr


def test_the_same_seed_trains_the_same_weights(npz: Path, tmp_path: Path) -> None:
    import keras

    weights = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        done = train("--data", npz, "-o", tmp_path / name, "--seed", seed, "-q", *QUICK)
        assert done.returncode == 0, done.stderr
        model = keras.saving.load_model(tmp_path / name / "model.keras")
        weights.append(np.concatenate([weight.ravel() for weight in model.get_weights()]))
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_ctrl_c_keeps_the_best_model_and_resume_goes_on(npz: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [PROGRAM, "train", "--data", str(npz), "-o", str(run), "--recipe", "plain", "--epochs", "400"]
    process = subprocess.Popen(
        [*arguments, "--patience", "400"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (run / "history.csv").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert (run / "model.keras").is_file()
    before = len((run / "history.csv").read_text().splitlines())
    config = json.loads((run / "config.json").read_text())
    config["recipe"]["epochs"] = before + 1
    (run / "config.json").write_text(json.dumps(config))
    done = train("-o", run, "--resume")
    assert done.returncode == 0, done.stderr
    assert len((run / "history.csv").read_text().splitlines()) == before + 2
    again = train("-o", run, "--resume")
    assert again.returncode == 2
    assert "has ended already" in again.stderr


def test_a_run_that_gets_no_better_stops_early(npz: Path, tmp_path: Path) -> None:
    never = ("--learning-rate", 1e-12, "--patience", 2, "--epochs", 30)
    done = train("--data", npz, "-o", tmp_path / "run", "--recipe", "plain", "-q", *never)
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert 3 <= len(rows) - 1 < 30


def test_a_run_is_not_written_over_without_force(npz: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    done = train("--data", npz, "-o", tmp_path / "run", *QUICK)
    assert done.returncode == OutputError.exit_code
    assert "--force" in done.stderr
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


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
    ],
)
def test_a_bad_idx_file_is_named(tmp_path: Path, changed: dict[str, bytes], file: str, says: str) -> None:
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
        (tmp_path / label / "1.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"a/1\.png: unreadable picture"):
        datasets.load(str(tmp_path))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": np.zeros((5, 28, 28), np.uint8)}, "holds no y_train"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.zeros(4, int)}, "sizes disagree"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.zeros(5, float)}, "whole numbers"),
        ({"x_train": np.zeros((5, 28, 28), np.uint8), "y_train": np.full(5, -1)}, "outside 0 to 99"),
    ],
)
def test_a_bad_npz_file_says_what_is_wrong(tmp_path: Path, arrays: dict[str, NDArray[np.int64]], says: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=says):
        datasets.load(str(tmp_path / "bad.npz"))


def test_bad_data_end_the_command_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_text("no archive")
    done = train("--data", tmp_path / "bad.npz", "-o", tmp_path / "run")
    assert done.returncode == DataError.exit_code
    assert "bad.npz" in done.stderr
    assert "Traceback" not in done.stderr
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


def test_epochs_are_made_alike_ahead_of_time_or_not() -> None:
    pictures, classes = bars(60)
    train_set = datasets.Split(pictures, classes)
    with Epochs(train_set, augment.Augmentation(), seed=1) as epochs:
        epochs.make(0, then=1)
        ahead, ahead_classes = epochs.make(1, then=None)
        alone, alone_classes = epochs.make(1, then=None)
    assert np.array_equal(ahead, alone)
    assert np.array_equal(ahead_classes, alone_classes)


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


def test_architectures_have_the_parameters_that_they_say() -> None:
    assert architectures.build("stem5", 10, 0.2).count_params() == 77_162


@pytest.mark.parametrize("call", [lambda: architectures.build("none", 10, 0), lambda: recipes.recipe("none")])
def test_unknown_names_list_the_known_ones(call: object) -> None:
    with pytest.raises(UsageError, match="there are: "):
        call()  # type: ignore[operator]
