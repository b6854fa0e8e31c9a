"""A digit as data sets hold it -> the same digit as a camera would meet it.

Every picture is drawn on a crop of its own size by a random pen on random paper in random light, and then goes through
the runner's own `normalize`, so that a model trains on exactly what it will see. Everything is seeded.
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
from edge_digits_train.synthesis import affine, camera, grain, paper, pens
from edge_digits_train.synthesis.negatives import negative
from edge_digits_train.synthesis.variants import rare_style

#: A crop of which `normalize` makes less than this cannot be read, and its strokes alone are taken: cosine similarity
#: of the two.
_MIN_SIMILARITY = 0.5
#: How many times as far as most a tilted picture may be rotated.
_TILT = 2.5


@dataclass(frozen=True)
class Augmentation:
    """How far a picture may go. Angles in degrees; other lengths as fractions of the digit or of its crop.

    Attributes:
        rotation, shear, zoom, shift: the most that the affine map does; zoom is the logarithm of a factor.
        elastic: standard deviation of the elastic distortion.
        photograph: share of pictures that are drawn as a photograph; the rest is only bent, as a clean scan would be.
        rare_styles: share of ones that get a flag or a foot and of sevens that get a bar.
        coarse: share of the scans that have few dots an inch.
        tilted: share of pictures that are rotated up to 2.5 times as far.
        disturbed: share of the crops of a reader of windows that something befalls (`disturbances`).
    """

    rotation: float = 12.0
    shear: float = 0.25
    zoom: float = 0.2
    shift: float = 0.12
    elastic: float = 0.03
    photograph: float = 0.4
    rare_styles: float = 0.5
    coarse: float = 0.25
    tilted: float = 0.15
    disturbed: float = 0.12


def augment(pictures: Pictures, labels: Labels, seed: int | tuple[int, ...], how: Augmentation) -> Pictures:
    """Bend, draw, photograph and normalise each picture.

    Args:
        pictures: uint8 [N, 28, 28], white on black.
        labels: int64 [N]; 1 and 7 have styles that MNIST hardly knows. Where it is BACKGROUND and the picture is blank,
            a negative is drawn in its place.
        seed: the same seed gives the same pictures.
        how: the limits.

    Returns:
        uint8 [N, 28, 28] as `edge_digits.normalize.normalize` makes them.
    """
    rng = np.random.default_rng(seed)
    augmented = np.empty_like(pictures)
    digits = np.flatnonzero(labels != BACKGROUND)
    for i, label in enumerate(labels):
        blank = label == BACKGROUND and not pictures[i].any()
        picture = negative(rng, pictures[digits], labels[digits]) if blank else pictures[i]
        neighbour = pictures[int(rng.integers(len(pictures)))]
        shot, strokes = shoot(picture, int(label), neighbour, rng, how)
        augmented[i] = normalize(shot)
        clean = normalize_glyph(Glyph(0, 0, strokes))
        if _cosine(augmented[i], clean) < _MIN_SIMILARITY:
            augmented[i] = clean
    return augmented


def shoot(picture: Gray, label: int, neighbour: Gray, rng: np.random.Generator, how: Augmentation) -> tuple[Gray, Gray]:
    """Photograph or scan one digit: as `photograph` gives it."""
    if rng.random() < how.photograph:
        return photograph(picture, label, neighbour, rng, how)
    strokes = scan(picture, label, rng, how)
    return strokes, strokes


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


def _cosine(a: Gray, b: Gray) -> float:
    """Cosine similarity of two pictures."""
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
    bent = _bend(picture, side, rng.uniform(0.75, 1.3) * side / 28, rng, how)
    strokes = pens.sharpen(bent, 1.0 + side / 28.0)
    if rng.random() < how.rare_styles:
        strokes = rare_style(strokes, label, rng)
    strokes = pens.vary_width(strokes, rng)
    if rng.random() < 0.5:
        cells = max(4, side // int(rng.integers(1, 6)))
        strokes = grain.pencil(strokes, (cells, cells), rng)
    contrast = rng.uniform(0.25, 1.0) if rng.random() < 0.8 else rng.uniform(0.15, 0.3)
    ink = strokes.astype(np.float32) * contrast
    if rng.random() < 0.15:
        ink = np.maximum(ink, _cut_neighbour(neighbour, side, rng) * contrast)
    if rng.random() < 0.35:
        ink = np.maximum(ink, _ruling(side, rng))
    lit = paper.lit_crop(side, rng)
    shot = camera.take(lit * (1.0 - ink / 255.0), contrast * float(lit.mean()), rng, side)
    return (np.asarray(cv2.bitwise_not(shot), np.uint8) if rng.random() < 0.2 else shot), strokes


def _bend(picture: Gray, side: int, scale: float, rng: np.random.Generator, how: Augmentation) -> Gray:
    """Random affine map, and elastic distortion, of a 28x28 picture into a crop of `side`."""
    most = how.rotation * (_TILT if rng.random() < how.tilted else 1.0)
    degrees = rng.uniform(-most, most)
    shear = rng.uniform(-how.shear, how.shear)
    zoom_x, zoom_y = scale * np.exp(rng.uniform(-how.zoom, how.zoom, 2))
    linear = affine.linear_map(degrees, shear, zoom_x, zoom_y)
    # The digit fills 20 of 28 pixels: shift it by what is left of the crop, and do not push it out.
    reach = float(np.abs(linear).sum(axis=1).max()) * 10.0
    if reach > 0.49 * side:
        linear *= 0.49 * side / reach
        reach = 0.49 * side
    room = min(how.shift * side, 0.5 * side - reach)
    matrix = affine.carry(linear, (14.0, 14.0), side / 2 + rng.uniform(-room, room, 2))
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


def _cut_neighbour(neighbour: Gray, side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """What of the digit next door reaches into the crop, float32 [side, side] of grey levels."""
    big = cv2.resize(neighbour, (side, side), interpolation=cv2.INTER_LINEAR)
    reach = int(side * rng.uniform(0.66, 0.78))
    moved = np.zeros((side, side), np.float32)
    if rng.random() < 0.5:
        moved[:, : side - reach] = big[:, reach:]
    else:
        moved[:, reach:] = big[:, : side - reach]
    return moved * np.float32(rng.uniform(0.4, 1.0))


def _ruling(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Lines of a form or grid near the rim, from edge to edge, leaning a little: grey levels, float32 [side, side]."""
    canvas = np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        at = side * (rng.uniform(0.0, 0.07) if rng.random() < 0.5 else rng.uniform(0.93, 1.0))
        lean = side * rng.uniform(-0.03, 0.03)
        start, end = (0, round(at - lean)), (side, round(at + lean))
        if rng.random() < 0.5:
            start, end = start[::-1], end[::-1]
        ink, pen = int(rng.integers(60, 256)), int(rng.integers(1, max(2, side // 16) + 1))
        cv2.line(canvas, start, end, ink, pen, cv2.LINE_AA)
    return canvas.astype(np.float32)
