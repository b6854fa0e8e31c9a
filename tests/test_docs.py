"""What the documentation promises is there."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from edge_digits import DigitReader, ModelCard
from edge_digits.errors import EdgeDigitsError
from edge_digits.results import Reading

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = sorted(entry.name for entry in entry_points(group="edge_digits.commands"))


def command(name: str) -> click.Command:
    (entry,) = (entry for entry in entry_points(group="edge_digits.commands") if entry.name == name)
    loaded: click.Command = entry.load()
    return loaded


def parameters(name: str) -> list[click.Parameter]:
    """Of a command, and of those below it."""
    found = command(name)
    below = found.commands.values() if isinstance(found, click.Group) else ()
    return [*found.params, *(parameter for one in below for parameter in one.params)]


def test_the_readme_sets_up_in_exactly_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("python3 -m venv ") for line in lines) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_are_there(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    found = command(name)
    assert found.help
    options = [parameter for parameter in parameters(name) if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"edge-digits {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_of_the_documentation_exist() -> None:
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"^ *edge-digits ([a-z]+) ", page.read_text(encoding="utf-8"), re.M)
    }
    assert shown <= set(COMMANDS)
    assert shown


def test_options_of_the_documentation_exist() -> None:
    known = {flag for name in COMMANDS for parameter in parameters(name) for flag in parameter.opts}
    shown = set()
    for page in PAGES:
        for line in re.findall(r"^ *edge-digits [a-z]+ .*$", page.read_text(encoding="utf-8"), re.M):
            shown |= set(re.findall(r"(?<= )--?[a-z][a-z0-9-]*", line.partition("#")[0]))
    assert shown <= known
    assert "--explain" in shown


def test_the_contracts_page_names_every_part_of_record_and_card() -> None:
    text = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    record = Reading.failed("a.png", "why").to_dict()
    assert [key for key in record if f'"{key}"' not in text and f"`{key}`" not in text] == []
    assert [name for name in ModelCard.__dataclass_fields__ if f"`{name}`" not in text] == []


def test_exit_codes_of_the_contracts_page_are_those_of_the_errors() -> None:
    text = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.M)}
    raised = {kind.exit_code for kind in [EdgeDigitsError, *EdgeDigitsError.__subclasses__()]}
    # 6 is no error: `bench compare` found what it was told to fail on.
    assert raised | {0, 6, 130} == listed


def test_the_samples_come_out_of_their_script(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "make_samples.py", tmp_path], check=True, capture_output=True)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in (ROOT / "samples").iterdir()}
    assert (tmp_path / "labels.csv").read_bytes() == (ROOT / "samples" / "labels.csv").read_bytes()


def test_the_readme_shows_what_python_gives() -> None:
    reader = DigitReader.load()
    reading = reader.read(ROOT / "samples" / "number-427.png")
    assert reading.text == "427"
    assert all(digit.label and digit.confidence > 0 and digit.box.x2 > digit.box.x1 for digit in reading.digits)
