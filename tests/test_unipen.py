"""Pen trajectories in the UNIPEN format: what their files say is what is loaded."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("edge_digits_train", reason="training is not installed")

from edge_digits_train.datasets import unipen
from edge_digits_train.datasets.data import DataError, Trace
from edge_digits_train.datasets.unipen import load_traces

#: Two characters and a pen-up movement between their strokes.
FILE = """.VERSION 1.0
.HIERARCHY CHARACTER
.PEN_DOWN
 10 20
 11 22
.PEN_UP
 12 23
 13 24
.PEN_DOWN
 14 25
 15 26
 16 27
.PEN_DOWN
 1 2
.SEGMENT CHARACTER 0-2 ? "4"
.SEGMENT DIGIT 3 OK "."
"""


def loaded(path: Path, text: str) -> list[Trace]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return load_traces(path)


def points(trace: Trace) -> list[list[list[float]]]:
    return [stroke.tolist() for stroke in trace.strokes]


def test_a_character_is_the_pen_down_movements_of_its_components_upside_down(tmp_path: Path) -> None:
    """Movements above the paper count among the components, and are none of its strokes."""
    four, point = loaded(tmp_path / "a.dat", FILE)
    assert (four.label, point.label) == ("4", ".")
    assert points(four) == [[[10, -20], [11, -22]], [[14, -25], [15, -26], [16, -27]]]
    assert points(point) == [[[1, -2]]]
    assert four.strokes[0].dtype == np.float32


def test_a_lifted_pen_without_points_is_no_component(tmp_path: Path) -> None:
    (trace,) = loaded(tmp_path / "a", '.PEN_DOWN\n1 1\n.PEN_UP\n.PEN_DOWN\n2 2\n.SEGMENT DIGIT 1 ? "1"\n')
    assert points(trace) == [[[2, -2]]]


@pytest.mark.parametrize(
    ("place", "expected"),
    [("2:1", [[15.0, -26.0], [16.0, -27.0]]), ("2:1-2:1", [[15.0, -26.0]]), ("1-2:0", [[14.0, -25.0]])],
)
def test_a_place_may_begin_and_end_within_a_component(tmp_path: Path, place: str, expected: list[list[float]]) -> None:
    (trace,) = loaded(tmp_path / "a", FILE.split(".SEGMENT", maxsplit=1)[0] + f'.SEGMENT DIGIT {place} ? "1"\n')
    assert points(trace) == [expected]


def test_several_places_are_one_character(tmp_path: Path) -> None:
    (trace,) = loaded(tmp_path / "a", FILE.split(".SEGMENT", maxsplit=1)[0] + '.SEGMENT DIGIT 0,3 ? "1"\n')
    assert points(trace) == [[[10, -20], [11, -22]], [[1, -2]]]


@pytest.mark.parametrize("place", ["4", "0-4", "2:9", "nowhere", "1"])
def test_what_is_missing_or_drawn_by_a_lifted_pen_is_passed_over(tmp_path: Path, place: str) -> None:
    text = FILE + f'.SEGMENT DIGIT {place} ? "7"\n'
    assert [trace.label for trace in loaded(tmp_path / "a", text)] == ["4", "."]


def test_words_are_passed_over(tmp_path: Path) -> None:
    text = FILE + '.SEGMENT WORD 0-3 ? "four"\n.SEGMENT TEXT 0-3\n'
    assert len(loaded(tmp_path / "a", text)) == 2


@pytest.mark.parametrize(("written", "label"), [(r"\\", "\\"), (r"\"", '"'), ('"', '"'), ("\\", "\\"), ("#", "#")])
def test_labels_are_unescaped(tmp_path: Path, written: str, label: str) -> None:
    (trace,) = loaded(tmp_path / "a", f'.PEN_DOWN\n1 1\n.SEGMENT CHARACTER 0 ? "{written}"\n')
    assert trace.label == label


def test_columns_are_where_the_file_says(tmp_path: Path) -> None:
    text = '.COORD T X P Y\n.PEN_DOWN\n99 1 98 2\n.SEGMENT DIGIT 0 ? "1"\n'
    assert points(loaded(tmp_path / "a", text)[0]) == [[[1, -2]]]


@pytest.mark.parametrize("home", ["data/x/pen.dat", "data/include/x/pen.dat", "include/x/pen.dat", "data/a/x/pen.dat"])
def test_components_come_from_the_file_that_is_included(tmp_path: Path, home: str) -> None:
    """Beside the file, or in a folder `include` of one above it; its writer and columns come with it."""
    source = tmp_path / home
    source.parent.mkdir(parents=True)
    source.write_text(".WRITER_ID mine\n.COORD Y X\n.PEN_DOWN\n5 6\n")
    text = '.INCLUDE x/pen.dat\n.PEN_DOWN\n7 8\n.SEGMENT DIGIT 0-1 ? "2"\n'
    (trace,) = loaded(tmp_path / "data/a/b.dat", text)
    assert points(trace) == [[[6, -5]], [[8, -7]]]
    assert trace.writer == "mine"


def test_an_include_that_is_not_there_is_done_without(tmp_path: Path) -> None:
    assert len(loaded(tmp_path / "a", ".INCLUDE a\n.INCLUDE setup.doc\n" + FILE)) == 2


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "b").write_text(".INCLUDE a\n")
    assert len(loaded(tmp_path / "a", ".INCLUDE b\n" + FILE)) >= 2


def test_an_included_file_is_read_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder's two hundred files each include one of megabytes."""
    read: list[str] = []
    lines = unipen._lines

    def counted(path: Path) -> list[str]:
        read.append(path.name)
        return lines(path)

    monkeypatch.setattr(unipen, "_lines", counted)
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "pen.dat").write_text(".PEN_DOWN\n5 6\n")
    (tmp_path / "data").mkdir()
    for name in "abc":
        (tmp_path / "data" / name).write_text('.INCLUDE pen.dat\n.SEGMENT DIGIT 0 ? "1"\n')
    assert len(load_traces(tmp_path / "data")) == 3
    assert read.count("pen.dat") == 1


def test_a_gzipped_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(FILE.encode()))
    assert len(load_traces(tmp_path / "a.gz")) == 2


def test_a_folder_is_read_in_order_without_texts_and_donors_that_are_left_out(tmp_path: Path) -> None:
    for name in ("b/2.dat", "a/1.dat", "ibm/x/1.dat", "val/1.dat", "notes.txt", "README.md"):
        loaded(tmp_path / name, FILE)
    traces = load_traces(tmp_path)
    assert [trace.writer for trace in traces] == [
        f"{tmp_path.name}/{name}" for name in ("a/1.dat", "b/2.dat") for _ in "12"
    ]


def test_a_single_file_without_writers_is_of_one_every_250_characters(tmp_path: Path) -> None:
    """The pen digits of 44 people came in two files: taken for one writer's, none could be held out."""
    text = FILE.split(".SEGMENT", maxsplit=1)[0] + '.SEGMENT DIGIT 0 ? "1"\n' * 501
    traces = loaded(tmp_path / "pens.tra", text)
    assert [traces[place].writer for place in (0, 249, 250, 500)] == [f"pens.tra:{n}" for n in (0, 0, 1, 2)]


def test_what_holds_no_characters_is_refused_by_name(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none", "no such file or folder"), (tmp_path, "holds no characters")):
        with pytest.raises(DataError, match=message) as raised:
            load_traces(path)
        assert str(raised.value).startswith(str(path))


def test_a_broken_archive_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(FILE.encode())[:60])
    with pytest.raises(DataError, match=r"a\.gz: cannot be read"):
        load_traces(path)
