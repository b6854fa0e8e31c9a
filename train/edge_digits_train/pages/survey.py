"""Look at a data set before training on it: counts, pictures, statistics, and what is doubtful."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.results import DIGITS
from edge_digits.sources.files import natural_key
from edge_digits_train import datasets
from edge_digits_train.datasets import labelled
from edge_digits_train.datasets.data import Pictures, Trace
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.datasets.unipen import load_traces
from edge_digits_train.evaluation import montages, plots
from edge_digits_train.pages.page import Figures, Pages, Sprites
from edge_digits_train.recipes import Recipe
from edge_digits_train.synthesis import raster
from edge_digits_train.synthesis.augment import Augmentation, augment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = "edge-digits/data/1"
#: A picture with no pixel as bright as this is blank.
_BLANK_BELOW = 32
#: Pictures of each class on the page, and augmentations of one.
_PICTURES_OF_CLASS = 10
_AUGMENTATIONS = 9
#: Classes on the sheet of augmentation, and blank pictures or groups of duplicates on the page, at most.
_MAX_CLASSES = 20
_MAX_GROUPS = 60
#: Pen trajectories of each character on the page, of as many writers; and the pen that they are drawn with, pixels.
_TRACES_OF_LABEL, _PEN = 2, 2.0


@dataclass(frozen=True)
class Survey:
    """A data set and what is to be said of it.

    Attributes:
        origin: where it came from.
        labels: the text of each class.
        pictures: uint8 [N, 28, 28], white on black: of arrays as they are, of files as a model sees them.
        classes: int64 [N], places in `labels`.
        splits: the name of each picture's split: train, test, or all where training sets a test set aside.
        names: what to call each picture.
        sizes: width and height as they came, int64 [N, 2].
        unreadable: why pictures could not be read, by name.
        traces: pen trajectories beside the pictures.
    """

    origin: str
    labels: tuple[str, ...]
    pictures: Pictures
    classes: NDArray[np.int64]
    splits: NDArray[np.str_]
    names: tuple[str, ...]
    sizes: NDArray[np.int64]
    unreadable: dict[str, str]
    traces: tuple[Trace, ...] = ()

    def counts(self) -> dict[str, list[int]]:
        """Pictures of each class, by split."""
        return {
            str(name): np.bincount(self.classes[self.splits == name], minlength=len(self.labels)).tolist()
            for name in dict.fromkeys(self.splits.tolist())
        }

    def pens(self) -> dict[str, tuple[int, int]]:
        """Pen trajectories of each character, and how many wrote it."""
        of_label: dict[str, list[str]] = defaultdict(list)
        for trace in self.traces:
            of_label[trace.label].append(trace.writer)
        return {label: (len(of_label[label]), len(set(of_label[label]))) for label in sorted(of_label)}

    def means(self) -> NDArray[np.float64]:
        """The mean picture of each class, [classes, 28, 28]."""
        return np.stack([self.pictures[self.classes == place].mean(axis=0) for place in range(len(self.labels))])

    def blank(self) -> NDArray[np.int64]:
        """Pictures with nothing on them."""
        return np.flatnonzero(self.pictures.max(axis=(1, 2)) < _BLANK_BELOW)

    def duplicates(self) -> list[NDArray[np.int64]]:
        """Groups of pictures that are alike in every pixel, blank ones apart: those of two labels or splits first."""
        groups: dict[bytes, list[int]] = defaultdict(list)
        for index, picture in enumerate(self.pictures):
            groups[hashlib.sha256(picture.tobytes()).digest()].append(index)
        blank = set(self.blank().tolist())
        alike = [np.array(group) for group in groups.values() if len(group) > 1 and group[0] not in blank]
        return sorted(alike, key=lambda group: (not self.contradicts(group), not self.leaks(group), -len(group)))

    def contradicts(self, group: NDArray[np.int64]) -> bool:
        """Whether pictures that are alike have several labels."""
        return len(set(self.classes[group].tolist())) > 1

    def leaks(self, group: NDArray[np.int64]) -> bool:
        """Whether pictures that are alike are in the training set and in the test set."""
        return len(set(self.splits[group].tolist())) > 1

    def statistics(self) -> dict[str, tuple[float, float, float]]:
        """Smallest, median and largest of what can be measured of a picture, by its name."""
        ink = self.pictures > 127
        rows, columns = np.asarray(ink.any(axis=2)), np.asarray(ink.any(axis=1))
        values = {
            "width as it came, pixels": self.sizes[:, 0],
            "height as it came, pixels": self.sizes[:, 1],
            "width of the ink, of 28": _extent(columns),
            "height of the ink, of 28": _extent(rows),
            "ink, % of the picture": 100 * ink.mean(axis=(1, 2)),
            "mean level of grey, 0 to 255": self.pictures.mean(axis=(1, 2)),
        }
        return {
            name: (float(row.min()), float(np.median(row)), float(row.max()))
            for name, row in values.items()
            if len(row)
        }

    def to_dict(self) -> dict[str, Any]:
        """As the JSON file holds it."""
        groups = self.duplicates()
        return {
            "schema": SCHEMA,
            "origin": self.origin,
            "labels": self.labels,
            "counts": self.counts(),
            "statistics": {
                name: dict(zip(("min", "median", "max"), (round(value, 3) for value in row), strict=True))
                for name, row in self.statistics().items()
            },
            "blank": [self._entry(index) for index in self.blank()],
            "duplicates": [[self._entry(index) for index in group] for group in groups],
            "unreadable": self.unreadable,
            "pens": {label: {"count": count, "writers": writers} for label, (count, writers) in self.pens().items()},
        }

    def _entry(self, index: int) -> dict[str, str]:
        return {
            "name": self.names[index],
            "split": str(self.splits[index]),
            "label": self.labels[self.classes[index]],
        }


def survey(source: str, pens: Sequence[str] = ()) -> Survey:
    """Look at whatever `datasets.load` takes. Of a folder, pictures that cannot be read are listed, with the reason.

    Raises:
        DataError: the data are not available.
    """
    traces = tuple(trace for path in pens for trace in load_traces(Path(path)))
    return replace(_pictures(source), traces=traces)


def _pictures(source: str) -> Survey:
    if not labelled.is_picture_folder(source):
        data = datasets.load(source)
        parts = {"train": data.train, "test": data.test}
        pictures = np.concatenate([part.pictures for part in parts.values()])
        return Survey(
            source,
            data.labels,
            pictures,
            np.concatenate([part.classes for part in parts.values()]),
            np.repeat(list(parts), [len(part) for part in parts.values()]),
            tuple(f"#{place}" for part in parts.values() for place in range(len(part))),
            np.tile(np.array(pictures.shape[:0:-1], np.int64), (len(pictures), 1)),
            {},
        )
    read = labelled.read(labelled.list_folder(source))
    labels = tuple(sorted(set(read.labels), key=natural_key))
    numbers = {label: number for number, label in enumerate(labels)}
    classes = np.array([numbers[label] for label in read.labels], np.int64)
    splits = np.repeat(["all"], len(read))
    return Survey(str(Path(source)), labels, read.pictures, classes, splits, read.names, read.sizes, read.unreadable)


def sheet(data: Survey, augmentation: Augmentation, seed: int = 0) -> tuple[Pictures, Pictures]:
    """One picture of each class, [C, 28, 28], and augmented in nine ways, [C, 9, 28, 28]."""
    if data.labels != tuple(DIGITS):
        # As training does: a foot under class 1 is a style of ones.
        augmentation = replace(augmentation, rare_styles=0.0)
    blank = set(data.blank().tolist())
    chosen = []
    for number, label in enumerate(data.labels):
        of_class = [i for i in np.flatnonzero(data.classes == number).tolist() if i not in blank]
        chosen += of_class[:1] if label != NONE else []
    chosen = chosen[:_MAX_CLASSES]
    before = data.pictures[chosen]
    if not chosen:
        return before, before[:, None]
    repeated, classes = np.repeat(before, _AUGMENTATIONS, axis=0), np.repeat(data.classes[chosen], _AUGMENTATIONS)
    return before, augment(repeated, classes, seed, augmentation).reshape(
        len(before), _AUGMENTATIONS, *before.shape[1:]
    )


def render(data: Survey, recipe_name: str, recipe: Recipe) -> str:
    """The page."""
    figures, sprites = Figures(), Sprites(data.pictures)
    groups, means = data.duplicates(), data.means()
    first = [
        (label, np.flatnonzero(data.classes == number)[:_PICTURES_OF_CLASS]) for number, label in enumerate(data.labels)
    ]
    levels = np.bincount(data.pictures.ravel(), minlength=256)
    augmented = None
    if recipe.augmentation is not None:
        before, after = sheet(data, recipe.augmentation)
        augmented = figures.svg(montages.augmented(before, after), "augmentation") if len(before) else None
    counts = data.counts()
    values = {
        "survey": data,
        "counts": counts,
        "total": {name: sum(row) for name, row in counts.items()},
        "count_bars": figures.svg(plots.bars(counts, data.labels, "pictures"), "pictures by class"),
        "statistics": data.statistics(),
        "pens": data.pens(),
        "writers": len({trace.writer for trace in data.traces}),
        "drawn": figures.svg(_drawn(data.traces), "pen trajectories") if data.traces else None,
        "levels": figures.svg(plots.intensities(levels), "levels of grey"),
        "first": [(label, [sprites.html(index) for index in indices]) for label, indices in first],
        "means": figures.svg(montages.means(means, data.labels), "mean picture of each class"),
        "heat": figures.svg(montages.heat_maps(_spread(data), data.labels), "how much each pixel varies, by class"),
        "augmented": augmented,
        "recipe": recipe_name,
        "blank": [(sprites.html(index), _caption(data, index)) for index in data.blank()[:_MAX_GROUPS]],
        "all_blank": len(data.blank()),
        "groups": [
            (
                data.contradicts(group),
                data.leaks(group),
                sprites.html(group[0]),
                ", ".join(_caption(data, index) for index in group[:8])
                + (f" and {len(group) - 8} more" if len(group) > 8 else ""),
            )
            for group in groups[:_MAX_GROUPS]
        ],
        "all_groups": len(groups),
        "leaking": sum(data.leaks(group) for group in groups),
        "contradicting": sum(data.contradicts(group) for group in groups),
    }
    return Pages().render("data.html", **values, sheets=sprites.css())


def _drawn(traces: Sequence[Trace]) -> Figure:
    """Some trajectories of each character, by several writers."""
    shown: dict[tuple[str, str], Trace] = {}
    for trace in traces:
        shown.setdefault((trace.label, trace.writer), trace)
    chosen: list[Trace] = []
    for label in sorted({trace.label for trace in traces}):
        chosen += [trace for (of, _), trace in shown.items() if of == label][:_TRACES_OF_LABEL]
    pictures = np.stack([raster.draw(trace.strokes, _PEN) for trace in chosen])
    return montages.gallery(pictures, [trace.label.replace("$", r"\$") for trace in chosen], columns=16)


def _spread(data: Survey) -> NDArray[np.float64]:
    """The standard deviation of each pixel, by class."""
    return np.stack([data.pictures[data.classes == number].std(axis=0) for number in range(len(data.labels))])


def _caption(data: Survey, index: int) -> str:
    """The split, name and label of a picture."""
    split = data.splits[index]
    name = data.names[index] if split == "all" else f"{split} {data.names[index]}"
    return f"{name} ({data.labels[data.classes[index]]})"


def _extent(ink: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The distance from the first to the last true value of each row, [N, 28] -> [M]; rows without any are left out."""
    ink = ink[ink.any(axis=1)]
    return np.asarray(ink.shape[1] - ink[:, ::-1].argmax(axis=1) - ink.argmax(axis=1), np.int64)
