"""Scenes as the world is, drawn here: each kind of picture that a decision made too early would spoil."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from drawing import PAPER, PEN, STROKES, Gray, blank, crop, page, write
from numpy.typing import NDArray

from edge_digits import DigitReader

READER = DigitReader.load()
Picture = NDArray[np.uint8]


def inked(ink: tuple[int, int, int], paper: tuple[int, int, int], text: str = "427") -> Picture:
    """A page in colours, BGR."""
    share = (page(text).astype(np.float32)[..., None] - PEN) / (PAPER - PEN)  # 1: paper
    return np.asarray(share * np.array(paper) + (1 - share) * np.array(ink) + 0.5).astype(np.uint8)


def beside(first: Gray, second: Gray) -> Gray:
    """Two sheets before a wall."""
    height = max(len(first), len(second)) + 60
    wall = np.full((height, first.shape[1] + second.shape[1] + 90), 120, np.uint8)
    for sheet, x in ((first, 30), (second, 60 + first.shape[1])):
        wall[30 : 30 + len(sheet), x : x + sheet.shape[1]] = sheet
    return wall


def surrounded(sheet: Gray, wall: int, noise: float = 3.0) -> Gray:
    """A sheet before something darker or lighter, in a dim room."""
    rng = np.random.default_rng(0)
    scene = np.full((len(sheet) + 160, sheet.shape[1] + 240), wall, np.float32)
    scene[70:-90, 100:-140] = 0.45 * sheet
    return np.clip(scene + rng.normal(0, noise, scene.shape), 0, 255).astype(np.uint8)


def negative(picture: Gray) -> Gray:
    return np.asarray(cv2.bitwise_not(picture), np.uint8)


SCENES: dict[str, tuple[Callable[[], NDArray[Any]], str]] = {
    "a sheet before a dark wall": (lambda: surrounded(page("427"), 15), "427"),
    "a sheet before a light wall": (lambda: surrounded(page("427"), 200), "427"),
    "dark ink beside light ink": (lambda: beside(page("42"), negative(page("57"))), "4257"),
    "a white sheet and a grey one": (lambda: beside(page("42"), (0.4 * page("57")).astype(np.uint8)), "4257"),
    "red ink": (lambda: inked((60, 50, 200), (250, 250, 250)), "427"),
    "blue ink on yellow": (lambda: inked((160, 60, 40), (120, 230, 240)), "427"),
    "red ink on green of the same brightness": (lambda: inked((60, 60, 220), (110, 125, 60)), "427"),
    "white chalk on green": (lambda: inked((245, 245, 245), (70, 95, 50)), "427"),
}


@pytest.mark.parametrize("name", SCENES)
def test_no_paper_polarity_or_level_is_that_of_the_whole_picture(name: str) -> None:
    picture, text = SCENES[name]
    assert READER.read(picture()).text.replace(" ", "").replace("\n", "") == text


def tight(digit: str, side: int, width: float) -> Gray:
    """A crop without any paper around the digit's strokes."""
    picture = crop(digit, 4 * side, width=width)
    y, x = np.nonzero(picture < 150)
    part = picture[y.min() : y.max() + 1, x.min() : x.max() + 1]
    scale = side / len(part)
    size = (max(3, round(part.shape[1] * scale)), side)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("inverted", [False, True], ids=["dark on light", "light on dark"])
@pytest.mark.parametrize("side", [20, 32, 64, 100])
@pytest.mark.parametrize("digit", "0234567")
def test_a_digit_that_fills_its_picture_is_read(digit: str, side: int, inverted: bool) -> None:
    picture = tight(digit, side, 0.14)
    assert READER.read(negative(picture) if inverted else picture).text == digit


@pytest.mark.parametrize("inverted", [False, True], ids=["dark on light", "light on dark"])
@pytest.mark.parametrize("side", [24, 48, 64])
@pytest.mark.parametrize("digit", "239")
def test_a_bold_digit_that_fills_its_picture_is_read_whichever_of_ink_and_paper_is_more(
    digit: str, side: int, inverted: bool
) -> None:
    picture = tight(digit, side, 0.2)
    assert READER.read(negative(picture) if inverted else picture).text == digit


@pytest.mark.parametrize("inverted", [False, True], ids=["dark on light", "light on dark"])
@pytest.mark.parametrize("height", [12, 17, 24, 40, 64, 100])
def test_a_bar_that_fills_its_picture_is_a_one(height: int, inverted: bool) -> None:
    picture = leaning_bar(height)
    assert READER.read(negative(picture) if inverted else picture).text == "1"


def leaning_bar(height: int) -> Gray:
    """A one that is a bar, cut at its ink."""
    fine = blank(400, 200)
    cv2.line(fine, (108, 30), (92, 370), PEN, 52, cv2.LINE_AA)
    y, x = np.nonzero(fine < 140)
    part = fine[y.min() : y.max() + 1, x.min() : x.max() + 1]
    size = (max(2, round(part.shape[1] * height / len(part))), height)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def with_signs(text: str, height: int = 60) -> Gray:
    """A line of digits and signs."""
    strokes = STROKES | {
        "-": [[(0.05, 0.55), (0.5, 0.55)]],
        "+": [[(0.05, 0.55), (0.5, 0.55)], [(0.28, 0.32), (0.28, 0.78)]],
        "/": [[(0.5, 0.0), (0.08, 1.0)]],
        ":": [[(0.25, 0.3), (0.26, 0.33)], [(0.25, 0.75), (0.26, 0.78)]],
        ".": [[(0.2, 0.93), (0.22, 0.95)]],
        "=": [[(0.05, 0.42), (0.5, 0.42)], [(0.05, 0.65), (0.5, 0.65)]],
        "(": [[(0.4, -0.05), (0.2, 0.25), (0.2, 0.75), (0.4, 1.05)]],
        ")": [[(0.15, -0.05), (0.35, 0.25), (0.35, 0.75), (0.15, 1.05)]],
    }
    step = round(1.05 * height)
    paper = blank(2 * height, height + step * len(text))
    for place, character in enumerate(text):
        for stroke in strokes[character]:
            points = np.rint(16 * (np.array(stroke) * height + (0.5 * height + step * place, 0.5 * height)))
            cv2.polylines(paper, [points.astype(np.int32)], False, PEN, 5, cv2.LINE_AA, shift=4)
    return paper


@pytest.mark.parametrize("text", ["2+3=5", "24-7", "3/4", "(2+5)"])
def test_signs_are_read_as_signs_and_not_as_digits(text: str) -> None:
    picture = with_signs(text)
    digits = "".join(character for character in text if character.isdigit())
    assert READER.read(picture).text.replace(" ", "") == digits
    assert DigitReader.load(signs="all").read(picture).text.replace(" ", "") == text


def test_a_decimal_number_has_its_point() -> None:
    picture = with_signs("3.75")
    assert DigitReader.load(signs="number").read(picture).text == "3.75"
    assert READER.read(picture).text.replace(" ", "") == "375"


@pytest.mark.parametrize("text", ["36", "52", "25"])
def test_two_digits_that_run_into_each_other_are_two_in_a_small_crop_too(text: str) -> None:
    paper = blank(90, 105)
    for digit, x in zip(text, (20, 45), strict=True):
        write(paper, digit, x, 20, 50)
    assert READER.read(paper).text == text


def slashed(height: int = 60) -> Gray:
    """A zero as programmers write it."""
    paper = page("0", height)
    x, y = 0.5 * height, 0.5 * height
    cv2.line(
        paper,
        (round(x + 0.5 * height), round(y + 0.05 * height)),
        (round(x + 0.08 * height), round(y + 0.95 * height)),
        PEN,
        5,
        cv2.LINE_AA,
    )
    return paper


def test_a_slashed_zero_is_a_zero() -> None:
    assert READER.read(slashed()).text == "0"


@pytest.mark.parametrize("scale", [0.4, 0.7, 1.5, 3.0])
def test_scenes_of_any_size_are_read(scale: float) -> None:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(page(["427", "580"]), None, fx=scale, fy=scale, interpolation=method), np.uint8)
    assert READER.read(picture).text == "427\n580"


def gratings() -> list[Gray]:
    """Textures and things without any digit."""
    x, y = np.meshgrid(np.arange(320), np.arange(240))
    rng = np.random.default_rng(1)
    smooth = cv2.GaussianBlur(rng.normal(0, 60, (240, 320)).astype(np.float32), (0, 0), 6) * 6 + 128
    made = [
        128 + 80 * np.sin(x / 5.0),
        128 + 60 * np.sin((x + y) / 7.0) * np.sin(y / 9.0),
        200.0 - 90 * ((x // 20 + y // 20) % 2),
        smooth,
        rng.normal(120, 30, (240, 320)),
        x * 0.7 + 20,
    ]
    return [np.clip(each, 0, 255).astype(np.uint8) for each in made]


@pytest.mark.parametrize("number", range(6))
def test_textures_hold_no_digit(number: int) -> None:
    assert READER.read(gratings()[number]).text == ""


def test_a_page_is_as_sure_as_its_worst_line() -> None:
    lines = ["427", "305", "86"]
    whole = READER.read(page(lines)).confidence
    alone = [READER.read(page(line)).confidence for line in lines]
    assert whole == pytest.approx(min(alone), abs=0.1)


def test_the_only_digit_of_a_page_is_doubted_where_the_page_is_full_of_other_ink() -> None:
    """Gravel holds what looks like a digit; a page with one digit and nothing else is what people try first."""
    plain = blank(300, 400)
    write(plain, "5", 180, 130, 60)
    full, rng = plain.copy(), np.random.default_rng(0)
    for x, y in rng.uniform((0, 0), (400, 300), (260, 2)).tolist():
        if not (150 < x < 260 and 100 < y < 220):
            end = (round(x + rng.uniform(-9, 9)), round(y + rng.uniform(-9, 9)))
            cv2.line(full, (round(x), round(y)), end, PEN, 2, cv2.LINE_AA)
    alone, among = (READER.examine(picture) for picture in (plain, full))
    shares = [
        {candidate.place.elsewhere for line in one.looks[0].lines for candidate in line.candidates if candidate.place}
        for one in (alone, among)
    ]
    assert shares[0] == {0.0}
    assert min(shares[1]) > 0.003
    five, doubted = (next(d for d in one.reading.digits if d.label == "5") for one in (alone, among))
    assert five.confidence > 0.97
    assert doubted.confidence < five.confidence
