"""Many boards on one broker that is killed again and again: what is lost, and what comes twice.

    python benchmarks/fleet.py --boards 100 --minutes 10 --kills 5

Mosquitto runs on loopback with its state on disk, and is killed (SIGKILL) at random moments, for 1 to 10 seconds each
time. Each board is the program's own connection to a broker, which announces about once a second; the boards share a
few processes. A collector with a persistent session counts what arrives, by its id.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any
from uuid import uuid4

from machine import describe
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_digits.fleet.address import Broker
from edge_digits.fleet.link import Link

#: What keeps Mosquitto's messages and sessions over a kill: it writes its state after each change.
CONFIGURATION = """
listener {port} 127.0.0.1
user root
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
"""
#: Boards that share a process.
SHARE = 25


class Mosquitto:
    """The broker."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = int(taken.getsockname()[1])
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None:
            sys.exit("Mosquitto is not installed: sudo apt install mosquitto")
        configuration = folder / "mosquitto.conf"
        configuration.write_text(CONFIGURATION.format(port=self.port, folder=folder))
        self._command = [program, "-c", str(configuration)]
        self._log = folder / "mosquitto.log"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Collector:
    """Counts what arrives, by id."""

    def __init__(self, port: int) -> None:
        self.seen: Counter[str] = Counter()
        self.again = 0
        self.last = time.monotonic()
        client = Client(CallbackAPIVersion.VERSION2, client_id="collector", protocol=MQTTv5)
        client.reconnect_delay_set(1, 1)
        lasting = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        lasting.SessionExpiryInterval = 86400
        client.on_connect = lambda client, *_: client.subscribe("bench/+/result", qos=1)
        client.on_message = lambda _client, _data, message: self._take(bytes(message.payload), again=message.dup)
        client.connect_async("127.0.0.1", port, clean_start=False, properties=lasting)
        client.loop_start()
        self.client = client

    def _take(self, payload: bytes, *, again: bool) -> None:
        self.again += again
        self.seen[json.loads(payload)["id"]] += 1
        self.last = time.monotonic()


def boards(first: int, count: int, port: int, queue: int, stop: Event, done: Queue[dict[str, Any]]) -> None:
    """Some boards, in a process of their own; what they announced, and what became of it."""
    broker = Broker.parse(f"mqtt://127.0.0.1:{port}/bench")
    names = [f"board{number}" for number in range(first, first + count)]
    links = [Link(broker, name, say=lambda _: None, queue=queue) for name in names]
    chance, ids, most = random.Random(first), list[str](), 0
    for link in links:
        link.start()
    due = [(time.monotonic() + chance.uniform(0, 1), index) for index in range(count)]
    while not stop.is_set():
        due.sort()
        moment, index = due.pop(0)
        time.sleep(max(0.0, moment - time.monotonic()))
        ids.append(uuid4().hex)
        record = {"id": ids[-1], "event": "announced", "text": str(len(ids)), "board": names[index], "confidence": 0.98}
        links[index].announce(f"bench/{names[index]}/result", json.dumps(record).encode())
        links[index].state(f"bench/{names[index]}/value", str(len(ids)).encode())
        most = max(most, links[index].waiting)
        due.append((moment + chance.uniform(0.5, 1.5), index))
    end = time.monotonic() + 120
    while any(link.waiting for link in links) and time.monotonic() < end:
        time.sleep(0.05)
    for link in links:
        link.close()
    used = getrusage(RUSAGE_SELF)
    figures = {"waiting": sum(link.waiting for link in links), "dropped": sum(link.dropped for link in links)}
    done.put({"ids": ids, "most": most, "seconds": used.ru_utime + used.ru_stime, "kb": used.ru_maxrss, **figures})


def main() -> None:
    """Run boards, a collector and a broker that is killed; print what became of what was announced."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--queue", type=int, default=1000, help="announcements that a board keeps")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="edge-digits-fleet-"))
    broker, chance = Mosquitto(folder), random.Random(given.seed)
    broker.start()
    collector = Collector(broker.port)
    time.sleep(1.0)
    context = get_context("spawn")
    stop, done = context.Event(), context.Queue()
    shares = [(first, min(SHARE, given.boards - first)) for first in range(0, given.boards, SHARE)]
    workers = [context.Process(target=boards, args=(*share, broker.port, given.queue, stop, done)) for share in shares]
    for worker in workers:
        worker.start()
    begun, seconds = time.monotonic(), 60 * given.minutes
    # Each kill lies in its own part of the run, so that each finds a broker that works.
    moments = [(index + chance.uniform(0.2, 0.6)) * seconds / max(given.kills, 1) for index in range(given.kills)]
    away = 0.0
    for moment in moments:
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        broker.kill()
        pause = chance.uniform(1, min(10, 0.3 * seconds / given.kills))
        away += pause
        time.sleep(pause)
        broker.start()
    time.sleep(max(0.0, begun + seconds - time.monotonic()))
    stop.set()
    results = [done.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    while time.monotonic() - collector.last < 5:
        time.sleep(0.1)
    collector.client.disconnect()
    collector.client.loop_stop()
    broker.kill()
    shutil.rmtree(folder)
    report(given, results, collector, away)


def report(given: argparse.Namespace, results: list[dict[str, Any]], collector: Collector, away: float) -> None:
    """Print the figures; the exit code is 1 where something was lost that no queue dropped."""
    seen = collector.seen
    announced = {name for result in results for name in result["ids"]}
    total = {key: sum(result[key] for result in results) for key in ("waiting", "dropped", "seconds")}
    lost = len(announced - seen.keys()) - total["dropped"] - total["waiting"]
    rows = [
        ("boards", given.boards),
        ("minutes", f"{given.minutes:g}"),
        ("kills of the broker (SIGKILL)", given.kills),
        ("seconds without a broker", f"{away:.0f}"),
        ("announced", len(announced)),
        ("arrived, by their ids", len(announced & seen.keys())),
        ("dropped by a full queue, and counted", total["dropped"]),
        ("lost otherwise", lost),
        ("never announced, and arrived", len(seen.keys() - announced)),
        ("arrived again, marked by the broker as sent again", collector.again),
        ("arrived again, without that mark", sum(seen.values()) - len(seen) - collector.again),
        ("most that waited on a board", max(result["most"] for result in results)),
        ("processor time of a board, % of a core", f"{100 * total['seconds'] / 60 / given.minutes / given.boards:.2f}"),
    ]
    print(describe())
    print("\n| | |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")
    if lost or total["waiting"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
