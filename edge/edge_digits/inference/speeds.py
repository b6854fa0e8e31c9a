"""How fast this machine runs model files: timed by turns, and remembered in the user's cache directory.

What is remembered is a help and never needed: where it cannot be kept, or is broken, models are timed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from edge_digits.board import processor_name

SCHEMA = "edge-digits/speeds/1"
#: The larger file is taken where it is faster by more than this: a smaller difference is none, and int8 needs less.
MARGIN = 0.05
#: Seconds that timing takes for each file, where a fraction of a second is all that there is.
SHORT = 0.1
#: Calls of each file that are timed, at least and at most.
_LEAST, _MOST = 5, 1000
#: No file of ours is larger, bytes.
_MOST_BYTES = 1 << 20

Clock = Callable[[], float]


class Speeds:
    """What is known of the speed of this machine, with one version of onnxruntime and so many threads.

    Attributes:
        machine: what the speeds are of.
        file: where they are kept; None where this user has no place for it.
    """

    def __init__(self, onnxruntime: str, threads: int, root: Path = Path("/")) -> None:
        """Find out what machine this is, by the files below `root`."""
        self.machine: dict[str, str | int] = {
            "processor": processor_name(root),
            "architecture": platform.machine(),
            "onnxruntime": onnxruntime,
            "threads": threads,
        }
        place = folder()
        key = hashlib.sha256(json.dumps(self.machine, sort_keys=True).encode()).hexdigest()[:16]
        self.file = None if place is None else place / f"speeds-{key}.json"

    def read(self) -> dict[str, float]:
        """Seconds for a picture, by the sha256 of the model's file; empty where nothing is known."""
        try:
            if self.file is None or self.file.stat().st_size > _MOST_BYTES:
                return {}
            record = json.loads(self.file.read_bytes())
            if record["schema"] != SCHEMA or record["machine"] != self.machine:
                return {}
            return {sha256: 1e-6 * found for sha256, found in record["microseconds"].items() if _is_time(found)}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def remember(self, seconds: Mapping[str, float]) -> None:
        """Keep what was timed, beside what is known of other files; nothing happens where it cannot be kept."""
        if self.file is None:
            return
        known = {sha256: round(1e6 * taken, 3) for sha256, taken in {**self.read(), **seconds}.items()}
        record = {"schema": SCHEMA, "machine": self.machine, "microseconds": known}
        part = self.file.with_name(f".{self.file.name}.{os.urandom(8).hex()}.part")
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
                part.replace(self.file)  # whoever reads it meanwhile sees the old one or this, and never a part
            finally:
                part.unlink(missing_ok=True)


def folder() -> Path | None:
    """Where what can be made again is kept: in a service's own folder, or else the user's; None where there is none."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # some have no home
    usual = {"darwin": home / "Library" / "Caches", "win32": Path(os.environ.get("LOCALAPPDATA", ""))}
    places = (
        Path(os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]),  # systemd.exec(5), CacheDirectory
        Path(os.environ.get("XDG_CACHE_HOME", "")),
        usual.get(sys.platform, home / ".cache"),
    )
    return next((place / "edge-digits" for place in places if place.is_absolute()), None)


def by_turns(calls: Sequence[Callable[[], object]], seconds: float = SHORT, clock: Clock = perf_counter) -> list[float]:
    """The median seconds of each call, made by turns so that what else the machine does falls on all alike.

    Args:
        calls: what is timed; each is made once before, as the first call of a session is longer than others.
        seconds: that timing lasts for each of them; five calls are timed in any case.
        clock: seconds that pass.
    """
    for call in calls:
        call()
    times: list[list[float]] = []
    end = clock() + seconds * len(calls)
    while len(times) < _LEAST or (clock() < end and len(times) < _MOST):
        turn = []
        for call in calls:
            begun = clock()
            call()
            turn.append(clock() - begun)
        times.append(turn)
    return [float(taken) for taken in np.median(np.array(times), axis=0)]


def faster(int8: float, fp32: float) -> str:
    """The precision that is taken, of two times."""
    return "fp32" if fp32 * (1.0 + MARGIN) < int8 else "int8"


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value < 1e12
