"""What scenes are written with: pictures of digits, and pen trajectories by what they are of and by whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_digits.results import DIGITS, SIGNS
from edge_digits_train.datasets.data import Labels, Pictures, Stroke, Trace

Strokes = tuple[Stroke, ...]

#: A writer of fewer characters is left out: a scene of one's hand would repeat them.
_FEWEST = 8
#: A stroke of more points than this is thinned to some 40: tablets take more than pixels show.
_MANY_POINTS, _THINNED = 60, 40
#: What passes for a digit or a sign where a word does not tell.
LOOKALIKES = frozenset("OoIlSsZzBbGgqQDPphixX")
#: Characters that pass for signs, or for a one, and are not drawn among what is none of them.
_DOUBTFUL = frozenset("|'`\"!;_\\")


class Library:
    """Digits, letters and signs to write with.

    Attributes:
        pictures: of digits, uint8 [N, 28, 28], white on black.
        labels: of them, int64 [N], 0..9.
        of_digit: places of each digit's pictures.
        digits: traces of digits, a list a writer.
        letters: traces of letters, a list a writer.
        signs: the strokes of each of `results.SIGNS`; none where no traces show one.
        others: the strokes of other signs.
    """

    def __init__(self, pictures: Pictures, labels: Labels, traces: Sequence[Trace] = ()) -> None:
        """Args: as the attributes; traces in any units, which are scaled to a height of about 1 around 0."""
        self.pictures, self.labels = pictures, labels
        self.of_digit = [np.flatnonzero(labels == digit) for digit in range(len(DIGITS))]
        digits: dict[str, list[Trace]] = {}
        letters: dict[str, list[Trace]] = {}
        self.signs: dict[str, list[Strokes]] = {sign: [] for sign in SIGNS}
        self.others: list[Strokes] = []
        for trace in traces:
            scaled = Trace(trace.label, _scaled(trace.strokes), trace.writer)
            if trace.label in tuple(DIGITS):
                digits.setdefault(trace.writer, []).append(scaled)
            elif trace.label.isalpha():
                letters.setdefault(trace.writer, []).append(scaled)
            elif trace.label not in self.signs and trace.label not in _DOUBTFUL:
                self.others.append(scaled.strokes)
            sign = trace.label.lower()
            if sign in self.signs:
                self.signs[sign].append(scaled.strokes)
        self.digits = [own for own in digits.values() if len(own) >= _FEWEST]
        self.letters = [own for own in letters.values() if len(own) >= _FEWEST]
        weights = np.cumsum(np.sqrt([len(own) for own in self.digits]))
        self._cumulated = weights / weights[-1] if len(weights) else weights

    def writer(self, rng: np.random.Generator) -> list[Trace]:
        """The digits of one writer: the more they wrote, the more often, by the root of their number."""
        return self.digits[int(np.searchsorted(self._cumulated, rng.random()))]


def _scaled(strokes: Strokes) -> Strokes:
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = max(float(high[1] - low[1]), 0.6 * float(high[0] - low[0]), 1e-3)
    middle = (low + high) / 2
    return tuple(((_thinned(stroke) - middle) / size).astype(np.float32) for stroke in strokes)


def _thinned(stroke: Stroke) -> Stroke:
    return stroke[:: len(stroke) // _THINNED] if len(stroke) > _MANY_POINTS else stroke
