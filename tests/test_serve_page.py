"""The page of `edge-digits serve` in a real browser: what is drawn, dropped and shown is read, and trouble is told."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from cameras import scene, write_video
from drawing import page, png
from serving import Serving, serving

from edge_digits import open_camera
from edge_digits.sources.labels import LABELS, read_labels

pytest.importorskip("fastapi", reason="needs the extra web: pip install -e '.[web]'")
pytest.importorskip("selenium", reason="needs the extra dev: pip install -e '.[dev]'")
from browser import browser, why_no_browser, write, y4m
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_no_browser() is not None, reason=why_no_browser() or ""),
]
STATIC = Path(__file__).resolve().parent.parent / "edge" / "edge_digits" / "web" / "static"
#: Bytes that a script makes a file of, and drops, or pastes, onto the page.
_GIVE = """
const [base64, name, kind] = arguments;
const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], name, { type: "image/png" }));
const options = { bubbles: true, cancelable: true };
document.body.dispatchEvent(
  kind === "drop" ? new DragEvent("drop", { ...options, dataTransfer: data })
                  : new ClipboardEvent("paste", { ...options, clipboardData: data }));
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera of the server shows."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", [scene("63", 640, 360)] * 1200, rate=10)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corrections") / "kept"


@pytest.fixture(scope="module")
def server(clip: Path, kept: Path) -> Iterator[Serving]:
    with serving("--camera", f"fake:{clip}", "--save-corrections", kept) as server:
        yield server


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera of the browser shows: 427 for seconds, then 58."""
    frames = [np.asarray(cv2.cvtColor(scene(text, 640, 480), cv2.COLOR_GRAY2BGR), np.uint8) for text in ("427", "58")]
    return y4m(tmp_path_factory.mktemp("camera") / "camera.y4m", [frames[0]] * 40 + [frames[1]] * 40)


@pytest.fixture(scope="module")
def window(camera: Path) -> Iterator[Chrome]:
    with browser(camera=camera) as window:
        yield window


@pytest.fixture
def at_home(window: Chrome, server: Serving) -> Iterator[Chrome]:
    """The page as it is when it is opened; nothing may go wrong in it that its console tells."""
    window.get("about:blank")
    window.get(server.address)
    wait(window, lambda: "model base" in window.find_element(By.ID, "about").text)
    yield window
    log = window.get_log("browser")  # type: ignore[no-untyped-call]
    wrong = [entry["message"] for entry in log if entry["level"] == "SEVERE"]
    # A picture that is refused is a failure to Chromium; what its own policy keeps it from would be one to us.
    assert [message for message in wrong if "responded with a status of 422" not in message] == []


def wait(window: Chrome, true: object, seconds: float = 20) -> None:
    assert callable(true)
    # What a form's answer replaces may be gone between its being found and its being looked at.
    WebDriverWait(window, seconds, ignored_exceptions=[StaleElementReferenceException]).until(lambda _: true())


def text(window: Chrome, name: str = "text") -> str:
    return window.find_element(By.ID, name).text


def click(window: Chrome, name: str) -> None:
    window.find_element(By.ID, name).click()


def texts(window: Chrome, selector: str) -> list[str]:
    """In one look: elements of frames are soon replaced."""
    script = "return [...document.querySelectorAll(arguments[0])].map((element) => element.textContent)"
    found: list[str] = window.execute_script(script, selector)
    return found


def cards(window: Chrome) -> list[str]:
    return texts(window, ".digit h3")


def test_what_is_drawn_is_read_while_it_is_drawn(at_home: Chrome) -> None:
    write(at_home, "27")
    wait(at_home, lambda: text(at_home) == "27")
    assert cards(at_home) == ["2", "7"]
    assert len(at_home.find_elements(By.CSS_SELECTOR, ".digit canvas")) == 2
    assert len(at_home.find_elements(By.CSS_SELECTOR, ".digit .bar")) == 20
    assert "sure" in text(at_home, "said")
    click(at_home, "undo")
    wait(at_home, lambda: text(at_home) == "2")
    at_home.find_element(By.TAG_NAME, "body").send_keys(Keys.DELETE)
    wait(at_home, lambda: text(at_home) == "")
    assert not at_home.find_element(By.ID, "undo").is_enabled()


def test_what_the_model_saw_is_painted(at_home: Chrome) -> None:
    write(at_home, "7")
    wait(at_home, lambda: text(at_home) == "7")
    pixels = at_home.execute_script(
        "const c = document.querySelector('.digit canvas');"
        "const values = [...c.getContext('2d').getImageData(0, 0, 28, 28).data];"
        "return [c.width, c.height, values.filter((value) => value === 255).length]"
    )
    assert pixels[:2] == [28, 28]
    assert pixels[2] > 28 * 28, "more than its opacity is bright"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_that_is_dropped_or_pasted_is_read_whichever_tab_is_shown(at_home: Chrome, kind: str) -> None:
    at_home.execute_script(_GIVE, b64encode(png(page("1984"))).decode(), "a.png", kind)
    wait(at_home, lambda: text(at_home) == "1984")
    assert at_home.find_element(By.ID, "tab-picture").get_attribute("aria-selected") == "true"
    assert at_home.find_element(By.ID, "picture").is_displayed()


def test_the_name_of_a_file_is_shown_as_text(at_home: Chrome) -> None:
    name = "<img src=x onerror=document.title='bad'>.png"
    at_home.execute_script(_GIVE, b64encode(b"no picture").decode(), name, "drop")
    wait(at_home, lambda: "is no picture" in text(at_home, "said"))
    assert name in text(at_home, "said")
    assert at_home.title == "edge-digits"


def test_a_picture_that_is_chosen_is_read_with_options_and_explained(at_home: Chrome, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(np.asarray(cv2.rotate(page("1984"), cv2.ROTATE_90_CLOCKWISE), np.uint8)))
    click(at_home, "tab-picture")
    at_home.find_element(By.ID, "file").send_keys(str(tmp_path / "a.png"))
    wait(at_home, lambda: at_home.find_element(By.ID, "steps").is_enabled())
    at_home.find_element(By.TAG_NAME, "summary").click()
    at_home.find_element(By.CSS_SELECTOR, "select[name=rotate]").send_keys("270")
    wait(at_home, lambda: text(at_home) == "1984")
    click(at_home, "steps")
    wait(at_home, lambda: at_home.execute_script("return document.getElementById('sheet-picture').naturalWidth") > 500)


def test_the_camera_of_the_browser_is_read_and_announced(at_home: Chrome, server: Serving) -> None:
    click(at_home, "tab-live")
    click(at_home, "start")
    for number in ("427", "58"):
        wait(at_home, lambda number=number: any(line.startswith(f"{number} ·") for line in announced(at_home)))
    rate = re.search(r"Reading ([\d.]+) frames a second", text(at_home, "live-note"))
    assert rate is not None
    assert float(rate[1]) > 0
    click(at_home, "stop")
    assert at_home.execute_script("return document.getElementById('video').srcObject") is None
    before = server.metrics["edge_digits_readings_done"]
    wait(at_home, lambda: at_home.find_element(By.ID, "start").is_displayed())
    assert server.metrics["edge_digits_readings_done"] <= before + 1


def test_a_number_that_a_hand_holds_before_the_camera_is_announced(data: Path, tmp_path: Path, server: Serving) -> None:
    (video, *_) = read_labels(data / "video" / LABELS)
    with open_camera(str(data / "video" / video.file)) as frames:
        pictures = [np.asarray(cv2.resize(frame.picture, (640, 360)), np.uint8) for frame in islice(frames, 90)]
    with browser(camera=y4m(tmp_path / "camera.y4m", pictures, rate=15)) as window:
        window.get(f"{server.address}/#live")
        click(window, "start")
        wait(window, lambda: any(line.startswith(f"{video.label} ·") for line in announced(window)), 40)


def test_a_digit_of_a_frame_is_corrected_though_frames_go_on(at_home: Chrome, kept: Path) -> None:
    click(at_home, "tab-live")
    click(at_home, "start")
    wait(at_home, lambda: len(cards(at_home)) >= 2)
    ActionChains(at_home).move_to_element(at_home.find_element(By.ID, "digits")).perform()
    at_home.find_element(By.CSS_SELECTOR, ".mend > button").click()
    at_home.find_element(By.CSS_SELECTOR, "[aria-label='It is no digit']").click()
    wait(at_home, lambda: "Saved as no digit" in at_home.find_element(By.CSS_SELECTOR, ".mend p").text)
    assert (kept / "labels.csv").read_text().splitlines()[-1].split(",")[1] == "none"


def announced(window: Chrome) -> list[str]:
    return texts(window, "#announcements li")


def test_the_camera_of_the_server_is_watched(at_home: Chrome) -> None:
    click(at_home, "tab-live")
    click(at_home, "watch")
    wait(at_home, lambda: text(at_home) == "63")
    assert text(at_home, "said").startswith("Announced")
    wait(at_home, lambda: at_home.execute_script("return document.getElementById('stream').naturalWidth") == 640)
    assert text(at_home, "live-note") == "Watching the server's camera."
    click(at_home, "tab-draw")
    assert at_home.execute_script("return document.getElementById('stream').getAttribute('src')") is None


def test_a_wrong_digit_is_corrected_by_a_click(at_home: Chrome, kept: Path) -> None:
    write(at_home, "7")
    wait(at_home, lambda: text(at_home) == "7")
    at_home.find_element(By.CSS_SELECTOR, ".mend > button").click()
    at_home.find_element(By.CSS_SELECTOR, "[aria-label='It is 1']").click()
    wait(at_home, lambda: "Saved as 1" in at_home.find_element(By.CSS_SELECTOR, ".mend p").text)
    row = (kept / "labels.csv").read_text().splitlines()[-1].split(",")
    assert row[1] == "1"
    crop = cv2.imread(str(kept / row[0]), cv2.IMREAD_GRAYSCALE)
    assert crop is not None
    assert np.ptp(crop) > 150


def test_the_tabs_are_reached_by_the_keyboard(at_home: Chrome) -> None:
    at_home.find_element(By.ID, "tab-draw").send_keys(Keys.ARROW_RIGHT)
    assert at_home.switch_to.active_element.get_attribute("id") == "tab-picture"
    at_home.switch_to.active_element.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert at_home.switch_to.active_element.get_attribute("id") == "tab-live"
    assert at_home.find_element(By.ID, "panel-live").is_displayed()


def test_everything_that_is_worked_with_has_a_name(at_home: Chrome) -> None:
    for tab in ("draw", "picture", "live"):
        click(at_home, f"tab-{tab}")
        nameless = [
            element.get_attribute("outerHTML")
            for element in at_home.find_elements(By.CSS_SELECTOR, "button, input, select, a, canvas[role], output")
            if element.is_displayed() and element.tag_name != "output" and not element.accessible_name
        ]
        assert nameless == []


@pytest.mark.parametrize("width", [360, 1920])
def test_the_page_fits_its_window(at_home: Chrome, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    at_home.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for tab in ("draw", "picture", "live"):
        click(at_home, f"tab-{tab}")
        over = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert at_home.execute_script(over) <= 0
        for button in at_home.find_elements(By.CSS_SELECTOR, "button, .button, select"):
            assert not button.is_displayed() or button.size["height"] >= 40, "a finger hits it"


def test_a_camera_that_is_refused_is_told(server: Serving) -> None:
    with browser(refuse=True) as window:
        window.get(f"{server.address}/#live")
        click(window, "start")
        wait(window, lambda: "The camera was refused. Allow it" in text(window, "live-note"))


def test_where_there_is_no_camera_without_https_the_page_says_why_and_with_https_it_works(
    tmp_path: Path, camera: Path
) -> None:
    from edge_digits.web.addresses import own_addresses

    own = [host for host in own_addresses() if ":" not in host]
    if not own:
        pytest.skip("this machine has no network, so the page is at localhost only, where a browser gives cameras")
    with browser(camera=camera) as window:
        with serving("--host", own[0], "--no-token") as server:
            window.get(f"{server.address}/#live")
            wait(window, lambda: "Start the server with --https" in text(window, "live-note"))
        with serving("--host", own[0], "--https", "--token", "auto", env={"XDG_DATA_HOME": str(tmp_path)}) as server:
            window.get(f"{server.address}/?token={server.token}")
            click(window, "tab-live")
            click(window, "start")
            wait(window, lambda: text(window) in ("427", "58"))
            assert server.token not in window.current_url


def test_a_page_without_the_token_asks_for_it(window: Chrome) -> None:
    with serving("--token", "auto") as server:
        window.get(server.address)
        wait(window, lambda: window.find_element(By.ID, "login").is_displayed())
        window.find_element(By.CSS_SELECTOR, "#login input").send_keys("wrong", Keys.ENTER)
        wait(window, lambda: "That was not the token" in text(window, "login-said"))
        window.find_element(By.CSS_SELECTOR, "#login input").send_keys(server.token, Keys.ENTER)
        wait(window, lambda: "model base" in text(window, "about"))
        write(window, "4")
        wait(window, lambda: text(window) == "4")


def test_a_server_that_is_gone_is_told_and_what_was_drawn_is_read_when_it_is_back(window: Chrome) -> None:
    with serving() as server:
        window.get(server.address)
        wait(window, lambda: "model base" in text(window, "about"))
    write(window, "4")
    wait(window, lambda: "does not answer" in text(window, "said"))
    with serving("--port", str(server.port)):
        wait(window, lambda: text(window) == "4")
    window.get_log("browser")  # type: ignore[no-untyped-call]  # of requests that were not answered


def test_the_page_can_be_put_on_the_home_screen_of_a_phone(at_home: Chrome) -> None:
    found = at_home.execute_cdp_cmd("Page.getAppManifest", {})
    assert found["errors"] == []
    assert '"display": "standalone"' in found["data"]
    assert at_home.execute_cdp_cmd("Page.getInstallabilityErrors", {})["installabilityErrors"] == []


def contrast(first: str, second: str) -> float:
    """Of two colours (WCAG 2.2, 1.4.3)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_every_text_stands_out_from_its_ground_light_and_dark() -> None:
    style = (STATIC / "app.css").read_text(encoding="utf-8")
    themes = [
        dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(themes) == 2
    for theme in themes:
        for ground in ("page", "card"):
            for name in ("ink", "soft", "accent", "good", "unsure", "bad"):
                assert contrast(theme[name], theme[ground]) >= 4.5, (name, ground)
        assert contrast(theme["soft"], theme["well"]) >= 4.5
        assert contrast(theme["ink"], theme["well"]) >= 4.5
        assert contrast(theme["on-accent"], theme["accent"]) >= 4.5
