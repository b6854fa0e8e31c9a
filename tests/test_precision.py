"""Which file a name means: sizes, older names, and the precision that this machine is faster with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from conftest import Run, invoke

from edge_digits import DigitReader, Model, ModelError
from edge_digits.choices import PRECISION_CHOICES, PRECISIONS, Precision
from edge_digits.inference import shipped, speeds
from edge_digits.inference.catalogue import catalogue
from edge_digits.inference.session import Finder, find_model, known_speeds
from edge_digits.inference.speeds import Speeds


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache directory, empty."""
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def clock(*seconds: float) -> Callable[[], float]:
    """A clock by which the calls that take turns last so long, one after the other, again and again."""

    def readings() -> Iterator[float]:
        now = 0.0
        yield now  # the beginning of all
        for turn in count():
            if turn >= 5:
                yield now  # whether there is time for another turn
            for taken in seconds:
                yield now
                now += taken
                yield now

    return readings().__next__


def stopped() -> float:
    raise AssertionError("nothing was to be timed")


@pytest.mark.parametrize(
    ("int8", "fp32", "chosen"), [(0.1, 0.3, "int8"), (0.3, 0.1, "fp32"), (0.104, 0.1, "int8"), (0.106, 0.1, "fp32")]
)
def test_the_clearly_faster_file_is_taken_and_remembered(cache: Path, int8: float, fp32: float, chosen: str) -> None:
    assert Model.choose("base", clock=clock(int8, fp32)) == f"base.{chosen}"
    assert Model.choose("digits", clock=stopped) == f"base.{chosen}"
    assert Model.load("base", precision="auto").name == f"base.{chosen}"
    assert DigitReader.load(precision="auto").model.name == f"base.{chosen}"
    (kept,) = (cache / "edge-digits").iterdir()
    record = json.loads(kept.read_text())
    assert record["machine"]["threads"] == 1
    known = {entry.name: entry for entry in catalogue()}
    assert (known["base.int8"].taken, known["base.fp32"].taken) == (chosen == "int8", chosen == "fp32")
    assert known["base.int8"].seconds == pytest.approx(int8 / 4), "four windows were timed at once"


def test_timing_takes_a_fraction_of_a_second_and_ends() -> None:
    taken = speeds.by_turns([lambda: None, lambda: None], 0.01)
    assert len(taken) == 2
    assert all(0 < each < 0.01 for each in taken)


def test_the_median_counts_and_the_first_call_of_all_does_not() -> None:
    calls: list[int] = []
    taken = speeds.by_turns([lambda: calls.append(0), lambda: calls.append(1)], 0.5, clock(0.25, 0.5))
    assert taken == [0.25, 0.5]
    assert calls == [0, 1] * 6, "five turns of 0.75 seconds, and one before them"


@pytest.mark.parametrize("name", ["base.int8", "base.fp32", "digits.fp32", "digits.int8", "finder"])
def test_where_there_is_no_choice_nothing_is_timed(name: str, cache: Path) -> None:
    kind = Finder if name == "finder" else Model
    chosen = kind.choose(name, "auto", clock=stopped)
    assert find_model(chosen) == find_model(name)
    assert not cache.exists()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_precision_that_is_asked_for_is_taken_and_none_means_int8(precision: Precision, cache: Path) -> None:
    for name in ("base", "digits"):
        assert Model.choose(name, precision, clock=stopped) == f"base.{precision}"
    assert Model.load(precision=precision).name == f"base.{precision}"
    assert Model.load("base.fp32", precision="int8").name == "base.fp32", "the name says more"
    assert (Model.load().name, DigitReader.load().model.name) == ("base.int8", "base.int8")
    assert not cache.exists()


def test_a_file_is_one_wherever_it_lies_and_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy.onnx"
    shutil.copy(find_model("base.fp32"), copy)
    assert Model.choose(copy, clock=stopped) == str(copy)
    assert Model.load(copy, precision="auto").name == "base.fp32"
    monkeypatch.chdir(tmp_path)
    Path("base").mkdir()
    assert Model.load("base").name == "base.int8", "a folder that is called so is no model"


def test_a_size_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(shipped.folder(), tmp_path / "models"))
    for file in folder.glob("*.onnx"):
        if file.name.startswith(("nano", "small")):
            file.unlink()
    for file in folder.glob("base*.onnx"):
        file.rename(folder / file.name.replace("base", "small"))
    monkeypatch.setattr(shipped, "folder", lambda: folder)
    for precision in PRECISION_CHOICES:
        for name in ("base", "digits", "nano"):
            with pytest.raises(ModelError, match=rf"no model '{name}'.*: .*small, small\.fp32, small\.int8"):
                Model.load(name, precision=precision)
    (folder / "small.fp32.onnx").unlink()
    assert Model.choose("small", clock=stopped) == "small.int8"
    with pytest.raises(ModelError, match=r"no model 'small\.fp32'"):
        Model.load("small", precision="fp32")


# --- what is remembered ---


def test_each_machine_and_number_of_threads_is_known_for_itself(tmp_path: Path) -> None:
    here = known_speeds()
    here.remember({"a": 1e-3})
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nmodel name\t: Another One\n\n")
    others = [Speeds("1.0", 1), known_speeds(threads=2), Speeds(str(here.machine["onnxruntime"]), 1, tmp_path)]
    assert len({here.file, *(other.file for other in others)}) == 4
    assert others[2].machine["processor"] == "Another One"
    assert [other.read() for other in others] == [{}, {}, {}]
    assert known_speeds().read() == {"a": 1e-3}
    here.remember({"b": 2e-3})
    assert here.read() == {"a": 1e-3, "b": 2e-3}


BROKEN = [
    b"", b"{", b"[]", b"null", b"\xff", b'{"schema": "edge-digits/speeds/1"}', b"[" * 100_000,
    b'{"schema": "edge-digits/speeds/1", "machine": MACHINE, "microseconds": 3}',
    b'{"schema": "edge-digits/speeds/1", "machine": MACHINE, "microseconds": {"INT8": NaN, "FP32": -1}}',
    b'{"schema": "edge-digits/speeds/1", "machine": MACHINE, "microseconds": {"INT8": "1", "FP32": true}}',
    b'{"schema": "edge-digits/speeds/1", "machine": {}, "microseconds": {"INT8": 1, "FP32": 9}}',
    b'{"schema": "edge-digits/speeds/2", "machine": MACHINE, "microseconds": {"INT8": 1, "FP32": 9}}',
]  # fmt: skip


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_is_as_none_and_is_written_anew(content: bytes) -> None:
    kept = known_speeds()
    assert kept.file is not None
    kept.file.parent.mkdir(parents=True)
    sums = {entry.precision.upper(): entry.sha256 for entry in catalogue() if entry.model == "base"}
    content = content.replace(b"MACHINE", json.dumps(kept.machine).encode())
    for precision, sha256 in sums.items():
        content = content.replace(f'"{precision}"'.encode(), f'"{sha256}"'.encode())
    kept.file.write_bytes(content)
    assert Model.choose("base", clock=clock(0.3, 0.1)) == "base.fp32"
    assert Model.choose("base", clock=stopped) == "base.fp32"
    assert sorted(kept.read()) == sorted(sums.values())
    assert [path.name for path in kept.file.parent.iterdir()] == [kept.file.name], "no part is left"


def test_without_a_place_for_it_it_is_timed_each_time(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("no folder")  # root may write into a folder that is read-only
    for _ in range(2):
        assert Model.choose("base", clock=clock(0.3, 0.1)) == "base.fp32"
        assert Model.choose("base", clock=clock(0.1, 0.3)) == "base.int8"
    assert cache.read_text() == "no folder"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert known_speeds().file is None
    assert Model.choose("base", clock=clock(0.3, 0.1)) == "base.fp32"
    assert not Path("~").exists()


@pytest.mark.parametrize(
    ("platform", "given", "place"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x"),
        ("linux", {"XDG_CACHE_HOME": "x"}, "/home/ann/.cache"),
        ("linux", {"CACHE_DIRECTORY": "/var/cache/hall:/other", "XDG_CACHE_HOME": "/x"}, "/var/cache/hall"),
        ("darwin", {}, "/home/ann/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
def test_it_is_kept_where_each_system_keeps_such_things(
    platform: str, given: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr("sys.platform", platform)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert speeds.folder() == Path(place, "edge-digits")


# --- the command line ---


def test_predict_times_once_and_says_which_file_reads(run: Run, good: Path, cache: Path) -> None:
    first = run("predict", good.name, "--precision", "auto", "-v")
    assert (first.code, first.out.split()[5]) == (0, "427")
    (kept,) = (cache / "edge-digits").iterdir()
    before = kept.stat().st_mtime_ns
    again = run("predict", good.name, "--precision", "auto", "-v", "-j", "2")
    assert kept.stat().st_mtime_ns == before
    (name,) = {ended.err.partition("(")[2].partition(",")[0] for ended in (first, again)}
    assert name in ("base.int8", "base.fp32")


@pytest.mark.parametrize("command", ["predict", "watch", "camera", "serve"])
def test_commands_choose_for_themselves_unless_told_and_those_that_must_repeat_do_not(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"EDGE_DIGITS_{command.upper()}_PRECISION"

    def precision(name: str) -> dict[str, str]:
        entry: dict[str, str] = json.loads(invoke("config", "show", "--json", name).out)["commands"][name]["precision"]
        return entry

    assert precision(command) == {"value": "int8", "from": variable}, "by the tests' own settings"
    monkeypatch.delenv(variable)
    assert precision(command) == {"value": "auto", "from": "default"}
    assert precision("batch")["value"] == precision("evaluate")["value"] == "int8"


def test_a_precision_for_what_is_one_file_is_refused_where_both_were_typed(run: Run, good: Path) -> None:
    for model in ("base.int8", "mine.onnx"):
        ended = run("predict", good.name, "-m", model, "--precision", "fp32")
        assert (ended.code, ended.out) == (2, "")
        assert f"{model} is one already" in ended.err
    settled = run("predict", good.name, "-m", "base.int8", "-v", env={"EDGE_DIGITS_PREDICT_PRECISION": "fp32"})
    assert "(base.int8, int8;" in settled.err


@pytest.mark.slow
def test_models_lists_what_ships_what_is_taken_and_how_fast_it_is_here() -> None:
    ended = invoke("models")
    assert ended.code == 0
    assert "--time" in ended.err
    rows = {line.split()[0]: line for line in ended.out.splitlines() if ".int8" in line or ".fp32" in line}
    assert sorted(rows) == shipped.names()
    size = find_model("base.int8").stat().st_size
    assert f"{size:,}" in rows["base.int8"]
    assert "not timed" in rows["base.int8"]
    assert rows["base.fp32"].endswith("--model base (timed on first use)")
    record = json.loads(invoke("models", "--time", "--json").out)
    models = {model["name"]: model for model in record["models"]}
    assert sorted(models) == shipped.names()
    assert all(model["microseconds"] > 0 for model in models.values())
    assert sum(model["taken"] for model in models.values()) == len({model["model"] for model in models.values()})
    assert Path(record["cache"]).is_file()
    (taken,) = (model for model in models.values() if model["model"] == "base" and model["taken"])
    assert Model.choose("base", clock=stopped) == taken["name"]
    assert invoke("models").err == ""


def test_both_precisions_of_a_model_have_the_same_parameters() -> None:
    entries = catalogue()
    by_model = {entry.model: {other.parameters for other in entries if other.model == entry.model} for entry in entries}
    assert all(len(parameters) == 1 and min(parameters) > 1000 for parameters in by_model.values())
