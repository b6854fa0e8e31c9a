"""What people and spreadsheets are shown: nothing that a name, a label or a camera says can take a terminal over."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import COMMAND, Run
from drawing import page, png

from edge_digits.live.panel import Panel
from edge_digits.outputs.records import FORMATS, writer
from edge_digits.outputs.spreadsheet import no_formula
from edge_digits.results import Reading
from edge_digits.terminal import has_colours, printable

#: Clears the screen by a C0 escape, sets the window's title by a C1 one, and shows "gnp.exe" as "exe.png".
HOSTILE = "a\x1b[2J\x9b31m\x9d0;title\x07\u202egnp.exe\u2066\x7f\r\b"
UNSAFE = {chr(code) for code in (*range(32), *range(127, 160))} - {"\n"} | set("\u202a\u202b\u202c\u202d\u202e\u2066")


class Screen(io.StringIO):
    """A terminal, as far as a program asks."""

    def isatty(self) -> bool:
        return True


def test_what_controls_a_terminal_becomes_a_question_mark_and_letters_stay() -> None:
    assert not set(printable(HOSTILE)) & UNSAFE
    assert printable("zażółć 数 👩\u200d🔬 \udcff") == "zażółć 数 👩\u200d🔬 \ufffd"
    assert printable("two\nlines") == "two?lines"
    assert printable("two\nlines\r", lines=True) == "two\nlines?"


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_gives_a_terminal_what_controls_it(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    rows = writer(form, screen, [HOSTILE, "b"])
    rows.write(Reading(HOSTILE, text=HOSTILE, status="ok", warnings=(HOSTILE,)))
    rows.write(Reading.failed(HOSTILE, HOSTILE))
    assert not set(screen.getvalue()) & UNSAFE


def test_json_keeps_every_character_in_its_escaped_form() -> None:
    stream = io.StringIO()
    writer("jsonl", stream, []).write(Reading.failed(HOSTILE, "x"))
    assert json.loads(stream.getvalue())["source"] == HOSTILE


def test_the_panel_shows_no_control_characters_of_a_cameras_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    Panel(Screen(), screen).say(f"answers 401 {HOSTILE}")
    assert not set(screen.getvalue()) & UNSAFE


@pytest.mark.parametrize(
    "args",
    [["predict", f"no-{HOSTILE}"], ["predict", "good.png", "-m", HOSTILE], [HOSTILE], ["predict", f"--{HOSTILE}"]],
    ids=["source", "model", "command", "option"],
)
def test_errors_repeat_nothing_that_controls_a_terminal(run: Run, good: Path, args: list[str]) -> None:
    ended = run(*args)
    assert ended.code in (2, 3, 4)
    assert not set(ended.err) & UNSAFE


def test_colour_is_for_terminals_whose_user_has_not_said_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert has_colours(Screen())
    assert not has_colours(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(Screen())
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not has_colours(Screen())


@pytest.mark.slow
@pytest.mark.parametrize("args", [["doctor"], ["predict", "good.png"]], ids=["doctor", "predict"])
@pytest.mark.parametrize("no_colour", [False, True], ids=["colour", "NO_COLOR"])
def test_no_color_is_obeyed_by_every_command_that_has_colours(good: Path, args: list[str], no_colour: bool) -> None:
    keyboard, screen = os.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    child = subprocess.Popen(
        [*COMMAND, *args],
        cwd=good.parent,
        stdin=subprocess.DEVNULL,
        stdout=screen,
        stderr=subprocess.DEVNULL,
        env=env | ({"NO_COLOR": "1"} if no_colour else {}),
    )
    os.close(screen)
    shown = b""
    while True:
        try:
            shown += os.read(keyboard, 65536)
        except OSError:
            break
    os.close(keyboard)
    child.wait(60)
    assert shown
    assert (b"\x1b[3" in shown) == (not no_colour)


# --- Spreadsheets ----------------------------------------------------------------------------------------------------


def test_no_cell_of_text_can_become_a_formula() -> None:
    """Excel runs `=HYPERLINK(...)` of a file's name, and older ones programs, when somebody opens the table."""
    for text in ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0", "-5=1"):
        assert no_formula(text) == f"'{text}"
    for text in ("-", "=", "-5", "+5.5", "007", "a=1", "", "scan-1.png"):
        assert no_formula(text) == text


def test_csv_guards_names_and_texts_and_has_a_byte_order_mark_on_request(run: Run, tmp_path: Path) -> None:
    (tmp_path / "=1+1.png").write_bytes(png(page("007")))
    ended = run("predict", "=1+1.png", "--format", "csv", "--bom", "-o", "out.csv", "--save-crops", "crops")
    content = (tmp_path / "out.csv").read_bytes()
    assert (ended.code, content[:3]) == (0, b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    assert (row["source"], row["text"]) == ("'=1+1.png", "007")
    labels = list(csv.DictReader((tmp_path / "crops" / "labels.csv").read_text().splitlines()))
    assert (labels[0]["file"], labels[0]["source"]) == ("_1+1.000.png", "'=1+1.png")
    assert all((tmp_path / "crops" / label["file"]).exists() for label in labels)


def test_a_workbook_has_text_as_text(run: Run, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    (tmp_path / "=1+1.png").write_bytes(png(page("007")))
    (tmp_path / "bad\x1b.png").write_bytes(b"broken")
    ended = run("predict", "=1+1.png", "bad\x1b.png", "--format", "xlsx", "-o", "out.xlsx")
    assert (ended.code, ended.err) == (5, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["=1+1.png", "bad\x1b.png", "out.xlsx"]
    header, good, bad = load_workbook(tmp_path / "out.xlsx").active.iter_rows()
    assert [cell.value for cell in header][:3] == ["source", "frame", "text"]
    assert [(cell.value, cell.data_type) for cell in good][:4] == [
        ("=1+1.png", "s"),
        (0, "n"),
        ("007", "s"),
        (pytest.approx(1, abs=0.1), "n"),
    ]
    assert bad[0].value == "bad?.png"
    assert "broken one" in bad[7].value


def test_a_workbook_that_is_interrupted_keeps_its_records(tmp_path: Path, good: Path) -> None:
    import signal
    import time

    (tmp_path / "list.txt").write_text("good.png\n" * 20_000)
    child = subprocess.Popen(
        [*COMMAND, "predict", "@list.txt", "--format", "xlsx", "-o", "out.xlsx"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    part = tmp_path / "out.xlsx.part"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.read_bytes().count(b"\n") > 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=20)
    assert (child.returncode, b"as JSON Lines in out.xlsx.part" in err) == (130, True)
    assert {json.loads(line)["text"] for line in part.read_text().splitlines()} == {"427"}


@pytest.mark.parametrize(
    ("args", "said"),
    [(["--bom"], "--format csv"), (["--format", "xlsx"], "add -o FILE.xlsx"), (["-j", "x"], "'-j' / '--jobs'")],
)
def test_options_of_formats_are_refused_where_they_mean_nothing(
    run: Run, good: Path, args: list[str], said: str
) -> None:
    ended = run("predict", "good.png", *args)
    assert (ended.code, said in ended.err) == (2, True)
