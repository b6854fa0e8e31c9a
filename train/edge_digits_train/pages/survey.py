"""Look at a data set before training on it: how much there is of what, how it looks, and what should not be there."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.sources.files import natural_key
from edge_digits_train import datasets
from edge_digits_train.datasets import labelled
from edge_digits_train.datasets.listing import NONE
from edge_digits_train.evaluation import plots
from edge_digits_train.pages.page import Figures, Pages, Sprites
from edge_digits_train.recipes import Recipe
from edge_digits_train.synthesis.augment import Augmentation, augment

Pictures = NDArray[np.uint8]

SCHEMA = "edge-digits/data/1"
#: A picture with nothing brighter than this has nothing on it.
_BLANK = 32
#: Pictures of each class on the sheet, and how often one is augmented.
_FIRST = 10
_TIMES = 9
#: Classes on the sheet of augmentation, and groups of duplicates on the page.
_SHEET = 20
_GROUPS = 60


@dataclass(frozen=True)
class Survey:
    """A data set, looked at.

    Attributes:
        origin: where it came from.
        labels: the text of each class.
        pictures: uint8 [N, 28, 28], white on black: of arrays as they are, of files as a model sees them.
        classes: int64 [N], places in `labels`.
        splits: the name of each picture's split: train, test, or all where training sets a test set aside.
        names: what to call each picture.
        sizes: width and height as they came, int64 [N, 2].
        unreadable: why pictures could not be read, by name.
    """

    origin: str
    labels: tuple[str, ...]
    pictures: Pictures
    classes: NDArray[np.int64]
    splits: NDArray[np.str_]
    names: tuple[str, ...]
    sizes: NDArray[np.int64]
    unreadable: dict[str, str]

    def counts(self) -> dict[str, list[int]]:
        """Pictures of each class, by split."""
        return {
            str(name): np.bincount(self.classes[self.splits == name], minlength=len(self.labels)).tolist()
            for name in dict.fromkeys(self.splits.tolist())
        }

    def means(self) -> NDArray[np.float64]:
        """The mean picture of each class, [classes, 28, 28]."""
        return np.stack([self.pictures[self.classes == place].mean(axis=0) for place in range(len(self.labels))])

    def blank(self) -> NDArray[np.int64]:
        """Pictures with nothing on them."""
        return np.flatnonzero(self.pictures.max(axis=(1, 2)) < _BLANK)

    def duplicates(self) -> list[NDArray[np.int64]]:
        """Groups of pictures that are alike in every pixel, blank ones apart: those of two labels or splits first."""
        groups: dict[bytes, list[int]] = defaultdict(list)
        for place, picture in enumerate(self.pictures):
            groups[hashlib.sha256(picture.tobytes()).digest()].append(place)
        blank = set(self.blank().tolist())
        found = [np.array(group) for group in groups.values() if len(group) > 1 and group[0] not in blank]
        return sorted(found, key=lambda group: (not self.contradicts(group), not self.leaks(group), -len(group)))

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
            "blank": [self._told(place) for place in self.blank()],
            "duplicates": [[self._told(place) for place in group] for group in groups],
            "unreadable": self.unreadable,
        }

    def _told(self, place: int) -> dict[str, str]:
        return {
            "name": self.names[place],
            "split": str(self.splits[place]),
            "label": self.labels[self.classes[place]],
        }


def survey(source: str) -> Survey:
    """Look at whatever `datasets.load` takes. Of a folder of pictures, those that cannot be read are told of.

    Raises:
        DataError: the data are not to be had.
    """
    if not labelled.is_listed(source):
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
    read = labelled.read(labelled.listed(source))
    labels = tuple(sorted(set(read.labels), key=natural_key))
    places = {label: place for place, label in enumerate(labels)}
    classes = np.array([places[label] for label in read.labels], np.int64)
    everything = np.repeat(["all"], len(read))
    return Survey(
        str(Path(source)), labels, read.pictures, classes, everything, read.names, read.sizes, read.unreadable
    )


def sheet(found: Survey, how: Augmentation, seed: int = 0) -> tuple[Pictures, Pictures]:
    """One picture of each class, [C, 28, 28], and what augmentation makes of it, [C, 9, 28, 28]."""
    if found.labels != tuple("0123456789"):
        how = replace(how, rare_styles=0.0)  # as training does: a foot under class 1 is a style of ones
    blank = set(found.blank().tolist())
    chosen = []
    for place, label in enumerate(found.labels):
        of_class = [i for i in np.flatnonzero(found.classes == place).tolist() if i not in blank]
        chosen += of_class[:1] if label != NONE else []
    chosen = chosen[:_SHEET]
    before = found.pictures[chosen]
    if not chosen:
        return before, before[:, None]
    repeated, classes = np.repeat(before, _TIMES, axis=0), np.repeat(found.classes[chosen], _TIMES)
    return before, augment(repeated, classes, seed, how).reshape(len(before), _TIMES, *before.shape[1:])


def render(found: Survey, recipe_name: str, recipe: Recipe) -> str:
    """The page."""
    figures, sprites = Figures(), Sprites(found.pictures)
    groups, means = found.duplicates(), found.means()
    first = [(label, np.flatnonzero(found.classes == place)[:_FIRST]) for place, label in enumerate(found.labels)]
    levels = np.bincount(found.pictures.ravel(), minlength=256)
    augmented = None
    if recipe.augmentation is not None:
        before, after = sheet(found, recipe.augmentation)
        augmented = figures.svg(plots.augmented(before, after), "augmentation") if len(before) else None
    counts = found.counts()
    values = {
        "found": found,
        "counts": counts,
        "total": {name: sum(row) for name, row in counts.items()},
        "count_bars": figures.svg(plots.bars(counts, found.labels, "pictures"), "pictures by class"),
        "statistics": found.statistics(),
        "levels": figures.svg(plots.intensities(levels), "levels of grey"),
        "first": [(label, [sprites.html(place) for place in places]) for label, places in first],
        "means": figures.svg(plots.means(means, found.labels), "mean picture of each class"),
        "heat": figures.svg(plots.heat_maps(_spread(found), found.labels), "how much each pixel varies, by class"),
        "augmented": augmented,
        "recipe": recipe_name,
        "blank": [(sprites.html(place), _place(found, place)) for place in found.blank()[:_GROUPS]],
        "all_blank": len(found.blank()),
        "groups": [
            (
                found.contradicts(group),
                found.leaks(group),
                sprites.html(group[0]),
                ", ".join(_place(found, place) for place in group[:8])
                + (f" and {len(group) - 8} more" if len(group) > 8 else ""),
            )
            for group in groups[:_GROUPS]
        ],
        "all_groups": len(groups),
        "leaking": sum(found.leaks(group) for group in groups),
        "contradicting": sum(found.contradicts(group) for group in groups),
    }
    return Pages().render("data.html", **values, sheets=sprites.css())


def _spread(found: Survey) -> NDArray[np.float64]:
    """The standard deviation of each pixel, by class."""
    return np.stack([found.pictures[found.classes == place].std(axis=0) for place in range(len(found.labels))])


def _place(found: Survey, place: int) -> str:
    split = found.splits[place]
    where = found.names[place] if split == "all" else f"{split} {found.names[place]}"
    return f"{where} ({found.labels[found.classes[place]]})"


def _extent(used: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last that is used, of each row [N, 28]; of those that use any."""
    used = used[used.any(axis=1)]
    return np.asarray(used.shape[1] - used[:, ::-1].argmax(axis=1) - used.argmax(axis=1), np.int64)
