"""Options from the command line, the environment, a file and defaults: who wins, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from conftest import Ended, invoke

from edge_digits.cli import main
from edge_digits.commands.configuration import configurable


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of EDGE_DIGITS_CONFIG."""
    path = tmp_path / "config.toml"
    path.write_text("")
    monkeypatch.setenv("EDGE_DIGITS_CONFIG", str(path))
    return path


def shown(*args: object) -> dict[str, dict[str, Any]]:
    ended = invoke("config", "show", "--json", *args)
    assert ended.code == 0, ended.err
    commands: dict[str, dict[str, Any]] = json.loads(ended.out)["commands"]
    return commands


def refused(*args: object) -> Ended:
    ended = invoke(*args)
    assert ended.code == 2
    assert ended.out == ""
    return ended


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hold(*args: str) -> tuple[float, str]:
        entry = shown("camera", *args)["camera"]["hold"]
        return entry["value"], entry["from"]

    assert hold() == (0.5, "default")
    file.write_text("[camera]\nhold = 0.6\n")
    assert hold() == (0.6, str(file))
    monkeypatch.setenv("EDGE_DIGITS_CAMERA_HOLD", "0.7")
    assert hold() == (0.7, "EDGE_DIGITS_CAMERA_HOLD")
    assert hold("--hold", "0.8") == (0.8, "command line")


def test_a_command_runs_as_the_file_says(file: Path, good: Path) -> None:
    assert json.loads(invoke("predict", "--format", "jsonl", good).out)["text"] == "427"
    file.write_text('[predict]\nformat = "jsonl"\nroi = ["0,0,0.01,0.01", "0,0,1,1"]\ntop-k = 1\nquiet = true\n')
    record = json.loads(invoke("predict", good).out)
    assert record["text"] == "427"
    assert {len(digit["topk"]) for digit in record["digits"]} == {1}
    assert "picture" in invoke("predict", good, "--format", "table").out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[camera]\nhodl = 1", "[camera] hodl: there is no such option. Did you mean hold?"),
        ("[camra]\nhold = 1", "there is no command for [camra]. Did you mean camera?"),
        ("hold = 1", "there is no command for [hold]"),
        ("camera = 1", "camera = ... is no table. Write [camera] in a line"),
        ("[camera]\nhold = true", "[camera] hold: write a number or a text in quotation marks"),
        ("[camera]\nhold = [1, 2]", "[camera] hold: write a number or a text in quotation marks"),
        ("[camera]\nraw = 1", "[camera] raw: write true or false"),
        ("[camera]\nhold = 1979-05-27", "[camera] hold: write a number or a text in quotation marks"),
        ("[camera]\nsave_uncertain = 'x'", "Did you mean save-uncertain?"),
        ("[camera\n", "is no TOML: "),
    ],
    ids=lambda value: value.replace("\n", " ") if "=" in value else "",
)
def test_what_the_file_may_not_hold_is_refused_with_what_was_meant(file: Path, content: str, said: str) -> None:
    file.write_text(content)
    for args in (("camera", "fake:none.mp4"), ("config", "show")):
        ended = refused(*args)
        assert ended.err.startswith(f"edge-digits: {file}: ")
        assert said in ended.err


def test_a_value_that_is_refused_tells_where_it_was_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[camera]\nhold = 800\n")
    assert f"It comes from {file}: hold" in refused("camera", "fake:none.mp4").err
    assert f"It comes from {file}: hold" in refused("config", "show", "camera").err
    monkeypatch.setenv("EDGE_DIGITS_CAMERA_HOLD", "long")
    assert "It comes from the environment: EDGE_DIGITS_CAMERA_HOLD" in refused("camera", "fake:none.mp4").err
    assert "It comes" not in refused("camera", "fake:none.mp4", "--hold", "800").err


def test_a_variable_of_no_option_is_refused(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_DIGITS_PREDICT_CNOF", "0.5")
    assert "Did you mean EDGE_DIGITS_PREDICT_CONF?" in refused("predict", good).err
    assert invoke("doctor", "--help").code == 0, "it is no variable of this command"


def test_a_file_that_is_named_must_be_there_and_help_needs_none(tmp_path: Path, good: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert f"{missing}: no such file (--config" in refused("--config", missing, "predict", good).err
    broken = tmp_path / "broken.toml"
    broken.write_text("[")
    assert "is no TOML" in refused("--config", broken, "predict", good).err
    assert invoke("--config", broken, "predict", "--help").code == 0


def test_the_users_own_file_counts_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("EDGE_DIGITS_CONFIG")
    own = tmp_path / "edge-digits" / "config.toml"
    own.parent.mkdir()
    own.write_text("[bench.compare]\nmargin = '9%'\n")
    assert shown("bench")["bench.compare"]["margin"] == {"value": 0.09, "from": str(own)}
    monkeypatch.setenv("EDGE_DIGITS_CONFIG", "")
    assert shown("bench")["bench.compare"]["margin"] == {"value": 0.03, "from": "default"}


def test_what_is_shown_is_a_file_that_sets_the_same(file: Path) -> None:
    file.write_text('[camera]\nsource = "rtsp://ann:secret@camera/live"\nroi = "0,0,0.5,1"\nraw = true\n')
    text = invoke("config", "show", "camera").out
    assert "secret" not in text
    before = shown("camera")["camera"]
    file.write_text(text)
    after = shown("camera")["camera"]
    assert {name: entry["value"] for name, entry in after.items()} == {
        name: entry["value"] for name, entry in before.items()
    }


def test_every_option_has_one_name_and_a_variable() -> None:
    group = click.Context(main)
    for name in main.list_commands(group):
        command = main.get_command(group, name)
        assert command is not None
        for option, parameter in configurable(command).items():
            assert parameter.envvar == f"EDGE_DIGITS_{name}_{option}".upper().replace("-", "_")
