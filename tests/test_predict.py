"""`edge-digits predict` as its users meet it: in a shell, in a pipe, on a terminal, on a full disk."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import COMMAND, Run, Terminal
from drawing import Gray, blank, page, png, turned, write


def put(path: Path, text: str = "427") -> Path:
    """A picture that reads `text`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(page(text)))
    return path


def pictures_in(folder: Path) -> dict[str, Gray]:
    """All pictures of a folder, by name, decoded."""
    decoded = {path.name: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.glob("*.png"))}
    assert all(picture is not None for picture in decoded.values())
    return {name: np.asarray(picture, np.uint8) for name, picture in decoded.items()}


def labels_csv(folder: Path) -> list[dict[str, str]]:
    """What a folder of crops says of its files."""
    return list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))


def long_run(tmp_path: Path, *args: str) -> subprocess.Popen[bytes]:
    """A run over so many pictures that it is still under way when something happens to it."""
    put(tmp_path / "good.png")
    (tmp_path / "list.txt").write_text("good.png\n" * 20_000)
    return subprocess.Popen(
        [*COMMAND, "predict", "@list.txt", "--format", "jsonl", *args],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Of a shell's background job a child would inherit that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads here
    )


def interrupted(child: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Ctrl-C, and how the run ends then: exit code, rest of its output, messages."""
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    return child.returncode, out, err


# --- Formats ---------------------------------------------------------------------------------------------------------


def test_a_table_shows_name_text_confidence_and_status(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "scans" / "a.png", "427")
    put(tmp_path / "scans" / "page.png")
    cv2.imwrite(str(tmp_path / "scans" / "page.png"), page(["12", "98"]))
    cv2.imwrite(str(tmp_path / "scans" / "blank.png"), blank())
    ended = run("predict", "scans", "--conf", "0")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["picture", "text", "sure", "status"]
    assert [line.split()[0] for line in lines[1:]] == ["a.png", "blank.png", "page.png"]
    assert lines[1].split()[1] == "427"
    assert lines[1].endswith("%  ok")
    assert lines[2].split() == ["blank.png", "-", "-", "no_digits"]
    assert "12 / 98" in lines[3]
    assert (ended.code, ended.err) == (0, "")


def test_json_lines_hold_one_record_a_picture(run: Run, good: Path, tmp_path: Path) -> None:
    put(tmp_path / "other.png", "508")
    ended = run("predict", "good.png", "other.png", "--format", "jsonl")
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.records
    assert (first["schema"], first["source"], first["text"]) == ("edge-digits/result/1", "good.png", "427")
    assert (first["width"], first["height"], first["frame"]) == (*page("427").shape[::-1], 0)
    assert (second["source"], second["text"]) == ("other.png", "508")
    assert set(first["speed_ms"]) == {"decode", "find", "normalize", "infer"}


def test_csv_can_be_read_back_even_where_text_has_two_lines(run: Run, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a, b.png"), page(["427", "608"]))
    ended = run("predict", "a, b.png", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(ended.out, newline=""))
    assert (row["source"], row["text"], row["status"], row["digits"]) == ("a, b.png", "427\n608", "ok", "6")
    assert 0 < float(row["confidence"]) <= 1


def test_the_table_shows_every_name_in_full_where_folders_differ(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "scans" / "a.png")
    put(tmp_path / "b.png")
    lines = run("predict", "scans/a.png", "b.png", "missing.png").out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == {"scans/a.png", "b.png", "missing.png"}


# --- Sources ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_read_in_natural_order_without_what_is_no_picture(run: Run, tmp_path: Path) -> None:
    for name in ("10.png", "2.png", "1.PNG", "page 9.png", "page 10.png"):
        put(tmp_path / "scans" / name)
    put(tmp_path / "scans" / "deeper" / "3.png")
    (tmp_path / "scans" / "notes.txt").write_text("no picture")
    ended = run("predict", "scans", "--format", "jsonl")
    assert list(ended.texts) == ["1.PNG", "2.png", "10.png", "page 9.png", "page 10.png"]
    assert ended.code == 0


def test_recursive_looks_into_sub_folders(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "scans" / "1.png")
    put(tmp_path / "scans" / "2024" / "10.png")
    put(tmp_path / "scans" / "2024" / "9.png")
    ended = run("predict", "scans", "-r", "--format", "jsonl")
    assert [record["source"] for record in ended.records] == ["scans/1.png", "scans/2024/9.png", "scans/2024/10.png"]


def test_a_folder_with_pictures_only_deeper_down_hints_at_recursive(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "scans" / "2024" / "1.png")
    ended = run("predict", "scans")
    assert ended.code == 3
    assert "--recursive" in ended.err


def test_a_quoted_glob_is_read_in_natural_order(run: Run, tmp_path: Path) -> None:
    for name in ("a10.png", "a9.png", "b.png"):
        put(tmp_path / name)
    assert list(run("predict", "a*.png", "--format", "jsonl").texts) == ["a9.png", "a10.png"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "a[1].png", "427")
    put(tmp_path / "a1.png", "508")
    assert run("predict", "a[1].png", "--format", "jsonl").texts == {"a[1].png": "427"}


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"], ids=["newline", "CRLF", "NUL"])
def test_a_list_names_one_picture_a_line_in_its_own_order(run: Run, tmp_path: Path, separator: str) -> None:
    names = ["b.png", "a with blanks.png", "c.png"]
    for name in names:
        put(tmp_path / name)
    (tmp_path / "list.txt").write_bytes(separator.join([*names, ""]).encode())
    assert list(run("predict", "@list.txt", "--format", "jsonl").texts) == names


def test_a_list_from_find_print0_holds_names_with_newlines(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "two\nlines.png")
    ended = run("predict", "@-", "--format", "jsonl", stdin=b"two\nlines.png\0")
    assert [record["source"] for record in ended.records] == ["two\nlines.png"]
    assert ended.code == 0


def test_a_listed_picture_that_is_missing_is_a_record_and_the_others_are_read(run: Run, good: Path) -> None:
    ended = run("predict", "@-", "--format", "jsonl", stdin=b"gone.png\ngood.png\n")
    gone, found = ended.records
    assert (gone["status"], found["text"], ended.code) == ("error", "427", 5)
    assert "does not exist" in gone["error"]


def test_a_picture_is_read_from_standard_input(run: Run) -> None:
    ended = run("predict", "-", "--format", "jsonl", stdin=png(page("427")))
    assert [(record["source"], record["text"]) for record in ended.records] == [("-", "427")]
    assert ended.code == 0


def test_a_named_pipe_that_is_named_itself_is_read(tmp_path: Path, run: Run) -> None:
    """As the shell makes it of <(curl ...)."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[png(page("427"))], daemon=True)
    writer.start()
    assert run("predict", "pipe", "--format", "jsonl").texts == {"pipe": "427"}
    writer.join(timeout=5)


def test_exif_orientation_is_obeyed_unless_told_not_to(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(turned(page("4273"), 6))
    upright = run("predict", "photo.jpg", "--format", "jsonl")
    stored = run("predict", "photo.jpg", "--format", "jsonl", "--ignore-exif")
    assert upright.texts == {"photo.jpg": "4273"}
    assert (upright.records[0]["width"], stored.records[0]["width"]) == page("4273").shape[::-1]


def test_without_a_source_and_without_a_terminal_it_says_what_to_name(run: Run) -> None:
    ended = run("predict")
    assert (ended.code, ended.out) == (2, "")
    assert "edge-digits predict SOURCE" in ended.err


def test_without_a_source_it_asks_on_a_terminal(terminal: Terminal, good: Path) -> None:
    ended = terminal("predict", "--format", "jsonl", typed=b"good.png\n")
    assert "Picture or folder to read:" in ended.err
    assert ended.texts == {"good.png": "427"}
    assert ended.code == 0


# --- Options ---------------------------------------------------------------------------------------------------------


def test_conf_and_top_k_are_passed_on(run: Run, good: Path) -> None:
    (record,) = run("predict", "good.png", "--conf", "1", "--top-k", "2", "--format", "jsonl").records
    assert (record["status"], record["text"]) == ("uncertain", "")
    assert [digit["rejected"] for digit in record["digits"]] == [True, True, True]
    assert {len(digit["topk"]) for digit in record["digits"]} == {2}


def test_a_model_is_chosen_by_name(run: Run, good: Path) -> None:
    ended = run("predict", "good.png", "-m", "base.fp32", "--threads", "2", "--format", "jsonl", "-v")
    assert ended.texts == {"good.png": "427"}
    assert "base.fp32.onnx" in ended.err


def test_verbose_says_which_model_is_used_and_where_the_time_goes(run: Run, good: Path) -> None:
    ended = run("predict", "good.png", "-v")
    assert "base.int8.onnx" in ended.err
    assert all(f"{step} " in ended.err for step in ("decode", "find", "normalize", "infer"))
    assert "ms" in ended.err


def test_a_pipe_gets_records_and_no_word_more(run: Run, good: Path) -> None:
    ended = run("predict", "good.png", "--format", "jsonl")
    assert (ended.err, len(ended.records)) == ("", 1)


@pytest.mark.parametrize(
    "args",
    [
        ["--conf", "1.5"],
        ["--conf", "high"],
        ["--top-k", "0"],
        ["--format", "xml"],
        ["--threads", "0"],
        ["--frobnicate"],
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_is_refused_by_its_name(run: Run, good: Path, args: list[str]) -> None:
    ended = run("predict", "good.png", *args)
    assert (ended.code, ended.out) == (2, "")
    assert args[0] in ended.err


def test_a_command_that_is_not_there_is_refused_by_its_name(run: Run) -> None:
    ended = run("predcit", "good.png")
    assert ended.code == 2
    assert "predcit" in ended.err


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["good.png"], 0),
        (["good.png", "--no-such-option"], 2),
        (["missing.png"], 3),
        (["missing-folder/"], 3),
        (["*.jpeg"], 3),
        (["@missing.txt"], 3),
        (["good.png", "-m", "missing.onnx"], 4),
        (["good.png", "missing.png"], 5),
        (["good.png", "broken.png"], 5),
        (["broken.png"], 5),
        (["good.png", "-o", "missing/out.csv"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_exit_codes_are_those_of_the_documentation(
    run: Run, good: Path, tmp_path: Path, args: list[str], code: int
) -> None:
    (tmp_path / "broken.png").write_bytes(b"broken")
    ended = run("predict", *args)
    assert ended.code == code
    assert (ended.err == "") == (code in (0, 5)), "messages where there is no record to say it"


# --- Output to a file ------------------------------------------------------------------------------------------------


def test_output_goes_to_the_file_and_not_to_standard_output(run: Run, good: Path, tmp_path: Path) -> None:
    ended = run("predict", "good.png", "--format", "jsonl", "-o", "out.jsonl")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert json.loads((tmp_path / "out.jsonl").read_text())["text"] == "427"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.png", "out.jsonl"]


def test_a_file_that_is_there_is_written_over_only_by_force(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine\n")
    refused = run("predict", "good.png", "--format", "csv", "-o", "out.csv")
    assert (refused.code, (tmp_path / "out.csv").read_text()) == (1, "mine\n")
    assert "out.csv" in refused.err
    assert "--force" in refused.err
    forced = run("predict", "good.png", "--format", "csv", "-o", "out.csv", "--force")
    assert forced.code == 0
    assert (tmp_path / "out.csv").read_text().startswith("source,")


@pytest.mark.parametrize(("name", "hint"), [("no/such/out.csv", "mkdir -p no/such"), ("folder", "Name a file in it")])
def test_an_output_that_cannot_be_is_refused_with_what_to_do(
    run: Run, good: Path, tmp_path: Path, name: str, hint: str
) -> None:
    (tmp_path / "folder").mkdir()
    ended = run("predict", "good.png", "-o", name)
    assert (ended.code, ended.out) == (1, "")
    assert name in ended.err
    assert hint in ended.err


def test_the_output_file_appears_when_all_is_written_and_an_older_one_stays_until_then(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("older\n")
    child = long_run(tmp_path, "-o", "out.jsonl", "--force")
    part = tmp_path / "out.jsonl.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.read_bytes().count(b"\n") > 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "out.jsonl").read_text() == "older\n"
    code, _, err = interrupted(child)
    assert (code, b"Traceback" in err) == (130, False)
    assert (tmp_path / "out.jsonl").read_text() == "older\n"
    kept = [json.loads(line)["text"] for line in part.read_text().splitlines()]
    assert len(kept) > 3
    assert set(kept) == {"427"}


def test_a_device_or_pipe_as_output_is_written_to_and_not_replaced(run: Run, good: Path, tmp_path: Path) -> None:
    """Else `-o /dev/null --force`, by root, leaves a system whose /dev/null is a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    ended = run("predict", "good.png", "--format", "csv", "-o", "pipe", "--force")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert ended.code == 0
    reader.join(timeout=5)
    assert b"427" in received[0]


def test_a_link_as_output_stays_a_link(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "real.csv").write_text("older\n")
    (tmp_path / "out.csv").symlink_to("results/real.csv")
    assert run("predict", "good.png", "--format", "csv", "-o", "out.csv", "--force").code == 0
    assert (tmp_path / "out.csv").is_symlink()
    assert "427" in (tmp_path / "results" / "real.csv").read_text()


# --- What is told of the pictures ------------------------------------------------------------------------------------


def form(path: Path) -> Path:
    """427 in the upper left of a sheet of 600 x 300, 85 in the lower right."""
    sheet = blank(300, 600)
    for place, digit in enumerate("427"):
        write(sheet, digit, 20 + 66 * place, 20, 60)
    for place, digit in enumerate("85"):
        write(sheet, digit, 400 + 66 * place, 200, 60)
    path.write_bytes(png(sheet))
    return path


UPPER, LOWER = ("--roi", "0,0,0.5,0.5"), ("--roi", "0.5,0.5,0.5,0.5")


def test_only_the_regions_are_read_in_their_order(run: Run, tmp_path: Path) -> None:
    form(tmp_path / "form.png")
    ended = run("predict", "form.png", "--format", "jsonl", *LOWER, *UPPER)
    (record,) = ended.records
    assert (ended.code, record["text"], record["width"], record["height"]) == (0, "85\n427", 600, 300)
    assert [digit["line"] for digit in record["digits"]] == [0, 0, 1, 1, 1]
    lefts = [digit["box"]["x1"] for digit in record["digits"]]
    assert lefts == pytest.approx([400, 466, 20, 86, 152], abs=8)
    assert [digit["box"]["y1"] > 150 for digit in record["digits"]] == [True, True, False, False, False]


def test_a_picture_is_turned_as_told_and_its_boxes_are_of_the_picture_as_it_is(run: Run, tmp_path: Path) -> None:
    upright = page(["3473", "7434"])
    for degrees in (90, 180, 270):
        (tmp_path / f"{degrees}.png").write_bytes(png(np.rot90(upright, degrees // 90)))
    for degrees in (90, 180, 270):
        for asked in (str(degrees), "auto"):
            (record,) = run("predict", f"{degrees}.png", "--format", "jsonl", "--rotate", asked).records
            assert record["text"] == "3473\n7434", (degrees, asked)
            assert (record["height"], record["width"]) == np.rot90(upright, degrees // 90).shape
            assert all(digit["box"]["x2"] <= record["width"] for digit in record["digits"])


def test_a_layout_can_be_chosen(run: Run, good: Path) -> None:
    assert run("predict", "good.png", "--format", "jsonl", "--layout", "line").texts == {"good.png": "427"}
    (record,) = run("predict", "good.png", "--format", "jsonl", "--layout", "digit").records
    assert len(record["digits"]) <= 1


@pytest.mark.parametrize(
    ("options", "text", "warning"),
    [
        (("--digits", "3"), "427", ""),
        (("--pattern", r"4\d7"), "427", ""),
        (("--pattern", "4[18]7"), None, "read so as to satisfy --pattern '4[18]7'; without it 427"),
        (("--pattern", "4[18]7", "--digits", "3"), None, "--digits 3 --pattern '4[18]7'; without it 427"),
        (("--checksum", "luhn"), None, "--checksum luhn; without it 427"),
        (("--digits", "9"), "427", "no reading satisfies --digits 9"),
    ],
)
def test_what_is_known_of_the_text_is_kept_and_told_where_it_changed_anything(
    run: Run, good: Path, options: tuple[str, ...], text: str | None, warning: str
) -> None:
    (record,) = run("predict", "good.png", "--format", "jsonl", *options).records
    assert [warning in said for said in record["warnings"] if "satisf" in said] == [True] * bool(warning)
    assert record["text"] == text if text is not None else record["text"] != "427"
    shown = run("predict", "good.png", *options).out
    assert warning in shown
    assert ("satisf" in shown) == bool(warning)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--roi", "0,0,2,1"), "--roi 0,0,2,1: "),
        (("--roi", "a,b"), "four numbers"),
        (("--rotate", "45"), "'45' is not one of"),
        (("--layout", "book"), "'book' is not one of"),
        (("--digits", "0"), "--digits"),
        (("--pattern", "[0-"), "--pattern"),
        (("--pattern", "a"), "--pattern"),
        (("--checksum", "crc32"), "--checksum crc32: there is no such checksum"),
        (("--digits", "4", "--pattern", "12"), "no number satisfies --digits 4 --pattern 12 together"),
    ],
)
def test_an_option_that_makes_no_sense_ends_with_2_before_anything_is_read(
    run: Run, good: Path, options: tuple[str, ...], says: str
) -> None:
    ended = run("predict", "good.png", *options)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err


def test_a_sheet_explains_every_region(run: Run, tmp_path: Path) -> None:
    """Heading; a row of three panels of 360 a region, as high as its proportions ask; heading; digits of 180 x 190."""
    form(tmp_path / "form.png")
    assert run("predict", "form.png", *UPPER, *LOWER, "--explain", "sheets").code == 0
    sheet = pictures_in(tmp_path / "sheets")["form.png"]
    row = 36 + round(344 * 150 / 300)
    assert sheet.shape == (34 + 2 * row + 34 + 190, 3 * 360, 3)
    green = np.all(np.abs(sheet.astype(int) - (60, 160, 30)) < 40, axis=2)
    found = green[34:, 2 * 360 :]
    assert found[:row].any()
    assert found[row : 2 * row].any()
    assert not green[34 : 34 + 2 * row, : 2 * 360].any()


def test_long_headings_of_a_sheet_are_broken_not_cut(run: Run, tmp_path: Path) -> None:
    folder = "/".join(["a folder with a long name"] * 8)
    put(tmp_path / folder / "good.png")
    assert run("predict", f"{folder}/good.png", "--explain", "long").code == 0
    assert run("predict", f"{folder}/good.png", "--explain", "forced", "--pattern", "999").code == 0
    put(tmp_path / "good.png")
    assert run("predict", "good.png", "--explain", "short").code == 0
    short, long, forced = (pictures_in(tmp_path / name)["good.png"].shape for name in ("short", "long", "forced"))
    assert short[1] == long[1] == forced[1]
    assert (long[0] - short[0]) % 22 == 0
    assert long[0] > short[0]
    assert forced[0] == long[0] + 34, "and a warning has a line of its own"


# --- Pictures as output ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--save-annotated", "--explain"])
def test_a_picture_is_written_for_each_that_was_read(run: Run, tmp_path: Path, option: str) -> None:
    put(tmp_path / "a" / "1.png", "427")
    cv2.imwrite(str(tmp_path / "a" / "2.png"), blank())
    cv2.imwrite(str(tmp_path / "a" / "3.png"), np.full((1, 1), 200, np.uint8))
    (tmp_path / "a" / "4.png").write_bytes(b"broken")
    cv2.imwrite(str(tmp_path / "a" / "5.png"), page("8").astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "a" / "6.png"), np.dstack([page("8")] * 3 + [np.full_like(page("8"), 255)]))
    cv2.imwrite(str(tmp_path / "a" / "7.png"), np.full((2000, 3), 200, np.uint8))
    assert run("predict", "a", option, "out").code == 5
    written = pictures_in(tmp_path / "out")
    assert list(written) == ["1.png", "2.png", "3.png", "5.png", "6.png", "7.png"]
    assert all(picture.ndim == 3 and np.prod(picture.shape) > 3000 for picture in written.values())


def test_an_annotated_picture_has_a_coloured_box_around_each_digit(run: Run, good: Path, tmp_path: Path) -> None:
    boxes = [digit["box"] for digit in run("predict", "good.png", "--format", "jsonl").records[0]["digits"]]
    run("predict", "good.png", "--save-annotated", "out")
    annotated = pictures_in(tmp_path / "out")["good.png"].astype(int)
    factor = annotated.shape[1] / page("427").shape[1]
    coloured = np.ptp(annotated, axis=2) > 40
    for box in boxes:
        x1, x2 = round(box["x1"] * factor), round(box["x2"] * factor) - 1
        rows = slice(round(box["y1"] * factor), round(box["y2"] * factor))
        assert coloured[rows, x1].mean() > 0.8
        assert coloured[rows, x2].mean() > 0.8


def test_crops_hold_a_digit_each_and_labels_csv_says_which(run: Run, good: Path, tmp_path: Path) -> None:
    put(tmp_path / "other.png", "508")
    assert run("predict", "good.png", "other.png", "--save-crops", "crops").code == 0
    rows = labels_csv(tmp_path / "crops")
    assert [(row["label"], row["source"]) for row in rows] == [
        *((label, "good.png") for label in "427"),
        *((label, "other.png") for label in "508"),
    ]
    crops = pictures_in(tmp_path / "crops")
    assert sorted(crops) == sorted(row["file"] for row in rows)
    for row in rows:
        box = [int(row[side]) for side in ("x1", "y1", "x2", "y2")]
        assert crops[row["file"]].min() < 100
        assert crops[row["file"]].shape >= (box[3] - box[1], box[2] - box[0])


def test_crops_read_as_what_they_are_labelled(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "page.png", "0123456789")
    run("predict", "page.png", "--save-crops", "crops", "--conf", "0")
    labels = {row["file"]: row["label"] for row in labels_csv(tmp_path / "crops")}
    assert len(labels) == 10
    assert run("predict", "crops", "--conf", "0", "--format", "jsonl").texts == labels


@pytest.mark.parametrize("option", ["--save-annotated", "--save-crops", "--explain"])
def test_files_of_one_name_from_two_folders_do_not_collide(run: Run, tmp_path: Path, option: str) -> None:
    for folder, text in (("a", "4"), ("b", "2"), ("c", "7")):
        put(tmp_path / folder / "1.png", text)
    put(tmp_path / "d" / "1-2.png", "8")
    put(tmp_path / "e" / "1.jpg.png", "5")
    assert run("predict", "a", "b", "c", "d", "e", option, "out").code == 0
    written = pictures_in(tmp_path / "out")
    assert len(written) == 5
    assert len({picture.tobytes() for picture in written.values()}) == 5


@pytest.mark.parametrize("option", ["--save-annotated", "--save-crops", "--explain"])
def test_a_folder_that_holds_something_is_written_into_only_by_force(
    run: Run, good: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    refused = run("predict", "good.png", option, "out", "-o", "records.csv")
    assert (refused.code, refused.out) == (1, "")
    assert "--force" in refused.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine.txt"]
    assert not list(tmp_path.glob("records.csv*")), "a refusal leaves nothing behind"
    assert run("predict", "good.png", option, "out", "--force").code == 0
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    assert len(list((tmp_path / "out").iterdir())) > 1


def test_a_refusal_comes_before_the_first_line_of_the_table(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert run("predict", "good.png", "--save-crops", "out").out == ""


def test_records_and_pictures_may_go_to_one_new_folder(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ended = run("predict", "good.png", "-o", "out/records.csv", "--save-annotated", "out")
    assert (ended.code, ended.err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.png", "records.csv"]


def test_two_kinds_of_pictures_in_one_folder_do_not_write_over_each_other(run: Run, good: Path, tmp_path: Path) -> None:
    ended = run("predict", "good.png", "--save-annotated", "out", "--explain", "out")
    assert ended.code == 2 or len(pictures_in(tmp_path / "out")) == 2


def test_a_name_as_long_as_the_file_system_allows_can_be_saved(run: Run, tmp_path: Path) -> None:
    put(tmp_path / f"{'数' * 83}.png")  # 253 of 255 bytes
    ended = run("predict", ".", "--save-annotated", "out", "--save-crops", "crops", "--format", "jsonl")
    assert (ended.code, ended.err) == (0, "")
    assert len(pictures_in(tmp_path / "out")) == 1
    assert len(pictures_in(tmp_path / "crops")) == 3


@pytest.mark.parametrize("name", ["a:b*c?.png", 'quo"te|<>.png', " .png", "..png", "...png", "-r.png", "a\\b.png"])
def test_a_strange_name_is_saved_under_one_that_every_system_takes(run: Run, tmp_path: Path, name: str) -> None:
    put(tmp_path / "in" / name)
    assert run("predict", "in", "--save-crops", "out").code in (0, 3)
    for path in (tmp_path / "out").glob("*") if (tmp_path / "out").exists() else ():
        assert not set(path.name) & set('\\:*?"<>|')
        assert not path.name.startswith(".")


# --- Terminals, pipes, signals, full disks ----------------------------------------------------------------------------


def test_a_terminal_shows_a_progress_bar_while_records_go_elsewhere(terminal: Terminal, good: Path) -> None:
    ended = terminal("predict", "good.png", "good.png", "--format", "jsonl")
    assert "2/2" in ended.err
    assert "2 pictures" in ended.err
    assert len(ended.records) == 2, "and nothing of the bar among them"


def test_a_terminal_that_shows_the_records_shows_no_bar(terminal: Terminal, good: Path) -> None:
    ended = terminal("predict", "good.png", records_there_too=True)
    assert "427" in ended.err
    assert "1/1" not in ended.err


def test_quiet_shows_neither_bar_nor_summary_on_a_terminal(terminal: Terminal, good: Path) -> None:
    assert terminal("predict", "good.png", "--quiet", "--format", "jsonl").err == ""


def test_a_pipe_gets_no_colours_and_no_control_characters(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "bad\x1b[31m\r.png").write_bytes(b"broken")
    ended = run("predict", ".")
    assert not set(ended.out + ended.err) & {"\x1b", "\r", "\b"}


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    """As `| head -1` does."""
    child = long_run(tmp_path)
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["text"] == "427"
    child.stdout.close()
    assert child.stderr is not None
    err = child.stderr.read()
    child.stderr.close()
    assert (child.wait(timeout=20), err) == (0, b"")


def test_ctrl_c_ends_with_130_and_keeps_the_finished_records(tmp_path: Path) -> None:
    child = long_run(tmp_path)
    assert child.stdout is not None
    first = [child.stdout.readline() for _ in range(5)]
    code, rest, err = interrupted(child)
    assert code == 130
    assert err.strip() == b"interrupted"
    records = [json.loads(line) for line in [*first, *rest.splitlines()]]
    assert {record["text"] for record in records} == {"427"}
    assert len(records) < 20_000


def test_ctrl_c_keeps_the_crops_and_their_labels(tmp_path: Path) -> None:
    child = long_run(tmp_path, "--save-crops", "crops")
    assert child.stdout is not None
    for _ in range(5):
        child.stdout.readline()
    code, _, err = interrupted(child)
    assert (code, b"Traceback" in err) == (130, False)
    rows = labels_csv(tmp_path / "crops")
    assert len(rows) >= 12
    assert {row["file"] for row in rows} <= set(pictures_in(tmp_path / "crops"))
    assert not list((tmp_path / "crops").glob("*.part"))


def test_ctrl_c_gives_the_terminal_its_cursor_back(tmp_path: Path, good: Path) -> None:
    (tmp_path / "list.txt").write_text("good.png\n" * 20_000)
    keyboard, screen = os.openpty()
    child = subprocess.Popen(
        [*COMMAND, "predict", "@list.txt", "-o", "out.csv"],
        cwd=tmp_path,
        stdin=screen,
        stdout=screen,
        stderr=screen,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads here
    )
    os.close(screen)
    shown = b""
    while shown.count(b"/20000") < 3:
        shown += os.read(keyboard, 4096)
    child.send_signal(signal.SIGINT)
    while True:
        try:
            shown += os.read(keyboard, 4096)
        except OSError:
            break
    os.close(keyboard)
    assert child.wait(timeout=20) == 130
    assert b"Traceback" not in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l"), "the last word is to show the cursor"


def test_a_full_disk_under_standard_output_is_said_in_one_line(good: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*COMMAND, "predict", good], stdout=full, stderr=subprocess.PIPE, check=False)
    err = ended.stderr.decode()
    assert (ended.returncode, err.count("\n")) == (1, 1)
    assert err.startswith("edge-digits: ")
    assert "No space left on device" in err


@pytest.fixture(scope="module")
def on_a_tiny_disk() -> list[str]:
    """Runs a command with a disk of 16 kB mounted on the folder `tiny`, which goes with the command."""
    script = 'mount -t tmpfs -o size=16k none tiny && exec "$@"'
    for flags in ("-m", "-rm"):
        prefix = ["unshare", flags, "sh", "-c", script, "sh"]
        try:
            subprocess.run(
                [*prefix[:4], "mount -t tmpfs none /tmp && true", "sh"], check=True, capture_output=True, timeout=20
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return prefix
    pytest.skip("no disk can be mounted here: unshare is not installed, or not allowed")


def test_a_full_disk_under_the_output_file_is_said_with_its_name(
    run: Run, good: Path, tmp_path: Path, on_a_tiny_disk: list[str]
) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "list.txt").write_text("good.png\n" * 100)
    args = ("predict", "@list.txt", "--format", "jsonl", "-o", "tiny/out.jsonl")
    ended = run(*args, within=on_a_tiny_disk)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("edge-digits: tiny/out.jsonl: cannot be written (No space left on device)")
    assert ended.err.count("\n") == 1


def test_a_full_disk_under_the_crops_is_said_with_the_files_name(
    run: Run, good: Path, tmp_path: Path, on_a_tiny_disk: list[str]
) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "list.txt").write_text("good.png\n" * 100)
    ended = run("predict", "@list.txt", "--format", "jsonl", "--save-crops", "tiny/crops", within=on_a_tiny_disk)
    assert ended.code == 1
    assert ended.err.startswith("edge-digits: tiny/crops/")
    assert "No space left on device" in ended.err
    assert {record["text"] for record in ended.records} == {"427"}


@pytest.mark.parametrize("args", [["predict"], ["predict", "-"], ["predict", "@-"]], ids=" ".join)
def test_a_closed_standard_input_is_an_error_that_says_so(run: Run, args: list[str]) -> None:
    ended = run(*args, within=["sh", "-c", 'exec "$@" <&-', "sh"])
    assert ended.code in (2, 3, 5)
    assert "edge-digits: " in ended.err or "error" in ended.out


@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_closed_standard_output_or_error_is_no_traceback(
    run: Run, good: Path, tmp_path: Path, descriptor: int
) -> None:
    """As services are started by some supervisors."""
    within = ["sh", "-c", f'exec "$@" {descriptor}>&-', "sh"]
    ended = run("predict", "good.png", "--format", "csv", "-o", "out.csv", within=within)
    assert ended.code == 0
    assert "427" in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_another_encoding_gets_every_record(run: Run, tmp_path: Path, encoding: str) -> None:
    put(tmp_path / "zażółć 数.png")
    put(tmp_path / "z.png")
    for form in ("table", "csv", "jsonl"):
        ended = run("predict", ".", "--format", form, env={"PYTHONIOENCODING": encoding})
        assert ended.code == 0
        assert ended.out.count("427") >= 2
