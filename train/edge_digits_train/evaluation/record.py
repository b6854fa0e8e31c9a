"""An evaluation as the JSON file beside its report: the contract `edge-digits/evaluation/1`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.datasets.labelled import Labelled
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.evaluation import metrics
from edge_digits_train.evaluation.evaluation import Evaluation
from edge_digits_train.evaluation.predictions import Predictions

SCHEMA = "edge-digits/evaluation/1"


def to_dict(evaluation: Evaluation) -> dict[str, Any]:
    """The record; what has no value, such as the accuracy of nothing, is null."""
    data, first, second = evaluation.data, evaluation.predictions, evaluation.other
    record = {
        "schema": SCHEMA,
        "data": {"origin": data.origin, "pictures": len(data), "unreadable": data.unreadable},
        **_of_model(first, data),
    }
    if evaluation.history:
        record["history"] = [epoch.to_row() for epoch in evaluation.history]
    if second is not None:
        record["against"] = {
            **_of_model(second, data),
            "mcnemar": asdict(metrics.mcnemar(first.correct, second.correct)),
            "largest_difference": _number(evaluation.distance.max(initial=0)),
            "mean_difference": _number(evaluation.distance.mean()),
            "differing": [
                {
                    "name": data.names[index],
                    "label": data.labels[index],
                    "first": first.label(int(first.answers[index])),
                    "second": second.label(int(second.answers[index])),
                    "difference": _number(evaluation.distance[index]),
                }
                for index in evaluation.differing
            ],
        }
    return record


def _of_model(predictions: Predictions, data: Labelled) -> dict[str, Any]:
    model, timing = predictions.model, predictions.timing
    calibration, curve = predictions.calibration, predictions.coverage
    return {
        "model": {
            "name": model.name,
            "kind": model.kind,
            "bytes": model.path.stat().st_size,
            "labels": predictions.labels,
            "threshold": model.threshold,
            "background": model.background,
            **model.facts,
        },
        "accuracy": _proportion(predictions.correct),
        "accuracy_if_asked": _proportion(predictions.top1_correct),
        "accuracy_of_answered": _proportion(predictions.correct[~predictions.refused]),
        "coverage": _proportion(~predictions.refused),
        "classes": predictions.classes,
        "confusion": {
            "rows": [*predictions.labels, NONE],
            "columns": [*predictions.labels, "refused"],
            "counts": predictions.confusion.tolist(),
        },
        "pairs": [
            {"label": predictions.label(truth), "answer": predictions.label(answer), "count": len(indices)}
            for truth, answer, indices in predictions.confused_pairs
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
                "name": data.names[index],
                "label": data.labels[index],
                "refused": bool(predictions.refused[index]),
                "top": [[label, _number(value)] for label, value in predictions.topk(int(index))],
            }
            for index in predictions.errors()
        ],
        "milliseconds": {
            "one": round(timing.single, 4),
            "one_p99": round(timing.single_p99, 4),
            "batched": round(timing.batched, 4),
        },
    }


def _proportion(flags: NDArray[np.bool_]) -> dict[str, Any]:
    found = metrics.proportion(flags)
    return {
        "right": found.count,
        "of": found.total,
        "value": _number(found.value),
        "low": _number(found.low),
        "high": _number(found.high),
    }


def _number(value: Any) -> float | None:
    """JSON knows no NaN."""
    return None if np.isnan(value) else round(float(value), 6)
