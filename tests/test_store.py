"""The trail of a board without a network: a row an event, whatever ends the program."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from cameras import scene, write_video
from conftest import COMMAND, Run, invoke

from edge_digits import DigitReader
from edge_digits.errors import OutputError, SourceError
from edge_digits.outputs.store import Row, Store, read_rows


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = [frame for text in ("427", "31") for frame in [scene(text)] * 30 + [scene("")] * 20]
    return write_video(tmp_path / "clip.mp4", frames)


def row(number: int) -> Row:
    moment = f"2026-03-01T12:00:{number % 60:02d}.000+00:00"
    return Row(f"id{number}", "announced", moment, "hall", "csi:0", number, str(number), 0.9, 0.5, None, "", b"png")


def test_a_source_whose_name_is_no_utf_8_has_rows_too(tmp_path: Path) -> None:
    record = row(1)._asdict() | {"source": "clip\udcff.mp4"}
    store = Store(tmp_path / "trail.sqlite")
    store.add([Row.of(record, "hall", None)])
    store.close()
    (found,) = read_rows(tmp_path / "trail.sqlite")
    assert found.source.startswith("clip")


def test_every_event_has_a_row_and_what_was_announced_its_crop(run: Run, clip: Path, tmp_path: Path) -> None:
    ended = run("camera", clip, "--format", "jsonl", "--store", "trail.sqlite", "--id", "hall")
    assert (ended.code, ended.err) == (0, "")
    rows = list(read_rows(tmp_path / "trail.sqlite"))
    assert [(row.id, row.event, row.text) for row in rows] == [
        (record["id"], record["event"], record["text"]) for record in ended.records
    ]
    assert len(rows) == 4
    assert {row.board for row in rows} == {"hall"}
    for found in rows:
        assert (found.crop is None) == (found.event == "withdrawn")
        if found.crop is not None:
            assert cv2.imdecode(np.frombuffer(found.crop, np.uint8), cv2.IMREAD_GRAYSCALE) is not None


@pytest.mark.parametrize("number", ["427", "31"])
def test_the_crop_of_what_was_announced_is_read_as_that(run: Run, clip: Path, tmp_path: Path, number: str) -> None:
    run("camera", clip, "--store", "trail.sqlite", "--no-window")
    (found,) = (row for row in read_rows(tmp_path / "trail.sqlite") if row.event == "announced" and row.text == number)
    assert found.crop is not None
    picture = cv2.imdecode(np.frombuffer(found.crop, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert DigitReader.load().read(picture).text == found.text


def test_a_second_run_adds_and_goes_on_from_the_last_plausible_number(run: Run, tmp_path: Path) -> None:
    for text, doubts in (("427", []), ("31", ["falls from 427"]), ("428", [])):
        clip = write_video(tmp_path / f"{text}.mp4", [scene(text)] * 40)
        options = ("--format", "jsonl", "--never-falls", "--store", "trail.sqlite")
        first = run("camera", clip, *options).records[0]
        assert (first["text"], first["doubts"]) == (text, doubts)
    rows = list(read_rows(tmp_path / "trail.sqlite"))
    assert [(row.text, row.plausible, row.doubts) for row in rows] == [
        ("427", True, ""),
        ("31", False, "falls from 427"),
        ("428", True, ""),
    ]


ADDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_store import row
from edge_digits.outputs.store import Store
store = Store(Path(sys.argv[1]))
number = int(sys.argv[3])
while True:
    store.add([row(number), row(number + 1)])
    print(number, flush=True)
    number += 2
"""


@pytest.mark.slow
def test_a_kill_loses_nothing_that_was_added_and_halves_nothing(tmp_path: Path) -> None:
    path, chance, number = tmp_path / "trail.sqlite", random.Random(7), 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", ADDER, path, str(Path(__file__).parent), str(number)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        os.kill(child.pid, signal.SIGKILL)
        told = [number, *map(int, child.stdout.read().split())]
        child.wait()
        child.stdout.close()
        rows = list(read_rows(path))
        assert [row.frame for row in rows] == list(range(len(rows))), "each once, in its order"
        assert len(rows) % 2 == 0, "what was added together is there together"
        assert len(rows) >= max(told) + 2, "what was said to be added is there"
        number = len(rows)
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


@pytest.mark.slow
def test_a_camera_that_is_killed_leaves_what_it_announced(clip: Path, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*COMMAND, "camera", f"fake:{clip}", "--format", "jsonl", "--store", "trail.sqlite"],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert child.stdout is not None
    announced = json.loads(child.stdout.readline())
    deadline = time.monotonic() + 5
    while not list(read_rows(tmp_path / "trail.sqlite")) and time.monotonic() < deadline:
        time.sleep(0.01)  # it is printed before it is kept
    child.kill()
    child.wait()
    child.stdout.close()
    assert [row.id for row in read_rows(tmp_path / "trail.sqlite")] == [announced["id"]]


def test_readers_and_the_writer_do_not_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "trail.sqlite"
    store = Store(path)
    store.add([row(0), row(1)])
    reading = read_rows(path)
    assert next(reading).frame == 0
    store.add([row(2)])
    assert [row.frame for row in reading] == [1], "as it was when the reading began"
    assert [row.frame for row in read_rows(path)] == [0, 1, 2]
    store.close()


def test_an_id_is_there_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "trail.sqlite")
    store.add([row(1)])
    with pytest.raises(OutputError, match="UNIQUE"):
        store.add([row(2), row(1)])
    assert [row.frame for row in read_rows(tmp_path / "trail.sqlite")] == [1]
    store.close()


def test_a_file_of_another_program_is_left_alone(run: Run, clip: Path, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE music (title TEXT)")
    other.commit()
    other.close()
    (tmp_path / "text.sqlite").write_text("no database " * 100)
    for name, said in (("other.sqlite", "is the file of another program"), ("text.sqlite", "It is no SQLite file")):
        before = (tmp_path / name).read_bytes()
        ended = run("camera", clip, "--no-window", "--store", name)
        assert ended.code == 1
        assert f"edge-digits: {name}: " in ended.err
        assert said in ended.err
        assert (tmp_path / name).read_bytes()[100:] == before[100:]
        with pytest.raises(SourceError):
            list(read_rows(tmp_path / name))
    assert "Check its folder" in run("camera", clip, "--no-window", "--store", "nowhere/trail.sqlite").err


@pytest.mark.slow
def test_a_disk_that_is_full_is_told_and_does_not_end_the_reading(run: Run, clip: Path) -> None:
    """No file may grow beyond 36 kB: the trail cannot be written, and the numbers are announced."""
    ended = run("camera", clip, "--format", "jsonl", "--store", "t.sqlite", within=["prlimit", "--fsize=36864"])
    assert [record["text"] for record in ended.records] == ["427", "427", "31", "31"]
    assert ended.code == 1
    assert "t.sqlite: cannot be written" in ended.err


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    store = Store(tmp_path / "trail.sqlite")
    store.add([row(number)._replace(text="=1+1" if number == 2 else str(number)) for number in range(5)])
    store.close()
    return tmp_path / "trail.sqlite"


def test_a_trail_is_exported_as_csv_json_lines_and_parquet(trail: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(invoke("export-readings", trail).out.splitlines()))
    assert [row["text"] for row in rows] == ["0", "1", "'=1+1", "3", "4"], "no cell is a formula"
    records = [json.loads(line) for line in invoke("export-readings", trail, "--format", "jsonl").out.splitlines()]
    assert [record["text"] for record in records] == ["0", "1", "=1+1", "3", "4"]
    assert list(records[0]) == list(rows[0])
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    assert invoke("export-readings", trail, "-o", tmp_path / "out.parquet").code == 0
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column("text").to_pylist() == ["0", "1", "=1+1", "3", "4"]
    assert table.column("crop").to_pylist() == [b"png"] * 5
    assert table.column("captured_at").to_pylist()[1].isoformat() == "2026-03-01T12:00:01+00:00"


def test_a_part_of_a_trail_is_exported(trail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    ended = invoke(
        *("export-readings", trail, "--format", "jsonl", "--save-crops", tmp_path / "crops"),
        *("--since", "2026-03-01T12:00:01", "--until", "2026-03-01 12:00:03"),
    )
    assert [json.loads(line)["id"] for line in ended.out.splitlines()] == ["id1", "id2"]
    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == ["id1.png", "id2.png"]


@pytest.mark.slow
def test_a_trail_on_a_card_that_cannot_be_written_is_read(run: Run, trail: Path, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    trail.rename(card / "trail.sqlite")
    mounted = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    within = ["unshare", "--mount", "sh", "-c", mounted, str(card)]
    if subprocess.run([*within, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting in a namespace is not allowed here")
    ended = run("export-readings", card / "trail.sqlite", within=within)
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == 6
    (card / "trail.sqlite-wal").write_bytes(b"x")
    ended = run("export-readings", card / "trail.sqlite", within=within)
    assert (ended.code, "Copy it together with trail.sqlite-wal" in ended.err) == (3, True)


def test_what_cannot_be_exported_is_told(trail: Path, tmp_path: Path) -> None:
    assert invoke("export-readings", tmp_path / "none.sqlite").code == 3
    ended = invoke("export-readings", trail, "--format", "parquet")
    assert (ended.code, "-o readings.parquet" in ended.err) == (2, True)
    for name in ("there.csv", "there.parquet"):
        there = tmp_path / name
        there.write_text("kept")
        ended = invoke("export-readings", trail, "-o", there)
        assert (ended.code, "--force" in ended.err) == (1, True)
        assert there.read_text() == "kept"
        for no_trail in (tmp_path / "none.sqlite", there):
            assert invoke("export-readings", no_trail, "-o", there, "--force").code == 3
        assert there.read_text() == "kept"
    assert not list(tmp_path.glob("*part*"))
    assert invoke("export-readings", trail, "-o", tmp_path / "there.csv", "--force").code == 0
