"""Labelled pictures by name: MNIST, IDX files, .npz, a folder a class, or a folder with labels.csv."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_digits.errors import MissingExtraError
from edge_digits.quiet import training_libraries
from edge_digits_train.datasets.arrays import checked_split
from edge_digits_train.datasets.data import (
    Data,
    DataError,
    Split,
    check,
    label_by_number,
    sha256,
    split,
    subset,
)
from edge_digits_train.datasets.folders import TEST_SHARE, load_extra, load_folder
from edge_digits_train.datasets.idx import find_set, load_set
from edge_digits_train.datasets.unipen import load_traces


def load(
    source: str, *, limit: int | None = None, seed: int = 0, extra: Sequence[str] = (), pens: Sequence[str] = ()
) -> Data:
    """Load a data set.

    Args:
        source: "mnist" (downloaded once, through Keras), an .npz file with x_train, y_train and perhaps x_test, y_test,
            a folder of IDX files, FOLDER/NAME of IDX files whose names begin with NAME, or a folder of pictures: a
            sub-folder a class, or a labels.csv (columns file, label).
        limit: at most this many training pictures and test pictures, chosen by the seed.
        seed: of those choices, and of the test set that is held out where the data have none.
        extra: folders of crops to train on as well (`folders.load_extra`).
        pens: files and folders of pen trajectories (`unipen.load_traces`); writers of one name are one.

    Raises:
        DataError: says which file is wrong, how, and what to do.
    """
    path = Path(source)
    if source == "mnist":
        data = _keras_mnist()
    elif path.is_file() and path.suffix == ".npz":
        data = _npz(path, seed)
    elif (idx := find_set(path)) is not None:
        data = load_set(idx)
    elif path.is_dir():
        data = load_folder(path, seed)
    else:
        raise DataError(f"{source}: no such data. Give mnist, a folder of IDX files or of pictures, or an .npz file")
    check(data, "Add some; where there is no test set, a tenth of all is set aside")
    if limit is not None:
        data = replace(data, train=subset(data.train, limit, seed), test=subset(data.test, limit, seed))
        check(data, "Raise --limit")
    parts = [load_extra(Path(folder), data.labels) for folder in extra]
    for part in parts:
        data = replace(data, extra=part if data.extra is None else data.extra.with_more(part))
    traces = tuple(trace for source in pens for trace in load_traces(Path(source)))
    return replace(data, traces=traces, sha256=sha256(data.train, *parts, traces=traces))


def _keras_mnist() -> Data:
    try:
        with training_libraries():
            from keras.datasets import mnist
    except ImportError:
        raise MissingExtraError("training", "train", "Keras") from None
    try:
        parts = mnist.load_data()
    except Exception as error:  # urllib and Keras raise several kinds
        raise DataError(
            f"mnist: cannot be downloaded ({error}). Give the folder of its four IDX files instead"
        ) from None
    return label_by_number("mnist", *(Split(pictures, classes.astype(np.int64)) for pictures, classes in parts))


def _npz(path: Path, seed: int) -> Data:
    try:
        with path.open("rb") as stream:  # numpy leaves a broken file open
            arrays = {name: np.asarray(array) for name, array in dict(np.load(stream)).items()}
    except (OSError, ValueError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}). Write it with numpy.savez") from None
    for name in ("x_train", "y_train"):
        if name not in arrays:
            raise DataError(f"{path}: holds no {name}, only {', '.join(sorted(arrays)) or 'nothing'}")
    parts = [
        checked_split(arrays[f"x_{name}"], arrays[f"y_{name}"], f"{path}: x_{name}", f"{path}: y_{name}")
        for name in ("train", "test")
        if f"x_{name}" in arrays and f"y_{name}" in arrays
    ]
    if len(parts) == 1:
        parts = list(split(parts[0], TEST_SHARE, seed))
    return label_by_number(str(path), *parts)
