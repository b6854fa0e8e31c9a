"""The packages that the runner needs, and the libraries that they need."""

from __future__ import annotations

import ctypes
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from edge_digits.board import Board
from edge_digits.doctor.check import Check
from edge_digits.doctor.child import ask
from edge_digits.doctor.system import REFLASH
from edge_digits.errors import install_from_checkout, pip_install
from edge_digits.quiet import LIBRARIES, lacks_library

#: The OpenCV that opens windows; the headless ones read just as well.
OPENCV = "opencv-python"
#: What the runner needs: the name of the distribution, and of the module.
PACKAGES = {"numpy": "numpy", OPENCV: "cv2", "onnxruntime": "onnxruntime", "click": "click"}
#: OpenCV comes as several distributions, which write into the same folder.
_OPENCVS = (OPENCV, "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


def package(distribution: str, module: str, board: Board) -> Check:
    """A package can be imported, is not older than edge-digits needs, and does its work."""
    needed = requirement(distribution)
    version, reason = ask("package_version", module)
    if reason:
        return Check(distribution, "failure", f"cannot be imported: {reason}", _remedy(distribution, reason, board))
    version = version or _version(distribution)
    minimum = needed.partition(">=")[2]
    if minimum and _numbers(version) < _numbers(minimum):
        return Check(
            distribution, "failure", f"{version}, and {minimum} is needed", pip_install(f"--upgrade '{needed}'")
        )
    _, reason = ask("try_package", module)
    if reason:
        return Check(
            distribution, "failure", f"{version} does not work: {reason}", _remedy(distribution, reason, board)
        )
    return Check(distribution, "ok", f"{version}{_instead(distribution)}, tried".removeprefix(", "))


def training() -> Check:
    """Keras and TensorFlow can be imported, where they are there; reading needs neither."""
    version, reason = ask("package_version", "keras")
    if "No module named 'keras'" in reason:
        return Check("training", "ok", "not installed here, and not needed to read")
    if reason:
        mend = install_from_checkout("--force-reinstall '.[train]'")
        return Check("training", "warning", f"Keras cannot be imported: {reason}", mend)
    return Check("training", "ok", f"Keras {version}")


def conflicting_opencvs() -> Iterator[Check]:
    """At most one OpenCV is installed: they overwrite each other's files."""
    found = [name for name in _OPENCVS if _version(name)]
    if len(found) > 1:
        needed = requirement(OPENCV)
        others = " ".join(name for name in found if name != needed.partition(">=")[0])
        pip = f"{shlex.quote(sys.executable)} -m pip"
        yield Check(
            "several OpenCVs",
            "warning",
            f"{' and '.join(found)} are installed, in the same folder",
            f"{pip} uninstall -y {others} && {reinstall(needed)}",
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
        return Check("libGL, libglib", "failure", f"missing: {', '.join(missing)}", LIBRARIES)
    return Check("libGL, libglib", "ok", f"{', '.join(missing)} missing, and this OpenCV needs none of it")


def picamera2() -> Check:
    """Its numpy is the system's, and may clash with the one that OpenCV needs; rpicam-vid does without."""
    version, reason = ask("package_version", "picamera2")
    if not reason:
        return Check("picamera2", "ok", f"{version or 'installed'}; agrees with this numpy")
    if "No module named 'picamera2'" in reason:
        return Check("picamera2", "ok", "not installed here, and not needed: CSI cameras are read through rpicam-vid")
    if shutil.which("rpicam-vid") or shutil.which("libcamera-vid"):
        return Check("picamera2", "ok", f"cannot be imported ({reason}); not needed, rpicam-vid is there")
    return Check("picamera2", "warning", f"cannot be imported: {reason}", "sudo apt install rpicam-apps-lite")


def _remedy(distribution: str, reason: str, board: Board) -> str:
    """What to do about a package that cannot be imported."""
    needed = requirement(distribution)
    if lacks_library(reason) and distribution == OPENCV:
        return LIBRARIES
    if re.search(r"numpy\.dtype size changed|NumPy 1\.x|multiarray|numpy\.core", reason):
        return reinstall(*dict.fromkeys((requirement("numpy"), needed)))
    if "No module named" in reason and board.bits == 32 and distribution == "onnxruntime":
        return REFLASH
    if "No module named" in reason:
        return pip_install(f"'{needed}'")
    return reinstall(needed)


def reinstall(*requirements: str) -> str:
    """The command that installs packages once more."""
    return pip_install(" ".join(["--upgrade --force-reinstall", *(f"'{needed}'" for needed in requirements)]))


def requirement(distribution: str) -> str:
    """What edge-digits' own metadata asks for: "numpy>=2.0"; of OpenCV, with windows or headless, the one it names."""
    names = _OPENCVS if distribution == OPENCV else (distribution,)
    for line in metadata.requires("edge-digits") or []:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)(>=[0-9.]+)?", line.replace(" ", ""))
        if match and match[1] in names:
            return match[0]
    return distribution


def _instead(distribution: str) -> str:
    """Which OpenCV it is, where it is another than the one with windows."""
    others = [name for name in _OPENCVS if _version(name)] if distribution == OPENCV else []
    return "" if not others or OPENCV in others else f" ({others[0]})"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in match[0].split(".")) if match else ()
