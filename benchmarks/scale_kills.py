"""Kills what reads a batch, again and again: `python benchmarks/scale_kills.py [--engine ray] [--count N] [--every S]`.

Makes N pictures (few files, many names), reads them with `edge-digits batch`, and kills at random: a process that
reads, a process of the engine, now and then a whole node of the cluster (Ray), now and then the driver, which is then
begun anew. At the end every picture must have exactly one record, no partition may have been written a second time,
and every text must be that of the picture. Prints what was killed. Ray is a cluster of several nodes on this machine.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.dataset as pad

from edge_digits import DigitReader

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PROGRAM = [sys.executable, "-m", "edge_digits", "batch"]
#: How often the driver is the one that is killed, and how often a node of a cluster is.
_DRIVER, _NODE = 0.15, 0.1
#: Names in one folder.
_FOLDER = 1000


def make_pictures(folder: Path, count: int) -> dict[str, str]:
    """Crops of 28 x 28 of the samples: few files, many names; the text of each, by its path in the folder."""
    folder.mkdir(parents=True)
    files = folder.with_name(f"{folder.name}-files")
    files.mkdir()
    reader = DigitReader.load()
    texts = []
    for number, sample in enumerate(sorted(SAMPLES.glob("digit-*"))):
        small = cv2.resize(np.asarray(cv2.imread(str(sample), 0)), (28, 28), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(files / f"{number}.png"), small)
        texts.append(reader.read(files / f"{number}.png").text)
    found = {}
    for number in range(count):
        name = f"{number // _FOLDER:05d}/{number % _FOLDER:03d}.png"
        if number % _FOLDER == 0:
            (folder / name).parent.mkdir()
        (folder / name).symlink_to(files / f"{number % len(texts)}.png")
        found[name] = texts[number % len(texts)]
    return found


@dataclass
class Cluster:
    """Ray on this machine: a head that reads nothing, and nodes of one core each; a context manager."""

    nodes: int
    _ray: Any = None
    _nodes: list[Any] = field(default_factory=list)

    def __enter__(self) -> Cluster:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster as RayCluster

        head = {**_NODE_SETTINGS, "num_cpus": 0, "_system_config": _SETTINGS}
        self._ray = RayCluster(initialize_head=True, head_node_args=head)
        self._nodes = [self._add() for _ in range(self.nodes)]
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    @property
    def address(self) -> str:
        """Of its head."""
        return str(self._ray.address)

    def lose(self, chance: random.Random) -> None:
        """Kill a node with all that runs on it; another one takes its place."""
        node = self._nodes.pop(chance.randrange(len(self._nodes)))
        self._ray.remove_node(node, allow_graceful=False)
        self._nodes.append(self._add())

    def _add(self) -> Any:
        return self._ray.add_node(num_cpus=1, **_NODE_SETTINGS)


#: Ray takes a node for lost after half a minute; here, where nodes are lost all the time, after some seconds. Fewer,
#: and a busy machine loses nodes that live.
_SETTINGS = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 1000, "health_check_failure_threshold": 8}
_NODE_SETTINGS = {"object_store_memory": 100_000_000, "include_dashboard": False}


@dataclass
class Outcome:
    """What was killed how often, by kind, and what went wrong."""

    killed: Counter[str] = field(default_factory=Counter)
    rewritten: int = 0
    seconds: float = 0.0
    code: int = 0


def run_and_kill(
    folder: Path,
    arguments: Sequence[str],
    every: float,
    chance: random.Random,
    cluster: Cluster | None = None,
    limit: float = 300.0,
) -> Outcome:
    """Run a batch of `folder`/in into `folder`/out to its end, begun anew each time that its driver is killed.

    Args:
        folder: that it runs in.
        arguments: of `edge-digits batch`, beside these.
        every: seconds between two kills, about; and something is to come of it between one and the next.
        chance: decides what is killed, and when.
        cluster: that the engine has, if any.
        limit: seconds without a new partition, after which the run is given up.

    Raises:
        TimeoutError: that was so.
    """
    outcome, begun = Outcome(), time.monotonic()
    seen: dict[str, tuple[int, int]] = {}
    while True:
        log = (folder / "log").open("ab")
        with log:
            driver = subprocess.Popen([*PROGRAM, "in", "-o", "out", *arguments], cwd=folder, stderr=log)
        progress = time.monotonic()
        behind, due = len(seen), progress + every * chance.uniform(0.5, 1.5)
        while driver.poll() is None:
            time.sleep(0.2)
            now = stamps(folder / "out")
            outcome.rewritten += sum(now.get(name) != stamp for name, stamp in seen.items())
            if len(now) > len(seen):
                progress = time.monotonic()
            elif time.monotonic() > progress + limit:
                driver.kill()
                raise TimeoutError((folder / "log").read_text(encoding="utf-8")[-2000:])
            seen = now
            if len(seen) > behind and time.monotonic() >= due:
                behind, due = len(seen), time.monotonic() + every * chance.uniform(0.5, 1.5)
                outcome.killed[_kill(driver, chance, cluster)] += 1
        if driver.returncode != -signal.SIGKILL:
            outcome.seconds, outcome.code = time.monotonic() - begun, driver.returncode
            return outcome


def _kill(driver: subprocess.Popen[bytes], chance: random.Random, cluster: Cluster | None) -> str:
    dice = chance.random()
    if dice < _DRIVER:
        driver.kill()
        return "driver"
    if cluster is not None and dice < _DRIVER + _NODE:
        cluster.lose(chance)
        return "node"
    victims = list(processes(driver.pid if cluster is None else os.getpid()))
    if not victims:
        return "nothing"
    kind, pid = chance.choice(victims)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return kind


def processes(pid: int) -> Iterator[tuple[str, int]]:
    """The processes below one that read, or have others read, by kind."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it has gone
            for child in map(int, task.read_text(encoding="ascii").split()):
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                if b"spawn_main" in command:
                    yield "reading process", child
                elif command.startswith(b"ray::MapWorker"):
                    yield "process of Ray", child
                yield from processes(child)


def stamps(out: Path) -> dict[str, tuple[int, int]]:
    """Of each partition, by which one that is written anew is told."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("part-*.parquet")}


@dataclass(frozen=True)
class Checked:
    """The records of a batch, counted."""

    records: int
    missing: int
    double: int
    wrong: int
    errors: int

    @property
    def good(self) -> bool:
        """Whether each picture has one record, and each that was read was read right."""
        return not (self.missing or self.double or self.wrong)


def check(folder: Path, texts: dict[str, str]) -> Checked:
    """Count the records of `folder`/out against the pictures that `make_pictures` made in `folder`/in."""
    counts: Counter[str] = Counter()
    wrong = errors = 0
    for batch in pad.dataset(folder / "out", format="parquet").to_batches(columns=["source", "text", "status"]):
        for row in batch.to_pylist():
            name = row["source"].removeprefix("in/")
            counts[name] += 1
            errors += row["status"] == "error"
            wrong += row["status"] != "error" and row["text"] != texts.get(name)
    double = sum(count - 1 for count in counts.values())
    return Checked(counts.total(), len(texts.keys() - counts.keys()), double, wrong, errors)


def main() -> None:
    """Kill, and count."""
    from machine import describe

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["local", "ray", "dask"], default="ray")
    parser.add_argument("--count", type=int, default=20_000, help="pictures")
    parser.add_argument("--every", type=float, default=10, help="seconds between two kills")
    parser.add_argument("--partition-size", type=int, default=500)
    parser.add_argument("--nodes", type=int, default=2, help="of the Ray cluster, beside its head")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        texts = make_pictures(folder / "in", options.count)
        arguments = ["-r", "-j", str(options.nodes), "--partition-size", str(options.partition_size)]
        arguments += ["--engine", options.engine]
        cluster = stack.enter_context(Cluster(options.nodes)) if options.engine == "ray" else None
        if cluster is not None:
            arguments += ["--address", cluster.address]
        outcome = run_and_kill(folder, arguments, options.every, random.Random(options.seed), cluster)
        checked = check(folder, texts)
        log = (folder / "log").read_text(encoding="utf-8")
    kills = ", ".join(f"{count} x {kind}" for kind, count in sorted(outcome.killed.items())) or "nothing"
    print(f"{options.engine}: {options.count:,} pictures in {outcome.seconds:,.0f} s; killed: {kills}")
    print(
        f"{checked.records:,} records; {checked.missing} missing, {checked.double} double, {checked.wrong} wrong, "
        f"{checked.errors} errors; {outcome.rewritten} partitions written twice; exit code {outcome.code}"
    )
    if not checked.good or outcome.rewritten or outcome.code not in (0, 5):
        raise SystemExit(log[-2000:])


if __name__ == "__main__":
    main()
