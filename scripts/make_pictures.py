"""Makes the pictures of the documentation from `samples/`: what `--save-annotated` and `--explain` write, and failures.

python scripts/make_pictures.py [OUT=docs]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits import DigitReader
from edge_digits.outputs.files import write_picture
from edge_digits.outputs.pictures import annotate, explain

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
SHOWN = (
    ("number-60385-kraft-paper.jpg", "digit-5-form-box.png", "number-1984-lamp.jpg"),
    ("number-836-blackboard.jpg", "digit-3-pencil.png", "number-2638-squared.jpg"),
)
EXPLAINED = "number-1984-lamp.jpg"
_HEIGHT, _WIDTH, _GAP = 240, 1200, 8


def row(reader: DigitReader, names: tuple[str, ...]) -> NDArray[np.uint8]:
    """Annotated samples side by side, uint8 [H, 1200, 3]."""
    pictures = []
    for name in names:
        examination = reader.examine(SAMPLES / name)
        picture = annotate(examination.picture, examination.reading)
        scale = _HEIGHT / picture.shape[0]
        pictures.append(resized(picture, scale))
    room = _WIDTH - _GAP * (len(pictures) - 1)
    scale = room / sum(picture.shape[1] for picture in pictures)
    height = round(_HEIGHT * scale)
    scaled = [
        cv2.resize(picture, (round(picture.shape[1] * scale), height), interpolation=cv2.INTER_AREA)
        for picture in pictures
    ]
    canvas = np.full((height, _WIDTH, 3), 255, np.uint8)
    left = 0
    for column in scaled:
        canvas[:, left : left + column.shape[1]] = column[:, : _WIDTH - left]
        left += column.shape[1] + _GAP
    return canvas


def failures(reader: DigitReader) -> NDArray[np.uint8]:
    """Samples spoilt until they are read wrongly, with what was read and what is said of it."""
    twice = sample("number-36-red-pen.jpg")
    pages = [
        ("upside down, without --rotate auto", np.rot90(sample("number-271828-pencil.jpg"), 2).copy()),
        ("digits 6 pixels high", shrunk(sample("number-60385-kraft-paper.jpg"), 0.05)),
        ("out of focus", cv2.GaussianBlur(sample("number-836-blackboard.jpg"), (0, 0), 16)),
        ("written over each other", np.minimum(twice, twice[:, ::-1])),
    ]
    cells = []
    for what, page in pages:
        reading = reader.examine(page).reading
        picture = annotate(page, reading)
        scale = min(284 / picture.shape[1], 200 / picture.shape[0])
        picture = resized(picture, scale)
        cell = np.full((270, 294, 3), 255, np.uint8)
        cell[: picture.shape[0], : picture.shape[1]] = picture
        said = reading.warnings[0].split(":")[0] if reading.warnings else "no warning"
        for line, text in enumerate((what, f"read: {reading.text or 'nothing'} ({said})".replace("\n", " / "))):
            cv2.putText(cell, text, (2, 228 + 22 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        cells.append(cell)
    return np.hstack(cells)


def sample(name: str) -> NDArray[np.uint8]:
    """A sample, uint8 [H, W, 3], BGR."""
    return np.asarray(cv2.imread(str(SAMPLES / name)), np.uint8)


def shrunk(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """A picture made smaller, on paper of the size that it had."""
    small = resized(picture, factor)
    down, across = (200 - small.shape[0]) // 2, (280 - small.shape[1]) // 2
    return np.asarray(cv2.copyMakeBorder(small, down, down, across, across, cv2.BORDER_REPLICATE), np.uint8)


def resized(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """A picture of another size."""
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Write the pictures."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    reader = DigitReader.load()
    rows = [row(reader, names) for names in SHOWN]
    gap = np.full((_GAP, _WIDTH, 3), 255, np.uint8)
    write_picture(out / "annotated.jpg", np.vstack([rows[0], gap, rows[1]]))
    write_picture(out / "failures.png", failures(reader))
    write_picture(out / "explained.png", explain(reader.examine(SAMPLES / EXPLAINED, EXPLAINED)))


if __name__ == "__main__":
    main()
