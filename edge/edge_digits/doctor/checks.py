"""Whether edge-digits can work on this machine, check by check, and how to mend what is not well.

Nothing that may be broken is imported here: numpy, OpenCV, onnxruntime and all that stands on them run in processes of
their own, which may fail, hang or die of a signal, as they do where a library or an instruction is missing.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from edge_digits import __version__
from edge_digits.board import Board, State, in_group, throttled_now, throttled_since_boot
from edge_digits.errors import ModelError, install_from_checkout, pip_install
from edge_digits.inference import shipped

SCHEMA = "edge-digits/doctor/1"
Status = Literal["ok", "warning", "failure"]
#: What the runner stands on: the name of the distribution, and of the module.
PACKAGES = {"numpy": "numpy", "opencv-python": "cv2", "onnxruntime": "onnxruntime", "click": "click"}
#: OpenCV comes as several distributions, which write into the same folder.
_OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
#: Reading one photograph takes 120 MB in all; a camera and its window more.
_MEMORY = 200 * 10**6
_DISK = 200 * 10**6
#: The Raspberry Pi's firmware begins to lower the clock at 80 degrees Celsius.
_HOT = 80.0
#: Seconds for a process of its own. A camera may take 40 until its first frame.
_PATIENCE = 90.0
_REFLASH = (
    "write the 64-bit Raspberry Pi OS to the SD card, with Raspberry Pi Imager "
    "(https://www.raspberrypi.com/software/): there is no onnxruntime for 32 bits"
)
_LIBRARIES = "sudo apt install libgl1 libglib2.0-0"
_REINSTALL = install_from_checkout("--force-reinstall --no-deps .")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what it is, in a word or two.
        status: "ok"; "warning", something works less well or not at all that one may not need; "failure".
        said: what was found.
        mend: the command, or the step, that mends it; empty where nothing needs it.
    """

    name: str
    status: Status
    said: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        """As JSON takes it."""
        return asdict(self)


def examine(board: Board, state: State, folder: Path | None = None) -> Iterator[Check]:
    """Look at everything, in the order in which one thing needs another; takes some seconds.

    Args:
        board, state: of this machine.
        folder: where free disk space is wanted; the current folder by default.
    """
    yield system(board)
    yield processor(board)
    yield python()
    broken = []
    for distribution, module in PACKAGES.items():
        check = package(distribution, module, board)
        broken += [distribution] * (check.status == "failure")
        yield check
    yield from several_opencvs()
    yield libraries(needed="opencv-python" in broken)
    yield picamera2()
    yield supply(state)
    yield memory(state)
    yield disk(folder or Path.cwd())
    yield group()
    if broken:
        yield Check("cameras, display", "warning", f"not tried, for want of {', '.join(broken)}", "mend those first")
    else:
        yield from cameras()
        yield display()
    yield from models(broken)


def system(board: Board) -> Check:
    """The operating system has 64 bits."""
    said = ", ".join([board.system or platform.system(), f"{board.bits or 'unknown'} bits"])
    said += f", kernel {board.kernel}" * bool(board.kernel) + ", in a container" * bool(board.container)
    return Check("system", "failure", said, _REFLASH) if board.bits == 32 else Check("system", "ok", said)


def processor(board: Board) -> Check:
    """What it is, and whether int8 is faster on it."""
    said = " ".join([f"{board.cores} x" if board.cores else "", board.processor or platform.machine()]).strip()
    said = f"{board.model}, {said}" if board.model else said
    if board.features is None:
        return Check("processor", "ok", said)
    if board.features:
        return Check("processor", "ok", f"{said}, int8 by {', '.join(board.features)}")
    return Check("processor", "ok", f"{said}, no instructions for int8: -m digits.fp32 may be as fast")


def python() -> Check:
    """The version of Python, and of this package; its own requirement keeps older ones away."""
    place = "virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    return Check(
        "python", "ok", f"{platform.python_version()} ({sys.prefix}, {place}), edge-digits {__version__} installed"
    )


def package(distribution: str, module: str, board: Board) -> Check:
    """A package can be imported, and is not older than edge-digits needs."""
    needed = _requirement(distribution)
    version, reason = _ask(f"import {module}; answer = getattr({module}, '__version__', '')")
    if reason:
        return Check(distribution, "failure", f"cannot be imported: {reason}", _mend(distribution, reason, board))
    version = version or metadata.version(distribution)
    least = needed.partition(">=")[2]
    if least and _numbers(version) < _numbers(least):
        return Check(distribution, "failure", f"{version}, and {least} is needed", pip_install(f"--upgrade '{needed}'"))
    return Check(distribution, "ok", version)


def _mend(distribution: str, reason: str, board: Board) -> str:
    needed = _requirement(distribution)
    if "lib" in reason and ".so" in reason and distribution == "opencv-python":
        return _LIBRARIES
    if re.search(r"numpy\.dtype size changed|NumPy 1\.x|multiarray|numpy\.core", reason):
        numpy = _requirement("numpy")
        return (
            pip_install(f"--upgrade --force-reinstall '{numpy}' '{needed}'")
            if distribution != "numpy"
            else _anew(numpy)
        )
    if "No module named" in reason and board.bits == 32 and distribution == "onnxruntime":
        return _REFLASH
    if "No module named" in reason:
        return pip_install(f"'{needed}'")
    return _anew(needed)


def _anew(needed: str) -> str:
    return pip_install(f"--upgrade --force-reinstall '{needed}'")


def several_opencvs() -> Iterator[Check]:
    """At most one OpenCV is installed: they overwrite each other's files."""
    found = [name for name in _OPENCVS if _version(name)]
    if len(found) > 1:
        others = " ".join(name for name in found if name != "opencv-python")
        pip = f"{shlex.quote(sys.executable)} -m pip"
        yield Check(
            "several OpenCVs",
            "warning",
            f"{' and '.join(found)} are installed, in the same folder",
            f"{pip} uninstall -y {others} && {_anew(_requirement('opencv-python'))}",
        )


def libraries(*, needed: bool) -> Check:
    """The libraries that OpenCV's wheels take from the system, and that Raspberry Pi OS Lite lacks."""
    missing = []
    for name in ("libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0"):
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    if not missing:
        return Check("libGL, libglib", "ok", "there")
    if needed:
        return Check("libGL, libglib", "failure", f"missing: {', '.join(missing)}", _LIBRARIES)
    return Check("libGL, libglib", "ok", f"{', '.join(missing)} missing, and this OpenCV needs none of it")


def picamera2() -> Check:
    """Its numpy is the system's, and may clash with the one that OpenCV needs; rpicam-vid does without."""
    version, reason = _ask("import picamera2; answer = getattr(picamera2, '__version__', 'installed')")
    if not reason:
        return Check("picamera2", "ok", f"{version or 'installed'}; agrees with this numpy")
    if "No module named 'picamera2'" in reason:
        return Check("picamera2", "ok", "not installed here, and not needed: CSI cameras are read through rpicam-vid")
    if shutil.which("rpicam-vid") or shutil.which("libcamera-vid"):
        return Check("picamera2", "ok", f"cannot be imported ({reason}); not needed, rpicam-vid is there")
    return Check("picamera2", "warning", f"cannot be imported: {reason}", "sudo apt install rpicam-apps-lite")


def supply(state: State) -> Check:
    """Under-voltage, throttling and heat, now and since boot."""
    now = throttled_now(state.throttled or 0)
    before = [word for word in throttled_since_boot(state.throttled or 0) if word not in now]
    heat = state.temperature_c
    said = [] if heat is None else [f"{heat:.0f} °C"]
    weak = state.under_voltage or "under-voltage" in (*now, *before)
    if state.under_voltage and "under-voltage" not in now:
        now = ("under-voltage", *now)
    said += [f"now: {', '.join(now)}"] * bool(now) + [f"since boot: {', '.join(before)}"] * bool(before)
    said += ["on battery"] * bool(state.on_battery)
    hot = heat is not None and heat >= _HOT
    steps = ["use the board's own power supply (5 V, 5 A for a Raspberry Pi 5) and a short cable"] * bool(weak)
    steps += ["fit a heat sink or a fan"] * bool(hot or {*now, *before} - {"under-voltage"})
    steps += ["sudo reboot clears what is remembered"] * bool(before)
    if now or before or hot:
        return Check("power, heat", "failure" if state.under_voltage else "warning", "; ".join(said), "; ".join(steps))
    if state.throttled is not None:
        said.append("never throttled since boot")
    return Check("power, heat", "ok", "; ".join(said) or "this machine does not tell")


def memory(state: State) -> Check:
    """Enough is left to read a photograph."""
    if state.available_bytes is None:
        return Check("memory", "ok", "this machine does not tell")
    mend = "ps aux --sort=-rss | head shows who takes it; end what is not needed"
    return _room("memory", state.available_bytes, _MEMORY, mend)


def disk(folder: Path) -> Check:
    """Enough is left to write results."""
    usage = shutil.disk_usage(folder)
    return _room("disk", usage.free, _DISK, "sudo apt clean; du -xh / | sort -h | tail shows what takes the most")


def _room(name: str, free: int, least: int, mend: str) -> Check:
    said = f"{free / 1e9:.1f} GB free"
    return Check(name, "ok", said) if free >= least else Check(name, "warning", f"only {free / 1e6:.0f} MB free", mend)


def group() -> Check:
    """This user may use cameras."""
    if in_group("video"):
        return Check("group video", "ok", "this user may use cameras")
    said = "this user is not in it, and may not use cameras"
    return Check("group video", "warning", said, "sudo usermod -aG video $USER, and log in again")


def cameras() -> Iterator[Check]:
    """The cameras that are there, and a frame of each, by the very command that reads them."""
    found, reason = _ask(
        "from edge_digits.sources.discovery import camera_hints, list_cameras\n"
        "found = list_cameras()\n"
        "answer = [[[one.source, one.description] for one in found], camera_hints(found)]"
    )
    if reason:
        yield Check("cameras", "failure", f"cannot be listed: {reason}", _REINSTALL)
        return
    listed, hints = found
    if not listed:
        yield Check("cameras", "warning", "none is there", "\n".join(hint.strip() for hint in hints))
    for source, description in listed:
        yield _frame(source, description)


def _frame(source: str, description: str) -> Check:
    options = ["--max-frames", "1", "--raw", "--format", "jsonl", "--no-window"]
    name = f"camera {source}"
    try:
        ended = _child("from edge_digits.cli import main; main()", "camera", source, *options)
        record = json.loads(ended.stdout.splitlines()[0])
    except subprocess.TimeoutExpired:
        return Check(name, "failure", f"{description}: no frame within {_PATIENCE:g} s", "check its cable")
    except (IndexError, ValueError):
        problem = ended.stderr.strip().removeprefix("edge-digits: ") or _death(ended)
        what, _, mend = problem.partition(". ")
        return Check(name, "failure", f"{description}: {what}", mend or "check its cable, and that no one else uses it")
    size = f"{record['width']} x {record['height']}"
    return Check(name, "ok", "; ".join([f"{description}: a frame of {size}", *record["warnings"]]))


def display() -> Check:
    """A window can be opened; without one, `camera` reads in the terminal."""
    said, reason = _ask("from edge_digits.live.window import why_no_window; answer = why_no_window()")
    if reason:
        return Check("display", "warning", f"cannot be tried: {reason}", _LIBRARIES)
    if said is None:
        return Check("display", "ok", "a window can be opened")
    what, _, mend = str(said).partition("; ")
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Check("display", "ok", f"{what}; camera reads in the terminal")
    return Check("display", "warning", f"no window: {what}", mend or "log in on the desktop, or use: ssh -X")


def models(broken: list[str]) -> Iterator[Check]:
    """The shipped models are what was released, and read what is drawn for them."""
    try:
        wrong, names = shipped.damaged(shipped.folder()), shipped.names()
    except ModelError as error:
        yield Check("models", "failure", str(error), _REINSTALL)
        return
    for file, what in sorted(wrong.items()):
        if file.removesuffix(".onnx") not in names:
            yield Check(f"model {file}", "failure", what, _REINSTALL)
    answers, reason = (
        ({}, "") if broken else _ask(f"from edge_digits.doctor.selftest import answers; answer = answers({names!r})")
    )
    for name in names:
        what = wrong.get(f"{name}.onnx", "")
        said, mend = ([what], [_REINSTALL]) if what else (["as released"], [])
        status: Status = "failure" if what else "ok"
        if broken:
            said.append(f"not tried, for want of {', '.join(broken)}")
        else:
            right, answered = _judged(answers[name]) if answers else (False, f"cannot be used: {reason}")
            said.append(answered)
            if not right:
                status = "failure"
                mend = mend or [f"{_anew(_requirement('onnxruntime'))}; or read with another model: -m digits.fp32"]
        yield Check(f"model {name}", status, "; ".join(said), "; ".join(mend))


def _judged(answer: dict[str, Any]) -> tuple[bool, str]:
    """Whether a model's answer is the known one, and what it was."""
    if "error" in answer:
        return False, f"cannot be used: {answer['error']}"
    expected, read = (" / ".join(answer[key].split("\n")) for key in ("expected", "read"))
    if expected != read:
        return False, f"reads {read or 'nothing'} where {expected} is drawn"
    return True, f"reads {read}, {100 * answer['confidence']:.1f} % sure"


def _ask(code: str) -> tuple[Any, str]:
    """Run code that sets `answer`, in a process of its own: the answer, and why there is none."""
    program = (
        "import json\n"
        "def why(error):\n"
        "    lines = [line.strip() for line in str(error).splitlines() if line.strip()]\n"
        "    told = [line for line in lines if 'riginal error was' in line or '.so' in line] + lines[:1]\n"
        "    return ': '.join([type(error).__name__, *told[:1]])\n"
        "try:\n"
        f"    exec({code!r})\n"
        "    said = [answer, '']\n"
        "except BaseException as error:\n"
        "    said = [None, why(error)]\n"
        "print()\n"
        "print(json.dumps(said), flush=True)\n"
        # What these packages do at exit is nobody's business, and may crash.
        "import os; os._exit(0)"
    )
    try:
        ended = _child(program)
        answer, reason = json.loads(ended.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return None, f"no answer within {_PATIENCE:g} s"
    except (IndexError, ValueError):
        return None, _death(ended)
    return answer, reason


def _child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -P: a numpy.py in the current folder is not numpy. onnxruntime would report its use over the network.
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=_PATIENCE,
        check=False,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
    )


def _death(ended: subprocess.CompletedProcess[str]) -> str:
    if ended.returncode >= 0:
        lines = ended.stderr.strip().splitlines()
        return lines[-1] if lines else f"ended with {ended.returncode}"
    name = signal.Signals(-ended.returncode).name
    more = ": this build is for a newer processor" if name == "SIGILL" else ""
    return f"the process died of {name}{more}"


def _requirement(distribution: str) -> str:
    """What edge-digits' own metadata asks for: "numpy>=2.0"."""
    for line in metadata.requires("edge-digits") or []:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)(>=[0-9.]+)?", line.replace(" ", ""))
        if match and match[1] == distribution:
            return match[0]
    return distribution


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in match[0].split(".")) if match else ()
