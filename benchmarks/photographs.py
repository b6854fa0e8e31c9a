"""What reading whole photographs costs, beside what cannot be saved; they are made here, of MNIST test digits."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scoring import align, answer_of
from timing import PROGRAM, medians, milliseconds

from edge_digits import DigitReader
from edge_digits.results import Reading

#: Runs a command and says the most memory that it held, in kB; a process of its own, since a child counts what its
#: parent held when it began.
_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
_DECODE = "import sys, cv2; cv2.setNumThreads(1); cv2.imread(sys.argv[1])"


def photograph(digits: NDArray[np.uint8], width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """A page with two lines of digits on plain paper, unevenly lit, as a camera takes it.

    Args:
        digits: uint8 [N, 28, 28], white on black; half of them go to each line, at an eighth of the page's height.
        width: of the picture, pixels.
        height: of the picture, pixels.
        seed: of the places, the light and the noise.

    Returns:
        uint8 [height, width, 3], BGR.
    """
    rng = np.random.default_rng(seed)
    ink = np.zeros((height, width), np.float32)
    side = round(height / 8 * 28 / 20)
    lines = np.array_split(digits, 2)
    for number, line in enumerate(lines):
        step = min(side, round(0.9 * width / len(line)))
        for place, digit in enumerate(line):
            y = round(height * (0.3 + 0.35 * number) - side / 2 + rng.uniform(-0.05, 0.05) * side)
            x = round((width - step * len(line)) / 2 + step * place)
            large = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
            part = ink[y : y + side, x : x + side]
            np.maximum(part, large[:, : part.shape[1]], out=part)
    across, down = np.meshgrid(
        np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    )
    light = 0.75 + 0.15 * across - 0.1 * down - 0.1 * across * down
    # The camera's noise is as fine as its pixels, whatever their number.
    gray = 235 * light * (1 - 0.75 * np.clip(ink, 0, 1)) + rng.normal(0, 2, (height, width)).astype(np.float32)
    paper = np.array([0.88, 0.96, 1.0], np.float32)
    return np.asarray(np.clip(gray[..., None] * paper, 0, 255)).astype(np.uint8)


def report(reader: DigitReader, pictures: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Print the table; the MNIST test set as `sets.mnist_test` gives it."""
    chosen = np.random.default_rng(0).choice(len(pictures), 10, replace=False)
    text = "".join(str(label) for label in labels[chosen])
    small, large = photograph(pictures[chosen], 640, 480), _jpeg(photograph(pictures[chosen], 4000, 3000))
    print("| task | correct | median | compared with | ratio |\n|---|---|---|---|---|")
    _small(reader, small, text)
    _large(reader, large, text)
    _crop(reader, pictures[chosen[0]], text[0])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "big.jpg"
        file.write_bytes(large)
        predicting = _peak([PROGRAM, "predict", str(file), "--quiet"])
        decoding = _peak([sys.executable, "-c", _DECODE, str(file)])
    what, beside = "`edge-digits predict` of the same JPEG, peak memory", "importing cv2 and decoding it"
    print(f"| {what} | | {predicting:.0f} MiB | {beside}: {decoding:.0f} MiB | {predicting / decoding:.2f} |\n")


def _small(reader: DigitReader, picture: NDArray[np.uint8], text: str) -> None:
    file = _jpeg(picture)
    times = medians({"read": lambda: reader.read(picture), "decode": lambda: _decode(file)}, 30, 3)
    what = "640 x 480 photograph of ten digits, from pixels to text"
    _row(what, _right(reader.read(picture), text), times["read"], "decoding its JPEG", times["decode"])


def _large(reader: DigitReader, file: bytes, text: str) -> None:
    times = medians({"read": lambda: reader.examine_bytes(file, ""), "decode": lambda: _decode(file)}, 7)
    what = "4000 x 3000 photograph of ten digits, from JPEG bytes to text"
    right = _right(reader.examine_bytes(file, "").reading, text)
    _row(what, right, times["read"], "decoding it at full size", times["decode"])


def _crop(reader: DigitReader, picture: NDArray[np.uint8], text: str) -> None:
    inputs = np.stack([one.seen for one in reader.examine(picture).candidates])
    times = medians({"read": lambda: reader.read(picture), "net": lambda: reader.model.logits(inputs)}, 1000, 50)
    what, right = "28 x 28 crop, without the network's time", _right(reader.read(picture), text)
    _row(what, right, times["read"] - times["net"], "the network alone", times["net"])


def _row(what: str, right: str, time: float, beside: str, time_beside: float) -> None:
    beside = f"{beside}: {milliseconds(time_beside)}"
    print(f"| {what} | {right} | {milliseconds(time)} | {beside} | {time / time_beside:.2f} |", flush=True)


def _right(reading: Reading, text: str) -> str:
    return f"{sum(align(answer_of(reading).text, text)[1])} of {len(text)}"


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def _decode(content: bytes) -> None:
    cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def _peak(command: list[str]) -> float:
    """The most memory that a command held, MiB."""
    run = subprocess.run([sys.executable, "-c", _PEAK, *command], check=True, capture_output=True, text=True)
    return int(run.stdout) / 1024
