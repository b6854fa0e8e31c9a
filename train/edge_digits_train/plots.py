"""Plots of a training run (matplotlib, no display needed)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_digits_train.run import Epoch


def plot_curves(history: Sequence[Epoch], path: Path) -> None:
    """Loss and accuracy by epoch, as a PNG file."""
    from matplotlib.figure import Figure

    epochs = [row.epoch + 1 for row in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row.loss for row in history], label="training (augmented)")
    left.plot(epochs, [row.val_loss for row in history], label="validation")
    left.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    right.plot(epochs, [100 * row.accuracy for row in history], label="training (augmented)")
    right.plot(epochs, [100 * row.val_accuracy for row in history], label="validation")
    right.plot(epochs, [100 * row.photo_accuracy for row in history], label="validation, photographed")
    right.set(xlabel="epoch", ylabel="accuracy, %")
    best = max(history, key=lambda row: row.score)
    for axes in (left, right):
        axes.axvline(best.epoch + 1, color="0.7", linewidth=1, linestyle=":")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
