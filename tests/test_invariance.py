"""A page reads the same whatever a photograph did to it, within reason."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from drawing import PAPER, Gray, page
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_digits import DigitReader

#: Ones are strokes as many marks are, and what a page holds besides is for other tests.
texts = st.lists(st.text("0234567", min_size=2, max_size=5), min_size=1, max_size=3)
pages = st.builds(page, texts, st.integers(44, 70))

READER = DigitReader.load()
Change = Callable[[Gray], Gray]


def scaled(factor: float) -> Change:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return lambda gray: np.asarray(cv2.resize(gray, None, fx=factor, fy=factor, interpolation=method), np.uint8)


def padded(top: int, left: int, bottom: int, right: int) -> Change:
    return lambda gray: np.pad(gray, ((top, bottom), (left, right)), constant_values=PAPER)


def lit(light: float, least: float) -> Change:
    """Contrast and brightness: paper at `light`, pen in proportion, `least` added."""
    return lambda gray: np.clip(np.rint(light * gray.astype(np.float64) + least), 0, 255).astype(np.uint8)


def turned_over(gray: Gray) -> Gray:
    return np.asarray(255 - gray, np.uint8)


changes = st.one_of(
    st.just(turned_over),
    st.floats(0.5, 2.0).map(scaled),
    st.builds(padded, *[st.integers(0, 60)] * 4),
    st.builds(lit, st.floats(0.5, 1.0), st.floats(0, 20)),
)


@settings(max_examples=25)
@given(pages, changes)
def test_a_page_that_was_changed_reads_as_it_did(picture: Gray, change: Change) -> None:
    assert READER.read(change(picture)).text == READER.read(picture).text


@settings(max_examples=25)
@given(texts, st.integers(44, 70))
def test_a_page_reads_as_it_was_written(lines: list[str], height: int) -> None:
    assert READER.read(page(lines, height)).text == "\n".join(lines)


@settings(max_examples=15)
@given(pages, st.floats(0.5, 2.0))
def test_boxes_grow_with_the_picture(picture: Gray, factor: float) -> None:
    small, large = READER.read(picture), READER.read(scaled(factor)(picture))
    for one, other in zip(small.digits, large.digits, strict=True):
        sides = (one.box.x1, one.box.y1, one.box.x2, one.box.y2)
        grown = (other.box.x1, other.box.y1, other.box.x2, other.box.y2)
        assert grown == pytest.approx([factor * side for side in sides], abs=4 + 3 * factor)
