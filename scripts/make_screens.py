"""Takes the screens of docs/serve.md, and draws the icons of the page.

PYTHONPATH=tests python scripts/make_screens.py [OUT=docs]

It starts `edge-digits serve` and the distribution's Chromium, and writes, draws and shows digits to the page as a user
would. With OUT=all:DIR, every tab at three widths, light and dark, is written to DIR, to be looked at.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from browser import browser, write, y4m
from numpy.typing import NDArray
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from serving import serving

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
STATIC = ROOT / "edge" / "edge_digits" / "web" / "static"
#: Of a screen of a phone, in pixels, what the documentation shows.
_PHONE_HEIGHT = 1000


def wait_for_text(driver: Chrome, text: str) -> None:
    """Wait until this is what was read."""
    WebDriverWait(driver, 20).until(lambda _: driver.find_element(By.ID, "text").text == text)


def choose(driver: Chrome, picture: Path) -> None:
    """Choose a picture, as with the file picker."""
    driver.find_element(By.ID, "tab-picture").click()
    driver.find_element(By.ID, "file").send_keys(str(picture))


def show(driver: Chrome) -> None:
    """Begin with the browser's camera."""
    driver.find_element(By.ID, "tab-live").click()
    driver.find_element(By.ID, "start").click()


def camera_file(folder: Path, sample: str) -> Path:
    """A camera that shows a sample."""
    picture = cv2.imread(str(SAMPLES / sample), cv2.IMREAD_COLOR)
    assert picture is not None
    canvas = np.empty((480, 640, 3), np.uint8)
    canvas[:] = np.median(picture.reshape(-1, 3), axis=0)
    scale = min(640 / picture.shape[1], 480 / picture.shape[0])
    small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    top, left = (480 - small.shape[0]) // 2, (640 - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return y4m(folder / "camera.y4m", [canvas] * 2)


def save(driver: Chrome, path: Path) -> None:
    """The whole page, however high, as a PNG file."""
    height = driver.execute_script("return document.documentElement.scrollHeight")
    width = driver.execute_script("return window.innerWidth")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    time.sleep(0.3)
    path.write_bytes(driver.get_screenshot_as_png())
    print(path)


def screens(address: str, folder: Path, width: int, camera: Path, *, dark: bool, prefix: str) -> None:
    """Draw, picture and live at one width."""
    height = 800
    for name in ("draw", "picture", "live"):
        with browser(width, height, camera=camera, dark=dark) as driver:
            driver.get(address)
            if name == "draw":
                write(driver, "2047")
                wait_for_text(driver, "2047")
            elif name == "picture":
                choose(driver, SAMPLES / "number-1984-lamp.jpg")
                wait_for_text(driver, "1984")
                driver.find_element(By.ID, "steps").click()
                WebDriverWait(driver, 20).until(lambda d: d.find_element(By.ID, "sheet").is_displayed())
            else:
                show(driver)
                wait_for_text(driver, "427")
                WebDriverWait(driver, 20).until(lambda d: d.find_elements(By.CSS_SELECTOR, "#announcements li"))
            save(driver, folder / f"{prefix}{name}.png")


def icons() -> None:
    """icon.svg as PNG files, for phones that take no SVG."""
    side = 2048
    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = (166, 90, 10)
    _rounded(canvas, (120, 96), (392, 416), 28, (251, 254, 255))
    along = np.linspace(0, 1, 50)[:, None]
    start, first, second, end = (np.array(p, float) for p in ((322, 180), (270, 232), (240, 292), (230, 344)))
    curve = (
        (1 - along) ** 3 * start + 3 * (1 - along) ** 2 * along * first + 3 * (1 - along) * along**2 * second
    ) + along**3 * end
    points = np.vstack([[(190, 180)], curve]) * side / 512
    cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, (33, 31, 29), 34 * side // 512, cv2.LINE_AA)
    for size in (180, 192, 512):
        cv2.imwrite(str(STATIC / f"icon-{size}.png"), cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA))


def _rounded(
    canvas: NDArray[np.uint8], first: tuple[int, int], last: tuple[int, int], radius: int, colour: tuple[int, ...]
) -> None:
    """A rectangle with round corners; coordinates are of 512."""
    unit = canvas.shape[0] // 512
    (x1, y1), (x2, y2) = first, last
    for a, b in (((x1 + radius, y1), (x2 - radius, y2)), ((x1, y1 + radius), (x2, y2 - radius))):
        cv2.rectangle(canvas, (a[0] * unit, a[1] * unit), (b[0] * unit, b[1] * unit), colour, cv2.FILLED)
    for x in (x1 + radius, x2 - radius):
        for y in (y1 + radius, y2 - radius):
            cv2.circle(canvas, (x * unit, y * unit), radius * unit, colour, cv2.FILLED, cv2.LINE_AA)


def main(out: str) -> None:
    """Make them."""
    icons()
    everything = out.startswith("all:")
    folder = Path(out.removeprefix("all:"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, serving("--save-corrections", Path(temporary) / "kept") as server:
        camera = camera_file(Path(temporary), "number-427.png")
        if everything:
            for width in (360, 800, 1920):
                for dark in (False, True):
                    prefix = f"{width}-{'dark' if dark else 'light'}-"
                    screens(server.address, folder, width, camera, dark=dark, prefix=prefix)
        else:
            screens(server.address, folder, 1100, camera, dark=False, prefix="serve-")
            screens(server.address, Path(temporary), 360, camera, dark=True, prefix="phone-")
            phone = [Path(temporary) / f"phone-{name}.png" for name in ("draw", "picture", "live")]
            side_by_side(phone, folder / "serve-phone.png")


def side_by_side(screens: list[Path], path: Path) -> None:
    """Screens of a phone beside each other, cut at what is seen without scrolling for long."""
    shown = [np.asarray(cv2.imread(str(screen)), np.uint8)[:_PHONE_HEIGHT] for screen in screens]
    tall = max(picture.shape[0] for picture in shown)
    padded = [np.pad(p, ((0, tall - p.shape[0]), (8, 8), (0, 0)), constant_values=255) for p in shown]
    cv2.imwrite(str(path), np.hstack(padded))
    print(path)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "docs"))
