"""Files that are whole or not there, whatever another run, a link, a signal or a disk does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from conftest import COMMAND, Run
from drawing import page, png

from edge_digits.commands.stopping import stopped_as_by_ctrl_c
from edge_digits.errors import OutputError
from edge_digits.outputs.atomic import PartFile, append_whole, folder_held, write_whole
from edge_digits.outputs.files import Names, text_file
from edge_digits_train.run import RunFolder


def other_run_writes(path: Path) -> subprocess.Popen[bytes]:
    """Another process that is on its way to this file, and goes on when it is given a line."""
    code = "import sys; from pathlib import Path; from edge_digits.outputs.files import text_file\n"
    code += "with text_file(Path(sys.argv[1]), force=False) as stream:\n"
    code += "    stream.write('theirs'); stream.flush(); print('ready', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def test_two_runs_with_one_output_do_not_write_into_each_others_file(tmp_path: Path) -> None:
    """Both wrote to NAME.part: the one that ended first published the other's rows, and said that all was well."""
    child = other_run_writes(tmp_path / "out.csv")
    with pytest.raises(OutputError, match="another run is writing it"), text_file(tmp_path / "out.csv", force=True):
        pass
    child.communicate(b"\n", timeout=20)
    assert (child.returncode, (tmp_path / "out.csv").read_text()) == (0, "theirs")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_file_that_appears_meanwhile_is_not_written_over_and_what_was_read_is_kept(tmp_path: Path) -> None:
    told = pytest.raises(OutputError, match=r"another run has written .*/out\.csv\.part: give it another name")
    with told, text_file(tmp_path / "out.csv", force=False) as stream:
        stream.write("mine")
        (tmp_path / "out.csv").write_text("theirs")
    assert (tmp_path / "out.csv").read_text() == "theirs"
    assert (tmp_path / "out.csv.part").read_text() == "mine"


def test_a_part_that_a_killed_run_left_is_kept_and_does_not_stop_the_next(tmp_path: Path) -> None:
    child = other_run_writes(tmp_path / "out.csv")
    child.kill()
    child.communicate()
    with text_file(tmp_path / "out.csv", force=False) as stream:
        stream.write("mine")
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert (tmp_path / "out.csv.part").read_text() == "theirs"


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder"])
def test_what_lies_where_the_part_would_be_is_neither_followed_nor_waited_for(tmp_path: Path, kind: str) -> None:
    """In a folder that others may write to, a link by this name would have them choose the file that is written."""
    planted, target = tmp_path / "out.csv.part", tmp_path / "target"
    if kind == "link":
        target.write_text("precious")
    if kind.endswith("link"):
        planted.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(planted)
    else:
        planted.mkdir()
    with text_file(tmp_path / "out.csv", force=False) as stream:
        stream.write("mine")
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert not (tmp_path / "out.csv").is_symlink()
    assert target.exists() == (kind == "link")
    assert kind != "link" or target.read_text() == "precious"


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut leaves an empty file under the name of a whole one."""
    events: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        events.append("fsync")
        fsync(descriptor)

    def noted_link(source: Path, target: Path) -> None:
        events.append(f"link {target.name}")
        link(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    with text_file(tmp_path / "out.csv", force=False) as stream:
        stream.write("mine")
    assert events[:3] == ["link out.csv.part", "fsync", "link out.csv"]
    assert "fsync" in events[3:], "and the folder's entry too"


def test_a_file_system_without_hard_links_is_written_to_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As FAT on a memory card is."""

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with text_file(tmp_path / "out.csv", force=False) as stream:
        stream.write("mine")
    assert (tmp_path / "out.csv").read_text() == "mine"
    with pytest.raises(OutputError, match="another run has written"), text_file(tmp_path / "b", force=False) as stream:
        (tmp_path / "b").write_text("theirs")
    assert (tmp_path / "b").read_text() == "theirs"


def test_names_as_long_as_the_file_system_allows_have_a_part_too(tmp_path: Path) -> None:
    name = "n" * 251 + ".csv"
    with text_file(tmp_path / name, force=False) as stream:
        stream.write("mine")
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_is_one_runs_at_a_time(tmp_path: Path) -> None:
    told = pytest.raises(OutputError, match="another run is writing into this folder")
    with folder_held(tmp_path), told, folder_held(tmp_path):
        pass
    with folder_held(tmp_path):
        pass


def test_an_append_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Else labels.csv ends in half a row, which the next one is glued to."""
    path = tmp_path / "labels.csv"
    path.write_bytes(b"whole\n")
    code = "import os, resource, signal, sys\nfrom edge_digits.outputs.atomic import append_whole\n"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
    code += "append_whole(os.open(sys.argv[1], os.O_RDWR | os.O_APPEND), b'much too long\\n')"
    ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "File too large" in ended.stderr
    assert path.read_bytes() == b"whole\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    append_whole(descriptor, b"second\n")
    os.close(descriptor)
    assert path.read_bytes() == b"whole\nsecond\n"


def test_a_training_clears_away_what_a_killed_one_left_half_done(tmp_path: Path) -> None:
    """`.config.part.json` was taken for a run that must not be written over."""
    (tmp_path / ".config.part.json").write_text("{")
    (tmp_path / ".model.2.part.keras").write_bytes(b"half")
    folder = RunFolder(tmp_path)
    with folder.held():
        folder.create(force=False)
    assert not list(tmp_path.iterdir())


def test_a_training_does_not_clear_away_what_another_one_writes(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "model.keras", keep_suffix=True, hidden=True).claim()
    with pytest.raises(OutputError, match="holds files already"):
        RunFolder(tmp_path).create(force=False)
    assert part.path.exists()
    part.discard()


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    with RunFolder(tmp_path).held(), pytest.raises(OutputError, match="another run"), RunFolder(tmp_path).held():
        pass


def test_of_a_whole_file_that_came_too_late_nothing_is_left_and_nothing_is_said_to_be(tmp_path: Path) -> None:
    place = tmp_path / "out.parquet"

    def write(part: Path) -> None:
        part.write_text("late")
        place.write_text("first")

    with pytest.raises(OutputError, match="Name another file, or write over it with --force"):
        write_whole(place, write, force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert place.read_text() == "first"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_what_stops_a_training_waits_until_a_file_is_whole(tmp_path: Path, number: signal.Signals) -> None:
    """Keras saves a model under a bare `except`, which swallowed it: the training went on."""

    def write(part: Path) -> None:
        try:
            signal.raise_signal(number)
            part.write_text("whole")
        except BaseException:
            part.write_text("swallowed")

    with pytest.raises(KeyboardInterrupt), stopped_as_by_ctrl_c():
        RunFolder(tmp_path).place(tmp_path / "model.keras", write)
    assert (tmp_path / "model.keras").read_text() == "whole"
    with pytest.raises(KeyboardInterrupt):  # as before
        signal.raise_signal(signal.SIGINT)


def test_a_writer_that_replaces_its_file_is_fine_and_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def replace(part: Path) -> None:
        (tmp_path / "other").write_text("new")
        (tmp_path / "other").replace(part)

    write_whole(tmp_path / "model.keras", replace)
    assert (tmp_path / "model.keras").read_text() == "new"
    with pytest.raises(OutputError, match=r"model\.keras: cannot be written \(No space"):
        write_whole(tmp_path / "model.keras", lambda part: Path("/dev/full").write_bytes(b"much"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


# A file that was just opened is closed by Python itself, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_between_any_two_steps_leaves_no_part_file(tmp_path: Path) -> None:
    """The name was claimed, and the run interrupted before anybody knew of it."""
    place = tmp_path / "crop.png"
    steps = 0

    def interrupt_at(step: int) -> None:
        nonlocal steps
        steps = 0

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal steps
            if not frame.f_code.co_filename.endswith("atomic.py"):
                return None
            frame.f_trace_opcodes = True
            if event == "opcode":
                steps += 1
                if steps == step:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            write_whole(place, lambda part: part.write_bytes(b"whole"))
        finally:
            sys.settrace(None)

    behind: list[str] = []
    # In a thread of its own: such interruptions upset what Python holds for the exception at hand.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(interrupt_at, 0).exception() is None
        assert steps > 300
        for step in range(1, steps + 1):
            assert isinstance(thread.submit(interrupt_at, step).exception(), KeyboardInterrupt | None)
            behind += [f"{step}: {path.name}" for path in tmp_path.iterdir() if path != place]
            for path in tmp_path.iterdir():
                path.unlink()
    assert behind == []


def test_names_of_results_never_begin_a_formula_nor_repeat_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.b.png").write_bytes(b"")
    (tmp_path / "c.000.png").write_bytes(b"")
    names = Names([tmp_path])
    assert [names.of(source) for source in ("=1+1.png", "a.b.jpg", "c.png", "c.png", "d.png")] == [
        "_1+1",
        "a.b-2",
        "c-2",
        "c-3",
        "d",
    ]


@pytest.mark.slow
def test_of_runs_with_one_output_each_that_succeeds_has_its_own_rows_there(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(png(page("427")))
        (tmp_path / f"{name}.txt").write_text(f"{name}.png\n" * 30)
    for trial in range(2):
        output = f"out{trial}.csv"
        children = {
            name: subprocess.Popen(
                [*COMMAND, "predict", f"@{name}.txt", "--format", "csv", "-o", output],
                cwd=tmp_path,
                stderr=subprocess.PIPE,
            )
            for name in ("a", "b")
        }
        said = {name: child.communicate(timeout=60)[1] for name, child in children.items()}
        (name,) = (name for name, child in children.items() if child.returncode == 0)
        rows = (tmp_path / output).read_text().splitlines()[1:]
        assert [row.split(",")[0] for row in rows] == [f"{name}.png"] * 30
        (other,) = set(children) - {name}
        assert children[other].returncode == 1
        assert b"another run" in said[other] or b"is there already" in said[other]


def test_a_killed_run_leaves_no_half_file(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png(page("427")))
    (tmp_path / "list.txt").write_text("good.png\n" * 20_000)
    child = subprocess.Popen(
        [*COMMAND, "predict", "@list.txt", "--format", "csv", "-o", "out.csv", "--save-crops", "crops"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    labels = tmp_path / "crops" / "labels.csv"
    while not (labels.exists() and labels.read_bytes().count(b"\n") > 6):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not (tmp_path / "out.csv").exists()
    rows = labels.read_text().splitlines()[1:]
    assert len(rows) >= 6, "labels.csv was written only at the end: a kill left crops that nobody could tell apart"
    assert all((tmp_path / "crops" / row.split(",")[0]).exists() for row in rows)
    for crop in (tmp_path / "crops").glob("[!.]*.png"):
        assert b"IEND" in crop.read_bytes()


@pytest.mark.parametrize("option", ["--save-annotated", "--save-crops", "--explain"])
def test_the_folder_of_the_pictures_is_not_written_into(run: Run, good: Path, option: str) -> None:
    """With --force, the annotated copy of good.png took the place of good.png."""
    before = good.read_bytes()
    ended = run("predict", "good.png", option, ".", "--force")
    assert (ended.code, good.read_bytes() == before) == (2, True)
    assert "holds pictures that are to be read" in ended.err
