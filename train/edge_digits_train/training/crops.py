"""Windows (`normalize.window`) to train a reader on: of composed scenes, and of crops that hold one digit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_digits.find.scene import MIN_LOGIT, shared_areas
from edge_digits.imaging.contrast import ink_box, local_contrast
from edge_digits.imaging.pixels import Gray
from edge_digits.imaging.ring import with_ring
from edge_digits.inference.heatmap import find_peaks
from edge_digits.inference.session import Finder
from edge_digits.normalize import SIDE, normalize_window, window
from edge_digits_train.datasets.data import BACKGROUND, Split
from edge_digits_train.synthesis.augment import Augmentation, shoot
from edge_digits_train.synthesis.disturbances import disturb
from edge_digits_train.synthesis.negatives import negative
from edge_digits_train.synthesis.scenes import Composer, Scene
from edge_digits_train.training.scenes import make_scene

#: Standard deviations of a box's sides, and of its place, as fractions of its sides: what a finder is off by.
_SIZE_JITTER, _PLACE_JITTER = 0.07, 0.04
#: Share of windows that are cut of scenes; the others are crops. Of these more hold digits: scenes hold signs too, and
#: as much background as digits.
_OF_SCENES = 0.5
#: Share of crops that hold no digit: letters, invented characters, scribbles, halves of digits.
_NEGATIVES = 0.35
#: Share of the disturbed crops that are seen where a finder found the digit, and not where all ink is: both are read.
_FOUND = 0.5
#: Heights of boxes of background, pixels, and widths, of the height.
_HEIGHTS, _WIDTHS = (10.0, 60.0), (0.25, 1.1)
#: Boxes of background are tried so often for each that is wanted: some scenes are full of digits.
_TRIES = 4
#: A box of background holds no more of a digit than this, as intersection over union.
_MAX_IOU = 0.2
#: A find shows a part of a character where most of it lies in that, it is smaller by half, and shares less with any
#: character than this, as intersection over union.
_INSIDE, _PART, _WHOLE = 0.6, 0.5, 0.4
#: Scenes without writing beside the usual ones, as a share of all: they cost nothing but the digits that they lack.
_UNWRITTEN = 0.15
#: Of a scene with few digits, so many false finds are taken.
_FALSE_FINDS = 6
#: Boxes of background stand on what is stronger than this, in local contrast.
_INK = 60

Box = tuple[float, float, float, float]


#: A scene's local contrast, uint8 [H, W] -> boxes in which something is found, float32 [N, 4].
Finds = Callable[[Gray], NDArray[np.float32]]


def finds_of(finder: str) -> Finds | None:
    """What a finder finds, by its name or file; None where none is named.

    Raises:
        ModelError: it cannot be used.
    """
    if not finder:
        return None
    network = Finder.load(finder)

    def finds(plane: Gray) -> NDArray[np.float32]:
        peaks = find_peaks(network.maps(plane[None])[0], MIN_LOGIT)
        half = np.stack([peaks.width, peaks.height], axis=1) / 2
        middles = np.stack([peaks.x, peaks.y], axis=1)
        return np.hstack([middles - half, middles + half]).astype(np.float32)

    return finds


def make_windows(
    composer: Composer,
    digits: Split,
    augmentation: Augmentation,
    seed: tuple[int, ...],
    count: int,
    finds: Finds | None = None,
) -> tuple[Split, Split]:
    """Windows to train or to judge on.

    Args:
        composer: of scenes.
        digits: those that crops hold, in the form of MNIST.
        augmentation: how crops are taken.
        seed: the same seed gives the same windows.
        count: how many.
        finds: whose false finds are background; None takes any place with ink.

    Returns:
        Windows of scenes: digits, signs and background, and those of crops; uint8 [N, 28, 28] with places in LABELS or
        BACKGROUND.
    """
    wanted = round(_OF_SCENES * count)
    pictures: list[Gray] = []
    classes: list[int] = []
    scene_number = 0
    while len(pictures) < wanted:
        plane, scene = make_scene(composer, (*seed, scene_number), unwritten=_UNWRITTEN)
        rng = np.random.default_rng((*seed, scene_number, 1))
        for box, label in _boxes(plane, scene, rng, finds):
            pictures.append(window(plane, box))
            classes.append(label)
        scene_number += 1
    scenes = Split(np.stack(pictures[:wanted]), np.array(classes[:wanted], np.int64))
    return scenes, make_crops(digits, augmentation, (*seed, 2), count - wanted)


def make_crops(digits: Split, augmentation: Augmentation, seed: tuple[int, ...], count: int) -> Split:
    """Windows of crops that hold one digit each, or something of its size that is none, scanned or photographed."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((count, SIDE, SIDE), np.uint8)
    chosen = rng.integers(0, len(digits), count)
    drawn = rng.random(count) < _NEGATIVES
    classes = np.where(drawn, BACKGROUND, digits.classes[chosen])
    for place, (index, other) in enumerate(zip(chosen, rng.integers(0, len(digits), count), strict=True)):
        shown = negative(rng, digits.pictures, digits.classes) if drawn[place] else digits.pictures[index]
        shot, strokes = shoot(shown, int(classes[place]), digits.pictures[other], rng, augmentation)
        if rng.random() >= augmentation.disturbed:
            pictures[place] = normalize_window(shot)
            continue
        spoilt = disturb(shot, strokes, rng)
        pictures[place] = _found(spoilt, strokes, rng) if rng.random() < _FOUND else normalize_window(spoilt)
    return Split(pictures, classes)


def _found(shot: Gray, strokes: Gray, rng: np.random.Generator) -> Gray:
    """The window around the strokes of a crop, nearly: as `normalize_window`, where not all ink is the digit's."""
    ringed, ring = with_ring(shot)
    box = np.array([ink_box(strokes)], np.float64) + ring  # [1, 4]
    x1, y1, x2, y2 = _jittered(box, rng)[0].tolist()
    return window(local_contrast(ringed), (x1, y1, x2, y2))


def _boxes(plane: Gray, scene: Scene, rng: np.random.Generator, finds: Finds | None) -> list[tuple[Box, int]]:
    """Boxes of the digits and signs of a scene, nearly, and as many of its background as digits, or one.

    What is found in vain is background first, and up to twice as much or more of it.
    """
    known = scene.classes >= 0
    jittered = _jittered(scene.boxes[known], rng)
    found: list[tuple[Box, int]] = [
        ((x1, y1, x2, y2), int(label))
        for (x1, y1, x2, y2), label in zip(jittered.tolist(), scene.classes[known], strict=True)
    ]
    wanted = max(1, int((known & (scene.classes < 10)).sum()))
    false = [] if finds is None else _false_finds(finds(plane), scene, max(2 * wanted, _FALSE_FINDS), rng)
    anywhere = _background(plane, scene.boxes, max(wanted - len(false), 0), rng)
    return found + [(box, BACKGROUND) for box in (*false, *anywhere)]


def _jittered(boxes: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.floating]:
    """Boxes, float [N, 4], off by what a finder is."""
    sides = boxes[:, 2:] - boxes[:, :2]  # [N, 2]
    middles = (boxes[:, 2:] + boxes[:, :2]) / 2 + sides * rng.normal(0, _PLACE_JITTER, sides.shape)
    halves = sides * np.exp(rng.normal(0.0, _SIZE_JITTER, sides.shape)) / 2
    return np.hstack([middles - halves, middles + halves])


def _false_finds(finds: NDArray[np.float32], scene: Scene, most: int, rng: np.random.Generator) -> list[Box]:
    """Of boxes in which something was found, those that hold nothing of what is there, or a part of one character."""
    found: list[Box] = []
    for x1, y1, x2, y2 in rng.permutation(finds).tolist():
        box = (x1, y1, x2, y2)
        if len(found) < most and _is_false(box, scene):
            found.append(box)
    return found


def _is_false(box: Box, scene: Scene) -> bool:
    """Whether a box shows nothing that is there, or a part of a digit or sign, such as the stem of a four."""
    held = _held(box, scene.boxes)
    if not held.any():
        return True
    if (scene.classes[held] < 0).any():  # it may be found or not
        return False
    shared, areas, area = shared_areas(box, scene.boxes), _areas(scene.boxes), (box[2] - box[0]) * (box[3] - box[1])
    whole = shared >= _WHOLE * (areas + area - shared)
    inside = (shared >= _INSIDE * area) & (area <= _PART * areas)
    return bool(not whole.any() and inside.any())


def _background(plane: Gray, boxes: NDArray[np.float32], wanted: int, rng: np.random.Generator) -> list[Box]:
    """Boxes on ink that hold no digit's middle and little of any digit."""
    ys, xs = np.nonzero(plane > _INK)
    found: list[Box] = []
    if len(ys) == 0:
        return found
    for _ in range(_TRIES * wanted):
        at = int(rng.integers(len(ys)))
        height = float(np.exp(rng.uniform(*np.log(_HEIGHTS))))
        width = height * float(rng.uniform(*_WIDTHS))
        x, y = xs[at] + width * rng.uniform(-0.4, 0.4), ys[at] + height * rng.uniform(-0.4, 0.4)
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        if not _held(box, boxes).any():
            found.append(box)
            if len(found) == wanted:
                break
    return found


def _held(box: Box, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Of which boxes, [N, 4], another holds the middle, or much: bool [N]."""
    x1, y1, x2, y2 = box
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    middles = (x1 <= x) & (x <= x2) & (y1 <= y) & (y <= y2)
    shared = shared_areas(box, boxes)
    return np.asarray(middles | (shared >= _MAX_IOU * (_areas(boxes) + (x2 - x1) * (y2 - y1) - shared)))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
