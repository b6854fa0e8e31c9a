"""Plots of pictures and of planes of numbers, side by side on one sheet: as `plots`, each gives a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits_train.evaluation.plots import ORANGE, WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Channels of a layer that are shown at most.
_MAX_CHANNELS = 64


def gallery(pictures: NDArray[np.uint8], captions: Sequence[str], columns: int = 10) -> Figure:
    """Pictures, uint8 [N, H, W], in rows, each with its caption."""
    height, width = pictures.shape[1:]
    # A line of text is as high as ever where the pictures are smaller, and takes more of their pixels.
    room = round(0.8 * columns)
    sheet, corners = _montage(pictures.astype(np.float32), columns, gap=(room, 2))
    figure = new_figure(WIDTH, max(0.6, WIDTH * sheet.shape[0] / sheet.shape[1]), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none")
    for (y, x), caption in zip(corners, captions, strict=True):
        axes.text(x + width / 2, y + height + room / 2, caption, ha="center", va="center", fontsize=7)
    axes.axis("off")
    return figure


def heat_maps(pictures: NDArray[np.floating[Any]], labels: Sequence[str], columns: int = 5) -> Figure:
    """Planes [N, H, W], such as the variance of each class, in colour, with their labels."""
    return _labelled(pictures, labels, columns, "inferno")


def means(pictures: NDArray[np.floating[Any]], labels: Sequence[str], columns: int = 5) -> Figure:
    """Mean pictures [N, H, W] of each class, in grey, with their labels."""
    return _labelled(pictures, labels, columns, "gray")


def augmented(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Figure:
    """A row a picture: as it is, uint8 [N, H, W], and augmented in M ways, uint8 [N, M, H, W]."""
    rows = np.concatenate([before[:, None], after], axis=1)
    columns = rows.shape[1]
    sheet, corners = _montage(rows.reshape(-1, *rows.shape[2:]).astype(np.float32), columns, gap=(2, 2))
    figure = new_figure(WIDTH, WIDTH * (sheet.shape[0] + 12) / sheet.shape[1], layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none")
    axes.set_ylim(sheet.shape[0], -10)
    axes.text(before.shape[2] / 2, -5, "before", ha="center", va="center", fontsize=8)
    axes.text(corners[1][1], -5, "after", ha="left", va="center", fontsize=8)
    axes.axvline(before.shape[2] + 0.5, color=ORANGE, linewidth=1.5)
    axes.axis("off")
    return figure


def feature_maps(name: str, maps: NDArray[np.float32]) -> Figure:
    """The feature maps of a layer for one picture, [height, width, channels]: the first channels, a plane each."""
    planes = maps.transpose(2, 0, 1)[:_MAX_CHANNELS]
    title = f"{name}: {maps.shape[2]} planes of {maps.shape[0]} x {maps.shape[1]}"
    if maps.shape[:2] == (1, 1):  # one number a channel: shown as a row
        planes = planes.reshape(1, 1, -1)
    return _in_colour(title, planes, columns=16, low=0.0 if planes.min() >= 0 else float(planes.min()))


def filters(kernels: NDArray[np.float32]) -> Figure:
    """Kernels [N, height, width] of a convolution: red weights are positive, blue ones negative."""
    title = f"{len(kernels)} kernels of {kernels.shape[1]} x {kernels.shape[2]}"
    scale = np.abs(kernels).max(axis=(1, 2), keepdims=True)
    return _in_colour(title, (kernels / np.maximum(scale, 1e-9))[:_MAX_CHANNELS], columns=8, low=-1.0, colours="RdBu_r")


def _in_colour(title: str, planes: NDArray[np.float32], columns: int, low: float, colours: str = "inferno") -> Figure:
    """Planes [N, H, W] by a colour map, from `low` to their largest value; a `low` of -1 goes up to 1."""
    sheet, _ = _montage(planes, min(columns, len(planes)), gap=(1, 1))
    figure = new_figure(WIDTH, WIDTH * min(1.2, sheet.shape[0] / sheet.shape[1]) + 0.3)
    axes = figure.subplots()
    high = 1.0 if low == -1.0 else float(planes.max())
    axes.imshow(sheet, cmap=colours, vmin=low, vmax=max(high, low + 1e-9), interpolation="none")
    axes.set_title(title, fontsize=8, loc="left")
    axes.axis("off")
    return figure


def _labelled(pictures: NDArray[np.floating[Any]], labels: Sequence[str], columns: int, colours: str) -> Figure:
    """Planes [N, H, W] by a colour map, from 0 to their largest value, each with its label below."""
    sheet, corners = _montage(pictures.astype(np.float32), min(columns, len(pictures)), gap=(7, 2))
    figure = new_figure(WIDTH, max(0.6, WIDTH * sheet.shape[0] / sheet.shape[1]), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, cmap=colours, vmin=0, interpolation="none")
    for (y, x), label in zip(corners, labels, strict=True):
        axes.text(x + pictures.shape[2] / 2, y + pictures.shape[1] + 3.5, label, ha="center", va="center", fontsize=8)
    axes.axis("off")
    return figure


def _montage(
    planes: NDArray[np.float32], columns: int, gap: tuple[int, int]
) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """Planes [N, H, W] in rows on one sheet, with gaps of NaN below and beside each; and each one's top left corner.

    Args:
        planes: of equal size.
        columns: in a row.
        gap: height below each and width beside each, pixels.

    Returns:
        float32 [height, width], and (y, x) of each.
    """
    count, height, width = planes.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap[0]), columns * (width + gap[1]) - gap[1]), np.nan, np.float32)
    corners = [(i // columns * (height + gap[0]), i % columns * (width + gap[1])) for i in range(count)]
    for (y, x), plane in zip(corners, planes, strict=True):
        sheet[y : y + height, x : x + width] = plane
    return sheet, corners
