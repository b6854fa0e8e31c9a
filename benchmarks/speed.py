"""What starting and reading cost, beside what cannot be saved: importing the libraries, decoding the files.

python benchmarks/speed.py DATA

Every figure is a median of interleaved rounds on the same machine; trust the ratios more than the times.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import cv2
import machine
import numpy as np
from sets import mnist_test
from timing import PROGRAM, medians

from edge_digits.sources.decode import decode

_ROUNDS = 15
_SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def report(data: Path) -> None:
    """Print both tables."""
    startup()
    with tempfile.TemporaryDirectory() as folder:
        crops = Path(folder) / "crops"
        crops.mkdir()
        if (data / "mnist").is_dir():
            pictures, _ = mnist_test(data / "mnist")
        else:
            pictures = np.zeros((10_000, 28, 28), np.uint8)
        for number, picture in enumerate(pictures):
            cv2.imwrite(str(crops / f"{number}.png"), picture)
        print("| folder | pictures | decoding only | predict | ratio | per picture |\n|---|---|---|---|---|---|")
        throughput("28x28 PNG", crops, len(pictures))
        photos = data / "photo_cells" / "images"
        if photos.is_dir():
            chosen = Path(folder) / "photos"
            chosen.mkdir()
            for photo in sorted(photos.iterdir())[:500]:
                (chosen / photo.name).symlink_to(photo)
            throughput("96x96 photos, JPEG", chosen, 500)
    print()


def startup() -> None:
    """Time from the shell to the end, of starting Python, importing, and our two shortest commands."""
    python = sys.executable
    commands = {
        "python -c pass": [python, "-c", "pass"],
        "import cv2, onnxruntime": [python, "-c", "import cv2, onnxruntime"],
        "edge-digits --help": [PROGRAM, "--help"],
        "edge-digits predict (one picture)": [PROGRAM, "predict", str(_SAMPLES / "number-427.png"), "--quiet"],
    }
    # As installed: with compiled modules, which an environment may forbid to write in a checkout.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(command: list[str]) -> object:
        return subprocess.run(command, check=True, capture_output=True, env=environment)

    times = medians({name: partial(run, command) for name, command in commands.items()}, _ROUNDS)
    base = times["import cv2, onnxruntime"]
    print("| command | median | relative to importing cv2 and onnxruntime |\n|---|---|---|")
    for name, taken in times.items():
        print(f"| {name} | {1000 * taken:.0f} ms | {taken / base:.2f} |")
    print()


def throughput(name: str, folder: Path, pictures: int) -> None:
    """Time of `predict` on a folder, from the shell to the end, beside decoding the same files in a loop."""
    files = sorted(folder.iterdir())
    command = [PROGRAM, "predict", str(folder), "--format", "jsonl", "--quiet"]
    times = medians(
        {
            "decode": lambda: [decode(file.read_bytes()) for file in files],
            "predict": lambda: subprocess.run(command, check=True, capture_output=True),
        },
        rounds=3,
        warm=0,
    )
    decoded, predicted = times["decode"], times["predict"]
    print(
        f"| {name} | {pictures:,} | {decoded:.2f} s | {predicted:.2f} s | {predicted / decoded:.1f} "
        f"| {1000 * predicted / pictures:.2f} ms |"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    print(f"Machine: {machine.describe()}\n")
    cv2.setNumThreads(1)
    report(options.data)
