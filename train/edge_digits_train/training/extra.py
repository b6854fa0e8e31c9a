"""Crops of a user's own among the training pictures."""

from __future__ import annotations

import numpy as np

from edge_digits_train.datasets.data import Split

#: Extra crops are repeated until they are this share of the training pictures, and not more often than that.
_SHARE, _MAX_REPEATS = 0.1, 50


def with_extra(train: Split, extra: Split | None) -> Split:
    """Training pictures, and behind them extra crops as often as makes them their share."""
    if extra is None:
        return train
    times = min(max(1, round(_SHARE * len(train) / len(extra))), _MAX_REPEATS)
    return train.with_more(extra.take(np.tile(np.arange(len(extra)), times)))
