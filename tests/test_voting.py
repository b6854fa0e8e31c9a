"""What is announced: what has held, by time; through misreadings, blinks and a moving hand; while it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from edge_digits.live.voting import Event, Voter
from edge_digits.results import Box, Digit, Reading


def reading(text: str, x: int = 100, y: int = 100, *, rejected: tuple[int, ...] = (), size: int = 60) -> Reading:
    """A reading of a number at a place; a blank leaves a gap, `rejected` are places of refused digits."""
    digits = []
    for line, row in enumerate(text.split("\n")):
        for place, label in enumerate(row):
            if label != " ":
                left, top = x + size * place, y + 2 * size * line
                box = Box(left, top, left + size * 2 // 3, top + size)
                digits.append(Digit(label, 0.9, box, line, place in rejected))
    kept = "\n".join("".join(c for i, c in enumerate(row) if i not in rejected) for row in text.split("\n"))
    return Reading("test", text=kept, confidence=0.9 ** len(digits), status="ok", digits=tuple(digits))


def events(readings: Iterable[Reading], rate: float = 30, voter: Voter | None = None) -> list[Event]:
    """What comes and goes when these are read at this rate."""
    voter = voter or Voter(0.5)
    return [event for number, seen in enumerate(readings) for event in voter.update(seen, number / rate)]


def kinds_and_texts(happened: list[Event]) -> list[tuple[str, str]]:
    return [(event.kind, event.text) for event in happened]


NOTHING = Reading("test")


@pytest.mark.parametrize("rate", [1, 4, 10, 30, 120])
def test_a_number_is_announced_once_when_it_has_held_whatever_the_rate(rate: float) -> None:
    happened = events([reading("6885")] * int(4 * rate + 2), rate)
    assert kinds_and_texts(happened) == [("announced", "6885")]
    assert 0.5 <= happened[0].time <= 0.5 + 1 / rate + 1e-6
    assert happened[0].held == pytest.approx(happened[0].time)
    assert happened[0].confidence == pytest.approx(0.9**4)


@pytest.mark.parametrize("hold", [0.1, 0.5, 2.0])
def test_it_is_held_for_as_long_as_was_asked_for(hold: float) -> None:
    happened = events([reading("7")] * 150, voter=Voter(hold))
    assert hold <= happened[0].time <= hold + 0.04


def test_nothing_in_view_says_nothing() -> None:
    assert events([NOTHING] * 100) == []


def test_what_is_seen_for_a_moment_is_not_announced() -> None:
    assert events([NOTHING] * 20 + [reading("427")] * 8 + [NOTHING] * 40) == []


def test_a_number_is_withdrawn_when_it_is_gone() -> None:
    happened = events([reading("427")] * 40 + [NOTHING] * 40)
    assert kinds_and_texts(happened) == [("announced", "427"), ("withdrawn", "427")]
    assert 40 / 30 < happened[1].time < 40 / 30 + 1.1


def test_a_number_that_takes_the_place_of_another_is_announced_after_it() -> None:
    happened = events([reading("427")] * 40 + [reading("911")] * 60)
    assert kinds_and_texts(happened) == [("announced", "427"), ("withdrawn", "427"), ("announced", "911")]


def _misread(rng: np.random.Generator, share: float) -> Callable[[str], str]:
    return lambda text: "".join(str(rng.integers(10)) if rng.random() < share else label for label in text)


def test_digits_that_are_misread_now_and_then_do_not_matter() -> None:
    misread = _misread(np.random.default_rng(0), 0.2)
    assert kinds_and_texts(events([reading(misread("688512")) for _ in range(300)])) == [("announced", "688512")]


def test_a_hand_that_moves_does_not_reset_what_was_read() -> None:
    misread = _misread(np.random.default_rng(1), 0.2)
    # 25 pixels a frame sideways, and up and down: the digits stand 60 apart.
    moving = [reading(misread("688512"), 100 + 25 * n, 200 + round(80 * np.sin(n / 5))) for n in range(300)]
    assert kinds_and_texts(events(moving)) == [("announced", "688512")]


def test_digits_that_blink_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    blinking = ["".join(" " if rng.random() < 0.15 else label for label in "4271") for _ in range(300)]
    whole = [
        Reading("test", text=text.replace(" ", ""), confidence=0.9, digits=reading(text).digits) for text in blinking
    ]
    assert kinds_and_texts(events(whole)) == [("announced", "4271")]


def test_frames_in_which_a_digit_is_doubted_say_nothing_either_way() -> None:
    doubted = [reading("427", rejected=(number % 3,) if number % 3 else ()) for number in range(200)]
    assert kinds_and_texts(events(doubted)) == [("announced", "427")]


def test_a_speck_that_is_read_at_times_is_not_announced() -> None:
    specks = [reading("427" if number % 5 else "4271") for number in range(300)]
    assert kinds_and_texts(events(specks)) == [("announced", "427")]


def test_a_digit_that_is_refused_all_the_time_is_no_part_of_it() -> None:
    assert kinds_and_texts(events([reading("4279", rejected=(3,))] * 60)) == [("announced", "427")]


def test_groups_and_lines_stay_as_they_were_read() -> None:
    assert kinds_and_texts(events([reading("12 305\n7")] * 60)) == [("announced", "12 305\n7")]


def test_a_short_absence_leaves_it_announced() -> None:
    happened = events([reading("427")] * 40 + [NOTHING] * 6 + [reading("427")] * 40)
    assert kinds_and_texts(happened) == [("announced", "427")]


def test_what_alternates_is_not_announced() -> None:
    turns = [reading("1" if number // 4 % 2 else "7777") for number in range(200)]
    assert events(turns) == []


def test_a_lost_source_withdraws_what_it_showed_and_begins_anew() -> None:
    voter = Voter(0.5)
    events([reading("427")] * 40, voter=voter)
    assert kinds_and_texts(voter.reset()) == [("withdrawn", "427")]
    assert voter.reset() == []
    later = [event for n in range(40) for event in voter.update(reading("427"), 100 + n / 30)]
    assert kinds_and_texts(later) == [("announced", "427")]
    assert later[0].time >= 100.5


def test_memory_stays_bounded() -> None:
    voter, rng = Voter(0.5), np.random.default_rng(3)
    for number in range(3000):
        text = str(rng.integers(10**6))
        voter.update(reading(text, *rng.integers(0, 1000, 2)), number / 30)
    assert len(voter._tracks) < 200
    assert len(voter._spans) < 50
    assert len(voter._first) < 50
