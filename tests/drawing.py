"""Digits drawn with a pen of our own, so that no test needs a picture from elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

PAPER, PEN = 235, 40


def _arc(cx: float, cy: float, rx: float, ry: float, start: int, end: int) -> list[tuple[float, float]]:
    """Points of an ellipse's arc; degrees run clockwise from three o'clock, as y runs down."""
    turn = np.deg2rad(np.linspace(start, end, 40))
    return [(cx + rx * float(np.cos(t)), cy + ry * float(np.sin(t))) for t in turn]


#: The strokes of each digit: lines through points, x in 0..0.6 from the left, y in 0..1 from the top.
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "0": [_arc(0.3, 0.5, 0.27, 0.48, -90, 270)],
    "1": [[(0.3, 0.02), (0.3, 0.98)]],
    "2": [[*_arc(0.29, 0.27, 0.25, 0.25, -170, 40), (0.04, 0.97), (0.58, 0.97)]],
    "3": [[*_arc(0.27, 0.25, 0.24, 0.23, -150, 90), *_arc(0.27, 0.73, 0.28, 0.25, -90, 150)]],
    "4": [[(0.38, 0.02), (0.02, 0.62), (0.58, 0.62)], [(0.42, 0.35), (0.42, 0.98)]],
    "5": [[(0.54, 0.03), (0.12, 0.03), (0.08, 0.42), *_arc(0.27, 0.67, 0.27, 0.30, -130, 150)]],
    "6": [[(0.42, 0.02), (0.18, 0.32), *_arc(0.3, 0.71, 0.26, 0.26, -200, 160)]],
    "7": [[(0.03, 0.04), (0.57, 0.04), (0.22, 0.98)]],
    "8": [_arc(0.3, 0.25, 0.21, 0.23, 90, 450), _arc(0.3, 0.74, 0.27, 0.25, -90, 270)],
    "9": [[*_arc(0.3, 0.28, 0.25, 0.26, 0, 360), (0.52, 0.45), (0.46, 0.98)]],
}


def write(paper: Gray, digit: str, x: float, y: float, height: float, *, pen: int = PEN, width: float = 0.09) -> None:
    """Write a digit on paper, its top left corner at (x, y); `width` of the stroke as a fraction of the height."""
    for stroke in STROKES[digit]:
        points = np.rint(16 * (np.array(stroke) * height + (x, y))).astype(np.int32)
        cv2.polylines(paper, [points], False, pen, max(1, round(width * height)), cv2.LINE_AA, shift=4)


def blank(height: int = 120, width: int = 120) -> Gray:
    """Bare paper."""
    return np.full((height, width), PAPER, np.uint8)


def crop(digit: str, side: int = 96, *, width: float = 0.09) -> Gray:
    """A square crop with one digit in its middle."""
    paper = blank(side, side)
    height = 0.66 * side
    write(paper, digit, (side - 0.6 * height) / 2, (side - height) / 2, height, width=width)
    return paper


def page(lines: str | Sequence[str], height: int = 60, *, gap: float = 0.5) -> Gray:
    """A page of lines of digits, two blanks in a line parting groups; dark pen on light paper."""
    rows = [lines] if isinstance(lines, str) else list(lines)
    step = round((0.6 + gap) * height)
    paper = blank(round((0.8 + 1.7 * len(rows)) * height), height + step * max(len(row) for row in rows))
    for number, row in enumerate(rows):
        for place, digit in enumerate(row):
            if digit != " ":
                write(paper, digit, 0.5 * height + step * place, (0.5 + 1.7 * number) * height, height)
    return paper


def _lines(*places: tuple[slice, slice]) -> Callable[[Gray], None]:
    def rule(paper: Gray) -> None:
        for place in places:
            paper[place] = 90

    return rule


def _leaning(paper: Gray) -> None:
    cv2.line(paper, (0, 62), (95, 68), 90, 2, cv2.LINE_AA)


#: What forms and exercise books print around and through a digit, for crops of 96 pixels.
RULINGS: dict[str, Callable[[Gray], None]] = {
    "through the middle": _lines(np.s_[47:49, :]),
    "through the foot": _lines(np.s_[76:78, :]),
    "below": _lines(np.s_[90:92, :]),
    "at the rim": _lines(np.s_[0:2, :]),
    "upright": _lines(np.s_[:, 15:17]),
    "leaning": _leaning,
    "a cell of a form": _lines(np.s_[3:6, :], np.s_[90:93, :], np.s_[:, 3:6], np.s_[:, 90:93]),
}


def png(picture: NDArray[Any]) -> bytes:
    """A picture as the bytes of a PNG file."""
    return coded(picture, ".png")


def coded(picture: NDArray[Any], suffix: str) -> bytes:
    """A picture as the bytes of a file of this kind."""
    done, content = cv2.imencode(suffix, picture)
    assert done
    return content.tobytes()


def turned(picture: NDArray[Any], orientation: int) -> bytes:
    """A JPEG file that is stored turned, with the EXIF tag that says so."""
    stored = {
        1: picture,
        3: cv2.rotate(picture, cv2.ROTATE_180),
        6: cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE),
        8: cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE),
    }[orientation]
    content = coded(np.asarray(stored, np.uint8), ".jpg")
    tag = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tag
    return content[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + content[2:]
