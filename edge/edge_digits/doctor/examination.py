"""Whether edge-digits can work on this machine, check by check, and how to mend what is not well.

Nothing that may be broken is imported here: numpy, OpenCV, onnxruntime and all that stands on them run in processes of
their own (`probe`, by `child`), as they may fail, hang or die of a signal where a library or an instruction is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_digits.board import Board, State
from edge_digits.doctor import cameras, models, packages, system
from edge_digits.doctor.check import Check


def examine(board: Board, state: State, folder: Path | None = None) -> Iterator[Check]:
    """Look at everything, in the order in which one thing needs another; takes some seconds.

    Args:
        board, state: of this machine.
        folder: where free disk space is wanted; the current folder by default.
    """
    yield system.system(board)
    yield system.processor(board)
    yield system.python()
    broken = []
    for distribution, module in packages.PACKAGES.items():
        check = packages.package(distribution, module, board)
        broken += [distribution] * (check.status == "failure")
        yield check
    yield from packages.conflicting_opencvs()
    yield packages.libraries(needed=packages.OPENCV in broken)
    yield packages.picamera2()
    yield packages.training()
    yield system.power(state)
    yield system.memory(state)
    yield system.disk(folder or Path.cwd())
    yield system.group()
    if broken:
        yield Check("cameras, display", "warning", f"not tried, for want of {', '.join(broken)}", "mend those first")
    else:
        yield from cameras.cameras()
        yield cameras.display()
    yield from models.models(broken)
