"""Where the digits are: strokes put together and told apart, ruling and specks left out."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from drawing import PEN, RULINGS, STROKES, Gray, blank, crop, page, write
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_digits.find import Glyph, find_digit, find_digits
from edge_digits.imaging.ink import extract_ink

Box = tuple[int, int, int, int]


def box(glyph: Glyph | None) -> Box:
    assert glyph is not None
    return glyph.x, glyph.y, glyph.x + glyph.width, glyph.y + glyph.height


def found(picture: Gray) -> list[list[Box]]:
    """Boxes by line in a picture that may hold many digits."""
    return [[box(glyph) for glyph in line] for line in find_digits(extract_ink(picture, 0.1))]


def found_one(crop_of_one: Gray) -> Box:
    return box(find_digit(extract_ink(crop_of_one)))


def drawn(picture: Gray) -> Box:
    """The box of everything that a pen has drawn on bare paper."""
    rows, columns = np.nonzero((picture < 150).any(axis=1))[0], np.nonzero((picture < 150).any(axis=0))[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def same(one: Box, other: Box, within: int = 3) -> bool:
    return all(abs(a - b) <= within for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("side", [28, 64, 96, 200])
@pytest.mark.parametrize("digit", STROKES)
def test_a_digit_in_the_middle_of_its_crop_is_found_whole(digit: str, side: int) -> None:
    picture = crop(digit, side)
    assert same(found_one(picture), drawn(picture))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (28, 28), (120, 200), (24, 2000), (2000, 1)], ids=str)
def test_blank_paper_holds_nothing(shape: tuple[int, int]) -> None:
    assert find_digit(extract_ink(blank(*shape))) is None
    assert found(blank(*shape)) == []


@pytest.mark.parametrize("sigma", [2, 4, 8])
@pytest.mark.parametrize("shape", [(200, 300), (480, 640)], ids=str)
def test_bare_paper_with_the_grain_of_a_camera_holds_nothing(shape: tuple[int, int], sigma: float) -> None:
    noise = np.random.default_rng(1).normal(0, sigma, shape)
    assert found(np.clip(np.rint(blank(*shape) + noise), 0, 255).astype(np.uint8)) == []


def test_digits_are_found_in_reading_order_line_by_line() -> None:
    height = 60
    lines = found(page(["0123", "45", "6789"], height))
    assert [len(line) for line in lines] == [4, 2, 4]
    for number, line in enumerate(lines):
        assert line == sorted(line), "from the left"
        assert all(same((y1, y2, 0, 0), (round((0.5 + 1.7 * number) * height), y1 + height, 0, 0), 8)
                   for _, y1, _, y2 in line)  # fmt: skip


def test_a_line_that_climbs_is_still_one_line() -> None:
    paper = blank(200, 420)
    for place, digit in enumerate("42795"):
        write(paper, digit, 20 + 80 * place, 110 - 18 * place, 60)
    assert [len(line) for line in found(paper)] == [5]


def test_large_and_small_digits_of_one_line_stay_in_it() -> None:
    paper = blank(140, 300)
    write(paper, "4", 20, 20, 90)
    write(paper, "2", 110, 50, 55)
    write(paper, "7", 190, 20, 90)
    assert [len(line) for line in found(paper)] == [3]


def test_strokes_of_one_digit_that_do_not_touch_are_one_digit() -> None:
    """A 5 whose bar was set beside it, a 4 left open."""
    paper = blank(140, 260)
    for stroke in ([(60, 28), (95, 24)], [(52, 34), (50, 62), (80, 66), (84, 100), (50, 108)]):
        cv2.polylines(paper, [np.array(stroke, np.int32)], False, PEN, 5, cv2.LINE_AA)
    for stroke in ([(170, 25), (150, 75), (186, 76)], [(193, 40), (192, 112)]):
        cv2.polylines(paper, [np.array(stroke, np.int32)], False, PEN, 5, cv2.LINE_AA)
    assert [len(line) for line in found(paper)] == [2]


def test_dots_commas_and_specks_are_no_digits() -> None:
    paper = page("42 7")
    alone = found(paper)
    cv2.circle(paper, (155, 90), 4, PEN, -1, cv2.LINE_AA)
    cv2.line(paper, (200, 20), (200, 22), PEN, 3)
    cv2.line(paper, (210, 95), (205, 106), PEN, 3, cv2.LINE_AA)
    assert found(paper) == alone


def test_print_that_shows_through_from_the_back_is_no_digit() -> None:
    paper = page("42 ")
    alone = found(paper)
    write(paper, "8", 165, 30, 60, pen=205)
    assert found(paper) == alone


@pytest.mark.parametrize("digit", STROKES)
@pytest.mark.parametrize("ruling", RULINGS)
def test_ruling_is_taken_out_and_the_digit_that_it_crosses_stays(ruling: str, digit: str) -> None:
    picture = crop(digit)
    alone = drawn(picture)
    RULINGS[ruling](picture)
    assert same(found_one(picture), alone, within=6)


@pytest.mark.parametrize("digit", "0345689")  # the foot of a 2 is itself a line
def test_a_digit_that_stands_on_the_line_of_the_rim_keeps_all_but_its_foot(digit: str) -> None:
    paper = blank(96, 96)
    write(paper, digit, 30, 30, 62)
    x1, y1, x2, y2 = drawn(paper)
    paper[88:91] = 60
    found = found_one(paper)
    assert same((*found[:3], 0), (x1, y1, x2, 0))
    assert found[3] - found[1] >= 0.8 * (y2 - y1)


@pytest.mark.parametrize("digit", sorted(set(STROKES) - {"1"}))  # of a 1 that would be a crop without paper
def test_a_crop_cut_at_the_digits_own_edges_holds_the_whole_digit(digit: str) -> None:
    """As a detector's boxes are: the bars of a 4 or a 5 then run from rim to rim, and are no ruling."""
    picture = crop(digit)
    x1, y1, x2, y2 = drawn(picture)
    tight = picture[y1:y2, x1:x2]
    assert same(found_one(tight), (0, 0, x2 - x1, y2 - y1))


def test_the_rest_of_a_neighbour_at_the_rim_is_left_out() -> None:
    picture = crop("4")
    alone = drawn(picture)
    write(picture, "8", 84, 20, 60)
    assert same(found_one(picture), alone)


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=64))
    | hnp.arrays(np.uint8, st.tuples(st.integers(20, 60), st.integers(20, 60)), elements=st.sampled_from([0, 255]))
)
def test_whatever_the_picture_every_glyph_is_ink_within_it(picture: Gray) -> None:
    height, width = picture.shape
    ink = extract_ink(picture)
    glyphs = [glyph for line in find_digits(ink) for glyph in line]
    one = find_digit(ink)
    for glyph in glyphs if one is None else [*glyphs, one]:
        x1, y1, x2, y2 = box(glyph)
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert glyph.ink.max() > 0
        assert (glyph.ink <= ink.strength[y1:y2, x1:x2]).all()


@pytest.mark.slow
def test_many_pictures_of_many_sizes_do_not_fill_the_memory() -> None:
    """A board has 1 GB: a folder of scans, each cut to another size, may not need more than a few of them do."""
    code = """
import resource, numpy as np
from edge_digits.find import find_digits
from edge_digits.imaging.ink import extract_ink
def read(heights):
    for height in heights:
        paper = np.full((height, 960), 235, np.uint8)
        paper[::60] = 100
        paper[300:400, 300:310] = 40
        find_digits(extract_ink(paper, 0.1))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
few = read(range(955, 960))
print(read(range(925, 955)) - few)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 100, "MiB more for 30 pictures than for 5"
