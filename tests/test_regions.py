"""Parts of pictures and rotations: what is seen is what was named, and every box finds its way back."""

from __future__ import annotations

import math

import click
import cv2
import numpy as np
import pytest
from drawing import page, write
from hypothesis import given
from hypothesis import strategies as st

from edge_digits import Box, DigitReader, UsageError
from edge_digits.choices import ROTATIONS, Layout
from edge_digits.commands.options import region
from edge_digits.commands.predict import RotationOption
from edge_digits.imaging.regions import WHOLE, Region, View, crop, rotate, rotate_back

sizes = st.integers(1, 60)
rotations = st.sampled_from(ROTATIONS)


@st.composite
def regions(draw: st.DrawFn) -> Region:
    x, y = draw(st.floats(0, 0.99)), draw(st.floats(0, 0.99))
    return Region(x, y, draw(st.floats(1e-4, 1 - x)), draw(st.floats(1e-4, 1 - y)))


@st.composite
def boxes_within(draw: st.DrawFn, width: int, height: int) -> Box:
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return Box(x1, y1, draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height)))


@given(sizes, sizes, regions(), rotations, st.data())
def test_a_box_in_a_view_leads_back_to_the_same_pixels(
    width: int, height: int, part: Region, degrees: int, data: st.DataObject
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    view = View(width, height, part, degrees)
    seen = view.cut(picture)
    assert view.size == (seen.shape[1], seen.shape[0])
    box = data.draw(boxes_within(*view.size))
    there = view.back(box)
    assert 0 <= there.x1 < there.x2 <= width
    assert 0 <= there.y1 < there.y2 <= height
    np.testing.assert_array_equal(
        rotate(picture[there.y1 : there.y2, there.x1 : there.x2], degrees),
        seen[box.y1 : box.y2, box.x1 : box.x2],
    )


@given(sizes, sizes, rotations)
def test_turning_there_and_back_is_nothing(width: int, height: int, degrees: int) -> None:
    picture = np.arange(width * height, dtype=np.int64).astype(np.uint8).reshape(height, width)
    turned = rotate(picture, degrees)
    np.testing.assert_array_equal(turned, np.rot90(picture, -degrees // 90))
    np.testing.assert_array_equal(rotate(turned, -degrees % 360), picture)
    assert rotate_back(Box(0, 0, turned.shape[1], turned.shape[0]), degrees, width, height) == Box(0, 0, width, height)


def test_colours_are_rotated_like_grey() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    for degrees in ROTATIONS:
        for channel in range(3):
            np.testing.assert_array_equal(
                rotate(picture, degrees)[:, :, channel], rotate(np.ascontiguousarray(picture[:, :, channel]), degrees)
            )


@pytest.mark.parametrize("degrees", [1, 45, -90, 360])
def test_a_rotation_by_anything_but_quarter_turns_is_refused(degrees: int) -> None:
    with pytest.raises(UsageError, match=f"not {degrees}$"):
        View(640, 480, rotate=degrees)
    with pytest.raises(UsageError, match=f"not {degrees}$"):
        rotate(np.zeros((4, 6), np.uint8), degrees)


@given(sizes, sizes, regions())
def test_a_region_is_never_empty_and_never_out_of_the_picture(width: int, height: int, part: Region) -> None:
    box = part.box(width, height)
    assert 0 <= box.x1 < box.x2 <= width
    assert 0 <= box.y1 < box.y2 <= height


@given(st.integers(1, 5000), st.data())
def test_pixels_as_fractions_are_those_pixels(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, size))
    part = Region.parse(f"{first / size:.6f},0,{(end - first) / size:.6f},1")
    assert (part.box(size, 1).x1, part.box(size, 1).x2) == (first, end)


@given(regions())
def test_a_region_is_written_as_it_is_read(part: Region) -> None:
    assert Region.parse(f"{part.x!r},{part.y!r},{part.w!r},{part.h!r}") == part


def test_halves_of_a_picture_are_its_halves() -> None:
    picture = np.arange(60, dtype=np.uint8).reshape(6, 10)
    np.testing.assert_array_equal(crop(picture, Region.parse("0.5, 0, 0.5, 1")), picture[:, 5:])
    np.testing.assert_array_equal(crop(picture, Region.parse("0,0,1,0.5")), picture[:3])
    assert crop(picture, WHOLE).shape == picture.shape


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "four numbers, not 1"),
        ("0,0,1", "four numbers, not 3"),
        ("0,0,1,1,1", "four numbers, not 5"),
        ("0,0,1,one", "'one' is no number"),
        ("0,,1,1", "'' is no number"),
        ("0,0,nan,1", "are numbers from 0 to 1"),
        ("0,0,inf,1", "are numbers from 0 to 1"),
        ("10,20,300,200", "Divide pixels"),
        ("-0.1,0,1,1", "begins outside"),
        ("0,0,0,1", "more than 0"),
        ("0,0,1,-0.5", "more than 0"),
        ("0.5,0,0.6,1", "ends at 1.1, beyond the right edge"),
        ("0,0.7,1,0.9", "beyond the bottom edge"),
    ],
)
def test_a_region_that_is_none_is_refused_with_its_mistake(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as refused:
        Region.parse(text)
    assert "\n" not in str(refused.value)
    with pytest.raises(UsageError, match="--roi .*" + reason):
        region(text)


def test_the_options_give_what_the_library_takes() -> None:
    assert region("0,0,0.5,1") == Region(0, 0, 0.5, 1)
    asked = ("0", "90", "180", "270", "auto")
    assert [RotationOption().convert(text, None, None) for text in asked] == [0, 90, 180, 270, None]
    with pytest.raises(click.BadParameter, match="'45' is not one of"):
        RotationOption().convert("45", None, None)


@pytest.mark.parametrize("degrees", ROTATIONS)
def test_a_number_on_one_half_of_a_turned_page_is_read_and_its_boxes_lie_on_it(degrees: int) -> None:
    written = np.hstack([page("85"), page("427")])
    stored = rotate(written, -degrees % 360)
    share = page("85").shape[1] / written.shape[1]
    part = {
        0: Region(share, 0, 1 - share, 1),
        90: Region(0, 0, 1, 1 - share),
        180: Region(0, 0, 1 - share, 1),
        270: Region(0, share, 1, 1 - share),
    }[degrees]
    view = View(stored.shape[1], stored.shape[0], part, degrees)
    reading = DigitReader.load().read(view.cut(stored))
    assert reading.text == "427"
    direct = DigitReader.load().read(written)
    for seen, digit in zip(reading.digits, direct.digits[2:], strict=True):
        there = rotate_back(digit.box, degrees, view.width, view.height)
        found = view.back(seen.box)
        gaps = (found.x1 - there.x1, found.y1 - there.y1, found.x2 - there.x2, found.y2 - there.y2)
        assert max(map(abs, gaps)) <= 6, "a tenth of the height: a part of a page is looked at on other scales"


def test_a_view_of_a_smaller_copy_shows_the_same_part() -> None:
    picture = np.zeros((400, 600), np.uint8)
    picture[200:, 300:] = 255
    view = View(600, 400, Region(0.5, 0.5, 0.5, 0.5))
    assert (view.cut(picture) == 255).all()
    assert (view.cut(picture[::4, ::4]) == 255).all()
    assert math.prod(view.size) == 300 * 200


@pytest.mark.parametrize("layout", ["auto", "digit"])
@pytest.mark.parametrize("letter", ["W", "E", "X"])
def test_what_one_region_holds_says_nothing_of_another(layout: Layout, letter: str) -> None:
    """Beside a region with a clear digit, letters of another one were digits."""
    paper = np.full((90, 200), 255, np.uint8)
    write(paper, "7", 30, 15, 60)
    cv2.putText(paper, letter, (125, 72), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 0, 6, cv2.LINE_AA)
    halves = Region(0, 0, 0.5, 1), Region(0.5, 0, 0.5, 1)
    alone = [DigitReader.load(layout=layout, regions=(half,)).read(paper) for half in halves]
    together = DigitReader.load(layout=layout, regions=halves).read(paper)
    assert alone[0].text == "7"
    assert together.text == "\n".join(reading.text for reading in alone if reading.text)
    listed = [(digit.label, digit.rejected, digit.confidence) for digit in together.digits]
    assert listed == [(digit.label, digit.rejected, digit.confidence) for part in alone for digit in part.digits]
