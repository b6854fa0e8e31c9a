"""The writing of one scene: digits, signs and letters in one hand, each as white strokes on black."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from edge_digits.imaging.pixels import Gray
from edge_digits_train.datasets.data import Trace
from edge_digits_train.synthesis import affine, negatives, pens, signs, styles
from edge_digits_train.synthesis.scenes.hands import Hand, random_hand
from edge_digits_train.synthesis.scenes.library import LOOKALIKES, Library, Strokes
from edge_digits_train.synthesis.variants import rare_style

#: Where the digits of a scene come from: pictures of a data set, traces of one writer, or styles drawn by our own code.
Source = Literal["pictures", "traces", "styles"]
#: Shares of scenes by source; the rest is of styles.
_PICTURES, _TRACES = 0.4, 0.4
#: Share of ones and sevens that get a flag, a foot or a bar, where they are of pictures or styles.
_RARE = 0.35
#: Ones of pictures and styles keep this share of their own lean: those of one hand lean nearly alike, and less than
#: its slashes.
_OWN_LEAN = 0.3
#: Share of "x" that our own code draws where there are traces: of those most are capitals, and an unknown is none.
_DRAWN_X = 0.65
#: Standard deviation of a stroke's place, of the character's height.
_STROKE_SHIFT = 0.012
#: Strokes of a finer pen than this are drawn twice as large, pixels: OpenCV's widths are whole numbers.
_FINE_PEN = 3.0
#: Sizes of signs, the smallest and the largest, of the digits' height: of the width of "-" and "=", of the larger side
#: of "+x#%", of the height of others.
_SIZES = {
    ".": (0.08, 0.2),
    ",": (0.2, 0.42),
    "-": (0.22, 0.6),
    "+": (0.4, 0.8),
    "x": (0.4, 1.3),
    "/": (0.95, 1.8),
    "(": (0.95, 1.5),
    ")": (0.95, 1.5),
    "=": (0.3, 0.65),
    ":": (0.3, 0.7),
    "%": (0.7, 1.1),
    "#": (0.65, 1.1),
}
_STYLES_OF = [[style for style in styles.STYLES if style.digit == digit] for digit in range(10)]
_SHARES_OF = [np.cumsum([style.share for style in of]) for of in _STYLES_OF]


@dataclass(frozen=True, eq=False)
class Writing:
    """The writing of one scene.

    Strokes are uint8 [S, S], white on black, with the character's middle in the middle.

    Attributes:
        library: what it is written with.
        hand: how.
        source: where its digits come from.
        traces: those of its writer, where they come from traces.
    """

    library: Library
    hand: Hand
    source: Source
    traces: list[Trace]

    @classmethod
    def begin(cls, library: Library, rng: np.random.Generator, height: float) -> Writing:
        """Anyone's writing, of digits `height` pixels high."""
        hand, chance = random_hand(rng, height), rng.random()
        if _PICTURES <= chance < _PICTURES + _TRACES and library.digits:
            return cls(library, hand, "traces", library.writer(rng))
        return cls(library, hand, "pictures" if chance < _PICTURES + _TRACES else "styles", [])

    def smaller(self, factor: float) -> Writing:
        """The same writing, so many times as high, by the same pen."""
        return replace(self, hand=replace(self.hand, height=self.hand.height * factor))

    def digit(self, rng: np.random.Generator) -> tuple[Gray, int]:
        """Strokes and label of any digit."""
        if self.source == "traces":
            trace = self.traces[int(rng.integers(len(self.traces)))]
            label = int(trace.label)
            return self._drawn(trace.strokes, self.hand.size(rng, label), self.hand.linear(rng), rng), label
        if self.source == "styles":
            label = int(rng.integers(10))
            shares = _SHARES_OF[label]
            style = _STYLES_OF[label][int(np.searchsorted(shares, rng.random() * shares[-1]))]
            return self._warped(styles.draw(style, rng), label, rng), label
        return self.picture(int(rng.integers(len(self.library.labels))), rng)

    def bar(self, rng: np.random.Generator) -> tuple[Gray, int]:
        """Strokes and label of a one that is nothing but a bar, as often as not upright, as few ones of MNIST are."""
        strokes = (np.array([[0.0, -0.5], [0.0, 0.5]], np.float32),)
        upright = affine.linear_map(rng.normal(0.0, 1.0), 0.0, 1.0, 1.0)
        linear = upright if rng.random() < 0.5 else self.hand.linear(rng)
        return self._drawn(strokes, self.hand.size(rng, 1), linear, rng), 1

    def picture(self, index: int, rng: np.random.Generator) -> tuple[Gray, int]:
        """Strokes and label of one of the library's pictures."""
        label = int(self.library.labels[index])
        return self._warped(self.library.pictures[index], label, rng), label

    def sign(self, sign: str, rng: np.random.Generator, size: float | None = None) -> tuple[Gray, float]:
        """Strokes of a sign, and how far its middle lies below that of the line, pixels.

        Args:
            sign: one of `results.SIGNS`.
            rng: decides all.
            size: as of `_SIZES`, pixels; None for a usual one.
        """
        height = self.hand.height
        if size is None:
            low, high = _SIZES[sign]
            size = height * rng.uniform(low, high)
        foot = 0.45 * height
        if sign == ".":
            return self._dot(size, rng), foot * rng.uniform(0.8, 1.1)
        known = self.library.signs[sign]
        if known and not (sign == "x" and rng.random() < _DRAWN_X):
            strokes = known[int(rng.integers(len(known)))]
        else:
            strokes = signs.draw(sign, rng)
        extent = np.ptp(np.concatenate(strokes), axis=0)
        of = extent[0] if sign in "-=" else extent.max() if sign in "+x#%" else extent[1]
        linear = self.hand.linear(rng, 0.5) / max(float(of), 1e-2)
        if sign == ",":
            below = foot * rng.uniform(0.9, 1.25)
        elif sign == ":":
            below = rng.uniform(0.0, 0.25) * height
        else:
            below = rng.normal(0.0, 0.1 if sign == "-" else 0.08) * height
        return self._drawn(strokes, size, linear, rng), below

    def someones_letters(self, rng: np.random.Generator) -> list[Trace]:
        """Traces of one writer's letters; none where there are no such."""
        letters = self.library.letters
        return letters[int(rng.integers(len(letters)))] if letters else []

    def letter(self, rng: np.random.Generator, letters: list[Trace]) -> tuple[Gray, bool]:
        """Strokes of a letter, or of another figure that is no digit, and whether it passes for a digit or sign.

        Args:
            rng: decides all.
            letters: traces to take one of; none for those of negatives alone.
        """
        chance, size = rng.random(), self.hand.height * rng.uniform(0.45, 1.2)
        if letters and chance < 0.7:
            trace = letters[int(rng.integers(len(letters)))]
            return self._drawn(trace.strokes, size, self.hand.linear(rng), rng), trace.label in LOOKALIKES
        others = self.library.others
        if others and chance < 0.8:
            strokes = others[int(rng.integers(len(others)))]
            return self._drawn(strokes, size * rng.uniform(0.6, 1.1), self.hand.linear(rng), rng), False
        side = max(6, round(1.4 * size))
        method = cv2.INTER_AREA if side < 28 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(negatives.letter(rng), (side, side), interpolation=method), np.uint8), False

    def asterisk(self, rng: np.random.Generator) -> Gray:
        """Strokes of an asterisk, as some write it for times."""
        return self._drawn(signs.draw("*", rng), self.hand.height * rng.uniform(0.35, 0.8), self.hand.linear(rng), rng)

    def tick(self, rng: np.random.Generator) -> Gray:
        """Strokes of a tick."""
        strokes = (np.array([[-0.4, 0.1], [-0.1, 0.45], [0.5, -0.5]], np.float32),)
        return self._drawn(strokes, self.hand.height * rng.uniform(0.6, 1.2), self.hand.linear(rng), rng)

    def _dot(self, size: float, rng: np.random.Generator) -> Gray:
        radius = max(1.0, size / 2, 0.5 * self.hand.pen * rng.uniform(0.8, 1.3))
        side = 2 * int(np.ceil(radius)) + 4
        canvas = np.zeros((side, side), np.uint8)
        axes = tuple(max(1, round(8 * radius * factor)) for factor in rng.uniform(0.8, 1.2, 2).tolist())
        cv2.ellipse(canvas, (side * 4, side * 4), axes, 0, 0, 360, 255, cv2.FILLED, cv2.LINE_AA, shift=3)
        return canvas

    def _drawn(self, strokes: Strokes, size: float, linear: affine.Matrix, rng: np.random.Generator) -> Gray:
        """Strokes of a height of about 1, drawn by the hand's pen so many pixels high."""
        pen = max(1.0, self.hand.pen * float(np.exp(rng.normal(0.0, 0.08))))
        fine = 2 if pen < _FINE_PEN else 1
        shifts = rng.normal(0.0, _STROKE_SHIFT, (len(strokes), 2))
        to_pixels = (linear * size).T
        placed = [(stroke + shift) @ to_pixels for stroke, shift in zip(strokes, shifts, strict=True)]
        reach = max(float(np.abs(points).max()) for points in placed) + pen
        side = 2 * int(np.ceil(reach)) + 4
        canvas = np.zeros((side * fine, side * fine), np.uint8)
        for points in placed:
            ends = points if len(points) > 1 else np.vstack([points, points + 0.3])
            curve = np.rint((ends + side / 2) * (fine * 8)).astype(np.int32)
            cv2.polylines(canvas, [curve], False, 255, max(1, round(pen * fine)), cv2.LINE_AA, shift=3)
        if fine == 1:
            return canvas
        return np.asarray(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA), np.uint8)

    def _warped(self, picture: Gray, label: int, rng: np.random.Generator) -> Gray:
        """A picture of a digit, uint8 [28, 28], in this hand."""
        x, y, w, h = cv2.boundingRect(picture)
        scale = self.hand.size(rng, label) / max(h, 0.6 * w, 1)
        linear = self.hand.linear(rng) * scale
        if label == 1:
            linear = linear @ _upright(picture)
        side = int(np.ceil(1.25 * np.abs(linear @ np.array([[w / 2, -w / 2], [h / 2, h / 2]])).max() * 2)) + 6
        matrix = affine.carry(linear, (x + w / 2, y + h / 2), (side / 2, side / 2))
        strokes = np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
        if scale > 1.1:
            strokes = pens.sharpen(strokes, scale + 0.3)
        if self.hand.own_pen:
            strokes = pens.set_width(strokes, self.hand.pen / 2)
        if label in (1, 7) and rng.random() < _RARE:
            strokes = rare_style(strokes, label, rng)
        return strokes


def _upright(one: Gray) -> affine.Matrix:
    """The map that takes most of its lean from the picture of a one, uint8 [28, 28]: float64 [2, 2]."""
    moments = cv2.moments(one)
    return affine.linear_map(0.0, -(1.0 - _OWN_LEAN) * moments["mu11"] / max(moments["mu02"], 1.0), 1.0, 1.0)
