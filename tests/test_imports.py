"""What may be loaded when: a board pays for OpenCV only where a picture is read, and never for Keras."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import edge_digits

RUNTIME = {"click", "cv2", "numpy", "onnxruntime"}
WEB = {"cryptography", "fastapi", "prometheus_client", "pydantic", "segno", "starlette", "uvicorn"}
TRAINING = {"keras", "matplotlib", "onnx", "tensorflow", "tf2onnx"}
EXTRAS = {"openpyxl", "paho", "pillow_heif", "prometheus_client", "pyarrow", "pypdfium2", "rich"}
RUN_COMMAND = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from edge_digits.cli import main
main()
"""


def loaded_by(code: str, *args: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after this code."""
    ended = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(ended.stderr.splitlines()[-1])}


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import json, sys, edge_digits; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    assert loaded_by(code) & (RUNTIME | TRAINING) == set()


def test_importing_the_results_and_errors_loads_nothing_heavy() -> None:
    names = "Reading, ModelError"
    code = f"import json, sys; from edge_digits import {names}; print(json.dumps([*sys.modules]), file=sys.stderr)"
    assert loaded_by(code) & (RUNTIME | TRAINING) == set()


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["batch", "--help"],
        ["predict", "--help"],
        ["bench", "--help"],
        ["doctor", "--help"],
        ["serve", "--help"],
    ],
    ids=" ".join,
)
def test_help_loads_neither_opencv_nor_onnxruntime_nor_tensorflow(args: list[str]) -> None:
    assert loaded_by(RUN_COMMAND, *args) & ((RUNTIME | TRAINING | WEB) - {"click"}) == set()


@pytest.mark.parametrize("name", ["camera", "predict"])
def test_a_region_is_parsed_before_opencv_is_loaded_which_reads_its_environment_then(name: str) -> None:
    code = f"""
import json, sys
from edge_digits.commands.{name} import command
regions = command.make_context("{name}", ["0", "--roi", "0.5,0,0.5,1"]).params["regions"]
assert [str(region) for region in regions] == ["0.5,0,0.5,1"]
print(json.dumps([*sys.modules]), file=sys.stderr)
"""
    loaded = loaded_by(code)
    assert "edge_digits" in loaded
    assert loaded & {"cv2", "onnxruntime"} == set()


def test_predict_loads_neither_training_framework_nor_web_server(good: Path) -> None:
    loaded = loaded_by(RUN_COMMAND, "predict", str(good))
    assert loaded & (TRAINING | WEB) == set()
    assert loaded >= RUNTIME, "else this test looks at the wrong process"


@pytest.mark.parametrize(
    "args", [["camera"], ["camera", "--help"], ["fleet", "--help"], ["service", "install", "--help"]]
)
def test_a_camera_loads_no_extra_that_was_not_asked_for(good: Path, args: list[str]) -> None:
    source = [str(good), "--no-window"] if args == ["camera"] else []
    assert loaded_by(RUN_COMMAND, *args, *source) & EXTRAS == set()


@pytest.mark.parametrize(
    ("package", "extra", "args"),
    [
        ("paho", "mqtt", ["camera", "--mqtt", "mqtt://127.0.0.1/x"]),
        ("paho", "mqtt", ["fleet", "--mqtt", "mqtt://127.0.0.1/x", "--json"]),
        ("rich", "fleet", ["fleet", "--mqtt", "mqtt://127.0.0.1/x"]),
        ("prometheus_client", "metrics", ["camera", "--metrics", "127.0.0.1:0"]),
        ("pyarrow", "parquet", ["export-readings", "a.sqlite", "-o", "a.parquet"]),
    ],
)
def test_an_extra_that_is_not_installed_is_named_with_how_to_install_it(
    good: Path, package: str, extra: str, args: list[str]
) -> None:
    code = f"import sys; sys.modules[{package!r}] = None\nfrom edge_digits.cli import main\nmain()"
    source = [str(good), "--no-window"] if args[0] == "camera" else []
    ended = subprocess.run([sys.executable, "-c", code, *args, *source], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith(f"-m pip install '.[{extra}]'")


@pytest.mark.parametrize("name", edge_digits.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert name in dir(edge_digits)
    assert getattr(edge_digits, name) is not None


def test_a_public_name_means_the_same_whatever_was_imported_before_it() -> None:
    code = """
import edge_digits as ed
first = {name: getattr(ed, name) for name in ed.__all__}
print(*(name for name in ed.__all__ if getattr(ed, name) is not first[name]))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [], "a module of this name hides it"


def modules(package: str) -> list[str]:
    """A package and all modules below it, by name."""
    found = importlib.import_module(package)
    return [package, *(module.name for module in pkgutil.walk_packages(found.__path__, f"{package}."))]


@pytest.mark.parametrize("name", modules("edge_digits"))
def test_every_module_can_be_imported_as_a_module(name: str) -> None:
    """`import a.b as c` takes the attribute `b` of `a`, which a function of that name would hide."""
    if name.startswith("edge_digits.web."):
        pytest.importorskip("fastapi", reason="needs the extra `web`")
    names: dict[str, object] = {}
    exec(f"import {name} as module", names)
    assert isinstance(names["module"], ModuleType)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        edge_digits.no_such_name  # noqa: B018  # looking it up is the test


def test_the_tree_of_errors_carries_the_exit_codes() -> None:
    codes = {name: getattr(edge_digits, name).exit_code for name in edge_digits.__all__ if name.endswith("Error")}
    assert codes == {
        "EdgeDigitsError": 1,
        "InstallationError": 3,
        "MissingExtraError": 1,
        "ModelError": 4,
        "OutputError": 1,
        "PictureError": 5,
        "SourceError": 3,
        "UsageError": 2,
    }


def test_a_missing_extra_is_installed_from_a_checkout_because_no_index_has_it() -> None:
    message = str(edge_digits.MissingExtraError("training", "train", "Keras"))
    assert message.startswith("training needs Keras, which is not installed.")
    assert message.endswith(f"in a checkout of edge-digits: {sys.executable} -m pip install '.[train]'")
