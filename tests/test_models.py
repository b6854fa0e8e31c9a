"""The models that ship."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from drawing import STROKES, crop
from numpy.typing import NDArray

from edge_digits import DigitReader, Model
from edge_digits.inference import shipped
from edge_digits.inference.card import SCHEMA_VERSION
from edge_digits.inference.contract import UINT8
from edge_digits.inference.onnx_file import OnnxFile
from edge_digits.inference.operators import RULES
from edge_digits.inference.session import Finder, Network, find_model
from edge_digits.normalize import normalize_window
from edge_digits.results import CHARACTERS
from edge_digits_train.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
READERS = [name for name in shipped.names() if not name.startswith("finder")]
#: The accuracy that a card tells of, at least, per cent; and what int8 files take at most, bytes.
FLOORS = {"nano": 79.0, "small": 85.0, "base": 90.0, "finder": 70.0}
LARGEST = {"nano": 11_000, "small": 26_000, "base": 100_000, "finder": 500_000}
#: Writers that the windows of the cards are drawn by, as far as the data holds them.
PENS = ("pendigits-orig.tra.gz", "ujipenchars")

Windows = tuple[NDArray[np.uint8], NDArray[np.int64]]


@pytest.mark.parametrize("name", shipped.names())
def test_a_shipped_file_is_what_its_name_and_its_card_say(name: str) -> None:
    path = find_model(name)
    network: Network = (Finder if name.startswith("finder") else Model).load(name)
    card, (model, precision) = network.card, shipped.parted(name)
    assert (network.name, Path(network.path)) == (name, path)
    assert card.schema_version == SCHEMA_VERSION
    assert shipped.parted(card.name)[0] == model
    assert card.labels == CHARACTERS
    assert card.quantization["precision"] == precision
    assert card.metrics["test"][precision] >= FLOORS[model], "of scenes that are harder than most photographs"
    if precision == "int8":
        assert path.stat().st_size <= LARGEST[model]
        assert card.metrics["test"]["fp32"] - card.metrics["test"]["int8"] < 1.0
    assert re.fullmatch("[0-9a-f]{64}", card.train["data_sha256"])
    assert card.train["recipe"] in RECIPES
    assert card.license == "Apache-2.0"
    (digest,) = re.findall(
        rf"^([0-9a-f]{{64}})  {re.escape(path.name)}$", (path.parent / shipped.SUMS).read_text(), re.M
    )
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    (image,) = OnnxFile(path.read_bytes()).graph(RULES).inputs
    assert (image.name, image.dtype) == ("image", UINT8)
    assert (image.sides or ())[1:] == ((None, None) if name.startswith("finder") else (28, 28))


@pytest.fixture(scope="module")
def windows(data: Path) -> Windows:
    """Windows such as the cards' accuracies are measured on, a sample of them anew: pictures and classes."""
    pytest.importorskip("keras", reason="training needs the extra `train`")
    from edge_digits_train import datasets
    from edge_digits_train.datasets.data import split_writers
    from edge_digits_train.synthesis.scenes import Composer
    from edge_digits_train.training.crops import make_windows
    from edge_digits_train.training.windows import with_traces

    recipe = RECIPES["reader"]
    loaded = datasets.load(str(data / "mnist"), pens=tuple(str(data / "pens" / name) for name in PENS))
    _, writers = split_writers(loaded.traces, recipe.validation)
    composer = Composer(loaded.test.pictures, loaded.test.classes, writers)
    crops = with_traces(loaded.test, writers, 0)
    assert recipe.augmentation is not None
    scenes, single = make_windows(composer, crops, recipe.augmentation, (0, 1 << 22), 1500)
    both = scenes.with_more(single)
    known = both.take(both.classes >= 0)
    return known.pictures, known.classes


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_the_accuracy_of_a_card_is_measured_again_on_a_sample(name: str, windows: Windows) -> None:
    """Within eight points: some 800 windows have a standard deviation of one, and scenes grow harder with the code."""
    model = Model.load(name)
    pictures, classes = windows
    measured = 100 * (model.logits(pictures).argmax(axis=1) == classes).mean()
    assert measured == pytest.approx(model.card.metrics["test"][shipped.parted(name)[1]], abs=8.0)


@pytest.mark.parametrize("model", sorted({shipped.parted(name)[0] for name in READERS}))
def test_both_precisions_of_a_model_say_the_same(model: str) -> None:
    if len(shipped.precisions(model)) < 2:
        pytest.skip("it ships in one")
    one, other = (Model.load(f"{model}.{precision}") for precision in ("int8", "fp32"))
    shown = np.stack([normalize_window(crop(digit, side)) for digit in STROKES for side in (24, 40, 64)])
    np.testing.assert_array_equal(one.logits(shown).argmax(axis=1), other.logits(shown).argmax(axis=1))


def test_the_shipped_model_knows_what_is_no_digit() -> None:
    from bars import bars

    from edge_digits.normalize import normalize_window

    model = Model.load()
    assert model.card.reject["method"] == "background"
    # Bars at all angles but those that make a one or a slash: nothing, or a sign.
    pictures, classes = bars(40)
    seen = np.stack([normalize_window(picture) for picture in pictures[np.isin(classes, (0, 1, 9))]])
    assert (model.probabilities(seen)[:, :10].sum(axis=1) < 0.5).mean() > 0.9


def test_the_shipped_finder_is_quantized_for_pages_and_small() -> None:
    finder = Finder.load()
    assert finder.card.quantization["calibration"] == "composed scenes"
    assert set(finder.card.metrics) == {"validation", "test"}
    assert Path(finder.path).name == "finder.int8.onnx"
    assert Path(finder.path).stat().st_size <= 500_000


def test_the_int8_model_is_the_default_and_small() -> None:
    path = Path(Model.load().path)
    assert path.name == "base.int8.onnx"


def test_smaller_models_are_smaller() -> None:
    sizes = [
        find_model(f"{size}.int8").stat().st_size for size in ("nano", "small", "base") if shipped.precisions(size)
    ]
    assert sizes == sorted(sizes)


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
