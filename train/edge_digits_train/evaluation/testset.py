"""The labelled pictures that a model is evaluated on."""

from __future__ import annotations

import numpy as np

from edge_digits.errors import UsageError
from edge_digits.inference import run_files
from edge_digits.normalize import normalize, normalize_window
from edge_digits_train import datasets
from edge_digits_train.datasets import labelled
from edge_digits_train.datasets.labelled import Labelled
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.evaluation.classifiers import Classifier
from edge_digits_train.run import RunFolder


def load(source: str | None, model: Classifier) -> tuple[Labelled, tuple[str, ...]]:
    """The test set of a source, and what the classes of the model are called.

    Args:
        source: what `datasets.load` takes, of which the test set is taken where there is one, else all; or a folder of
            pictures with labels.csv, whatever it holds. None: the test set that the run folder of the model keeps.
        model: the model that is evaluated.

    Returns:
        the pictures, and the model's own labels; where it knows only their number, those of the data.

    Raises:
        DataError: the pictures are not available.
        UsageError: no source, and no run; or labels that the model does not know.
    """
    if source is None:
        return labelled.read(_kept_by_run(model)), model.labels
    see = normalize_window if model.reads_windows else normalize
    if labelled.is_picture_folder(source):
        data = labelled.read(labelled.list_folder(source), see)
        classes = tuple(sorted(set(data.labels) - {NONE}))
    else:
        loaded = datasets.load(source)
        data = labelled.read(labelled.from_arrays(loaded.test, loaded.labels, f"{source}, test set"), see)
        classes = tuple(loaded.labels)
    labels = classes if not model.named and len(classes) == len(model.labels) else model.labels
    unknown = sorted(set(data.labels) - set(labels) - {NONE})
    if unknown:
        raise UsageError(
            f"{source}: holds {', '.join(map(repr, unknown[:3]))}, which {model.name} does not know; its classes are "
            f"{', '.join(labels[:12])}. Only pictures of single digits are judged; "
            f"what shows none of the classes is labelled {NONE}"
        )
    return data, labels


def _kept_by_run(model: Classifier) -> labelled.PictureList:
    """The test set of the run folder that a model lies in."""
    folder = RunFolder(model.path.parent)
    if not folder.pictures.is_file():
        raise UsageError(
            f"{model.path}: lies in no run folder whose test set could be taken. Name pictures with --data"
        )
    try:
        with np.load(folder.pictures) as arrays:
            split = datasets.Split(arrays[run_files.TEST], arrays[run_files.TEST_CLASSES])
    except Exception as error:  # numpy and what it unpacks with raise many kinds
        raise datasets.DataError(
            f"{folder.pictures}: cannot be read ({error}). Train anew, or name pictures with --data"
        ) from None
    return labelled.from_arrays(split, model.labels, f"{folder.path}, its test set", normalized=True)
