"""Broken installations: called that by every command, in one line, with the command that says what mends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from conftest import COMMAND, Ended, Run

from edge_digits.board import Board
from edge_digits.doctor import packages
from edge_digits.errors import InstallationError
from edge_digits.quiet import broken_installation

#: What importing a broken package does, as such packages do it: which, how, and what the message says of it.
BROKEN: dict[str, tuple[str, str, str]] = {
    "without libGL": (
        "cv2",
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')",
        "OpenCV cannot be loaded (ImportError: libGL.so.1",
    ),
    "OpenCV without its configuration": (
        "cv2",
        "raise ImportError('OpenCV loader: missing configuration file: config.py. Check OpenCV installation.')",
        "OpenCV cannot be loaded (ImportError: OpenCV loader: missing configuration",
    ),
    "OpenCV for another numpy": (
        "cv2",
        """
        import sys
        sys.stderr.write("A module that was compiled using NumPy 1.x cannot be run in\\nNumPy 2.4.6\\n")
        sys.stderr.write("Traceback (most recent call last):  File ...\\n")
        raise ImportError("numpy.core.multiarray failed to import")
        """,
        "OpenCV cannot be loaded (ImportError: numpy.core.multiarray failed to import)",
    ),
    "OpenCV of another version's parts": (
        "cv2",
        "__version__ = '4.10.0'",
        "OpenCV cannot be loaded (it lacks imdecode",
    ),
    "OpenCV that exits": ("cv2", "raise SystemExit(0)", "OpenCV cannot be loaded (SystemExit"),
    "numpy without its libraries": (
        "numpy",
        "raise ImportError('\\n\\nIMPORTANT: READ THIS\\n\\nOriginal error was: libopenblas.so.0: cannot open')",
        "NumPy cannot be loaded (ImportError: Original error was: libopenblas.so.0",
    ),
    "onnxruntime with an executable stack": (
        "onnxruntime",
        "raise ImportError('state.so: cannot enable executable stack as shared object requires: Invalid argument')",
        "onnxruntime cannot be loaded (ImportError: state.so: cannot enable executable stack",
    ),
    "onnxruntime without its parts": (
        "onnxruntime",
        "from onnxruntime_parts import no_such_part",
        "onnxruntime cannot be loaded (ModuleNotFoundError: No module named 'onnxruntime_parts'",
    ),
    "onnxruntime for a newer processor": (
        "onnxruntime",
        "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
        "onnxruntime cannot be loaded (the process died of SIGILL: it may be built for a newer processor)",
    ),
    "onnxruntime that crashes": (
        "onnxruntime",
        "import ctypes; ctypes.string_at(8)",
        "onnxruntime cannot be loaded (the process died of SIGSEGV)",
    ),
}
#: A finder that looks for a package in one folder only, as if the rest of it were removed.
ONLY_IN = """
import sys
from importlib.machinery import PathFinder

class Only:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [{folder!r}]) if name == {package!r} else None

sys.meta_path.insert(0, Only)
"""


def standin(folder: Path, package: str, code: str) -> dict[str, str]:
    """A module that is found before the real package; the environment that has it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{package}.py").write_text(textwrap.dedent(code) + "\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def assert_called_broken(ended: Ended, said: str) -> None:
    assert said in ended.err
    assert ended.err.startswith("edge-digits: ")
    assert ended.err.endswith(". Run: edge-digits doctor\n")
    assert ended.err.count("\n") == 1, "it is said once"
    assert (ended.code, ended.out) == (3, "")


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_is_called_that_and_no_model_or_picture_is_blamed(
    run: Run, good: Path, tmp_path: Path, kind: str
) -> None:
    package, code, said = BROKEN[kind]
    assert_called_broken(run("predict", good.name, env=standin(tmp_path / "standins", package, code)), said)


@pytest.mark.parametrize("package", ["cv2", "onnxruntime"])
def test_a_package_that_was_half_removed_is_called_that(run: Run, good: Path, tmp_path: Path, package: str) -> None:
    """Of two OpenCVs in one folder, removing one takes the other's files along: a folder without code is left."""
    (tmp_path / "rest" / package / "data").mkdir(parents=True)
    code = ONLY_IN.format(folder=str(tmp_path / "rest"), package=package)
    ended = run("predict", good.name, env=standin(tmp_path / "standins", "sitecustomize", code))
    assert_called_broken(ended, "cannot be loaded (only parts of it are left)")


def test_a_package_that_is_not_there_is_called_that(run: Run, good: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['onnxruntime'] = None"
    ended = run("predict", good.name, env=standin(tmp_path / "standins", "sitecustomize", code))
    assert_called_broken(ended, "onnxruntime cannot be loaded (it is not installed)")


@pytest.mark.parametrize(
    "args",
    [
        ["camera", "fake:good.png"],
        ["camera", "--list-cameras"],
        ["bench", "--runs", "1"],
        ["evaluate", "digits", "--data", "."],
        ["train", "--data", ".", "-o", "run"],
        ["export", "run"],
        ["data", ".", "-o", "page.html"],
    ],
    ids=" ".join,
)
def test_every_command_says_so_alike(run: Run, good: Path, tmp_path: Path, args: list[str]) -> None:
    # keras alone takes seconds, and what it stands on needs numpy first.
    package, code, _ = BROKEN["numpy without its libraries"]
    ended = run(*args, env=standin(tmp_path / "standins", package, code))
    assert_called_broken(ended, "NumPy cannot be loaded")


def test_a_sound_installation_is_quiet(run: Run, good: Path) -> None:
    ended = run("predict", good.name, "--format", "jsonl")
    assert (ended.code, ended.err, ended.texts) == (0, "", {"good.png": "427"})


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_keep_no_package_from_loading(run: Run, good: Path, tmp_path: Path, closed: str) -> None:
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    assert run("predict", good.name, "-o", "read.jsonl", "--format", "jsonl", within=shell).code == 0
    assert '"text": "427"' in (tmp_path / "read.jsonl").read_text()


def test_the_doctor_finds_each_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board("", "", 4, (), "", "", 64, 4 << 30, False)
    names = {module: distribution for distribution, module in packages.PACKAGES.items()}
    for number, (package, code, _) in enumerate(BROKEN.values()):
        for name, value in standin(tmp_path / str(number), package, code).items():
            with monkeypatch.context() as changed:
                changed.setenv(name, value)
                check = packages.package(names[package], package, board)
                assert (check.status, bool(check.mend)) == ("failure", True), code


HANGS = """
import pathlib, time
pathlib.Path("loading").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    raise ImportError("numpy.core.multiarray failed to import")  # what native code makes of it
"""
HANGS_OPENING = """
import pathlib, time

class SessionOptions:
    def add_session_config_entry(self, key, value):
        pass

class InferenceSession:
    def __init__(self, *args, **options):
        pathlib.Path("loading").touch()
        time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "code", "args"),
    [
        ("numpy", HANGS, ["predict", "good.png"]),
        ("cv2", HANGS, ["predict", "good.png"]),
        ("onnxruntime", HANGS, ["predict", "good.png"]),
        ("onnxruntime", HANGS_OPENING, ["predict", "good.png"]),
        ("cv2", HANGS, ["camera", "fake:good.png"]),
        ("keras", HANGS, ["train", "--data", ".", "-o", "run"]),
        ("tensorflow", HANGS, ["export", "run"]),
    ],
)
def test_ctrl_c_while_a_package_loads_ends_with_130_and_one_word(
    good: Path, tmp_path: Path, package: str, code: str, args: list[str]
) -> None:
    env = {**os.environ, **standin(tmp_path / "standins", package, code)}
    with subprocess.Popen([*COMMAND, *args], cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 30
        while not (tmp_path / "loading").exists():
            assert time.monotonic() < deadline
            assert child.poll() is None, child.communicate()
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (130, "\ninterrupted\n")


def test_in_a_program_the_import_fails_as_imports_do(tmp_path: Path) -> None:
    """Only the command line watches over imports: a program that uses the package has its own way with errors."""
    package, code, _ = BROKEN["without libGL"]
    env = {**os.environ, **standin(tmp_path / "standins", package, code)}
    program = "import edge_digits\ntry:\n    edge_digits.DigitReader\nexcept ImportError as error:\n    print(error)"
    ended = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("libGL.so.1")


def test_an_error_that_hides_a_broken_package_is_traced_to_it() -> None:
    def hide() -> None:
        try:
            raise InstallationError("OpenCV cannot be loaded")
        except ImportError:
            raise ValueError("no picture") from None

    with pytest.raises(ValueError, match="no picture") as raised:
        hide()
    assert str(broken_installation(raised.value)) == "OpenCV cannot be loaded"
    assert broken_installation(ValueError("no picture")) is None
