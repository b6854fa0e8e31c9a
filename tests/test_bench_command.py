"""`edge-digits bench` as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import cv2
import pytest
from conftest import COMMAND, Run, Terminal
from drawing import page, png

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "docs" / "bench-report.schema.json").read_text(encoding="utf-8"))
QUICK = ("--runs", "120", "--min-seconds", "0", "--warmup", "5")


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for text in ("42", "7"):
        (folder / f"{text}.png").write_bytes(png(page(text)))
    (folder / "labels.csv").write_text("file,label\n42.png,42\n7.png,1\n")
    return folder


def check(report: Any) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(report, SCHEMA)
    undescribed = [name for run in report["runs"] for name in run if name not in SCHEMA["$defs"]["run"]["properties"]]
    assert undescribed == []


def written(run: Run, tmp_path: Path, name: str, *args: str | Path) -> dict[str, Any]:
    ended = run("bench", *QUICK, "--output", name, *args)
    assert ended.code == 0, ended.err
    report: dict[str, Any] = json.loads((tmp_path / name).read_text())
    return report


def slowed(report: dict[str, Any], factor: float) -> str:
    copy = json.loads(json.dumps(report))
    for one in copy["runs"]:
        one["blocks"]["p50"] = [factor * value for value in one["blocks"]["p50"]]
    return json.dumps(copy)


def test_a_report_keeps_its_schema_and_says_what_was_timed(run: Run, tmp_path: Path) -> None:
    report = written(run, tmp_path, "a.json", "--precision", "int8", "--precision", "fp32", "--plot", "a.png")
    check(report)
    assert [one["model"]["precision"] for one in report["runs"]] == ["int8", "fp32"]
    assert [one["model"]["bytes"] for one in report["runs"]] == [
        (ROOT / "models" / f"base.{precision}.onnx").stat().st_size for precision in ("int8", "fp32")
    ]
    assert all(one["calls"] == 120 == sum(one["histogram"]["count"]) for one in report["runs"])
    assert {"Python", "numpy", "OpenCV", "onnxruntime"} <= report["versions"].keys()
    drawn = cv2.imread(str(tmp_path / "a.png"))
    assert drawn is not None
    assert drawn.shape[1] == 1280


def test_a_pipeline_times_each_step_and_counts_what_is_read_right(run: Run, tmp_path: Path, labelled: Path) -> None:
    report = written(run, tmp_path, "p.json", "--mode", "pipeline", "--pictures", labelled)
    check(report)
    (one,) = report["runs"]
    assert list(one["steps_ms"]) == ["decode", "find", "normalize", "infer"]
    assert sum(step["mean"] for step in one["steps_ms"].values()) <= one["latency_ms"]["mean"]
    assert one["accuracy"] == {"pictures": 2, "read": 1, "percent": 50.0}


def test_paced_runs_keep_the_rate(run: Run, tmp_path: Path) -> None:
    report = written(run, tmp_path, "c.json", "--mode", "paced", "--rate", "100", "--runs", "30")
    check(report)
    assert report["runs"][0]["throughput"] <= 101
    assert report["runs"][0]["plan"]["rate"] == 100


def test_every_format_shows_the_same_figures(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("bench", *QUICK, "--format", "csv", "--threads", "1,2").out)))
    assert [row["threads"] for row in rows] == ["1", "2"]
    assert all(float(row["min_ms"]) <= float(row["p50_ms"]) <= float(row["max_ms"]) for row in rows)
    assert "| p50 | " in run("bench", *QUICK, "--format", "markdown").out
    assert "\np50  " in run("bench", *QUICK).out


def test_a_terminal_sees_a_bar_and_a_pipe_does_not(terminal: Terminal, run: Run) -> None:
    assert "run 1 of 1" in terminal("bench", *QUICK).err
    assert "run 1" not in run("bench", *QUICK).err


@pytest.mark.slow
def test_ctrl_c_prints_what_was_measured(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "bench", "--min-seconds", "600", "--warmup", "1", "-o", "a.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as child:
        try:
            # Its processor time tells when it is past loading, however busy the machine is.
            while _processor_seconds(child.pid) < 3.0:
                time.sleep(0.1)
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 130
    assert "p50" in out
    assert "interrupted" in err
    report = json.loads((tmp_path / "a.json").read_text())
    check(report)
    assert report["runs"][0]["interrupted"]


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_compare_says_what_is_slower_faster_or_neither(run: Run, tmp_path: Path) -> None:
    report = written(run, tmp_path, "a.json", "--runs", "600")
    report["runs"][0]["blocks"]["p50"] = [
        0.1 + 0.00001 * (n % 7) for n in range(len(report["runs"][0]["blocks"]["p50"]))
    ]
    for name, factor in (("same", 1.0), ("slow", 1.2), ("fast", 0.8)):
        (tmp_path / f"{name}.json").write_text(slowed(report, factor))
    ended = run("bench", "compare", "same.json", "same.json", "slow.json", "fast.json")
    assert ended.code == 0
    verdicts = [line.split("  ")[-1].strip() for line in ended.out.splitlines()[1:]]
    assert verdicts == ["no difference", "slower", "faster"]
    assert run("bench", "compare", "same.json", "slow.json", "--fail-if-slower", "5%").code == 6
    assert run("bench", "compare", "same.json", "slow.json", "--fail-if-slower", "30%").code == 0
    assert run("bench", "compare", "same.json", "fast.json", "--fail-if-slower", "0.05").code == 0
    assert "no difference" in run("bench", "compare", "same.json", "slow.json", "--margin", "25%").out


def test_boards_stand_side_by_side(run: Run, tmp_path: Path) -> None:
    report = written(run, tmp_path, "a.json")
    (tmp_path / "boards").mkdir()
    for name in ("Raspberry Pi 4 Model B", "Raspberry Pi 5 Model B"):
        report["board"]["model"] = name
        (tmp_path / "boards" / f"{name}.json").write_text(json.dumps(report))
    ended = run("bench", "boards", "boards", "--plot", "boards.png")
    assert ended.code == 0, ended.err
    assert "Raspberry Pi 4 Model B" in ended.out
    assert "Raspberry Pi 5 Model B" in ended.out
    assert cv2.imread(str(tmp_path / "boards.png")) is not None


def test_contributed_reports_keep_the_schema() -> None:
    reports = sorted((ROOT / "benchmarks" / "boards").glob("*.json"))
    assert reports
    for path in reports:
        check(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--mode", "pipeline"], 2, "--pictures"),
        (["--rate", "5"], 2, "--mode paced"),
        (["--threads", "0"], 2, "numbers from 1 to 64"),
        (["--model", "nothing"], 4, "no model 'nothing'"),
        (["--model", "base.fp32", "--precision", "int8"], 2, "is one already"),
        (["--pictures", "nowhere"], 3, "nowhere: no such file"),
        (["--pictures", "text.png"], 5, "text.png: "),
        (["--plot", "a.txt"], 2, ".png"),
        (["--output", "text.png"], 1, "--force"),
        (["--single-stream", "--mode", "paced"], 2, "leave --mode paced out"),
        (["text.png"], 2, "--pictures text.png"),
        (["compare", "text.png", "text.png"], 2, "text.png: is no JSON"),
        (["compare", "no.json", "no.json"], 2, "no.json: cannot be read"),
        (["compare", "other.json", "other.json"], 2, "other.json: is no bench report"),
        (["compare", "broken.json", "broken.json"], 2, "broken.json: is a broken bench report"),
        (["compare", "other.json", "other.json", "--fail-if-slower", "much"], 2, "5%"),
        (["boards", "nowhere"], 3, "nowhere: no such folder"),
        (["boards", "."], 2, "broken.json: "),
    ],
    ids=str,
)
def test_mistakes_are_named(run: Run, tmp_path: Path, args: list[str], code: int, said: str) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "broken.json").write_text('{"schema": "edge-digits/bench/1", "runs": [{}]}')
    ended = run("bench", *args)
    assert ended.code == code
    assert said in ended.err
    assert ended.out == ""
