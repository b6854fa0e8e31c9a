"""The system, the processor, Python, power and heat, memory, disk, and what this user may do."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from edge_digits import __version__
from edge_digits.board import Board, State, in_group, throttled_now, throttled_since_boot
from edge_digits.doctor.check import Check

#: Bytes. Reading one photograph takes 120 MB in all; a camera and its window more.
_MEMORY = 200 * 10**6
_DISK = 200 * 10**6
#: The Raspberry Pi's firmware begins to lower the clock at 80 degrees Celsius.
_HOT = 80.0
#: What to do where there are 32 bits.
REFLASH = (
    "write the 64-bit Raspberry Pi OS to the SD card, with Raspberry Pi Imager "
    "(https://www.raspberrypi.com/software/): there is no onnxruntime for 32 bits"
)


def system(board: Board) -> Check:
    """The operating system has 64 bits."""
    said = ", ".join([board.system or platform.system(), f"{board.bits or 'unknown'} bits"])
    said += f", kernel {board.kernel}" * bool(board.kernel) + ", in a container" * bool(board.container)
    return Check("system", "failure", said, REFLASH) if board.bits == 32 else Check("system", "ok", said)


def processor(board: Board) -> Check:
    """What it is, and whether int8 is faster on it."""
    said = " ".join([f"{board.cores} x" if board.cores else "", board.processor or platform.machine()]).strip()
    said = f"{board.model}, {said}" if board.model else said
    if board.features is None:
        return Check("processor", "ok", said)
    if board.features:
        return Check("processor", "ok", f"{said}, int8 by {', '.join(board.features)}")
    return Check("processor", "ok", f"{said}, no instructions for int8: --precision fp32 may be as fast")


def python() -> Check:
    """The version of Python, and of this package; its own requirement keeps older ones away."""
    place = "virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    return Check(
        "python", "ok", f"{platform.python_version()} ({sys.prefix}, {place}), edge-digits {__version__} installed"
    )


def power(state: State) -> Check:
    """Under-voltage, throttling and heat, now and since boot."""
    now = throttled_now(state.throttled or 0)
    earlier = [word for word in throttled_since_boot(state.throttled or 0) if word not in now]
    heat = state.temperature_c
    said = [] if heat is None else [f"{heat:.0f} °C"]
    weak = state.under_voltage or "under-voltage" in (*now, *earlier)
    if state.under_voltage and "under-voltage" not in now:
        now = ("under-voltage", *now)
    said += [f"now: {', '.join(now)}"] * bool(now) + [f"since boot: {', '.join(earlier)}"] * bool(earlier)
    said += ["on battery"] * bool(state.on_battery)
    hot = heat is not None and heat >= _HOT
    steps = ["use the board's own power supply (5 V, 5 A for a Raspberry Pi 5) and a short cable"] * bool(weak)
    steps += ["fit a heat sink or a fan"] * bool(hot or {*now, *earlier} - {"under-voltage"})
    steps += ["sudo reboot clears what is remembered"] * bool(earlier)
    if now or earlier or hot:
        return Check("power, heat", "failure" if state.under_voltage else "warning", "; ".join(said), "; ".join(steps))
    if state.throttled is not None:
        said.append("never throttled since boot")
    return Check("power, heat", "ok", "; ".join(said) or "this machine does not tell")


def memory(state: State) -> Check:
    """Enough is left to read a photograph."""
    if state.available_bytes is None:
        return Check("memory", "ok", "this machine does not tell")
    mend = "ps aux --sort=-rss | head shows who takes it; end what is not needed"
    return _free_space("memory", state.available_bytes, _MEMORY, mend)


def disk(folder: Path) -> Check:
    """Enough is left to write results."""
    usage = shutil.disk_usage(folder)
    return _free_space("disk", usage.free, _DISK, "sudo apt clean; du -xh / | sort -h | tail shows what takes the most")


def group() -> Check:
    """This user may use cameras."""
    if in_group("video"):
        return Check("group video", "ok", "this user may use cameras")
    said = "this user is not in it, and may not use cameras"
    return Check("group video", "warning", said, "sudo usermod -aG video $USER, and log in again")


def _free_space(name: str, free: int, minimum: int, mend: str) -> Check:
    said = f"{free / 1e9:.1f} GB free"
    return (
        Check(name, "ok", said) if free >= minimum else Check(name, "warning", f"only {free / 1e6:.0f} MB free", mend)
    )
