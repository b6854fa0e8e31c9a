"""An evaluation as one page that holds all it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import EdgeDigitsError, UsageError
from edge_digits.imaging.pixels import shrink, to_gray
from edge_digits.sources.decode import decode
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.evaluation import metrics, plots
from edge_digits_train.evaluation.classifiers import Classifier
from edge_digits_train.evaluation.evaluate import Evaluation, Judged
from edge_digits_train.pages.page import Figures, Pages, Sprites, percent, picture_url

#: Pictures that the page shows at most, of a kind; report.json names all.
_MOST_ERRORS = 10_000
_MOST_DIFFERING = 1000
_PAIRS = 12
_SAMPLES = 24
#: Of so many errors in files, the file itself is shown beside what the model saw.
_ORIGINALS = 300


@dataclass(frozen=True)
class Entry:
    """A picture with what was said of it, as the page shows it."""

    picture: Any
    label: str
    answer: str
    right: bool
    top: str
    name: str
    original: str = ""
    other: str = ""


def render(evaluation: Evaluation, show: Sequence[str] = ()) -> str:
    """The page.

    Args:
        evaluation: what it tells.
        show: names of pictures whose feature maps are shown; by default one that was read right, and the surest error.

    Raises:
        UsageError: no picture of such a name.
    """
    shown = _chosen(evaluation, show)
    judged, data = evaluation.judged, evaluation.data
    sprites, figures = Sprites(data.pictures), Figures()
    errors = judged.errors()
    by_place = _Entries(evaluation, sprites)
    values = {
        "judged": judged,
        "data": data,
        "tiles": _tiles(judged),
        "none": int((judged.truth < 0).sum()),
        "table": _class_rows(judged),
        "averages": [(name, judged.classes[name]) for name in ("macro avg", "weighted avg")],
        "class_bars": figures.svg(_class_bars(evaluation), "accuracy by class"),
        "confusions": _confusions(judged, figures),
        "pairs": [
            (judged.name(true), judged.name(said), len(found), [sprites.html(place) for place in found[:10]])
            for true, said, found in judged.pairs[:_PAIRS]
        ],
        "all_pairs": len(judged.pairs),
        "errors": [by_place.entry(place, i < _ORIGINALS) for i, place in enumerate(errors[:_MOST_ERRORS])],
        "all_errors": len(errors),
        "samples": [by_place.entry(place) for place in _samples(len(data))],
        "reliability": figures.svg(plots.reliability(judged.calibration), "reliability diagram"),
        "confidences": figures.svg(
            plots.confidences(judged.confidence, judged.right_if_asked, judged.model.threshold), "confidences"
        ),
        "coverage": figures.svg(_coverage(evaluation), "accuracy against coverage"),
        "curves": figures.svg(plots.curves(evaluation.history), "training") if evaluation.history else None,
        "filters": _filters(judged.model, figures),
        "inside": _inside(evaluation, shown, figures, sprites),
        "models": [_facts(one) for one in (judged, evaluation.other) if one is not None],
        "against": _against(evaluation, figures, by_place),
    }
    return Pages().render("report.html", **values, sheets=sprites.css())


class _Entries:
    def __init__(self, evaluation: Evaluation, sprites: Sprites) -> None:
        self._evaluation, self._sprites = evaluation, sprites

    def entry(self, place: int, with_original: bool = False) -> Entry:
        judged, data = self._evaluation.judged, self._evaluation.data
        name = data.names[place]
        original = _original(data.files[place]) if with_original and data.files else ""
        return Entry(
            self._sprites.html(place),
            data.labels[place],
            "refused" if judged.refused[place] else judged.name(int(judged.best[place])),
            bool(judged.right[place]),
            _top(judged, place),
            name if data.files else f"#{name}",
            original,
        )

    def differing(self, place: int) -> Entry:
        evaluation = self._evaluation
        assert evaluation.other is not None
        said = [
            ("refused" if one.refused[place] else one.name(int(one.best[place])))
            + f" {percent(one.confidence[place], 0)}"
            for one in (evaluation.judged, evaluation.other)
        ]
        data = evaluation.data
        name = data.names[place] if data.files else f"#{data.names[place]}"
        right = bool(evaluation.judged.right[place])
        return Entry(self._sprites.html(place), data.labels[place], said[0], right, "", name, other=said[1])


def _top(judged: Judged, place: int) -> str:
    return " · ".join(f"{label} {percent(value, 0)}" for label, value in judged.top(place))


def _tiles(judged: Judged) -> list[tuple[str, str, str]]:
    """What is said first: a name, a number, and what it means."""
    right, asked = metrics.share(judged.right), metrics.share(judged.right_if_asked)
    answered, covered = metrics.share(judged.right[~judged.refused]), metrics.share(~judged.refused)
    tiles = [("accuracy", percent(right.value), f"95 % interval {percent(right.low)} to {percent(right.high)}")]
    if judged.refused.any():
        tiles += [
            ("were nothing refused", percent(asked.value), f"{asked.right:,} of {asked.total:,}"),
            ("answered", percent(covered.value), f"{judged.refused.sum():,} refused"),
            ("right of the answered", percent(answered.value), f"{answered.total - answered.right:,} wrong answers"),
        ]
    size, timing = judged.model.path.stat().st_size, judged.timing
    return [
        *tiles,
        ("calibration error", percent(judged.calibration.ece), "expected, in 15 bins"),
        ("one picture", f"{timing.one:.2f} ms", f"99 of 100 within {timing.one_p99:.2f} ms"),
        ("file", f"{size / 1000:,.0f} kB", judged.model.kind),
    ]


def _class_rows(judged: Judged) -> list[tuple[str, dict[str, float], metrics.Share]]:
    rows = []
    for place, label in enumerate(judged.model.labels):
        if label in judged.classes:
            rows.append((label, judged.classes[label], metrics.share(judged.right[judged.truth == place])))
    return rows


def _class_bars(evaluation: Evaluation) -> Any:
    judged = evaluation.judged
    present = sorted(set(judged.truth.tolist()) - {-1}) + ([-1] if (judged.truth < 0).any() else [])
    models = [one for one in (judged, evaluation.other) if one is not None]
    values = {
        name: [100 * float(one.right[one.truth == place].mean()) for place in present] for name, one in _named(models)
    }
    return plots.bars(values, [judged.name(place) for place in present], "accuracy, %")


def _named(models: Sequence[Judged]) -> Iterable[tuple[str, Judged]]:
    """Models by names that are not alike."""
    names = [one.model.name for one in models]
    return zip(names if len(set(names)) == len(names) else [str(one.model.path) for one in models], models, strict=True)


def _confusions(judged: Judged, figures: Figures) -> list[Any]:
    counts = judged.confusion
    rows, columns = [*judged.model.labels, NONE], [*judged.model.labels, "refused"]
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
    models = dict(_named([one for one in (evaluation.judged, evaluation.other) if one is not None]))
    return plots.coverage(
        {name: one.coverage for name, one in models.items()},
        {name: one.model.threshold for name, one in models.items() if one.model.threshold},
    )


def _filters(model: Classifier, figures: Figures) -> Any:
    kernels = model.filters()
    return None if kernels is None else figures.svg(plots.filters(kernels), "kernels of the first convolution")


def _inside(evaluation: Evaluation, shown: Sequence[int], figures: Figures, sprites: Sprites) -> list[Any]:
    """By picture: how it is introduced, and its feature maps."""
    judged, data = evaluation.judged, evaluation.data
    layers = judged.model.layers(data.pictures[list(shown)]) if shown else []
    if not layers:
        return []
    return [
        (
            _Entries(evaluation, sprites).entry(place),
            [
                figures.svg(plots.feature_maps(layer.name, layer.maps[i]), f"feature maps, {layer.name}")
                for layer in layers
            ],
        )
        for i, place in enumerate(shown)
    ]


def _chosen(evaluation: Evaluation, names: Sequence[str]) -> list[int]:
    data, judged = evaluation.data, evaluation.judged
    if names:
        places = {name: place for place, name in enumerate(data.names)}
        missing = [name for name in names if name not in places]
        if missing:
            kind = "file names below the folder" if data.files else "numbers from 0"
            raise UsageError(f"--show {missing[0]}: no picture of that name in {data.origin}. Its names are {kind}")
        return [places[name] for name in names]
    right = np.flatnonzero(judged.right & (judged.truth >= 0))
    return [int(found[0]) for found in (right, judged.errors()) if len(found)]


def _facts(judged: Judged) -> tuple[str, dict[str, str]]:
    model, timing = judged.model, judged.timing
    refusal = f"less sure than {percent(model.threshold, 1)}" if model.threshold else ""
    if model.background:
        refusal += " or " if refusal else ""
        refusal += "more likely none of the classes than one of them"
    facts = {
        "kind": model.kind,
        "file": f"{model.path.stat().st_size:,} bytes",
        "classes": " ".join(model.labels),
        "refuses": refusal or "nothing",
        "one picture alone": f"{timing.one:.3f} ms, 99 of 100 within {timing.one_p99:.3f} ms",
        "one among many": f"{timing.batched:.3f} ms",
        **{name: text for name, text in model.facts.items() if text},
    }
    return model.name, facts


def _against(evaluation: Evaluation, figures: Figures, entries: _Entries) -> dict[str, Any] | None:
    first, second = evaluation.judged, evaluation.other
    if second is None:
        return None
    names = [name for name, _ in _named([first, second])]
    differing = evaluation.differing
    same = np.ones(len(evaluation.data), np.bool_)
    same[differing] = False
    plot = plots.agreement(first.confidence, second.confidence, (names[0], names[1]), same)
    return {
        "names": names,
        "rows": [
            ("accuracy", *(_interval(one.right) for one in (first, second))),
            ("were nothing refused", *(_interval(one.right_if_asked) for one in (first, second))),
            ("answered", *(percent(metrics.share(~one.refused).value) for one in (first, second))),
            (
                "right of the answered",
                *(percent(metrics.share(one.right[~one.refused]).value) for one in (first, second)),
            ),
            ("calibration error", *(percent(one.calibration.ece) for one in (first, second))),
            ("one picture", *(f"{one.timing.one:.3f} ms" for one in (first, second))),
            ("file", *(f"{one.model.path.stat().st_size:,} bytes" for one in (first, second))),
        ],
        "test": metrics.mcnemar(first.right, second.right),
        "plot": figures.svg(plot, "confidence of one model by that of the other"),
        "differing": [entries.differing(place) for place in differing[:_MOST_DIFFERING]],
        "all_differing": len(differing),
        "mean": percent(float(evaluation.distance.mean()), 3),
        "largest": percent(float(evaluation.distance.max())),
    }


def _interval(right: NDArray[np.bool_]) -> str:
    found = metrics.share(right)
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"


def _original(file: Path) -> str:
    try:
        return picture_url(shrink(to_gray(decode(file.read_bytes())), 64), quality=50)
    except (OSError, EdgeDigitsError):
        return ""  # it has gone since
