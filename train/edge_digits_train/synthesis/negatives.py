"""Negatives, pictures that are no digits: drawn letters, signs and scribbles, and what is left of badly cut digits.

They are drawn as MNIST's digits are kept, a soft white pen on 28x28 black pixels, and then go the way of every digit
through bending, pen and camera, so that a network can tell them by their shape alone. Letters that pass for digits (o,
l, z, s, b, g, q and the like) are left out.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray
from edge_digits_train.datasets.data import Labels, Pictures
from edge_digits_train.synthesis.curves import Points, catmull_rom, parse_points

#: Strokes are drawn this many times larger, then shrunk.
_SUPERSAMPLING = 4
#: Points on each segment of a curve.
_SAMPLES = 7
#: Strokes through points of the unit square, "x,y x,y; ...", y downwards; "~" for a curve through them. First letters.
_LETTERS = (
    "0,1 .5,0 1,1;.2,.65 .8,.65",  # A
    "1,0 0,0 0,1 1,1;0,.5 .8,.5",  # E
    "1,0 0,0 0,1;0,.5 .8,.5",  # F
    "0,0 0,1;1,0 1,1;0,.5 1,.5",  # H
    "0,0 0,1;1,0 0,.55 1,1",  # K
    "0,0 0,1 1,1",  # L
    "0,1 0,0 .5,.6 1,0 1,1",  # M
    "0,1 0,0 1,1 1,0",  # N
    "0,0 0,1;~0,0 .8,.05 .9,.3 .5,.5 0,.5",  # P
    "0,0 0,1;~0,0 .8,.05 .9,.3 .5,.5 0,.5;.4,.5 1,1",  # R
    "0,0 1,0;.5,0 .5,1",  # T
    "0,0 .5,1 1,0",  # V
    "0,0 .25,1 .5,.3 .75,1 1,0",  # W
    "0,0 1,1;1,0 0,1",  # X, times
    "~.8,.5 .4,.4 0,.7 .3,1 .8,.85;.8,0 .8,1",  # d
    "0,0 0,1;~0,.6 .3,.4 .7,.45 .8,.7 .8,1",  # h
    "0,.1 0,1;~0,.4 .25,.1 .45,.3 .45,1;~.45,.4 .7,.1 .95,.3 .95,1",  # m
    "0,.1 0,1;~0,.4 .4,.05 .8,.3 .8,1",  # n
    "0,0 0,1;~0,.4 .3,.05 .7,.1",  # r
    "~.4,0 .4,.7 .55,1 .9,.95;0,.3 .8,.3",  # t
    "~0,0 0,.7 .4,1 .8,.7 .85,0;.85,0 .85,1",  # u
    "~0,0 .2,.9 .5,.4 .75,.95 1,0",  # w
    "1,0 0,0 0,1",  # gamma
    "0,1 .5,0 1,1 0,1",  # delta
    "0,1 0,0 1,0 1,1",  # capital pi
    "~0,.12 .1,0 1,0;.3,0 .2,1;.7,0 .8,1",  # pi
    "~0,0 .05,.5 .5,.65 .95,.5 1,0;.5,0 .5,1",  # psi
    "~.5,.2 0,.3 0,.7 .5,.8 1,.7 1,.3 .5,.2;.5,0 .5,1",  # phi
    "~.1,0 .3,.05 .9,1;.5,.45 0,1",  # lambda
    ".1,0 0,1;~.05,.5 .3,.8 .7,.5 .75,0;~.75,0 .75,.6 1,.75",  # mu
    "~.2,0 0,.6 .25,1 .5,.6 .75,1 1,.6 .8,0",  # omega
    "0,0 1,0;.1,.5 .9,.5;0,1 1,1",  # xi
    "0,0 1,1;1,0 0,1;.5,0 .5,1",  # zhe
    "0,0 0,1 1,1 1,0;.5,0 .5,1",  # sha
    "0,0 0,1 1,0 1,1",  # i of Cyrillic
    ".2,0 .2,1;.2,.5 1,.5",  # a post with one arm
    "0,0 1,0;.2,0 .1,1;.8,0 .9,1;.1,.9 .9,.9",
    "0,0 .9,0;.5,0 0,1;.5,.35 1,1",
    "0,.3 1,.3;.5,0 .5,.3;.5,.3 0,1;.5,.3 1,1",
)
#: Letters and signs.
_SIGNS = (
    *_LETTERS,
    "0,.5 1,.5;.5,0 .5,1",  # plus
    "0,.5 1,.5",  # minus
    "0,.35 1,.35;0,.7 1,.7",  # equals
    "0,.5 1,.5;.5,.12 .5,.13;.5,.87 .5,.88",  # divided by
    "0,.4 1,.4;.5,0 .5,.8;0,1 1,1",  # plus or minus
    "1,0 0,.5 1,1",  # less
    "0,0 1,.5 0,1",  # more
    "0,.25 1,.75;1,.25 0,.75;.5,0 .5,1",  # asterisk
    ".3,0 .2,1;.8,0 .7,1;0,.3 1,.3;0,.7 1,.7",  # hash
    "1,0 0,1;~.2,.0 .0,.2 .2,.35 .35,.15 .2,0;~.8,.65 .65,.85 .8,1 1,.8 .8,.65",  # per cent
    "0,.5 1,.5;.6,.2 1,.5 .6,.8",  # arrow
    ".5,0 .5,1;.2,.4 .5,0 .8,.4",
    "0,.6 .35,1 1,0",  # tick
    "0,.4 1,.4 .2,1 .5,0 .8,1 0,.4",  # star
    "~.9,.2 .5,.05 .1,.25 .5,.5 .9,.75 .5,.95 .1,.8;.5,-.1 .5,1.1",  # dollar
    "~0,.6 .25,.3 .5,.5 .75,.7 1,.4",  # tilde
    "~1,.1 .5,0 .1,.4 .2,.9 .6,1 1,.9;0,.4 .7,.4;0,.6 .7,.6",  # euro
    "0,0 .5,.5 1,0;.5,.5 .5,1;.1,.6 .9,.6;.1,.8 .9,.8",  # yen
    "~.7,.4 .4,.3 .3,.6 .6,.7 .7,.4 .75,.7 1,.5 .8,.1 .4,0 .05,.3 .1,.8 .5,1 .9,.9",  # at
)


def negative(rng: np.random.Generator, pictures: Pictures, labels: Labels) -> Gray:
    """One picture that is no digit.

    Args:
        rng: decides all.
        pictures: uint8 [N, 28, 28], digits to cut and join.
        labels: int64 [N], 0..9.

    Returns:
        uint8 [28, 28], white on black, in MNIST's 20x20 box.
    """
    kind = rng.random()
    for until, strokes in ((0.36, _sign), (0.5, _figure), (0.66, _syllable), (0.76, _scribble)):
        if kind < until:
            return _rasterise(strokes(rng), rng)
    if kind < 0.81:
        return _blot(rng)
    if kind < 0.91:
        return _touching(rng, pictures)
    return _damaged(rng, pictures, labels)


def letter(rng: np.random.Generator) -> Gray:
    """A letter, an invented one, a syllable or a scribble, no sign: uint8 [28, 28] as `negative` gives them."""
    kind = rng.random()
    if kind < 0.5:
        return _rasterise(_strokes(_LETTERS[int(rng.integers(len(_LETTERS)))], rng), rng)
    return _rasterise((_figure if kind < 0.7 else _syllable if kind < 0.88 else _scribble)(rng), rng)


def _sign(rng: np.random.Generator) -> list[Points]:
    """The strokes of a letter or sign in a hand of its own, in the unit square."""
    return _strokes(_SIGNS[int(rng.integers(len(_SIGNS)))], rng)


def _strokes(drawn: str, rng: np.random.Generator) -> list[Points]:
    strokes = []
    for text in drawn.split(";"):
        points = parse_points(text.lstrip("~"))
        points += rng.normal(0.0, 0.05, points.shape)
        strokes.append(catmull_rom(points, _SAMPLES) if text.startswith("~") or rng.random() < 0.15 else points)
    return strokes


def _figure(rng: np.random.Generator) -> list[Points]:
    """Three to five strokes between the points of a grid: the build of an unknown script's letter."""
    strokes = []
    for _ in range(int(rng.integers(3, 6))):
        ends = rng.integers(0, 3, (2, 2)) / 2.0
        if np.array_equal(ends[0], ends[1]):
            ends[1] = 1.0 - ends[0] if ends[0].sum() != 1.0 else [1.0, 1.0]
        points = np.stack([ends[0], ends.mean(axis=0) + rng.normal(0, 0.2, 2), ends[1]])
        strokes.append(catmull_rom(points, _SAMPLES) if rng.random() < 0.5 else ends)
    return [stroke + rng.normal(0.0, 0.03, stroke.shape) for stroke in strokes]


#: What letters of many scripts are put together from.
_PARTS = (
    "0,.5 1,.5",
    ".5,0 .5,1",
    "0,0 1,0 1,1",
    "0,0 0,1 1,1",
    "0,0 1,0;.5,0 .5,1",
    "0,1 1,1;.5,0 .5,1",
    "0,0 0,1 1,1 1,0 0,0",
    "0,0 1,0 1,.5 0,.5 0,1 1,1",
    ".5,0 0,1;.4,.3 1,1",
    "0,0 1,0;.6,0 0,1;.4,.5 1,1",
    ".5,0 .5,1;.5,.5 1,.5",
    ".5,0 .5,1;.5,.35 0,.35",
    ".3,0 .3,1;.8,0 .8,1",
    ".3,0 .3,1;.8,0 .8,1;.3,.5 0,.5",
    "~.5,0 0,.5 .5,1 1,.5 .5,0",
    "~0,.3 .5,0 1,.4 .6,1",
)


def _syllable(rng: np.random.Generator) -> list[Points]:
    """Two or three parts beside or above each other, close or joined, as many scripts build a sign."""
    count = 2 if rng.random() < 0.65 else 3
    beside = rng.random() < 0.6
    # Above each other, plain strokes and rings would make sevens, nines and eights.
    parts = _PARTS if beside else [part for part in _PARTS if ";" in part]
    ends = np.cumsum(np.concatenate([[0.0], rng.uniform(0.5, 1.0, count)]))
    ends /= ends[-1]
    gap = rng.uniform(-0.05, 0.12)
    strokes = []
    for first, last in pairwise(ends):
        low, size = np.array([first, rng.uniform(0.0, 0.2)]), np.array([last - first - gap, rng.uniform(0.6, 1.0)])
        for text in parts[int(rng.integers(len(parts)))].split(";"):
            points = parse_points(text.lstrip("~"))
            points = low + points * size if beside else low[::-1] + points * size[::-1]
            points += rng.normal(0.0, 0.03, points.shape)
            strokes.append(catmull_rom(points, _SAMPLES) if text.startswith("~") or rng.random() < 0.2 else points)
    return strokes


def _scribble(rng: np.random.Generator) -> list[Points]:
    """A running line of waves, teeth or loops, as quick writing looks."""
    turns = rng.uniform(1.5, 4.5)
    t = np.linspace(0.0, turns, 12 * int(np.ceil(turns)) + 1) + rng.uniform(0, 1)
    height, loop = rng.uniform(0.3, 1.0), rng.uniform(-0.6, 0.6) * (rng.random() < 0.6)
    wave = 2.0 * np.abs(2.0 * (t % 1.0) - 1.0) - 1.0 if rng.random() < 0.3 else np.sin(2 * np.pi * t)
    swell = np.interp(np.linspace(0, 4, len(t)), np.arange(5), rng.uniform(0.4, 1.0, 5))
    x = (t - t[0]) / turns + loop / turns * np.cos(2 * np.pi * t)
    y = 0.5 + 0.5 * height * swell * wave + rng.uniform(-0.2, 0.2) * x
    return [np.stack([x, y], axis=1)]


def _rasterise(strokes: list[Points], rng: np.random.Generator) -> Gray:
    """Strokes of the unit square in a soft pen: uint8 [28, 28], in a box of 20x20."""
    aspect = np.exp(rng.uniform(-0.5, 0.5))
    size = 20.0 * np.array([min(1.0, aspect), min(1.0, 1.0 / aspect)])
    canvas = np.zeros((28 * _SUPERSAMPLING, 28 * _SUPERSAMPLING), np.uint8)
    pen = max(1, round(_SUPERSAMPLING * rng.uniform(1.4, 3.6)))
    for stroke in strokes:
        points = (_SUPERSAMPLING * (14.0 + (stroke - 0.5) * size)).round().astype(np.int32)
        cv2.polylines(canvas, [points], isClosed=False, color=255, thickness=pen)
    return _fit_box(np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.5 * _SUPERSAMPLING), np.uint8))


def _blot(rng: np.random.Generator) -> Gray:
    """A dot or stain; one of a few pixels is ragged when it is enlarged."""
    if rng.random() < 0.5:
        few = np.zeros((28, 28), np.uint8)
        for _ in range(int(rng.integers(1, 5))):
            x, y = (14 + rng.normal(0.0, 1.0, 2)).round().astype(int).tolist()
            few[y : y + int(rng.integers(1, 4)), x : x + int(rng.integers(1, 4))] = int(rng.integers(100, 256))
        return _fit_box(np.asarray(cv2.GaussianBlur(few, (0, 0), rng.uniform(0.3, 0.9)), np.uint8))
    canvas = np.zeros((28, 28), np.uint8)
    axes = tuple(int(v) for v in rng.integers(4, 10, 2))
    cv2.ellipse(canvas, (14, 14), axes, float(rng.uniform(0, 180)), 0, 360, 255, cv2.FILLED, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.7), np.uint8)


def _touching(rng: np.random.Generator, pictures: Pictures) -> Gray:
    """Two or three digits that touch, taken for one."""
    count = 2 if rng.random() < 0.8 else 3
    row = np.zeros((28, 28 * count), np.uint8)
    at = 0
    for picture in pictures[rng.integers(0, len(pictures), count)]:
        columns = np.flatnonzero(picture.any(axis=0))
        tight = picture[:, columns[0] : columns[-1] + 1]
        at = max(0, at - int(rng.integers(0, 6)))
        row[:, at : at + tight.shape[1]] = np.maximum(row[:, at : at + tight.shape[1]], tight)
        at += tight.shape[1]
    return _fit_box(row)


def _damaged(rng: np.random.Generator, pictures: Pictures, labels: Labels) -> Gray:
    """A digit cut in half or lying on its side, of those that then no longer look like one."""
    lying = rng.random() < 0.4
    among = np.flatnonzero(np.isin(labels, (2, 3, 4, 5, 7) if lying else (0, 2, 3, 5, 6)))
    if len(among) == 0:
        return _rasterise(_sign(rng), rng)
    picture = pictures[among[int(rng.integers(len(among)))]]
    if lying:
        return np.ascontiguousarray(np.rot90(picture, 1 if rng.random() < 0.5 else 3))
    columns = np.flatnonzero(picture.any(axis=0))
    cut = columns[0] + round(len(columns) * rng.uniform(0.4, 0.6))
    half = picture.copy()
    if rng.random() < 0.6:
        half[:, cut:] = 0
    else:
        half[:, :cut] = 0
    return _fit_box(half)


def _fit_box(picture: Gray) -> Gray:
    """Shrink to 28x28 pixels, what is drawn in a box of 20x20 in its middle."""
    x, y, w, h = cv2.boundingRect(picture)
    if w == 0:
        return np.zeros((28, 28), np.uint8)
    scale = 20.0 / max(w, h)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(picture[y : y + h, x : x + w], size, interpolation=method), np.float32)
    # Shrinking a thin pen pales it.
    small *= 255.0 / max(float(small.max()), 1.0)
    boxed = np.zeros((28, 28), np.uint8)
    top, left = 14 - size[1] // 2, 14 - size[0] // 2
    boxed[top : top + size[1], left : left + size[0]] = small.astype(np.uint8)
    return boxed
