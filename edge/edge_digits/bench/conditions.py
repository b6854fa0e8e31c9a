"""Under which conditions a run was made: whether it is valid, and what may have spoiled it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from edge_digits import __version__
from edge_digits.board import Board, State, throttled_now

#: Boards lower their clocks at 80 (Raspberry Pi 4 and 5) or 60 degrees Celsius (Raspberry Pi 3 B+); 75 is near.
_HOT_CELSIUS = 75.0
#: Others may take so much of one core, in per cent: an idle system's own services take less.
_BUSY_PERCENT = 10.0
#: Clocks that differ by more, as a share, are not the same.
_CLOCK_TOLERANCE = 0.05


def versions() -> dict[str, str]:
    """Of Python and of the packages that the time depends on."""
    import cv2
    import numpy as np

    return {
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "OpenCV": cv2.__version__,
        "onnxruntime": _onnxruntime(),
        "edge-digits": __version__,
    }


def throttled(before: State, after: State) -> tuple[str, ...]:
    """Why the firmware held the board back during a run: its bits 0 to 3, or 16 to 19 that were not set before."""
    first, last = before.throttled or 0, after.throttled or 0
    return throttled_now(first | last | (last >> 16 & ~(first >> 16)))


def warnings(board: Board, before: State, after: State, *, threads: int, others: float | None) -> tuple[str, ...]:
    """What may have spoiled a run, and what to do about it, a line each."""
    notes = [
        f"{reason}: the firmware held the board back. {_REMEDIES[reason]}, and measure anew"
        for reason in throttled(before, after)
    ]
    governors = {*(before.governors or ()), *(after.governors or ())} - {"performance"}
    if governors:
        notes.append(
            f"governor {', '.join(sorted(governors))}: clocks follow the load. For steady times: "
            "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        )
    clocks = [max(state.clocks_mhz) for state in (before, after) if state.clocks_mhz]
    if len(clocks) == 2 and abs(clocks[1] - clocks[0]) > _CLOCK_TOLERANCE * clocks[0]:
        notes.append(f"clocks: {clocks[0]:.0f} MHz before and {clocks[1]:.0f} after. Warm up longer (--warmup)")
    hottest = max((state.temperature_c for state in (before, after) if state.temperature_c is not None), default=0.0)
    if hottest >= _HOT_CELSIUS:
        notes.append(f"hot: {hottest:.0f} degrees Celsius, near where clocks are lowered. Cool the board")
    if before.on_battery or after.on_battery:
        notes.append("battery: clocks may be held down. Plug in the mains")
    if others is not None and others >= _BUSY_PERCENT:
        names = dict.fromkeys(process.name for state in (before, after) for process in (state.busy or ())[:2])
        examples = f", such as {', '.join(names)}" if names else ""
        notes.append(f"busy: other programs took {others:.0f} % of a core meanwhile{examples}. End them, or wait")
    if board.cores is not None and threads > board.cores:
        notes.append(f"threads: {threads} on {board.cores} cores. Take no more threads than cores")
    return tuple(notes)


_REMEDIES = {
    "under-voltage": "Take a stronger power supply and a shorter cable",
    "clock capped": "Cool the board, or look at its power supply",
    "throttled": "Cool the board, or look at its power supply",
    "soft temperature limit": "Cool the board",
}


def _onnxruntime() -> str:
    # Asking the package itself is for the session alone; other builds of it go by other names.
    for name in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
