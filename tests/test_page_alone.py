"""`edge-digits page`: the page without a server reads what the runner reads, in a real browser and in its modules."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from alone import scenes, unpacked, vectors
from cameras import scene
from conftest import Run, invoke
from drawing import page, png, turned

from edge_digits import DigitReader
from edge_digits.sources.labels import LABELS, read_labels

pytest.importorskip("selenium", reason="needs the extra dev: pip install -e '.[dev]'")
from browser import browser, why_no_browser, write, y4m
from files_served import FileServer, file_server, read
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "edge" / "edge_digits" / "web" / "alone"
GOLDEN = ROOT / "tests" / "golden" / "alone.json.gz"
SAMPLES = ROOT / "samples"
#: npm's package, as the command itself looks for it.
PACKAGE = Path(
    os.environ.get("EDGE_DIGITS_PAGE_ONNXRUNTIME_WEB") or ROOT / "node_modules" / "onnxruntime-web"
).resolve()
NODE = shutil.which("node")

in_a_browser = pytest.mark.skipif(why_no_browser() is not None, reason=why_no_browser() or "")


# The modules, one by one


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(GOLDEN.read_bytes()))
    return found


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """What the modules make of the golden vectors."""
    if NODE is None:
        pytest.skip("runs JavaScript: apt-get install nodejs")
    script = ROOT / "tests" / "alone.mjs"
    ended = subprocess.run([NODE, script, MODULES, GOLDEN], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    values: dict[str, Any] = json.loads(ended.stdout)
    return values


def levels(values: dict[str, Any]) -> np.ndarray:
    return unpacked(values).astype(int)


def test_the_golden_vectors_are_what_the_runner_makes(golden: dict[str, Any]) -> None:
    crops = {name: unpacked(one["picture"]) for name, one in golden["pictures"].items() if name not in scenes()}
    now = vectors(crops)
    for name, was in golden["pictures"].items():
        for part in ("picture", "smaller", "larger", "contrast", "contrast of the ringed", "contrast of the opposite"):
            before, after = levels(was[part]), levels(now["pictures"][name][part])
            assert before.shape == after.shape
            # Other processors round some levels otherwise.
            assert np.mean(np.abs(before - after) > 1) < 0.01, (name, part)
        assert was["ring"] == now["pictures"][name]["ring"]
    assert unpacked(golden["peaks"]) == pytest.approx(unpacked(now["peaks"]), abs=1e-4)
    for before, after in zip(golden["joined"], now["joined"], strict=True):
        assert unpacked(before["classes"]) == pytest.approx(unpacked(after["classes"]), abs=1e-3)


def test_the_modules_normalise_to_the_very_level(golden: dict[str, Any], made: dict[str, Any]) -> None:
    assert len(golden["pictures"]) >= 15
    assert sum(one["ring"] > 0 for one in golden["pictures"].values()) >= 3
    for name, one in golden["pictures"].items():
        ours = made["pictures"][name]
        for part in ("smaller", "larger", "contrast", "contrast of the ringed", "contrast of the opposite"):
            assert (part, ours[part]) == (part, one[part]), name
        assert (ours["ring"], ours["ink"], ours["boxes"]) == (one["ring"], one["ink"], one["boxes"]), name
        assert ours["windows"] == one["windows"], name
        assert ours["beyond"] == pytest.approx(one["beyond"], abs=1e-9), name
    assert len({round(share, 3) for one in golden["pictures"].values() for share in one["beyond"]}) > 5


def test_the_modules_find_the_same_peaks_and_come_to_the_same_opinions(
    golden: dict[str, Any], made: dict[str, Any]
) -> None:
    assert np.array(made["peaks"]) == pytest.approx(unpacked(golden["peaks"]), abs=1e-4)
    assert len(made["joined"]) == 8
    for one, ours in zip(golden["joined"], made["joined"], strict=True):
        assert np.array(ours) == pytest.approx(unpacked(one["classes"]), abs=1e-3)


# The command


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder that looks like npm's package, for what does not run it."""
    folder = tmp_path / "node_modules" / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "onnxruntime-web", "version": "1.0.0"}')
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (folder / "dist" / name).write_text(name)
    return folder


def test_all_files_are_written_and_listed_with_their_sizes(tmp_path: Path, stand_in: Path) -> None:
    ended = invoke("page", "-o", tmp_path / "page", "--onnxruntime-web", stand_in)
    assert ended.code == 0, ended.err
    written = {path: path.stat().st_size for path in (tmp_path / "page").rglob("*") if path.is_file()}
    *files, total = ended.out.splitlines()
    assert {Path(line.split("MB  ")[1]) for line in files} == set(written)
    assert total.split() == [f"{sum(written.values()) / 1e6:.3f}", "MB", "in", str(len(written)), "files"]
    assert "MIT License" in (tmp_path / "page" / "ort" / "LICENSE").read_text()
    models = ROOT / "models"
    assert (tmp_path / "page/models/finder.onnx").read_bytes() == (models / "finder.int8.onnx").read_bytes()
    assert (tmp_path / "page/models/reader.onnx").read_bytes() == (models / "base.int8.onnx").read_bytes()
    index = (tmp_path / "page" / "index.html").read_text()
    assert index.count("default-src 'none'") == index.count('class="alone">\n<head>') == 1
    # At any address: nothing is named from its root.
    assert '="/' not in index
    modules = [path.read_text() for path in written if path.suffix == ".js"]
    assert len(modules) > 20
    assert [text for text in modules if 'from "/' in text] == []


def test_a_folder_of_something_else_is_left_alone_and_a_page_is_written_anew(tmp_path: Path, stand_in: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    ended = invoke("page", "-o", folder, "--onnxruntime-web", stand_in)
    assert ended.code == 1
    assert "holds files already" in ended.err
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert invoke("page", "-o", folder, "--onnxruntime-web", stand_in, "--force").code == 0
    (folder / "app.js").write_text("of an older version")
    assert invoke("page", "-o", folder, "--onnxruntime-web", stand_in).code == 0
    assert "of an older version" not in (folder / "app.js").read_text()
    assert (folder / "notes.txt").read_text() == "mine"


def test_without_the_package_it_says_how_to_get_it(run: Run, tmp_path: Path) -> None:
    ended = run("page", env={"EDGE_DIGITS_PAGE_ONNXRUNTIME_WEB": "node_modules/onnxruntime-web"})
    assert ended.code == 3
    assert "npm install onnxruntime-web" in ended.err
    assert not (tmp_path / "page").exists()


def test_another_package_and_half_of_one_are_refused(tmp_path: Path, stand_in: Path) -> None:
    described = stand_in / "package.json"
    described.write_text('{"name": "onnxruntime-node"}')
    ended = invoke("page", "-o", tmp_path / "page", "--onnxruntime-web", stand_in)
    assert (ended.code, "is another package" in ended.err) == (3, True)
    described.write_text('{"name": "onnxruntime-web", "version": "1.0.0"}')
    (stand_in / "dist" / "ort-wasm-simd-threaded.wasm").unlink()
    ended = invoke("page", "-o", tmp_path / "page", "--onnxruntime-web", stand_in)
    assert (ended.code, "wasm: is missing" in ended.err) == (3, True)


def test_a_classifier_of_crops_is_refused(tmp_path: Path, stand_in: Path) -> None:
    crops = ROOT / "tests" / "golden" / "crops.int8.onnx"
    ended = invoke("page", "-o", tmp_path / "page", "--onnxruntime-web", stand_in, "-m", crops)
    assert (ended.code, "reads crops" in ended.err) == (2, True)


# The page in a browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    """The page below some path of a file server."""
    if not PACKAGE.is_dir():
        pytest.skip("needs npm's package: npm install onnxruntime-web, or EDGE_DIGITS_PAGE_ONNXRUNTIME_WEB names it")
    folder = tmp_path_factory.mktemp("site")
    ended = invoke("page", "-o", folder / "some where" / "page", "--onnxruntime-web", PACKAGE)
    assert ended.code == 0, ended.err
    with file_server(folder) as served:
        yield served


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    frame = np.asarray(cv2.cvtColor(scene("427", 640, 480), cv2.COLOR_GRAY2BGR), np.uint8)
    with browser(camera=y4m(tmp_path_factory.mktemp("camera") / "camera.y4m", [frame] * 10)) as window:
        window.set_script_timeout(60)
        yield window


@pytest.fixture
def at_home(window: Chrome, served: FileServer) -> Iterator[Chrome]:
    """The page as it is when it is opened; nothing may go wrong in it, nor be asked for in vain."""
    window.get("about:blank")
    served.asked.clear()
    window.get(f"http://127.0.0.1:{served.port}/some%20where/page/")
    wait(window, lambda: "model base" in text(window, "about"))
    yield window
    log = window.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry["message"] for entry in log if entry["level"] == "SEVERE"] == []
    assert [path for path, code in served.asked if code >= 400 or not path.startswith("/some%20where/page/")] == []


def wait(window: Chrome, true: object, seconds: float = 40) -> None:
    assert callable(true)
    WebDriverWait(window, seconds).until(lambda _: true())


def text(window: Chrome, name: str = "text") -> str:
    return window.find_element(By.ID, name).text


@in_a_browser
@pytest.mark.slow
def test_all_samples_are_read_as_the_runner_reads_them(at_home: Chrome) -> None:
    reader = DigitReader.load()
    files = [SAMPLES / row.file for row in read_labels(SAMPLES / LABELS)]
    assert len(files) >= 20
    wanted = [reader.read(file).to_dict() for file in files]
    found = [read(at_home, file.read_bytes(), name=str(file)) for file in files]
    assert [(one["source"], one.get("text"), one.get("status")) for one in found] == [
        (one["source"], one["text"], one["status"]) for one in wanted
    ]
    for one, ours in zip(wanted, found, strict=True):
        assert ours.keys() == one.keys()
        assert ours["confidence"] == pytest.approx(one["confidence"], abs=0.02)
        for digit, same in zip(one["digits"], ours["digits"], strict=True):
            assert same.keys() == digit.keys()
            assert same["box"] == pytest.approx(digit["box"], abs=2)
            assert same["topk"][0][0] == digit["topk"][0][0]


@in_a_browser
@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"layout": "digit"},
        {"layout": "line"},
        {"layout": "page"},
        {"signs": "all"},
        {"rotate": "90"},
        {"rotate": "auto"},
    ],
    ids=str,
)
def test_options_mean_what_they_mean_to_the_runner(at_home: Chrome, options: dict[str, Any]) -> None:
    rotate = options.get("rotate", "0")
    known = {name: value for name, value in options.items() if name != "rotate"}
    reader = DigitReader.load(rotate=None if rotate == "auto" else int(rotate), **known)
    sideways = cv2.rotate(page(["12", "305"]), cv2.ROTATE_90_COUNTERCLOCKWISE)
    pictures = [png(page("4 27")), png(np.asarray(sideways, np.uint8)), (SAMPLES / "digit-3-pencil.png").read_bytes()]
    wanted = [reader.examine_bytes(content, "").reading.to_dict() for content in pictures]
    found = [read(at_home, content, **options) for content in pictures]
    assert [one["text"] for one in found] == [one["text"] for one in wanted]
    for one, ours in zip(wanted, found, strict=True):
        for digit, same in zip(one["digits"], ours["digits"], strict=True):
            assert same["box"] == pytest.approx(digit["box"], abs=2)


@in_a_browser
@pytest.mark.slow
def test_a_photograph_that_is_stored_turned_is_read_upright(at_home: Chrome) -> None:
    for orientation in (3, 6, 8):
        record = read(at_home, turned(page("427"), orientation))
        assert (record["text"], record["width"]) == ("427", page("427").shape[1])


@in_a_browser
@pytest.mark.slow
def test_what_is_drawn_is_read_and_shown_with_what_the_model_saw(at_home: Chrome) -> None:
    write(at_home, "27")
    wait(at_home, lambda: text(at_home) == "27")
    assert len(at_home.find_elements(By.CSS_SELECTOR, ".digit canvas")) == 2
    assert len(at_home.find_elements(By.CSS_SELECTOR, ".digit .bar")) == 20


@in_a_browser
@pytest.mark.slow
def test_a_picture_that_is_chosen_is_read_and_one_that_is_none_is_told(at_home: Chrome, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(page("1984")))
    (tmp_path / "b.png").write_bytes(b"no picture")
    at_home.find_element(By.ID, "tab-picture").click()
    at_home.find_element(By.ID, "file").send_keys(str(tmp_path / "a.png"))
    wait(at_home, lambda: text(at_home) == "1984")
    at_home.find_element(By.ID, "file").send_keys(str(tmp_path / "b.png"))
    wait(at_home, lambda: "b.png: is no picture that this browser can decode" in text(at_home, "said"))


@in_a_browser
@pytest.mark.slow
def test_the_browsers_camera_is_read_and_announced(at_home: Chrome) -> None:
    at_home.find_element(By.ID, "tab-live").click()
    at_home.find_element(By.ID, "start").click()
    wait(at_home, lambda: text(at_home, "announcements").startswith("427 ·"))
    assert "frames a second" in text(at_home, "live-note")
    at_home.find_element(By.ID, "stop").click()


@in_a_browser
@pytest.mark.slow
def test_what_needs_a_server_is_not_offered_and_the_page_says_why(at_home: Chrome) -> None:
    at_home.find_element(By.ID, "tab-picture").click()
    at_home.find_element(By.TAG_NAME, "summary").click()
    for hidden in ("#steps", "[name=digits]", "a[href='openapi.json']", "#watch"):
        assert not at_home.find_element(By.CSS_SELECTOR, hidden).is_displayed()
    assert at_home.find_element(By.CSS_SELECTOR, "[name=layout]").is_displayed()
    footer = at_home.find_element(By.TAG_NAME, "footer").text
    assert "pictures stay in this browser" in footer
    assert "edge-digits serve can do more" in footer


@in_a_browser
@pytest.mark.slow
def test_neither_the_page_nor_the_thread_that_reads_can_send_anything_elsewhere(
    window: Chrome, served: FileServer, tmp_path: Path
) -> None:
    ask = "fetch(%r, { mode: 'no-cors' }).then(() => %s('sent'), () => %s('kept'))"
    with file_server(tmp_path) as elsewhere:
        address = f"http://127.0.0.1:{elsewhere.port}/"
        window.get(f"http://127.0.0.1:{served.port}/some%20where/page/")
        done = "arguments[0]"
        of_page = window.execute_async_script(f"const done = {done}; " + ask % (address, "done", "done"))
        body = ask % (address, "postMessage", "postMessage")
        blob = f"new Blob([{json.dumps(body)}], {{ type: 'text/javascript' }})"
        thread = f"new Worker(URL.createObjectURL({blob}), {{ type: 'module' }})"
        of_thread = window.execute_async_script(
            f"const done = {done}; {thread}.onmessage = ({{ data }}) => done(data);"
        )
        assert (of_page, of_thread, elsewhere.asked) == ("kept", "kept", [])
    window.get_log("browser")  # type: ignore[no-untyped-call]  # of what its policy kept it from
