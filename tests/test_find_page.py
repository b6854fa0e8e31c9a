"""The finder of pages: lines and patterns out, digits that touch cut, the same digits at any size and light."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from drawing import STROKES, Gray, blank, page, write
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_digits.find import Glyph, Line, find, find_digits, split
from edge_digits.find.grid import without_grid
from edge_digits.find.pen import pen_mask
from edge_digits.imaging.ink import Ink, extract_ink

Box = tuple[int, int, int, int]
NDArrayBool = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def ink_of(picture: Gray) -> Ink:
    return extract_ink(picture, 0.1)


def box(glyph: Glyph) -> Box:
    return glyph.x, glyph.y, glyph.x + glyph.width, glyph.y + glyph.height


def boxes(picture: Gray) -> list[list[Box]]:
    return [[box(glyph) for glyph in line] for line in find_digits(ink_of(picture))]


def changed(one: Box, change: Callable[[int], int]) -> Box:
    x1, y1, x2, y2 = one
    return change(x1), change(y1), change(x2), change(y2)


def same(one: list[list[Box]], other: list[list[Box]], within: float) -> bool:
    return [len(line) for line in one] == [len(line) for line in other] and all(
        abs(a - b) <= within
        for first, second in zip(one, other, strict=True)
        for left, right in zip(first, second, strict=True)
        for a, b in zip(left, right, strict=True)
    )


def written(picture: Gray) -> Box:
    """The box of all ink on bare paper."""
    x, y, w, h = cv2.boundingRect((picture < 150).astype(np.uint8))
    return x, y, x + w, y + h


def overlap(glyph: Glyph, drawn: NDArrayBool) -> float:
    """Intersection over union of a glyph's ink and of what was drawn, bool [H, W]."""
    own = np.zeros_like(drawn)
    own[glyph.y : glyph.y + glyph.height, glyph.x : glyph.x + glyph.width] = glyph.ink > 92
    return float((own & drawn).sum() / (own | drawn).sum())


# --- lines ---


def ruled(paper: Gray) -> None:
    for y in range(75, 480, 90):
        paper[y : y + 2] = 110


def grid(paper: Gray) -> None:
    for number, at in enumerate(range(20, 480, 70)):
        pen = 4 if number % 3 == 0 else 2
        paper[at : at + pen, 20:444] = 70
        paper[20:444, at : at + pen] = 70


def leaning_grid(paper: Gray) -> None:
    for at in range(20, 480, 70):
        cv2.line(paper, (10, at), (470, at + 40), 80, 2, cv2.LINE_AA)
        cv2.line(paper, (at + 40, 10), (at, 470), 80, 2, cv2.LINE_AA)


def form(paper: Gray) -> None:
    for row in (60, 200, 340):
        cv2.rectangle(paper, (30, row), (450, row + 80), 90, 2)


@pytest.mark.parametrize("print_", [ruled, grid, leaning_grid, form], ids=lambda rule: rule.__name__)
def test_lines_of_a_page_go_and_all_digits_stay(print_: Callable[[Gray], None]) -> None:
    paper = blank(480, 480)
    for place, digit in enumerate("23056898"):
        write(paper, digit, 38 + 140 * (place % 3), 32 + 140 * (place // 3), 44)
    alone = boxes(paper)
    print_(paper)
    found = boxes(paper)
    assert sorted(map(len, found)) == [2, 3, 3]
    assert same(found, alone, within=6)


@pytest.mark.parametrize("digit", STROKES)
def test_a_line_through_a_digit_does_not_cut_it(digit: str) -> None:
    paper = blank(300, 400)
    write(paper, digit, 170, 110, 80)
    write(paper, "8", 60, 110, 80)
    alone = boxes(paper)
    cv2.line(paper, (0, 130), (399, 122), 90, 2, cv2.LINE_AA)
    assert same(boxes(paper), alone, within=5)


@pytest.mark.parametrize("text", ["1", "11", "1111", "17", "4"])
@pytest.mark.parametrize("height", [60, 120, 240])
def test_an_upright_stroke_of_a_digit_is_no_line(text: str, height: int) -> None:
    assert [len(line) for line in boxes(page(text, height))] == [len(text)]


def test_an_empty_grid_holds_nothing() -> None:
    paper = blank(480, 480)
    grid(paper)
    assert find(ink_of(paper)) == []


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 200), st.integers(1, 200)), elements=st.integers(0, 1)))
@settings(max_examples=30)
def test_taking_lines_out_only_takes(mask: Gray) -> None:
    left = without_grid(mask)
    assert left.shape == mask.shape
    assert (left <= mask).all()


# --- pattern ---


def patterned(height: int, width: int) -> Gray:
    """Paper as of a bank cheque: waves, of a third of the pen's strength."""
    y, x = np.mgrid[:height, :width]
    waves = np.sin((y + 6 * np.sin(x / 25)) * 2 * np.pi / 5) + np.sin((x - y) * 2 * np.pi / 9)
    return np.asarray(np.clip(215 - 22 * waves, 0, 255), np.uint8)


def test_a_printed_pattern_is_no_ink() -> None:
    paper = patterned(70, 300)
    plain = blank(70, 300)
    for place, digit in enumerate("40592"):
        for sheet in (paper, plain):
            write(sheet, digit, 20 + 55 * place, 14, 40, width=0.12)
    blurred = np.asarray(cv2.GaussianBlur(paper, (3, 3), 0), np.uint8)
    assert same(boxes(blurred), boxes(plain), within=4)
    assert float(pen_mask(ink_of(blurred)).mean()) < 1.6 * float((plain < 150).mean())


# --- digits that touch ---


def touching(text: str, height: int = 60, gap: float = -0.04) -> tuple[Gray, list[NDArrayBool]]:
    """Digits set so close that they touch, and where each one's ink is."""
    drawn: list[Gray] = []
    x = 0.4 * height
    for digit in text:
        paper = blank(round(1.8 * height), round((0.8 + 0.65 * len(text)) * height))
        write(paper, digit, x, 0.4 * height, height)
        x1, _, x2, _ = written(paper)
        moved = blank(*paper.shape)
        write(moved, digit, 2 * x - x1, 0.4 * height, height)
        drawn.append(moved)
        x += x2 - x1 + gap * height
    return np.minimum.reduce(drawn), [sheet < 150 for sheet in drawn]


@pytest.mark.parametrize("text", ["00", "55", "23", "84", "38", "500", "27", "6042", "909"])
def test_digits_that_touch_are_among_the_candidates(text: str) -> None:
    picture, digits = touching(text)
    lines = find(ink_of(picture))
    assert len(lines) == 1
    for drawn in digits:
        assert max(overlap(one.glyph, drawn) for one in lines[0].candidates) > 0.65


def leads_through(line: Line) -> bool:
    """Every candidate lies on a chain from the first node to the last."""
    starts, ends = {one.start for one in line.candidates}, {one.end for one in line.candidates}
    return all(
        one.start < one.end
        and (one.start == 0 or one.start in ends)
        and (one.end == line.nodes - 1 or one.end in starts)
        for one in line.candidates
    )


@pytest.mark.parametrize("text", ["0123456789", "500 23 11", "88888888"])
@pytest.mark.parametrize("gap", [-0.05, 0.3])
def test_candidates_form_a_lattice(text: str, gap: float) -> None:
    for line in find(ink_of(touching(text.replace(" ", ""), gap=gap)[0])):
        assert leads_through(line)
        assert {one.start for one in line.candidates} | {line.nodes - 1} <= set(range(line.nodes))


def test_digits_that_stand_apart_are_not_cut() -> None:
    for line in find(ink_of(page(["0123456789", "9876543210"]))):
        assert [(one.start, one.end) for one in line.candidates] == [(n, n + 1) for n in range(10)]


@pytest.mark.parametrize("wide", [1.0, 1.6, 2.2])
@pytest.mark.parametrize("digit", STROKES)
def test_a_digit_keeps_itself_as_a_candidate(digit: str, wide: float) -> None:
    """Also a 2, 5 or 7 of a generous hand, which is worth an attempt at cutting."""
    paper = blank(100, 100)
    write(paper, digit, 25, 20, 60)
    stretched = np.asarray(cv2.resize(paper, None, fx=wide, fy=1.0, interpolation=cv2.INTER_LINEAR), np.uint8)
    (line,) = find_digits(ink_of(stretched))
    (glyph,) = line
    found, last = split.candidates(glyph)
    assert [same([[box(one)]], [[box(glyph)]], within=2) for start, end, one in found if (start, end) == (0, last)] == [
        True
    ]


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=60)))
@settings(max_examples=50)
def test_whatever_the_ink_candidates_are_parts_of_it(ink: Gray) -> None:
    if not ink.any():
        return
    found, last = split.candidates(Glyph(5, 7, ink))
    for start, end, one in found:
        assert 0 <= start < end <= last
        part = ink[one.y - 7 : one.y - 7 + one.height, one.x - 5 : one.x - 5 + one.width]
        assert ((one.ink == 0) | (one.ink == part)).all()
        assert one.ink.any()


# --- the same digits whatever is done to the picture ---

PAGE = page(["0123456789", "27 58"], 60)


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5, 2.0])
def test_a_scaled_page_holds_the_same_digits(scale: float) -> None:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(PAGE, None, fx=scale, fy=scale, interpolation=method), np.uint8)
    found = [[changed(one, lambda v: round(v / scale)) for one in line] for line in boxes(scaled)]
    assert same(found, boxes(PAGE), within=4)


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: 255 - picture,
        lambda picture: np.rint(0.6 * picture).astype(np.uint8),
        lambda picture: np.rint(60 + 0.7 * picture).astype(np.uint8),
        lambda picture: np.rint(picture * np.linspace(0.45, 1.0, picture.shape[1])).astype(np.uint8),
    ],
    ids=["inverted", "darker", "faded", "in a shadow"],
)
def test_light_and_polarity_change_nothing(change: Callable[[Gray], Gray]) -> None:
    assert same(boxes(change(PAGE)), boxes(PAGE), within=2)


@pytest.mark.parametrize("margin", [20, 100])
def test_a_margin_moves_the_digits_and_changes_nothing(margin: int) -> None:
    padded = np.pad(PAGE, margin, constant_values=int(PAGE[0, 0]))
    moved = [[changed(one, lambda v: v - margin) for one in line] for line in boxes(padded)]
    assert same(moved, boxes(PAGE), within=2)


def test_marks_of_other_sizes_do_not_tear_a_line_apart() -> None:
    paper = page("42795")
    alone = boxes(paper)
    write(paper, "0", 60, 3, 12)
    cv2.line(paper, (90, 100), (86, 106), 40, 3, cv2.LINE_AA)
    cv2.circle(paper, (222, 92), 3, 40, -1, cv2.LINE_AA)
    assert any(same([line], alone, within=1) for line in boxes(paper))


def test_a_page_on_a_dark_table_is_dark_on_light() -> None:
    table = np.random.default_rng(0).integers(30, 50, (600, 700)).astype(np.uint8)
    table[150:450, 100:600] = 230
    for place, digit in enumerate("40592"):
        write(table, digit, 150 + 80 * place, 250, 60)
    assert not ink_of(table).inverted
    assert 5 in [len(line) for line in boxes(table)]


def test_noughts_written_small_are_digits_and_dots_are_not() -> None:
    paper = blank(120, 330)
    write(paper, "4", 20, 30, 64)
    write(paper, "0", 80, 58, 28)
    for place in range(3):
        write(paper, "0", 150 + 40 * place, 66, 22, width=0.15)
    cv2.circle(paper, (125, 88), 3, 40, -1, cv2.LINE_AA)
    assert [len(line) for line in boxes(paper)] == [5]
