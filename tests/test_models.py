"""The models that ship."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from edge_digits import DigitReader, Model
from edge_digits.inference.card import SCHEMA_VERSION
from edge_digits.inference.session import Finder
from edge_digits.results import CHARACTERS

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_a_shipped_model_keeps_the_contract(precision: str) -> None:
    card = Model.load(f"digits.{precision}").card
    assert card.schema_version == SCHEMA_VERSION
    assert card.name == "digits"
    assert card.labels == CHARACTERS
    assert card.quantization["precision"] == precision
    assert card.metrics["test"][precision] >= 90.0, "of windows of scenes that are harder than most photographs"
    assert card.train["data_sha256"]
    assert card.license == "Apache-2.0"


def test_the_shipped_model_knows_what_is_no_digit() -> None:
    from bars import bars

    from edge_digits.normalize import normalize_window

    model = Model.load()
    assert model.card.reject["method"] == "background"
    # Bars at all angles but those that make a one or a slash: nothing, or a sign.
    pictures, classes = bars(40)
    seen = np.stack([normalize_window(picture) for picture in pictures[np.isin(classes, (0, 1, 9))]])
    assert (model.probabilities(seen)[:, :10].sum(axis=1) < 0.5).mean() > 0.9


def test_the_shipped_finder_keeps_the_contract_and_is_small() -> None:
    finder = Finder.load()
    assert (finder.card.schema_version, finder.card.name) == (SCHEMA_VERSION, "finder")
    assert finder.card.quantization["precision"] == "int8"
    assert finder.card.quantization["calibration"] == "composed scenes"
    assert set(finder.card.metrics) == {"validation", "test"}
    assert finder.card.train["data_sha256"]
    assert finder.card.license == "Apache-2.0"
    assert Path(finder.path).name == "finder.int8.onnx"
    assert Path(finder.path).stat().st_size <= 500_000


def test_the_int8_model_is_the_default_and_small() -> None:
    path = Path(Model.load().path)
    assert path.name == "base.int8.onnx"
    assert path.stat().st_size <= 100_000


def test_single_digits_of_mnist_are_read(data: Path) -> None:
    from edge_digits_train.datasets import read_idx

    pictures = read_idx(data / "mnist" / "t10k-images-idx3-ubyte.gz")[:1000]
    classes = read_idx(data / "mnist" / "t10k-labels-idx1-ubyte.gz")[:1000]
    reader = DigitReader.load(layout="digit")
    right = np.array(
        [reader.read(picture).text == str(label) for picture, label in zip(pictures, classes, strict=True)]
    )
    assert right.mean() >= 0.985


def test_every_sample_is_read_right() -> None:
    reader = DigitReader.load()
    with (SAMPLES / "labels.csv").open(newline="") as stream:
        wanted = {row["file"]: row["label"].replace("none", "") for row in csv.DictReader(stream)}
    read = {name: reader.read(SAMPLES / name).text.replace(" ", "").replace("\n", "|") for name in wanted}
    assert read == wanted


@pytest.mark.parametrize(
    ("name", "floor"),
    [("drawn", 99.5), ("photo_cells", 93.0)],
)
def test_real_pictures_are_read(data: Path, name: str, floor: float) -> None:
    reader = DigitReader.load()
    with (data / name / "labels.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["label"] != "none"]
    read = sum(reader.read(data / name / row["file"]).text == row["label"] for row in rows)
    assert 100 * read / len(rows) >= floor
