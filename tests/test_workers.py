"""`predict -j N`: the records of one process, in their order, whatever becomes of the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import COMMAND, Run
from drawing import coded, page, png
from picture_files import tiff

from edge_digits import DigitReader
from edge_digits.batch.reading import Input
from edge_digits.batch.workers import Workers
from edge_digits.errors import EdgeDigitsError
from edge_digits.examination import Examination
from edge_digits.outputs.folders import Drawing
from edge_digits.results import Reading
from edge_digits.sources.decode import Page
from edge_digits.sources.picture_file import PictureFile

pytestmark = pytest.mark.slow


class Fragile(DigitReader):
    """A reader whose process dies of one picture, as of a decoder that crashes."""

    def examine_page(self, page: Page, source: str, frame: int = 0) -> Examination:
        name = os.path.basename(source)
        if name.startswith("dies") and (frame == 1 or not name.endswith(".tif")):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("once") and frame == 1 and not Path(f"{source}.died").exists():
            Path(f"{source}.died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().examine_page(page, source, frame)


def fragile() -> DigitReader:
    return Fragile.load()


def stillborn() -> DigitReader:
    os._exit(3)


def without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in record.items() if name != "speed_ms"} for record in records]


def group_lives(group: int) -> bool:
    """Whether there is a process left in it."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_processes_write_what_one_writes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(40):
        (tmp_path / "in" / f"{number}.png").write_bytes(png(page(str(number))))
    (tmp_path / "in" / "7.png").write_bytes(b"broken")
    (tmp_path / "in" / "8.png").write_bytes(b"")
    (tmp_path / "in" / "9.tif").write_bytes(tiff(*(page(text) for text in ("427", "305", "16")))[:-20])
    (tmp_path / "in" / "10.tif").write_bytes(tiff(*(page(text) for text in ("427", "305", "16"))))
    args = ("predict", "in", "gone.png", "in/3.png", "--format", "jsonl", "--save-crops")
    one = run(*args, "crops1")
    for jobs in ("2", "auto"):
        several = run(*args, f"crops{jobs}", "-j", jobs)
        assert (several.code, several.err) == (one.code, "") == (5, "")
        assert without_times(several.records) == without_times(one.records)
        assert contents(tmp_path / f"crops{jobs}") == contents(tmp_path / "crops1")


def test_a_process_that_dies_costs_the_picture_that_it_had_in_hand(tmp_path: Path) -> None:
    """The standard library's pools lose all that was to be read."""
    inputs: list[Input] = []
    for number in range(60):
        name = tmp_path / (f"dies{number}.png" if number in (0, 20, 21, 59) else f"{number}.png")
        name.write_bytes(png(page("4")))
        inputs.append(PictureFile(str(name)))
    with Workers(2, fragile, Drawing()) as workers:
        results = list(workers.read(inputs, fragile(), Drawing(), 1))
    assert [result.number for result in results] == list(range(60))
    lost = [result for result in results if result.reading.status == "error"]
    assert [result.number for result in lost] == [0, 20, 21, 59]
    assert "killed by SIGKILL" in str(lost[0].reading.error)
    assert {result.reading.text for result in results if result not in lost} == {"4"}


def test_a_document_that_ends_its_process_keeps_the_pages_before(tmp_path: Path) -> None:
    """And every page keeps its place; a document that is begun anew would have its first pages twice."""
    inputs: list[Input] = []
    for name in ("first.tif", "dies.tif", "last.tif"):
        (tmp_path / name).write_bytes(tiff(page("427"), page("305"), page("16")))
        inputs.append(PictureFile(str(tmp_path / name)))
    with Workers(1, fragile, Drawing()) as workers:
        results = list(workers.read(inputs, fragile(), Drawing(), 1))
    whole = [(0, "427"), (1, "305"), (2, "16")]
    read = [(result.number, result.reading.frame, result.reading.text) for result in results]
    assert read == [
        *((0, *each) for each in whole),
        (1, 0, "427"),
        (1, 1, ""),
        *((2, *each) for each in whole),
    ]
    assert "killed by SIGKILL" in str(results[4].reading.error)


@pytest.mark.parametrize(
    ("name", "pages"),
    [("dies.tif", [(0, "427"), (1, "")]), ("once.tif", [(0, "427"), (1, "305"), (2, "16")])],
)
def test_what_ended_a_process_is_tried_again_and_no_page_comes_twice(
    tmp_path: Path, name: str, pages: list[tuple[int, str]]
) -> None:
    inputs: list[Input] = []
    for file in ("first.tif", name, "last.tif"):
        (tmp_path / file).write_bytes(tiff(page("427"), page("305"), page("16")))
        inputs.append(PictureFile(str(tmp_path / file)))
    with Workers(1, fragile, Drawing(), tries=2) as workers:
        results = list(workers.read(inputs, fragile(), Drawing(), 1))
        again = list(workers.read(inputs[:1], fragile(), Drawing(), 1))
    assert [(result.reading.frame, result.reading.text) for result in results if result.number == 1] == pages
    assert [result.number for result in results] == [0] * 3 + [1] * len(pages) + [2] * 3
    if name == "dies.tif":
        (lost,) = (result.reading.error for result in results if result.reading.error)
        assert lost.startswith("ended the process that read it, 2 times (killed by SIGKILL)")
    assert [result.reading.text for result in again] == ["427", "305", "16"]


def test_processes_that_cannot_even_begin_end_the_run(good: Path) -> None:
    with Workers(2, stillborn, Drawing()) as workers, pytest.raises(EdgeDigitsError, match=r"exit code 3.*-j 1"):
        list(workers.read([PictureFile(str(good))] * 5, fragile(), Drawing(), 1))


def test_records_of_sources_and_what_comes_by_and_by_keep_their_place(good: Path) -> None:
    def arriving() -> Any:
        for number in range(200):
            yield Reading.failed(f"{number}", "is not there") if number % 3 else PictureFile(str(good))

    with Workers(2, fragile, Drawing()) as workers:
        results = list(workers.read(arriving(), fragile(), Drawing(), 1))
    assert [result.number for result in results] == list(range(200))
    assert [result.reading.status for result in results] == [("ok", "error", "error")[i % 3] for i in range(200)]


def test_a_stream_of_large_pictures_does_not_lock_up(run: Run) -> None:
    """Pictures go one way while drawings come the other: both pipes are full, and neither side may wait."""
    large = coded(page(["427"] * 12, height=150), ".jpg")
    ended = run("predict", "-", "-j", "2", "--format", "jsonl", "--save-annotated", "out", stdin=large * 12)
    assert (ended.code, [record["frame"] for record in ended.records]) == (0, list(range(12)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_signal_keeps_what_was_read_and_leaves_no_process(
    tmp_path: Path, good: Path, number: signal.Signals, jobs: str
) -> None:
    """SIGTERM and a closed terminal ended it in the middle of a line, and said nothing of the part file."""
    (tmp_path / "list.txt").write_text("good.png\n" * 20_000)
    child = subprocess.Popen(
        [*COMMAND, "predict", "@list.txt", "--format", "jsonl", "-o", "out.jsonl", "-j", jobs],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads here
    )
    part = tmp_path / "out.jsonl.part"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.read_bytes().count(b"\n") > 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(child.pid, number)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert err.decode().split("\n") == ["the records so far are in out.jsonl.part", "", "interrupted", ""]
    records = [json.loads(line) for line in part.read_text().splitlines()]
    assert {record["text"] for record in records} == {"427"}
    deadline = time.monotonic() + 5
    while group_lives(child.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sigterm_ends_a_run_whose_ctrl_c_is_ignored(tmp_path: Path, good: Path) -> None:
    """As that of a background job of a script is."""
    (tmp_path / "list.txt").write_text("good.png\n" * 20_000)
    child = subprocess.Popen(
        ["sh", "-c", f"trap '' INT; exec {' '.join(COMMAND[:1])} predict @list.txt -o out.csv --format csv"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "out.csv.part").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.terminate()
    _, err = child.communicate(timeout=20)
    assert (child.returncode, b"out.csv.part" in err) == (130, True)
