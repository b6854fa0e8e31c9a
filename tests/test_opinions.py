"""Two opinions become one: the sums of `opinions.join`, done again by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_digits import opinions
from edge_digits.find import Candidate, Glyph
from edge_digits.opinions import Weights, join

CLEAN = Weights(finder=0.9, classifier=0.4, constant=-0.3, finder_class=0.5, classifier_class=0.7)
UNCLEAN = Weights(finder=0.6, classifier=0.8, constant=0.2, finder_class=0.3, classifier_class=0.9)


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such that no two of them can be mistaken for each other."""
    monkeypatch.setattr(opinions, "CLEAN", CLEAN)
    monkeypatch.setattr(opinions, "UNCLEAN", UNCLEAN)


def candidate(logits: list[float] | None, clean: bool = True) -> Candidate:
    glyph = Glyph(0, 0, np.full((4, 3), 200, np.uint8))
    return Candidate(glyph, 0, 1, None if logits is None else np.array(logits, np.float32), clean)


def by_hand(one: Candidate, row: list[float]) -> list[float]:
    """Probabilities of the classes, then of no digit."""
    if one.logits is None:
        return [*row, 1 - sum(row)]
    w = CLEAN if one.clean else UNCLEAN
    there = sum(row)
    odds = w.finder * max(one.logits) + w.classifier * math.log(there / (1 - there)) + w.constant
    is_digit = 1 / (1 + math.exp(-odds))
    parts = [
        math.exp(w.finder_class * logit + w.classifier_class * math.log(p))
        for logit, p in zip(one.logits.tolist(), row, strict=True)
    ]
    return [*(is_digit * part / sum(parts) for part in parts), 1 - is_digit]


def test_opinions_are_joined_as_by_hand() -> None:
    candidates = [
        candidate([3.0, -2.0, 0.5]),
        candidate([-4.0, -5.0, -6.0]),
        candidate([3.0, -2.0, 0.5], clean=False),
        candidate(None),
        candidate([-1.0, 2.0, 1.9], clean=False),
    ]
    rows = [[0.7, 0.1, 0.1], [0.2, 0.5, 0.2], [0.7, 0.1, 0.1], [0.3, 0.3, 0.2], [0.01, 0.02, 0.9]]
    given = np.exp(join(candidates, np.array(rows, np.float32)))
    expected = [by_hand(*pair) for pair in zip(candidates, rows, strict=True)]
    np.testing.assert_allclose(given, expected, atol=1e-5)
    assert given.dtype == np.float32


def test_a_joined_opinion_is_shares_of_one() -> None:
    rng = np.random.default_rng(0)
    candidates = [candidate(None if i % 3 == 0 else rng.normal(0, 4, 10).tolist(), bool(i % 2)) for i in range(40)]
    rows: NDArray[np.float32] = rng.dirichlet(np.full(11, 0.3), 40)[:, :10].astype(np.float32)
    np.testing.assert_allclose(np.exp(join(candidates, rows)).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("logits", [None, [200.0, -200.0], [-200.0, -300.0]], ids=str)
@pytest.mark.parametrize("row", [[1.0, 0.0], [0.0, 0.0], [0.5, 0.5]], ids=str)
def test_the_surest_opinions_stay_numbers(logits: list[float] | None, row: list[float]) -> None:
    given = join([candidate(logits)], np.array([row], np.float32))
    assert np.isfinite(given).all()
    assert np.exp(given).sum() == pytest.approx(1, abs=1e-5)


def test_no_candidates_have_no_opinions() -> None:
    assert join([], np.zeros((0, 10), np.float32)).shape == (0, 11)


def test_each_opinion_counts() -> None:
    """The surer of a digit, or of a class, either of them is, the more likely it becomes."""

    def told(logits: list[float], row: list[float]) -> NDArray[np.float64]:
        return np.exp(join([candidate(logits)], np.array([row], np.float32))[0].astype(np.float64))

    least = told([0.0, 0.0], [0.2, 0.2])
    assert told([1.0, 1.0], [0.2, 0.2])[2] < least[2]
    assert told([0.0, 0.0], [0.4, 0.4])[2] < least[2]
    assert told([0.0, -1.0], [0.2, 0.2])[0] > least[0]
    assert told([0.0, 0.0], [0.3, 0.1])[0] > least[0]
