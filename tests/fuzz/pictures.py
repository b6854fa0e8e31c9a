"""Feeds spoilt pictures to `edge-digits predict`, and reports each that is more than a record.

    PYTHONPATH=tests python -m fuzz.pictures --seconds 60
    PYTHONPATH=tests python -m fuzz.pictures --seconds 30000 --seed 1 --keep found/
    PYTHONPATH=tests python -m fuzz.pictures --only 4711 --keep found/
    PYTHONPATH=tests python -m fuzz.pictures --coverage --seconds 600

Pictures are numbered from `--seed` times a billion on. Each is to give a record at least, within `SECONDS` and
`MEMORY`, and no process may die of it or print anything else. A picture that fails is tried again alone, so that none
is blamed for another. The last lines name what failed, with their numbers; `--keep FOLDER` writes the files. Ends with
1 where any failed.

--coverage runs the decoder alone in this process under atheris (extra `fuzz`), which changes bytes by what code of ours
they reach; there a picture may raise PictureError, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fuzz.mutations import Spoiler, Spoilt

#: What a picture may take: seconds of a processor, and bytes that the whole program has in memory at most.
SECONDS, MEMORY = 2.0, 512 << 20
#: Seconds after which a program that gives no record is ended.
HANGS = 60.0
#: Pictures a process.
BATCH = 150
PROGRAM = str(Path(sys.executable).with_name("edge-digits"))
#: Runs a command and writes what it took: exit code or minus signal, seconds of the processor, bytes.
_MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:], timeout=float(sys.argv[1])).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, file=sys.stderr)
"""


@dataclass(frozen=True)
class Outcome:
    """What became of some pictures.

    Attributes:
        statuses: by the name of each picture with a record, the status of its last one.
        error: standard error.
        code: the exit code, or minus the signal; None where it hung.
        seconds: processor time, and bytes: memory, at most at one time.
    """

    statuses: dict[str, str]
    error: str
    code: int | None
    seconds: float
    bytes: int


def read(pictures: list[Spoilt]) -> Outcome:
    """Have `edge-digits predict` read pictures in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for picture in pictures:
            (Path(folder) / picture.name).write_bytes(picture.content)
        command = [sys.executable, "-c", _MEASURED, str(HANGS + SECONDS * len(pictures))]
        command += [PROGRAM, "predict", folder, "--format", "jsonl", "--quiet"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    records = [json.loads(line) for line in ended.stdout.splitlines()]
    statuses = {os.path.basename(record["source"]): str(record["status"]) for record in records}
    if ended.returncode != 0:  # it timed out
        return Outcome(statuses, ended.stderr, None, HANGS, 0)
    *lines, last = ended.stderr.splitlines()
    code, seconds, size = last.split()
    return Outcome(statuses, "\n".join(lines), int(code), float(seconds), int(size))


def fault(pictures: list[Spoilt], outcome: Outcome, idle: Outcome) -> str:
    """What is wrong with an outcome; "" where nothing is. `idle` is what reading one whole picture takes."""
    if outcome.code is None:
        return "hangs"
    if outcome.code not in (0, 5):
        return f"died of signal {-outcome.code}" if outcome.code < 0 else f"exit code {outcome.code}"
    if outcome.error:
        return f"printed: {outcome.error.splitlines()[-1][:100]}"
    missing = [picture.name for picture in pictures if picture.name not in outcome.statuses]
    if missing:
        return f"no record of {' '.join(missing[:3])}"
    if outcome.bytes > MEMORY:
        return f"{outcome.bytes >> 20} MiB"
    # Of many pictures only the sum is known: more than an average of a tenth is looked into.
    allowed = SECONDS if len(pictures) == 1 else SECONDS + 0.1 * SECONDS * len(pictures)
    seconds = outcome.seconds - idle.seconds
    return f"{seconds:.1f} s" if seconds > allowed else ""


def faults(pictures: list[Spoilt], idle: Outcome, counts: Counter[str]) -> Iterator[tuple[Spoilt, str]]:
    """The pictures that are at fault, found by halving, and why; `counts` takes the statuses of all others."""
    outcome = read(pictures)
    why = fault(pictures, outcome, idle)
    if not why:
        counts.update(outcome.statuses.values())
    elif len(pictures) == 1:
        yield pictures[0], why
    else:
        half = len(pictures) // 2
        yield from faults(pictures[:half], idle, counts)
        yield from faults(pictures[half:], idle, counts)


def cover(seconds: float, keep: Path) -> None:
    """Let atheris look for bytes that make the decoder raise something else than PictureError; does not return.

    What it finds goes to the folder `keep`.
    """
    import atheris

    with atheris.instrument_imports(include=["edge_digits"]):
        from edge_digits.errors import PictureError
        from edge_digits.sources.decode import decode_gray

    def one(content: bytes) -> None:
        with suppress(PictureError):
            decode_gray(content, 1024)

    with tempfile.TemporaryDirectory() as corpus:
        for number, (suffix, content) in enumerate(Spoiler().whole):
            (Path(corpus) / f"{number}{suffix}").write_bytes(content)
        limits = [f"-max_total_time={seconds:.0f}", f"-rss_limit_mb={2 * MEMORY >> 20}", f"-timeout={5 * SECONDS:.0f}"]
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={keep}/", corpus], one)
        atheris.Fuzz()


def main() -> int:
    """Read spoilt pictures until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, action="append", help="the picture of this number")
    parser.add_argument("--keep", type=Path, help="write the pictures that failed to this folder")
    parser.add_argument("--coverage", action="store_true")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    if options.coverage:
        cover(options.seconds, options.keep or Path(tempfile.gettempdir()))
    spoiler = Spoiler()
    suffix, content = spoiler.whole[0]
    idle = read([Spoilt(f"whole{suffix}", content)])
    counts: Counter[str] = Counter()
    found: list[tuple[Spoilt, str]] = []
    end, first = time.monotonic() + options.seconds, options.seed * 10**9
    while time.monotonic() < end:
        numbers = options.only or range(first, first + BATCH)
        for picture, why in faults([spoiler.spoil(number) for number in numbers], idle, counts):
            print(f"{picture.name}: {why}", flush=True)
            found.append((picture, why))
            if options.keep:
                (options.keep / picture.name).write_bytes(picture.content)
        if options.only:
            break
        first += BATCH
    statuses = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
    print(f"{counts.total() + len(found):,} pictures: {statuses}; {len(found)} failed")
    for picture, why in found:
        print(f"  {picture.name}: {why}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
