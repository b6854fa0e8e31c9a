"""Advice on pictures: each fault is named with what to do, and a good picture gets none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Run
from drawing import Gray, blank, coded, crop, page

from edge_digits import DigitReader

READER = DigitReader.load()
ROOT = Path(__file__).parents[1]


def warned(picture: Gray) -> list[str]:
    """The faults that a picture is said to have."""
    warnings = READER.read(picture).warnings
    assert all("; " in warning and "\n" not in warning and len(warning) < 120 for warning in warnings)
    return [warning.split(":")[0] for warning in warnings]


def photo(text: str = "427", height: int = 120) -> Gray:
    """Digits on paper that is not white, with the noise of a camera."""
    gray = page(text, height).astype(np.float32) * 0.8
    grain = np.random.default_rng(0).normal(0, 1.5, gray.shape)
    return np.clip(gray + grain, 0, 255).astype(np.uint8)


def blurred(picture: Gray, sigma: float) -> Gray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def grainy(picture: Gray, noise: float) -> Gray:
    grain = np.random.default_rng(1).normal(0, noise, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def with_light(picture: Gray, size: float, x: float = 0.5, y: float = 0.5) -> Gray:
    """A lamp's reflection; its size and place as fractions of the width and height."""
    height, width = picture.shape
    rows, columns = np.mgrid[:height, :width]
    away = (columns - x * width) ** 2 + (rows - y * height) ** 2
    return np.asarray(np.clip(picture + 300 * np.exp(-away / 2 / (size * width) ** 2), 0, 255), np.uint8)


GOOD: dict[str, Callable[[], Gray]] = {
    "a photo": photo,
    "a photo of small digits": lambda: photo("427 35", 24),
    "a large photo": lambda: photo("4273", 600),
    "a scan": lambda: np.asarray(np.where(page("427") < 140, 0, 255), np.uint8),
    "a blackboard": lambda: 255 - photo(),
    "white on black": lambda: 255 - page("427"),
    "a blank sheet": lambda: blank(480, 640),
    "a white sheet": lambda: np.full((480, 640), 255, np.uint8),
    "a crop": lambda: crop("4", 96),
    "a crop as the model sees it": lambda: 255 - crop("4", 28),
    "a dark crop": lambda: crop("4", 40) // 9,
    "a bold pen": lambda: crop("8", 200, width=0.16),
    "an enlarged picture": lambda: np.asarray(cv2.resize(photo(), None, fx=3, fy=3), np.uint8),
    "written in a window's light": lambda: (
        np.minimum(photo().astype(int) + np.linspace(0, 90, photo().shape[1]).astype(int), 255)
        .clip(0, 255)
        .astype(np.uint8)
    ),
}

BAD: dict[str, tuple[Callable[[], Gray], str]] = {
    "dark": (lambda: (photo() * 0.12).astype(np.uint8), "too dark"),
    "no light": (lambda: np.zeros((480, 640), np.uint8), "too dark"),
    "a dark blackboard": (lambda: ((255 - photo()) * 0.12).astype(np.uint8), "too dark"),
    "out of focus by half a bold pen": (lambda: blurred(crop("0", 200, width=0.16), 10), "blurred"),
    "out of focus by a pen's width": (lambda: blurred(photo(), 11), "blurred"),
    "out of focus and in the shade": (lambda: blurred(photo(), 11) // 2, "blurred"),
    "out of focus, large": (lambda: blurred(photo("4273", 600), 55), "blurred"),
    "small": (lambda: page("427351", 8), "digits too small"),
    "a lamp": (lambda: with_light(photo("427 35", 60), 0.06, x=0.56), "glare"),
    "a hard pencil": (lambda: (200 - (235 - page("427", 120)) * 0.09).astype(np.uint8), "faint"),
    "grainy": (lambda: grainy(200 - (235 - page("427", 120)) // 3, 21), "faint"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_picture_gets_no_advice(name: str) -> None:
    assert warned(GOOD[name]()) == []


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_named(name: str) -> None:
    make, fault = BAD[name]
    assert fault in warned(make())


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "samples").glob("*.[jp]*g")))
def test_the_samples_are_good_pictures(name: str) -> None:
    assert READER.read(ROOT / "samples" / name).warnings == ()


def test_lengths_are_in_pixels_of_the_original() -> None:
    def edge(picture: Gray) -> float:
        (warning,) = (line for line in READER.read(picture).warnings if line.startswith("blurred"))
        return float(warning.split("edges are ")[1].split(" pixels")[0])

    small = blurred(photo(), 11)
    assert edge(np.asarray(cv2.resize(small, None, fx=4, fy=4), np.uint8)) == pytest.approx(4 * edge(small), rel=0.2)


def test_a_white_sheet_on_a_dark_table_is_no_glare() -> None:
    table = np.full((480, 640), 90, np.uint8)
    for sheet in (np.full((200, 260), 255, np.uint8), np.where(page("427", 90) < 140, 40, 255).astype(np.uint8)):
        scene = table.copy()
        scene[100 : 100 + sheet.shape[0], 150 : 150 + sheet.shape[1]] = sheet
        assert "glare" not in warned(scene)


def test_a_bright_window_at_the_rim_is_no_glare() -> None:
    assert "glare" not in warned(with_light(photo("427 35", 60), 0.06, x=0.0, y=0.0))


def test_advice_is_part_of_the_record_and_of_the_table(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dark.png").write_bytes(coded((photo() * 0.12).astype(np.uint8), ".png"))
    (record,) = run("predict", "dark.png", "--format", "jsonl").records
    assert record["warnings"][0].startswith("too dark: the brightest part is at 2")
    assert "more light, or longer exposure" in run("predict", "dark.png").out
