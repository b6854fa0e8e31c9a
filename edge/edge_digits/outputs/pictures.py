"""Readings as pictures: boxes on the original, crops, and sheets that explain every step."""

from __future__ import annotations

import textwrap
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.examination import Examination, Examined
from edge_digits.find import written
from edge_digits.find.search import Look
from edge_digits.imaging.contrast import local_contrast
from edge_digits.imaging.pixels import Gray, to_gray
from edge_digits.imaging.regions import WHOLE
from edge_digits.results import Digit, Reading

_GREEN, _ORANGE, _GREY = (60, 160, 30), (0, 120, 240), (150, 150, 150)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
#: The parts of a picture, and the candidates of each kind, that an explaining sheet has room for.
_MAX_LOOKS, _MAX_CELLS = 6, 200
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def annotate(picture: NDArray[Any], reading: Reading) -> NDArray[np.uint8]:
    """Boxes and labels on a picture: green for accepted digits, orange for rejected ones; small pictures are enlarged.

    Args:
        picture: as `pixels.to_gray` takes it.
        reading: what was read in it.

    Returns:
        uint8 [H, W, 3], BGR.
    """
    canvas = _to_bgr(picture)
    factor = max(1, round(320 / max(canvas.shape[:2])))
    canvas = np.asarray(cv2.resize(canvas, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8)
    pen = max(1, max(canvas.shape[:2]) // 500)
    for digit in reading.digits:
        colour = _ORANGE if digit.rejected else _GREEN
        box = digit.box
        x1, y1, x2, y2 = (factor * v for v in (box.x1, box.y1, box.x2, box.y2))
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), colour, pen)
        _label(canvas, f"{digit.label} {100 * digit.confidence:.0f}", (x1, y1, x2, y2), colour)
    return canvas


def explain(examination: Examination) -> NDArray[np.uint8]:
    """A sheet of every step: each part that was looked at, its ink, what was found in it, and all as the model saw it.

    Green is read, orange refused, grey another cut of ink that was read or refused in a better one.

    Returns:
        uint8 [H, W, 3], BGR.
    """
    reading, shown = examination.reading, examination.looks[:_MAX_LOOKS]
    remaining = iter(examination.candidates)
    by_look = [[next(remaining) for line in look.lines for _ in line.candidates] for look in shown]
    rows = [np.hstack(_steps(look, examined)) for look, examined in zip(shown, by_look, strict=True)]
    width = rows[0].shape[1]
    if len(examination.looks) > len(shown):
        rows.append(_heading(f"parts that are not shown: {len(examination.looks) - len(shown)}", width))
    chosen = [candidate for candidate in examination.candidates if candidate.chosen]
    others = [candidate for candidate in examination.candidates if not candidate.chosen]
    columns = max(1, width // 180)
    for heading, candidates in (("what the model saw", chosen), ("other cuts", others)):
        cells = [_digit_cell(candidate) for candidate in candidates[:_MAX_CELLS]]
        if cells:
            cut = f", of which these are the first {_MAX_CELLS}" if len(candidates) > _MAX_CELLS else ""
            rows.append(_heading(f"{heading}: {len(candidates)}{cut}", width))
        starts = range(0, len(cells), columns)
        rows += [_pad_right(np.hstack(cells[start : start + columns]), width) for start in starts]
    text = reading.text.replace("\n", " / ") or "nothing"
    sure = f" ({100 * reading.confidence:.1f} %)" if reading.text else ""
    title = _heading(f"{reading.source}: {text}{sure}, {reading.status}", width)
    warnings = [_heading(warning, width) for warning in reading.warnings]
    return np.vstack([title, *warnings, *rows])


def _steps(look: Look, examined: list[Examined]) -> list[NDArray[np.uint8]]:
    """A panel for each step of a look, uint8 [H, W, 3] each, of one size."""
    work, width = look.work, 360
    height = 36 + min(264, max(60, round((width - 16) * work.shape[0] / work.shape[1])))
    found = _fitted(_to_bgr(work), width, height)
    glyphs = [candidate.glyph for line in look.lines for candidate in line.candidates]
    scale_x, scale_y = found.shape[1] / work.shape[1], found.shape[0] / work.shape[0]
    # Other cuts first, so that what was chosen lies above them.
    for glyph, candidate in sorted(zip(glyphs, examined, strict=True), key=lambda pair: pair[1].chosen):
        colour = _GREY if not candidate.chosen else _ORANGE if candidate.digit.rejected else _GREEN
        first = (round(scale_x * glyph.x), round(scale_y * glyph.y))
        last = (round(scale_x * (glyph.x + glyph.width)), round(scale_y * (glyph.y + glyph.height)))
        cv2.rectangle(found, first, last, colour, 1 + candidate.chosen)
    refused = sum(candidate.digit.rejected for candidate in examined if candidate.chosen)
    whole = look.view.region == WHOLE
    steps = [
        ("picture" if whole else f"part {look.view.region}", work),
        *_seen(look),
        (f"found: {len(glyphs)}, refused: {refused}", found),
    ]
    return [_panel(name, _to_bgr(picture), width, height) for name, picture in steps]


def _seen(look: Look) -> list[tuple[str, NDArray[np.uint8]]]:
    """What a look made of its picture before anything was found."""
    if look.scene:
        return [("local contrast", local_contrast(look.work))]
    ink = look.ink
    return [
        (f"ink (noise {ink.noise:.0f}{', light on dark' if ink.inverted else ''})", _brightened(ink.strength)),
        ("strokes by rule", np.asarray(written(ink) * np.uint8(255), np.uint8)),
    ]


def crop(gray: Gray, digit: Digit) -> Gray:
    """A digit with a margin around it, uint8 [h, w]."""
    box = digit.box
    margin = max(2, round(0.15 * max(box.x2 - box.x1, box.y2 - box.y1)))
    return gray[max(0, box.y1 - margin) : box.y2 + margin, max(0, box.x1 - margin) : box.x2 + margin]


def _to_bgr(picture: NDArray[Any]) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3:
        return np.asarray(picture, np.uint8)
    return np.asarray(cv2.cvtColor(to_gray(picture), cv2.COLOR_GRAY2BGR), np.uint8)


def _brightened(strength: Gray) -> Gray:
    top = max(int(strength.max()), 1)
    return np.asarray(cv2.convertScaleAbs(strength, alpha=255.0 / top), np.uint8)


def _panel(name: str, picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture fitted into a frame with its name above."""
    frame = np.full((height, width, 3), 255, np.uint8)
    fitted = _fitted(picture, width, height)
    y, x = fitted.shape[:2]
    frame[28 : 28 + y, 8 : 8 + x] = fitted
    cv2.rectangle(frame, (7, 27), (8 + x, 28 + y), (200, 200, 200), 1)
    _write(frame, name, 8, 19, 0.48)
    return frame


def _fitted(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture scaled into the room that a panel of this size has."""
    scale = min((width - 16) / picture.shape[1], (height - 36) / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def _heading(text: str, width: int) -> NDArray[np.uint8]:
    """A text over the width of the sheet, in as many lines as it needs."""
    text = _ascii(text)
    room = int(len(text) * (width - 16) / max(cv2.getTextSize(text, _FONT, 0.55, 1)[0][0], 1) * 0.95)
    lines = textwrap.wrap(text, max(room, 10)) or [""]
    band = np.full((12 + 22 * len(lines), width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        _write(band, line, 8, 23 + 22 * number, 0.55)
    return band


def _digit_cell(candidate: Examined) -> NDArray[np.uint8]:
    """What the model saw, and its most probable classes as bars."""
    seen, digit = candidate.seen, candidate.digit
    cell = np.full((190, 180, 3), 255, np.uint8)
    cell[8 : 8 + 112, 34 : 34 + 112] = cv2.cvtColor(
        cv2.resize(seen, (112, 112), interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2BGR
    )
    if digit.topk and digit.label != digit.topk[0][0]:
        _write(cell, f"as {_ascii(digit.label)[:6]}", 2, 20, 0.4)
    for row, (label, probability) in enumerate(digit.topk[:3]):
        y = 136 + 18 * row
        colour = _GREY if label != digit.label or not candidate.chosen else _ORANGE if digit.rejected else _GREEN
        _write(cell, f"{_ascii(label)[:6]}", 12, y, 0.45)
        cv2.rectangle(cell, (60, y - 10), (60 + max(1, round(60 * probability)), y), colour, cv2.FILLED)
        _write(cell, f"{100 * probability:.1f}", 128, y, 0.4)
    return cell


def _pad_right(row: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return np.hstack([row, np.full((row.shape[0], width - row.shape[1], 3), 255, np.uint8)])


def _write(canvas: NDArray[np.uint8], text: str, x: int, y: int, size: float) -> None:
    cv2.putText(canvas, text, (x, y), _FONT, size, _BLACK, 1, cv2.LINE_AA)


def _label(canvas: NDArray[np.uint8], text: str, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    """White text on a coloured tab as wide as its box, above it, or below where there is no room."""
    x1, y1, x2, y2 = box
    text = _ascii(text)
    (width, height), below = cv2.getTextSize(text, _FONT, 1.0, 1)
    size = float(np.clip((x2 - x1) / width, 0.4, 1.2))
    width, height, below = round(width * size), round(height * size), round(below * size)
    tall = height + below + 2
    top = y1 - tall if y1 >= tall else min(y2, canvas.shape[0] - tall)
    x = max(0, min(x1, canvas.shape[1] - width))
    cv2.rectangle(canvas, (x, top), (x + width, top + tall), colour, cv2.FILLED)
    cv2.putText(canvas, text, (x, top + height + 1), _FONT, size, _WHITE, max(1, round(size)), cv2.LINE_AA)


def _ascii(text: str) -> str:
    """OpenCV's font has no other characters."""
    return text.encode("ascii", "replace").decode()
