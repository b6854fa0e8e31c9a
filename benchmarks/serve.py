"""What `edge-digits serve` costs: beside the library, with many clients, and with many viewers of its camera.

PYTHONPATH=tests python benchmarks/serve.py [--only latency,clients,viewers]

The clients run on the same machine as the server, in another process, and take their share of its processors. Figures
are ratios to what is measured beside them, or counts; on a machine that does other work they are worse.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import cv2
import machine
import numpy as np
from cameras import scene, write_video
from serving import Serving, serving

from edge_digits import DigitReader

_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_TICKS = os.sysconf("SC_CLK_TCK")
_SIZE = (640, 480)
#: Seconds after which a client that got no answer counts as an error.
_PATIENCE = 20.0


def picture(name: str) -> bytes:
    """A sample as a JPEG file of 640 x 480 pixels."""
    sample = cv2.imread(str(_SAMPLES / name), cv2.IMREAD_COLOR)
    assert sample is not None
    canvas = np.empty((_SIZE[1], _SIZE[0], 3), np.uint8)
    canvas[:] = np.median(sample.reshape(-1, 3), axis=0)
    scale = min(_SIZE[0] / sample.shape[1], _SIZE[1] / sample.shape[0])
    small = cv2.resize(sample, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas[: small.shape[0], : small.shape[1]] = small
    return cv2.imencode(".jpg", canvas)[1].tobytes()


# One client


def latency(rounds: int) -> None:
    """One client beside the library, in turns; by the clock, and by the processor time that a picture costs."""
    print("**One client**: `POST /api/read` of a 640x480 JPEG beside `DigitReader.examine_bytes`, in turns\n")
    print("| picture | library, p50 | server, p50 | ratio | ratio of processor times |\n|---|---|---|---|---|")
    cv2.setNumThreads(1)
    reader = DigitReader.load()
    with serving() as server:
        connection = server.connect()
        for name in ("number-427.png", "number-1984-lamp.jpg", "number-60385-kraft-paper.jpg"):
            content = picture(name)
            library: list[float] = []
            served: list[float] = []
            used = before = 0.0
            for number in range(-20, rounds):
                if number == 0:
                    used, before = 0.0, processor(server.process.pid)
                    library.clear()
                    served.clear()
                begun, mine = time.perf_counter(), time.thread_time()
                reader.examine_bytes(content, name).reading.to_dict()
                used += time.thread_time() - mine
                between = time.perf_counter()
                ask(connection, content)
                library.append(between - begun)
                served.append(time.perf_counter() - between)
            ours, theirs = (1e3 * statistics.median(taken) for taken in (library, served))
            costs = (processor(server.process.pid) - before) / used
            print(f"| {name} | {ours:.1f} ms | {theirs:.1f} ms | {theirs / ours:.2f} | {costs:.2f} |", flush=True)
        connection.close()
    print()


def ask(connection: HTTPConnection, content: bytes) -> None:
    """Send a picture on a connection that stays open."""
    connection.request("POST", "/api/read", content, {"Content-Type": "image/jpeg"})
    response = connection.getresponse()
    response.read()
    assert response.status == 200


# Many clients


@dataclass
class Load:
    """What many clients saw.

    Attributes:
        statuses: how often each was answered; of other ends, what they were.
        seconds: of each answer, by status.
        unasked: refusals without Retry-After.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    unasked: int = 0


def clients(count: int, seconds: float) -> None:
    """Many clients at once, each on a connection of its own, who come again when they are told to."""
    print(f"**{count} clients at once** for {seconds:g} s, who come again when Retry-After says so\n")
    content = picture("number-427.png")
    with serving() as server:
        for _ in range(20):
            server.post("/api/read", content, "image/jpeg")
        pid = server.process.pid
        before, used, begun = resident(pid), processor(pid), time.monotonic()
        most = [before]
        with watched(lambda: most.append(resident(pid))):
            load = asyncio.run(_clients(server, count, seconds, content))
        share = (processor(pid) - used) / (time.monotonic() - begun)
        after = server.post("/api/read", content, "image/jpeg").status
    print("| answer | count | p50 | p99 | slowest |\n|---|---|---|---|---|")
    for status, number in sorted(load.statuses.items()):
        found = sorted(load.seconds.get(status, [])) or [float("nan")]
        p50, p99 = (found[min(len(found) - 1, int(share * len(found)))] for share in (0.5, 0.99))
        print(f"| {status} | {number:,} | {p50:.2f} s | {p99:.2f} s | {found[-1]:.2f} s |")
    print(f"\nRefusals without Retry-After: {load.unasked}. One more picture afterwards: {after}.")
    print(f"The server got {share:.2f} of {os.cpu_count()} processors. Load of the machine: {os.getloadavg()[0]:.1f}.")
    print(f"Memory of the server: {before >> 20} MB before, {max(most) >> 20} MB at most.\n", flush=True)


async def _clients(server: Serving, count: int, seconds: float, content: bytes) -> Load:
    load, end = Load(), time.monotonic() + seconds
    await asyncio.gather(*(_client(server.port, content, end, load) for _ in range(count)))
    return load


async def _client(port: int, content: bytes, end: float, load: Load) -> None:
    head = f"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}"
    request = head.encode() + b"\r\n\r\n" + content
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.monotonic() < end:
        begun, wait = time.monotonic(), 0.0
        try:
            async with asyncio.timeout(_PATIENCE):
                if streams is None:
                    streams = await asyncio.open_connection("127.0.0.1", port)
                reader, writer = streams
                writer.write(request)
                answer = await reader.readuntil(b"\r\n\r\n")
                fields = answer.decode("latin-1").lower().split("\r\n")
                length = next(int(line[15:]) for line in fields if line.startswith("content-length:"))
                await reader.readexactly(length)
            status = fields[0].split()[1]
            if status == "503":
                told = [int(line[12:]) for line in fields if line.startswith("retry-after:")]
                load.unasked += not told
                wait = float(told[0]) if told else 0.0
            if "connection: close" in fields:
                writer.close()
                streams = None
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            status, streams = type(error).__name__, None
        load.statuses[status] += 1
        load.seconds.setdefault(status, []).append(time.monotonic() - begun)
        await asyncio.sleep(wait)


# Many viewers


def viewers(seconds: float, rounds: int) -> None:
    """The processor time of the server while one looks at its camera, and while ten do."""
    print(f"**Viewers of the live stream**: 640x480 at 30 frames a second, {rounds} x {seconds:g} s each, in turns\n")
    print("| viewers | processor | frames a second for each |\n|---|---|---|")
    found: dict[int, list[float]] = {1: [], 10: []}
    rates: dict[int, list[float]] = {1: [], 10: []}
    with tempfile.TemporaryDirectory() as folder:
        clip = write_video(Path(folder) / "clip.mp4", [scene("427", *_SIZE)] * round(30 * (seconds + 10)), rate=30)
        with serving("--camera", f"fake:{clip}") as server:
            for _ in range(rounds):
                for count, shares in found.items():
                    share, rate = _viewed(server, count, seconds)
                    shares.append(share)
                    rates[count].append(rate)
    for count, shares in found.items():
        print(f"| {count} | {100 * statistics.mean(shares):.1f} % | {statistics.mean(rates[count]):.1f} |")
    one, ten = (statistics.mean(shares) for shares in found.values())
    each = (ten / statistics.mean(rates[10])) / (one / statistics.mean(rates[1]))
    print(
        f"\nTen viewers cost {ten / one:.2f} times one; for each frame that is shown, {each:.2f} times.\n", flush=True
    )


def _viewed(server: Serving, count: int, seconds: float) -> tuple[float, float]:
    """The share of a processor that so many viewers cost, and how many frames a second each gets."""
    while server.get("/api/info").json["camera"]["state"] != "idle":
        time.sleep(0.2)
    frames, ended = [0] * count, threading.Event()

    def view(place: int) -> None:
        connection = server.connect()
        connection.request("GET", "/stream.mjpg")
        response = connection.getresponse()
        while not ended.is_set():
            frames[place] += response.read1(1 << 20).count(b"--frame\r\n")
        connection.close()

    threads = [threading.Thread(target=view, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    before, begun, shown = processor(server.process.pid), time.monotonic(), sum(frames)
    time.sleep(seconds)
    used, passed, shown = processor(server.process.pid) - before, time.monotonic() - begun, sum(frames) - shown
    ended.set()
    for thread in threads:
        thread.join()
    return used / passed, shown / passed / count


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class watched:  # noqa: N801  # used as a function
    """Call something five times a second meanwhile."""

    def __init__(self, look: Callable[[], object]) -> None:
        self._look, self._ended = look, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *ended: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.2):
            self._look()


def main() -> None:
    """Print all, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="latency,clients,viewers", help="which tables, parted by commas")
    parser.add_argument("--rounds", type=int, default=300, help="pictures that one client sends")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60, help="for which many clients send")
    only = (arguments := parser.parse_args()).only.split(",")
    print(f"{machine.describe()}; load {os.getloadavg()[0]:.1f}\n", flush=True)
    if "latency" in only:
        latency(arguments.rounds)
    if "clients" in only:
        clients(arguments.clients, arguments.seconds)
    if "viewers" in only:
        viewers(15, 2)


if __name__ == "__main__":
    main()
