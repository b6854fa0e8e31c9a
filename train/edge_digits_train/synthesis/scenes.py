"""Scenes composed of digits: numbers, tables, notes and forms on paper, with a box and a class for each digit.

Digits of a data set are written in one hand and one pen on paper with ruling, grids, security patterns, print that
shows through, among letters, signs, scribbles and printed type that are no digits, and are photographed by `augment`'s
camera. Everything is seeded: the same generator state gives the same scene. Some milliseconds a scene.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits_train.datasets.data import BACKGROUND, Labels, Pictures
from edge_digits_train.synthesis import augment, negatives, paper
from edge_digits_train.synthesis.hands import Hand, as_wide_as, grained, hand_of, penned
from edge_digits_train.synthesis.sheets import (
    IGNORED,
    Sheet,
    apart,
    covered,
    join,
    line,
    paste,
    print_digit,
    punctuation,
    set_type,
)

#: Heights of digits that a finder is to find in a scene, pixels; beyond the outer ones it is not to.
WANTED = (18.0, 44.0)
UNWANTED = (11.0, 64.0)

_LETTERS = "ACEFHKLMNPRTUVWXacdefhkmnprtuvwx"


@dataclass(eq=False)
class Scene:
    """A picture with what is in it.

    Attributes:
        gray: uint8 [H, W].
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels.
        classes: int64 [N], 0..9 or IGNORED; in the order of writing.
    """

    gray: Gray
    boxes: NDArray[np.float32]
    classes: Labels


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
        sheet = Sheet(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))
        hand = hand_of(rng, float(np.exp(rng.uniform(*np.log(WANTED)))))
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
            self._scattered(sheet, hand_of(rng, size), rng, int(rng.integers(1, 5)))
        if rng.random() < 0.45:
            self._distractors(sheet, hand, rng)
        return self._photographed(sheet, hand, rng)

    def string(self, rng: np.random.Generator, digits: Labels, *, touching: bool) -> Scene:
        """A number on plain paper: the pictures `digits` (indices) in a row, touching or well apart."""
        hand = hand_of(rng, float(rng.uniform(26.0, 40.0)), calm=True)
        width = round(hand.height * (1.2 * len(digits) + 1.5))
        height = round(2.0 * hand.height)
        sheet = Sheet(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))
        x = 0.6 * hand.height
        for number, index in enumerate(digits):
            strokes, _ = self._written(int(index), hand, rng)
            columns = np.flatnonzero(strokes.max(axis=0) > 96)
            if number:
                joined = touching and (number == 1 or rng.random() < 0.4)
                x += apart(sheet.digits, strokes, x, height / 2) + (
                    -rng.uniform(0.5, 2.5) if joined else rng.uniform(0.12, 0.4) * hand.height
                )
            self._set(sheet, strokes, int(self._labels[index]), x - columns[0], height / 2, rng)
            x += columns[-1] + 1 - columns[0]
        crop = slice(0, min(width, round(x + 0.6 * hand.height)))
        sheet.digits, sheet.other = sheet.digits[:, crop], sheet.other[:, crop]
        return self._photographed(sheet, hand, rng, plain=True)

    def _written(self, index: int, hand: Hand, rng: np.random.Generator) -> tuple[Gray, int]:
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
            strokes = as_wide_as(strokes, hand.pen)
        if label in (1, 7) and rng.random() < 0.4:
            strokes = augment.rare_style(strokes, label, rng)
        return strokes, label

    def _set(
        self, sheet: Sheet, strokes: Gray, label: int, left: float, middle: float, rng: np.random.Generator
    ) -> None:
        """Put written strokes on the sheet and note their box; `left` of the patch, `middle` of its height."""
        x, y = round(left), round(middle - strokes.shape[0] / 2)
        bx, by, bw, bh = cv2.boundingRect((strokes > 96).astype(np.uint8))
        if bw == 0 or not paste(sheet.digits, strokes, x, y):
            return
        box = (x + bx, y + by, x + bx + bw, y + by + bh)
        sheet.note(box, _class(box, label, sheet.digits.shape))

    def _number(self, sheet: Sheet, hand: Hand, rng: np.random.Generator) -> None:
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
                x += apart(sheet.digits, strokes, x, y) + rng.uniform(-3.0, 2.0)
            self._set(sheet, strokes, label, x - columns[0], y, rng)
            if rng.random() < hand.joined:
                join(sheet, hand, (x, y), rng)
            x += columns[-1] + 1 - columns[0] + rng.normal(gap, 0.08) * hand.height
            if rng.random() < 0.12:
                x = punctuation(sheet, hand, x, y, rng)
            if x > width:
                break

    def _table(self, sheet: Sheet, hand: Hand, rng: np.random.Generator) -> None:
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
                line(sheet.other, (0.0, y), (float(width), y + lean * width), ink, pen)
            for column in range(-1, int(width / pitch) + 3):
                x = origin[0] + column * pitch
                if lines and row == -1:
                    line(sheet.other, (x, 0.0), (x - lean * height, float(height)), ink, pen)
                centre = (x + pitch / 2 - lean * y, y + pitch / 2 + lean * x)
                chance = rng.random()
                if chance < full * (1 - printed):
                    strokes, label = self._written(int(rng.integers(len(self._labels))), hand, rng)
                    off = rng.normal(0.0, 0.08, 2) * pitch
                    left = centre[0] + off[0] - strokes.shape[1] / 2
                    self._set(sheet, strokes, label, left, centre[1] + off[1], rng)
                elif chance < full:
                    print_digit(sheet, hand.height * 0.8, centre, rng)
                elif chance < full + 0.08:
                    small = hand_of(rng, max(5.0, 0.3 * hand.height))
                    strokes, label = self._written(int(rng.integers(len(self._labels))), small, rng)
                    self._set(sheet, strokes, label, x + 2, y + 0.25 * pitch, rng)

    def _notes(self, sheet: Sheet, hand: Hand, rng: np.random.Generator) -> None:
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
                    paste(sheet.other, strokes, round(x), round(y - strokes.shape[0] / 2))
                    x += strokes.shape[1] * rng.uniform(0.7, 1.2)
                if rng.random() < 0.2:
                    x += rng.uniform(0.3, 1.5) * hand.height
            y += pitch

    def _scattered(self, sheet: Sheet, hand: Hand, rng: np.random.Generator, count: int) -> None:
        """Digits anywhere, each in its own hand."""
        height, width = sheet.digits.shape
        for _ in range(count):
            own = hand_of(rng, hand.height * float(np.exp(rng.normal(0.0, 0.15))))
            strokes, label = self._written(int(rng.integers(len(self._labels))), own, rng)
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            reach = 1.1 * own.height
            middles = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in sheet.boxes]
            if any(abs(mx - x) < reach * 0.8 and abs(my - y) < reach for mx, my in middles):
                continue
            self._set(sheet, strokes, label, x - strokes.shape[1] / 2, y, rng)

    def _mark(self, size: float, rng: np.random.Generator) -> Gray:
        """What is no digit, `size` pixels large."""
        side = max(6, round(1.4 * size))
        picture = negatives.mark(rng, self._pictures, self._labels)
        method = cv2.INTER_AREA if side < 28 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)

    def _distractors(self, sheet: Sheet, hand: Hand, rng: np.random.Generator) -> None:
        """Signs, type, lines and specks around the digits, and over their rim."""
        height, width = sheet.digits.shape
        for _ in range(int(rng.integers(1, 5))):
            kind = rng.random()
            x, y = rng.uniform(-10, width), rng.uniform(0, height)
            if kind < 0.4:
                strokes = self._mark(hand.height * rng.uniform(0.4, 1.5), rng)
                if not covered(sheet, x, y - strokes.shape[0] / 2, *strokes.shape[::-1]):
                    paste(sheet.other, strokes, round(x), round(y - strokes.shape[0] / 2))
            elif kind < 0.6:
                count = int(rng.integers(1, 9))
                text = "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), count))
                set_type(sheet, text, rng.uniform(6, 1.2 * hand.height), (x, y), rng)
            elif kind < 0.85:
                angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0.0, 0.05)
                along = np.array([np.cos(angle), np.sin(angle)]) * (300 if rng.random() < 0.7 else rng.uniform(10, 80))
                ink, pen = int(rng.integers(40, 256)), int(rng.integers(1, 4))
                line(sheet.other, (x - along[0], y - along[1]), (x + along[0], y + along[1]), ink, pen)
            else:
                for _ in range(int(rng.integers(1, 12))):
                    at = (int(rng.integers(width)), int(rng.integers(height)))
                    cv2.circle(sheet.other, at, int(rng.integers(0, 3)), int(rng.integers(60, 256)), cv2.FILLED)

    def _photographed(self, sheet: Sheet, hand: Hand, rng: np.random.Generator, *, plain: bool = False) -> Scene:
        """Pen, paper, light and camera."""
        height, width = sheet.digits.shape
        digits = sheet.digits
        if not plain:
            digits = penned(digits, hand, rng)
            if rng.random() < 0.35:
                digits = grained(digits, rng)
        contrast = rng.uniform(0.3, 1.0) if plain or rng.random() < 0.8 else rng.uniform(0.15, 0.35)
        ink = digits.astype(np.float32) * np.float32(contrast)
        # Print and ruling have an ink of their own; handwriting that is no digit may have either.
        own = contrast if rng.random() < 0.6 else rng.uniform(0.15, 1.0)
        ink = np.maximum(ink, sheet.other.astype(np.float32) * np.float32(own))
        if not plain and rng.random() < 0.4:
            ink += paper.pattern(height, width, rng) * np.float32(255 * contrast * rng.uniform(0.05, 0.4))
        if not plain and rng.random() < 0.2:
            ink = np.maximum(ink, self._shown_through(height, width, hand, rng) * np.float32(contrast))
        light = paper.lit(height, width, rng)
        shot = light * (1.0 - np.minimum(ink, 255.0) / 255.0)
        taken = augment.camera(shot, contrast * float(light.mean()), rng, hand.height)
        if rng.random() < 0.12:
            taken = np.asarray(cv2.bitwise_not(taken), np.uint8)
        boxes = np.array(sheet.boxes, np.float32).reshape(-1, 4)
        return Scene(taken, boxes, np.array(sheet.classes, np.int64))

    def _shown_through(self, height: int, width: int, hand: Hand, rng: np.random.Generator) -> NDArray[np.float32]:
        """Writing or print from the back of the sheet: mirrored, soft and pale."""
        back = Sheet(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))
        self._table(back, hand, rng)
        soft = cv2.GaussianBlur(np.maximum(back.digits, back.other)[:, ::-1], (0, 0), rng.uniform(0.8, 2.0))
        return np.asarray(soft, np.float32) * np.float32(rng.uniform(0.04, 0.22))


def strings(pictures: Pictures, labels: Labels, count: int, seed: int, *, touching: bool) -> list[tuple[Gray, str]]:
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


def _class(box: tuple[float, float, float, float], label: int, shape: tuple[int, ...]) -> int:
    """The class of a digit as far as a finder is to find it; -1 where it is not to, IGNORED where it may."""
    height = max(box[3] - box[1], 0.6 * (box[2] - box[0]))
    if height < UNWANTED[0] or height > UNWANTED[1]:
        return BACKGROUND
    outside = max(-box[0], -box[1], box[2] - shape[1], box[3] - shape[0], 0.0)
    if outside > 0.12 * height or not WANTED[0] - 2 <= height <= WANTED[1] + 3:
        return IGNORED
    return label
