"""What a reader is told of its pictures: layout, regions, rotation, and what is known of the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from drawing import Gray, blank, crop, page, write
from numpy.typing import NDArray

from edge_digits import Box, DigitReader, UsageError
from edge_digits.choices import LAYOUTS, ROTATIONS, Layout
from edge_digits.imaging.regions import Region, rotate
from edge_digits.inference.session import Finder
from edge_digits.text.constraint import Constraint

PAGE = page(["427", "608"])
#: A classifier of crops, which are found by rule.
CROPS = Path(__file__).parent / "golden" / "crops.int8.onnx"


def centre(box: Box) -> tuple[float, float]:
    return (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2


# --- layouts ---


@pytest.mark.parametrize("side", [28, 64, 200, 900])
def test_layout_digit_reads_one_digit_of_any_size(side: int) -> None:
    picture = crop("5", side)
    (digit,) = DigitReader.load(layout="digit").read(picture).digits
    assert digit.label == "5"
    ink = np.argwhere(picture < 150)
    (y1, x1), (y2, x2) = ink.min(axis=0), ink.max(axis=0) + 1
    box = digit.box
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((x1, y1, x2, y2), abs=max(2, 0.03 * side))


def test_layout_digit_gives_one_digit_of_a_page_of_many() -> None:
    reading = DigitReader.load(layout="digit", conf=0.0).read(PAGE)
    assert len(reading.digits) <= 1


def test_layout_page_reads_a_page_however_small() -> None:
    small = np.asarray(cv2.resize(page("42", 60), None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), np.uint8)
    assert min(small.shape) <= 64
    assert DigitReader.load(layout="page").read(small).text == "42"


def test_layout_page_keeps_its_lines_and_layout_line_makes_them_one() -> None:
    stairs = blank(260, 420)
    for place, digit in enumerate("4275"):
        write(stairs, digit, 30 + 100 * place, 20 + 58 * place, 60)
    assert DigitReader.load(layout="page").read(stairs).text.split() == ["4", "2", "7", "5"]
    reading = DigitReader.load(layout="line").read(stairs)
    assert reading.text == "4275"
    assert {digit.line for digit in reading.digits} == {0}


def test_layout_line_keeps_the_order_of_digits_that_touch() -> None:
    """Their cuts stay together, whatever lies above them."""
    picture = page("8277", gap=-0.02)
    (line,) = DigitReader.load(CROPS, layout="line").examine(picture).looks[0].lines
    assert len(line.candidates) > 4
    starts = [candidate.start for candidate in line.candidates]
    lefts = [candidate.glyph.x for candidate in line.candidates]
    for start in sorted(set(starts)):
        before = [x for x, node in zip(lefts, starts, strict=True) if node < start]
        here = [x for x, node in zip(lefts, starts, strict=True) if node == start]
        assert not before or min(here) >= min(before)


@pytest.mark.parametrize(
    ("picture", "layout", "looks"),
    [
        pytest.param(crop("4", 28), "auto", False, id="tiny and clear"),
        pytest.param(crop("4", 96), "digit", False, id="given and clear"),
        pytest.param(page("42", 30), "digit", True, id="given and unclear"),
        pytest.param(crop("4", 96), "auto", True, id="a crop that may hold more"),
    ],
)
def test_the_finder_looks_only_where_the_reader_is_not_sure_of_one_digit(
    picture: Gray, layout: Layout, looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps, looked = Finder.maps, []

    def counted(self: Finder, plane: Gray) -> NDArray[np.float32]:
        looked.append(plane.shape)
        return maps(self, plane)

    monkeypatch.setattr(Finder, "maps", counted)
    examination = DigitReader.load(layout=layout).examine(picture)
    assert bool(looked) == looks
    assert {candidate.kind == "clear" for candidate in examination.looks[0].lines[0].candidates} == {not looks}
    if not looks:
        (digit,) = examination.reading.digits
        assert (digit.label, digit.rejected) == ("4", False)
        assert digit.confidence > 0.97


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (40, 40), (300, 200)], ids=str)
def test_every_layout_finds_nothing_where_nothing_is(layout: Layout, shape: tuple[int, int]) -> None:
    reading = DigitReader.load(layout=layout).read(np.full(shape, 200, np.uint8))
    assert (reading.text, reading.digits, reading.status) == ("", (), "no_digits")


def test_an_unknown_layout_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="no layout 'book'; there are: auto, digit, line, page"):
        DigitReader.load(layout="book")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no signs 'few'; there are: none, number, all"):
        DigitReader.load(signs="few")  # type: ignore[arg-type]


@pytest.mark.parametrize("degrees", [1, 45, -90, 360])
def test_a_rotation_by_anything_but_quarter_turns_is_refused(degrees: int) -> None:
    with pytest.raises(UsageError, match=f"rotate is 0, 90, 180 or 270 degrees clockwise, not {degrees}"):
        DigitReader.load(rotate=degrees)


# --- regions ---

#: 427 in the upper left, 85 in the lower right, 16 in the upper right.
FORM = np.full((300, 600), 235, np.uint8)
for _text, _x, _y in (("427", 20, 20), ("16", 380, 30), ("85", 400, 200)):
    for _place, _digit in enumerate(_text):
        write(FORM, _digit, _x + 66 * _place, _y, 60)
LEFT, RIGHT, LOWER = Region(0, 0, 0.5, 0.5), Region(0.5, 0, 0.5, 0.5), Region(0.5, 0.5, 0.5, 0.5)


def test_only_the_region_is_read_and_boxes_are_those_of_the_whole_picture() -> None:
    reading = DigitReader.load(regions=[LOWER]).read(FORM)
    assert reading.text == "85"
    assert (reading.width, reading.height) == (600, 300)
    for place, digit in enumerate(reading.digits):
        assert centre(digit.box) == pytest.approx((400 + 66 * place + 18, 230), abs=6)
        assert (FORM[digit.box.y1 : digit.box.y2, digit.box.x1 : digit.box.x2] < 100).any()


def test_several_regions_are_read_in_the_order_that_they_are_given() -> None:
    forth = DigitReader.load(regions=[LEFT, RIGHT, LOWER]).read(FORM)
    back = DigitReader.load(regions=[LOWER, RIGHT, LEFT]).read(FORM)
    assert (forth.text, back.text) == ("427\n16\n85", "85\n16\n427")
    assert [digit.line for digit in forth.digits] == [0, 0, 0, 1, 1, 2, 2]
    assert {digit.box for digit in forth.digits} == {digit.box for digit in back.digits}


def test_a_region_without_digits_leaves_no_line_behind() -> None:
    empty = Region(0, 0.5, 0.5, 0.5)
    assert DigitReader.load(regions=[LEFT, empty, LOWER]).read(FORM).text == "427\n85"
    assert DigitReader.load(regions=[empty]).read(FORM).status == "no_digits"


def test_a_region_is_looked_at_closely() -> None:
    """A number that is too small to be found in the picture as a whole is read in a part of it."""
    large = np.full((3000, 4000), 235, np.uint8)
    for place, digit in enumerate("427"):
        write(large, digit, 3600 + 40 * place, 2800, 36)
    corner = Region(0.88, 0.92, 0.12, 0.05)
    assert DigitReader.load(regions=[corner]).read(large).text == "427"


# --- rotation ---

#: Upside down, or on their sides, most of these are no digits.
UPRIGHT = page(["3473", "7434"])


@pytest.mark.parametrize("degrees", ROTATIONS)
def test_a_turned_page_is_read_after_turning_it_back(degrees: int) -> None:
    stored = rotate(UPRIGHT, -degrees % 360)
    reading = DigitReader.load(rotate=degrees).read(stored)
    assert reading.text == "3473\n7434"
    assert (reading.height, reading.width) == stored.shape
    for digit in reading.digits:
        box = digit.box
        assert 0 <= box.x1 < box.x2 <= reading.width
        assert 0 <= box.y1 < box.y2 <= reading.height
        ink = rotate(stored[box.y1 : box.y2, box.x1 : box.x2], degrees)
        assert DigitReader.load(layout="digit").read(ink).text == digit.label


@pytest.mark.parametrize("degrees", ROTATIONS)
def test_which_way_is_up_can_be_found_out(degrees: int) -> None:
    assert DigitReader.load(rotate=None).read(rotate(UPRIGHT, -degrees % 360)).text == "3473\n7434"


def test_what_reads_as_well_both_ways_is_left_as_it_is() -> None:
    """Eights and noughts, and a page of nothing."""
    picture = page(["808", "080"])
    straight = DigitReader.load().read(picture)
    assert DigitReader.load(rotate=None).read(picture).digits == straight.digits
    assert DigitReader.load(rotate=None).read(blank()).status == "no_digits"


def test_a_region_is_cut_out_before_it_is_turned() -> None:
    lying = rotate(page("427"), 90)
    form = np.full((lying.shape[0] + 200, lying.shape[1] + 300), 235, np.uint8)
    form[200:, 300:] = lying
    part = Region(
        300 / form.shape[1], 200 / form.shape[0], lying.shape[1] / form.shape[1], lying.shape[0] / form.shape[0]
    )
    reading = DigitReader.load(regions=[part], rotate=270).read(form)
    assert reading.text == "427"
    assert all(digit.box.x1 >= 300 and digit.box.y1 >= 200 for digit in reading.digits)


# --- what is known of the text ---


def read_as(picture: Gray, **known: Any) -> tuple[str, tuple[str, ...]]:
    reading = DigitReader.load(constraint=Constraint(**known)).read(picture)
    return reading.text, tuple(warning for warning in reading.warnings if "satisf" in warning)


@pytest.mark.parametrize(
    "known", [{"digits": 6}, {"pattern": "4.7|427608|1"}, {"pattern": r"\d{3}6\d+", "digits": 6}], ids=str
)
def test_what_satisfies_the_constraint_already_is_read_as_it_is(known: dict[str, Any]) -> None:
    assert read_as(PAGE, **known) == ("427\n608", ())


def test_a_constraint_changes_no_more_than_it_must_and_says_so() -> None:
    text, (said,) = read_as(page("427"), pattern="4[18]7")
    assert text in ("417", "487")
    assert said == "read so as to satisfy --pattern '4[18]7'; without it 427"


def test_a_checksum_corrects_what_it_can() -> None:
    assert read_as(page("79927398713", 40), checksum="luhn") == ("79927398713", ())
    text, said = read_as(page("79927398714", 40), checksum="luhn")
    assert text != "79927398714"
    assert Constraint(checksum="luhn").matches(text)
    assert len(said) == 1
    assert "--checksum luhn; without it 79927398714" in said[0]


def test_fewer_digits_than_there_are_leaves_the_least_sure_out() -> None:
    reading = DigitReader.load(constraint=Constraint(digits=2)).read(page("427"))
    assert len(reading.text.replace(" ", "")) == 2
    assert [digit.label for digit in reading.digits if not digit.rejected] == list(reading.text.replace(" ", ""))
    assert any("without it 427" in warning for warning in reading.warnings)


@pytest.mark.parametrize("known", [{"digits": 9}, {"pattern": r"\d{7,}"}], ids=str)
def test_what_cannot_be_satisfied_is_read_as_it_is_and_said(known: dict[str, Any]) -> None:
    text, said = read_as(page("427"), **known)
    assert text == "427"
    assert said == (f"no reading satisfies {Constraint(**known).describe()}",)


def test_a_constraint_spans_all_regions() -> None:
    known = Constraint(pattern="42716")
    reading = DigitReader.load(constraint=known, regions=[LEFT, RIGHT]).read(FORM)
    assert (reading.text, reading.warnings) == ("427\n16", ())


def test_what_a_constraint_asks_for_is_accepted_however_unsure_it_is() -> None:
    reading = DigitReader.load(constraint=Constraint(pattern="999"), conf=0.99).read(page("427"))
    assert (reading.text, reading.status) == ("999", "ok")
    assert reading.confidence == pytest.approx(1.0, abs=1e-3), "the only way there is"
    assert max(digit.confidence for digit in reading.digits) < 0.5


def test_where_the_constraint_cannot_be_satisfied_digits_are_refused_as_without_it() -> None:
    reading = DigitReader.load(constraint=Constraint(digits=9), conf=1.0).read(page("427"))
    assert (reading.text, reading.status, reading.warnings) == ("", "uncertain", ("no reading satisfies --digits 9",))


def test_nothing_satisfies_no_digits_on_blank_paper() -> None:
    assert read_as(blank(), digits=3) == ("", ("no reading satisfies --digits 3",))
