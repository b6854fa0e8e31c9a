"""Plots of data, training and models: each function gives a matplotlib figure, and needs no display.

In a notebook, a figure at the end of a cell shows itself; `figure.savefig("name.png")` writes it. Colours are such that
they stand out from white and from black; what is black in them becomes the page's own colour in a report (`svg`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.evaluation.metrics import Calibration, Coverage
from edge_digits_train.run import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#3d7fc4", "#d9762b", "#3f9b63", "#d1495b", "#8a8f98"
#: Width of a figure in inches: on a phone its letters stay as large as those beside it.
_WIDTH = 4.6
#: With more classes than these, cells hold no numbers and bars lie close.
_MANY = 20
#: Channels of a layer that are shown.
_CHANNELS = 64


def plot_curves(history: Sequence[Epoch], path: Path) -> None:
    """Loss and accuracy by epoch, as a PNG file."""
    curves(history, wide=True).savefig(path, dpi=110)


def curves(history: Sequence[Epoch], *, wide: bool = False) -> Figure:
    """Loss and accuracy by epoch, beside each other where it is wide."""
    figure = _figure(9 if wide else _WIDTH, 3.6 if wide else 5.6)
    left, right = figure.subplots(1, 2) if wide else figure.subplots(2, 1)
    epochs = [row.epoch + 1 for row in history]
    left.plot(epochs, [row.loss for row in history], label="training", color=BLUE)
    left.plot(epochs, [row.val_loss for row in history], label="validation", color=ORANGE)
    left.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    right.plot(epochs, [100 * row.accuracy for row in history], label="training", color=BLUE)
    right.plot(epochs, [100 * row.val_accuracy for row in history], label="validation", color=ORANGE)
    right.plot(epochs, [100 * row.photo_accuracy for row in history], label="validation, photographed", color=GREEN)
    right.set(xlabel="epoch", ylabel="accuracy, %")
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

    What is right is green, what is wrong red, the darker the larger its share of the row; 0 has no colour. `normalized`
    writes per cent of the row in place of counts. Where `rows` and `columns` have the same name, the answer is right.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _figure(_WIDTH, _WIDTH * (0.35 + 0.65 * len(rows) / max(len(rows), len(columns))))
    axes = figure.subplots()
    cells = np.zeros((*counts.shape, 4))
    for (row, column), value in np.ndenumerate(shares):
        tone = _rgb(GREEN) if _right(rows[row], columns[column]) else _rgb(RED)
        cells[row, column] = (*tone, 0.0 if value == 0 else 0.15 + 0.85 * value**0.35)
    axes.imshow(cells, interpolation="none")
    if max(counts.shape) <= _MANY:
        for (row, column), value in np.ndenumerate(shares):
            text = _percent(value) if normalized else str(counts[row, column])
            if counts[row, column]:
                axes.text(column, row, text, ha="center", va="center", fontsize=7 if len(text) < 5 else 5.5)
    _name(axes, rows, columns)
    axes.set(xlabel="answer", ylabel="label")
    return figure


def reliability(found: Calibration) -> Figure:
    """Accuracy by confidence, beside what it would be were confidence right; below, how many answers there are."""
    figure = _figure(_WIDTH, 4.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    width = float(found.edges[1] - found.edges[0])
    middle = found.edges[:-1] + width / 2
    above.bar(middle, found.accuracy, width * 0.92, color=BLUE, label="accuracy")
    above.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfect")
    above.plot(found.confidence, found.accuracy, "o", color=ORANGE, markersize=4, label="mean confidence of the bin")
    above.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    above.legend(fontsize=7, framealpha=0, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    below.bar(middle, found.counts, width * 0.92, color=GREY)
    below.set(xlabel="confidence", ylabel="answers", yscale="symlog" if found.counts.max() > 50 else "linear")
    return figure


def coverage(curves_by_name: Mapping[str, Coverage], thresholds: Mapping[str, float] | None = None) -> Figure:
    """Error among the surest answers, by the share of the pictures that they are; a dot where a threshold cuts."""
    figure = _figure(_WIDTH, 3.2)
    axes = figure.subplots()
    for (name, curve), color in zip(curves_by_name.items(), (BLUE, ORANGE), strict=False):
        axes.plot(100 * curve.coverage, 100 * curve.accuracy, color=color, label=name)
        cut = np.flatnonzero(curve.confidence >= (thresholds or {}).get(name, 2.0))
        if len(cut):
            axes.plot(100 * curve.coverage[cut[-1]], 100 * curve.accuracy[cut[-1]], "o", color=color, markersize=5)
    axes.set(xlabel="answered, % of the pictures", ylabel="accuracy of the answered, %")
    axes.grid(alpha=0.3, color=GREY)
    if len(curves_by_name) > 1:
        axes.legend(fontsize=8, framealpha=0)
    return figure


def confidences(confidence: NDArray[Any], right: NDArray[np.bool_], threshold: float = 0.0) -> Figure:
    """How sure the answers are, right and wrong ones apart."""
    figure = _figure(_WIDTH, 3.0)
    axes = figure.subplots()
    edges = [place / 40 for place in range(41)]
    axes.hist(confidence[right], edges, color=GREEN, alpha=0.75, label="right")
    axes.hist(confidence[~right], edges, color=RED, alpha=0.85, label="wrong")
    if threshold > 0:
        axes.axvline(threshold, color=GREY, linestyle=":", label="refused below")
    axes.set(xlabel="confidence", ylabel="pictures", xlim=(0, 1), yscale="symlog" if len(right) > 50 else "linear")
    axes.legend(fontsize=8, framealpha=0, loc="upper left")
    return figure


def bars(values_by_name: Mapping[str, Sequence[float]], labels: Sequence[str], ylabel: str) -> Figure:
    """Values by class, a bar for each name: counts by split, accuracy by model."""
    figure = _figure(_WIDTH, 2.8)
    axes = figure.subplots()
    width = 0.84 / len(values_by_name)
    for number, (name, values) in enumerate(values_by_name.items()):
        places = np.arange(len(labels)) + (number - (len(values_by_name) - 1) / 2) * width
        axes.bar(places, values, width * 0.94, color=(BLUE, ORANGE, GREEN)[number % 3], label=name)
    everything = [value for values in values_by_name.values() for value in values]
    if min(everything, default=0) > 80:
        low = min(everything)
        axes.set_ylim(max(0.0, low - 0.3 * (100 - low) - 0.2), 100) if max(everything) <= 100 else None
    axes.set_xticks(range(len(labels)), labels, rotation=0 if len("".join(labels)) < 40 else 90)
    axes.set(xlabel="class", ylabel=ylabel)
    if len(values_by_name) > 1:
        axes.legend(fontsize=8, framealpha=0, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def agreement(first: NDArray[Any], second: NDArray[Any], names: tuple[str, str], same: NDArray[np.bool_]) -> Figure:
    """The confidence of one model by that of another, a dot a picture; pictures of different answers are red.

    Of many pictures, those of the same answer are thinned out to 2,000.
    """
    figure = _figure(_WIDTH, 3.8)
    axes = figure.subplots()
    alike = np.flatnonzero(same)
    alike = alike[:: max(1, len(alike) // 2000)]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.scatter(first[alike], second[alike], s=6, color=BLUE, alpha=0.5, label="same answer", rasterized=True)
    axes.scatter(first[~same], second[~same], s=14, color=RED, label="other answer", rasterized=True)
    axes.set(xlabel=f"confidence of {names[0]}", ylabel=f"confidence of {names[1]}")
    axes.legend(fontsize=8, framealpha=0)
    return figure


def gallery(pictures: NDArray[np.uint8], captions: Sequence[str], columns: int = 10) -> Figure:
    """Pictures, uint8 [N, H, W], in rows, each with its caption."""
    height, width = pictures.shape[1:]
    sheet, places = _montage(pictures.astype(np.float32), columns, gap=(8, 2))
    figure = _figure(_WIDTH, max(0.6, _WIDTH * sheet.shape[0] / sheet.shape[1]), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none")
    for (y, x), caption in zip(places, captions, strict=True):
        axes.text(x + width / 2, y + height + 4.5, caption, ha="center", va="center", fontsize=7)
    axes.axis("off")
    return figure


def heat_maps(pictures: NDArray[np.floating[Any]], labels: Sequence[str], columns: int = 5) -> Figure:
    """Planes [N, H, W], such as the mean picture of each class, by colour, with what each is called."""
    return _planes(pictures, labels, columns, "inferno")


def means(pictures: NDArray[np.floating[Any]], labels: Sequence[str], columns: int = 5) -> Figure:
    """Mean pictures [N, H, W] of each class, in grey, with what each is called."""
    return _planes(pictures, labels, columns, "gray")


def intensities(counts: NDArray[np.int64]) -> Figure:
    """How often each of 256 levels of grey occurs."""
    figure = _figure(_WIDTH, 2.4)
    axes = figure.subplots()
    axes.fill_between(range(len(counts)), counts / max(1, counts.sum()) * 100, step="mid", color=BLUE)
    axes.set(xlabel="level of grey, 0 to 255", ylabel="% of the pixels", yscale="log", xlim=(0, len(counts) - 1))
    return figure


def augmented(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Figure:
    """A row a picture: as it is, uint8 [N, H, W], and what augmentation makes of it, uint8 [N, M, H, W]."""
    rows = np.concatenate([before[:, None], after], axis=1)
    columns = rows.shape[1]
    sheet, places = _montage(rows.reshape(-1, *rows.shape[2:]).astype(np.float32), columns, gap=(2, 2))
    figure = _figure(_WIDTH, _WIDTH * (sheet.shape[0] + 12) / sheet.shape[1], layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none")
    axes.set_ylim(sheet.shape[0], -10)
    axes.text(before.shape[2] / 2, -5, "before", ha="center", va="center", fontsize=8)
    axes.text(places[1][1], -5, "after", ha="left", va="center", fontsize=8)
    axes.axvline(before.shape[2] + 0.5, color=ORANGE, linewidth=1.5)
    axes.axis("off")
    return figure


def feature_maps(name: str, maps: NDArray[np.float32]) -> Figure:
    """What a layer makes of one picture, [height, width, channels]: a plane a channel, the first 64."""
    planes = maps.transpose(2, 0, 1)[:_CHANNELS]
    note = f"{name}: {maps.shape[2]} planes of {maps.shape[0]} x {maps.shape[1]}"
    if maps.shape[:2] == (1, 1):  # a row of numbers
        planes = planes.reshape(1, 1, -1)
    return _tinted(note, planes, columns=16, low=0.0 if planes.min() >= 0 else float(planes.min()))


def filters(kernels: NDArray[np.float32]) -> Figure:
    """Kernels [N, height, width] of a convolution: what is light adds, what is dark takes away."""
    note = f"{len(kernels)} kernels of {kernels.shape[1]} x {kernels.shape[2]}"
    scale = np.abs(kernels).max(axis=(1, 2), keepdims=True)
    return _tinted(note, (kernels / np.maximum(scale, 1e-9))[:_CHANNELS], columns=8, low=-1.0, colours="RdBu_r")


def _tinted(note: str, planes: NDArray[np.float32], columns: int, low: float, colours: str = "inferno") -> Figure:
    sheet, _ = _montage(planes, min(columns, len(planes)), gap=(1, 1))
    figure = _figure(_WIDTH, _WIDTH * min(1.2, sheet.shape[0] / sheet.shape[1]) + 0.3)
    axes = figure.subplots()
    high = 1.0 if low == -1.0 else float(planes.max())
    axes.imshow(sheet, cmap=colours, vmin=low, vmax=max(high, low + 1e-9), interpolation="none")
    axes.set_title(note, fontsize=8, loc="left")
    axes.axis("off")
    return figure


def _planes(pictures: NDArray[np.floating[Any]], labels: Sequence[str], columns: int, colours: str) -> Figure:
    sheet, places = _montage(pictures.astype(np.float32), min(columns, len(pictures)), gap=(7, 2))
    figure = _figure(_WIDTH, max(0.6, _WIDTH * sheet.shape[0] / sheet.shape[1]), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, cmap=colours, vmin=0, interpolation="none")
    for (y, x), label in zip(places, labels, strict=True):
        axes.text(x + pictures.shape[2] / 2, y + pictures.shape[1] + 3.5, label, ha="center", va="center", fontsize=8)
    axes.axis("off")
    return figure


def _montage(
    planes: NDArray[np.float32], columns: int, gap: tuple[int, int]
) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """Planes [N, H, W] in rows, with room below and beside each, which is NaN; and where each begins."""
    count, height, width = planes.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap[0]), columns * (width + gap[1]) - gap[1]), np.nan, np.float32)
    places = [(i // columns * (height + gap[0]), i % columns * (width + gap[1])) for i in range(count)]
    for (y, x), plane in zip(places, planes, strict=True):
        sheet[y : y + height, x : x + width] = plane
    return sheet, places


def _figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    figure.patch.set_alpha(0)
    return figure


def _name(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    small = 8 if max(len(rows), len(columns)) <= _MANY else 4
    axes.set_xticks(range(len(columns)), columns, fontsize=small)
    for text in axes.get_xticklabels():
        text.set_rotation(0 if len(text.get_text()) <= 2 else 90)
    axes.set_yticks(range(len(rows)), rows, fontsize=small)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def _right(row: str, column: str) -> bool:
    return row == column or (row, column) == ("none", "refused")


def _percent(value: float) -> str:
    """Per cent in as few letters as tell it: a share that is not all may not read as 100."""
    text = f"{100 * value:.1f}"
    return "<0.1" if text == "0.0" else f"{min(99.9, 100 * value):.1f}" if value < 1 else "100"


def _rgb(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
