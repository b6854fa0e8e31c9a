"""Scored candidates -> which of them are read, and as what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Candidate
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
        way: through the candidates' lattice; its edges are their places.
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

    def choose(self, candidates: Sequence[Candidate], nodes: int, scores: NDArray[np.float32]) -> Choice:
        """Choose the best way.

        Args:
            candidates: N of them, between so many nodes.
            nodes: how many nodes they join.
            scores: float32 [N, C + 1], log probabilities of each class and, last, of no digit.
        """
        cut = _cut(candidates, nodes)
        edges = [
            Edge(
                candidate.start,
                candidate.end,
                row[:-1],
                float(row[-1]) - _CUT_FOR_NOTHING * bool(cut[candidate.start]),
                candidate.end - candidate.start,
            )
            for candidate, row in zip(candidates, scores, strict=True)
        ]
        free = _with_unclear(best_path(edges, nodes) or Path((), 0.0, 0.0), edges, cut)
        if self._constraint is None or self._allowed is None:
            return Choice(free)
        asked = self._constraint.describe()
        allowed = best_path(edges, nodes, self._allowed)
        if allowed is None:
            return Choice(free, warnings=(f"no reading satisfies {asked}",))
        if [step.label for step in allowed.steps] == [step.label for step in free.steps]:
            return Choice(allowed, bound=True)
        without = "".join(self._labels[step.label] for step in free.steps if step.label is not None)
        said = f"read so as to satisfy {asked}; without it {without or 'nothing'}"
        return Choice(allowed, bound=True, warnings=(said,))


def _cut(candidates: Sequence[Candidate], nodes: int) -> NDArray[np.bool_]:
    """Of each node, whether what begins there belongs to ink that was cut in several ways."""
    begun = np.zeros(nodes, np.int64)
    for candidate in candidates:
        begun[candidate.start : candidate.end] += 1
    return begun > 1


def _with_unclear(way: Path, edges: Sequence[Edge], cut: NDArray[np.bool_]) -> Path:
    """The way on which what is sooner a digit than none is one, also where it is unclear which."""
    steps, score = [], way.score
    for step in way.steps:
        edge = edges[step.edge]
        if step.label is None and edge.none < _EVEN and not cut[edge.start]:
            label = int(edge.labels.argmax())
            score += edge.weight * (float(edge.labels[label]) - edge.none)
            steps.append(Step(step.edge, label))
        else:
            steps.append(step)
    return Path(tuple(steps), score, way.confidence * math.exp(score - way.score))
