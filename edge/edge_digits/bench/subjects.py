"""What is timed: the model's session alone, or all that `predict` does with a picture in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import cycle

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits.bench.pictures import Picture
from edge_digits.examination import Examination
from edge_digits.inference.session import Model
from edge_digits.normalize import SIDE, normalize
from edge_digits.reader import DigitReader

#: The steps of a picture that `Reading.speed_ms` has the times of.
_STEPS = ("decode", "find", "normalize", "infer")


class ModelAlone:
    """One inference of one digit, as the network sees it.

    Attributes:
        model: the model.
        cycle: calls after which the same work comes again.
        pictures: how many pictures take turns.
    """

    cycle = 1
    pictures = 0

    def __init__(self, model: str | os.PathLike[str], threads: int) -> None:
        self.model = Model.load(model, threads=threads)
        self.call = partial(self.model.run, _digit())

    def reader(self) -> DigitReader:
        """A reader with this model, to find out how well it reads."""
        return DigitReader.load(self.model.path)


class Pipeline:
    """Pictures read one after the other, from their bytes in memory to the result.

    Attributes:
        model: the classifier.
        cycle: the number of pictures.
        pictures: their number.
        times: of each step, the milliseconds of every call that was kept.
    """

    def __init__(self, model: str | os.PathLike[str], threads: int, pictures: Sequence[Picture]) -> None:
        cv2.setNumThreads(threads)
        self._reader = DigitReader.load(model, threads=threads)
        self.model = self._reader.model
        self.cycle = self.pictures = len(pictures)
        self.times: dict[str, list[float]] = {step: [] for step in _STEPS}
        self._next = cycle(pictures).__next__

    def call(self) -> Examination:
        """Read the next picture."""
        picture = self._next()
        return self._reader.examine_bytes(picture.content, picture.name)

    def keep(self, result: Examination) -> None:
        """Note how long each step took."""
        for step, times in self.times.items():
            times.append(result.reading.speed_ms[step])

    def reader(self) -> DigitReader:
        """The reader that is timed."""
        return self._reader


def _digit() -> NDArray[np.uint8]:
    """A digit that everybody has, uint8 [1, 28, 28]: OpenCV's 4. The time of an inference is the same for all."""
    paper = np.full((112, 112), 255, np.uint8)
    cv2.putText(paper, "4", (28, 86), cv2.FONT_HERSHEY_SIMPLEX, 2.8, 0, 5, cv2.LINE_AA)
    return normalize(paper).reshape(1, SIDE, SIDE)
