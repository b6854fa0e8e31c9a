"""The rules by which the benchmarks count, on readings made by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from knowing import auroc
from scoring import Answer, Cell, Detection, Score, align, answer_of, outcomes
from timing import milliseconds

from edge_digits.results import Box, Digit, Reading

ROOT = Path(__file__).resolve().parent.parent
#: Tables of the documentation: page, first column, and the script that prints it.
TABLES = [
    ("README.md", "| set |", "accuracy"),
    ("README.md", "| command |", "speed"),
    ("README.md", "| folder |", "speed"),
    ("docs/models.md", "| network |", "pareto"),
    ("docs/benchmarking.md", "| | no difference |", "differences"),
    ("docs/models.md", "| model |", "models"),
    ("docs/models.md", "| file |", "knowing"),
    ("docs/evaluating.md", "| corruption |", "corruptions"),
    ("docs/reading.md", "| correct |", "reading"),
    ("docs/reading.md", "| median time per picture |", "reading"),
    ("docs/reading.md", "| confidence |", "reading"),
    ("docs/reading.md", "| task |", "photographs"),
    ("docs/training.md", "| recipe | network | parameters |", "architectures"),
    ("docs/training.md", "| recipe | runs |", "training_time"),
]
#: A square cell of 10 pixels that leans to the right, with a blank one beside it.
SIX = Cell(((10, 0), (20, 0), (18, 10), (8, 10)), "6", "handwritten")
BLANK = Cell(((20, 0), (30, 0), (28, 10), (18, 10)), "none", "blank")
PRINTED = Cell(((30, 0), (40, 0), (38, 10), (28, 10)), "3", "printed")


def grid(*detections: Detection) -> Score:
    score = Score("grid")
    score.add(Answer("".join(detection.label for detection in detections), detections), "6.3", (SIX, BLANK, PRINTED))
    return score


def test_a_cell_counts_when_exactly_one_digit_lies_in_it_and_is_right() -> None:
    assert grid(Detection("6", 14, 5)).right == 1
    assert grid(Detection("8", 14, 5)).right == 0
    assert grid().right == 0
    assert grid(Detection("6", 13, 5), Detection("6", 15, 5)).right == 0
    assert grid().of == 1


def test_a_cell_holds_what_lies_within_its_corners_not_within_the_box_around_them() -> None:
    assert grid(Detection("6", 9, 1)).right == 0
    assert grid(Detection("6", 9, 9)).right == 1
    assert not SIX.holds(Detection("6", 15, 0))


def test_blank_cells_are_disturbed_by_anything_and_printed_ones_count_for_nothing() -> None:
    score = grid(Detection("6", 14, 5), Detection("1", 23, 4), Detection("1", 24, 6), Detection("9", 33, 5))
    assert (score.right, score.of, score.disturbed, score.blank) == (1, 1, 1, 1)
    assert str(score) == "100.00 % (false positives 100.00 %)"
    assert grid(Detection("6", 14, 5)).disturbed == 0


@pytest.mark.parametrize(
    ("text", "label", "right"),
    [("427", "427", 1), ("12305", "12|305", 1), ("42", "427", 0), ("724", "427", 0), ("", "none", 1), ("4", "none", 0)],
)
def test_a_text_counts_when_it_is_exactly_the_label(text: str, label: str, right: int) -> None:
    score = Score("exact")
    score.add(Answer(text), label)
    assert (score.right, score.of) == (right, 1)


def test_silence_counts_whatever_the_label() -> None:
    score = Score("silent")
    assert score.add(Answer(""), "x")
    assert not score.add(Answer("7"), "7")
    assert str(score) == "50.00 %"


def test_of_a_reading_blanks_newlines_and_refused_digits_do_not_count() -> None:
    digits = (
        Digit("1", 0.9, Box(0, 0, 4, 10)),
        Digit("8", 0.2, Box(50, 0, 55, 10), rejected=True),
        Digit("2", 0.8, Box(0, 21, 5, 30), line=1),
    )
    answer = answer_of(Reading("a.png", text="1\n2", confidence=0.72, digits=digits))
    assert answer == Answer("12", (Detection("1", 2, 5, 0.9), Detection("2", 2.5, 25.5, 0.8)), 0.72)


@pytest.mark.parametrize(
    ("text", "label", "edits", "same"),
    [
        ("427", "427", 0, [True, True, True]),
        ("27", "427", 1, [True, True]),
        ("4127", "427", 1, [True, False, True, True]),
        ("487", "427", 1, [True, False, True]),
        ("", "427", 3, []),
        ("5", "", 1, [False]),
        ("72", "27", 2, None),
        ("kitten", "sitting", 3, None),
    ],
)
def test_edit_distance(text: str, label: str, edits: int, same: list[bool] | None) -> None:
    assert align(text, label)[0] == edits
    assert same is None or align(text, label)[1] == same


def test_the_share_of_digits_is_what_edits_leave() -> None:
    score = Score("exact")
    score.add(Answer("427"), "427")
    score.add(Answer("19"), "1984")
    assert str(score) == f"50.00 % (digits {100 * 5 / 7:.2f} %)"


def test_each_digit_is_weighed_by_its_own_confidence() -> None:
    detections = (Detection("4", 0, 0, 0.9), Detection("8", 0, 0, 0.6), Detection("7", 0, 0, 0.8))
    assert outcomes(Answer("487", detections), "427") == [(0.9, True), (0.6, False), (0.8, True)]
    in_grid = (
        Detection("6", 14, 5, 0.9),
        Detection("1", 24, 5, 0.7),
        Detection("3", 34, 5, 0.5),
        Detection("2", 90, 90, 0.4),
    )
    assert outcomes(Answer("6132", in_grid), "6.3", (SIX, BLANK, PRINTED)) == [(0.9, True), (0.7, False)]


def test_the_chance_that_a_digit_is_above_another_picture_counts_equals_by_half() -> None:
    positive, negative = np.array([0.9, 0.5, 0.2]), np.array([0.1, 0.5])
    pairs = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))
    assert auroc(negative, positive) == pytest.approx(1 - np.mean(pairs))


def test_times_are_written_with_three_digits() -> None:
    assert [milliseconds(taken) for taken in (0.00001234, 0.0456, 1.2345)] == ["0.0123 ms", "45.6 ms", "1234 ms"]


@pytest.mark.parametrize(("page", "start", "script"), TABLES)
def test_a_table_of_the_documentation_has_the_headings_that_its_benchmark_prints(
    page: str, start: str, script: str
) -> None:
    headings = [line for line in (ROOT / page).read_text(encoding="utf-8").splitlines() if line.startswith(start)]
    columns = [column.strip() for column in headings[0].strip("|").split("|")]
    printed = (ROOT / "benchmarks" / f"{script}.py").read_text(encoding="utf-8")
    # Names of programs and the number of pictures are not known before a benchmark runs.
    of_the_run = r"edge-digits, |RapidOCR|Tesseract|MNIST test, \d+ pictures"
    fixed = [column for column in columns if not re.match(of_the_run, column)]
    assert [column for column in fixed if not re.search(rf'[|"] ?{re.escape(column)} ?[|"]', printed)] == []
