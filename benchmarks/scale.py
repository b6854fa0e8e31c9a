"""What a batch costs, how it scales, and what a hundred million pictures would take: `python benchmarks/scale.py`.

    python benchmarks/scale.py cost [--pictures N] [--rounds N]     batch against predict, by turns
    python benchmarks/scale.py scaling [--pictures N] [--rounds N]  one process and two, each engine
    python benchmarks/scale.py constants                            what each step takes for one picture or partition
    python benchmarks/scale.py model CONSTANTS.json                 of these: hours, core-hours, bytes

Seconds by the clock, and of processor time in all processes: on a machine that does other things too, the latter are
the ones to trust. `constants` writes what it measures to a file (-o), which `model` takes.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from machine import describe
from scale_kills import make_pictures

from edge_digits import DigitReader
from edge_digits.results import Box, Reading
from edge_digits.scale import records
from edge_digits.scale.listing import names
from edge_digits.scale.place import Place
from edge_digits.scale.plan import INPUTS, Plan

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PROGRAM = [sys.executable, "-m", "edge_digits"]
#: What the model is of: pictures, pictures in a partition, cores.
PICTURES, PARTITION, CORES = 100_000_000, 10_000, (2, 64, 1000)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "scaling", "constants", "model"])
    parser.add_argument("file", nargs="?", type=Path, help="the constants that a model is of")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, help="write the constants to this file")
    options = parser.parse_args()
    if options.what == "model":
        if options.file is None:
            parser.error("name the file of constants")
        model(json.loads(options.file.read_text(encoding="utf-8")))
        return
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "constants":
            found = constants(Path(folder), options.pictures)
            if options.output:
                options.output.write_text(json.dumps(found, indent=1), encoding="utf-8")
            return
        (cost if options.what == "cost" else scaling)(Path(folder), options)


def cost(folder: Path, options: argparse.Namespace) -> None:
    """Print what batch takes in relation to predict, with as many processes; without what a run takes to begin."""
    make_pictures(folder / "in", options.pictures)
    make_pictures(folder / "few", 1)
    ways: dict[str, list[str]] = {}
    for jobs in ("1", "2"):
        for source in ("in", "few"):
            predict = ["predict", source, "-r", "--format", "jsonl", "-o", "out", "--force", "-j", jobs]
            ways[f"predict -j {jobs}, {source}"] = predict
            ways[f"batch -j {jobs}, {source}"] = ["batch", source, "-r", "-o", "out", "-j", jobs]
    taken = by_turns(folder, ways, options.rounds)
    print(f"{options.pictures:,} pictures of 28 x 28, or a single one; {options.rounds} rounds, medians")
    for jobs in ("1", "2"):
        each = {}
        for name in ("predict", "batch"):
            (_, many), (_, few) = taken[f"{name} -j {jobs}, in"], taken[f"{name} -j {jobs}, few"]
            each[name] = (many - few) / (options.pictures - 1)
            print(f"{name} -j {jobs}: {1e6 * each[name]:,.0f} µs of processor time for a further picture")
        print(f"-j {jobs}: batch takes {each['batch'] / each['predict']:.2f} times as much as predict")


def scaling(folder: Path, options: argparse.Namespace) -> None:
    """Print what a further picture takes with one process and with two, with each engine."""
    make_pictures(folder / "in", options.pictures)
    make_pictures(folder / "few", 1)
    engines = ("local", "dask", "ray")
    ways = {
        f"{engine} -j {jobs}, {source}": [
            *("batch", source, "-r", "-o", "out", "--partition-size", "500", "--engine", engine, "-j", jobs)
        ]
        for engine in engines
        for jobs in ("1", "2")
        for source in ("in", "few")
    }
    taken = by_turns(folder, ways, options.rounds)
    print(f"{options.pictures:,} pictures of 28 x 28, or a single one; {options.rounds} rounds, medians")
    for engine in engines:
        each = {}
        for jobs in ("1", "2"):
            many, few = taken[f"{engine} -j {jobs}, in"], taken[f"{engine} -j {jobs}, few"]
            each[jobs] = [(one - other) / (options.pictures - 1) for one, other in zip(many, few, strict=True)]
        (wall, processor), (wall_two, processor_two) = each["1"], each["2"]
        print(f"{engine}: -j 2 is {wall / wall_two:.2f} times as fast as -j 1 by the clock, ", end="")
        print(f"and would be {2 * processor / processor_two:.2f} by processor time" if engine == "local" else "")


def by_turns(folder: Path, ways: dict[str, list[str]], rounds: int) -> dict[str, tuple[float, float]]:
    """The median seconds of each command, by the clock and of processor time; printed, too."""
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, command in ways.items():
            remove(folder / "out")
            before, begun = used(), time.monotonic()
            # Children of Ray and Dask that are not waited for are not counted: trust the clock there.
            subprocess.run([*PROGRAM, *command, "-q"], cwd=folder, check=True)
            taken[way].append((time.monotonic() - begun, used() - before))
    medians = {}
    for way, times in taken.items():
        wall, processor = (statistics.median(column) for column in zip(*times, strict=True))
        medians[way] = (wall, processor)
        print(f"{way}: {wall:.2f} s, {processor:.2f} s of processor time")
    return medians


def constants(folder: Path, count: int) -> dict[str, float]:
    """Print, and give, what each step takes, in seconds and bytes."""
    make_pictures(folder / "in", count)
    out = Place.of(str(folder / "out"))
    Path(out.address).mkdir()
    found: dict[str, float] = {}
    with timed(found, "list a name", count):
        told = {"recursive": True, "column": None, "without": None}
        listed = list(names([str(folder / "in")], **told, left_out=Counter()))  # type: ignore[arg-type]
    chance = random.Random(1)
    names_there = [_name(chance) for _ in range(count)]
    with timed(found, "write a name down", count):
        plan = Plan.make(out, iter(names_there), 1000, {})
    found["bytes of a name"] = (Path(out.address) / INPUTS).stat().st_size / count
    with timed(found, "read a name back", count):
        again = [name for number in range(len(plan)) for name in plan.names(number)]
    if again != names_there:
        raise SystemExit("the plan does not give back what was listed")
    with timed(found, "read a file of 28 x 28", count):
        contents = [Path(name).read_bytes() for name in listed]
    photographs = [path.read_bytes() for path in sorted(SAMPLES.glob("number-*"))]
    found["bytes of a photograph"] = statistics.mean(map(len, photographs))
    reader = DigitReader.load()
    reader.examine_bytes(photographs[0], "")  # loads the finder
    for kind, pictures in (("28 x 28", contents[:1000]), ("a photograph", photographs)):
        with timed(found, f"decode {kind}", len(pictures)):
            for content in pictures:
                cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
        with timed(found, f"decode and recognize {kind}", len(pictures)):
            readings = [reader.examine_bytes(content, "a").reading for content in pictures]
        rows = [_varied(reading, chance) for reading in (readings * 1000)[:1000]]
        with timed(found, f"make a record of {kind}", len(rows)):
            partition = records.parquet(rows, {})
        found[f"bytes of a record of {kind}"] = len(partition) / len(rows)
    with timed(found, "put a partition on the disk", 20, time.perf_counter):
        for number in range(20):
            out.write(f"{number}.parquet", partition)
    _whole_runs(folder, count, found)
    for name, value in found.items():
        print(f"{name}: {value:,.0f}" if name.startswith("bytes") else f"{name}: {1e6 * value:,.1f} µs")
    return found


def _name(chance: random.Random) -> str:
    """As long as names in object stores are, and not to be compressed."""
    return f"s3://bucket/scans/{chance.getrandbits(128):032x}.png"


def _varied(reading: Reading, chance: random.Random) -> Reading:
    """A record that is like no other: a thousand that are alike would be compressed to nothing."""
    digits = [
        replace(
            digit,
            confidence=chance.random(),
            box=Box(*(chance.randrange(4000) for _ in range(4))),
            topk=tuple((label, chance.random()) for label, _ in digit.topk),
        )
        for digit in reading.digits
    ]
    times = {step: chance.random() for step in reading.speed_ms}
    return replace(reading, source=_name(chance), digits=tuple(digits), confidence=chance.random(), speed_ms=times)


def _whole_runs(folder: Path, count: int, found: dict[str, float]) -> None:
    """Add what whole runs take: to begin, for a picture, and for a partition of Ray."""

    def taken(number: int, size: int, engine: str) -> tuple[float, float]:
        lines = [f"in/{one // 1000:05d}/{one % 1000:03d}.png" for one in range(number)]
        (folder / "list.txt").write_text("\n".join(lines), encoding="utf-8")
        command = ["batch", "@list.txt", "-o", "out", "-j", "2", "--partition-size", str(size), "--engine", engine]
        (times,) = by_turns(folder, {f"{engine}, {number} pictures by {size}": command}, 1).values()
        return times

    start, start_processor = taken(1, 1000, "local")
    _, processor = taken(count, 1000, "local")
    found["begin and end a run"] = start
    found["all in all, a picture of 28 x 28"] = (processor - start_processor) / count
    partitions = 300
    few, many = taken(partitions, partitions, "ray")[0], taken(partitions, 1, "ray")[0]
    found["a partition of Ray"] = (many - few) / partitions


def model(found: dict[str, float]) -> None:
    """Print what a hundred million pictures would take, on so many cores like the one that was measured."""
    partitions = PICTURES / PARTITION
    overhead = found["all in all, a picture of 28 x 28"] - found["decode and recognize 28 x 28"]
    alone = PICTURES * (found["list a name"] + found["write a name down"]) / 3600
    scheduling = partitions * found["a partition of Ray"] / 3600
    print(
        f"{PICTURES:,} pictures, {PARTITION:,} in a partition; a picture costs {1e6 * overhead:,.0f} µs beside reading"
    )
    print(f"listed and written down by one process: {alone:.1f} h, {PICTURES * found['bytes of a name'] / 1e9:.1f} GB")
    print(f"partitions handed out by one process: {scheduling:.1f} h in all")
    print(
        "\n| pictures | core-hours | "
        + " | ".join(f"hours, {cores:,} cores" for cores in CORES)
        + " | read | written |"
    )
    print("|---|---|" + "---|" * (len(CORES) + 2))
    for kind in ("28 x 28", "a photograph"):
        picture = found[f"decode and recognize {kind}"] + overhead
        core_hours = PICTURES * picture / 3600
        hours = [alone + max(core_hours / cores, scheduling) for cores in CORES]
        size = found["bytes of a photograph"] if kind == "a photograph" else 0
        read = f"{PICTURES * size / 1e12:.1f} TB, {CORES[-1] * size / picture / 1e9:.1f} GB/s" if size else "-"
        written = f"{PICTURES * found[f'bytes of a record of {kind}'] / 1e9:.0f} GB"
        cells = [kind, f"{core_hours:,.0f}", *(f"{one:,.1f}" for one in hours), read, written]
        print(f"| {' | '.join(cells)} |")


@contextmanager
def timed(
    found: dict[str, float], name: str, count: int, clock: Callable[[], float] = time.process_time
) -> Iterator[None]:
    """Note the seconds of each of `count` within, of processor time unless another clock is named."""
    begun = clock()
    yield
    found[name] = (clock() - begun) / count


def remove(path: Path) -> None:
    """Remove what a run left, a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def used() -> float:
    """Seconds of processor time of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
