"""`edge-digits doctor`: on this machine, and on machines where something is missing, broken, too hot or too old."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cameras import rpicam
from conftest import Run, Terminal

from edge_digits.board import Board, State
from edge_digits.doctor import cameras, child, packages, selftest, system
from edge_digits.doctor.check import SCHEMA, Check
from edge_digits.inference import shipped

__all__ = ["rpicam"]
PI = Board("Raspberry Pi 4 Model B", "Cortex-A72", 4, (), "Debian 12", "6.6", 64, 4 << 30, False)
WELL = State(None, None, 50.0, 0, None, None, False, 3 << 30, None)
#: Seconds; it starts eight processes, and other programs may want the processor too.
SLOW = 300
#: What an import says of each fault.
NO_LIBGL = "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
CLASH = "raise ValueError('numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88')"
DIES = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"


def state(**facts: object) -> State:
    return State(**{**WELL.__dict__, **facts})


def module(folder: Path, name: str, code: str) -> Path:
    """A folder that holds a module of this name."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(code + "\n")
    return folder


def first_in_path(folder: Path) -> str:
    """PYTHONPATH with this folder before all others."""
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])


@pytest.fixture
def shadowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules hide those that are installed."""
    monkeypatch.setenv("PYTHONPATH", first_in_path(tmp_path / "modules"))
    return tmp_path / "modules"


def test_this_machine_can_do_its_work(run: Run) -> None:
    ended = run("doctor", "--json", timeout=SLOW)
    page = json.loads(ended.out)
    checks = {check["name"]: check for check in page["checks"]}
    assert (page["schema"], ended.code, ended.err) == (SCHEMA, 0, "")
    assert {"system", "python", "numpy", "libGL, libglib", "power, heat", "memory", "disk", "display"} <= checks.keys()
    assert page["board"]["cores"] >= 1
    for name in shipped.names():
        assert checks[f"model {name}"]["status"] == "ok", checks[f"model {name}"]
        assert "reads" in checks[f"model {name}"]["said"]
    assert [check for check in page["checks"] if check["status"] != "ok" and not check["mend"]] == []


def test_without_opencv_the_page_says_so_and_how_to_mend_it(run: Run, tmp_path: Path) -> None:
    path = first_in_path(module(tmp_path / "modules", "cv2", NO_LIBGL))
    ended = run("doctor", env={"PYTHONPATH": path}, timeout=SLOW)
    assert ended.code == 1
    assert "sudo apt install libgl1 libglib2.0-0" in ended.out
    assert "not tried, for want of opencv-python" in ended.out
    assert "\x1b" not in ended.out


def test_a_terminal_shows_colours(terminal: Terminal) -> None:
    ended = terminal("doctor", records_there_too=True)
    assert "\x1b[32mok" in ended.err


@pytest.mark.parametrize(
    ("distribution", "name", "code", "said", "mend"),
    [
        ("opencv-python", "cv2", NO_LIBGL, "libGL.so.1", "sudo apt install libgl1 libglib2.0-0"),
        ("opencv-python", "cv2", CLASH, "numpy.dtype size changed", "--force-reinstall 'numpy>=2.0' 'opencv-python>="),
        ("opencv-python", "cv2", "__version__ = '4.5.5'", "4.5.5, and 4.11 is needed", "--upgrade 'opencv-python>="),
        ("onnxruntime", "onnxruntime", "import no_such_part", "No module named", "pip install 'onnxruntime>="),
        ("onnxruntime", "onnxruntime", DIES, "died of SIGILL", "--force-reinstall 'onnxruntime>="),
        ("numpy", "numpy", "raise ImportError('a\\nOriginal error was: libopenblas.so.0')", "libopenblas", "'numpy>="),
    ],
)
def test_a_package_that_fails_is_told_with_its_reason_and_mended(
    shadowed: Path, distribution: str, name: str, code: str, said: str, mend: str
) -> None:
    module(shadowed, name, code)
    check = packages.package(distribution, name, PI)
    assert check.status == "failure"
    assert said in check.said
    assert mend in check.mend


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("cv2", "__version__ = '9.9'", "9.9 does not work: AttributeError"),
        ("onnxruntime", "__version__ = '9.9'\nclass InferenceSession: pass", "9.9 does not work: TypeError"),
    ],
)
def test_a_package_that_is_imported_and_cannot_work_is_no_good_one(
    shadowed: Path, name: str, code: str, said: str
) -> None:
    """Such as the rest of an OpenCV, another of which was removed from the same folder."""
    module(shadowed, name, code)
    distribution = {module: distribution for distribution, module in packages.PACKAGES.items()}[name]
    check = packages.package(distribution, name, PI)
    assert (check.status, bool(check.mend)) == ("failure", True)
    assert said in check.said


def test_the_packages_of_training_may_be_missing_and_are_told_where_they_are_broken(shadowed: Path) -> None:
    module(shadowed, "keras", "raise ModuleNotFoundError(\"No module named 'keras'\")")
    assert (packages.training().status, packages.training().mend) == ("ok", "")
    module(shadowed, "keras", "import tensorflow_without_its_parts")
    check = packages.training()
    assert check.status == "warning"
    assert "tensorflow_without_its_parts" in check.said
    assert "'.[train]'" in check.mend


def installed(folder: Path, name: str, *lines: str) -> None:
    """What pip leaves of a distribution for others to see."""
    metadata = folder / f"{name.replace('-', '_')}-5.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 5.0", *lines]) + "\n")


def test_a_headless_opencv_is_as_good_and_is_the_one_that_is_mended_where_it_was_asked_for(
    shadowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    installed(tmp_path, "edge-digits", "Requires-Dist: opencv-python-headless>=4.10")
    assert packages.package("opencv-python", "cv2", PI).status == "ok"
    module(shadowed, "cv2", "import no_such_part")
    assert packages.package("opencv-python", "cv2", PI).mend.endswith("install 'opencv-python-headless>=4.10'")


def test_a_headless_opencv_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "edge-digits", "Requires-Dist: opencv-python>=4.10")
    installed(tmp_path, "opencv-python-headless")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # and nothing else
    assert packages.package("opencv-python", "cv2", PI).said.endswith(" (opencv-python-headless), tried")


@pytest.mark.parametrize("needed", ["opencv-python", "opencv-python-headless"])
def test_of_two_opencvs_the_one_that_was_not_asked_for_is_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: str
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    installed(tmp_path, "edge-digits", f"Requires-Dist: {needed}>=4.10")
    installed(tmp_path, "opencv-python")
    installed(tmp_path, "opencv-python-headless")
    (check,) = packages.conflicting_opencvs()
    (other,) = {"opencv-python", "opencv-python-headless"} - {needed}
    assert f"uninstall -y {other} &&" in check.mend
    assert check.mend.endswith(f"'{needed}>=4.10'")


def test_a_module_in_the_current_folder_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(module(tmp_path / "here", "click", "raise RuntimeError"))
    assert packages.package("click", "click", PI).status == "ok"


def test_a_32_bit_system_fails_and_is_to_be_written_anew(shadowed: Path) -> None:
    old = Board(**{**PI.__dict__, "bits": 32})
    module(shadowed, "onnxruntime", "raise ModuleNotFoundError(\"No module named 'onnxruntime'\")")
    for check in (system.system(old), packages.package("onnxruntime", "onnxruntime", old)):
        assert check.status == "failure"
        assert "64-bit Raspberry Pi OS" in check.mend
    assert system.system(PI).status == "ok"


@pytest.mark.parametrize(
    ("facts", "status", "said", "mend"),
    [
        ({}, "ok", "never throttled since boot", ""),
        ({"throttled": None, "under_voltage": None, "temperature_c": None}, "ok", "does not tell", ""),
        ({"throttled": 0x10000}, "warning", "since boot: under-voltage", "power supply"),
        ({"throttled": 0x50005, "under_voltage": True}, "failure", "now: under-voltage, throttled", "power supply"),
        ({"throttled": None, "under_voltage": True}, "failure", "now: under-voltage", "power supply"),
        ({"throttled": 0x80008}, "warning", "now: soft temperature limit", "a fan"),
        ({"temperature_c": 84.2}, "warning", "84 °C", "a fan"),
        ({"on_battery": True}, "ok", "on battery", ""),
    ],
)
def test_a_weak_supply_and_heat_are_told(facts: dict[str, object], status: str, said: str, mend: str) -> None:
    check = system.power(state(**facts))
    assert check.status == status
    assert said in check.said
    assert mend in check.mend
    assert bool(check.mend) == (status != "ok")


def test_little_memory_is_a_warning() -> None:
    assert system.memory(state(available_bytes=90 << 20)).status == "warning"
    assert system.memory(WELL).status == "ok"
    assert system.memory(state(available_bytes=None)).status == "ok"


def test_a_processor_without_dot_products_is_pointed_to_fp32() -> None:
    assert "--precision fp32" in system.processor(PI).said
    assert "asimddp" in system.processor(Board(**{**PI.__dict__, "features": ("asimddp",)})).said


def test_picamera2_with_another_numpy_is_told_where_nothing_else_reads_csi(
    shadowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packages.picamera2().status == "ok", "not installed"
    module(shadowed, "picamera2", CLASH)
    monkeypatch.setenv("PATH", str(tmp_path))
    check = packages.picamera2()
    assert check.status == "warning"
    assert "numpy.dtype size changed" in check.said
    assert check.mend == "sudo apt install rpicam-apps-lite"
    program = tmp_path / "rpicam-vid"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert packages.picamera2().status == "ok"


@pytest.mark.slow
def test_a_camera_gives_a_real_frame(rpicam: Path) -> None:
    found = {check.name: check for check in cameras.cameras()}
    assert found["camera csi:0"].status == "ok", found
    assert "640 x 480" in found["camera csi:0"].said


@pytest.mark.slow
def test_a_camera_that_gives_none_fails_with_its_reason(rpicam: Path) -> None:
    program = rpicam / "rpicam-vid"
    real = program.read_text().splitlines()[1].removeprefix("exec ").removesuffix('"$@"')
    listing = f'#!/bin/sh\ncase "$*" in *--list-cameras*) exec {real} "$@";; esac\n'
    program.write_text(listing + "echo 'ERROR: *** no cameras available ***' >&2; exit 255\n")
    (check,) = (check for check in cameras.cameras() if check.name == "camera csi:0")
    assert check.status == "failure"
    assert "no cameras available" in check.said
    assert check.mend


def test_without_a_display_nothing_is_wrong_and_one_that_is_dead_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert cameras.display().status == "ok"
    monkeypatch.setenv("DISPLAY", ":97")
    check = cameras.display()
    assert check.status == "warning"
    assert check.mend


def test_the_sums_of_the_shipped_models_are_up_to_date() -> None:
    wrong = shipped.damaged(shipped.folder())
    assert wrong == {}, "where these models are meant: cd models && sha256sum *.onnx > SHA256SUMS"


def test_a_damaged_a_missing_and_a_foreign_model_are_told(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shipped.folder(), tmp_path / "models"))
    content = bytearray((folder / "base.int8.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "base.int8.onnx").write_bytes(content)
    (folder / "finder.int8.onnx").unlink()
    (folder / "mine.int8.onnx").write_bytes(b"")
    assert {name: what.split(" (")[0] for name, what in shipped.damaged(folder).items()} == {
        "base.int8.onnx": "is not what was released",
        "finder.int8.onnx": "cannot be read",
        "mine.int8.onnx": "is not one that was released",
    }
    (folder / shipped.SUMS).unlink()
    assert shipped.damaged(folder) == {shipped.SUMS: "is missing or cannot be read"}


def test_a_model_that_reads_wrong_is_found_by_its_answer(tmp_path: Path) -> None:
    content = (Path(__file__).parent / "golden" / "crops.int8.onnx").read_bytes()
    labels = b'["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]'
    assert labels in content
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(content.replace(labels, b'["0", "1", "2", "3", "7", "5", "6", "4", "8", "9"]'))
    assert selftest.answer(str(wrong))["read"] == "724"
    assert selftest.answer(str(wrong))["expected"] == "427"


def test_a_model_that_cannot_be_used_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").write_bytes(b"")
    answers = selftest.answers([str(tmp_path / "empty.onnx"), "base.int8"])
    assert "is empty" in answers[str(tmp_path / "empty.onnx")]["error"]
    assert answers["base.int8"]["read"] == "427"


def test_a_check_is_what_json_takes() -> None:
    assert Check("disk", "ok", "75.0 GB free").to_dict() == {
        "name": "disk",
        "status": "ok",
        "said": "75.0 GB free",
        "mend": "",
    }


BEHAVIOURS = {
    "hangs": ("import time; time.sleep(600)", "no answer within 3 s"),
    "dies": (DIES, "died of SIGILL"),
    "ends at once": ("import os; os._exit(7)", "ended with 7"),
    "raises SystemExit": ("raise SystemExit('enough')", "SystemExit: enough"),
    "prints a number and dies": ("print(5, flush=True); import os; os._exit(0)", "ended with 0"),
    "prints a list and dies": ("print('[1, 2]', flush=True); import os; os._exit(0)", "ended with 0"),
    "prints an object and dies": ("print('{}', flush=True); import os; os._exit(0)", "ended with 0"),
    "complains and dies": ("import os; os.write(2, b'first\\nno such device\\n'); os._exit(1)", "no such device"),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_child_that_gives_no_answer_gives_a_reason(shadowed: Path, behaviour: str) -> None:
    code, reason = BEHAVIOURS[behaviour]
    module(shadowed, "click", code)
    timeout = 3.0 if behaviour == "hangs" else child.TIMEOUT
    answer, said = child.ask("package_version", "click", timeout=timeout)
    assert answer is None
    assert reason in said


@pytest.mark.parametrize("rubbish", ["print('rubbish')", "import os; os.write(1, b'rubbish without an end')"])
def test_a_child_that_prints_rubbish_is_understood(shadowed: Path, rubbish: str) -> None:
    module(shadowed, "click", f"__version__ = '9.1'; {rubbish}")
    assert child.ask("package_version", "click") == ("9.1", "")


def test_the_probe_imports_nothing_that_may_be_broken() -> None:
    code = "import sys, edge_digits.doctor.probe, edge_digits.doctor.examination; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "cv2", "onnxruntime", "click"} & set(ended.stdout.split()) == set()


def test_pip_is_that_of_this_python(shadowed: Path) -> None:
    module(shadowed, "onnxruntime", DIES)
    assert packages.package("onnxruntime", "onnxruntime", PI).mend.startswith(sys.executable)
