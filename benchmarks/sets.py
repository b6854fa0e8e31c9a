"""The sets of labelled pictures that the benchmarks read; what a data folder lacks is left out.

mnist/ holds the official IDX files, usps/usps.npz the arrays x_test and y_test; the others are folders of pictures with
a labels.csv whose first columns are `file` and `label` (rows of text parted by `|`, or `none`). photo_pages/ has the
column `kind` (grid or paper) beside, and cells.csv with each grid cell's corners (tl_x, tl_y, ...), `value` and `kind`.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scoring import Cell, Rule

from edge_digits.sources.decode import decode
from edge_digits_train.datasets import read_idx

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
        folder: where it lies, below the data folder.
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
        items = list(self.items(data / self.folder))
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
    "mnist": PictureSet("MNIST test", "mnist", _mnist, mnist=True),
    "composed": PictureSet("strings of MNIST test digits", "mnist", _composed(False), layout="line", mnist=True),
    "touching": PictureSet("the same, touching", "mnist", _composed(True), layout="line", mnist=True),
}
