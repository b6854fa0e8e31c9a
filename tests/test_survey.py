"""`edge-digits data`: what is counted, and what is doubtful."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="looking at data needs the extra `train`")

from bars import bars
from conftest import Run, invoke
from test_evaluate import check_in_browser, check_page, needs_chromium

from edge_digits_train.datasets.data import DataError
from edge_digits_train.pages import survey
from edge_digits_train.recipes import RECIPES


def test_duplicates_blank_pictures_and_counts_of_arrays(tmp_path: Path) -> None:
    x_train, y_train = bars(60)
    x_test, y_test = bars(20, seed=1)
    x_train[:, 0, 0], x_test[:, 0, 0] = np.arange(60), 100 + np.arange(20)  # so that no two are alike
    x_test[0] = x_train[0]  # in both sets
    x_train[11], y_train[11] = x_train[2], 7  # with two labels
    x_train[5] = 0
    np.savez(tmp_path / "bars.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    found = survey.survey(str(tmp_path / "bars.npz"))
    assert found.counts() == {"train": np.bincount(y_train).tolist(), "test": np.bincount(y_test).tolist()}
    assert found.blank().tolist() == [5]
    groups = found.duplicates()
    assert [group.tolist() for group in groups] == [[2, 11], [0, 60]]
    assert [(found.contradicts(group), found.leaks(group)) for group in groups] == [(True, False), (False, True)]
    text = survey.render(found, "digits", RECIPES["digits"])
    check_page(text)
    assert "several labels" in text
    assert "in both sets" in text


@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_without_scrolling_sideways(tmp_path: Path, width: int) -> None:
    x_train, y_train = bars(200)
    np.savez(tmp_path / "bars.npz", x_train=x_train, y_train=y_train, x_test=x_train[:50], y_test=y_train[:50])
    surveyed = survey.survey(str(tmp_path / "bars.npz"))
    check_in_browser(survey.render(surveyed, "digits", RECIPES["digits"]), tmp_path, width)


def test_the_sheet_shows_each_class_before_and_after() -> None:
    pictures, classes = bars(30)
    names, sizes = tuple(map(str, range(30))), np.full((30, 2), 28)
    labels = tuple("abcdefghij")
    found = survey.Survey("bars", labels, pictures, classes, np.repeat(["all"], 30), names, sizes, {})
    how = RECIPES["digits"].augmentation
    assert how is not None
    before, after = survey.sheet(found, how)
    assert np.array_equal(before, pictures[:10])
    assert after.shape == (10, 9, 28, 28)
    assert all(len({picture.tobytes() for picture in row}) == 9 for row in after), "each is drawn anew"


def test_the_command_looks_at_a_folder_with_what_cannot_be_read(tmp_path: Path, run: Run) -> None:
    for label in ("<i>", "b"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for place, picture in enumerate(bars(4)[0]):
            cv2.imwrite(str(tmp_path / "pictures" / label / f"{place}.png"), cv2.resize(picture, (60, 40)))
    (tmp_path / "pictures" / "b" / "broken.jpg").write_bytes(b"no picture")
    ended = run("data", tmp_path / "pictures", timeout=300)
    assert ended.code == 5, ended.err
    assert "broken.jpg" in ended.err
    record = json.loads((tmp_path / "data.json").read_text())
    assert record["counts"] == {"all": [4, 4]}
    assert record["statistics"]["width as it came, pixels"] == {"min": 60, "median": 60, "max": 60}
    assert len(record["duplicates"]) == 4, "the same four in both classes"
    check_page((tmp_path / "data.html").read_text())
    assert invoke("data", tmp_path / "nothing", "-o", tmp_path / "x.html").code == 3
    assert invoke("data", tmp_path / "pictures", "-o", tmp_path / "data.html").code == 1, "it is there already"


#: Three characters of two writers.
PENS = """.PEN_DOWN
 0 0
 5 40
.SEGMENT DIGIT 0 ? "1"
.SEGMENT DIGIT 0 ? "1"
.SEGMENT CHARACTER 0 ? "$"
"""


def test_pens_are_counted_by_character_and_writer_and_drawn(tmp_path: Path, run: Run) -> None:
    x_train, y_train = bars(60)
    np.savez(tmp_path / "bars.npz", x_train=x_train, y_train=y_train, x_test=x_train, y_test=y_train)
    (tmp_path / "pens").mkdir()
    for name in "ab":
        (tmp_path / "pens" / name).write_text(f".WRITER_ID {name}\n{PENS}")
    ended = run("data", "bars.npz", "--pens", "pens", "--pens", "pens/a")
    assert ended.code == 0, ended.err
    assert "9 pen trajectories of 2 characters by 2 writers" in ended.out
    record = json.loads((tmp_path / "data.json").read_text())
    assert record["pens"] == {"$": {"count": 3, "writers": 2}, "1": {"count": 6, "writers": 2}}
    page = (tmp_path / "data.html").read_text()
    check_page(page)
    assert 'id="pens"' in page
    ended = run("data", "bars.npz", "--pens", "none", "-o", "other.html")
    assert (ended.code, ended.err.count("\n")) == (DataError.exit_code, 1)
    assert "none: no such file or folder of pen trajectories" in ended.err
