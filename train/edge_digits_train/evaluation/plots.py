"""Plots of counts, training and predictions: each function gives a matplotlib figure, and needs no display.

In a notebook, a figure at the end of a cell shows itself; `figure.savefig("name.png")` writes it. Colours stand
out from white and from black; in a report, what is black becomes the colour of the page's text (`pages.page.Figures`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.evaluation.metrics import Calibration, Coverage
from edge_digits_train.run import METRICS, Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#3d7fc4", "#d9762b", "#3f9b63", "#d1495b", "#8a8f98"
#: Width of a figure in inches: scaled to a phone's screen, its text stays as large as the text around it.
WIDTH = 4.6
#: With more classes than these, the cells of a confusion matrix hold no numbers.
_MAX_NUMBERED = 20
#: Pictures of the same answer that `agreement` shows at most.
_MAX_DOTS = 2000


def plot_curves(history: Sequence[Epoch], path: Path) -> None:
    """Loss and metrics by epoch, as a PNG file."""
    curves(history, wide=True).savefig(path, dpi=110)


def curves(history: Sequence[Epoch], *, wide: bool = False) -> Figure:
    """Loss and the task's metrics by epoch, beside each other where it is wide."""
    figure = new_figure(9 if wide else WIDTH, 3.6 if wide else 5.6)
    left, right = figure.subplots(1, 2) if wide else figure.subplots(2, 1)
    epochs = [row.epoch + 1 for row in history]
    left.plot(epochs, [row.loss for row in history], label="training", color=BLUE)
    right.plot(epochs, [100 * row.accuracy for row in history], label="training", color=BLUE)
    metrics = [METRICS[name] for name in history[0].metrics]
    losses, shares = ([metric for metric in metrics if metric.loss is loss] for loss in (True, False))
    for axes, measured, scale in ((left, losses, 1), (right, shares, 100)):
        for metric, color in zip(measured, (ORANGE, GREEN), strict=False):
            axes.plot(epochs, [scale * row.metrics[metric.name] for row in history], label=metric.title, color=color)
    left.set(xlabel="epoch", ylabel=losses[0].quantity if losses else "loss", yscale="log")
    quantities = dict.fromkeys(["accuracy", *(metric.quantity for metric in shares)])
    right.set(xlabel="epoch", ylabel=f"{', '.join(quantities)}, %")
    best = max(history, key=lambda row: row.score)
    for axes in (left, right):
        axes.axvline(best.epoch + 1, color=GREY, linewidth=1, linestyle=":")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3, color=GREY)
        axes.legend(fontsize=8, framealpha=0)
    return figure


def confusion(
    counts: NDArray[np.int64], rows: Sequence[str], columns: Sequence[str], *, normalized: bool = False
) -> Figure:
    """A confusion matrix as a heat map: a row a true class, a column an answer.

    Correct answers are green and wrong ones red, the darker the larger their share of the row; 0 has no colour.

    Args:
        counts: int64 [R, C].
        rows, columns: their labels; where these are the same, the answer is correct.
        normalized: write per cent of the row in place of counts.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(WIDTH, WIDTH * (0.35 + 0.65 * len(rows) / max(len(rows), len(columns))))
    axes = figure.subplots()
    cells = np.zeros((*counts.shape, 4))
    for (row, column), value in np.ndenumerate(shares):
        tone = _rgb(GREEN) if _is_correct(rows[row], columns[column]) else _rgb(RED)
        cells[row, column] = (*tone, 0.0 if value == 0 else 0.15 + 0.85 * value**0.35)
    axes.imshow(cells, interpolation="none")
    if max(counts.shape) <= _MAX_NUMBERED:
        for (row, column), value in np.ndenumerate(shares):
            text = _percent(value) if normalized else str(counts[row, column])
            if counts[row, column]:
                axes.text(column, row, text, ha="center", va="center", fontsize=7 if len(text) < 5 else 5.5)
    _label_cells(axes, rows, columns)
    axes.set(xlabel="answer", ylabel="label")
    return figure


def reliability(calibration: Calibration) -> Figure:
    """Accuracy by confidence, beside that of perfect calibration; below it, how many answers each bin holds."""
    figure = new_figure(WIDTH, 4.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    width = float(calibration.edges[1] - calibration.edges[0])
    centres = calibration.edges[:-1] + width / 2
    above.bar(centres, calibration.accuracy, width * 0.92, color=BLUE, label="accuracy")
    above.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfect")
    above.plot(
        calibration.confidence,
        calibration.accuracy,
        "o",
        color=ORANGE,
        markersize=4,
        label="mean confidence of the bin",
    )
    above.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    above.legend(fontsize=7, framealpha=0, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    below.bar(centres, calibration.counts, width * 0.92, color=GREY)
    below.set(xlabel="confidence", ylabel="answers", yscale="symlog" if calibration.counts.max() > 50 else "linear")
    return figure


def coverage(curves_by_name: Mapping[str, Coverage], thresholds: Mapping[str, float] | None = None) -> Figure:
    """Accuracy of the most confident answers, by their share of the pictures; a dot where a model's threshold cuts."""
    figure = new_figure(WIDTH, 3.2)
    axes = figure.subplots()
    for (name, curve), color in zip(curves_by_name.items(), (BLUE, ORANGE), strict=False):
        axes.plot(100 * curve.coverage, 100 * curve.accuracy, color=color, label=name)
        accepted = np.flatnonzero(curve.confidence >= (thresholds or {}).get(name, 2.0))
        if len(accepted):
            last = accepted[-1]
            axes.plot(100 * curve.coverage[last], 100 * curve.accuracy[last], "o", color=color, markersize=5)
    axes.set(xlabel="answered, % of the pictures", ylabel="accuracy of the answered, %")
    axes.grid(alpha=0.3, color=GREY)
    if len(curves_by_name) > 1:
        axes.legend(fontsize=8, framealpha=0)
    return figure


def confidences(confidence: NDArray[Any], correct: NDArray[np.bool_], threshold: float = 0.0) -> Figure:
    """Histograms of the confidence of correct and of wrong answers."""
    figure = new_figure(WIDTH, 3.0)
    axes = figure.subplots()
    edges = [edge / 40 for edge in range(41)]
    axes.hist(confidence[correct], edges, color=GREEN, alpha=0.75, label="right")
    axes.hist(confidence[~correct], edges, color=RED, alpha=0.85, label="wrong")
    if threshold > 0:
        axes.axvline(threshold, color=GREY, linestyle=":", label="refused below")
    axes.set(xlabel="confidence", ylabel="pictures", xlim=(0, 1), yscale="symlog" if len(correct) > 50 else "linear")
    axes.legend(fontsize=8, framealpha=0, loc="upper left")
    return figure


def bars(values_by_name: Mapping[str, Sequence[float]], labels: Sequence[str], ylabel: str) -> Figure:
    """Values by class, a bar for each name: counts by split, accuracy by model."""
    figure = new_figure(WIDTH, 2.8)
    axes = figure.subplots()
    width = 0.84 / len(values_by_name)
    for number, (name, values) in enumerate(values_by_name.items()):
        centres = np.arange(len(labels)) + (number - (len(values_by_name) - 1) / 2) * width
        axes.bar(centres, values, width * 0.94, color=(BLUE, ORANGE, GREEN)[number % 3], label=name)
    flat = [value for values in values_by_name.values() for value in values]
    if min(flat, default=0) > 80 and max(flat) <= 100:  # per cent near 100: else all bars look alike
        axes.set_ylim(max(0.0, min(flat) - 0.3 * (100 - min(flat)) - 0.2), 100)
    axes.set_xticks(range(len(labels)), labels, rotation=0 if len("".join(labels)) < 40 else 90)
    axes.set(xlabel="class", ylabel=ylabel)
    if len(values_by_name) > 1:
        axes.legend(fontsize=8, framealpha=0, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def agreement(first: NDArray[Any], second: NDArray[Any], names: tuple[str, str], same: NDArray[np.bool_]) -> Figure:
    """The confidence of one model by that of another, a dot a picture; pictures with different answers are red.

    Where there are many pictures, only some with the same answer are shown.
    """
    figure = new_figure(WIDTH, 3.8)
    axes = figure.subplots()
    agreed = np.flatnonzero(same)
    agreed = agreed[:: max(1, len(agreed) // _MAX_DOTS)]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.scatter(first[agreed], second[agreed], s=6, color=BLUE, alpha=0.5, label="same answer", rasterized=True)
    axes.scatter(first[~same], second[~same], s=14, color=RED, label="other answer", rasterized=True)
    axes.set(xlabel=f"confidence of {names[0]}", ylabel=f"confidence of {names[1]}")
    axes.legend(fontsize=8, framealpha=0)
    return figure


def intensities(counts: NDArray[np.int64]) -> Figure:
    """The histogram of 256 levels of grey, int64 [256]."""
    figure = new_figure(WIDTH, 2.4)
    axes = figure.subplots()
    axes.fill_between(range(len(counts)), counts / max(1, counts.sum()) * 100, step="mid", color=BLUE)
    axes.set(xlabel="level of grey, 0 to 255", ylabel="% of the pixels", yscale="log", xlim=(0, len(counts) - 1))
    return figure


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure with no background, of a size in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    figure.patch.set_alpha(0)
    return figure


def _label_cells(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    size = 8 if max(len(rows), len(columns)) <= _MAX_NUMBERED else 4
    axes.set_xticks(range(len(columns)), columns, fontsize=size)
    for text in axes.get_xticklabels():
        text.set_rotation(0 if len(text.get_text()) <= 2 else 90)
    axes.set_yticks(range(len(rows)), rows, fontsize=size)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def _is_correct(row: str, column: str) -> bool:
    return row == column or (row, column) == ("none", "refused")


def _percent(value: float) -> str:
    """Per cent in few characters: what is less than all does not round to 100, nor what is more than none to 0."""
    if value >= 1:
        return "100"
    text = f"{min(99.9, 100 * value):.1f}"
    return "<0.1" if text == "0.0" else text


def _rgb(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
