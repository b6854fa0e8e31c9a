"""`edge-digits batch`: one record a picture, in files that are whole, whatever becomes of the processes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from conftest import COMMAND, Run, Terminal
from drawing import page, png
from picture_files import tiff
from test_workers import group_lives

pa = pytest.importorskip("pyarrow", reason="needs the extra batch: pip install -e '.[batch]'")
import pyarrow.parquet as pq  # noqa: E402  # it may be missing
from scale_kills import Checked, check, make_pictures, run_and_kill, stamps  # noqa: E402
from scaling import DEADLY, fragile, rows  # noqa: E402

from edge_digits import __version__  # noqa: E402
from edge_digits.errors import EdgeDigitsError, OutputError, SourceError, UsageError  # noqa: E402
from edge_digits.scale import listing, on_local  # noqa: E402
from edge_digits.scale.partition import Job, PartitionReader, finished  # noqa: E402
from edge_digits.scale.place import Place  # noqa: E402
from edge_digits.scale.plan import INPUTS, Plan  # noqa: E402
from edge_digits.scale.progress import Progress  # noqa: E402

SETTINGS = {"version": __version__, "--model": "base.int8"}


def listed(*sources: str | Path, **options: Any) -> list[str]:
    told = {"recursive": False, "column": None, "without": None, "left_out": Counter[str]()}
    return list(listing.names([str(source) for source in sources], **{**told, **options}))


def planned(out: Path, names: list[str], size: int = 10, **settings: Any) -> Plan:
    out.mkdir(exist_ok=True)
    return Plan.make(Place.of(str(out)), iter(names), size, {**SETTINGS, **settings})


# --- sources ----------------------------------------------------------------------------------------------------------


def test_a_folder_is_listed_in_natural_order_and_without_the_folder_of_the_records(tmp_path: Path) -> None:
    for name in ("10.png", "2.png", "notes.txt", "deep/er/3.png", "deep/1.png", "out/4.png", ".hidden/5.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert listed(tmp_path) == [f"{tmp_path}/2.png", f"{tmp_path}/10.png"]
    assert listed(tmp_path, recursive=True, without=tmp_path / "out") == [
        f"{tmp_path}/{name}" for name in ("2.png", "10.png", "deep/1.png", "deep/er/3.png")
    ]


def test_lists_and_tables_give_their_names_as_they_are(tmp_path: Path) -> None:
    names = ["b.png", "a.png", os.fsdecode(b"caf\xe9.png"), "s3://bucket/c.png"]
    (tmp_path / "list.txt").write_bytes(b"\n".join(os.fsencode(name) for name in names))
    assert listed(f"@{tmp_path}/list.txt") == names
    table = tmp_path / "table.parquet"
    pq.write_table(pa.table({"path": [os.fsencode(name) for name in names], "label": ["1"] * 4}), table)
    assert listed(table) == names
    assert listed(table, column="label") == ["1"] * 4


@pytest.mark.parametrize(
    ("columns", "column", "said"),
    [
        ({"a": ["x"], "b": ["y"]}, None, "which column has the paths? (its columns of text are a, b)"),
        ({"a": ["x"], "b": [1]}, "b", "has no column 'b' of text (its columns of text are a)"),
        ({"b": [1]}, None, "which column has the paths? (it has no column of text). Name one: --column"),
    ],
    ids=["two", "numbers", "none"],
)
def test_a_table_without_the_column_is_refused_with_those_that_it_has(
    tmp_path: Path, columns: dict[str, list[Any]], column: str | None, said: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    with pytest.raises(UsageError) as raised:
        listed(tmp_path / "table.parquet", column=column)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("gone.parquet", "cannot be read as Parquet"),
        ("broken.parquet", "cannot be read as Parquet"),
        ("gone.png", "no such file"),
        ("@gone.txt", "the list cannot be read"),
        ("empty", "no pictures in this folder. To look into its sub-folders too: --recursive. 1 file of other kinds"),
        ("ftp://host/scans", "is an address that batch does not read. It reads paths, and s3://"),
    ],
)
def test_a_source_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.parquet").write_bytes(b"PAR1")
    Path("empty").mkdir()
    Path("empty", "clip.mp4").touch()
    with pytest.raises(SourceError) as raised:
        listed(source)
    assert str(raised.value).startswith(source)
    assert said in str(raised.value)


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_a_plan_gives_back_what_was_written_down(tmp_path: Path) -> None:
    names = [os.fsdecode(b"caf\xe9-%d.png" % number) for number in range(25)]
    plan = planned(tmp_path / "out", names)
    again = Plan(plan.place)
    assert (len(again), again.pictures, [again.count(number) for number in range(3)]) == (3, 25, [10, 10, 5])
    assert [name for number in range(3) for name in again.names(number)] == names
    assert again.finished == frozenset()


def test_the_name_of_a_partition_is_that_of_its_input(tmp_path: Path) -> None:
    first = planned(tmp_path / "1", ["a.png", "b.png", "c.png"], 2)
    alike = planned(tmp_path / "2", ["a.png", "b.png", "d.png"], 2)
    other = planned(tmp_path / "3", ["a.png", "b.png", "c.png"], 2, **{"--model": "another"})
    assert first.file(0) == alike.file(0) != other.file(0)
    assert first.file(1) != alike.file(1)
    assert first.file(0).startswith("part-000000-")


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    plan = planned(tmp_path / "out", ["a.png"])
    plan.check(SETTINGS)
    with pytest.raises(UsageError, match=r"--model: 'base.int8', and now 'mine'.*Go on with those, or name another"):
        plan.check({**SETTINGS, "--model": "mine"})


def test_partitions_of_another_batch_and_damaged_files_are_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = planned(out, ["a.png"])
    (out / "part-000000-0123456789abcdef.parquet").touch()
    with pytest.raises(OutputError, match=r"0123456789abcdef\.parquet, which is none of this batch"):
        assert plan.finished
    (out / plan.file(0)).write_bytes(b"PAR1")
    with pytest.raises(OutputError, match=r"is damaged\. Delete it, and it is read again"):
        finished(plan, 0)
    (out / INPUTS).write_bytes(b"")
    with pytest.raises(OutputError, match=f"{INPUTS} is damaged"):
        Plan(plan.place)


def test_progress_says_how_many_are_left_and_for_how_long() -> None:
    now, lines = 0.0, list[str]()
    progress = Progress(100_000, 20_000, lines.append, 10, lambda: now)
    for now in range(1, 31):  # noqa: B007  # the clock reads it
        progress(100)
    assert lines == [
        "21,000 of 100,000 pictures (21 %), 100 a second, 13 min 10 s left",
        "22,000 of 100,000 pictures (22 %), 100 a second, 13 min 0 s left",
        "23,000 of 100,000 pictures (23 %), 100 a second, 12 min 50 s left",
    ]


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_batch_has_the_records_of_predict(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(12):
        (tmp_path / "in" / f"{number}.png").write_bytes(png(page(str(number))))
    (tmp_path / "in" / "3.png").write_bytes(b"broken")
    (tmp_path / "in" / "4.tif").write_bytes(tiff(*(page(text) for text in ("427", "305", "16"))))
    ended = run("batch", "in", "-o", "out", "--partition-size", "5", "-v")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.splitlines()[-1] == "13 pictures in 3 partitions, 1 failed"
    expected = run("predict", "in", "--format", "jsonl").records
    found = rows(tmp_path / "out")
    for record, row in zip(expected, found, strict=True):
        same = ("source", "frame", "width", "height", "text", "status", "warnings")
        assert [record[name] for name in same] == [row[name] for name in same]
        assert record.get("error") == row["error"]
        assert [digit["box"] for digit in record["digits"]] == [digit["box"] for digit in row["digits"]]
        for digit, other in zip(record["digits"], row["digits"], strict=True):
            top = {one["label"]: one["confidence"] for one in other["topk"]}
            assert dict(digit["topk"]) == pytest.approx(top, abs=1e-4)
    assert len(found) == 15


def test_a_run_that_begins_anew_reads_what_is_missing_and_nothing_twice(run: Run, tmp_path: Path) -> None:
    texts = make_pictures(tmp_path / "in", 50)
    args = ("batch", "in", "-r", "-o", "out", "--partition-size", "10")
    assert run(*args).code == 0
    out = tmp_path / "out"
    before = stamps(out)
    gone = sorted(before)[2]
    (out / gone).unlink()
    (out / ".part-000002-0.part.parquet").write_bytes(b"of a killed run")
    shutil.copy(tmp_path / "in" / "00000" / "000.png", tmp_path / "in" / "later.png")  # no part of this batch
    again = run(*args, "-v")
    assert again.code == 0
    assert "4 of 5 partitions of " in again.err
    after = stamps(out)
    assert {name: stamp for name, stamp in after.items() if before[name] != stamp} == {gone: after[gone]}
    assert sorted(path.name for path in out.iterdir()) == [INPUTS, *sorted(before)]
    assert check(tmp_path, texts) == Checked(records=50, missing=0, double=0, wrong=0, errors=0)
    other = run(*args, "--conf", "0.9")
    assert other.code == 2
    assert "was begun with other settings (--conf: None, and now 0.9)" in other.err


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["gone", "-o", "out"], 3, "gone: no such file or folder"),
        (["-", "-o", "out"], 2, "batch reads files and objects, not standard input"),
        (["good.png"], 2, "Missing option '-o'"),
        (["good.png", "-o", "full"], 1, "full: holds other files (a.txt). Name a folder that is empty"),
        (["good.png", "-o", "good.png"], 1, "good.png: cannot be written"),
        (["good.png", "-o", "ftp://host/out"], 2, "--output ftp://host/out: is an address that batch does not"),
        (["good.png", "-o", "out", "--address", "auto"], 2, "--address is of a cluster: add --engine"),
        (["good.png", "-o", "out", "-m", "gone.onnx"], 4, "gone.onnx"),
    ],
    ids=["source", "stdin", "no output", "full", "file", "address", "engine", "model"],
)
def test_a_mistake_is_told_before_anything_is_read(
    run: Run, tmp_path: Path, good: Path, args: list[str], code: int, said: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").touch()
    ended = run("batch", *args)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert not (tmp_path / "out" / INPUTS).exists()


def test_a_video_in_a_list_is_a_record_and_a_terminal_sees_progress(terminal: Terminal, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 300)
    (tmp_path / "list.txt").write_text("".join(f"in/00000/{number:03d}.png\n" for number in range(300)) + "clip.mp4\n")
    ended = terminal("batch", "@list.txt", "-o", "out", "-j", "1")
    assert ended.code == 5
    assert "301 pictures in 1 partitions, 1 failed" in ended.err
    assert (
        rows(tmp_path / "out")[-1]["error"] == "is a video, and batch reads pictures. Read it with: edge-digits predict"
    )


@pytest.mark.slow
def test_without_its_packages_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from edge_digits.cli import main; main()"
    command = [sys.executable, "-c", code, "batch", "in", "-o", "out"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("edge-digits: edge-digits batch needs pyarrow, which is not installed.")
    assert ended.stderr.rstrip().endswith("pip install '.[batch]'")


# --- what is killed ---------------------------------------------------------------------------------------------------


@pytest.fixture
def deadly(tmp_path: Path) -> tuple[Job, Plan, list[str]]:
    """A batch of 30 pictures, one of which ends every process that reads it."""
    names = list(make_pictures(tmp_path / "in", 30))
    shutil.copy(tmp_path / "in" / names[4], tmp_path / "in" / DEADLY)
    names.insert(14, DEADLY)
    plan = planned(tmp_path / "out", [str(tmp_path / "in" / name) for name in names])
    return Job(plan.place, fragile, str(tmp_path)), plan, names


def check_deadly(tmp_path: Path, names: list[str]) -> None:
    found = rows(tmp_path / "out")
    assert [os.path.relpath(row["source"], tmp_path / "in") for row in found] == names
    (lost,) = (row for row in found if row["status"] == "error")
    assert os.path.basename(lost["source"]) == DEADLY
    assert lost["error"].startswith("ended the process that read it, 2 times (killed by SIGKILL)")
    assert (tmp_path / "in" / "deaths").read_text() == "xx"


@pytest.mark.slow
def test_a_picture_that_ends_two_processes_is_a_record(tmp_path: Path, deadly: tuple[Job, Plan, list[str]]) -> None:
    job, plan, names = deadly
    done = list(on_local.run(job, plan, range(len(plan)), 2, lambda pictures: None))
    assert [(one.pictures, one.failed) for one in done] == [(10, 0), (10, 1), (10, 0), (1, 0)]
    check_deadly(tmp_path, names)


@pytest.mark.slow
def test_it_is_so_too_in_a_process_of_an_engine(tmp_path: Path, deadly: tuple[Job, Plan, list[str]]) -> None:
    job, plan, names = deadly
    read = PartitionReader(job)
    done = [read(number) for number in range(len(plan))]
    before = stamps(tmp_path / "out")
    assert [read(number) for number in range(len(plan))] == done, "asked again, it says what is there"
    assert stamps(tmp_path / "out") == before
    read.close()
    check_deadly(tmp_path, names)


def test_a_process_with_another_edge_digits_reads_nothing(tmp_path: Path, good: Path) -> None:
    plan = planned(tmp_path / "out", [str(good)], version="0.0.1")
    done = PartitionReader(Job(plan.place, fragile, str(tmp_path)))(0)
    with pytest.raises(EdgeDigitsError, match=r"has edge-digits .*, and the batch was begun with 0\.0\.1\."):
        done.check()
    assert not stamps(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "dask"])
def test_workers_and_driver_are_killed_at_random_and_each_picture_has_one_record(tmp_path: Path, engine: str) -> None:
    if engine == "dask":
        pytest.importorskip("distributed", reason="needs the extra dask: pip install -e '.[dask]'")
    # Dask takes seconds to begin anew.
    count, every = (2000, 0.5) if engine == "local" else (1000, 2.0)
    texts = make_pictures(tmp_path / "in", count)
    arguments = ["-r", "--partition-size", "40", "-j", "2", "--engine", engine]
    outcome = run_and_kill(tmp_path, arguments, every, random.Random(8))
    assert outcome.killed["driver"] + outcome.killed["reading process"] >= 2, outcome
    assert (outcome.rewritten, outcome.code in (0, 5)) == (0, True), (tmp_path / "log").read_text()
    checked = check(tmp_path, texts)
    assert checked.good, checked
    assert checked.errors <= 5


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_keeps_finished_partitions_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    texts = make_pictures(tmp_path / "in", 1500)
    command = [*COMMAND, "batch", "in", "-r", "-o", "out", "--partition-size", "50", "-j", "2"]
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not stamps(tmp_path / "out"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(number)
    _, err = child.communicate(timeout=60)
    there = stamps(tmp_path / "out")
    assert child.returncode == 130
    deadline = time.monotonic() + 5
    while group_lives(child.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    said = f"{len(there)} of 30 partitions are in {tmp_path}/out; the same command reads the others"
    assert err.split("\n") == [said, "", "interrupted", ""]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    assert {name: stamp for name, stamp in stamps(tmp_path / "out").items() if name in there} == there
    assert check(tmp_path, texts).good


# --- object stores ----------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An object store on loopback, of which the environment tells the program, and its file system."""
    server = pytest.importorskip("moto.server", reason="needs moto's server: pip install -e '.[dev]'")
    s3fs = pytest.importorskip("s3fs", reason="needs the extra batch: pip install -e '.[batch]'")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    told = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    # All servers of one process share what they hold.
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    store = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    store.mkdir("bucket")
    yield store
    running.stop()


def test_a_table_in_a_store_that_cannot_be_reached_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store has errors of its own, which are no OSError."""
    pytest.importorskip("s3fs", reason="needs the extra batch: pip install -e '.[batch]'")
    told = {"ENDPOINT_URL": "http://127.0.0.1:9", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "MAX_ATTEMPTS": "1"}
    for name, value in told.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    ended = run("batch", "s3://bucket/list.parquet", "-o", "out")
    assert (ended.code, ended.err.count("\n")) == (3, 1)
    assert "s3://bucket/list.parquet: cannot be read as Parquet (Could not connect" in ended.err


@pytest.mark.slow
def test_pictures_come_from_an_object_store_and_records_go_there(bucket: Any, run: Run, tmp_path: Path) -> None:
    for name in ("10.png", "2.png", "deep/3.png"):
        bucket.pipe_file(f"bucket/scans/{name}", png(page(Path(name).stem)))
    bucket.pipe_file("bucket/scans/deep/empty.png", b"")
    bucket.pipe_file("bucket/scans/notes.txt", b"no picture")
    args = (
        "batch",
        "s3://bucket/scans",
        "s3://bucket/scans/?.png",
        "-r",
        "-o",
        "s3://bucket/out/",
        "--partition-size",
        "2",
    )
    first = run(*args)
    assert (first.code, first.err) == (5, "")
    found = rows("bucket/out", filesystem=bucket)
    names = ["2.png", "10.png", "deep/3.png", "deep/empty.png", "2.png"]
    assert [row["source"] for row in found] == [f"s3://bucket/scans/{name}" for name in names]
    assert [row["text"] for row in found] == ["2", "10", "3", "", "2"]
    assert found[3]["error"].startswith("is empty")
    (gone,) = bucket.glob("bucket/out/part-000001-*")
    bucket.rm_file(gone)
    again = run(*args, "-v")
    assert "2 of 3 partitions" in again.err
    assert again.code == 5
    assert len(bucket.ls("bucket/out")) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["s3://bucket/none", "-o", "out"], 3, "s3://bucket/none: there is no such object or prefix"),
        (["s3://gone/scans", "-o", "out"], 3, "s3://gone/scans: there is no such object or prefix"),
        (["good.png", "-o", "s3://gone/out"], 1, "s3://gone/out: cannot be written"),
    ],
    ids=["prefix", "bucket", "output"],
)
def test_what_is_not_in_a_store_is_told(
    bucket: Any, run: Run, good: Path, args: list[str], code: int, said: str
) -> None:
    ended = run("batch", *args)
    assert (ended.code, said in ended.err) == (code, True), ended.err


@pytest.mark.slow
def test_names_of_objects_in_a_list_are_read_and_those_that_are_gone_are_records(
    bucket: Any, run: Run, tmp_path: Path, good: Path
) -> None:
    bucket.pipe_file("bucket/427.png", good.read_bytes())
    (tmp_path / "list.txt").write_text("s3://bucket/427.png\ns3://bucket/gone.png\ngood.png\n")
    assert run("batch", "@list.txt", "-o", "out").code == 5
    found = rows(tmp_path / "out")
    assert [row["text"] for row in found] == ["427", "", "427"]
    assert found[1]["error"] == "does not exist. Check the name"
