"""labels.csv, whoever wrote it: an editor, Excel or `--save-crops`."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawing import crop, png

from edge_digits.bench.pictures import load_pictures
from edge_digits.errors import SourceError
from edge_digits.sources.labels import Row, read_labels

ROWS = [("one, two.png", "12"), ("three.png", "3"), ("blank.png", "none")]
PLAIN = 'file,label\n"one, two.png",12\nthree.png,3\nblank.png,none\n'
WRITTEN = {
    "by an editor": PLAIN.encode(),
    "by Excel, with a byte order mark": PLAIN.replace("\n", "\r\n").encode("utf-8-sig"),
    "with CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "with everything quoted": b'"label","file"\n"12","one, two.png"\n"3","three.png"\n"none","blank.png"\n',
    "with more columns": b'file,label,confidence\n"one, two.png",12,0.5\nthree.png,3,0.9\nblank.png,none,\n',
}


@pytest.fixture(params=list(WRITTEN.values()), ids=list(WRITTEN))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "labels.csv").write_bytes(request.param)
    for name, label in ROWS:
        (tmp_path / name).write_bytes(png(crop(label[-1] if label != "none" else "0")))
    return tmp_path


def test_rows_are_read_however_they_are_written(folder: Path) -> None:
    rows = read_labels(folder / "labels.csv")
    assert rows == [Row(line, name, label) for line, (name, label) in enumerate(ROWS, start=2)]


def test_a_bench_knows_what_its_pictures_show(folder: Path) -> None:
    labels = {Path(picture.name).name: picture.label for picture in load_pictures([str(folder)])}
    assert labels == {"one, two.png": "12", "three.png": "3", "blank.png": ""}


def test_training_and_evaluation_take_the_same_labels(folder: Path) -> None:
    pytest.importorskip("edge_digits_train", reason="training is not installed")
    from edge_digits_train.datasets import labelled

    listed = labelled.list_folder(str(folder))
    assert list(zip(listed.names, listed.labels, strict=True)) == ROWS
    assert len(labelled.read(listed)) == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "columns file and label are needed"),
        (b"name,label\na.png,1\n", r"names \['name', 'label'\]; columns file and label are needed"),
        (b"file,label\ncaf\xe9.png,1\n", "Save it as CSV in UTF-8"),
        (b"file,label\n" + b"a" * 200_000 + b",1\n", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(SourceError, match=rf"labels\.csv: .*{says}"):
        read_labels(tmp_path / "labels.csv")
    (tmp_path / "a.png").write_bytes(png(crop("1")))
    with pytest.raises(SourceError, match=says):
        load_pictures([str(tmp_path)])


def test_a_line_without_a_label_is_a_picture_whose_label_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\na.png\nb.png,2\n")
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png(crop("2")))
    assert [picture.label for picture in load_pictures([str(tmp_path)])] == [None, "2"]
