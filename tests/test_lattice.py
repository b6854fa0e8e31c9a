"""The best path of a lattice is the best of all paths, which a small lattice lets us list."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_digits.text.constraint import Constraint
from edge_digits.text.lattice import Automaton, Edge, Path, Step, best_path

LABELS = tuple("0123456789")
EVERYTHING = Automaton(np.zeros((1, 10), np.int32), np.ones(1, np.bool_), np.ones(1, np.bool_))

#: Only few classes are possible in a random edge, or there were too many paths to list.
log_probabilities = st.floats(-12, 0, width=32)


@st.composite
def edges(draw: st.DrawFn, start: int, end: int) -> Edge:
    labels = np.full(10, -np.inf, np.float32)
    for label, value in draw(st.dictionaries(st.integers(0, 9), log_probabilities, max_size=3)).items():
        labels[label] = value
    none = draw(st.one_of(log_probabilities, st.just(-math.inf)))
    return Edge(start, end, labels, none, draw(st.sampled_from([0.5, 1.0, 2.0])))


@st.composite
def lattices(draw: st.DrawFn) -> tuple[list[Edge], int]:
    """Edges in any order, up to three gaps long; some nodes cannot be reached, or lead nowhere."""
    nodes = draw(st.integers(2, 5))
    spans = [(start, end) for start in range(nodes) for end in range(start + 1, min(start + 4, nodes))]
    chosen = draw(st.lists(st.sampled_from(spans), max_size=6))
    return [draw(edges(*span)) for span in chosen], nodes


def all_paths(lattice: list[Edge], nodes: int, node: int = 0) -> Iterator[tuple[tuple[Step, ...], float]]:
    """Every possible path from this node to the last, and its score."""
    if node == nodes - 1:
        yield (), 0.0
    for number, edge in enumerate(lattice):
        if edge.start != node:
            continue
        for rest, score in all_paths(lattice, nodes, edge.end):
            for label in (*range(10), None):
                own = edge.weight * float(edge.none if label is None else edge.labels[label])
                if own > -math.inf:
                    yield (Step(number, label), *rest), own + score


def text_of(steps: tuple[Step, ...]) -> str:
    return "".join(LABELS[step.label] for step in steps if step.label is not None)


def check(found: Path | None, paths: list[tuple[tuple[Step, ...], float]]) -> None:
    if not paths:
        assert found is None
        return
    assert found is not None
    scores = dict(paths)
    best = max(scores.values())
    assert scores[found.steps] == pytest.approx(best, abs=1e-9), "it is one of the paths, and none is better"
    assert found.score == pytest.approx(best, abs=1e-9)
    share = math.exp(best) / math.fsum(math.exp(score) for _, score in paths)
    assert found.confidence == pytest.approx(share, rel=1e-9)


def isolated(*probabilities: dict[int, float], none: float = 0.0) -> list[Edge]:
    """A row of candidates, one a gap."""
    row = []
    for place, given_to in enumerate(probabilities):
        labels = np.zeros(10, np.float32)
        labels[list(given_to)] = list(given_to.values())
        with np.errstate(divide="ignore"):
            row.append(Edge(place, place + 1, np.log(labels), float(np.log(none))))
    return row


@given(lattices())
def test_the_best_of_all_paths_is_found(lattice: tuple[list[Edge], int]) -> None:
    check(best_path(*lattice), list(all_paths(*lattice)))


@given(lattices())
def test_an_automaton_that_allows_everything_changes_nothing(lattice: tuple[list[Edge], int]) -> None:
    check(best_path(*lattice, EVERYTHING), list(all_paths(*lattice)))


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint(digits=2),
        Constraint(pattern=r"\d*[02468]"),
        Constraint(pattern="(1|12|[3-9]2?)*"),
        Constraint(checksum="luhn"),
        Constraint(checksum="verhoeff"),
        Constraint(digits=3, pattern=r"[^0]\d+", checksum="damm"),
    ],
    ids=Constraint.describe,
)
@given(lattice=lattices())
def test_the_best_of_the_allowed_paths_is_found(constraint: Constraint, lattice: tuple[list[Edge], int]) -> None:
    allowed = [(steps, score) for steps, score in all_paths(*lattice) if constraint.matches(text_of(steps))]
    check(best_path(*lattice, constraint.automaton(LABELS)), allowed)


def test_a_number_of_digits_decides_between_one_digit_and_two() -> None:
    pieces = isolated({1: 0.9}, {1: 0.9}, none=0.1)
    with np.errstate(divide="ignore"):
        whole = Edge(0, 2, np.log(np.eye(10, dtype=np.float32)[4] * np.float32(0.95)), math.log(0.05), 2.0)
    lattice = [*pieces, whole]
    texts = {}
    for digits in (1, 2):
        found = best_path(lattice, 3, Constraint(digits=digits).automaton(LABELS))
        assert found is not None
        texts[digits] = text_of(found.steps)
    assert texts == {1: "4", 2: "11"}


def test_a_checksum_settles_a_doubtful_digit() -> None:
    """Of 79927398713, Luhn's well-known example, two digits look more like others."""
    row = isolated(*[{int(digit): 1.0} for digit in "79927398713"])
    row[1] = Edge(1, 2, isolated({4: 0.6, 9: 0.4})[0].labels, -math.inf)
    row[9] = Edge(9, 10, isolated({7: 0.7, 1: 0.3})[0].labels, -math.inf)
    free, checked = best_path(row, 12), best_path(row, 12, Constraint(checksum="luhn").automaton(LABELS))
    assert free is not None
    assert checked is not None
    assert [text_of(path.steps) for path in (free, checked)] == ["74927398773", "79927398713"]
    assert [path.confidence for path in (free, checked)] == pytest.approx([0.42, 1.0])


def test_the_columns_are_those_of_the_model() -> None:
    backwards = LABELS[::-1]
    row = isolated({0: 0.6, 1: 0.4}, {2: 1.0})  # that is, 9 or 8, then 7
    found = best_path(row, 3, Constraint(pattern="8[0-9]").automaton(backwards))
    assert found is not None
    assert [backwards[step.label or 0] for step in found.steps] == ["8", "7"]


def test_where_all_are_refused_the_text_is_empty() -> None:
    found = best_path(isolated({3: 0.1}, {5: 0.2}, none=0.8), 3)
    assert found is not None
    assert [step.label for step in found.steps] == [None, None]
    assert best_path(isolated({3: 0.1}, none=0.0), 2, Constraint(pattern="4*").automaton(LABELS)) is None


@pytest.mark.parametrize("constraint", [None, Constraint(pattern="5*")], ids=["any", "5*"])
def test_a_picture_without_candidates_reads_as_nothing(constraint: Constraint | None) -> None:
    allowed = constraint.automaton(LABELS) if constraint else None
    assert best_path([], 1, allowed) == Path((), 0.0, 1.0)
    assert best_path([], 2, allowed) is None, "no path leads over the gap"


def test_nothing_is_no_number() -> None:
    assert best_path([], 1, Constraint(digits=1).automaton(LABELS)) is None


def test_an_automaton_of_the_empty_text_refuses_every_candidate() -> None:
    only_empty = Automaton(np.full((1, 10), -1, np.int32), np.ones(1, np.bool_), np.ones(1, np.bool_))
    found = best_path(isolated({3: 0.9}, {4: 0.9}, none=0.1), 3, only_empty)
    assert found is not None
    assert [step.label for step in found.steps] == [None, None]
    assert found.confidence == pytest.approx(1.0)


def test_a_long_page_loses_no_precision() -> None:
    """Products of 1000 probabilities are below the smallest float."""
    row = isolated(*[{7: 0.3, 1: 0.2}] * 1000, none=0.5)
    free = best_path(row, 1001)
    forced = best_path(row, 1001, Constraint(digits=1000).automaton(LABELS))
    assert free is not None
    assert forced is not None
    assert text_of(free.steps) == ""
    assert text_of(forced.steps) == "7" * 1000
    assert free.score == pytest.approx(1000 * math.log(0.5))
    assert forced.score == pytest.approx(1000 * math.log(0.3))
    sure = isolated(*[{7: 0.999999}] * 1000, none=1e-9)
    found = best_path(sure, 1001, Constraint(digits=999).automaton(LABELS))
    assert found is not None
    assert found.confidence == pytest.approx(1 / 1000), "any one of them may be the one that is none"


@pytest.mark.parametrize("allowed", [None, EVERYTHING], ids=["any", "automaton"])
@pytest.mark.parametrize(("second", "wins"), [(0.499, 0), (0.5, 0), (0.501, 1)])
def test_of_equal_ways_the_first_wins_and_a_better_one_however_close(
    second: float, wins: int, allowed: Automaton | None
) -> None:
    ways = [*isolated({3: 0.5}), *isolated({8: second})]
    found = best_path(ways, 2, allowed)
    assert found is not None
    assert found.steps == (Step(wins, (3, 8)[wins]),)
