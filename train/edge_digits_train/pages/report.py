"""An evaluation as one page that holds all it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import UsageError
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.evaluation import metrics, montages, plots
from edge_digits_train.evaluation.classifiers import Classifier
from edge_digits_train.evaluation.evaluation import Evaluation
from edge_digits_train.evaluation.predictions import Predictions
from edge_digits_train.pages.entries import Entries
from edge_digits_train.pages.page import Figures, Pages, Sprites, percent

#: How many of each the page shows at most; the JSON file lists all.
_MAX_ERRORS = 10_000
_MAX_DIFFERING = 1000
_MAX_PAIRS = 12
_PICTURES_OF_PAIR = 10
_SAMPLES = 24
#: Of so many errors in files, the file's own picture is shown beside what the model saw.
_MAX_ORIGINALS = 300


def render(evaluation: Evaluation, show: Sequence[str] = ()) -> str:
    """The page.

    Args:
        evaluation: what it shows.
        show: names of pictures whose feature maps are shown; by default the first that was read right, and the error of
            the highest confidence.

    Raises:
        UsageError: no picture of such a name.
    """
    mapped = _with_feature_maps(evaluation, show)
    predictions, data = evaluation.predictions, evaluation.data
    sprites, figures = Sprites(data.pictures), Figures()
    entries = Entries(evaluation, sprites)
    errors = predictions.errors()
    values = {
        "predictions": predictions,
        "data": data,
        "tiles": _tiles(predictions),
        "none": int((predictions.truth < 0).sum()),
        "table": _class_rows(predictions),
        "averages": [(name, predictions.classes[name]) for name in ("macro avg", "weighted avg")],
        "class_bars": figures.svg(_class_bars(evaluation), "accuracy by class"),
        "confusions": _confusions(predictions, figures),
        "pairs": [
            (
                predictions.label(truth),
                predictions.label(answer),
                len(indices),
                [sprites.html(index) for index in indices[:_PICTURES_OF_PAIR]],
            )
            for truth, answer, indices in predictions.confused_pairs[:_MAX_PAIRS]
        ],
        "all_pairs": len(predictions.confused_pairs),
        "errors": [
            entries.entry(index, with_original=rank < _MAX_ORIGINALS) for rank, index in enumerate(errors[:_MAX_ERRORS])
        ],
        "all_errors": len(errors),
        "samples": [entries.entry(index) for index in _samples(len(data))],
        "reliability": figures.svg(plots.reliability(predictions.calibration), "reliability diagram"),
        "confidences": figures.svg(
            plots.confidences(predictions.confidence, predictions.top1_correct, predictions.model.threshold),
            "confidences",
        ),
        "coverage": figures.svg(_coverage(evaluation), "accuracy against coverage"),
        "curves": figures.svg(plots.curves(evaluation.history), "training") if evaluation.history else None,
        "filters": _filters(predictions.model, figures),
        "feature_maps": _feature_maps(evaluation, mapped, figures, entries),
        "models": [_facts(row) for row in evaluation.models],
        "against": _against(evaluation, figures, entries),
    }
    return Pages().render("report.html", **values, sheets=sprites.css())


def _tiles(predictions: Predictions) -> list[tuple[str, str, str]]:
    """The headline figures: a name, a number, and what it means."""
    refused = predictions.refused
    accuracy, top1 = metrics.proportion(predictions.correct), metrics.proportion(predictions.top1_correct)
    answered, coverage = metrics.proportion(predictions.correct[~refused]), metrics.proportion(~refused)
    interval = f"95 % interval {percent(accuracy.low)} to {percent(accuracy.high)}"
    tiles = [("accuracy", percent(accuracy.value), interval)]
    if refused.any():
        tiles += [
            ("were nothing refused", percent(top1.value), f"{top1.count:,} of {top1.total:,}"),
            ("answered", percent(coverage.value), f"{refused.sum():,} refused"),
            ("right of the answered", percent(answered.value), f"{answered.total - answered.count:,} wrong answers"),
        ]
    size, timing = predictions.model.path.stat().st_size, predictions.timing
    return [
        *tiles,
        ("calibration error", percent(predictions.calibration.ece), "expected, in 15 bins"),
        ("one picture", f"{timing.single:.2f} ms", f"99 of 100 within {timing.single_p99:.2f} ms"),
        ("file", f"{size / 1000:,.0f} kB", predictions.model.kind),
    ]


def _class_rows(predictions: Predictions) -> list[tuple[str, dict[str, float], metrics.Proportion]]:
    """The label of each class that occurs, its row of the classification report, and its recall."""
    return [
        (
            label,
            predictions.classes[label],
            metrics.proportion(predictions.correct[predictions.truth == number]),
        )
        for number, label in enumerate(predictions.labels)
        if label in predictions.classes
    ]


def _class_bars(evaluation: Evaluation) -> Any:
    predictions = evaluation.predictions
    present = sorted(set(predictions.truth.tolist()) - {-1}) + ([-1] if (predictions.truth < 0).any() else [])
    accuracies = {
        name: [100 * float(row.correct[row.truth == number].mean()) for number in present]
        for name, row in _by_name(evaluation).items()
    }
    return plots.bars(accuracies, [predictions.label(number) for number in present], "accuracy, %")


def _by_name(evaluation: Evaluation) -> dict[str, Predictions]:
    """The models' predictions by their names; by their paths where the names are alike."""
    names = [row.model.name for row in evaluation.models]
    if len(set(names)) < len(names):
        names = [str(row.model.path) for row in evaluation.models]
    return dict(zip(names, evaluation.models, strict=True))


def _confusions(predictions: Predictions, figures: Figures) -> list[Any]:
    counts = predictions.confusion
    rows, columns = [*predictions.labels, NONE], [*predictions.labels, "refused"]
    if not counts[-1].any():
        counts, rows = counts[:-1], rows[:-1]
    if not counts[:, -1].any():
        counts, columns = counts[:, :-1], columns[:-1]
    return [
        figures.svg(plots.confusion(counts, rows, columns), "confusion matrix, counts"),
        figures.svg(plots.confusion(counts, rows, columns, normalized=True), "confusion matrix, per cent of each row"),
    ]


def _samples(count: int) -> NDArray[np.int64]:
    """Some of the pictures, the same each time."""
    return np.sort(np.random.default_rng(0).permutation(count)[:_SAMPLES])


def _coverage(evaluation: Evaluation) -> Any:
    models = _by_name(evaluation)
    return plots.coverage(
        {name: row.coverage for name, row in models.items()},
        {name: row.model.threshold for name, row in models.items() if row.model.threshold},
    )


def _filters(model: Classifier, figures: Figures) -> Any:
    kernels = model.filters()
    return None if kernels is None else figures.svg(montages.filters(kernels), "kernels of the first convolution")


def _with_feature_maps(evaluation: Evaluation, names: Sequence[str]) -> list[int]:
    """The pictures of these names; where none are named, one that was read right and the worst error."""
    data, predictions = evaluation.data, evaluation.predictions
    if names:
        indices = {name: index for index, name in enumerate(data.names)}
        missing = [name for name in names if name not in indices]
        if missing:
            kind = "file names below the folder" if data.files else "numbers from 0"
            raise UsageError(f"--show {missing[0]}: no picture of that name in {data.origin}. Its names are {kind}")
        return [indices[name] for name in names]
    read = np.flatnonzero(predictions.correct & (predictions.truth >= 0))
    return [int(found[0]) for found in (read, predictions.errors()) if len(found)]


def _feature_maps(evaluation: Evaluation, indices: Sequence[int], figures: Figures, entries: Entries) -> list[Any]:
    """For each picture its entry, and a figure of each convolution."""
    layers = evaluation.predictions.model.layers(evaluation.data.pictures[list(indices)]) if indices else []
    if not layers:
        return []
    return [
        (
            entries.entry(index),
            [
                figures.svg(montages.feature_maps(layer.name, layer.maps[row]), f"feature maps, {layer.name}")
                for layer in layers
            ],
        )
        for row, index in enumerate(indices)
    ]


def _facts(predictions: Predictions) -> tuple[str, dict[str, str]]:
    """A model's name, and what else is to be said of it, by its name."""
    model, timing = predictions.model, predictions.timing
    refusal = f"less sure than {percent(model.threshold, 1)}" if model.threshold else ""
    if model.background:
        refusal += " or " if refusal else ""
        refusal += "more likely none of the classes than one of them"
    facts = {
        "kind": model.kind,
        "file": f"{model.path.stat().st_size:,} bytes",
        "classes": " ".join(predictions.labels),
        "refuses": refusal or "nothing",
        "one picture alone": f"{timing.single:.3f} ms, 99 of 100 within {timing.single_p99:.3f} ms",
        "one among many": f"{timing.batched:.3f} ms",
        **{name: text for name, text in model.facts.items() if text},
    }
    return model.name, facts


def _against(evaluation: Evaluation, figures: Figures, entries: Entries) -> dict[str, Any] | None:
    """What the section on two models shows; None where there is one."""
    first, second = evaluation.predictions, evaluation.other
    if second is None:
        return None
    names = list(_by_name(evaluation))
    differing = evaluation.differing
    same = np.ones(len(evaluation.data), np.bool_)
    same[differing] = False
    plot = plots.agreement(first.confidence, second.confidence, (names[0], names[1]), same)
    columns = [
        {
            "accuracy": _with_interval(row.correct),
            "were nothing refused": _with_interval(row.top1_correct),
            "answered": percent(metrics.proportion(~row.refused).value),
            "right of the answered": percent(metrics.proportion(row.correct[~row.refused]).value),
            "calibration error": percent(row.calibration.ece),
            "one picture": f"{row.timing.single:.3f} ms",
            "file": f"{row.model.path.stat().st_size:,} bytes",
        }
        for row in (first, second)
    ]
    return {
        "names": names,
        "rows": [(name, columns[0][name], columns[1][name]) for name in columns[0]],
        "test": metrics.mcnemar(first.correct, second.correct),
        "plot": figures.svg(plot, "confidence of one model by that of the other"),
        "differing": [entries.differing(index) for index in differing[:_MAX_DIFFERING]],
        "all_differing": len(differing),
        "mean": percent(float(evaluation.distance.mean()), 3),
        "largest": percent(float(evaluation.distance.max())),
    }


def _with_interval(flags: NDArray[np.bool_]) -> str:
    found = metrics.proportion(flags)
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"
