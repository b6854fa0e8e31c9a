"""Two opinions become one: the sums of `fusion.join`, done again by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_digits.find import Candidate, Glyph, Ground, Line
from edge_digits.text import fusion
from edge_digits.text.choice import Chooser, rejected
from edge_digits.text.fusion import Weights, company, join

#: Such that no two of them can be mistaken for each other.
PAGE = {
    Ground.ALONE: Weights(finder=0.9, classifier=0.4, constant=-0.3, finder_class=0.5, classifier_class=0.7),
    Ground.CLOSE: Weights(finder=0.7, classifier=0.5, constant=0.1, finder_class=0.6, classifier_class=0.2),
    Ground.REST: Weights(finder=0.6, classifier=0.8, constant=0.2, finder_class=0.3, classifier_class=0.9),
}
LINE = (0.8, 1.1, -0.7, -0.4)
CROP_FINDER = Weights(finder=1.2, classifier=0.1, constant=0.4, finder_class=0.9, classifier_class=0.3)
CROP_CLASSIFIER = Weights(finder=0.2, classifier=0.6, constant=-0.5, finder_class=0.0, classifier_class=0.0)


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAGE", "LINE", "CROP_FINDER", "CROP_CLASSIFIER"):
        monkeypatch.setattr(fusion, name, globals()[name])


def candidate(logits: list[float] | None, ground: Ground = Ground.ALONE, height: int = 20) -> Candidate:
    glyph = Glyph(0, 0, np.full((height, 3), 200, np.uint8))
    return Candidate(glyph, 0, 1, None if logits is None else np.array(logits, np.float32), ground)


def line(*candidates: Candidate) -> Line:
    return Line(candidates, 2)


def odds_by_hand(one: Candidate, row: list[float], w: Weights) -> float:
    assert one.logits is not None
    there = sum(row)
    return w.finder * float(max(one.logits)) + w.classifier * math.log(there / (1 - there)) + w.constant


def classes_by_hand(one: Candidate, row: list[float], w: Weights) -> list[float]:
    assert one.logits is not None
    parts = [
        math.exp(w.finder_class * logit + w.classifier_class * math.log(p))
        for logit, p in zip(one.logits.tolist(), row, strict=True)
    ]
    return [part / sum(parts) for part in parts]


def sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def whole(is_digit: float, classes: list[float]) -> list[float]:
    return [*(is_digit * share for share in classes), 1 - is_digit]


def joined(lines: list[Line], rows: list[list[float]]) -> NDArray[np.float64]:
    given = join(lines, np.array(rows, np.float32))
    assert given.dtype == np.float32
    return np.exp(given.astype(np.float64))


def test_without_the_finder_the_classifier_alone_is_heard() -> None:
    given = joined([line(candidate(None))], [[0.3, 0.4, 0.2]])
    np.testing.assert_allclose(given, [[0.3, 0.4, 0.2, 0.1]], atol=1e-5)


def test_crops_given_as_one_digit_are_scored_alike_by_the_reader_and_by_those_who_judge_its_model() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(11), 200)[:, :10].astype(np.float32)
    lines = [line(candidate(None, Ground.GIVEN)) for _ in rows]
    assert np.array_equal(join(lines, rows), fusion.join_given(rows))
    by_hand = np.hstack([rows, 1 - rows.sum(axis=1, keepdims=True)]) * np.append(np.full(10, math.exp(fusion.GIVEN)), 1)
    np.testing.assert_allclose(
        np.exp(fusion.join_given(rows)), by_hand / by_hand.sum(axis=1, keepdims=True), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(
    ("shares", "threshold", "read"),
    [
        ([0.60, 0.01, 0.39], 0.5, True),
        ([0.46, 0.01, 0.53], 0.4, False),  # sooner none than any
        ([0.46, 0.06, 0.48], 0.4, True),  # sooner none than the first, and yet sooner a digit
        ([0.46, 0.06, 0.48], 0.47, False),
        ([0.50, 0.00, 0.50], 0.5, True),
        ([0.35, 0.35, 0.30], 0.4, False),
    ],
)
def test_one_rule_says_what_is_read_of_a_crop_alone(shares: list[float], threshold: float, read: bool) -> None:
    scores = np.log(np.maximum([shares], 1e-6)).astype(np.float32)
    assert rejected(scores, threshold).tolist() == [not read]
    (step,) = Chooser("ab", None).choose([candidate(None, Ground.GIVEN)], 2, scores).way.steps
    confidence = float(np.exp(scores[0, :-1]).max())
    assert (step.label is not None and confidence >= threshold) == read


def test_in_a_crop_both_must_see_a_digit() -> None:
    one, row = candidate([2.0, -1.0, 0.5], Ground.CROP), [0.2, 0.5, 0.1]
    is_digit = sigmoid(odds_by_hand(one, row, CROP_FINDER)) * sigmoid(odds_by_hand(one, row, CROP_CLASSIFIER))
    expected = whole(is_digit, classes_by_hand(one, row, CROP_FINDER))
    np.testing.assert_allclose(joined([line(one)], [row]), [expected], atol=1e-5)


@pytest.mark.parametrize("ground", PAGE)
def test_alone_in_its_line_a_candidate_has_no_company(ground: Ground) -> None:
    one, row = candidate([2.0, -1.0, 0.5], ground), [0.2, 0.5, 0.1]
    is_digit = sigmoid(LINE[0] * odds_by_hand(one, row, PAGE[ground]) + LINE[3])
    expected = whole(is_digit, classes_by_hand(one, row, PAGE[ground]))
    np.testing.assert_allclose(joined([line(one)] * 2, [row] * 2), [expected] * 2, atol=1e-5)


@pytest.mark.parametrize("ground", PAGE)
def test_the_only_candidate_of_a_picture_lacks_no_company(ground: Ground) -> None:
    one, row = candidate([2.0, -1.0, 0.5], ground), [0.2, 0.5, 0.1]
    is_digit = sigmoid(odds_by_hand(one, row, PAGE[ground]))
    expected = whole(is_digit, classes_by_hand(one, row, PAGE[ground]))
    np.testing.assert_allclose(joined([line(one)], [row]), [expected], atol=1e-5)


def test_digits_beside_it_speak_for_a_candidate_of_their_height() -> None:
    """Three sure ones, 20, 24 and 30 pixels high, and a doubtful one of 12, each on another ground."""
    members = [
        candidate([4.0, -1.0], Ground.ALONE, 20),
        candidate([5.0, -1.0], Ground.CLOSE, 24),
        candidate([-1.0, -2.0], Ground.REST, 12),
        candidate([4.5, -1.0], Ground.ALONE, 30),
    ]
    rows = [[0.8, 0.1], [0.7, 0.1], [0.2, 0.2], [0.6, 0.3]]
    expected = []
    heights = [20, 24, 12, 30]
    for i, (one, row) in enumerate(zip(members, rows, strict=True)):
        others = [heights[j] for j in (0, 1, 3) if j != i]
        share = len(others) / 4
        off = math.log(heights[i] / float(np.median(others))) ** 2
        own = odds_by_hand(one, row, PAGE[one.ground])
        assert (own > 0.5) == (i != 2), "the doubtful one counts for none"
        odds = LINE[0] * own + LINE[1] * share + LINE[2] * share * min(off, 1.0) + LINE[3]
        expected.append(whole(sigmoid(odds), classes_by_hand(one, row, PAGE[one.ground])))
    np.testing.assert_allclose(joined([line(*members)], rows), expected, atol=1e-5)


def test_each_line_is_joined_by_itself() -> None:
    first, second = candidate([4.0, -1.0]), candidate([3.0, 0.0], Ground.REST)
    rows = [[0.8, 0.1], [0.2, 0.4], [0.3, 0.6]]
    lines = [line(first), line(candidate(None)), line(second)]
    apart = [joined([one] * 2, [row] * 2)[0] for one, row in zip(lines, rows, strict=True)]
    np.testing.assert_allclose(joined(lines, rows), apart, atol=1e-6)


def test_company_is_four_at_most_and_a_strange_height_counts_up_to_one() -> None:
    told = company(np.array([2.0] * 7), np.array([20.0] * 6 + [400.0]))
    np.testing.assert_allclose(told[:6, 1], 1.0)
    np.testing.assert_allclose(told[:6, 2], 0.0)
    assert told[6].tolist() == [2.0, 1.0, 1.0]
    assert company(np.array([2.0, 0.4]), np.array([20.0, 20.0]))[0].tolist() == [2.0, 0.0, 0.0]


def test_a_joined_opinion_is_shares_of_one() -> None:
    rng = np.random.default_rng(0)
    lines, grounds = [], list(Ground)
    for number in range(20):
        told = [None if number % 4 == 0 else rng.normal(0, 4, 10).tolist() for _ in range(3)]
        lines.append(line(*(candidate(one, grounds[number % 4], int(rng.integers(5, 60))) for one in told)))
    rows = rng.dirichlet(np.full(11, 0.3), 60)[:, :10]
    np.testing.assert_allclose(joined(lines, rows.tolist()).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("ground", [ground for ground in Ground if ground != Ground.SCENE])
@pytest.mark.parametrize("logits", [None, [200.0, -200.0], [-200.0, -300.0]], ids=str)
@pytest.mark.parametrize("row", [[1.0, 0.0], [0.0, 0.0], [0.5, 0.5]], ids=str)
def test_the_surest_opinions_stay_numbers(ground: Ground, logits: list[float] | None, row: list[float]) -> None:
    given = join([line(candidate(logits, ground))], np.array([row], np.float32))
    assert np.isfinite(given).all()
    assert np.exp(given).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("signs", [[], [-300.0, -200.0], [200.0, -200.0]], ids=str)
@pytest.mark.parametrize("logits", [[200.0] + [-200.0] * 9, [-300.0] * 10, [200.0] * 10], ids=str)
def test_the_surest_opinions_of_a_scene_stay_numbers(logits: list[float], signs: list[float]) -> None:
    one = replace(candidate(logits, Ground.SCENE), signs=np.array(signs, np.float32))
    given = join([line(one)], np.zeros((1, 10), np.float32))
    assert np.isfinite(given).all()
    assert np.exp(given).sum() == pytest.approx(1, abs=1e-5)
    assert np.isfinite(fusion.signs(line(one))).all()
    assert fusion.signs(line(one)).shape == (1, len(signs))


def test_no_candidates_have_no_opinions() -> None:
    assert join([], np.zeros((0, 10), np.float32)).shape == (0, 11)
