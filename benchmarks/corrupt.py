"""A digit of MNIST -> the same digit, corrupted: what the benchmark of robustness reads.

`KINDS` holds two suites. "ours" are things that light, cameras, files and pens do. "after MNIST-C" are the fifteen
kinds of the public suite of Mu and Gilmer (MNIST-C: A Robustness Benchmark for Computer Vision, 2019), drawn by our own
code from the paper's description, with parameters of our own choice: it is not that suite, and its errors are not those
of that suite. Nothing is trained on this code: training draws its own kinds, by other rules.

Every function takes uint8 [28, 28], white on black, and a random generator that decides all, and gives uint8 [28, 28].
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray

Rng = np.random.Generator
Draw = Callable[[Gray, Rng], Gray]
Suite = Literal["ours", "after MNIST-C"]

SIDE = 28
#: Pens are changed on a picture so many times larger.
_FINE = 8


@dataclass(frozen=True)
class Kind:
    """A kind of corruption.

    Attributes:
        name: its name in tables.
        suite: which of the two it belongs to.
        draw: draws it.
        taught: the setting of `Augmentation` by which a reader's training contains the kind; "" for none.
    """

    name: str
    suite: Suite
    draw: Draw
    taught: str = ""


def corrupted(kind: Kind, picture: Gray, number: int, seed: int = 0) -> Gray:
    """A picture corrupted: the same seed, kind and number give the same.

    Args:
        kind: of `KINDS`.
        picture: uint8 [28, 28], white on black.
        number: of the picture among others.
        seed: of the benchmark.

    Returns:
        uint8 [28, 28].
    """
    return kind.draw(picture, np.random.default_rng((seed, zlib.crc32(kind.name.encode()), number)))


# --- light ---


def polarity(picture: Gray, rng: Rng) -> Gray:
    """Black on white."""
    return np.asarray(cv2.bitwise_not(picture), np.uint8)


def ramp(picture: Gray, rng: Rng) -> Gray:
    """Light that falls off across the picture, to between a third and two thirds; in either polarity."""
    light = 1.0 - rng.uniform(0.33, 0.67) * _across(rng)
    return _either(light * _paper(picture), rng)


def shadow(picture: Gray, rng: Rng) -> Gray:
    """A shadow with a sharp edge that takes a third to two thirds of the light, on paper."""
    edge = np.clip(8.0 * (_across(rng) - rng.uniform(0.35, 0.65)) + 0.5, 0.0, 1.0)
    return _levels((1.0 - rng.uniform(0.33, 0.67) * edge) * _paper(picture))


def glare(picture: Gray, rng: Rng) -> Gray:
    """A bright spot on grey paper, in which ink is half lost."""
    paper = 0.6 * _paper(picture)
    return _levels(paper + rng.uniform(0.4, 0.6) * _spot(rng, 3.0, 6.0) * (255.0 - paper))


# --- camera and file ---


def blur(picture: Gray, rng: Rng) -> Gray:
    """Out of focus: a Gaussian of 0.8 to 1.6 pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 1.6)), np.uint8)


def motion(picture: Gray, rng: Rng) -> Gray:
    """Moved by 3 to 6 pixels in any direction while exposed."""
    return _moved(picture, rng.uniform(3.0, 6.0), rng.uniform(0.0, np.pi))


def noise(picture: Gray, rng: Rng) -> Gray:
    """Gaussian noise of a deviation of 20 to 50 grey levels, on paper of 40."""
    return _levels(40.0 + 0.7 * picture + rng.normal(0.0, rng.uniform(20.0, 50.0), picture.shape))


def jpeg(picture: Gray, rng: Rng) -> Gray:
    """JPEG of quality 5 to 20."""
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(5, 21))])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


# --- pen and place ---


def lines(picture: Gray, rng: Rng) -> Gray:
    """One or two straight lines of any direction through the picture, as strong as the digit or weaker."""
    canvas = np.zeros_like(picture)
    for _ in range(int(rng.integers(1, 3))):
        angle, middle = rng.uniform(0.0, np.pi), rng.uniform(4.0, 24.0, 2)
        reach = 40.0 * np.array([np.cos(angle), np.sin(angle)])
        _polyline(canvas, np.stack([middle - reach, middle + reach]), int(rng.integers(100, 256)))
    return np.maximum(picture, canvas)


def thin(picture: Gray, rng: Rng) -> Gray:
    """Strokes finer by 0.5 to 1.5 pixels, or by as much as leaves 0.35 of the ink."""
    for less in (rng.uniform(0.5, 1.5), 0.75, 0.5):
        thinned = _repenned(picture, cv2.MORPH_ERODE, less)
        if int(thinned.sum()) > 0.35 * int(picture.sum()):
            break
    return thinned


def thick(picture: Gray, rng: Rng) -> Gray:
    """Strokes bolder by 1 to 2.5 pixels."""
    return _repenned(picture, cv2.MORPH_DILATE, rng.uniform(1.0, 2.5))


def shear(picture: Gray, rng: Rng) -> Gray:
    """Sheared along x by 0.2 to 0.45 to either side."""
    return _mapped(picture, np.array([[1.0, _either_side(rng, 0.2, 0.45)], [0.0, 1.0]]))


def rotation(picture: Gray, rng: Rng) -> Gray:
    """Turned by up to 30 degrees to either side."""
    return _turned(picture, _either_side(rng, 10.0, 30.0))


def shift(picture: Gray, rng: Rng) -> Gray:
    """Shifted by up to 4 pixels along both axes."""
    return _mapped(picture, np.eye(2), (_either_side(rng, 1.0, 4.0), _either_side(rng, 1.0, 4.0)))


def scale(picture: Gray, rng: Rng) -> Gray:
    """Scaled by 0.7 to 1.3 in both axes alike."""
    return _mapped(picture, np.eye(2) * (rng.uniform(0.7, 0.85) if rng.random() < 0.5 else rng.uniform(1.15, 1.3)))


# --- after MNIST-C ---


def shot_noise(picture: Gray, rng: Rng) -> Gray:
    """Poisson noise, as of 12 photons for white."""
    return _levels(255.0 / 12.0 * rng.poisson(picture / 255.0 * 12.0))


def impulse_noise(picture: Gray, rng: Rng) -> Gray:
    """Every fifth pixel black or white."""
    chosen = rng.random(picture.shape)
    return np.where(chosen < 0.1, 0, np.where(chosen < 0.2, 255, picture)).astype(np.uint8)


def glass_blur(picture: Gray, rng: Rng) -> Gray:
    """Pixels taken from neighbours at most 1 away, between two blurs of 0.7 pixels."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.7)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    x, y = (np.asarray(at + rng.integers(-1, 2, at.shape), np.float32) for at in (x, y))
    return np.asarray(cv2.GaussianBlur(cv2.remap(soft, x, y, cv2.INTER_NEAREST), (0, 0), 0.7), np.uint8)


def motion_blur(picture: Gray, rng: Rng) -> Gray:
    """Moved by 6 pixels, within 45 degrees of the horizontal."""
    return _moved(picture, 6.0, rng.uniform(-np.pi / 4, np.pi / 4))


def strong_shear(picture: Gray, rng: Rng) -> Gray:
    """Sheared by 0.4 to either side."""
    return _mapped(picture, np.array([[1.0, _either_side(rng, 0.4, 0.4)], [0.0, 1.0]]))


def small(picture: Gray, rng: Rng) -> Gray:
    """Scaled to 0.6 of its size."""
    return _mapped(picture, 0.6 * np.eye(2))


def rotate(picture: Gray, rng: Rng) -> Gray:
    """Turned by 30 degrees to either side."""
    return _turned(picture, _either_side(rng, 30.0, 30.0))


def brightness(picture: Gray, rng: Rng) -> Gray:
    """Brighter by 0.4 of the range, ink cut off at white."""
    return _levels(picture + 0.4 * 255.0)


def translate(picture: Gray, rng: Rng) -> Gray:
    """Shifted by 3 to 5 pixels along both axes."""
    return _mapped(picture, np.eye(2), (_either_side(rng, 3.0, 5.0), _either_side(rng, 3.0, 5.0)))


def stripe(picture: Gray, rng: Rng) -> Gray:
    """Inverted within an upright stripe of 8 to 14 pixels in the middle."""
    half = int(rng.integers(4, 8))
    striped = picture.copy()
    striped[:, SIDE // 2 - half : SIDE // 2 + half] = cv2.bitwise_not(picture)[:, SIDE // 2 - half : SIDE // 2 + half]
    return striped


def fog(picture: Gray, rng: Rng) -> Gray:
    """Haze of several grain sizes before the digit, up to as bright as it."""
    haze = np.sum([size * _grains(size, rng) for size in (2, 4, 8, 16)], axis=0)
    haze = (haze - haze.min()) / max(float(np.ptp(haze)), 1e-6)
    return _levels((picture + 255.0 * haze) / 1.6)


def spatter(picture: Gray, rng: Rng) -> Gray:
    """Splotches: a twelfth of the picture, as bright as the digit or half so."""
    wet = cv2.GaussianBlur(rng.standard_normal(picture.shape), (0, 0), 1.2)
    drops = np.clip(4.0 * (wet - np.quantile(wet, 0.92)) / wet.std() + 0.5, 0.0, 1.0)
    return np.maximum(picture, _levels(rng.uniform(0.5, 1.0) * 255.0 * drops))


def dotted_line(picture: Gray, rng: Rng) -> Gray:
    """A line of dots from side to side, in any direction."""
    canvas = picture.copy()
    start, end = _ends(rng)
    for share in np.arange(0.0, 1.0, 3.0 / float(np.hypot(*(end - start)))):
        x, y = (start + share * (end - start)).round().astype(int).tolist()
        cv2.rectangle(canvas, (x, y), (x + 1, y), 255, cv2.FILLED)
    return canvas


def zigzag(picture: Gray, rng: Rng) -> Gray:
    """A line of teeth from side to side, in any direction."""
    start, end = _ends(rng)
    teeth = int(rng.integers(6, 10))
    along = np.linspace(0.0, 1.0, teeth + 1)[:, None]
    across = (end - start)[::-1] * (1.0, -1.0) / float(np.hypot(*(end - start)))
    points = start + along * (end - start) + np.where(np.arange(teeth + 1) % 2, 2.0, -2.0)[:, None] * across
    canvas = np.zeros_like(picture)
    _polyline(canvas, points, 255)
    return np.maximum(picture, canvas)


def canny_edges(picture: Gray, rng: Rng) -> Gray:
    """The edges alone of the digit blurred by a pixel (Canny 1986)."""
    return np.asarray(cv2.Canny(cv2.GaussianBlur(picture, (0, 0), 1.0), 50, 100), np.uint8)


KINDS = (
    Kind("polarity", "ours", polarity, "photograph"),
    Kind("ramps", "ours", ramp, "photograph"),
    Kind("shadow", "ours", shadow, "photograph"),
    Kind("glare", "ours", glare),
    Kind("blur", "ours", blur, "photograph"),
    Kind("motion", "ours", motion, "disturbed"),
    Kind("noise", "ours", noise, "photograph"),
    Kind("JPEG", "ours", jpeg, "photograph"),
    Kind("lines", "ours", lines, "disturbed"),
    Kind("thin strokes", "ours", thin, "photograph"),
    Kind("thick strokes", "ours", thick, "photograph"),
    Kind("shear", "ours", shear, "shear"),
    Kind("rotation to 30 degrees", "ours", rotation, "rotation"),
    Kind("shift to 4 pixels", "ours", shift, "shift"),
    Kind("scale 0.7 to 1.3", "ours", scale, "zoom"),
    Kind("shot noise", "after MNIST-C", shot_noise),
    Kind("impulse noise", "after MNIST-C", impulse_noise, "disturbed"),
    Kind("glass blur", "after MNIST-C", glass_blur, "disturbed"),
    Kind("motion blur", "after MNIST-C", motion_blur, "disturbed"),
    Kind("shear 0.4", "after MNIST-C", strong_shear, "shear"),
    Kind("scale 0.6", "after MNIST-C", small, "zoom"),
    Kind("rotate 30 degrees", "after MNIST-C", rotate, "rotation"),
    Kind("brightness", "after MNIST-C", brightness, "photograph"),
    Kind("translate", "after MNIST-C", translate, "shift"),
    Kind("stripe", "after MNIST-C", stripe, "disturbed"),
    Kind("fog", "after MNIST-C", fog),
    Kind("spatter", "after MNIST-C", spatter, "disturbed"),
    Kind("dotted line", "after MNIST-C", dotted_line, "disturbed"),
    Kind("zigzag", "after MNIST-C", zigzag, "disturbed"),
    Kind("canny edges", "after MNIST-C", canny_edges, "disturbed"),
)


# --- how they are drawn ---


def _levels(values: NDArray[Any]) -> Gray:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _paper(picture: Gray) -> NDArray[np.float64]:
    """Dark ink on light paper: float64 [28, 28] of grey levels."""
    return np.asarray(230.0 - 0.75 * picture, np.float64)


def _either(values: NDArray[np.float64], rng: Rng) -> Gray:
    return _levels(255.0 - values if rng.random() < 0.5 else values)


def _either_side(rng: Rng, least: float, most: float) -> float:
    return float(rng.uniform(least, most) * rng.choice((-1.0, 1.0)))


def _across(rng: Rng) -> NDArray[np.float64]:
    """How far each pixel lies in some direction: float64 [28, 28], 0..1."""
    angle = rng.uniform(0.0, 2.0 * np.pi)
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1.0) - 0.5
    along = x * np.cos(angle) + y * np.sin(angle)
    return np.asarray((along - along.min()) / np.ptp(along), np.float64)


def _spot(rng: Rng, least: float, most: float) -> NDArray[np.float64]:
    """A round spot somewhere on the digit, with a Gaussian's profile: float64 [28, 28], 0..1."""
    y, x = np.mgrid[:SIDE, :SIDE]
    middle, deviation = rng.uniform(8.0, 20.0, 2), rng.uniform(least, most)
    return np.asarray(np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2.0 * deviation**2)), np.float64)


def _grains(size: int, rng: Rng) -> NDArray[np.float64]:
    count = SIDE // size + 2
    grains = cv2.resize(rng.standard_normal((count, count)), None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(grains[:SIDE, :SIDE], np.float64)


def _moved(picture: Gray, length: float, angle: float) -> Gray:
    """The mean of the picture on its way along a line of so many pixels."""
    steps = np.linspace(-length / 2, length / 2, 2 * round(length) + 1)
    ways = (_mapped(picture, np.eye(2), (step * np.cos(angle), step * np.sin(angle))) for step in steps)
    return _levels(np.mean(list(ways), axis=0))


def _turned(picture: Gray, degrees: float) -> Gray:
    return _mapped(picture, np.asarray(cv2.getRotationMatrix2D((0, 0), degrees, 1.0)[:, :2], np.float64))


def _mapped(picture: Gray, linear: NDArray[np.float64], move: tuple[float, float] = (0.0, 0.0)) -> Gray:
    """A linear map about the picture's middle, and a shift, of white on black."""
    middle = np.full(2, (SIDE - 1) / 2)
    matrix = np.hstack([linear, (middle - linear @ middle + move)[:, None]])
    return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.uint8)


def _repenned(picture: Gray, operation: int, change: float) -> Gray:
    """Strokes wider or finer by so many pixels."""
    fine = cv2.resize(picture, None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_CUBIC)
    size = round(change * _FINE) | 1
    changed = cv2.morphologyEx(fine, operation, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return np.asarray(cv2.resize(changed, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _ends(rng: Rng) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of a line through the digit, on opposite sides of the picture: x, y."""
    first, last = rng.uniform(4.0, 24.0, 2)
    start, end = np.array([0.0, first]), np.array([SIDE - 1.0, last])
    return (start, end) if rng.random() < 0.5 else (np.flip(start), np.flip(end))


def _polyline(canvas: Gray, points: NDArray[np.float64], ink: int) -> None:
    """A line of one pixel."""
    fine = np.rint(16 * points).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [fine], False, ink, 1, cv2.LINE_AA, shift=4)
