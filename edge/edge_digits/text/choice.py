"""Scored candidates -> which of them are read, and as what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Line, chain
from edge_digits.text.constraint import Constraint
from edge_digits.text.lattice import Automaton, Edge, Path, Step, best_path

#: Ink is cut where it looks like several digits: so much, in log probability a piece, counts against that it is none.
#: Cut small enough, the pieces of any digits look like none, and that would be the surest way.
_CUT_FOR_NOTHING = 4.0
#: The logarithm of a half.
_EVEN = math.log(0.5)


@dataclass(frozen=True)
class Choice:
    """What is read.

    Attributes:
        way: through the candidates' lattice; its edges are their places. Its confidence is that of its worst line,
            unless a constraint binds all lines together.
        bound: it was chosen to satisfy a constraint.
        warnings: what is to be said of that.
    """

    way: Path
    bound: bool = False
    warnings: tuple[str, ...] = ()


class Chooser:
    """Chooses among candidates, by what the user knows of the text."""

    def __init__(self, labels: Sequence[str], constraint: Constraint | None) -> None:
        """Args: labels of the classes, and what the text must be, if anything.

        Raises:
            UsageError: these labels cannot satisfy the constraint.
        """
        self._labels, self._constraint = labels, constraint
        self._allowed: Automaton | None = None if constraint is None else constraint.automaton(labels)

    def choose(self, lines: Sequence[Line], scores: NDArray[np.float32]) -> Choice:
        """Choose the best way.

        Args:
            lines: of N candidates in all.
            scores: float32 [N, C + 1], log probabilities of each class and, last, of no digit.
        """
        tried, places = _seen_best(lines, scores)
        scores = scores[places]
        free = _worst_of(list(_free(tried, scores)))
        if self._constraint is None or self._allowed is None:
            return Choice(_placed(free, places))
        asked = self._constraint.describe()
        whole = chain(tried)
        allowed = best_path(_edges(whole, scores), whole.nodes, self._allowed)
        if allowed is None:
            return Choice(_placed(free, places), warnings=(f"no reading satisfies {asked}",))
        bound = _placed(allowed, places)
        if [step.label for step in allowed.steps] == [step.label for step in free.steps]:
            return Choice(bound, bound=True)
        without = "".join(self._labels[step.label] for step in free.steps if step.label is not None)
        said = f"read so as to satisfy {asked}; without it {without or 'nothing'}"
        return Choice(bound, bound=True, warnings=(said,))


def _seen_best(lines: Sequence[Line], scores: NDArray[np.float32]) -> tuple[list[Line], NDArray[np.intp]]:
    """Lines that hold of the boxes of one digit the one in which it is seen best; and the places of what they hold."""
    tried, places, first = [], [], 0
    for line in lines:
        last = first + len(line.candidates)
        if line.candidates and line.candidates[0].alone:
            best = int(scores[first:last, :-1].max(axis=1).argmax())
            tried.append(Line((line.candidates[best],), line.nodes))
            places.append(first + best)
        else:
            tried.append(line)
            places += range(first, last)
        first = last
    return tried, np.array(places, np.intp)


def _free(lines: Sequence[Line], scores: NDArray[np.float32]) -> Iterator[Path]:
    """The best way through each line, if any text will do; their edges are places among all candidates."""
    none = is_none(scores)
    first = 0
    for line in lines:
        rows = slice(first, first + len(line.candidates))
        edges = _edges(line, scores[rows])
        way = best_path(edges, line.nodes) or Path((), 0.0, 0.0)
        yield _placed(_with_unclear(way, edges, _cut(line), none[rows]), range(rows.start, rows.stop))
        first = rows.stop


def _placed(way: Path, places: Sequence[int] | NDArray[np.intp]) -> Path:
    """A way whose edges are these places."""
    return replace(way, steps=tuple(Step(int(places[step.edge]), step.label) for step in way.steps))


def _edges(line: Line, scores: NDArray[np.float32]) -> list[Edge]:
    """The edges of a line's lattice; scores of its candidates, float32 [n, C + 1]."""
    cut = _cut(line)
    return [
        Edge(
            candidate.start,
            candidate.end,
            row[:-1],
            float(row[-1]) - _CUT_FOR_NOTHING * bool(cut[candidate.start]),
            candidate.end - candidate.start,
        )
        for candidate, row in zip(line.candidates, scores, strict=True)
    ]


def _worst_of(ways: Sequence[Path]) -> Path:
    """Ways through lines as one; it is as sure as the least sure of those on which anything is read."""
    read = [way.confidence for way in ways if any(step.label is not None for step in way.steps)]
    steps = tuple(step for way in ways for step in way.steps)
    return Path(steps, sum(way.score for way in ways), min(read, default=0.0))


def is_none(scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which candidates, each alone on its ink, are no digit: that is likelier than any class, and not less than even.

    Args:
        scores: float32 [N, C + 1], log probabilities of each class and, last, of no digit.
    """
    none = scores[:, -1].astype(np.float64)
    return np.asarray((none > scores[:, :-1].max(axis=1)) & (none >= _EVEN), np.bool_)


def rejected(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Which crops of one digit each the reader does not read, where nothing more is known of the text.

    Args:
        scores: float32 [N, C + 1], from `fusion.join_given`.
        threshold: the least confidence of what is read, 0..1.
    """
    confidence = np.exp(scores[:, :-1]).max(axis=1)
    # Compared as the reader does, in double precision.
    return is_none(scores) | np.asarray(confidence.astype(np.float64) < threshold, np.bool_)


def _cut(line: Line) -> NDArray[np.bool_]:
    """Of each node of a line, whether what begins there belongs to ink that was cut in several ways."""
    begun = np.zeros(line.nodes, np.int64)
    for candidate in line.candidates:
        begun[candidate.start : candidate.end] += 1
    return begun > 1


def _with_unclear(way: Path, edges: Sequence[Edge], cut: NDArray[np.bool_], none: NDArray[np.bool_]) -> Path:
    """The way on which what is sooner a digit than none is one, also where it is unclear which.

    Args:
        way: the best one.
        edges: N of them.
        cut: bool, of each node, from `_cut`.
        none: bool [N], of each edge, from `is_none`.
    """
    steps, score = [], way.score
    for step in way.steps:
        edge = edges[step.edge]
        if step.label is None and not none[step.edge] and not cut[edge.start]:
            label = int(edge.labels.argmax())
            score += edge.weight * (float(edge.labels[label]) - edge.none)
            steps.append(Step(step.edge, label))
        else:
            steps.append(step)
    return Path(tuple(steps), score, way.confidence * math.exp(score - way.score))
