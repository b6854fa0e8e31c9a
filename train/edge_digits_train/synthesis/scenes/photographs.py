"""A written sheet -> its photograph: pen, paper, light and camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.imaging.pixels import Gray
from edge_digits_train.synthesis import camera, grain, paper, pens
from edge_digits_train.synthesis.scenes.hands import Hand
from edge_digits_train.synthesis.scenes.sheets import Sheet
from edge_digits_train.synthesis.scenes.tables import write_table
from edge_digits_train.synthesis.scenes.writing import Writer


def photograph(sheet: Sheet, hand: Hand, writer: Writer, rng: np.random.Generator, *, plain: bool = False) -> Gray:
    """Take a sheet's picture: uint8 [H, W], in either polarity.

    Args:
        sheet: what is written.
        hand: who wrote it, with a pen of their own or not.
        writer: writes what shows through from the back.
        rng: decides all.
        plain: in the digits' own pen, on paper without a pattern, and nothing shows through.
    """
    height, width = sheet.shape
    digits = sheet.digits
    if not plain:
        digits = _vary_pen(digits, hand, rng)
        if rng.random() < 0.35:
            step = int(rng.integers(1, 6))
            digits = grain.pencil(digits, (-(-height // step), -(-width // step)), rng)
    contrast = rng.uniform(0.3, 1.0) if plain or rng.random() < 0.8 else rng.uniform(0.15, 0.35)
    ink = digits.astype(np.float32) * np.float32(contrast)
    # Print and ruling have an ink of their own; handwriting that is no digit may have either.
    other = contrast if rng.random() < 0.6 else rng.uniform(0.15, 1.0)
    ink = np.maximum(ink, sheet.other.astype(np.float32) * np.float32(other))
    if not plain and rng.random() < 0.4:
        ink += paper.security_pattern(height, width, rng) * np.float32(255 * contrast * rng.uniform(0.05, 0.4))
    if not plain and rng.random() < 0.2:
        ink = np.maximum(ink, _show_through(height, width, hand, writer, rng) * np.float32(contrast))
    lit = paper.lit_page(height, width, rng)
    shot = lit * (1.0 - np.minimum(ink, 255.0) / 255.0)
    picture = camera.take(shot, contrast * float(lit.mean()), rng, hand.height)
    return np.asarray(cv2.bitwise_not(picture), np.uint8) if rng.random() < 0.12 else picture


def _vary_pen(digits: Gray, hand: Hand, rng: np.random.Generator) -> Gray:
    """A bolder or finer pen for the whole scene, where the hand has none of its own."""
    if hand.pen is not None:
        return digits
    chance = rng.random()
    if chance < 0.3:
        size = 2 if hand.height < 26 or rng.random() < 0.6 else 3
        return pens.dilated(digits, np.ones((size, size), np.uint8))
    if chance < 0.6 and hand.height > 24:
        size = 2 if hand.height < 36 or rng.random() < 0.6 else 3
        return pens.eroded(digits, np.ones((size, size), np.uint8), 0.4)
    return digits


def _show_through(height: int, width: int, hand: Hand, writer: Writer, rng: np.random.Generator) -> NDArray[np.float32]:
    """Writing or print from the back of the sheet: mirrored, soft and pale; float32 [H, W] of grey levels."""
    back = Sheet.blank(height, width)
    write_table(back, hand, writer, rng)
    soft = cv2.GaussianBlur(np.maximum(back.digits, back.other)[:, ::-1], (0, 0), rng.uniform(0.8, 2.0))
    return np.asarray(soft, np.float32) * np.float32(rng.uniform(0.04, 0.22))
