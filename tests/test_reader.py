"""The Python API: a path or an array in, a Reading out, and nothing else than a PictureError where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from drawing import RULINGS, STROKES, Gray, blank, crop, page, png, turned
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from edge_digits import Box, Digit, DigitReader, Model, PictureError, Reading
from edge_digits.choices import Layout
from edge_digits.examination import Examination
from edge_digits.find import Line
from edge_digits.find.scene import WORK_SIDE
from edge_digits.text import fusion
from edge_digits.text.constraint import Constraint

READER = DigitReader.load()
#: A classifier of crops, which are found by rule.
CROPS = Path(__file__).parent / "golden" / "crops.int8.onnx"

dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(),
    hnp.unsigned_integer_dtypes(),
    hnp.floating_dtypes(),
    hnp.complex_number_dtypes(),
)
shapes = st.one_of(
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=40),
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 5)),
    st.tuples(st.just(1), st.integers(0, 300)),
    st.tuples(st.integers(0, 300), st.just(1)),
)
anything = st.builds(np.zeros, shapes, dtypes) | hnp.arrays(dtypes, shapes, fill=st.nothing())


def test_a_picture_is_read_from_its_path(good: Path) -> None:
    reading = READER.read(good)
    assert (reading.text, reading.status, reading.source) == ("427", "ok", str(good))
    assert READER.read(str(good)).text == "427"
    assert READER.read(good, source="scan 1").source == "scan 1"


def test_an_array_gives_what_its_file_gives(good: Path) -> None:
    from_file, from_array = READER.read(good), READER.read(page("427"))
    assert from_file.digits == from_array.digits
    assert (from_array.text, from_array.source) == ("427", "")


@pytest.mark.parametrize("digit", STROKES)
def test_each_digit_is_read_in_any_usual_size(digit: str) -> None:
    reader, sides = DigitReader.load(), (28, 40, 64, 96, 200, 500)
    assert [reader.read(crop(digit, side)).text for side in sides] == [digit] * len(sides)


def test_lines_are_joined_by_a_newline_and_groups_by_a_blank() -> None:
    assert READER.read(page(["427  35", "608"])).text == "427 35\n608"


def test_the_digits_of_a_reading_are_those_of_its_text_in_their_order() -> None:
    reading = READER.read(page(["427", "608"]))
    assert "".join(digit.label for digit in reading.digits) == "427608"
    assert [digit.line for digit in reading.digits] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("scale", [1, 4, 12])
def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(scale: int) -> None:
    small = page("427")
    picture = np.asarray(cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)
    reading = READER.read(picture)
    assert (reading.width, reading.height) == (picture.shape[1], picture.shape[0])
    for place, digit in enumerate(reading.digits):
        x = scale * (30 + 66 * place)  # as `page` places them: 36 wide, 60 high, pen 5
        box = digit.box
        assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx(
            (x, 30 * scale, x + 36 * scale, 90 * scale), abs=6 * scale
        )
        assert (picture[box.y1 : box.y2, box.x1 : box.x2] < 100).any()


def test_the_text_stays_the_same_when_the_picture_is_large_or_inverted_or_in_colour() -> None:
    gray = page("427")
    pictures: dict[str, NDArray[Any]] = {
        "large": cv2.resize(gray, None, fx=9, fy=9),
        "inverted": 255 - gray,
        "colour": cv2.applyColorMap(gray, cv2.COLORMAP_BONE),
        "16 bits": gray.astype(np.uint16) * 257,
        "float": gray / 255,
        "bool": gray > 128,
        "with alpha": np.dstack([np.zeros((*gray.shape, 3), np.uint8), 255 - gray]),
    }
    assert {name: READER.read(picture).text for name, picture in pictures.items()} == dict.fromkeys(pictures, "427")


@settings(max_examples=150)
@given(anything)
@pytest.mark.slow
def test_any_array_gives_a_reading_or_a_picture_error(picture: NDArray[Any]) -> None:
    try:
        reading = READER.read(picture)
    except PictureError as error:
        assert str(error)  # noqa: PT017  # either is fine; the message may not be empty
        return
    assert (reading.height, reading.width) == picture.shape[:2]
    assert 0 <= reading.confidence <= 1
    for digit in reading.digits:
        assert 0 <= digit.box.x1 < digit.box.x2 <= reading.width
        assert 0 <= digit.box.y1 < digit.box.y2 <= reading.height


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 130), st.integers(1, 130)), elements=st.sampled_from([0, 90, 255]))
)
def test_any_pattern_gives_a_reading_whose_parts_agree(picture: Gray) -> None:
    reading = READER.read(picture)
    accepted = [digit for digit in reading.digits if not digit.rejected]
    assert reading.text.replace("\n", "").replace(" ", "") == "".join(digit.label for digit in accepted)
    assert 0 < reading.confidence <= 1 if accepted else reading.confidence == 0
    digits = [digit for digit in reading.digits if not digit.sign]
    expected = "no_digits" if not digits else "ok" if len(accepted) == len(digits) else "uncertain"
    assert reading.status == expected


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 300), (300, 1), (3, 3), (4, 4), (28, 28), (40, 5000), (600, 800)], ids=str
)
@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_even_picture_has_no_digits(shape: tuple[int, int], value: int) -> None:
    reading = READER.read(np.full(shape, value, np.uint8))
    assert (reading.text, reading.status, reading.digits, reading.confidence) == ("", "no_digits", (), 0.0)


@pytest.mark.parametrize("ruling", RULINGS)
def test_an_empty_cell_of_a_ruled_form_reads_nothing(ruling: str) -> None:
    cell = blank(96, 96)
    RULINGS[ruling](cell)
    assert READER.read(cell).text == ""


def test_an_empty_sheet_of_a_squared_exercise_book_reads_nothing() -> None:
    sheet = blank(600, 800)
    sheet[30::40] = sheet[:, 25::40] = 170
    assert READER.read(sheet).text == ""


def test_a_digit_is_read_on_squared_paper() -> None:
    sheet = page("427", 90)
    sheet[30::40] = np.minimum(sheet[30::40], 170)
    sheet[:, 25::40] = np.minimum(sheet[:, 25::40], 170)
    assert READER.read(sheet).text == "427"


def test_conf_rejects_what_is_less_sure_and_says_so() -> None:
    strict = DigitReader.load(conf=1.0)
    reading = strict.read(page("427"))
    assert (reading.text, reading.status, reading.confidence) == ("", "uncertain", 0.0)
    assert [(digit.label, digit.rejected) for digit in reading.digits] == [("4", True), ("2", True), ("7", True)]


def test_a_reading_is_uncertain_where_one_of_its_digits_is_rejected() -> None:
    sure = READER.read(page("427"))
    least = min(digit.confidence for digit in sure.digits)
    reading = DigitReader.load(conf=float(np.nextafter(least, 1))).read(page("427"))
    assert reading.status == "uncertain"
    assert sum(digit.rejected for digit in reading.digits) == 1
    assert len(reading.text) == 2


def blends(before: str, after: str) -> list[Gray]:
    """Numbers with a digit that is half one and half another."""
    both = [(page(before + one + after), page(before + other + after)) for one, other in ("57", "29", "13", "26", "49")]
    return [
        np.asarray(cv2.addWeighted(one, share, other, 1.0 - share, 0.0), np.uint8)
        for one, other in both
        for share in np.linspace(0.3, 0.7, 17)
    ]


def test_in_a_number_an_unclear_digit_is_read_and_alone_it_is_refused() -> None:
    def unclear(reader: DigitReader, pictures: list[Gray]) -> list[Digit]:
        digits = [one.digit for picture in pictures for one in reader.examine(picture).candidates if one.chosen]
        return [
            digit
            for digit in digits
            if 0.31 < digit.confidence < reader.conf < sum(share for _, share in digit.topk) - 0.01
        ]

    usual = DigitReader.load(top_k=10)
    inside, alone = unclear(usual, blends("4", "27")), unclear(usual, blends("", ""))
    assert {digit.rejected for digit in inside} == {False}
    assert {digit.rejected for digit in alone} == {True}
    asked = DigitReader.load(top_k=10, conf=usual.conf)
    assert {digit.rejected for digit in unclear(asked, blends("4", "27"))} == {True}


def test_conf_0_rejects_only_what_is_more_likely_none_than_a_digit() -> None:
    lenient = DigitReader(READER.model, conf=0.0, top_k=10)
    noise = np.random.default_rng(0).integers(0, 2, (12, 30, 30), np.uint8) * np.uint8(255)
    pictures = [*noise, *(crop(digit, 36, width=0.25) for digit in STROKES)]
    digits = [one.digit for picture in pictures for one in lenient.examine(picture).candidates if one.chosen]
    assert [digit.rejected for digit in digits] == [sum(share for _, share in digit.topk) < 0.5 for digit in digits]
    assert {digit.rejected for digit in digits} == {True, False}, "else this test sees one side only"


def test_what_can_hardly_be_a_digit_is_not_listed_and_what_may_be_is() -> None:
    for picture in (*np.random.default_rng(0).integers(0, 2, (12, 30, 30), np.uint8) * np.uint8(255), page("427")):
        examination = DigitReader.load(conf=1.0).examine(picture)
        chosen = [one.digit for one in examination.candidates if one.chosen]
        assert [digit for digit in chosen if digit.confidence >= 0.1] == list(examination.reading.digits)


def test_without_conf_the_threshold_of_scenes_holds_or_that_of_a_model_of_crops() -> None:
    assert DigitReader(READER.model).conf == fusion.THRESHOLD
    assert DigitReader.load(CROPS).conf == Model.load(CROPS).card.reject["threshold"]


@pytest.mark.parametrize(("asked", "given_"), [(1, 1), (3, 3), (10, 10), (100, 10)])
def test_top_k_lists_that_many_classes_best_first(asked: int, given_: int) -> None:
    (digit,) = DigitReader(READER.model, top_k=asked).read(crop("4")).digits
    assert len(digit.topk) == given_
    assert digit.topk[0] == (digit.label, digit.confidence)
    shares = [share for _, share in digit.topk]
    assert shares == sorted(shares, reverse=True)


def test_every_step_is_timed(good: Path) -> None:
    assert list(READER.read(good).speed_ms) == ["decode", "find", "normalize", "infer"]
    assert list(READER.read(page("427")).speed_ms) == ["find", "normalize", "infer"]
    assert all(ms >= 0 for ms in READER.read(good).speed_ms.values())


def test_an_examination_keeps_every_step() -> None:
    picture = page(["42", "7"])
    examination = DigitReader(READER.model).examine(picture, "a page")
    assert examination.reading.source == "a page"
    assert examination.picture is picture
    (look,) = examination.looks
    assert look.work.shape == look.ink.strength.shape == picture.shape
    assert [len(line.candidates) for line in look.lines] == [2, 1]
    assert [one.digit for one in examination.candidates] == list(examination.reading.digits)
    assert all(one.chosen for one in examination.candidates)
    seen = np.stack([one.seen for one in examination.candidates])
    assert seen.shape == (3, 28, 28)
    labels = READER.model.card.labels
    best = READER.model.probabilities(seen).argmax(axis=1)
    assert [labels[i] for i in best] == [digit.label for digit in examination.reading.digits]


def test_an_examination_of_a_large_picture_keeps_what_was_looked_at() -> None:
    (look,) = READER.examine(np.asarray(cv2.resize(page("427"), (2580, 1500)), np.uint8)).looks
    assert look.view.size == (2580, 1500)
    assert max(look.work.shape) == WORK_SIDE
    assert look.work.shape == look.ink.strength.shape


def chains(line: Line, node: int = 0) -> list[list[int]]:
    """All ways from a node of a line to its end, as places among its candidates."""
    if node == line.nodes - 1:
        return [[]]
    return [
        [place, *rest]
        for place, candidate in enumerate(line.candidates)
        if candidate.start == node
        for rest in chains(line, candidate.end)
    ]


def counted(examination: Examination) -> tuple[list[bool], float]:
    """By counting all ways through the candidates: which are on the best, and its share in the sum of all."""
    chosen, share, first = [], 1.0, 0
    for line in (line for look in examination.looks for line in look.lines):
        tops, sums = [], []
        for place, candidate in enumerate(line.candidates):
            pieces = candidate.end - candidate.start
            labels = np.array([p for _, p in examination.candidates[first + place].digit.topk])
            alone = sum(c.start <= candidate.start < c.end for c in line.candidates) == 1
            none = (1.0 - labels.sum()) * (1.0 if alone else np.exp(-4.0))
            shares = np.append(labels, none) ** pieces
            tops.append(shares.max())
            sums.append(shares.sum())
        ways = chains(line)
        scores = [np.prod([tops[place] for place in way]) for way in ways]
        best = ways[int(np.argmax(scores))]
        chosen += [place in best for place in range(len(line.candidates))]
        share *= max(scores) / sum(np.prod([sums[place] for place in way]) for way in ways)
        first += len(line.candidates)
    return chosen, share


@pytest.mark.parametrize(("text", "gap"), [("427", 0.5), ("427", -0.02), ("7253", 0.02), ("88", 0.0)])
def test_the_confidence_is_the_share_of_the_chosen_way_among_all_ways(text: str, gap: float) -> None:
    examination = DigitReader.load(CROPS, top_k=10, conf=0.0).examine(page(text, gap=gap))
    chosen, share = counted(examination)
    assert len(chosen) > len(text) or gap > 0.1, "digits that touch have other cuts"
    assert [one.chosen for one in examination.candidates] == chosen
    assert examination.reading.text
    assert examination.reading.confidence == pytest.approx(share, rel=1e-3)


@pytest.mark.parametrize("text", ["427", "88", "55"])
def test_digits_that_touch_are_read(text: str) -> None:
    """Cut into small enough pieces, anything is surely no digit, which may not be what is chosen."""
    for gap in (0.02, 0.0, -0.02):
        assert DigitReader(READER.model).read(page(text, gap=gap)).text == text


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photo_is_read_upright_as_its_exif_tag_says(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(turned(page("4273"), orientation))
    reading = READER.read(path)
    assert reading.text == "4273"
    assert (reading.height, reading.width) == page("4273").shape


def test_a_photo_is_read_as_it_is_stored_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(turned(page("4273"), 6))
    reading = DigitReader.load(ignore_exif=True).read(path)
    assert (reading.width, reading.height) == page("4273").shape
    assert reading.text != "4273"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.png", None, "cannot be read"),
        ("empty.png", b"", r"is empty \(0 bytes\)"),
        ("text.png", b"hello\n", "no picture that can be read"),
        ("short.png", png(page("427"))[:500], "cut short"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_picture_error_with_its_name(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PictureError, match=reason) as refused:
        READER.read(tmp_path / name)
    assert str(refused.value).startswith(str(tmp_path / name))


def test_the_picture_that_is_given_is_left_alone() -> None:
    picture = page("427")
    before = picture.copy()
    READER.read(picture)
    np.testing.assert_array_equal(picture, before)


def test_reading_twice_gives_the_same() -> None:
    first, second = READER.read(page("4 2")), READER.read(page("4 2"))
    assert first.digits == second.digits


def test_a_reading_can_be_used_as_the_documentation_shows(good: Path) -> None:
    reading: Reading = DigitReader.load("base.fp32", threads=2, conf=0.5, top_k=1).read(good)
    box: Box = reading.digits[0].box
    assert (reading.text, len(reading.digits[0].topk)) == ("427", 1)
    assert box.x1 < box.x2


def test_photographed_digits_are_read(data: Path) -> None:
    rows = [line.split(",") for line in (data / "photo_cells" / "labels.csv").read_text().splitlines()[1:]]
    files = [(file, label) for file, label, *_ in rows if label != "none"][::4]
    right = [READER.read(data / "photo_cells" / file).text == label for file, label in files]
    assert len(right) > 100
    assert np.mean(right) > 0.9


def test_empty_cells_of_photographed_forms_read_nothing(data: Path) -> None:
    rows = [line.split(",") for line in (data / "photo_cells" / "labels.csv").read_text().splitlines()[1:]]
    files = [file for file, label, *_ in rows if label == "none"][::4]
    silent = [READER.read(data / "photo_cells" / file).text == "" for file in files]
    assert len(silent) > 90
    assert np.mean(silent) > 0.9


@pytest.mark.parametrize("layout", ["auto", "digit"])
def test_a_constraint_that_changes_nothing_leaves_the_confidence_of_a_crop(layout: Layout) -> None:
    """A crop's two boxes are places of one digit: they were counted as two rival readings.

    That it holds none is ruled out, which is all that the digit gains.
    """
    crops = [crop(digit) for digit in STROKES if digit != "1"]
    asked = (None, Constraint(digits=1))
    free, bound = (DigitReader.load(layout=layout, constraint=constraint, top_k=10) for constraint in asked)
    for picture in crops:
        reading = free.read(picture)
        (digit,) = reading.digits
        there = sum(share for _, share in digit.topk)
        assert bound.read(picture).text == reading.text != ""
        assert bound.read(picture).confidence == pytest.approx(reading.confidence / there, abs=1e-3)
