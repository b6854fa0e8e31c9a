"""A written sheet -> its photograph: pen, paper, light and camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits_train.synthesis import camera, grain, paper, pens
from edge_digits_train.synthesis.scenes.sheets import Sheet
from edge_digits_train.synthesis.scenes.surroundings import surround
from edge_digits_train.synthesis.scenes.tables import write_table
from edge_digits_train.synthesis.scenes.writing import Writing


def photograph(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> tuple[Gray, list[int]]:
    """Take a sheet's picture, uint8 [H, W] in either polarity; the classes of its boxes, some of which may be cut."""
    height, width = sheet.shape
    digits = _vary_pen(sheet.digits, writing, rng)
    if rng.random() < 0.35:
        step = int(rng.integers(1, 6))
        digits = grain.pencil(digits, (-(-height // step), -(-width // step)), rng)
    contrast = rng.uniform(0.3, 1.0) if rng.random() < 0.85 else rng.uniform(0.15, 0.35)
    ink = digits.astype(np.float32) * np.float32(contrast)
    # Print and ruling have an ink of their own, or that of the digits.
    other = contrast if rng.random() < 0.6 else rng.uniform(0.15, 1.0)
    ink = np.maximum(ink, sheet.other.astype(np.float32) * np.float32(other))
    if rng.random() < 0.3:
        ink += paper.security_pattern(height, width, rng) * np.float32(255 * contrast * rng.uniform(0.03, 0.35))
    if rng.random() < 0.12:
        ink = np.maximum(ink, _show_through(sheet, writing, rng) * np.float32(contrast))
    light = paper.lit_page(height, width, rng)
    covered = np.minimum(ink, 255.0) / np.float32(255.0)
    if rng.random() < 0.12:  # chalk: light ink on a dark ground
        ground = light * np.float32(rng.uniform(0.1, 0.5))
        shot = ground + (np.float32(rng.uniform(200, 255)) - ground) * covered
    else:
        shot = light * (1 - covered)
    classes = list(sheet.classes)
    if rng.random() < 0.2:
        shot, classes = surround(shot, sheet.boxes, classes, rng)
    return _finished(camera.take(shot, contrast * float(light.mean()), rng, writing.hand.height), rng), classes


def photograph_plain(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> Gray:
    """As `photograph`, in the digits' own pen on paper without a pattern, and nothing around or behind it."""
    height, width = sheet.shape
    contrast = rng.uniform(0.3, 1.0)
    light = paper.lit_page(height, width, rng)
    shot = light * (1 - sheet.digits.astype(np.float32) * np.float32(contrast / 255))
    picture = camera.take(shot, contrast * float(light.mean()), rng, writing.hand.height)
    return np.asarray(cv2.bitwise_not(picture), np.uint8) if rng.random() < 0.12 else picture


def photograph_scene(shot: NDArray[np.float32], rng: np.random.Generator, size: float) -> Gray:
    """The picture of something without writing; arguments as of `camera.take`."""
    return _finished(camera.take(shot, float(shot.std()), rng, size), rng)


def _finished(picture: Gray, rng: np.random.Generator) -> Gray:
    """A photograph after it was taken: enlarged in blocks, made black and white, inverted, or mostly as it is."""
    chance = rng.random()
    if chance < 0.06:
        factor = int(rng.integers(2, 4))
        height, width = picture.shape
        method = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_NEAREST
        small = cv2.resize(picture, (max(1, width // factor), max(1, height // factor)), interpolation=method)
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    elif chance < 0.1:
        picture = np.asarray(cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1], np.uint8)
    return np.asarray(cv2.bitwise_not(picture), np.uint8) if rng.random() < 0.12 else picture


def _vary_pen(digits: Gray, writing: Writing, rng: np.random.Generator) -> Gray:
    """A bolder or finer pen for the whole scene, where its pictures have kept their own."""
    hand = writing.hand
    if writing.source == "traces" or hand.own_pen:
        return digits
    chance = rng.random()
    if chance < 0.3:
        size = 2 if hand.height < 26 or rng.random() < 0.6 else 3
        return pens.dilated(digits, np.ones((size, size), np.uint8))
    if chance < 0.6 and hand.height > 24:
        size = 2 if hand.height < 36 or rng.random() < 0.6 else 3
        return pens.eroded(digits, np.ones((size, size), np.uint8), 0.4)
    return digits


def _show_through(sheet: Sheet, writing: Writing, rng: np.random.Generator) -> NDArray[np.float32]:
    """Writing or print from the back of the sheet: mirrored, soft and pale; float32 [H, W] of grey levels."""
    back = Sheet.blank(*sheet.shape, sheet.unit)
    write_table(back, writing, rng)
    soft = cv2.GaussianBlur(np.maximum(back.digits, back.other)[:, ::-1], (0, 0), rng.uniform(0.8, 2.0))
    return np.asarray(soft, np.float32) * np.float32(rng.uniform(0.04, 0.22))
