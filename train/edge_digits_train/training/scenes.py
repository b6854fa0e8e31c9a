"""Composed scenes as a network sees them, made by worker processes while it trains on those of the epoch before."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.find.scene import RING
from edge_digits.imaging.contrast import local_contrast
from edge_digits.imaging.pixels import Gray
from edge_digits_train.datasets.data import BACKGROUND, Split, Trace
from edge_digits_train.pool import start_worker
from edge_digits_train.synthesis.scenes import Composer, Scene
from edge_digits_train.synthesis.scenes.sheets import cut_classes, paste
from edge_digits_train.training.redrawn import Redrawn
from edge_digits_train.training.targets import Targets, encode, target_shape

#: Height and width of a training scene, pixels.
TILE = (80, 160)
#: Scenes that a worker makes at a time.
_CHUNK = 250
#: Share of scenes that are photographed at fewer pixels, and the range of the factors.
_COARSE, _COARSER = 0.25, (0.45, 0.85)
#: Share of scenes of which a part is seen as a picture of its own, and what is cut off at each side, at most.
_CUT, _CUT_OFF = 0.15, 0.35
#: Share of those whose rim ends there; those of others go on for `find.scene.RING` pixels.
_BARE = 0.5
#: Share of scenes that are shown paler, and the range of the factors.
_PALE, _PALER = 0.3, (0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes as a network sees them.

    Attributes:
        planes: their local contrast, uint8 [N, 80, 160].
        truth: what is in them, float32 [M, 6], as `heatmap.score` takes it, scene by scene.
    """

    planes: NDArray[np.uint8]
    truth: NDArray[np.float32]


def seen(gray: Gray, rng: np.random.Generator) -> Gray:
    """The local contrast of a scene, as a network sees it: of some, at fewer pixels."""
    height, width = gray.shape
    if rng.random() < _COARSE:
        size = (round(width * rng.uniform(*_COARSER)), round(height * rng.uniform(*_COARSER)))
        small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        gray = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return local_contrast(gray)


def make_scene(composer: Composer, seed: tuple[int, ...], *, unwritten: float = 0.0) -> tuple[Gray, Scene]:
    """A scene and what a network sees of it; `unwritten` is the share of scenes without writing beside the usual."""
    rng = np.random.default_rng(seed)
    scene = composer.nothing(rng, *TILE) if unwritten and rng.random() < unwritten else composer.scene(rng, *TILE)
    if rng.random() < _CUT:
        return _cut(scene, rng)
    return seen(scene.gray, rng), scene


def make_scenes(composer: Composer, seed: tuple[int, ...], numbers: Sequence[int]) -> Scenes:
    """Scenes by number; the same seed and number give the same scene."""
    planes = np.empty((len(numbers), *TILE), np.uint8)
    rows = [np.zeros((0, 6), np.float32)]
    for place, number in enumerate(numbers):
        planes[place], scene = make_scene(composer, (*seed, number))
        of_scene = np.column_stack([np.full(len(scene.classes), place), scene.boxes, scene.classes])  # [m, 6]
        rows.append(of_scene[scene.classes != BACKGROUND].astype(np.float32))
    return Scenes(planes, np.concatenate(rows))


def _cut(scene: Scene, rng: np.random.Generator) -> tuple[Gray, Scene]:
    """A part of a scene as the runner shows it to the network, in its place: nothing lies beyond its rim."""
    (height, width), off = scene.gray.shape, rng.uniform(0.0, _CUT_OFF, 4)
    top, bottom = round(off[0] * height), height - round(off[1] * height)
    left, right = round(off[2] * width), width - round(off[3] * width)
    part = seen(scene.gray[top:bottom, left:right], rng)
    plane = np.zeros_like(scene.gray)
    if rng.random() < _BARE:
        plane[top:bottom, left:right] = part
    else:
        ringed, (y, x) = np.pad(part, RING, "edge"), (top - RING, left - RING)
        paste(plane, ringed, x, y)
    inside = cut_classes(scene.boxes, scene.classes, (left, top, right, bottom))
    return plane, Scene(scene.gray, scene.boxes, inside)


class SceneEpochs(Redrawn[Scenes]):
    """Makes the scenes of any epoch; the same seed and epoch give the same scenes in the same order."""

    def __init__(self, train: Split, traces: Sequence[Trace], scenes: int, seed: int, redraw: int) -> None:
        """Args:
        train: digits that scenes are composed of.
        traces: pen trajectories that they are composed of as well.
        scenes: an epoch.
        seed: decides all that is random.
        redraw: epochs that scenes serve, in another order each, before they are composed anew.
        """
        super().__init__(redraw, _start_worker, train, traces)
        self._scenes, self._seed = scenes, seed

    def make(self, epoch: int, *, until: int) -> tuple[NDArray[np.uint8], Targets]:
        """Pictures, uint8 [N, 80, 160], and targets of an epoch; begins to make what follows before epoch `until`."""
        scenes, rng = self._of(epoch, until), np.random.default_rng((self._seed, epoch, 1 << 20))
        order = rng.permutation(self._scenes)
        parts = np.split(scenes.truth, np.searchsorted(scenes.truth[:, 0], np.arange(1, self._scenes)))
        # Made of what is in the scenes only here: targets are fifty times as large, and would be sent and copied.
        targets = np.empty((self._scenes, *target_shape(TILE)), np.float16)
        for target, number in zip(targets, order.tolist(), strict=True):
            target[:] = encode(parts[number][:, 1:5], parts[number][:, 5], TILE)
        return _paler(scenes.planes[order], rng), targets

    def _submit(self, pool: ProcessPoolExecutor, number: int) -> list[Future[Scenes]]:
        starts = range(0, self._scenes, _CHUNK)
        return [
            pool.submit(_make_chunk, (self._seed, number), range(start, min(start + _CHUNK, self._scenes)))
            for start in starts
        ]

    def _joined(self, parts: list[Scenes]) -> Scenes:
        starts = np.cumsum([0, *(len(part.planes) for part in parts)])
        for part, start in zip(parts, starts.tolist(), strict=False):
            part.truth[:, 0] += start
        return Scenes(np.concatenate([part.planes for part in parts]), np.concatenate([part.truth for part in parts]))


_composer: Composer | None = None


def _start_worker(train: Split, traces: Sequence[Trace]) -> None:
    global _composer  # noqa: PLW0603  # sixty thousand digits are sent to a process once, not with each chunk
    start_worker()
    _composer = Composer(train.pictures, train.classes, traces)


def _make_chunk(seed: tuple[int, ...], numbers: Sequence[int]) -> Scenes:
    assert _composer is not None
    return make_scenes(_composer, seed, numbers)


def _paler(planes: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Some of the planes made paler: what stands beside ink that is stronger by far is levelled by that."""
    pale = np.flatnonzero(rng.random(len(planes)) < _PALE)
    for place, factor in zip(pale, rng.uniform(*_PALER, len(pale)).tolist(), strict=True):
        planes[place] = cv2.convertScaleAbs(planes[place], alpha=factor)
    return planes
