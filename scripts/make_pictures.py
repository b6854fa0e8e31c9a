"""Makes the pictures of the documentation from `samples/`: what `--save-annotated` and `--explain` write.

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
        pictures.append(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    room = _WIDTH - _GAP * (len(pictures) - 1)
    scale = room / sum(picture.shape[1] for picture in pictures)
    height = round(_HEIGHT * scale)
    scaled = [
        cv2.resize(picture, (round(picture.shape[1] * scale), height), interpolation=cv2.INTER_AREA)
        for picture in pictures
    ]
    canvas = np.full((height, _WIDTH, 3), 255, np.uint8)
    left = 0
    for picture in scaled:
        canvas[:, left : left + picture.shape[1]] = picture[:, : _WIDTH - left]
        left += picture.shape[1] + _GAP
    return canvas


def main() -> None:
    """Write both pictures."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    reader = DigitReader.load()
    rows = [row(reader, names) for names in SHOWN]
    gap = np.full((_GAP, _WIDTH, 3), 255, np.uint8)
    write_picture(out / "annotated.jpg", np.vstack([rows[0], gap, rows[1]]))
    write_picture(out / "explained.png", explain(reader.examine(SAMPLES / EXPLAINED, EXPLAINED)))


if __name__ == "__main__":
    main()
