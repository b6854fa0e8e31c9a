"""The sets of labelled pictures that the benchmarks read; what a data folder lacks is left out.

mnist/ holds the official IDX files, usps/usps.npz the arrays x_test and y_test; the others are folders of pictures with
a labels.csv whose first columns are `file` and `label` (rows of text parted by `|`, or `none`). photo_pages/ has the
column `kind` (grid or paper) beside, and cells.csv with each grid cell's corners (tl_x, tl_y, ...), `value` and `kind`.
field/ holds such folders by name. pens/ holds pendigits-orig.tes.gz of the UCI repository (data set 81). Photographs
without a digit are those that scikit-image and scikit-learn bring along, as far as they are installed.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scoring import Cell, Rule

from edge_digits.imaging.pixels import to_gray
from edge_digits.sources.decode import decode
from edge_digits_train.datasets import read_idx
from edge_digits_train.datasets.unipen import load_traces
from edge_digits_train.synthesis import raster

#: How much of a page a picture shows.
Layout = Literal["cell", "line", "page", "scattered"]


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth
class Item:
    """A labelled picture: a file, or an array as `DigitReader.read` takes it."""

    name: str
    picture: Path | NDArray[Any]
    label: str
    cells: tuple[Cell, ...] = ()

    def pixels(self) -> NDArray[Any]:
        """The picture, decoded."""
        return decode(self.picture.read_bytes()) if isinstance(self.picture, Path) else self.picture


@dataclass(frozen=True)
class PictureSet:
    """A set of pictures.

    Attributes:
        title: its name in tables.
        folder: where it lies, below the data folder; "." for what lies elsewhere.
        items: gives its items from that folder.
        layout: how much of a page a picture shows.
        rule: how readings are scored.
        photographed: whether the pictures are photographs of paper or scans, a digit in many pixels.
        mnist: whether its digits come from MNIST, the only real digits that shipped models are trained on.
    """

    title: str
    folder: str
    items: Callable[[Path], Iterator[Item]]
    layout: Layout = "cell"
    rule: Rule = "exact"
    photographed: bool = False
    mnist: bool = False

    def load(self, data: Path, limit: int = 0) -> list[Item]:
        """The items, or a seeded sample of `limit` of them; none where the set is absent."""
        if not (data / self.folder).is_dir():
            return []
        items = list(self.items(data / self.folder))  # may be none: of pictures that an absent package brings
        return random.Random(0).sample(items, limit) if 0 < limit < len(items) else items


def mnist_test(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The MNIST test set: uint8 [10000, 28, 28], white on black, and uint8 [10000]."""
    return read_idx(folder / "t10k-images-idx3-ubyte.gz"), read_idx(folder / "t10k-labels-idx1-ubyte.gz")


def _mnist(folder: Path) -> Iterator[Item]:
    for number, (picture, label) in enumerate(zip(*mnist_test(folder), strict=True)):
        yield Item(f"{number:05d}", picture, str(label))


def _usps(folder: Path) -> Iterator[Item]:
    arrays = np.load(folder / "usps.npz")
    for number, (picture, label) in enumerate(zip(arrays["x_test"], arrays["y_test"], strict=True)):
        yield Item(f"{number:05d}", picture, str(label))


def _tight(items: Callable[[Path], Iterator[Item]]) -> Callable[[Path], Iterator[Item]]:
    """The same pictures, cut at the box of their ink: what differs from the rim by a third of the whole range."""

    def cut(folder: Path) -> Iterator[Item]:
        for item in items(folder):
            gray = to_gray(item.pixels())
            paper = int(np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])))
            strength = np.abs(gray.astype(np.int32) - paper)
            y, x = np.nonzero(3 * strength > strength.max())
            yield Item(item.name, gray[y.min() : y.max() + 1, x.min() : x.max() + 1], item.label)

    return cut


def _pendigits(folder: Path) -> Iterator[Item]:
    """The digits of writers that nothing was trained on, drawn by pens of several widths."""
    rng = np.random.default_rng(0)
    for number, trace in enumerate(load_traces(folder / "pendigits-orig.tes.gz")):
        yield Item(f"{number:05d}", raster.draw(trace.strokes, float(rng.uniform(1.6, 2.6))), trace.label)


def _natural(_: Path) -> Iterator[Item]:
    for package, place in (("skimage", "data"), ("sklearn", "datasets/images")):
        found = find_spec(package)
        if found is None or found.origin is None:
            continue
        for file in sorted((Path(found.origin).parent / place).iterdir()):
            # The others are drawings and arrays for tests, or show writing.
            if file.suffix in (".jpg", ".png", ".jpeg") and file.stem not in _WRITTEN_ON:
                yield Item(file.name, file, "none")


def _composed(touching: bool) -> Callable[[Path], Iterator[Item]]:
    def items(folder: Path) -> Iterator[Item]:
        try:
            from edge_digits_train.synthesis.scenes import strings
        except ImportError:
            return
        pictures, labels = mnist_test(folder)
        composed = strings(pictures, labels.astype(np.int64), 1000, 0, touching=touching)
        for number, (picture, text) in enumerate(composed):
            yield Item(f"{number:05d}", picture, text)

    return items


def _files(folder: Path, keep: Callable[[dict[str, str]], bool] = lambda row: True) -> Iterator[Item]:
    for row in _rows(folder / "labels.csv"):
        if keep(row):
            yield Item(row["file"], folder / row["file"], row["label"])


def _grids(folder: Path) -> Iterator[Item]:
    cells: dict[str, list[Cell]] = {}
    for row in _rows(folder / "cells.csv"):
        corners = tuple((float(row[f"{corner}_x"]), float(row[f"{corner}_y"])) for corner in ("tl", "tr", "br", "bl"))
        cells.setdefault(row["file"], []).append(Cell(corners, row["value"], row["kind"]))
    for item in _files(folder, lambda row: row["kind"] == "grid"):
        yield Item(item.name, item.picture, item.label, tuple(cells[item.name]))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


#: Pictures of these packages with digits or letters in them, and what is no photograph.
_WRITTEN_ON = frozenset({"page", "text", "clock_motion"})

_FIELD: dict[str, Layout] = {
    "kristijan6": "line",
    "c1form": "line",
    "donsabu": "cell",
    "nsysu": "cell",
    "kaled": "line",
    "owais": "line",
    "klara_crops": "cell",
    "kristijan6_crops": "cell",
    "tgtony": "page",
    "algebra": "line",
    "farhan": "cell",
    "mrsadeghi": "line",
    "polonimos": "line",
}

SETS = {
    "cells": PictureSet(
        "photo_cells (photographed sudokus, digits)",
        "photo_cells",
        lambda folder: _files(folder, lambda row: row["label"] != "none"),
        photographed=True,
    ),
    "empty": PictureSet(
        "photo_cells (empty cells), nothing read",
        "photo_cells",
        lambda folder: _files(folder, lambda row: row["label"] == "none"),
        rule="silent",
        photographed=True,
    ),
    "strings": PictureSet("strings (bank cheques)", "strings", _files, layout="line", photographed=True),
    "grids": PictureSet(
        "photo_pages (whole sudokus), per handwritten cell",
        "photo_pages",
        _grids,
        layout="scattered",
        rule="grid",
        photographed=True,
    ),
    "paper": PictureSet(
        "photo_pages (numbers on paper)",
        "photo_pages",
        lambda folder: _files(folder, lambda row: row["kind"] == "paper"),
        layout="page",
        photographed=True,
    ),
    "drawn": PictureSet("drawn (on a screen)", "drawn", _files),
    "notdigits": PictureSet("notdigits (letters and signs), nothing read", "notdigits", _files, rule="silent"),
    "usps": PictureSet("USPS test (envelopes)", "usps", _usps),
    "tight-drawn": PictureSet("drawn, cut at their ink", "drawn", _tight(_files)),
    "tight-usps": PictureSet("USPS test, cut at their ink", "usps", _tight(_usps)),
    "pendigits": PictureSet("pendigits test writers, drawn by our pens", "pens", _pendigits),
    "natural": PictureSet("photographs without digits, nothing read", ".", _natural, layout="page", rule="silent"),
    **{
        name: PictureSet(f"field: {name}", f"field/{name}", _files, layout=layout, photographed=True)
        for name, layout in _FIELD.items()
    },
    "mnist": PictureSet("MNIST test", "mnist", _mnist, mnist=True),
    "composed": PictureSet("strings of MNIST test digits", "mnist", _composed(False), layout="line", mnist=True),
    "touching": PictureSet("the same, touching", "mnist", _composed(True), layout="line", mnist=True),
}
