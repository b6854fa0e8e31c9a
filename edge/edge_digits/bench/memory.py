"""The most memory that this process held at once.

Not by getrusage, whose peak begins with that of the program that started this one, and cannot be begun anew.
"""

from __future__ import annotations

from pathlib import Path


def reset_peak() -> None:
    """Forget the peak so far (proc(5), clear_refs); where that is not allowed, it stays."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_bytes() -> int | None:
    """The peak of resident memory since the last reset, bytes; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
