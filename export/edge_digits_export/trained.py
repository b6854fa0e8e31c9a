"""What a training run left behind, as far as export needs it."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import SourceError
from edge_digits.inference import run_files
from edge_digits_export.tasks import TASKS, Task


@dataclass(frozen=True)
class Evaluated:
    """Pictures to judge a network on, uint8 [N, H, W], as it sees them, and what is in them, as its task has it."""

    pictures: NDArray[np.uint8]
    truth: NDArray[Any]


@dataclass(frozen=True)
class TrainedRun:
    """A run folder whose network can be exported.

    Attributes:
        model: path of the Keras model.
        task: what it was trained to do.
        config: what `run_files.CONFIG` says of recipe, seed, data, commit.
        labels: the text of each class.
        epochs: that were trained: fewer than the recipe's where the run was stopped.
        calibration: training pictures, uint8 [N, H, W], for quantization.
        validation, test: what the exported files are judged on.
    """

    model: Path
    task: Task
    config: dict[str, Any]
    labels: tuple[str, ...]
    epochs: int
    calibration: NDArray[np.uint8]
    validation: Evaluated
    test: Evaluated

    @property
    def background(self) -> bool:
        """Whether the network was taught what is no digit."""
        return self.task.background(self.validation.truth)


def load(folder: Path) -> TrainedRun:
    """Read a run folder.

    Raises:
        SourceError: it is no run folder, or its run has not ended.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such run folder. Make one with: edge-digits train -o {folder}")
    try:
        config = json.loads((folder / run_files.CONFIG).read_text(encoding="utf-8"))
        labels = tuple(config["labels"])
        task = TASKS[config["recipe"]["task"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise SourceError(
            f"{folder}: is no run folder: it has no readable config.json. Make one with: edge-digits train"
        ) from None
    try:
        with (folder / run_files.PICTURES).open("rb") as stream:  # numpy leaves a broken file open
            arrays = dict(np.load(stream))
        validation = Evaluated(arrays[run_files.VALIDATION], arrays[task.truth[0]])
        test = Evaluated(arrays[run_files.TEST], arrays[task.truth[1]])
        calibration = arrays[run_files.CALIBRATION]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, zipfile.BadZipFile):
        if (folder / run_files.RESULTS).is_file():
            raise SourceError(
                f"{folder / run_files.PICTURES}: is missing or broken. "
                f"Train anew: edge-digits train -o {folder} --force"
            ) from None
        raise SourceError(
            f"{folder}: this run was stopped before its first epoch. Go on with: edge-digits train -o {folder} --resume"
        ) from None
    return TrainedRun(folder / run_files.MODEL, task, config, labels, _epochs(folder), calibration, validation, test)


def _epochs(folder: Path) -> int:
    """Rows of the history below its header; 0 where a run was stopped within its first epoch."""
    try:
        return len((folder / run_files.HISTORY).read_text(encoding="utf-8").splitlines()) - 1
    except OSError:
        return 0
