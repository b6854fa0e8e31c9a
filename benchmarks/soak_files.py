"""What disks, signals and second runs do in months, in minutes: `python benchmarks/soak_files.py SECTION [--count N]`.

Each section is a function of SECTIONS that does something many times and gives a line of figures; it raises an
AssertionError at the first thing that must not be. A minute of it is a try; leave it for a night before a release.

- `kills`: SIGKILL at random moments of `predict -o` with crops and annotated pictures, by one process and by two:
  never a half file, never a crop without its row, and the next run does as if nothing had been.
- `rivals`: two runs with one output at the same moment: each that ends well has its own rows there.
- `watch`: SIGKILL at random moments of `watch`, and a new one: in the end, each picture has one record.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
from machine import describe

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PROGRAM = [sys.executable, "-m", "edge_digits"]


def kills(folder: Path, count: int) -> str:
    """Kill `predict -o` at random moments, also while it starts and while it ends."""
    sources = [str(path) for path in sorted(SAMPLES.glob("digit-*"))[:8]] * 4
    (folder / "list.txt").write_text("\n".join(sources))
    args = [*PROGRAM, "predict", "@list.txt", "--format", "csv", "-o", "out.csv", "--force"]
    args += ["--save-crops", "crops", "--save-annotated", "annotated"]
    usual = _seconds(args, folder)
    killed = ended = rows = 0
    for turn in range(count):
        child = subprocess.Popen([*args, "-j", "1" if turn % 2 else "2"], cwd=folder, start_new_session=True)
        time.sleep(random.uniform(0.0, 1.2 * usual))
        child.kill()
        code = child.wait()
        killed += code == -signal.SIGKILL
        ended += code == 0
        _wait_for_group(child.pid)
        with (folder / "out.csv").open(newline="") as stream:
            assert len(list(csv.reader(stream))) == 1 + len(sources), "out.csv is not whole"
        for name in ("crops", "annotated"):
            for path in (folder / name).glob("[!.]*.png"):
                assert cv2.imread(str(path)) is not None, f"{path} is half a picture"
        with (folder / "crops" / "labels.csv").open(newline="") as stream:
            for row in csv.DictReader(stream):
                assert row["y2"], f"half a row: {row}"
                assert (folder / "crops" / row["file"]).exists(), f"{row['file']} has a row, and is not there"
                rows += 1
    assert subprocess.run(args, cwd=folder, check=False).returncode == 0, "the run after the last kill fails"
    return f"{killed} runs killed, {ended} ended before; no half file; {rows} rows of crops, each with its crop"


def rivals(folder: Path, count: int) -> str:
    """Start two runs with one output, a moment apart."""
    names = ("a", "b")
    for name in names:
        (folder / f"{name}.jpg").write_bytes((SAMPLES / "digit-1-kraft-paper.jpg").read_bytes())
        (folder / f"{name}.txt").write_text(f"{name}.jpg\n" * 10)
    outcomes: Counter[str] = Counter()
    for turn in range(count):
        force = ["--force"] * (turn % 2)
        output = folder / f"out{turn}.csv"
        children = {}
        for name in names:
            args = [*PROGRAM, "predict", f"@{name}.txt", "--format", "csv", "-o", output.name, *force]
            children[name] = subprocess.Popen(args, cwd=folder, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0.0, 0.1))
        well = [name for name, child in children.items() if child.wait() == 0]
        found = {row.split(",")[0] for row in output.read_text().splitlines()[1:]}
        assert len(found) == 1, f"rows of both: {found}"
        assert any(found == {f"{name}.jpg"} for name in well), f"{well} ended well, and {found} is there"
        # With --force, one that begins when the other has ended may write over it.
        assert len(well) == 1 or force, "both ended well, and one of them lost its rows"
        outcomes["one ended well" if len(well) == 1 else "one after the other, by --force"] += 1
    return ", ".join(f"{number} times: {what}" for what, number in outcomes.items())


def watch(folder: Path, count: int) -> str:
    """Kill `watch` at random moments while pictures arrive."""
    inbox = folder / "inbox"
    inbox.mkdir()
    args = [*PROGRAM, "watch", "inbox", "--format", "jsonl", "-o", "out.jsonl"]
    content = (SAMPLES / "digit-1-kraft-paper.jpg").read_bytes()
    arrived = 0
    for turn in range(count + 1):
        child = subprocess.Popen(args, cwd=folder)
        end = time.monotonic() + (random.uniform(0.3, 2.5) if turn < count else 6.0)
        while time.monotonic() < end:
            if turn < count:
                (inbox / f"{arrived}.jpg").write_bytes(content)
                arrived += 1
            time.sleep(random.uniform(0.02, 0.2))
        child.send_signal(signal.SIGKILL if turn < count else signal.SIGTERM)
        child.wait()
    records = Counter(json.loads(line)["source"] for line in (folder / "out.jsonl").read_text().splitlines())
    missing = [number for number in range(arrived) if f"inbox/{number}.jpg" not in records]
    twice = [source for source, number in records.items() if number > 1]
    assert not missing, f"never read: {missing}"
    assert not twice, f"read twice: {twice}"
    return f"{count} kills, {arrived} pictures arrived, a record each"


#: What can be run, and how often by default.
SECTIONS: dict[str, tuple[Callable[[Path, int], str], int]] = {
    "kills": (kills, 30),
    "rivals": (rivals, 6),
    "watch": (watch, 8),
}


def main() -> None:
    """Run a section, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=[*SECTIONS, "all"])
    parser.add_argument("--count", type=int, help="how often")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(describe())
    for name in SECTIONS if options.section == "all" else [options.section]:
        random.seed(options.seed)
        section, usual = SECTIONS[name]
        with tempfile.TemporaryDirectory() as folder:
            print(f"{name}: {section(Path(folder), options.count or usual)}", flush=True)


def _seconds(args: list[str], folder: Path) -> float:
    begun = time.monotonic()
    subprocess.run(args, cwd=folder, check=True)
    return time.monotonic() - begun


def _wait_for_group(group: int) -> None:
    """Until the processes that a killed run had begun have seen that it is gone."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError("processes of a killed run live on")


if __name__ == "__main__":
    main()
