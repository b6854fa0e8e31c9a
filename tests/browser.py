"""The distribution's Chromium, headless, with a camera that shows what we give it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from drawing import STROKES
from numpy.typing import NDArray
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def why_no_browser() -> str | None:
    """Why no page can be tried here; None where one can."""
    if CHROMIUM is None or DRIVER is None:
        return "needs Chromium and its driver: apt-get install chromium chromium-driver"
    return None


@contextmanager
def browser(
    width: int = 1280, height: int = 900, *, camera: Path | None = None, refuse: bool = False, dark: bool = False
) -> Iterator[Chrome]:
    """A window of this size.

    Args:
        width, height: of what a page sees, pixels.
        camera: a .y4m or .mjpeg file that is its camera, over and over.
        refuse: do not let pages use the camera.
        dark: prefer dark pages.
    """
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    # Tests may run as root, where its sandbox does not, and where /dev/shm is small.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--mute-audio"):
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    options.add_argument("--use-fake-device-for-media-stream")
    options.add_argument("--deny-permission-prompts" if refuse else "--use-fake-ui-for-media-stream")
    if camera is not None:
        options.add_argument(f"--use-file-for-fake-video-capture={camera}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.accept_insecure_certs = True
    driver = Chrome(options=options, service=ChromeService(executable_path=DRIVER))
    try:
        # Headless windows have a smallest width; a device of this size has not.
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield driver
    finally:
        driver.quit()


def y4m(path: Path, pictures: list[NDArray[np.uint8]], rate: int = 10) -> Path:
    """A video of pictures of one size, uint8 [H, W, 3] BGR, as Chromium takes it for a camera."""
    height, width = pictures[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            file.write(b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


def _points_of(stroke: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A stroke with fewer points, where it has many."""
    return stroke if len(stroke) < 10 else [*stroke[::3], *stroke[-3:]]


def write(driver: Chrome, number: str) -> None:
    """Write digits on the paper with the mouse."""
    paper = driver.find_element(By.ID, "drawing")
    width, height = paper.size["width"], paper.size["height"]
    tall = min(0.6 * height, 0.8 * width / len(number))
    for place, digit in enumerate(number):
        left = -width / 2 + width * (place + 0.5) / len(number) - 0.3 * tall
        for stroke in STROKES[digit]:
            points = [(round(left + x * tall), round(tall * (y - 0.5))) for x, y in _points_of(stroke)]
            actions = ActionChains(driver, duration=0).move_to_element_with_offset(paper, *points[0]).click_and_hold()
            for point in points[1:]:
                actions.move_to_element_with_offset(paper, *point)
            actions.release().perform()
