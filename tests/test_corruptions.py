"""The corruption suite: what each kind does to a digit, and the benchmark that reads them."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from corrupt import KINDS, Kind, corrupted
from corruptions import contained, sheet
from drawing import digits

from edge_digits.inference.session import Model
from edge_digits_train.synthesis.augment import Augmentation

PICTURES, CLASSES = digits(20)
BY_NAME = {kind.name: kind for kind in KINDS}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@every_kind
def test_a_corruption_keeps_the_form_of_a_picture_and_changes_it(kind: Kind) -> None:
    for number, picture in enumerate(PICTURES):
        before = picture.copy()
        drawn = corrupted(kind, picture, number)
        assert drawn.shape == picture.shape
        assert drawn.dtype == np.uint8
        assert np.abs(drawn.astype(int) - picture).max() > 30
        assert np.array_equal(picture, before)


@every_kind
def test_a_corruption_repeats_with_its_seed(kind: Kind) -> None:
    first, again = (corrupted(kind, PICTURES[3], 3) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - {"polarity", "scale 0.6", "brightness", "canny edges"}))
def test_a_corruption_differs_with_the_seed_and_from_picture_to_picture(name: str) -> None:
    drawn = [corrupted(BY_NAME[name], PICTURES[3], number, seed) for number, seed in ((3, 0), (4, 0), (5, 0), (3, 1))]
    assert len({picture.tobytes() for picture in drawn}) > 1


@pytest.mark.parametrize("name", sorted({kind.name for kind in KINDS} - {"canny edges"}))
def test_the_digit_still_stands_out(name: str) -> None:
    """Where strokes were, pixels still differ from what is beside them: else nobody could read it."""
    moves = {"shear", "shear 0.4", "rotation to 30 degrees", "rotate 30 degrees", "shift to 4 pixels", "translate"}
    told = []
    for number, picture in enumerate(PICTURES):
        drawn = corrupted(BY_NAME[name], picture, number).astype(float)
        if name in moves or name.startswith("scale"):
            told.append(drawn.sum() / picture.sum() > 0.25)
        elif name == "stripe":
            told.append(np.array_equal(drawn[:, 14], 255 - picture[:, 14]))
        else:
            told.append(abs(np.corrcoef(drawn.ravel(), picture.ravel())[0, 1]) > 0.2)
    assert np.mean(told) >= 0.9


def test_edges_are_those_of_the_strokes() -> None:
    drawn = corrupted(BY_NAME["canny edges"], PICTURES[0], 0)
    assert set(np.unique(drawn).tolist()) == {0, 255}
    assert drawn[PICTURES[0] > 250].mean() < 128
    assert 20 < (drawn > 0).sum() < 200


@pytest.mark.parametrize(("name", "least", "most"), [("thin strokes", 0.3, 0.95), ("thick strokes", 1.15, 3.0)])
def test_pens_take_or_give_ink(name: str, least: float, most: float) -> None:
    shares = [
        float(corrupted(BY_NAME[name], picture, number).sum()) / float(picture.sum())
        for number, picture in enumerate(PICTURES)
    ]
    assert least < np.median(shares) < most


def test_both_suites_have_fifteen_kinds_of_different_names() -> None:
    assert len(BY_NAME) == len(KINDS) == 30
    assert sum(kind.suite == "ours" for kind in KINDS) == 15


def test_what_training_contains_is_told_by_the_card() -> None:
    settings = {field.name for field in fields(Augmentation)}
    card = Model.load("digits").card
    assert contained(BY_NAME["shear"], card) == "yes"
    assert contained(BY_NAME["glare"], card) == "no"
    assert {kind.taught for kind in KINDS} <= {"", *settings}


def test_a_sheet_shows_every_kind() -> None:
    assert sheet(PICTURES[:3]).shape == (30 * len(KINDS) * 2, 3 * 30 * 2)


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """A data folder with ten digits in it."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, array in (("images-idx3", PICTURES[:10]), ("labels-idx1", CLASSES[:10].astype(np.uint8))):
        head = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
        (folder / f"t10k-{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return tmp_path


@pytest.mark.slow
def test_the_benchmark_reads_every_kind(mnist: Path) -> None:
    script = Path(__file__).parent.parent / "benchmarks" / "corruptions.py"
    command = [sys.executable, str(script), str(mnist), "--limit", "4"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.endswith(" % |")]
    assert [row[0] for row in rows] == ["none", *BY_NAME, "**mean**", "**mean**"]
    assert rows[0][-1] == "0.00 %"
    shares = [float(row[-2].rstrip(" %")) for row in rows[1:16]]
    assert float(rows[31][-2].rstrip(" %")) == pytest.approx(np.mean(shares), abs=0.01)


@pytest.mark.slow
def test_the_benchmark_says_what_it_lacks(tmp_path: Path) -> None:
    script = Path(__file__).parent.parent / "benchmarks" / "corruptions.py"
    ended = subprocess.run([sys.executable, str(script), str(tmp_path)], check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "holds no folder mnist/" in ended.stderr
