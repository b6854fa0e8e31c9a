"""`edge-digits evaluate`: what it counts, what its page holds, and models that are none."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="evaluation needs the extra `train`")

from bars import bars
from conftest import Run, invoke
from drawing import digits
from numpy.typing import NDArray

from edge_digits import DigitReader
from edge_digits.errors import ModelError, UsageError
from edge_digits.inference.session import find_model
from edge_digits.normalize import normalize_window
from edge_digits_train.datasets import Split, labelled, read_idx
from edge_digits_train.datasets.labelled import Labelled
from edge_digits_train.evaluation import classifiers, metrics, montages, record, testset
from edge_digits_train.evaluation.evaluation import Evaluation
from edge_digits_train.evaluation.predictions import Predictions, predict
from edge_digits_train.pages import report
from edge_digits_train.run import Epoch

#: A classifier of crops, in both precisions.
CROPS, CROPS_FP32 = (
    str(Path(__file__).parent / "golden" / f"crops.{precision}.onnx") for precision in ("int8", "fp32")
)
VOID = {"meta", "br", "img", "path", "use", "image", "rect"}


class _Page(HTMLParser):
    """Tags that are not closed in their order, ids, and what the page would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.feed(text)
        self.loads += re.findall(r"url\(([^)]{0,40})", text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids += [values["id"]] if "id" in values else []
        self.loads += [values[name] for name in ("src", "href") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.loads += [values[name] or "" for name in ("src", "href") if name in values]

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def check_page(text: str) -> None:
    page = _Page(text)
    assert (page.wrong, page.open) == ([], [])
    assert len(set(page.ids)) == len(page.ids)
    assert [load for load in page.loads if not load.strip("\"'").startswith(("data:", "#"))] == []
    assert re.findall(r"https?://", text) == []


def bars_data(count: int = 60) -> Labelled:
    """Bars with the names of digits, most of which no reader of digits gets right."""
    pictures, classes = bars(count)
    names = tuple(map(str, range(count)))
    sizes = np.full((count, 2), 28, np.int64)
    return Labelled(names, tuple(map(str, classes)), pictures, "bars", sizes)


@pytest.fixture(scope="module")
def model() -> classifiers.Classifier:
    return classifiers.load(CROPS)


@pytest.fixture(scope="module")
def evaluation(model: classifiers.Classifier) -> Evaluation:
    data = bars_data()
    row = Epoch(0, 1.0, 0.5, {"val_loss": 1.0, "val_accuracy": 0.5, "photo_accuracy": 0.5}, 1e-3, 1.0)
    other = predict(classifiers.load(CROPS_FP32), data)
    return Evaluation(data, predict(model, data), other, (row,))


@pytest.fixture(scope="module")
def page(evaluation: Evaluation) -> str:
    return report.render(evaluation)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Keras classifier that ends in a softmax, from elsewhere than `train`."""
    import keras

    layers = keras.layers
    stack = [
        keras.Input((28, 28, 1)),
        layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax"),
    ]
    path = tmp_path_factory.mktemp("keras") / "mine.keras"
    keras.Sequential(stack).save(path)
    return path


def test_the_counts_are_those_of_the_runner(evaluation: Evaluation) -> None:
    reader = DigitReader.load(CROPS, layout="digit")
    texts = np.array([reader.read(picture).text for picture in evaluation.data.pictures])
    answered, right = texts != "", texts == np.array(evaluation.data.labels)
    written = record.to_dict(evaluation)
    assert written["accuracy"]["right"] == right.sum()
    assert written["coverage"]["right"] == answered.sum() < len(right)
    counts = np.array(written["confusion"]["counts"])
    assert counts.trace() == right.sum(), "the diagonal is what was read right"
    assert counts[:, -1].sum() == (~answered).sum(), "the last column is what was refused"
    assert len(written["errors"]) == len(right) - right.sum()
    sureness = [error["top"][0][1] for error in written["errors"] if not error["refused"]]
    assert sureness == sorted(sureness, reverse=True)
    json.dumps(written, allow_nan=False)


def readings_of(reader: DigitReader, pictures: NDArray[np.uint8]) -> list[tuple[str, float]]:
    """What the reader reads in each picture and how sure it is; no text where it reads nothing."""
    readings = [reader.read(picture) for picture in pictures]
    return [(reading.text, reading.digits[0].confidence if reading.text else 0.0) for reading in readings]


def check_agreement(name: str, pictures: NDArray[np.uint8]) -> Predictions:
    """That evaluation counts for each picture what the reader reads in it, as surely."""
    count = len(pictures)
    split = Split(pictures, np.zeros(count, np.int64))
    data = labelled.read(labelled.from_arrays(split, tuple("0123456789"), "pictures"))
    predictions = predict(classifiers.load(name), data)
    readings = readings_of(DigitReader.load(name, layout="digit"), pictures)
    texts = ["" if answer < 0 else str(answer) for answer in predictions.answers]
    assert texts == [text for text, _ in readings]
    sure = [float(predictions.confidence[place]) for place, (text, _) in enumerate(readings) if text]
    # Networks in fp32 give other last digits with other numbers of pictures at a time.
    assert sure == pytest.approx([confidence for text, confidence in readings if text], abs=1e-5)
    return predictions


@pytest.mark.parametrize("name", [CROPS, CROPS_FP32], ids=lambda name: Path(name).name)
def test_what_is_counted_as_read_is_what_the_reader_reads(name: str) -> None:
    clear = digits(200)[0]
    rng = np.random.default_rng(0)
    noisy = np.clip(0.7 * clear + rng.normal(0, 45, clear.shape), 0, 255).astype(np.uint8)
    on_top = np.maximum(clear, np.roll(clear[::-1], (3, 4), axis=(1, 2)))
    blank = np.full((2, 28, 28), 90, np.uint8)
    predictions = check_agreement(name, np.concatenate([clear, noisy, on_top, bars(100, seed=2)[0], blank]))
    assert predictions.refused[-2:].all()
    assert 50 < predictions.refused.sum() < 400, "else this test looks at one side of the rule only"


@pytest.mark.parametrize("name", [CROPS, CROPS_FP32], ids=lambda name: Path(name).name)
def test_what_is_counted_as_read_of_real_digits_is_what_the_reader_reads(name: str, data: Path) -> None:
    predictions = check_agreement(name, read_idx(data / "mnist" / "t10k-images-idx3-ubyte.gz"))
    assert 0 < predictions.refused.sum() < 100


def test_the_two_commands_agree_on_files(tmp_path: Path, run: Run) -> None:
    (tmp_path / "crops").mkdir()
    labels = {}
    for place, picture in enumerate(np.concatenate([digits(20)[0], bars(20)[0]])):
        name = f"{place}.png"
        labels[name] = str(place % 10)
        cv2.imwrite(str(tmp_path / "crops" / name), cv2.resize(255 - picture, (90, 120)))
    lines = [f"{name},{label}" for name, label in labels.items()]
    (tmp_path / "crops" / "labels.csv").write_text("\n".join(["file,label", *lines]))
    assert run("evaluate", CROPS, "--data", "crops", timeout=300).code == 0
    errors = {error["name"]: error for error in json.loads((tmp_path / "report.json").read_text())["errors"]}
    texts = run("predict", "crops", "-m", CROPS, "--layout", "digit", "--format", "jsonl").texts
    assert {name for name, text in texts.items() if text != labels[name]} == set(errors)
    assert {name for name, text in texts.items() if not text} == {name for name in errors if errors[name]["refused"]}
    assert 0 < len(errors) < 40


@pytest.mark.slow
def test_the_page_is_well_formed_and_loads_nothing(page: str, evaluation: Evaluation) -> None:
    check_page(page)
    errors = len(evaluation.predictions.errors())
    assert f"All {errors} pictures that were not read right" in page
    assert page.count("read as") + page.count("refused</b>") >= errors
    for said in (
        "McNemar",
        "Reliability",
        "feature maps, convolution 6",
        "kernels of the first",
        'aria-label="training"',
    ):
        assert said in page, said


@pytest.mark.slow
def test_names_of_files_and_classes_are_escaped(model: classifiers.Classifier, evaluation: Evaluation) -> None:
    data = Labelled(
        ("<script>alert(1)</script>",) * 2,
        ("1", "none"),
        evaluation.data.pictures[:2],
        "<b>",
        evaluation.data.sizes[:2],
        (Path("gone.png"),) * 2,
    )
    text = report.render(Evaluation(data, predict(model, data)))
    assert "<script>" not in text
    check_page(text)


@pytest.mark.slow
def test_a_set_of_one_class_without_errors_has_a_report(model: classifiers.Classifier) -> None:
    picture = np.zeros((28, 28), np.uint8)
    cv2.line(picture, (14, 4), (14, 23), 255, 3, cv2.LINE_AA)
    data = Labelled(("0",) * 3, ("1",) * 3, np.stack([picture] * 3), "ones", np.full((3, 2), 28))
    predictions = predict(model, data)
    assert predictions.correct.all(), "else this test looks at another case"
    text = report.render(Evaluation(data, predictions))
    check_page(text)
    assert "None: every picture was read right" in text


@pytest.mark.slow
def test_what_is_no_digit_is_right_when_refused(model: classifiers.Classifier) -> None:
    blank = np.zeros((4, 28, 28), np.uint8)
    data = Labelled(tuple("abcd"), ("none",) * 4, blank, "nothing", np.full((4, 2), 28))
    predictions = predict(model, data)
    assert predictions.refused.all()
    assert predictions.correct.all()
    assert predictions.confusion[-1, -1] == 4
    check_page(report.render(Evaluation(data, predictions)))


@pytest.mark.slow
def test_thousands_of_errors_stay_a_small_page(model: classifiers.Classifier) -> None:
    pictures = np.random.default_rng(0).permutation(np.tile(bars(500)[0], (18, 1, 1)))
    data = Labelled(tuple(map(str, range(9000))), ("5",) * 9000, pictures, "bars", np.full((9000, 2), 28))
    predictions = predict(model, data)
    assert len(predictions.errors()) > 7000
    assert len(report.render(Evaluation(data, predictions)).encode()) < 5_000_000


needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="needs chromium (Debian: apt install chromium)"
)


def check_in_browser(page: str, tmp_path: Path, width: int) -> None:
    """That no page scrolls sideways and no figure collapses; on a desktop, that tables show all their columns."""
    script = (
        "<script>document.title = [document.documentElement.scrollWidth, innerWidth,"
        " [...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width < 100).length,"
        " [...document.querySelectorAll('.wide')].filter(t => t.scrollWidth > t.clientWidth).length].join()"
        "</script>"
    )
    (tmp_path / "page.html").write_text(page.replace("</body>", script + "</body>"))
    dom = subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         f"--window-size={width},900", "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, timeout=300, check=False,
    ).stdout  # fmt: skip
    found = re.search(r"<title>(\d+),(\d+),(\d+),(\d+)</title>", dom)
    assert found, dom[:300]
    content, window, collapsed, cut = map(int, found.groups())
    assert content <= window
    assert collapsed == 0
    assert cut == 0 or width < 1000


@needs_chromium
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_a_browser_shows_the_page_without_scrolling_sideways(page: str, tmp_path: Path, width: int) -> None:
    check_in_browser(page, tmp_path, width)


@pytest.mark.parametrize("name", [CROPS, CROPS_FP32], ids=lambda name: Path(name).name)
def test_layers_are_shown_as_the_next_one_sees_them(name: str) -> None:
    shown = classifiers.load(name).layers(bars(2)[0])
    assert [layer.maps.shape[1:] for layer in shown[:3]] == [(14, 14, 32), (14, 14, 32), (7, 7, 48)]
    assert all(layer.maps.min() >= 0 for layer in shown[:5]), "after the activation, folded into quantization or not"


@pytest.mark.slow
def test_a_keras_file_from_elsewhere_is_judged(network: Path) -> None:
    mine = classifiers.load(str(network))
    data = bars_data(20)
    probabilities = mine.probabilities(data.pictures)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    (layer,) = mine.layers(data.pictures[:2])
    assert layer.maps.shape == (2, 26, 26, 4)
    assert layer.maps.min() >= 0, "what the activation leaves"
    kernels = mine.filters()
    assert kernels is not None
    assert kernels.shape == (4, 3, 3)
    check_page(report.render(Evaluation(data, predict(mine, data))))


@pytest.mark.slow
def test_models_that_are_none_are_named(network: Path, tmp_path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(8, 3)]).save(tmp_path / "maps.keras")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(10)]).save(tmp_path / "numbers.keras")
    (tmp_path / "half.keras").write_bytes(network.read_bytes()[:3000])
    (tmp_path / "half.onnx").write_bytes(find_model(CROPS).read_bytes()[:3000])
    (tmp_path / "folder").mkdir()
    expected = {
        "maps.keras": "no classifier",
        "numbers.keras": "takes [N, 5]",
        "half.keras": "no Keras model, or a broken one",
        "half.onnx": "no ONNX model, or a broken one",
        "gone.keras": "no such file",
        "folder": "without model.keras",
    }
    for name, says in expected.items():
        with pytest.raises(ModelError, match=re.escape(name)) as caught:
            classifiers.load(str(tmp_path / name))
        assert says in str(caught.value)
    ended = invoke("evaluate", "finder", "--data", "nothing")
    assert ended.code == 4
    assert "finder" in ended.err


def test_the_command_judges_a_folder_and_tells_of_what_it_cannot_read(tmp_path: Path, run: Run) -> None:
    for place, picture in enumerate(bars(12)[0]):
        cv2.imwrite(str(tmp_path / f"{place}.png"), 255 - picture)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    lines = [*(f"{place}.png,{place % 10}" for place in range(12)), "broken.png,3"]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines]))
    ended = run("evaluate", CROPS, "--data", tmp_path, "-o", "r.html", timeout=300)
    assert ended.code == 5, ended.err
    assert "broken.png" in ended.err
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["data"]["pictures"] == 12
    assert list(record["data"]["unreadable"]) == ["broken.png"]
    assert record["against"]["model"]["name"] == "crops.fp32.onnx", "the other precision is beside it"
    check_page((tmp_path / "r.html").read_text())
    again = invoke("evaluate", CROPS, "--data", tmp_path, "-o", tmp_path / "r.html")
    assert again.code == 1
    assert "--force" in again.err


def test_labels_that_the_model_does_not_know_are_named(model: classifiers.Classifier, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), bars(1)[0][0])
    (tmp_path / "labels.csv").write_text("file,label\na.png,427\n")
    with pytest.raises(UsageError, match=r"'427', which crops\.int8\.onnx does not know"):
        testset.load(str(tmp_path), model)
    with pytest.raises(UsageError, match="Name pictures with --data"):
        testset.load(None, model)


def test_a_model_without_names_of_its_classes_takes_those_of_the_data(network: Path, tmp_path: Path) -> None:
    mine = classifiers.load(str(network))
    for letter in "abcdefghij":
        (tmp_path / letter).mkdir()
        cv2.imwrite(str(tmp_path / letter / "1.png"), bars(1)[0][0])
    data, labels = testset.load(str(tmp_path), mine)
    assert labels == tuple("abcdefghij")
    assert mine.labels == tuple("0123456789"), "it is the same model as before"
    predictions = predict(mine, data, labels)
    assert predictions.truth.tolist() == list(range(10))
    assert predictions.topk(0)[0][0] in labels


def test_the_same_pictures_are_read_by_one_process_or_several(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = labelled.PictureList(tuple("abcdefgh"), ("1",) * 8, "bars", arrays=bars(8)[0])
    alone = labelled.read(listed)
    monkeypatch.setattr(labelled, "_MIN_PARALLEL", 1)
    assert np.array_equal(labelled.read(listed).pictures, alone.pictures)


def test_wilsons_interval_is_that_of_the_books() -> None:
    found = metrics.proportion(np.arange(10) < 9)
    assert (found.value, round(found.low, 4), round(found.high, 4)) == (0.9, 0.5958, 0.9821)
    assert np.isnan(metrics.proportion(np.zeros(0, bool)).value)


def test_calibration_and_coverage_by_hand() -> None:
    confidence, right = np.array([1.0, 0.9, 0.9, 0.55]), np.array([True, True, False, False])
    found = metrics.calibration(confidence, right, bins=10)
    assert found.counts[[5, 8, 9]].tolist() == [1, 2, 1]
    assert found.ece == pytest.approx((2 * 0.4 + 0.55) / 4)
    curve = metrics.coverage(confidence, right)
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0], "answers that are equally sure come together"
    assert curve.accuracy.tolist() == pytest.approx([1, 2 / 3, 1 / 2])


def test_mcnemar_counts_who_is_right_alone() -> None:
    first, second = np.array([1, 1, 1, 1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 0, 0, 0, 0, 0], bool)
    found = metrics.mcnemar(first, second)
    assert (found.both, found.first, found.second, found.neither) == (1, 5, 0, 2)
    assert found.p == pytest.approx(2 * 0.5**5)


def test_a_plot_can_be_called_from_a_notebook(evaluation: Evaluation, tmp_path: Path) -> None:
    figure = montages.gallery(evaluation.data.pictures[:12], evaluation.data.labels[:12])
    figure.savefig(tmp_path / "gallery.png")
    assert np.std(np.asarray(cv2.imread(str(tmp_path / "gallery.png")))) > 20


def test_a_reader_of_windows_is_judged_by_itself_on_what_it_sees_of_a_crop() -> None:
    """`predict` shows it what a finder finds, and hears that too."""
    pictures, classes = digits(200)
    listed = labelled.from_arrays(Split(pictures, classes), [str(digit) for digit in range(10)], "drawn")
    model = classifiers.load("base")
    data = labelled.read(listed, normalize_window)
    assert np.array_equal(data.pictures[0], normalize_window(pictures[0]))
    predictions = predict(model, data)
    assert len(model.labels) == 22
    assert predictions.correct.mean() > 0.9
