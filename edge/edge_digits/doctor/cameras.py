"""The cameras, with a frame of each, and the display."""

from __future__ import annotations

import os
from collections.abc import Iterator

from edge_digits.doctor.check import REINSTALL, Check
from edge_digits.doctor.child import ask
from edge_digits.quiet import LIBRARIES


def cameras() -> Iterator[Check]:
    """The cameras that are there, and a frame of each, read as `edge-digits camera` reads it."""
    found, reason = ask("list_cameras")
    if reason:
        yield Check("cameras", "failure", f"cannot be listed: {reason}", REINSTALL)
        return
    if not found["cameras"]:
        yield Check("cameras", "warning", "none is there", "\n".join(hint.strip() for hint in found["hints"]))
    for source, description in found["cameras"]:
        yield _frame(source, description)


def _frame(source: str, description: str) -> Check:
    name = f"camera {source}"
    record, reason = ask("read_frame", source)
    if reason:
        what, _, remedy = reason.partition(". ")
        return Check(
            name, "failure", f"{description}: {what}", remedy or "check its cable, and that no one else uses it"
        )
    size = f"{record['width']} x {record['height']}"
    return Check(name, "ok", "; ".join([f"{description}: a frame of {size}", *record["warnings"]]))


def display() -> Check:
    """A window can be opened; without one, `camera` reads in the terminal."""
    obstacle, reason = ask("why_no_window")
    if reason:
        return Check("display", "warning", f"cannot be tried: {reason}", LIBRARIES)
    if obstacle is None:
        return Check("display", "ok", "a window can be opened")
    what, _, remedy = str(obstacle).partition("; ")
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Check("display", "ok", f"{what}; camera reads in the terminal")
    return Check("display", "warning", f"no window: {what}", remedy or "log in on the desktop, or use: ssh -X")
