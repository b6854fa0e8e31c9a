"""Scored candidates of digits -> the best text, among those that are allowed.

A picture's candidates form a lattice: nodes are the gaps between pieces of ink in reading order, an edge is one or more
consecutive pieces that may be one digit. The best path is Viterbi's (1967) over the product of the lattice and of a
finite automaton that accepts the allowed texts; its confidence is its share in the sum over all allowed paths, which
the forward algorithm (Rabiner 1989) finds in the same space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_IMPOSSIBLE = -math.inf


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Edge:
    """Ink between two nodes that may be one digit: an isolated candidate, or a span of an over-segmented group.

    Attributes:
        start: the node before it.
        end: the node after it, later than `start`.
        labels: float32 [C], log probability of each class; minus infinity where it cannot be.
        none: log probability that it is no digit; it then adds nothing to the text.
        weight: positive factor of its log probabilities, such as the number of pieces that it spans.
    """

    start: int
    end: int
    labels: NDArray[np.float32]
    none: float
    weight: float = 1.0


@dataclass(frozen=True)
class Step:
    """One edge of a path.

    Attributes:
        edge: its place among the edges that were given.
        label: the class it is read as; None where it is refused.
    """

    edge: int
    label: int | None


@dataclass(frozen=True)
class Path:
    """A way through the lattice.

    Attributes:
        steps: from the first node to the last.
        score: the sum of weight * log probability of its steps.
        confidence: its share in the sum of exp(score) over all allowed paths, labels included; 0 to 1.
    """

    steps: tuple[Step, ...]
    score: float
    confidence: float


@dataclass(frozen=True, eq=False)
class Automaton:
    """The allowed texts, as a finite automaton over the classes of the model.

    It may have several start states, but no two of them may accept the same text, or a path would count twice.

    Attributes:
        next: int32 [S, C], the state after each class; -1 where no allowed text goes on so.
        starts: bool [S].
        accepting: bool [S].
    """

    next: NDArray[np.int32]
    starts: NDArray[np.bool_]
    accepting: NDArray[np.bool_]

    @cached_property
    def moves(self) -> Moves:
        """Its transitions by target."""
        source, label = np.nonzero(self.next >= 0)
        target = self.next[source, label]
        order = np.argsort(target, kind="stable")
        targets, first = np.unique(target[order], return_index=True)
        return Moves(source[order], label[order], targets, first)


@dataclass(frozen=True, eq=False)
class Moves:
    """The transitions of an automaton, sorted by target.

    Attributes:
        source: intp [T], the state each leaves.
        label: intp [T], the class each reads.
        targets: int32 [K], the states that are entered, ascending.
        first: intp [K], where the transitions into each of `targets` begin.
    """

    source: NDArray[np.intp]
    label: NDArray[np.intp]
    targets: NDArray[np.int32]
    first: NDArray[np.intp]


def best_path(edges: Sequence[Edge], nodes: int, allowed: Automaton | None = None) -> Path | None:
    """The most probable allowed path from the first node to the last, or None where there is none.

    Args:
        edges: in any order; of equal paths, one of the earlier edges and classes wins.
        nodes: how many there are, numbered 0 to nodes - 1: one more than a row of isolated candidates has edges.
        allowed: the texts that may be read; any by default.
    """
    order = sorted(range(len(edges)), key=lambda number: edges[number].start)
    scores = _scores(edges)
    if allowed is None:
        return _free(edges, order, scores, nodes)
    return _constrained(edges, order, scores, nodes, allowed)


def _scores(edges: Sequence[Edge]) -> NDArray[np.float64]:
    """Weighted log probabilities, [E, C + 1]; the last column is that of no digit."""
    if not edges:
        return np.zeros((0, 1))
    labels = np.array([edge.labels for edge in edges], np.float64)
    none = np.array([[edge.none] for edge in edges])
    weights = np.array([[edge.weight] for edge in edges], np.float64)
    return np.asarray(np.hstack([labels, none]) * weights, np.float64)


def _free(edges: Sequence[Edge], order: list[int], scores: NDArray[np.float64], nodes: int) -> Path | None:
    """The best of all paths: every edge may be read alone, so that what is left are a few floats a node."""
    choice = scores.argmax(axis=1).tolist()  # [E]
    best_of_edge = scores.max(axis=1).tolist() if edges else []  # [E]
    sum_of_edge = np.logaddexp.reduce(scores, axis=1).tolist()  # [E]
    best = [0.0] + [_IMPOSSIBLE] * (nodes - 1)  # of each node, the score of the best path to it (Viterbi)
    forward = best.copy()  # of each node, the log of the sum over all paths to it
    backpointers = [-1] * nodes  # of each node, the last edge of the best path
    for number in order:
        start, end = edges[number].start, edges[number].end
        score = best[start] + best_of_edge[number]
        if score > best[end]:
            best[end], backpointers[end] = score, number
        forward[end] = _log_add(forward[end], forward[start] + sum_of_edge[number])
    if best[-1] == _IMPOSSIBLE:
        return None
    steps = []
    node, none = nodes - 1, scores.shape[1] - 1
    while node > 0:
        number = backpointers[node]
        steps.append(Step(number, choice[number] if choice[number] < none else None))
        node = edges[number].start
    return _path(steps, best[-1], forward[-1])


def _log_add(x: float, y: float) -> float:
    """log(exp(x) + exp(y)) of two numbers; NumPy's takes ten times as long for these."""
    high, low = (x, y) if x > y else (y, x)
    return high if low == _IMPOSSIBLE else high + math.log1p(math.exp(low - high))


def _constrained(
    edges: Sequence[Edge], order: list[int], scores: NDArray[np.float64], nodes: int, allowed: Automaton
) -> Path | None:
    """The best path whose text the automaton accepts."""
    moves = allowed.moves
    best = np.full((nodes, len(allowed.starts)), _IMPOSSIBLE)  # [nodes, S], as in `_free`
    best[0, allowed.starts] = 0.0
    forward = best.copy()  # [nodes, S]
    incoming: list[list[int]] = [[] for _ in range(nodes)]  # of each node, the edges that end there
    for number in order:
        start, end = edges[number].start, edges[number].end
        incoming[end].append(number)
        labelled, none = scores[number, moves.label], scores[number, -1]  # [T], scalar
        np.maximum(best[end], best[start] + none, out=best[end])
        np.logaddexp(forward[end], forward[start] + none, out=forward[end])
        if len(moves.targets):
            top = np.maximum.reduceat(best[start, moves.source] + labelled, moves.first)  # [K]
            best[end, moves.targets] = np.maximum(best[end, moves.targets], top)
            summed = np.logaddexp.reduceat(forward[start, moves.source] + labelled, moves.first)  # [K]
            forward[end, moves.targets] = np.logaddexp(forward[end, moves.targets], summed)
    ends = np.flatnonzero(allowed.accepting & (best[-1] > _IMPOSSIBLE))
    if len(ends) == 0:
        return None
    state = int(ends[best[-1, ends].argmax()])
    steps = _trace_back(edges, incoming, scores, best, moves, state)
    return _path(steps, float(best[-1, state]), float(np.logaddexp.reduce(forward[-1, ends])))


def _trace_back(
    edges: Sequence[Edge],
    incoming: list[list[int]],
    scores: NDArray[np.float64],
    best: NDArray[np.float64],
    moves: Moves,
    state: int,
) -> list[Step]:
    """The steps of the best path that ends in this state, last first, found again from the scores of the nodes."""
    bounds = np.append(moves.first, len(moves.source))  # [K + 1]
    steps = []
    node = len(incoming) - 1
    while node > 0:
        place = int(np.searchsorted(moves.targets, state))
        entered = place < len(moves.targets) and moves.targets[place] == state
        transitions = slice(bounds[place], bounds[place + 1]) if entered else slice(0, 0)
        # Reading it as each of the labels that lead here, or as none, which leaves the state as it was.
        sources = np.append(moves.source[transitions], state)
        labels = np.append(moves.label[transitions], -1)
        reached = np.array([best[edges[number].start, sources] + scores[number, labels] for number in incoming[node]])
        row, column = np.unravel_index(int(reached.argmax()), reached.shape)  # which edge, which transition
        number, label = incoming[node][row], int(labels[column])
        steps.append(Step(number, None if label < 0 else label))
        node, state = edges[number].start, int(sources[column])
    return steps


def _path(backwards: list[Step], score: float, forward: float) -> Path:
    return Path(tuple(reversed(backwards)), score, min(1.0, math.exp(score - forward)))
