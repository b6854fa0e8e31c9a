"""Scenes: finds at several scales become one candidate a character, in lines, with the signs beside them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_digits.choices import SignsName
from edge_digits.find.lines import scene_lines
from edge_digits.find.scene import WORK_SIDE, Finds, HeatMaps, Scale, find_characters, scales_of, working_side
from edge_digits.imaging.pixels import Gray
from edge_digits.inference.heatmap import REFERENCE_HEIGHT
from edge_digits.results import DIGITS, SIGNS, Box, Digit
from edge_digits.text import fusion
from edge_digits.text.assemble import assemble, with_signs

CHARACTERS = DIGITS + SIGNS


def finds(*characters: tuple[str, float, float, float, float]) -> Finds:
    """Sure finds of these characters with their boxes, x1, y1, x2, y2."""
    logits = np.full((len(characters), len(CHARACTERS)), -6.0, np.float32)
    for row, (label, *_) in enumerate(characters):
        logits[row, CHARACTERS.index(label)] = 4.0
    boxes = np.array([box for _, *box in characters], np.float32).reshape(-1, 4)
    blank = np.zeros((200, 400), np.uint8)
    scale = Scale(1.0, blank, blank)
    return Finds(boxes, logits, np.zeros(len(characters), np.intp), (scale,))


def texts(found: Finds) -> list[str]:
    """The strongest character of each candidate, line by line."""
    lines = []
    for line in scene_lines(found):
        labels = ""
        for candidate in line.candidates:
            assert candidate.place is not None
            labels += CHARACTERS[int(candidate.place.logits.argmax())]
        lines.append(labels)
    return lines


def test_signs_join_the_line_that_they_stand_in() -> None:
    found = finds(
        ("3", 10, 10, 30, 50),
        (".", 34, 44, 39, 49),
        ("7", 44, 12, 64, 50),
        ("1", 12, 100, 20, 140),
        ("+", 30, 112, 46, 128),
        ("2", 55, 100, 75, 140),
    )
    assert texts(found) == ["3.7", "1+2"]


def test_what_is_raised_beside_a_line_is_of_that_line() -> None:
    """An exponent, cents; not what stands above a digit, or is another line's."""
    exponent = ("2", 44.0, 2.0, 58.0, 26.0)
    digits = [("3", 10.0, 20.0, 30.0, 60.0), ("5", 90.0, 22.0, 110.0, 60.0), ("7", 114.0, 20.0, 134.0, 58.0)]
    assert texts(finds(exponent, *digits)) == ["3257"]
    cents = [("5", 140.0, 8.0, 152.0, 30.0), ("0", 154.0, 9.0, 166.0, 31.0)]
    assert texts(finds(*digits, *cents)) == ["35750"]
    further = [(label, x1 + 120.0, y1, x2 + 120.0, y2) for label, x1, y1, x2, y2 in digits]
    assert texts(finds(("2", 10.0, 2.0, 24.0, 26.0), *further)) == ["2357"], "signs stand between"
    assert texts(finds(("2", 92.0, 2.0, 106.0, 26.0), *digits)) == ["2", "357"], "it stands above a digit"
    assert texts(finds(("2", 44.0, -12.0, 58.0, 12.0), *digits)) == ["2", "357"], "nothing beside it is as high"
    large = [("2", 44.0, -14.0, 64.0, 26.0), ("4", 68.0, -14.0, 88.0, 26.0)]
    assert texts(finds(*large, *digits)) == ["24", "357"], "as large as the others"
    assert texts(finds(("2", 300.0, 2.0, 314.0, 26.0), *digits)) == ["2", "357"], "far off"


def test_a_digit_joins_the_line_of_its_own_height() -> None:
    """An exponent before it lies within its height, too."""
    rising = [("7", 10.0, 60.0, 34.0, 110.0), ("4", 90.0, 50.0, 114.0, 100.0), ("5", 150.0, 40.0, 174.0, 90.0)]
    assert texts(finds(("2", 44.0, 44.0, 58.0, 68.0), *rising)) == ["7245"]


def test_a_long_strip_is_searched_at_more_pixels_than_a_page() -> None:
    assert working_side(720, 960) == working_side(3000, 4000) == working_side(540, 960) == WORK_SIDE
    assert working_side(115, 2812) == 2400
    side = working_side(300, 2812)
    assert WORK_SIDE < side < 2400
    assert side * side * 300 / 2812 == pytest.approx(480_000)
    assert max(scales_of(115, 2400)) == 1.0
    assert max(scales_of(960, 720)) == 1.0


def test_a_sign_far_from_any_digit_is_none_that_anyone_reads() -> None:
    assert texts(finds(("5", 10, 10, 30, 50), ("-", 200, 28, 220, 32), (".", 12, 120, 16, 124))) == ["5"]


def test_signs_without_digits_make_no_line() -> None:
    assert texts(finds(("=", 10, 10, 30, 20), ("x", 40, 10, 60, 30))) == []


def blobs(character: str, heights: tuple[float, float] = (18.0, 44.0)) -> HeatMaps:
    """Heat maps of a network that takes every blob of ink of a digit's height for one character."""
    import cv2

    def maps(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        _, height, width = pictures.shape
        cells = np.full((1, height // 4, width // 4, len(CHARACTERS) + 4), -9.0, np.float32)
        _, _, stats, _ = cv2.connectedComponentsWithStats((pictures[0] > 100).astype(np.uint8))
        for x, y, w, h, _ in stats[1:].tolist():
            if heights[0] <= h <= heights[1]:
                column, row = (x + w / 2) / 4, (y + h / 2) / 4
                cell = cells[0, int(row), int(column)]
                cell[CHARACTERS.index(character)] = 3.0
                cell[-4:] = np.log(h / REFERENCE_HEIGHT), np.log(w / REFERENCE_HEIGHT), column % 1 - 0.5, row % 1 - 0.5
        return cells

    return maps


def bars(height: int, count: int, size: tuple[int, int]) -> Gray:
    """Upright bars in a row, dark on light."""
    picture = np.full(size, 220, np.uint8)
    for number in range(count):
        x = 40 + 60 * number
        picture[40 : 40 + height, x : x + 6] = 30
    return picture


@pytest.mark.parametrize("height", [20, 36, 70, 120, 200])
def test_what_is_seen_at_several_scales_is_one_find_in_its_place(height: int) -> None:
    found = find_characters(bars(height, 3, (height + 80, 400)), blobs("1"))
    boxes = found.boxes[np.argsort(found.boxes[:, 0])]
    assert len(boxes) == 3
    np.testing.assert_allclose(boxes[:, 0], [40, 100, 160], atol=0.12 * height)
    np.testing.assert_allclose(boxes[:, 3] - boxes[:, 1], height, rtol=0.25)


def test_a_picture_that_is_all_texture_costs_no_more_than_its_budget() -> None:
    looked_at: list[int] = []

    def counting(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        looked_at.append(pictures.size)
        return blobs("1")(pictures)

    texture = np.random.default_rng(0).integers(0, 256, (1500, 2000)).astype(np.uint8)
    find_characters(texture, counting)
    assert 0 < sum(looked_at) <= 1_300_000


def test_a_blank_picture_is_not_looked_at_at_all() -> None:
    def never(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise AssertionError("there is no ink")

    assert len(find_characters(np.full((240, 320), 200, np.uint8), never).boxes) == 0


def test_the_probabilities_of_a_candidate_sum_to_one_and_a_sign_is_no_digit() -> None:
    (line,) = scene_lines(finds(("4", 10, 10, 30, 50), ("x", 40, 20, 60, 40)))
    probabilities = np.full((2, len(CHARACTERS)), 0.001, np.float32)
    probabilities[[0, 1], [CHARACTERS.index("4"), CHARACTERS.index("x")]] = 0.97
    scores = fusion.join([line], probabilities)
    classes, signs = np.exp(scores.classes), np.exp(scores.signs)
    np.testing.assert_allclose(classes.sum(axis=1), 1.0, rtol=1e-5)
    assert classes[0, 4] > 0.9
    assert classes[1, -1] > 0.9
    assert signs.shape == (2, len(SIGNS))
    assert signs[1].argmax() == SIGNS.index("x")
    assert signs[1].max() > 0.9


def written(text: str, *, gap: int = 4) -> list[Digit]:
    """A line of accepted digits and refused signs; a blank leaves a gap."""
    line, x = [], 0
    for character in text:
        if character != " ":
            box = Box(x, 0, x + 20, 30)
            sign = character in SIGNS
            line.append(Digit(character, 0.9, box, rejected=sign, sign=sign))
        x += 60 if character == " " else 20 + gap
    return line


@pytest.mark.parametrize(
    ("text", "none", "number", "everything"),
    [
        ("12", "12", "12", "12"),
        ("3.75", "3 75", "3.75", "3.75"),
        ("-3,5", "3 5", "-3,5", "-3,5"),
        ("7-2", "7 2", "7 2", "7-2"),
        ("7 -2", "7 2", "7 -2", "7 -2"),
        ("5+3=8", "5 3 8", "5 3 8", "5+3=8"),
        ("12/03", "12 03", "12 03", "12/03"),
        ("9.", "9", "9", "9."),
        ("(4)", "4", "4", "(4)"),
    ],
)
def test_signs_are_part_of_the_text_as_far_as_they_are_asked_for(
    text: str, none: str, number: str, everything: str
) -> None:
    expected: dict[SignsName, str] = {"none": none, "number": number, "all": everything}
    assert {wanted: assemble(with_signs(written(text), wanted)) for wanted in expected} == expected
