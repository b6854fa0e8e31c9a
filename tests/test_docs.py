"""What the documentation promises exists, and its figures are those of the shipped files."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from itertools import chain
from pathlib import Path

import click
import pytest
from conftest import Run

from edge_digits import DigitReader, Model, ModelCard
from edge_digits.cli import main
from edge_digits.errors import EdgeDigitsError
from edge_digits.inference.session import Finder
from edge_digits.results import Reading

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
FILES = sorted((ROOT / "models").glob("*.onnx"))
#: Options of other programs that the pages name.
FOREIGN = {"--now"}
#: Variables that are no option's: of logins and of the configuration, of the tests, and a slip that is shown.
VARIABLES = {"EDGE_DIGITS_CONFIG", "EDGE_DIGITS_LOGIN", "EDGE_DIGITS_MQTT_LOGIN"}
VARIABLES |= {"EDGE_DIGITS_DATA", "EDGE_DIGITS_ARM", "EDGE_DIGITS_CAMERA_HODL"}
#: Why a test is skipped where only the runner is installed.
NEEDS_TRAIN = "needs the extra train: pip install -e '.[dev]'"
COMMANDS = sorted(entry.name for entry in entry_points(group="edge_digits.commands"))


def command(name: str) -> click.Command:
    (entry,) = (entry for entry in entry_points(group="edge_digits.commands") if entry.name == name)
    loaded: click.Command = entry.load()
    return loaded


def parameters(name: str) -> list[click.Parameter]:
    """Of a command, and of its subcommands."""
    found = command(name)
    subcommands = found.commands.values() if isinstance(found, click.Group) else ()
    return [*found.params, *(parameter for subcommand in subcommands for parameter in subcommand.params)]


def flags(parameters: list[click.Parameter]) -> set[str]:
    return {flag for parameter in parameters for flag in (*parameter.opts, *parameter.secondary_opts)}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def invocations() -> list[tuple[str, list[str]]]:
    """Every `edge-digits ...` in code of the pages, as page and arguments."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code = [block for _, block in re.findall(r"^(```)\w*\n(.*?)^```", text, re.M | re.S)]
        code += re.findall(r"^ {4,}.*$", text, re.M) + re.findall(r"`([^`\n]+)`", text)
        for line in "\n".join(code).splitlines():
            shown = re.findall(r"(?<![\w.-])edge-digits +([^\s#|&][^#|&]*)", line)
            found += [(page.name, arguments.split()) for arguments in shown]
    return found


def table(page: str, first_column: str) -> list[dict[str, str]]:
    """The rows of the table whose first column has this heading, by column."""
    lines = text_of(page).splitlines()
    (start,) = (number for number, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def card_of(path: Path) -> ModelCard:
    return Finder.load(path.stem).card if path.name.startswith("finder") else Model.load(path.stem).card


def number(text: str) -> float:
    return float(text.replace(",", "").replace("%", ""))


def test_the_readme_sets_up_in_exactly_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("python3 -m venv ") for line in lines) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    missing = []
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            missing.append(target)
    assert missing == []


def test_the_readme_lists_every_page() -> None:
    listed = re.findall(r"^- \[docs/(\w+\.md)\]", text_of("README.md"), re.M)
    assert sorted(listed) == [page.name for page in sorted(DOCS.glob("*.md"))]


def test_scripts_and_benchmarks_of_the_pages_exist() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(r"\b(?:scripts|benchmarks)/[\w./-]*\w", page.read_text(encoding="utf-8"))
    }
    assert sorted(name for name in named if not (ROOT / name).exists() and not name.endswith("NAME.json")) == []
    assert "benchmarks/accuracy.py" in named


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
    shown = {arguments[0] for _, arguments in invocations() if re.fullmatch("[a-z][a-z-]*", arguments[0])}
    assert shown == set(COMMANDS)


def test_each_command_of_the_documentation_has_the_options_it_is_shown_with() -> None:
    unknown, checked = [], 0
    for page, (name, *arguments) in invocations():
        if name not in COMMANDS:
            continue
        found = command(name)
        if isinstance(found, click.Group) and arguments and arguments[0] in found.commands:
            found = found.commands[arguments[0]]
        known = flags(found.params) | {"-h", "--help", "-"}
        if found.context_settings.get("ignore_unknown_options"):  # it takes the arguments of another command
            known |= {flag for other in COMMANDS for flag in flags(parameters(other))}
        options = [argument for argument in arguments if argument.startswith("-")]
        unknown += [(page, name, option) for option in options if option.partition("=")[0] not in known]
        checked += len(options)
    assert unknown == []
    assert checked > 50


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_that_a_page_mentions_exist(page: Path) -> None:
    known = {flag for name in COMMANDS for flag in flags(parameters(name))} | flags(main.params) | FOREIGN | {"--help"}
    programs = [(ROOT / "scripts").iterdir(), (ROOT / "benchmarks").glob("*.py"), (ROOT / "tests/fuzz").glob("*.py")]
    for script in chain.from_iterable(programs):
        known |= set(re.findall(r"--[a-z][a-z0-9-]*", script.read_text(encoding="utf-8") if script.is_file() else ""))
    # Indented lines may be commands of other programs; those of this one are checked above.
    prose = re.sub(r"^```.*?^```|^ {4,}[^\n]*$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    commands = r"`(?:rpicam|sudo|vcgencmd|pip)[^`]*`"
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", re.sub(commands, "", prose)))
    assert sorted(shown - known) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_variables_that_a_page_mentions_exist(page: Path) -> None:
    """A token in a variable that nothing reads protects nothing."""
    for name in COMMANDS:
        main.get_command(click.Context(main), name)  # which names those of its options
    known = {str(option.envvar) for name in COMMANDS for option in parameters(name)} | VARIABLES
    shown = set(re.findall(r"EDGE_DIGITS_[A-Z_]+", page.read_text(encoding="utf-8")))
    assert sorted(shown - known) == []


def test_the_contracts_page_names_every_part_of_record_and_card() -> None:
    text = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    record = Reading.failed("a.png", "why").to_dict()
    assert [key for key in record if f'"{key}"' not in text and f"`{key}`" not in text] == []
    assert [name for name in ModelCard.__dataclass_fields__ if f"`{name}`" not in text] == []


def test_exit_codes_of_the_contracts_page_are_those_of_the_errors() -> None:
    text = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.M)}
    errors: list[type[EdgeDigitsError]] = [EdgeDigitsError, *EdgeDigitsError.__subclasses__()]
    raised = {error.exit_code for error in errors}
    # 6 is no error: `bench compare` found what it was told to fail on.
    assert raised | {0, 6, 130} == listed


@pytest.mark.slow
def test_the_samples_come_out_of_their_script(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "make_samples.py", tmp_path], check=True, capture_output=True)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {path.name for path in (ROOT / "samples").iterdir()}
    assert (tmp_path / "labels.csv").read_bytes() == (ROOT / "samples" / "labels.csv").read_bytes()


def test_the_readme_shows_what_python_gives() -> None:
    reader = DigitReader.load()
    reading = reader.read(ROOT / "samples" / "number-427.png")
    assert reading.text == "427"
    assert all(digit.label and digit.confidence > 0 and digit.box.x2 > digit.box.x1 for digit in reading.digits)


def test_the_readme_shows_what_predict_prints(run: Run) -> None:
    shown = re.search(r"^\$ edge-digits predict samples/\n(.*?)^```", text_of("README.md"), re.M | re.S)
    assert shown
    rows = {line.split()[0]: line.split() for line in run("predict", ROOT / "samples").out.splitlines()}
    for line in shown[1].splitlines():
        if line == "...":
            continue
        name, *cells = line.split()
        assert name in rows
        assert [cell for cell in cells if "." not in cell] == [cell for cell in rows[name][1:] if "." not in cell]
        # Confidences differ a little between processors.
        shares = [[float(cell) for cell in row if re.fullmatch(r"\d+\.\d", cell)] for row in (cells, rows[name][1:])]
        assert shares[0] == pytest.approx(shares[1], abs=1.0)


def test_the_sizes_on_the_pages_are_those_of_the_files() -> None:
    sizes = {path.stem: path.stat().st_size for path in FILES}
    headings = re.findall(r"^\*\*(\w+\.\w+), ([\d,]+) bytes\*\*", text_of("README.md"), re.M)
    assert {name: number(size) for name, size in headings} == {
        name: size for name, size in sizes.items() if name.startswith("base")
    }
    (both,) = re.findall(r"(\d+) kB for both networks", text_of("README.md"))
    assert int(both) == round((sizes["base.int8"] + sizes["finder.int8"]) / 1000, -1)
    named = re.findall(r"([\d,]+) bytes \((\w+)\)", " ".join(text_of("docs/benchmarking.md").split()))
    assert {f"base.{precision}": number(size) for size, precision in named} == {
        name: size for name, size in sizes.items() if name.startswith("base")
    }
    listed = {row["model"]: number(row["bytes"]) for row in table("docs/models.md", "model")}
    assert listed == {name: size for name, size in sizes.items() if not name.startswith("finder")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_training_page_tells_of_a_shipped_file_what_its_card_says(path: Path) -> None:
    (row,) = (row for row in table("docs/training.md", "file") if row["file"] == path.name)
    card, precision = card_of(path), path.stem.partition(".")[2]
    settings = card.train["settings"]
    assert number(row["bytes"]) == path.stat().st_size
    assert [row[column] for column in ("recipe", "started from", "commit")] == [
        card.train[field] for field in ("recipe", "init", "commit")
    ]
    assert [number(row[column]) for column in ("epochs", "learning rate", "seed")] == [
        card.train["epochs"],
        settings["learning_rate"],
        card.train["seed"],
    ]
    assert number(row["validation"]) == card.metrics["validation"][precision]
    assert number(row["test"]) == card.metrics["test"][precision]
    assert number(row["threshold"]) == card.reject["threshold"]


def accuracies(precision: str) -> dict[str, list[str]]:
    """The rows of the README's table of a classifier: pictures, exactly right, with rejected digits."""
    section = text_of("README.md").partition(f"**base.{precision}, ")[2].partition("**base.")[0].partition("\n## ")[0]
    return {cells[0]: cells[1:] for cells in re.findall(r"^\| (.+?) \| ([\d,]+) \| (.+?) \| (.+?) \|$", section, re.M)}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_accuracies_of_the_readme_agree_with_each_other(precision: str) -> None:
    stats = pytest.importorskip("scipy.stats", reason=NEEDS_TRAIN)
    rows = accuracies(precision)
    assert len(rows) == 4
    for pictures, exactly, _ in rows.values():
        share, low, high = (number(part) / 100 for part in re.findall(r"[\d.]+", exactly))
        test = stats.binomtest(round(share * number(pictures)), int(number(pictures)))
        interval = test.proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((interval.low, interval.high), abs=1e-4)
        # The share is that of a whole number of pictures.
        assert 100 * round(share * number(pictures)) / number(pictures) == pytest.approx(100 * share, abs=0.005)


def test_the_training_page_quotes_the_accuracies_of_the_readme() -> None:
    text = " ".join(text_of("docs/training.md").split())
    (quoted,) = re.findall(r"The shipped classifier reaches ([\d.]+) % and ([\d.]+) %", text)
    rows = accuracies("int8")
    photographs = next(cells for name, cells in rows.items() if name.startswith("photo_cells"))
    assert list(quoted) == [cells[1].partition(" ")[0] for cells in (rows["MNIST test"], photographs)]


@pytest.mark.slow
def test_parameter_counts_of_the_training_page_are_those_of_the_networks() -> None:
    pytest.importorskip("keras", reason=NEEDS_TRAIN)
    from edge_digits_train.networks import architectures

    counts = {
        row["network"]: number(row["parameters"]) for row in table("docs/training.md", "recipe | network | parameters")
    }
    sizes = re.findall(r"`(\w+)`(?: has)? ([\d,]+)(?: parameters)?", text_of("docs/training.md"))
    counts |= {name: number(count) for name, count in sizes if name in ("nano", "small", "stem5", "wide")}
    assert counts == {name: architectures.build(name, 10, 0.0).count_params() for name in architectures.ARCHITECTURES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_opset_and_ir_version_of_the_contracts_page_are_those_of_a_shipped_file(path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason=NEEDS_TRAIN)
    model = onnx.load(path)
    (row,) = (row for row in table("docs/contracts.md", "part") if row["part"].startswith("opset"))
    versions = f"{model.opset_import[0].version}, {model.ir_version}"
    assert row["of a finder" if path.name.startswith("finder") else "of a classifier"] == versions


def test_the_arm64_page_counts_the_samples() -> None:
    pictures = [path for path in (ROOT / "samples").iterdir() if path.suffix != ".csv"]
    assert f"{len(pictures)} of {len(pictures)} read alike" in text_of("docs/arm64.md")


def test_the_camera_page_suggests_a_threshold_below_the_shipped_one() -> None:
    (suggested,) = re.findall(r"a lower threshold, such as `--conf ([\d.]+)`", text_of("docs/camera.md"))
    assert float(suggested) < DigitReader.load().conf


def test_the_architecture_page_names_every_package() -> None:
    text = text_of("docs/architecture.md")
    for root in ("edge/edge_digits", "train/edge_digits_train", "export/edge_digits_export"):
        section = text.partition(f": `{root}`\n")[2].partition("\n## ")[0]
        described = set(re.findall(r"^- \*\*`(\w+)`\*\*", section, re.M))
        found = {
            path.stem for path in (ROOT / root).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
        }
        assert described == found - {"__init__"}


def test_the_architecture_page_shows_the_layers_that_are_checked() -> None:
    settings = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]
    layers = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    assert len(layers) == 3
    section = text_of("docs/architecture.md").partition("\n## What may import what\n")[2]
    blocks = re.findall(r"(?:^ {4}[\w |]+\n)+", section, re.M)
    assert [[line.strip() for line in block.splitlines()] for block in blocks] == layers
