"""Which announced numbers can follow the one before."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest

from edge_digits.live import plausibility
from edge_digits.live.plausibility import Plausibility, as_number


def test_the_examples_hold() -> None:
    result = doctest.testmod(plausibility)
    assert result.attempted > 2
    assert result.failed == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [("00427", 427), ("4 27", 427), ("4.27", Decimal("4.27")), ("-3", -3), ("", None), ("12\n305", None), ("1x", None)],
)
def test_a_text_is_one_number_or_none(text: str, number: object) -> None:
    assert as_number(text) == number


def test_one_misreading_does_not_make_the_next_number_doubtful() -> None:
    judge = Plausibility(max_step=5, never_falls=True)
    assert [bool(judge.doubts(text)) for text in ("100", "900", "102", "10", "104", "x", "104")] == [
        *(False, True, False, True, False, True, False)
    ]
    assert judge.last == 104


def test_without_limits_only_what_is_no_number_is_doubtful() -> None:
    judge = Plausibility()
    assert [judge.doubts(text) for text in ("9", "1", "12\n3")] == [(), (), ("is no number",)]


def test_a_step_of_just_so_much_is_plausible_down_to_the_last_decimal() -> None:
    judge = Plausibility(max_step=0.1)
    assert [judge.doubts(text) for text in ("0.1", "0.2", "0.3")] == [(), (), ()]
    assert judge.doubts("0.41") == ("is 0.11 from 0.3, more than 0.1",)
