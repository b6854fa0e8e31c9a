"""Two opinions of one candidate, the finder's and the classifier's, made one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Candidate

#: How much the finder's opinion counts beside the classifier's; both were weighed on composed scenes.
_FINDER, _CLASSIFIER = 0.5, 0.5
_LEAST = 1e-6


def join(candidates: list[Candidate], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities of each class and, last, of no digit.

    The opinions are joined as a product of experts (Hinton 2002): the weighted sum of their log probabilities, made to
    sum to 1 again.

    Args:
        candidates: N of them.
        probabilities: float32 [N, C], the classifier's; what a row lacks of 1 is for no digit.

    Returns:
        float32 [N, C + 1].
    """
    none = np.maximum(1.0 - probabilities.sum(axis=1, keepdims=True), 0.0)
    own = np.log(np.maximum(np.hstack([probabilities, none]), _LEAST))
    for row, candidate in enumerate(candidates):
        if candidate.logits is not None:
            own[row] = _CLASSIFIER * own[row] + _FINDER * _finders(candidate.logits)
    return np.asarray(own - np.logaddexp.reduce(own, axis=1)[:, None], np.float32)


def _finders(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """A finder says of each class by itself whether it is there: log probabilities, no digit last, float32 [C + 1]."""
    top = float(logits.max())
    there = -np.logaddexp(0.0, -top)
    shares = logits - top - np.log(np.exp(logits - top).sum())
    return np.append(np.maximum(there + shares, np.log(_LEAST)), max(-np.logaddexp(0.0, top), np.log(_LEAST)))
