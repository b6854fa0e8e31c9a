"""Long runs that must come through, and leave nothing behind.

python benchmarks/soak.py losses --count 100            # a network camera that goes wrong, so often in every way
python benchmarks/soak.py frames --count 1000000        # a camera at full speed that is lost every thousand frames
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import machine
import numpy as np

from edge_digits import Camera, open_camera
from edge_digits.sources.stream import Shot, Stream, StreamError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from faults import FAULTS, FaultyCamera

#: Seconds until a camera that is silent is taken for lost.
_STALL = 0.3


def losses(count: int, only: str, side_by_side: int) -> int:
    """Lose a network camera so often by each kind of fault; a table, and how many kinds it did not come back from."""
    faults = [fault for fault in FAULTS if only in fault]
    with ThreadPoolExecutor(side_by_side) as pool:
        list(pool.map(lambda fault: _lose(fault, 1), faults))
    before = _held()
    with ThreadPoolExecutor(side_by_side) as pool:
        rows = list(pool.map(lambda fault: _lose(fault, count), faults))
    print("| fault | losses | back | seconds |\n|---|---|---|---|")
    for fault, (lost, back, seconds) in zip(faults, rows, strict=True):
        print(f"| {fault} | {lost} | {back} | {seconds:.1f} |")
    failed = sum(back < count for _, back, _ in rows)
    total = sum(back for _, back, _ in rows)
    print(f"\n{len(rows)} kinds, {total:,} losses that it was read on after, {failed} kinds that it was not")
    print(f"Held after the first loss of each, and at the end: {before}; {_held()}")
    return failed


def _lose(fault: str, count: int) -> tuple[int, int, float]:
    """How often it went wrong, after how many of those it was read again, and how long that took."""
    begun, back = time.monotonic(), 0
    said: list[str] = []
    with (
        FaultyCamera(fault) as server,
        open_camera(server.address, stall_seconds=_STALL, backoff=(0.005, 0.02), say=said.append) as camera,
    ):
        while back < count and not camera.ended and time.monotonic() - begun < 30 + 3 * count:
            # A frame that was sent before the latest fault does not count.
            faults = server.faults
            frame = camera.read(1.0)
            back += frame is not None and frame.gap > back and faults > back
        return server.faults, back, time.monotonic() - begun


def frames(count: int, every: int) -> int:
    """Read a camera at full speed that fails after every so many frames; a table of what the process holds."""
    made = _Steady.made = 0
    print("| frames | losses | taken | held |\n|---|---|---|---|")
    marks = [*range(count // 10, count, count // 10), count]
    taken, begun, first = 0, time.monotonic(), 0.0
    camera = Camera("soak", lambda: _Steady(every), backoff=(0.0001, 0.0001), say=lambda message: None)
    with camera:
        while marks:
            frame = camera.read(10.0)
            if frame is None:
                print(f"stopped after {made:,} frames: {camera.problem or 'no frame for 10 s'}")
                return 1
            taken, made = taken + 1, frame.number + 1
            if made >= marks[0]:
                marks.pop(0)
                first = first or _resident_megabytes()
                print(f"| {made:,} | {camera.gaps:,} | {taken:,} | {_held()} |", flush=True)
    grown = _resident_megabytes() - first
    print(
        f"\n{made / (time.monotonic() - begun):,.0f} frames a second; memory grown since the first row: {grown:.1f} MB"
    )
    return 0


class _Steady(Stream):
    """A camera whose frames are there at once, and that fails after some of them."""

    made = 0

    def __init__(self, frames: int) -> None:
        self._left = frames

    def read(self) -> Shot | None:
        self._left -= 1
        if self._left < 0:
            raise StreamError("made to fail")
        _Steady.made += 1
        return Shot(np.full((48, 64), _Steady.made & 255, np.uint8))

    def close(self) -> None:
        pass


def _held() -> str:
    gc.collect()
    files = len(list(Path("/proc/self/fd").iterdir()))
    return f"{_resident_megabytes():.1f} MB, {files} files, {threading.active_count()} threads"


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["losses", "frames"])
    parser.add_argument("--count", type=int, required=True, help="losses of each kind, or frames in all")
    parser.add_argument("--only", default="", metavar="TEXT", help="losses: kinds that have this in their names")
    parser.add_argument("--side-by-side", type=int, default=8, metavar="N", help="kinds at a time; they wait a lot")
    parser.add_argument("--every", type=int, default=1000, help="frames from one loss to the next")
    options = parser.parse_args()
    print(f"Machine: {machine.describe()}\n")
    cv2.setNumThreads(1)
    if options.what == "losses":
        sys.exit(losses(options.count, options.only, options.side_by_side))
    sys.exit(frames(options.count, options.every))
