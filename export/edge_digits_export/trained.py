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


@dataclass(frozen=True)
class Judged:
    """Pictures as the model sees them, uint8 [N, H, W], with what is in them.

    Of a reader of single digits: classes, int64 [N], -1 for what is no digit. Of a finder: digits, float32 [M, 6], as
    `edge_digits.inference.heatmap.recall_and_precision` takes them.
    """

    pictures: NDArray[np.uint8]
    truth: NDArray[Any]


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        model: path of the Keras model.
        config: what `config.json` says of recipe, seed, data, commit.
        labels: the text of each class.
        calibration: training pictures, uint8 [N, 28, 28], for quantization.
        validation, test: what the exported files are judged on.
        finder: whether it finds digits in pages, and does not read single ones.
    """

    model: Path
    config: dict[str, Any]
    labels: tuple[str, ...]
    calibration: NDArray[np.uint8]
    validation: Judged
    test: Judged
    finder: bool

    @property
    def background(self) -> bool:
        """Whether the network was taught what is no digit."""
        return not self.finder and bool((self.validation.truth < 0).any())


def load(folder: Path) -> Trained:
    """Read a run folder.

    Raises:
        SourceError: it is no run folder, or its run has not ended.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such run folder. Make one with: edge-digits train -o {folder}")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        labels = tuple(config["labels"])
    except (OSError, ValueError, KeyError, TypeError):
        raise SourceError(
            f"{folder}: is no run folder: it has no readable config.json. Make one with: edge-digits train"
        ) from None
    try:
        with (folder / "pictures.npz").open("rb") as stream:  # numpy leaves a broken file open
            arrays = dict(np.load(stream))
        finder = "validation_truth" in arrays
        truth = "truth" if finder else "classes"
        validation, test = (Judged(arrays[part], arrays[f"{part}_{truth}"]) for part in ("validation", "test"))
        calibration = arrays["calibration"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, zipfile.BadZipFile):
        if (folder / "results.json").is_file():
            raise SourceError(
                f"{folder / 'pictures.npz'}: is missing or broken. Train anew: edge-digits train -o {folder} --force"
            ) from None
        raise SourceError(
            f"{folder}: this run was stopped before its first epoch. Go on with: edge-digits train -o {folder} --resume"
        ) from None
    return Trained(folder / "model.keras", config, labels, calibration, validation, test, finder)
