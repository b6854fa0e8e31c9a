"""Opinions become one: the sums of `fusion.join`, done again by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_digits.find import Candidate, Glyph, Line, Place
from edge_digits.find.glyph import Kind
from edge_digits.inference.session import Model
from edge_digits.results import DIGITS, SIGNS
from edge_digits.text import fusion, neighbours
from edge_digits.text.choice import Chooser, rejected
from edge_digits.text.weights import BASE, WEIGHTS, LineWeights, Weights, weights_of

#: Such that no two of them can be mistaken for each other.
SCENE = Weights(finder=0.9, classifier=0.4, constant=-0.3, finder_class=0.5, classifier_class=0.7)
CROP = Weights(finder=0.7, classifier=0.5, constant=0.1, finder_class=0.6, classifier_class=0.2)
GIVEN_CROP = Weights(finder=0.2, classifier=1.1, constant=1.3, finder_class=0.4, classifier_class=0.8)
CLEAR_CROP = Weights(finder=0.0, classifier=0.9, constant=1.0, finder_class=0.0, classifier_class=1.2)
LINE = LineWeights(own=0.8, company=1.7, covered=2.2, constant=-0.4)
PARTING, UNPAIRED = 1.2, -2.0
BETWEEN = {"/": PARTING, "(": UNPAIRED, ")": UNPAIRED}
CHARACTERS = len(DIGITS + SIGNS)
ARRAY = np.zeros((40, 40), np.uint8)


USED: dict[Kind, Weights] = {"scene": SCENE, "crop": CROP, "tiny": CROP, "given": GIVEN_CROP, "clear": CLEAR_CROP}


def join(lines: list[Line], probabilities: NDArray[np.float32]) -> fusion.Scores:
    """With weights that are known here."""
    return fusion.join(lines, probabilities, USED)


@pytest.fixture(autouse=True)
def line_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "LINE", LINE)
    monkeypatch.setattr(neighbours, "_PARTING", PARTING)
    monkeypatch.setattr(neighbours, "_UNPAIRED", UNPAIRED)


def glyph(kind: Kind = "scene") -> Candidate:
    return Candidate(Glyph(0, 0, np.full((20, 3), 200, np.uint8)), 0, 1, kind)


def find(
    logits: NDArray[np.float32],
    kind: Kind = "scene",
    *,
    height: int = 30,
    x: int = 5,
    beyond: float = 0.0,
    elsewhere: float = 0.0,
) -> Candidate:
    place = Place(np.zeros((40, 40), np.uint8), (5.0, 5.0, 20.0, 35.0), logits, beyond, elsewhere)
    glyph = Glyph(x, 5, np.full((height, 15), 200, np.uint8))
    return Candidate(glyph, 0, 1, kind, place)


def line(*candidates: Candidate) -> Line:
    return Line(candidates, 2)


def opinions(count: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits of a finder, and probabilities of a reader that leave some for the background."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-3, 3, (count, CHARACTERS)).astype(np.float32)
    return logits, rng.dirichlet(np.full(CHARACTERS + 1, 0.3), count)[:, :-1].astype(np.float32)


def by_hand(
    logits: NDArray[np.float32],
    row: NDArray[np.float32],
    w: Weights,
    less: float = 0.0,
    context: dict[str, float] | None = None,
) -> list[float]:
    """The probability of each character; `context`: what its line adds to each, by default to a slash in scenes."""
    if context is None:
        context = {"/": PARTING} if w is SCENE else {}
    there = min(max(float(row.sum()), 1e-6), 1 - 1e-6)
    odds = w.finder * float(logits.max()) + w.classifier * math.log(there / (1 - there)) + w.constant - less
    added = [context.get(character, 0.0) for character in (*DIGITS, *SIGNS)]
    parts = [
        math.exp(w.finder_class * float(logit) + w.classifier_class * math.log(max(float(p), 1e-6)) + more)
        for logit, p, more in zip(logits, row, added, strict=True)
    ]
    return [part / sum(parts) / (1 + math.exp(-odds)) for part in parts]


def test_a_glyph_that_a_rule_cut_out_has_the_opinion_of_its_classifier() -> None:
    scores = join([line(glyph())], np.array([[0.3, 0.4, 0.2]], np.float32))
    np.testing.assert_allclose(np.exp(scores.classes), [[0.3, 0.4, 0.2, 0.1]], atol=1e-5)
    assert scores.classes.dtype == np.float32
    assert scores.signs.shape == (1, 0)


def test_crops_given_as_one_digit_are_scored_alike_by_the_reader_and_by_those_who_judge_its_model() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(11), 200)[:, :10].astype(np.float32)
    lines = [line(glyph("given")) for _ in rows]
    assert np.array_equal(join(lines, rows).classes, fusion.join_given(rows))
    expected = np.hstack([rows, 1 - rows.sum(axis=1, keepdims=True)])
    expected *= np.append(np.full(10, math.exp(fusion.GIVEN)), 1)
    np.testing.assert_allclose(
        np.exp(fusion.join_given(rows)), expected / expected.sum(axis=1, keepdims=True), rtol=1e-3, atol=1e-5
    )


def test_the_only_find_of_a_picture_has_the_opinions_of_both_networks() -> None:
    for logit, row in zip(*opinions(40), strict=True):
        scores = join([line(find(logit))], row[None])
        expected = by_hand(logit, row, SCENE)
        digits = expected[: len(DIGITS)]
        np.testing.assert_allclose(np.exp(scores.classes[0]), [*digits, 1 - sum(digits)], rtol=1e-3, atol=2e-6)
        np.testing.assert_allclose(np.exp(scores.signs[0]), expected[len(DIGITS) :], rtol=1e-3, atol=2e-6)


def test_the_only_find_of_a_picture_full_of_other_ink_lacks_company() -> None:
    logits, row = np.full(CHARACTERS, -6.0, np.float32), np.full(CHARACTERS, 0.01, np.float32)
    logits[3], row[3] = 4.0, 0.7
    shares = by_hand(logits, row, SCENE)
    digit, sign = sum(shares[: len(DIGITS)]), sum(shares[len(DIGITS) :])
    odds = math.log(digit / (1 - sign - digit))
    assert odds > 1.2
    for elsewhere, expected in ((0.0, odds), (0.002, odds), (0.01, LINE.own * odds + LINE.constant)):
        scores = join([line(find(logits, elsewhere=elsewhere))], row[None])
        none = 1 - (1 - sign) / (1 + math.exp(-expected))
        np.testing.assert_allclose(np.exp(scores.classes[0, -1]), none, rtol=2e-3, atol=1e-5)


def test_strokes_beyond_the_box_of_a_crop_speak_against_it() -> None:
    logits, rows = opinions(1, seed=2)
    used = replace(CROP, beyond=2.0)
    for beyond in (0.0, 0.4):
        scores = fusion.join([line(find(logits[0], "crop", beyond=beyond))], rows, {**USED, "crop": used})
        digits = by_hand(logits[0], rows[0], CROP, fusion.GIVEN + 2.0 * beyond)[: len(DIGITS)]
        np.testing.assert_allclose(np.exp(scores.classes[0, -1]), 1 - sum(digits), rtol=1e-3, atol=2e-6)


def test_finds_of_one_line_speak_for_each_other_where_they_are_as_high() -> None:
    logits, rows = np.full((6, CHARACTERS), -6.0, np.float32), np.full((6, CHARACTERS), 0.01, np.float32)
    logits[[0, 1, 2, 5], [3, 4, 7, 8]] = 6.0  # sure digits; of the others one is doubtful, and one a sign
    rows[[0, 1, 2, 5], [3, 4, 7, 8]] = 0.7
    logits[3, 1], rows[3, 1] = 0.5, 0.3
    logits[4, CHARACTERS - 1], rows[4, CHARACTERS - 1] = 5.0, 0.7
    heights = (30, 32, 29, 31, 30, 70)
    finds = [find(logits[number], height=height, x=40 * number) for number, height in enumerate(heights)]
    scores = join([line(*finds)], rows)
    beside = (2, 2, 2, 3, 3, 0)  # how many others are sure and about as high
    for number, (logit, row) in enumerate(zip(logits, rows, strict=True)):
        shares = by_hand(logit, row, SCENE, context=BETWEEN if 0 < number < 5 else {})
        digit, sign = sum(shares[: len(DIGITS)]), sum(shares[len(DIGITS) :])
        own, company = math.log(digit / (1 - sign - digit)), math.sqrt(beside[number] / 4)
        odds = LINE.own * own + LINE.company * company + LINE.constant
        whole = (1 - sign) / (1 + math.exp(-odds))
        expected = [share / digit * whole for share in shares[: len(DIGITS)]]
        np.testing.assert_allclose(np.exp(scores.classes[number]), [*expected, 1 - whole], rtol=2e-3, atol=1e-5)
        np.testing.assert_allclose(np.exp(scores.signs[number]).sum(), sign, rtol=1e-3, atol=1e-5)


def test_the_only_sure_digit_lacks_no_company_and_is_that_of_what_stands_beside_it() -> None:
    logits, rows = np.full((2, CHARACTERS), -6.0, np.float32), np.full((2, CHARACTERS), 0.01, np.float32)
    logits[0, 3], rows[0, 3] = 6.0, 0.7
    logits[1, 1], rows[1, 1] = 0.3, 0.3

    def odds(shares: list[float], company: float | None) -> float:
        digit, sign = sum(shares[: len(DIGITS)]), sum(shares[len(DIGITS) :])
        own = math.log(digit / (1 - sign - digit))
        return own if company is None else LINE.own * own + LINE.company * company + LINE.constant

    scores = join([line(find(logits[0]), find(logits[1], x=40))], rows)
    for number, company in enumerate((None, math.sqrt(1 / 4))):
        shares = by_hand(logits[number], rows[number], SCENE, context={})
        whole = (1 - sum(shares[len(DIGITS) :])) / (1 + math.exp(-odds(shares, company)))
        np.testing.assert_allclose(np.exp(scores.classes[number, -1]), 1 - whole, rtol=2e-3, atol=1e-5)


def test_company_is_of_sure_digits_about_as_high_and_half_of_it_of_shorter_ones() -> None:
    """Many write long ones; a small mark beside large digits has no company."""
    heights = np.array([30.0, 32.0, 29.0, 48.0, 70.0, 14.0])
    odds = np.array([5.0, 3.0, 1.9, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(neighbours.company(odds, heights) ** 2 * 4, [1, 1, 2, 1, 0, 0])


def test_what_a_surer_digit_covers_by_more_than_a_half_is_one_less_likely() -> None:
    """The flag of a one is much like a one; digits that lean or touch share half of their boxes."""
    boxes = np.array([[0, 0, 20, 30], [2, 0, 12, 30], [12, 0, 28, 30], [100, 0, 120, 30]], np.float64)
    odds = np.array([3.0, 1.0, 2.0, 4.0])
    np.testing.assert_allclose(neighbours.covered(odds, boxes), [0, 0.5, 0, 0])
    np.testing.assert_allclose(neighbours.covered(odds[::-1], boxes), [0, 0.5, 0, 0])
    assert neighbours.covered(odds[:0], boxes[:0]).shape == (0,)
    logits, rows = opinions(2, seed=3)
    for number, logit in enumerate((6.0, 2.0)):
        logits[number, 1], rows[number, 1] = logit, 0.9
    read = [
        np.exp(join([line(find(logits[0]), find(logits[1], x=x))], rows).classes[1, -1]) for x in (5, 9, 12, 13, 40)
    ]
    assert read[0] > read[1] > read[2] > read[3] - 1e-6
    assert read[3] == pytest.approx(read[4])


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("3/4", BETWEEN),
        ("/", {"/": PARTING}),
        ("3/", {}),
        ("/4", {}),
        ("3(4", BETWEEN),
        ("3)4", BETWEEN),
        ("3(4)", {"/": PARTING, ")": UNPAIRED}),
        ("(3)4", {"/": PARTING, "(": UNPAIRED}),
        ("3)", {}),
        ("(4", {}),
    ],
)
def test_a_slash_parts_digits_and_a_parenthesis_between_them_has_another_half(
    text: str, context: dict[str, float]
) -> None:
    """Of each text, its second character, or the first where there is no digit before it."""
    logits, rows = opinions(len(text), seed=4)
    for number, character in enumerate(text):
        place = [*DIGITS, *SIGNS].index(character)
        logits[number], rows[number] = -6.0, 0.01
        logits[number, place], rows[number, place] = (6.0, 0.7) if character in DIGITS else (0.5, 0.3)
    here = next(
        number for number, sign in enumerate(text) if sign in SIGNS and (number or text[0] != "(" or text == "(4")
    )
    scores = join([line(*(find(logit, x=40 * number) for number, logit in enumerate(logits)))], rows)
    expected = by_hand(logits[here], rows[here], SCENE, context=context)[len(DIGITS) :]
    np.testing.assert_allclose(np.exp(scores.signs[here]), expected, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize("kind", ["crop", "given", "tiny", "clear"])
def test_there_is_no_digit_in_a_crop_only_where_none_of_its_boxes_holds_one(kind: Kind) -> None:
    """Who gives it says that there is one: else other weights count; and the odds are less, where it is not tiny."""
    logits, rows = opinions(2, seed=1)
    scores = np.exp(join([line(*(find(logit, kind) for logit in logits))], rows).classes)
    used, less = USED[kind], fusion.GIVEN if kind == "crop" else 0.0
    digits = [by_hand(logit, row, used, less)[: len(DIGITS)] for logit, row in zip(logits, rows, strict=True)]
    none = min(1 - sum(each) for each in digits)
    for found, each in zip(scores, digits, strict=True):
        whole = np.array([*each, none])
        np.testing.assert_allclose(found, whole / whole.sum(), rtol=1e-3, atol=2e-6)


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
    (step,) = Chooser("ab", None).choose([line(glyph("given"))], scores).way.steps
    confidence = float(np.exp(scores[0, :-1]).max())
    assert (step.label is not None and confidence >= threshold) == read


@pytest.mark.parametrize("logit", [-60.0, 60.0])
@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_surest_opinions_stay_numbers(logit: float, share: float, kind: Kind) -> None:
    logits, row = np.full(CHARACTERS, -60.0, np.float32), np.zeros(CHARACTERS, np.float32)
    logits[3], row[5] = logit, share
    scores = join([line(find(logits, kind))], row[None])
    assert np.isfinite(scores.classes).all()
    assert np.isfinite(scores.signs).all()
    np.testing.assert_allclose(np.exp(scores.classes).sum(axis=1), 1.0, rtol=1e-5)


def test_a_digit_that_is_part_of_a_sign_is_the_less_likely_the_likelier_the_sign() -> None:
    """The left half of an x looks like a seven; a one beside a slash lies in that one's box and is a one."""
    boxes = np.array([[0, 0, 20, 40], [0, 0, 40, 40], [60, 0, 80, 40], [0, 0, 21, 41.0]], np.float64)
    signs = np.full((4, len(SIGNS)), -30.0, np.float32)
    signs[1:3, SIGNS.index("x")] = math.log(0.9)
    np.testing.assert_allclose(neighbours.within_signs(boxes, signs), [math.log(10), 0, 0, math.log(10)], atol=1e-5)
    assert np.isfinite(neighbours.within_signs(boxes, np.zeros_like(signs))).all()
    assert neighbours.within_signs(boxes[:0], signs[:0]).shape == (0,)

    def half(sign: str) -> float:
        """The probability of a seven whose place is half of that of a sign."""
        logits = np.full((2, CHARACTERS), -4.0, np.float32)
        logits[0, 7], logits[1, (DIGITS + SIGNS).index(sign)] = 2.0, 3.0
        shares = np.exp(logits) / (1.0 + np.exp(logits).sum(axis=1, keepdims=True))
        whole = Candidate(
            Glyph(0, 0, np.zeros((40, 40), np.uint8)), 1, 2, place=Place(ARRAY, (0, 0, 40, 40), logits[1])
        )
        part = Candidate(Glyph(0, 0, np.zeros((40, 20), np.uint8)), 0, 1, place=Place(ARRAY, (0, 0, 20, 40), logits[0]))
        return float(np.exp(join([Line((part, whole), 3)], shares).classes[0, 7]))

    assert half("x") < 0.6 * half("/")


def test_of_nothing_there_are_no_scores() -> None:
    scores = join([], np.zeros((0, 10), np.float32))
    assert scores.classes.shape == (0, 11)


def test_a_reader_has_the_weights_of_its_size_and_an_unknown_one_those_of_base() -> None:
    for size, architecture in (("nano", "nano"), ("small", "small"), ("base", BASE)):
        card = Model.load(size).card
        assert weights_of(card.train) is WEIGHTS[architecture]
        assert weights_of(card.train) is weights_of(Model.load(f"{size}.fp32").card.train)
    assert len({id(weights) for weights in WEIGHTS.values()}) == 3
    for training in ({}, {"settings": {"arch": "resnet"}}, {"settings": ["arch"]}, {"settings": {"arch": ["nano"]}}):
        assert weights_of(training) is WEIGHTS[BASE]


def test_the_smaller_a_reader_the_more_the_finder_counts_beside_it() -> None:
    shares = [
        w.finder_class / (w.finder_class + w.classifier_class)
        for w in (WEIGHTS[a]["scene"] for a in ("nano", "small", BASE))
    ]
    assert shares == sorted(shares, reverse=True)
