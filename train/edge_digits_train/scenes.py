"""Scenes composed of digits: numbers, tables, notes and forms on paper, with a box and a class for each digit.

Digits of a data set are written in one hand and one pen on paper with ruling, grids, security patterns, print that
shows through, among letters, signs, scribbles and printed type that are no digits, and are photographed by `augment`'s
camera. Everything is seeded: the same generator state gives the same scene. About a millisecond a scene.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits_train import augment, marks

Pictures = NDArray[np.uint8]
Labels = NDArray[np.int64]

#: The class of what may be found or not: printed digits, digits cut by the rim, sizes between wanted and not.
IGNORED = -2
#: Heights of digits that a finder is to find in a scene, pixels; beyond the outer ones it is not to.
WANTED = (18.0, 44.0)
UNWANTED = (11.0, 64.0)

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
_LETTERS = "ACEFHKLMNPRTUVWXacdefhkmnprtuvwx"


@dataclass(eq=False)
class Scene:
    """A picture with what is in it.

    Attributes:
        gray: uint8 [H, W].
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels.
        classes: int64 [N], 0..9 or IGNORED; in the order of writing.
    """

    gray: Pictures
    boxes: NDArray[np.float32]
    classes: Labels


@dataclass(frozen=True)
class _Hand:
    """How one person writes in one scene.

    `pen` is half its width in pixels, None for that of each digit; noughts are `nought` times as high as other digits;
    of neighbours, a share of `joined` is joined by a stroke.
    """

    height: float
    slant: float
    angle: float
    width: float
    unsteady: float
    pen: float | None
    nought: float = 1.0
    joined: float = 0.0


@dataclass(eq=False)
class _Sheet:
    """Ink on paper while a scene is being written."""

    digits: Pictures
    other: Pictures
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)

    def note(self, box: tuple[float, float, float, float], digit: int) -> None:
        self.boxes.append(box)
        self.classes.append(digit)


class Composer:
    """Makes scenes of a data set's digits.

    Args:
        pictures: uint8 [N, 28, 28], white on black.
        labels: int [N], 0..9.
    """

    def __init__(self, pictures: Pictures, labels: Labels) -> None:
        self._pictures, self._labels = pictures, labels

    def __len__(self) -> int:
        return len(self._labels)

    def scene(self, rng: np.random.Generator, height: int = 80, width: int = 160) -> Scene:
        """One scene to train a finder on, of a kind chosen by `rng`."""
        sheet = _Sheet(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))
        hand = _hand(rng, float(np.exp(rng.uniform(*np.log(WANTED)))))
        kind = rng.random()
        if kind < 0.5:
            self._number(sheet, hand, rng)
        elif kind < 0.7:
            self._table(sheet, hand, rng)
        elif kind < 0.82:
            self._notes(sheet, hand, rng)
        elif kind < 0.9:
            # One alone as often as not: that is what people try first.
            self._scattered(sheet, hand, rng, 1 if rng.random() < 0.5 else int(rng.integers(2, 9)))
        elif kind < 0.95:
            # Of a size that another scale of the picture is for.
            size = rng.uniform(UNWANTED[1], 1.6 * height) if rng.random() < 0.7 else rng.uniform(6.0, UNWANTED[0])
            self._scattered(sheet, _hand(rng, size), rng, int(rng.integers(1, 5)))
        if rng.random() < 0.45:
            self._distractors(sheet, hand, rng)
        return self._photographed(sheet, hand, rng)

    def string(self, rng: np.random.Generator, digits: Labels, *, touching: bool) -> Scene:
        """A number on plain paper: the pictures `digits` (indices) in a row, touching or well apart."""
        hand = _hand(rng, float(rng.uniform(26.0, 40.0)), calm=True)
        width = round(hand.height * (1.2 * len(digits) + 1.5))
        height = round(2.0 * hand.height)
        sheet = _Sheet(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))
        x = 0.6 * hand.height
        for number, index in enumerate(digits):
            strokes, _ = self._written(int(index), hand, rng)
            columns = np.flatnonzero(strokes.max(axis=0) > 96)
            if number:
                joined = touching and (number == 1 or rng.random() < 0.4)
                x += _apart(sheet.digits, strokes, x, height / 2) + (
                    -rng.uniform(0.5, 2.5) if joined else rng.uniform(0.12, 0.4) * hand.height
                )
            self._set(sheet, strokes, int(self._labels[index]), x - columns[0], height / 2, rng)
            x += columns[-1] + 1 - columns[0]
        crop = slice(0, min(width, round(x + 0.6 * hand.height)))
        sheet.digits, sheet.other = sheet.digits[:, crop], sheet.other[:, crop]
        return self._photographed(sheet, hand, rng, plain=True)

    def _written(self, index: int, hand: _Hand, rng: np.random.Generator) -> tuple[Pictures, int]:
        """A digit in a hand: uint8 [S, S] with its middle in the middle, and its label."""
        picture, label = self._pictures[index], int(self._labels[index])
        x, y, w, h = cv2.boundingRect(picture)
        size = hand.height * np.exp(rng.normal(0.0, 0.08)) * (hand.nought if label == 0 else 1.0)
        scale = size / max(h, 0.6 * w, 1)
        angle = np.deg2rad(hand.angle + rng.normal(0.0, 3.0))
        shear = hand.slant + rng.normal(0.0, 0.05)
        cos, sin = np.cos(angle), np.sin(angle)
        wide = hand.width * np.exp(rng.normal(0.0, 0.07))
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]]) @ np.diag([wide, 1.0])
        linear *= scale
        side = int(np.ceil(1.25 * np.abs(linear @ np.array([[w / 2, -w / 2], [h / 2, h / 2]])).max() * 2)) + 6
        shift = side / 2 - linear @ np.array([x + w / 2, y + h / 2])
        matrix = np.hstack([linear, shift[:, None]])
        strokes = np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
        if scale > 1.1:
            gain = scale + 0.3
            floor = np.uint8(127 - 127 // max(int(gain), 1)) if gain >= 2 else np.uint8(30)
            strokes = np.asarray(cv2.convertScaleAbs(np.maximum(strokes, floor) - floor, alpha=gain), np.uint8)
        if hand.pen is not None:
            strokes = _as_wide_as(strokes, hand.pen)
        if label in (1, 7) and rng.random() < 0.4:
            strokes = augment.rare_style(strokes, label, rng)
        return strokes, label

    def _set(
        self, sheet: _Sheet, strokes: Pictures, label: int, left: float, middle: float, rng: np.random.Generator
    ) -> None:
        """Put written strokes on the sheet and note their box; `left` of the patch, `middle` of its height."""
        x, y = round(left), round(middle - strokes.shape[0] / 2)
        bx, by, bw, bh = cv2.boundingRect((strokes > 96).astype(np.uint8))
        if bw == 0 or not _paste(sheet.digits, strokes, x, y):
            return
        box = (x + bx, y + by, x + bx + bw, y + by + bh)
        sheet.note(box, _class(box, label, sheet.digits.shape))

    def _number(self, sheet: _Sheet, hand: _Hand, rng: np.random.Generator) -> None:
        """A line of digits, close or wide, with points, commas and dashes, such as an amount on a cheque."""
        height, width = sheet.digits.shape
        x, middle = rng.uniform(-0.3, 1.5) * hand.height, height / 2 + rng.uniform(-0.3, 0.3) * (height - hand.height)
        gap = rng.uniform(-0.16, 0.3) if rng.random() < 0.75 else rng.uniform(0.2, 1.0)
        slope = np.tan(np.deg2rad(rng.normal(0.0, 3.0)))
        crowded = rng.random() < 0.5
        # Where small noughts stand: on the line, or in the middle of it.
        foot = rng.uniform(-0.1, 0.5) * (1.0 - hand.nought) * hand.height
        for _ in range(int(rng.integers(1, 11))):
            strokes, label = self._written(int(rng.integers(len(self._labels))), hand, rng)
            columns = np.flatnonzero(strokes.max(axis=0) > 96)
            if len(columns) == 0:
                continue
            y = middle + slope * x + rng.normal(0.0, hand.unsteady) * hand.height + foot * (label == 0)
            if crowded and x > 0:
                # As near as they come: touching, or nearly.
                x += _apart(sheet.digits, strokes, x, y) + rng.uniform(-3.0, 2.0)
            self._set(sheet, strokes, label, x - columns[0], y, rng)
            if rng.random() < hand.joined:
                _join(sheet, hand, (x, y), rng)
            x += columns[-1] + 1 - columns[0] + rng.normal(gap, 0.08) * hand.height
            if rng.random() < 0.12:
                x = _punctuation(sheet, hand, x, y, rng)
            if x > width:
                break

    def _table(self, sheet: _Sheet, hand: _Hand, rng: np.random.Generator) -> None:
        """A grid of cells: written digits, printed ones, small notes, empty ones."""
        height, width = sheet.digits.shape
        pitch = hand.height * rng.uniform(1.15, 2.1)
        origin = rng.uniform(-pitch, 0.0, 2)
        ink, pen = int(rng.integers(40, 256)), int(rng.integers(1, 4))
        full, printed = rng.uniform(0.15, 0.8), rng.uniform(0.0, 0.6) * (rng.random() < 0.5)
        lean = float(np.tan(np.deg2rad(rng.normal(0.0, 2.5))))
        lines = rng.random() < 0.85
        for row in range(-1, int(height / pitch) + 3):
            y = origin[1] + row * pitch
            if lines:
                _line(sheet.other, (0.0, y), (float(width), y + lean * width), ink, pen)
            for column in range(-1, int(width / pitch) + 3):
                x = origin[0] + column * pitch
                if lines and row == -1:
                    _line(sheet.other, (x, 0.0), (x - lean * height, float(height)), ink, pen)
                centre = (x + pitch / 2 - lean * y, y + pitch / 2 + lean * x)
                chance = rng.random()
                if chance < full * (1 - printed):
                    strokes, label = self._written(int(rng.integers(len(self._labels))), hand, rng)
                    off = rng.normal(0.0, 0.08, 2) * pitch
                    left = centre[0] + off[0] - strokes.shape[1] / 2
                    self._set(sheet, strokes, label, left, centre[1] + off[1], rng)
                elif chance < full:
                    _print_digit(sheet, hand.height * 0.8, centre, rng)
                elif chance < full + 0.08:
                    small = _hand(rng, max(5.0, 0.3 * hand.height))
                    strokes, label = self._written(int(rng.integers(len(self._labels))), small, rng)
                    self._set(sheet, strokes, label, x + 2, y + 0.25 * pitch, rng)

    def _notes(self, sheet: _Sheet, hand: _Hand, rng: np.random.Generator) -> None:
        """Digits between letters, words and signs, on lines."""
        height, width = sheet.digits.shape
        pitch = hand.height * rng.uniform(1.2, 2.0)
        y = rng.uniform(0.0, pitch)
        share = rng.uniform(0.2, 0.8)
        while y < height + hand.height / 2:
            x = rng.uniform(-1.0, 1.0) * hand.height
            while x < width:
                if rng.random() < share:
                    strokes, label = self._written(int(rng.integers(len(self._labels))), hand, rng)
                    self._set(sheet, strokes, label, x, y, rng)
                    x += rng.uniform(0.7, 1.1) * hand.height
                else:
                    strokes = self._mark(hand.height * rng.uniform(0.5, 1.4), rng)
                    _paste(sheet.other, strokes, round(x), round(y - strokes.shape[0] / 2))
                    x += strokes.shape[1] * rng.uniform(0.7, 1.2)
                if rng.random() < 0.2:
                    x += rng.uniform(0.3, 1.5) * hand.height
            y += pitch

    def _scattered(self, sheet: _Sheet, hand: _Hand, rng: np.random.Generator, count: int) -> None:
        """Digits anywhere, each in its own hand."""
        height, width = sheet.digits.shape
        for _ in range(count):
            own = _hand(rng, hand.height * float(np.exp(rng.normal(0.0, 0.15))))
            strokes, label = self._written(int(rng.integers(len(self._labels))), own, rng)
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            reach = 1.1 * own.height
            middles = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in sheet.boxes]
            if any(abs(mx - x) < reach * 0.8 and abs(my - y) < reach for mx, my in middles):
                continue
            self._set(sheet, strokes, label, x - strokes.shape[1] / 2, y, rng)

    def _mark(self, size: float, rng: np.random.Generator) -> Pictures:
        """What is no digit, `size` pixels large."""
        side = max(6, round(1.4 * size))
        picture = marks.mark(rng, self._pictures, self._labels)
        method = cv2.INTER_AREA if side < 28 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)

    def _distractors(self, sheet: _Sheet, hand: _Hand, rng: np.random.Generator) -> None:
        """Signs, type, lines and specks around the digits, and over their rim."""
        height, width = sheet.digits.shape
        for _ in range(int(rng.integers(1, 5))):
            kind = rng.random()
            x, y = rng.uniform(-10, width), rng.uniform(0, height)
            if kind < 0.4:
                strokes = self._mark(hand.height * rng.uniform(0.4, 1.5), rng)
                if not _covered(sheet, x, y - strokes.shape[0] / 2, *strokes.shape[::-1]):
                    _paste(sheet.other, strokes, round(x), round(y - strokes.shape[0] / 2))
            elif kind < 0.6:
                count = int(rng.integers(1, 9))
                text = "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), count))
                _type(sheet, text, rng.uniform(6, 1.2 * hand.height), (x, y), rng)
            elif kind < 0.85:
                angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0.0, 0.05)
                along = np.array([np.cos(angle), np.sin(angle)]) * (300 if rng.random() < 0.7 else rng.uniform(10, 80))
                ink, pen = int(rng.integers(40, 256)), int(rng.integers(1, 4))
                _line(sheet.other, (x - along[0], y - along[1]), (x + along[0], y + along[1]), ink, pen)
            else:
                for _ in range(int(rng.integers(1, 12))):
                    at = (int(rng.integers(width)), int(rng.integers(height)))
                    cv2.circle(sheet.other, at, int(rng.integers(0, 3)), int(rng.integers(60, 256)), cv2.FILLED)

    def _photographed(self, sheet: _Sheet, hand: _Hand, rng: np.random.Generator, *, plain: bool = False) -> Scene:
        """Pen, paper, light and camera."""
        height, width = sheet.digits.shape
        digits = sheet.digits
        if not plain:
            digits = _pen(digits, hand, rng)
            if rng.random() < 0.35:
                digits = _grain(digits, rng)
        contrast = rng.uniform(0.3, 1.0) if plain or rng.random() < 0.8 else rng.uniform(0.15, 0.35)
        ink = digits.astype(np.float32) * np.float32(contrast)
        # Print and ruling have an ink of their own; handwriting that is no digit may have either.
        own = contrast if rng.random() < 0.6 else rng.uniform(0.15, 1.0)
        ink = np.maximum(ink, sheet.other.astype(np.float32) * np.float32(own))
        if not plain and rng.random() < 0.4:
            ink += _pattern(height, width, rng) * np.float32(255 * contrast * rng.uniform(0.05, 0.4))
        if not plain and rng.random() < 0.2:
            ink = np.maximum(ink, self._shown_through(height, width, hand, rng) * np.float32(contrast))
        light = _light(height, width, rng)
        shot = light * (1.0 - np.minimum(ink, 255.0) / 255.0)
        taken = augment.camera(shot, contrast * float(light.mean()), rng, hand.height)
        if rng.random() < 0.12:
            taken = np.asarray(cv2.bitwise_not(taken), np.uint8)
        boxes = np.array(sheet.boxes, np.float32).reshape(-1, 4)
        return Scene(taken, boxes, np.array(sheet.classes, np.int64))

    def _shown_through(self, height: int, width: int, hand: _Hand, rng: np.random.Generator) -> NDArray[np.float32]:
        """Writing or print from the back of the sheet: mirrored, soft and pale."""
        back = _Sheet(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))
        self._table(back, hand, rng)
        soft = cv2.GaussianBlur(np.maximum(back.digits, back.other)[:, ::-1], (0, 0), rng.uniform(0.8, 2.0))
        return np.asarray(soft, np.float32) * np.float32(rng.uniform(0.04, 0.22))


def strings(pictures: Pictures, labels: Labels, count: int, seed: int, *, touching: bool) -> list[tuple[Pictures, str]]:
    """Numbers of 2 to 10 digits on plain paper, to measure with.

    Args:
        pictures, labels: the digits to write with, as for `Composer`.
        count: how many.
        seed: the same seed gives the same pictures.
        touching: whether two neighbours or more touch; otherwise all stand apart.

    Returns:
        (uint8 [H, W], text) each.
    """
    composer = Composer(pictures, labels)
    made = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        chosen = rng.integers(0, len(labels), int(rng.integers(2, 11)))
        gray = composer.string(rng, chosen, touching=touching).gray
        made.append((gray, "".join(str(labels[i]) for i in chosen)))
    return made


def _hand(rng: np.random.Generator, height: float, *, calm: bool = False) -> _Hand:
    far = 0.4 if calm else 1.0
    return _Hand(
        height,
        slant=float(rng.normal(-0.12, 0.22 * far)),
        angle=float(rng.normal(0.0, 4.0 * far)),
        width=float(np.exp(rng.normal(0.0, 0.15 * far))),
        unsteady=float(rng.uniform(0.0, 0.12 * far)),
        pen=None if calm or rng.random() < 0.35 else float(height * np.exp(rng.uniform(*np.log((0.028, 0.085))))),
        nought=1.0 if calm or rng.random() < 0.65 else float(rng.uniform(0.5, 0.9)),
        joined=0.0 if calm or rng.random() < 0.8 else float(rng.uniform(0.1, 0.6)),
    )


def _class(box: tuple[float, float, float, float], label: int, shape: tuple[int, ...]) -> int:
    """The class of a digit as far as a finder is to find it; -1 where it is not to, IGNORED where it may."""
    height = max(box[3] - box[1], 0.6 * (box[2] - box[0]))
    if height < UNWANTED[0] or height > UNWANTED[1]:
        return augment.BACKGROUND
    outside = max(-box[0], -box[1], box[2] - shape[1], box[3] - shape[0], 0.0)
    if outside > 0.12 * height or not WANTED[0] - 2 <= height <= WANTED[1] + 3:
        return IGNORED
    return label


def _paste(canvas: Pictures, strokes: Pictures, x: int, y: int) -> bool:
    """Lay strokes on a canvas, as far as they lie in it; whether any do."""
    height, width = canvas.shape
    x1, y1 = max(x, 0), max(y, 0)
    x2, y2 = min(x + strokes.shape[1], width), min(y + strokes.shape[0], height)
    if x2 <= x1 or y2 <= y1:
        return False
    part = canvas[y1:y2, x1:x2]
    np.maximum(part, strokes[y1 - y : y2 - y, x1 - x : x2 - x], out=part)
    return True


def _apart(canvas: Pictures, strokes: Pictures, x: float, middle: float) -> float:
    """How far right of `x` (left if negative) strokes may come until they just touch what stands on the canvas."""
    columns = np.flatnonzero(strokes.max(axis=0) > 96)
    top = round(middle - strokes.shape[0] / 2)
    rows = slice(max(top, 0), min(top + strokes.shape[0], canvas.shape[0]))
    there = canvas[rows] > 96
    new = strokes[rows.start - top : rows.stop - top, columns[0] : columns[-1] + 1] > 96
    if there.shape[0] == 0 or not there.any() or not new.any():
        return 0.0
    # Right end of what is there and left end of what comes, row by row, over the neighbouring rows too.
    ends = np.where(there.any(axis=1), there.shape[1] - 1 - there[:, ::-1].argmax(axis=1), -(10**4))
    begins = np.where(new.any(axis=1), new.argmax(axis=1), 10**4)
    ends = cv2.dilate(ends.astype(np.float32).reshape(-1, 1), np.ones((5, 1), np.uint8)).ravel()
    room = float((begins - ends).min())
    return float(np.clip(1.0 - room - x, -0.6 * strokes.shape[0], 0.6 * strokes.shape[0]))


def _covered(sheet: _Sheet, x: float, y: float, width: float, height: float) -> bool:
    """Whether a rectangle meets the middle of any digit."""
    return any(
        b[0] * 0.75 + b[2] * 0.25 < x + width
        and x < b[0] * 0.25 + b[2] * 0.75
        and b[1] * 0.75 + b[3] * 0.25 < y + height
        and y < b[1] * 0.25 + b[3] * 0.75
        for b in sheet.boxes
    )


def _punctuation(sheet: _Sheet, hand: _Hand, x: float, y: float, rng: np.random.Generator) -> float:
    """A point, comma, dash or pair of dashes; the place behind it."""
    foot, pen = y + 0.42 * hand.height, max(1, round(0.09 * hand.height))
    kind = rng.random()
    if kind < 0.45:
        cv2.circle(sheet.digits, (round(x + pen), round(foot)), pen, 255, cv2.FILLED, cv2.LINE_AA)
        return x + 3 * pen
    if kind < 0.7:
        _line(sheet.digits, (x + 2 * pen, foot - pen), (x, foot + rng.uniform(1.5, 3.5) * pen), 255, pen)
        return x + 3 * pen
    long = rng.uniform(0.3, 1.0) * hand.height
    for at in (y,) if rng.random() < 0.6 else (y - 0.1 * hand.height, y + 0.12 * hand.height):
        _line(sheet.digits, (x, at), (x + long, at + rng.normal(0, 0.05) * long), 255, pen)
    return x + long + rng.uniform(0.0, 0.3) * hand.height


def _join(sheet: _Sheet, hand: _Hand, end: tuple[float, float], rng: np.random.Generator) -> None:
    """A stroke from the digit before, or from nowhere, to the one that begins at `end`, x and the middle's y."""
    long = rng.uniform(0.2, 0.7) * hand.height
    rise = rng.uniform(-0.4, 0.4, 2) * hand.height
    t = np.linspace(0.0, 1.0, 9)
    sag = rng.uniform(-0.2, 0.2) * hand.height * np.sin(np.pi * t)
    x = end[0] + 0.1 * hand.height - long * (1.0 - t)
    y = end[1] + rise[0] * (1.0 - t) + rise[1] * t + sag
    pen = max(1, round(2.0 * (hand.pen or 0.05 * hand.height) * rng.uniform(0.6, 1.0)))
    curve = np.round(np.column_stack([x, y])).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(sheet.digits, [curve], False, 255, pen, cv2.LINE_AA)


def _line(canvas: Pictures, a: tuple[float, float], b: tuple[float, float], ink: int, pen: int) -> None:
    drawn = np.zeros_like(canvas)
    cv2.line(drawn, (round(a[0]), round(a[1])), (round(b[0]), round(b[1])), ink, pen, cv2.LINE_AA)
    np.maximum(canvas, drawn, out=canvas)


def _type(sheet: _Sheet, text: str, height: float, at: tuple[float, float], rng: np.random.Generator) -> bool:
    """Printed type, unless it would hide a digit."""
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    scale, pen = height / 22.0, max(1, round(height * rng.uniform(0.04, 0.16)))
    (w, h), _ = cv2.getTextSize(text, font, scale, pen)
    if _covered(sheet, at[0], at[1] - h, w, h):
        return False
    cv2.putText(
        sheet.other, text, (round(at[0]), round(at[1])), font, scale, int(rng.integers(90, 256)), pen, cv2.LINE_AA
    )
    return True


def _print_digit(sheet: _Sheet, height: float, centre: tuple[float, float], rng: np.random.Generator) -> None:
    """A printed digit: no handwriting, and no fault to read."""
    at = (centre[0] - 0.4 * height, centre[1] + 0.5 * height)
    if _type(sheet, str(rng.integers(10)), height, at, rng):
        sheet.note((at[0] - 2, at[1] - height - 2, at[0] + 0.9 * height, at[1] + 2), IGNORED)


def _as_wide_as(strokes: Pictures, pen: float) -> Pictures:
    """Strokes made finer or bolder towards half a width of `pen` pixels."""
    mask = (strokes > 127).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    # The mean depth within a stroke is half of its half width.
    half = 2.0 * float(depth.sum()) / max(int(mask.sum()), 1)
    if pen >= half + 0.5:
        size = 1 + 2 * round(min(pen - half, 4.0))
        return np.asarray(cv2.dilate(strokes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))), np.uint8)
    if pen > half - 0.3:
        return strokes
    # Keep what is near the stroke's middle, where the depth is that of its own ridge: eroding would break thin places.
    reach = 1 + 2 * int(np.ceil(half))
    ridge = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return np.asarray(np.clip(255.0 * (depth - ridge + max(pen, 1.0)), 0, 255) * mask, np.uint8)


def _pen(digits: Pictures, hand: _Hand, rng: np.random.Generator) -> Pictures:
    """A bolder or finer pen for the whole scene, where the hand has none of its own."""
    if hand.pen is not None:
        return digits
    chance = rng.random()
    if chance < 0.3:
        size = 2 if hand.height < 26 or rng.random() < 0.6 else 3
        return np.asarray(cv2.dilate(digits, np.ones((size, size), np.uint8)), np.uint8)
    if chance < 0.6 and hand.height > 24:
        size = 2 if hand.height < 36 or rng.random() < 0.6 else 3
        thin = np.asarray(cv2.erode(digits, np.ones((size, size), np.uint8)), np.uint8)
        if int(cv2.sumElems(thin)[0]) > 0.4 * int(cv2.sumElems(digits)[0]):
            return thin
    return digits


def _grain(digits: Pictures, rng: np.random.Generator) -> Pictures:
    """The grain of a pencil or of a dry pen."""
    height, width = digits.shape
    step = int(rng.integers(1, 6))
    coarse = rng.uniform(1.0 - rng.uniform(0.2, 0.7), 1.0, (-(-height // step), -(-width // step))).astype(np.float32)
    return np.asarray(digits * cv2.resize(coarse, (width, height)) + 0.5).astype(np.uint8)


def _pattern(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The background of a cheque or form, 0..1: waves, hatching, guilloches, weave."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if rng.random() < 0.25:
        step = int(rng.integers(1, 4))
        weave = rng.random((-(-height // step), -(-width // step)), np.float32)
        return np.asarray(cv2.resize(weave, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    drawn = np.zeros((height, width), np.float32)
    sharp = np.float32(rng.uniform(1.0, 6.0))
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else rng.normal(np.pi / 2, 0.1)
        along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
        across = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
        bend = np.float32(rng.uniform(0.0, 8.0)) * np.sin(across * np.float32(2 * np.pi / rng.uniform(15, 90)))
        period = rng.uniform(3.5, 14.0)
        wave = 0.5 + 0.5 * np.cos((along + bend) * np.float32(2 * np.pi / period))
        drawn = np.maximum(drawn, wave**sharp)
    return drawn


def _light(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Paper in light that falls off to one side, sometimes with a shadow's edge, float32 of grey levels."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(max(height, width)) - 0.5
    angle = rng.uniform(0.0, 2.0 * np.pi)
    along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    light = 1.0 + np.float32(rng.uniform(0.0, 0.5)) * along
    if rng.random() < 0.15:
        edge = np.clip((along - rng.uniform(-0.4, 0.4)) * rng.uniform(3.0, 12.0) + 0.5, 0.0, 1.0)
        light *= 1.0 - np.float32(rng.uniform(0.1, 0.45)) * edge.astype(np.float32)
    return np.asarray(np.clip(rng.uniform(80.0, 255.0) * light, 0, 255), np.float32)
