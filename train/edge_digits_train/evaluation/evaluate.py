"""Judge a model on labelled pictures, alone or against another."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits.text.choice import rejected
from edge_digits.text.fusion import join_given
from edge_digits_train import datasets
from edge_digits_train.datasets import labelled
from edge_digits_train.datasets.labelled import Labelled
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.evaluation import metrics
from edge_digits_train.evaluation.classifiers import Classifier
from edge_digits_train.run import Epoch, RunFolder

#: How often a single picture is timed.
_TIMED = 200

SCHEMA = "edge-digits/evaluation/1"


@dataclass(frozen=True)
class Timing:
    """Milliseconds: median and 99th percentile of one picture alone, and of one among many."""

    one: float
    one_p99: float
    batched: float


@dataclass(frozen=True)
class Judged:
    """What a model says of the pictures of a set.

    Attributes:
        model: the model.
        truth: the class of each picture, int64 [N]; -1 for what is none of the model's classes.
        scores: float32 [N, classes + 1], log probabilities of each class and, last, of no digit, as the reader has them
            of a picture that is given as one digit.
        blank: bool [N], pictures without ink, in which the reader finds nothing to read.
        timing: how long it took.
    """

    model: Classifier
    truth: NDArray[np.int64]
    scores: NDArray[np.float32]
    blank: NDArray[np.bool_]
    timing: Timing

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """Of each class, float32 [N, classes]; what a row lacks of 1 is the probability of no digit."""
        return np.asarray(np.exp(self.scores[:, :-1]), np.float32)

    @cached_property
    def best(self) -> NDArray[np.int64]:
        """The most probable class of each picture."""
        return np.asarray(self.scores[:, :-1].argmax(axis=1), np.int64)

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """Its probability."""
        return np.asarray(self.probabilities.max(axis=1), np.float32)

    @cached_property
    def refused(self) -> NDArray[np.bool_]:
        """What the reader does not read with the model's own threshold."""
        return rejected(self.scores, self.model.threshold) | self.blank

    @cached_property
    def answers(self) -> NDArray[np.int64]:
        """The class of each picture, -1 where it is refused."""
        return np.where(self.refused, -1, self.best)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether the answer is right; of what is no class, whether it is refused."""
        return np.asarray(self.answers == self.truth, np.bool_)

    @cached_property
    def right_if_asked(self) -> NDArray[np.bool_]:
        """Whether the most probable class is right, refused or not."""
        return np.asarray(self.best == self.truth, np.bool_)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """`metrics.confusion` of the answers."""
        return metrics.confusion(self.truth, self.answers, len(self.model.labels))

    @cached_property
    def calibration(self) -> metrics.Calibration:
        """How well confidences tell the share that is right."""
        return metrics.calibration(self.confidence, self.right_if_asked)

    @cached_property
    def coverage(self) -> metrics.Coverage:
        """Accuracy of the surest answers."""
        return metrics.coverage(self.confidence, self.right_if_asked)

    @cached_property
    def classes(self) -> dict[str, Any]:
        """scikit-learn's classification report."""
        return metrics.by_class(self.truth, self.answers, self.model.labels)

    @cached_property
    def pairs(self) -> list[tuple[int, int, NDArray[np.int64]]]:
        """True class, answer and the pictures of each confusion, refusals apart, the most frequent first; within each
        the surest first.
        """
        wrong = np.flatnonzero(~self.right & ~self.refused)
        wrong = wrong[np.argsort(-self.confidence[wrong], kind="stable")]
        places: dict[tuple[int, int], list[int]] = {}
        for place in wrong:
            places.setdefault((int(self.truth[place]), int(self.answers[place])), []).append(int(place))
        return [
            (true, said, np.array(found))
            for (true, said), found in sorted(places.items(), key=lambda pair: -len(pair[1]))
        ]

    def errors(self) -> NDArray[np.int64]:
        """Pictures that were not read right: wrong answers first, the surest first, then what was refused."""
        missed = np.flatnonzero(~self.right)
        return missed[np.lexsort((-self.confidence[missed], self.refused[missed]))]

    def top(self, place: int, count: int = 3) -> list[tuple[str, float]]:
        """The most probable classes of a picture with their probabilities."""
        row = self.probabilities[place]
        return [(self.model.labels[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:count]]

    def name(self, label: int) -> str:
        """The text of a class; of -1, that it is none."""
        return self.model.labels[label] if label >= 0 else NONE


@dataclass(frozen=True)
class Evaluation:
    """A model judged on a set, perhaps beside another.

    Attributes:
        data: the pictures.
        judged: what the model says of them.
        other: what the other says.
        history: the epochs of the run that the model comes from, where it is known.
    """

    data: Labelled
    judged: Judged
    other: Judged | None = None
    history: tuple[Epoch, ...] = ()

    @cached_property
    def differing(self) -> NDArray[np.int64]:
        """Pictures that the two models answer differently; those whose probabilities differ most first."""
        if self.other is None:
            return np.zeros(0, np.int64)
        found = np.flatnonzero(self.judged.answers != self.other.answers)
        return found[np.argsort(-self.distance[found], kind="stable")]

    @cached_property
    def distance(self) -> NDArray[np.float32]:
        """The largest difference of any class's probability between the two models, by picture."""
        if self.other is None:
            return np.zeros(len(self.data), np.float32)
        difference = np.abs(self.judged.probabilities - self.other.probabilities)
        return np.asarray(difference.max(axis=1), np.float32)

    def to_dict(self) -> dict[str, Any]:
        """As report.json holds it; numbers that there are none of are null."""
        record = {
            "schema": SCHEMA,
            "data": {
                "origin": self.data.origin,
                "pictures": len(self.data),
                "unreadable": self.data.unreadable,
            },
            **_record(self.judged, self.data),
        }
        if self.history:
            record["history"] = [asdict(epoch) for epoch in self.history]
        if self.other is not None:
            record["against"] = {
                **_record(self.other, self.data),
                "mcnemar": asdict(metrics.mcnemar(self.judged.right, self.other.right)),
                "largest_difference": _number(self.distance.max(initial=0)),
                "mean_difference": _number(self.distance.mean()),
                "differing": [
                    {
                        "name": self.data.names[place],
                        "label": self.data.labels[place],
                        "first": self.judged.name(int(self.judged.answers[place])),
                        "second": self.other.name(int(self.other.answers[place])),
                        "difference": _number(self.distance[place]),
                    }
                    for place in self.differing
                ],
            }
        return record


def pictures(source: str | None, model: Classifier) -> Labelled:
    """The pictures to judge a model on.

    Args:
        source: what `datasets.load` takes, of which the test set is taken where there is one, else all; or a folder of
            pictures with labels.csv, whatever it holds. Of a folder that the model was trained on, only what training
            set aside. None: the test set that the run folder of the model keeps.
        model: its labels are taken from the data where it has none of its own.

    Raises:
        DataError: the pictures are not to be had.
        UsageError: no source, and no run; or labels that the model does not know.
    """
    if source is None:
        return labelled.read(_of_run(model))
    if labelled.is_listed(source):
        data = labelled.read(labelled.listed(source))
        texts = sorted(set(data.labels) - {NONE})
    else:
        loaded = datasets.load(source)
        data = labelled.read(labelled.from_arrays(loaded.test, loaded.labels, f"{source}, test set"))
        texts = list(loaded.labels)
    if not model.named and len(texts) == len(model.labels):
        model.labels = tuple(texts)
    unknown = sorted(set(data.labels) - set(model.labels) - {NONE})
    if unknown:
        raise UsageError(
            f"{source}: holds {', '.join(map(repr, unknown[:3]))}, which {model.name} does not know; its classes are "
            f"{', '.join(model.labels[:12])}. Only pictures of single digits are judged; "
            f"what shows none of the classes is labelled {NONE}"
        )
    return data


def judge(model: Classifier, data: Labelled) -> Judged:
    """Ask a model about all pictures."""
    places = {label: place for place, label in enumerate(model.labels)}
    truth = np.array([places.get(label, -1) for label in data.labels], np.int64)
    begun = time.perf_counter()
    probabilities = model.probabilities(data.pictures)
    batched = (time.perf_counter() - begun) / len(data)
    singles = []
    for number in range(_TIMED + 5):
        begun = time.perf_counter()
        model.probabilities(data.pictures[number % len(data)][None])
        singles.append(time.perf_counter() - begun)
        if number > 20 and sum(singles) > 1.0:
            break  # Keras takes its time
    one, p99 = np.quantile(singles[5:], [0.5, 0.99])
    timing = Timing(1e3 * float(one), 1e3 * float(p99), 1e3 * batched)
    return Judged(model, truth, join_given(probabilities), ~data.pictures.any(axis=(1, 2)), timing)


def sibling(model: Classifier) -> Path | None:
    """The same model in the other precision: NAME.fp32.onnx beside NAME.int8.onnx, and the other way about."""
    for ours, others in ((".int8.onnx", ".fp32.onnx"), (".fp32.onnx", ".int8.onnx")):
        if model.path.name.endswith(ours):
            other = model.path.with_name(model.path.name.removesuffix(ours) + others)
            return other if other.is_file() else None
    return None


def _of_run(model: Classifier) -> labelled.Listed:
    folder = RunFolder(model.path.parent)
    if not folder.pictures.is_file():
        raise UsageError(
            f"{model.path}: lies in no run folder whose test set could be taken. Name pictures with --data"
        )
    try:
        with np.load(folder.pictures) as kept:
            split = datasets.Split(kept["test"], kept["test_classes"])
    except Exception as error:  # numpy and what it unpacks with raise many kinds
        raise datasets.DataError(
            f"{folder.pictures}: cannot be read ({error}). Train anew, or name pictures with --data"
        ) from None
    return labelled.from_arrays(split, model.labels, f"{folder.path}, its test set", normalized=True)


def _record(judged: Judged, data: Labelled) -> dict[str, Any]:
    model = judged.model
    calibration, curve = judged.calibration, judged.coverage
    return {
        "model": {
            "name": model.name,
            "kind": model.kind,
            "bytes": model.path.stat().st_size,
            "labels": model.labels,
            "threshold": model.threshold,
            "background": model.background,
            **model.facts,
        },
        "accuracy": _share(judged.right),
        "accuracy_if_asked": _share(judged.right_if_asked),
        "accuracy_of_answered": _share(judged.right[~judged.refused]),
        "coverage": _share(~judged.refused),
        "classes": judged.classes,
        "confusion": {
            "rows": [*model.labels, NONE],
            "columns": [*model.labels, "refused"],
            "counts": judged.confusion.tolist(),
        },
        "pairs": [
            {"label": judged.name(true), "answer": judged.name(said), "count": len(found)}
            for true, said, found in judged.pairs
        ],
        "calibration": {
            "ece": _number(calibration.ece),
            "edges": [round(float(edge), 4) for edge in calibration.edges],
            "counts": calibration.counts.tolist(),
            "confidence": [_number(value) for value in calibration.confidence],
            "accuracy": [_number(value) for value in calibration.accuracy],
        },
        "accuracy_by_coverage": [
            [_number(value) for value in point]
            for point in zip(curve.coverage, curve.accuracy, curve.confidence, strict=True)
        ],
        "errors": [
            {
                "name": data.names[place],
                "label": data.labels[place],
                "refused": bool(judged.refused[place]),
                "top": [[label, _number(value)] for label, value in judged.top(int(place))],
            }
            for place in judged.errors()
        ],
        "milliseconds": {name: round(value, 4) for name, value in asdict(judged.timing).items()},
    }


def _share(right: NDArray[np.bool_]) -> dict[str, Any]:
    found = metrics.share(right)
    values = {name: _number(getattr(found, name)) for name in ("value", "low", "high")}
    return {"right": found.right, "of": found.total, **values}


def _number(value: Any) -> float | None:
    """JSON knows no NaN."""
    return None if np.isnan(value) else round(float(value), 6)
