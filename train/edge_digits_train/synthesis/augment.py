"""A digit as data sets hold it -> the same digit as a camera would meet it.

Every picture is drawn on a crop of its own size by a random pen on random paper in random light, and then goes through
the runner's own `normalize`, so that a model trains on exactly what it will be given. Everything is seeded.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find import Glyph
from edge_digits.imaging.pixels import Gray
from edge_digits.normalize import normalize, normalize_glyph
from edge_digits_train.datasets.data import BACKGROUND, Labels, Pictures
from edge_digits_train.synthesis.negatives import mark
from edge_digits_train.synthesis.paper import falling_light

#: A crop of which `normalize` makes less than this cannot be read, and its strokes alone are taken: cosine of the angle
#: between the two.
_LEAST_LIKENESS = 0.5
#: Unit noise to cut patches from: drawing it anew for each picture took a fifth of all time.
_GRAIN = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)


@dataclass(frozen=True)
class Augmentation:
    """How far a picture may go. Angles in degrees; other lengths as fractions of the digit or of its crop.

    `photograph` is the share of pictures that are drawn as a photograph; the rest is only bent, as a clean scan would
    be, and of that a share of `coarse` at few dots an inch. `rare_styles` is the share of ones that get a flag or a
    foot and of sevens that get a bar.
    """

    rotation: float = 12.0
    shear: float = 0.25
    zoom: float = 0.2
    shift: float = 0.12
    elastic: float = 0.03
    photograph: float = 0.4
    rare_styles: float = 0.5
    coarse: float = 0.25


def augment(pictures: Pictures, labels: Labels, seed: int | tuple[int, ...], how: Augmentation) -> Pictures:
    """Bend, draw, photograph and normalise each picture.

    Args:
        pictures: uint8 [N, 28, 28], white on black.
        labels: int [N]; 1 and 7 have styles that MNIST hardly knows. Where it is BACKGROUND and the picture is blank, a
            mark that is no digit is drawn in its place.
        seed: the same seed gives the same pictures.
        how: the limits.

    Returns:
        uint8 [N, 28, 28] as `edge_digits.normalize.normalize` makes them.
    """
    rng = np.random.default_rng(seed)
    made = np.empty_like(pictures)
    digits = np.flatnonzero(labels != BACKGROUND)
    for i, label in enumerate(labels):
        given = label != BACKGROUND or pictures[i].any()
        picture = pictures[i] if given else mark(rng, pictures[digits], labels[digits])
        other = pictures[int(rng.integers(len(pictures)))]
        if rng.random() < how.photograph:
            shot, strokes = photograph(picture, int(label), other, rng, how)
        else:
            shot = strokes = scan(picture, int(label), rng, how)
        made[i] = normalize(shot)
        drawn = normalize_glyph(Glyph(0, 0, strokes))
        if _likeness(made[i], drawn) < _LEAST_LIKENESS:
            made[i] = drawn
    return made


def scan(picture: Gray, label: int, rng: np.random.Generator, how: Augmentation) -> Gray:
    """Bend one digit on a clean crop, tight or with some room: uint8 [S, S], white on black.

    S is between 28 and 40; a part is scanned coarser, at 12 to 24.
    """
    strokes = _bend(picture, int(rng.integers(28, 41)), 0.95 * 28 / 20, rng, how)
    if rng.random() < how.rare_styles / 2:
        strokes = rare_style(strokes, label, rng)
    if rng.random() < how.coarse:
        side = int(rng.integers(12, 25))
        strokes = np.asarray(cv2.resize(strokes, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return strokes


def _likeness(a: Gray, b: Gray) -> float:
    """Cosine of the angle between two pictures."""
    first, second = a.astype(np.float32).ravel(), b.astype(np.float32).ravel()
    return float(first @ second) / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1.0)


def photograph(
    picture: Gray, label: int, neighbour: Gray, rng: np.random.Generator, how: Augmentation
) -> tuple[Gray, Gray]:
    """Draw one digit on paper and take its picture.

    Returns:
        The photograph and the strokes alone, white on black, both uint8 [S, S], S between 28 and 80; the photograph in
        either polarity.
    """
    side = int(rng.integers(28, 81))
    strokes = _crisp(_bend(picture, side, rng.uniform(0.75, 1.3) * side / 28, rng, how), side)
    if rng.random() < how.rare_styles:
        strokes = rare_style(strokes, label, rng)
    strokes = _pen(strokes, rng)
    if rng.random() < 0.5:
        strokes = _pencil(strokes, rng)
    contrast = rng.uniform(0.25, 1.0) if rng.random() < 0.8 else rng.uniform(0.15, 0.3)
    ink = strokes.astype(np.float32) * contrast
    if rng.random() < 0.15:
        ink = np.maximum(ink, _leftover(neighbour, side, rng) * contrast)
    if rng.random() < 0.35:
        ink = np.maximum(ink, _ruling(side, rng))
    paper = _paper(side, rng)
    shot = camera(paper * (1.0 - ink / 255.0), contrast * float(paper.mean()), rng, side)
    return (np.asarray(cv2.bitwise_not(shot), np.uint8) if rng.random() < 0.2 else shot), strokes


def _bend(picture: Gray, side: int, scale: float, rng: np.random.Generator, how: Augmentation) -> Gray:
    """Random affine map, and elastic bending, of a 28x28 picture into a crop of `side`."""
    angle = np.deg2rad(rng.uniform(-how.rotation, how.rotation))
    shear = rng.uniform(-how.shear, how.shear)
    zoom_x, zoom_y = scale * np.exp(rng.uniform(-how.zoom, how.zoom, 2))
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]]) @ np.diag([zoom_x, zoom_y])
    # The digit fills 20 of 28 pixels: shift it by what is left of the crop, and do not push it out.
    reach = float(np.abs(linear).sum(axis=1).max()) * 10.0
    if reach > 0.49 * side:
        linear *= 0.49 * side / reach
        reach = 0.49 * side
    room = min(how.shift * side, 0.5 * side - reach)
    shift = side / 2 + rng.uniform(-room, room, 2) - linear @ np.array([14.0, 14.0])
    matrix = np.hstack([linear, shift[:, None]])
    if how.elastic and rng.random() < 0.5:
        coarse = rng.normal(0.0, how.elastic * side, (2, 4, 4)).astype(np.float32)
        inverse = cv2.invertAffineTransform(matrix)
        y, x = np.mgrid[:side, :side].astype(np.float32)
        x += cv2.resize(coarse[0], (side, side), interpolation=cv2.INTER_CUBIC)
        y += cv2.resize(coarse[1], (side, side), interpolation=cv2.INTER_CUBIC)
        from_x = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]).astype(np.float32)
        from_y = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]).astype(np.float32)
        return np.asarray(cv2.remap(picture, from_x, from_y, cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def _crisp(strokes: Gray, side: int) -> Gray:
    """Sharpen edges that enlarging has smeared."""
    gain = 1.0 + side / 28.0
    floor = np.uint8(127 - 127 // int(gain))
    return np.asarray(cv2.convertScaleAbs(np.maximum(strokes, floor) - floor, alpha=gain), np.uint8)


def _pen(strokes: Gray, rng: np.random.Generator) -> Gray:
    """Change the stroke width: dilate, or erode unless the digit would fall apart."""
    side = strokes.shape[0]
    size = int(rng.integers(0, max(2, side // 14) + 1))
    if size == 0:
        return strokes
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size + 1, size + 1))
    if rng.random() < 0.45:
        return np.asarray(cv2.dilate(strokes, kernel), np.uint8)
    thin = np.asarray(cv2.erode(strokes, kernel), np.uint8)
    return thin if int(cv2.sumElems(thin)[0]) > 0.35 * int(cv2.sumElems(strokes)[0]) else strokes


def rare_style(strokes: Gray, label: int, rng: np.random.Generator) -> Gray:
    """Give a one its flag or foot and a seven its bar, in the pen of the digit."""
    if label not in (1, 7):
        return strokes
    x, y, w, h = cv2.boundingRect(strokes)
    if w == 0 or (label == 1 and w > 0.6 * h):
        return strokes
    drawn = strokes.copy()
    pen = max(1, round(float(cv2.distanceTransform((strokes > 127).astype(np.uint8), cv2.DIST_L2, 3).max()) * 1.6))
    if pen > 0.14 * h or (label == 7 and rng.random() < 0.5):
        return strokes

    def x_of(row: int) -> int:
        columns = np.flatnonzero(strokes[min(max(row, y), y + h - 1)] > 127)
        return int(columns.mean()) if len(columns) else x + w // 2

    def line(x1: float, y1: float, x2: float, y2: float) -> None:
        cv2.line(drawn, (round(x1), round(y1)), (round(x2), round(y2)), 255, pen, cv2.LINE_AA)

    if label == 7:
        row, half = y + h * rng.uniform(0.42, 0.6), h * rng.uniform(0.13, 0.24)
        middle, lean = x_of(int(row)), rng.uniform(-0.06, 0.06) * h
        line(middle - half, row + lean, middle + half, row - lean)
        return drawn
    styles = rng.random(2)
    if styles[0] < 0.8:
        # A flag falls off steeply, the longer the more, down to the foot in some hands; a flatter one would be the bar
        # of a seven.
        reach = h * rng.uniform(0.12, 0.5)
        drop = min(reach * rng.uniform(0.6 + 0.8 * max(0.0, reach / h - 0.25), 1.8), 0.92 * h)
        top = x_of(y + 1)
        line(top, y + pen / 2, top - reach, y + drop)
    if styles[1] < 0.6:
        half, foot = h * rng.uniform(0.15, 0.42), x_of(y + h - 2)
        lean = rng.uniform(-0.08, 0.08) * h
        line(foot - half, y + h - 1 + lean, foot + half * rng.uniform(0.5, 1.2), y + h - 1 - lean)
    return drawn


def _pencil(strokes: Gray, rng: np.random.Generator) -> Gray:
    """The grain of a pencil or of a dry pen: strokes of uneven strength."""
    side = strokes.shape[0]
    coarse = max(4, side // int(rng.integers(1, 6)))
    grain = rng.uniform(1.0 - rng.uniform(0.2, 0.7), 1.0, (coarse, coarse)).astype(np.float32)
    return np.asarray(strokes * cv2.resize(grain, (side, side)) + 0.5).astype(np.uint8)


def _leftover(neighbour: Gray, side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """What of the digit next door reaches over the rim."""
    big = cv2.resize(neighbour, (side, side), interpolation=cv2.INTER_LINEAR)
    reach = int(side * rng.uniform(0.66, 0.78))
    moved = np.zeros((side, side), np.float32)
    if rng.random() < 0.5:
        moved[:, : side - reach] = big[:, reach:]
    else:
        moved[:, reach:] = big[:, : side - reach]
    return moved * np.float32(rng.uniform(0.4, 1.0))


def _ruling(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Lines of a form or grid near the rim, from edge to edge, leaning a little."""
    drawn = np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        at = side * (rng.uniform(0.0, 0.07) if rng.random() < 0.5 else rng.uniform(0.93, 1.0))
        lean = side * rng.uniform(-0.03, 0.03)
        ends = [(0, round(at - lean)), (side, round(at + lean))]
        if rng.random() < 0.5:
            ends = [(b, a) for a, b in ends]
        cv2.line(
            drawn,
            ends[0],
            ends[1],
            int(rng.integers(60, 256)),
            int(rng.integers(1, max(2, side // 16) + 1)),
            cv2.LINE_AA,
        )
    return drawn.astype(np.float32)


def _paper(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The paper of a crop in its light, float32 [side, side] of grey levels."""
    level = rng.uniform(90.0, 255.0)
    light = falling_light(side, side, rng, fall=0.35, sharp=(2.0, 6.0), darkest=0.35)
    return np.asarray(level * light, np.float32)


def camera(shot: NDArray[np.float32], contrast: float, rng: np.random.Generator, size: float) -> Gray:
    """Blur, noise, eight bits, and sometimes JPEG: what a person could still read.

    `contrast` is the difference of ink and paper in grey levels: the noise stays below a tenth of it; `size` is that of
    a digit with some room: the blur's standard deviation stays below a fortieth of it.
    """
    height, width = shot.shape
    if rng.random() < 0.7:
        shot = np.asarray(cv2.GaussianBlur(shot, (0, 0), rng.uniform(0.3, max(0.5, 0.025 * size))), np.float32)
    if rng.random() < 0.8:
        at_y, at_x = (int(rng.integers(0, max(1, _GRAIN.shape[0] - n))) for n in shot.shape)
        shot = shot + _GRAIN[at_y : at_y + height, at_x : at_x + width] * np.float32(
            rng.uniform(0.3, min(8.0, 0.1 * contrast))
        )
    taken = np.clip(shot, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        _, coded = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        taken = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return taken
