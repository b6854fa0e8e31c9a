"""Labelled pictures, from whatever they are kept in."""

from edge_digits_train.datasets.data import BACKGROUND, Data, DataError, Labels, Pictures, Split, split
from edge_digits_train.datasets.idx import read_idx
from edge_digits_train.datasets.loading import load

__all__ = ["BACKGROUND", "Data", "DataError", "Labels", "Pictures", "Split", "load", "read_idx", "split"]
