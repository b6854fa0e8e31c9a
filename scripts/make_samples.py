"""Draws the pictures in `samples/`: digits in our own pen strokes, on paper, in light, through a camera.

Every picture has one seed, derived from its name: a second run writes the same bytes.

    python scripts/make_samples.py [OUT]
"""

from __future__ import annotations

import argparse
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
#: Blue, green and red in 0..1, as OpenCV stores them.
Colour = tuple[float, float, float]
WHITE_LIGHT: Colour = (1.0, 1.0, 1.0)

#: Pen strokes as a hand makes them, in hundredths of the digit's height, x to the right and y down. Blanks part points,
#: which a smooth curve runs through; "!" makes a point a corner; "/" lifts the pen. A name begins with its digit.
GLYPHS = {
    "0": "53,5 38,0 18,13 7,45 11,79 30,99 50,91 63,62 61,26 48,5 34,5",
    "0round": "40,1 20,9 6,36 8,72 26,97 50,93 68,64 66,27 50,4 36,2 27,8",
    "1": "38,0 36,30 33,68 30,100",
    "1flag": "9,31 22,22 34,9 42,0! 40,30 38,66 36,100",
    "1foot": "10,27 24,17 38,2! 38,40 37,97 / 10,98 34,96 64,97",
    "2": "8,24 14,8 34,0 54,8 57,28 44,54 24,80 5,98! 28,95 48,96 67,94",
    "2loop": "9,24 17,7 38,0 55,11 54,34 38,66 18,92 7,96 5,86 15,81 30,89 48,98 68,89",
    "3": "9,14 22,2 42,1 53,14 48,32 33,42 22,45! 40,45 56,57 58,78 44,96 24,100 5,89",
    "3flat": "8,5 30,4 58,1! 45,17 28,38! 46,40 60,56 59,80 42,97 22,99 4,88",
    "4": "47,1 30,28 6,65! 34,66 72,63 / 50,2 48,40 46,99",
    "4open": "28,2 21,28 9,60! 34,62 69,57 / 55,27 51,60 47,99",
    "5": "18,4 16,22 12,45! 28,38 48,41 61,60 56,84 38,98 18,99 4,89 / 18,4 38,5 62,1",
    "5once": "63,3 42,5 20,5! 17,24 12,46! 30,39 50,43 60,62 53,86 35,98 16,98 3,88",
    "6": "50,0 32,14 15,40 7,68 13,91 31,100 50,92 57,74 48,59 31,58 16,69 9,82",
    "6tall": "44,0 26,20 11,50 8,78 18,97 37,99 52,87 53,69 41,58 25,62 12,78",
    "7": "5,7 30,8 62,3! 52,24 38,56 28,99",
    "7crossed": "5,6 32,8 64,3! 53,26 40,58 29,100 / 19,51 36,49 60,47",
    "7hook": "8,19 8,6! 30,9 63,4! 54,22 42,50 36,100",
    "8": "55,14 42,1 22,3 15,19 26,36 46,51 58,70 52,92 32,100 13,91 13,71 28,54 46,37 57,18 51,6",
    "8rings": "34,47 17,34 18,11 36,0 53,10 53,32 34,47 12,65 9,87 30,100 53,92 56,69 34,47",
    "9": "54,20 44,4 25,2 9,17 10,38 26,47 43,38 55,18! 55,50 49,100",
    "9curved": "56,21 45,4 26,1 10,15 10,37 26,46 44,38 56,17! 59,46 53,80 36,98 14,93",
}


@dataclass(frozen=True)
class Pen:
    """What writes.

    `width` is in digit heights. In 0..1: `grain`, how much of the paper's tooth shows; `flow`, how unsteady the ink
    runs; `nib`, how much wider it writes downwards; `rough`, how ragged its edge is. Opaque ink hides the paper.
    """

    colour: Colour
    width: float
    grain: float = 0.1
    flow: float = 0.1
    nib: float = 0.0
    rough: float = 0.04
    opaque: bool = False


@dataclass(frozen=True)
class Paper:
    """What is written on; `rule` is the width in pixels of the lines that are printed along `rows` and `columns`."""

    colour: Colour
    texture: float = 0.009
    blotches: float = 0.01
    rows: Sequence[int] = ()
    columns: Sequence[int] = ()
    line: Colour = WHITE_LIGHT
    rule: int = 1


@dataclass(frozen=True)
class Light:
    """What falls on the page.

    `falloff` and `shadow` are the parts of it lost across the picture and behind a shadow's edge. Towards `angle`,
    degrees clockwise from the right, it gets darker; the shadow begins at `edge`, -0.5 to 0.5 of the picture.
    """

    tint: Colour = WHITE_LIGHT
    level: float = 0.92
    falloff: float = 0.0
    shadow: float = 0.0
    angle: float = 0.0
    edge: float = 0.0


@dataclass(frozen=True)
class Camera:
    """What takes the picture: standard deviation of its blur in pixels and of its noise in 0..1, tilt in degrees."""

    blur: float
    noise: float
    tilt: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One picture. `text` names glyphs, lines parted by "|"; digits are `height` picture heights high."""

    name: str
    size: tuple[int, int]
    text: str
    pen: Pen
    paper: Paper
    light: Light
    camera: Camera
    height: float = 0.6
    slant: float = 0.08
    kind: Literal["colour", "gray", "gray16", "alpha", "mask"] = "colour"
    quality: int = 86
    orientation: int = 0

    @property
    def label(self) -> str:
        """What it says: its digits, "none" where there is none."""
        return "|".join("".join(name[0] for name in line.split()) for line in self.text.split("|")) or "none"


PENCIL = Pen((0.31, 0.29, 0.28), 0.055, grain=0.55, flow=0.2, rough=0.08)
BALLPOINT = Pen((0.47, 0.14, 0.09), 0.044, grain=0.2, flow=0.1)
BLACK_BALLPOINT = Pen((0.17, 0.14, 0.14), 0.045, grain=0.2, flow=0.14)
FOUNTAIN = Pen((0.36, 0.13, 0.08), 0.052, flow=0.2, nib=0.7)
FELT = Pen((0.12, 0.10, 0.10), 0.10, grain=0.05, flow=0.05, rough=0.03)
RED_FELT = Pen((0.18, 0.12, 0.66), 0.075, grain=0.06, flow=0.08)
CHALK = Pen((0.88, 0.92, 0.93), 0.085, grain=0.6, flow=0.15, rough=0.1, opaque=True)

WHITE = Paper((0.965, 0.97, 0.97))
CREAM = Paper((0.80, 0.90, 0.95), texture=0.012)
KRAFT = Paper((0.45, 0.60, 0.72), texture=0.028, blotches=0.02)
BOARD = Paper((0.20, 0.23, 0.19), texture=0.012, blotches=0.06)
RULED = Paper((0.955, 0.965, 0.97), rows=range(24, 2000, 196), line=(0.86, 0.70, 0.60))
SQUARES = range(17, 2000, 42)
SQUARED = Paper((0.95, 0.96, 0.96), rows=SQUARES, columns=SQUARES, line=(0.95, 0.90, 0.85), rule=2)
FORM = Paper((0.94, 0.96, 0.97), rows=(3, -6), columns=(4, -5), line=(0.30, 0.28, 0.28), rule=2)

DAY = Light(falloff=0.12, angle=30)
LAMP = Light(tint=(0.72, 0.90, 1.0), level=1.0, falloff=0.4, angle=200)
NEON = Light(tint=(1.0, 0.66, 0.78), level=0.85, falloff=0.3, angle=150)
EVENING = Light(tint=(1.0, 0.88, 0.78), level=0.72, falloff=0.25, angle=120)
SHADE = Light(level=0.95, falloff=0.08, shadow=0.42, angle=-28, edge=0.04)
CLASSROOM = Light(level=1.0, falloff=0.35, angle=20)
SCANNER = Light(level=1.08)

FLATBED = Camera(0.45, 0.006)
STEADY = Camera(0.75, 0.006, tilt=1.2)
HAND = Camera(0.9, 0.013, tilt=1.8)
DIM = Camera(1.1, 0.022, tilt=-1.4)

SAMPLES = (
    Sample("digit-0-fountain-pen.jpg", (320, 400), "0", FOUNTAIN, CREAM, LAMP, HAND),
    Sample("digit-1-kraft-paper.jpg", (300, 360), "1flag", BLACK_BALLPOINT, KRAFT, DAY, STEADY),
    Sample("digit-2-transparent.png", (280, 280), "2loop", RED_FELT, WHITE, DAY, FLATBED, 0.68, kind="alpha"),
    Sample("digit-3-pencil.png", (180, 220), "3", PENCIL, WHITE, DAY, FLATBED, kind="gray"),
    Sample("digit-4-blackboard.jpg", (400, 360), "4open", CHALK, BOARD, CLASSROOM, HAND),
    Sample("digit-5-form-box.png", (128, 144), "5", BALLPOINT, FORM, DAY, FLATBED, 0.58),
    Sample("digit-6-ruled-paper.jpg", (260, 260), "6", BALLPOINT, RULED, DAY, STEADY, 0.5, quality=92),
    Sample("digit-7-crop-28.png", (28, 28), "7crossed", FELT, WHITE, DAY, FLATBED, 0.66, kind="mask"),
    Sample("digit-8-gray-16-bit.png", (120, 144), "8", PENCIL, WHITE, DAY, FLATBED, kind="gray16"),
    Sample("digit-9-coloured-light.jpg", (300, 380), "9curved", FELT, WHITE, NEON, DIM),
    Sample("number-427.png", (480, 240), "4open 2 7crossed", BALLPOINT, WHITE, SCANNER, FLATBED, 0.5),
    Sample("number-36-red-pen.jpg", (420, 320), "3flat 6tall", RED_FELT, CREAM, DAY, HAND, 0.48),
    Sample("number-836-blackboard.jpg", (800, 450), "8 3 6", CHALK, BOARD, CLASSROOM, HAND, 0.42),
    Sample("number-1984-lamp.jpg", (800, 400), "1 9curved 8 4", FOUNTAIN, CREAM, LAMP, HAND, 0.36, 0.2),
    Sample("number-2638-squared.jpg", (900, 600), "2 6 3flat 8rings", BALLPOINT, SQUARED, DAY, STEADY, 0.27),
    Sample("number-271828-pencil.jpg", (960, 320), "2 7 1 8 2loop 8", PENCIL, WHITE, EVENING, DIM, 0.34),
    Sample("number-60385-kraft-paper.jpg", (900, 360), "6 0 3 8rings 5once", FELT, KRAFT, SHADE, HAND, 0.36, 0.02),
    Sample("number-715-turned.jpg", (640, 400), "7hook 1foot 5", BLACK_BALLPOINT, WHITE, DAY, HAND, 0.4, orientation=6),
    Sample("number-90421-large.jpg", (1600, 1200), "9 0round 4 2 1", FELT, WHITE, SHADE, STEADY, 0.17, quality=56),
    Sample("two-lines-12-305.jpg", (640, 560), "1foot 2 | 3 0round 5once", BLACK_BALLPOINT, WHITE, DAY, HAND, 0.27),
    Sample("blank-paper.jpg", (640, 480), "", PENCIL, CREAM, LAMP, HAND),
    Sample("blank-paper-shadow.jpg", (640, 480), "", PENCIL, CREAM, SHADE, HAND),
)


def floats(values: ArrayLike) -> Floats:
    """A list of numbers as an array."""
    return np.array(values, np.float32)


def curve(points: Floats, step: float) -> Floats:
    """A centripetal Catmull-Rom curve through points [N, 2], sampled about every `step`: [M, 2]."""
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1)))])
    slopes = np.gradient(points, knots, axis=0)
    pieces = []
    for i, (start, end) in enumerate(pairwise(points)):
        length = knots[i + 1] - knots[i]
        t = np.linspace(0.0, 1.0, max(2, math.ceil(length**2 / step)))[:, None]
        swing = slopes[i] * length * t * (1 - t) ** 2 - slopes[i + 1] * length * t**2 * (1 - t)
        pieces.append(start + (end - start) * t**2 * (3 - 2 * t) + swing)
    return np.concatenate(pieces).astype(np.float32)


def drift(count: int, period: float, rng: Generator) -> Floats:
    """Smooth noise [count] of standard deviation about 1 that changes over `period` samples."""
    knots = rng.normal(size=max(4, math.ceil(count / period) + 3)).astype(np.float32)
    return np.interp(np.linspace(1, len(knots) - 2, count), np.arange(len(knots)), knots).astype(np.float32)


def write_digit(name: str, slant: float, rng: Generator) -> list[Floats]:
    """The strokes of one digit as this hand writes it this time: each [M, 2] in digit heights, x from 0."""
    stretch = floats(rng.normal((1.0, 1.0), (0.06, 0.03)))
    lean = slant + rng.normal(0.0, 0.03)
    strokes = []
    for stroke in GLYPHS[name].split("/"):
        words = stroke.split()
        points = floats([word.rstrip("!").split(",") for word in words]) / np.float32(100)
        points = (points + floats(rng.normal(0.0, 0.01, points.shape))) * stretch
        points[:, 0] += lean * (1.0 - points[:, 1])
        bounds = [0, *(i for i, word in enumerate(words) if word.endswith("!")), len(points) - 1]
        path = np.concatenate([curve(points[a : b + 1], 0.004) for a, b in pairwise(bounds)])
        wobble = np.stack([drift(len(path), 60, rng), drift(len(path), 60, rng)], axis=1)
        strokes.append(path + 0.004 * wobble)
    left = min(float(path[:, 0].min()) for path in strokes)
    return [path - floats((left, 0.0)) for path in strokes]


def lay_out(sample: Sample, rng: Generator) -> list[Floats]:
    """All strokes of a picture, in pixels, the text in its middle."""
    if not sample.text:
        return []
    strokes: list[Floats] = []
    for row, line in enumerate(sample.text.split("|")):
        x = rng.uniform(0.0, 0.1)
        for name in line.split():
            place = floats((x, 1.5 * row + rng.normal(0.0, 0.025)))
            digit = [path + place for path in write_digit(name, sample.slant, rng)]
            strokes += digit
            x = max(float(path[:, 0].max()) for path in digit) + rng.uniform(0.45, 0.57)
    everything = np.concatenate(strokes)
    middle = (everything.min(axis=0) + everything.max(axis=0)) / 2
    return [(path - middle) * np.float32(sample.height * sample.size[1]) + floats(sample.size) / 2 for path in strokes]


def draw_ink(sample: Sample, rng: Generator) -> Floats:
    """How much ink lies where: [H, W] in 0..1."""
    width, height = sample.size
    pen, size = sample.pen, sample.height * height
    fine = 8 if height < 64 else 4
    ink = np.zeros((height * fine, width * fine), np.uint8)
    for path in lay_out(sample, rng):
        count = len(path)
        heading = np.gradient(path, axis=0)
        down = np.abs(heading @ floats((0.5, 0.87))) / np.maximum(np.linalg.norm(heading, axis=1), 1e-6)
        ends = np.minimum(np.arange(count), np.arange(count)[::-1]) / 15
        radius = 0.5 * pen.width * size * (1 - pen.nib / 2 + pen.nib * down) * (0.72 + 0.28 * np.minimum(ends, 1.0))
        radius *= 1 + 0.07 * drift(count, 70, rng) + pen.rough * drift(count, 4, rng)
        flow = np.clip(1.0 - pen.flow * np.abs(drift(count, 45, rng)), 0.35, 1.0)
        for (x, y), r, f in zip(path, radius, flow, strict=True):
            centre = (round(float(x) * fine * 16), round(float(y) * fine * 16))
            cv2.circle(ink, centre, max(round(float(r) * fine * 16), 8), round(255 * float(f)), -1, cv2.LINE_8, 4)
    smooth = np.asarray(cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA), np.float32) / 255
    # Where the tooth of the paper is deep, the ink does not reach.
    shows = np.clip(0.35 + 0.5 * noise((height, width), max(0.5, 0.003 * size), rng), 0.0, 1.0)
    return np.asarray(smooth * (1.0 - pen.grain * shows), np.float32)


def noise(shape: tuple[int, int], grain: float, rng: Generator) -> Floats:
    """Smooth noise [H, W] of mean 0 and standard deviation 1 whose grains are about `grain` pixels wide."""
    small = max(1.0, grain / 2)
    size = (math.ceil(shape[1] / small) + 2, math.ceil(shape[0] / small) + 2)
    field = cv2.GaussianBlur(rng.normal(size=size[::-1]).astype(np.float32), (0, 0), grain / small)
    field = cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(field / max(float(field.std()), 1e-6), np.float32)


def make_paper(paper: Paper, width: int, height: int, rng: Generator) -> Floats:
    """The bare page under even white light: [H, W, 3] in 0..1."""
    shade = 1 + paper.texture * noise((height, width), 1.2, rng) + paper.blotches * noise((height, width), 60, rng)
    page = np.asarray(shade[:, :, None] * floats(paper.colour), np.float32)
    lines = np.zeros((height, width, 1), np.float32)
    for y in paper.rows:
        lines[y : y + paper.rule] = 1.0
    for x in paper.columns:
        lines[:, x : x + paper.rule] = 1.0
    return np.asarray(page * (1.0 - lines * (1.0 - floats(paper.line))), np.float32)


def shine(page: Floats, light: Light) -> Floats:
    """The page in its light: [H, W, 3], 1 being what the camera takes for white."""
    height, width = page.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / floats((height, width))[:, None, None] - np.float32(0.5)
    turn = math.radians(light.angle)
    along = x * math.cos(turn) + y * math.sin(turn)
    level = light.level * (1.0 - light.falloff * (along + 0.5))
    # The edge of a hand's or a head's shadow is soft, and not quite straight.
    bent = along + 0.03 * np.sin(5.0 * (x + y))
    level *= 1.0 - light.shadow / (1.0 + np.exp((light.edge - bent) / 0.025))
    # Light of one colour mixes with daylight on its far side.
    tint = floats(light.tint) ** (1.0 - along)[:, :, None]
    return np.asarray(page * level[:, :, None] * tint, np.float32)


def photograph(page: Floats, camera: Camera, rng: Generator) -> Floats:
    """The page as the camera sees it, so close that the page fills the picture: [H, W, 3] in 0..1."""
    height, width = page.shape[:2]
    closer = 1.0 + 0.03 * abs(camera.tilt)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -camera.tilt, closer)
    seen = cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), camera.blur), np.float32)
    # Light comes in quanta: where there is more of it, there is more noise.
    grain = rng.normal(size=seen.shape) * (0.5 + 0.5 * np.sqrt(seen))
    return np.asarray(np.clip(seen + camera.noise * grain, 0.0, 1.0), np.float32)


def take(sample: Sample) -> NDArray[Any]:
    """The picture: uint8 or uint16, [H, W], [H, W, 3] (BGR) or [H, W, 4] (BGRA)."""
    rng = np.random.default_rng(zlib.crc32(sample.name.encode()))
    picture = ink = draw_ink(sample, rng)
    colour = np.broadcast_to(floats(sample.pen.colour), (*ink.shape, 3))
    if sample.kind == "alpha":
        picture = np.dstack([colour, ink])
    elif sample.kind != "mask":
        page = make_paper(sample.paper, *sample.size, rng)
        page += ink[:, :, None] * ((colour if sample.pen.opaque else colour * page) - page)
        picture = photograph(shine(page, sample.light), sample.camera, rng)
    if sample.kind in ("gray", "gray16"):
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.float32)
    white, dtype = (65535.0, np.uint16) if sample.kind == "gray16" else (255.0, np.uint8)
    return np.rint(picture.astype(np.float64) * white).astype(dtype)


def encode(sample: Sample, picture: NDArray[Any]) -> bytes:
    """The picture as a file: PNG or JPEG by its name, with an EXIF orientation where it has one."""
    suffix = Path(sample.name).suffix
    if sample.orientation == 6:
        # "Turn me clockwise": a camera that is held upright stores its picture lying on its left side.
        picture = np.asarray(cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE))
    options = [cv2.IMWRITE_JPEG_QUALITY, sample.quality] if suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    content = cv2.imencode(suffix, picture, options)[1].tobytes()
    if not sample.orientation:
        return content
    # One TIFF entry: tag 0x0112 (orientation), type 3 (short), count 1. It goes into an APP1 segment after the start.
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, sample.orientation, 0, 0)
    return content[:2] + b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff + content[2:]


def main() -> None:
    """Write all pictures and their labels."""
    parser = argparse.ArgumentParser(description="Draw the sample pictures and their labels.csv.")
    parser.add_argument("out", nargs="?", default="samples", type=Path, help="folder to write to (default: samples)")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        (out / sample.name).write_bytes(encode(sample, take(sample)))
    rows = ["file,label", *(f"{sample.name},{sample.label}" for sample in SAMPLES)]
    (out / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
