"""Arrays of pictures and classes, as files hold them -> a split as networks are trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_digits.errors import PictureError
from edge_digits.imaging.pixels import to_gray
from edge_digits.normalize import SIDE, normalize
from edge_digits_train.datasets.data import MAX_CLASSES, DataError, Split


def checked_split(pictures: NDArray[Any], classes: NDArray[Any], x_name: str, y_name: str) -> Split:
    """Check pictures against their classes, and normalise those that are not 28x28 and white on black.

    Raises:
        DataError: names what is wrong, by `x_name` and `y_name`.
    """
    if pictures.ndim == 4 and pictures.shape[3] == 1:
        pictures = pictures[..., 0]
    if pictures.ndim != 3 or classes.ndim != 1 or len(pictures) != len(classes):
        raise DataError(
            f"{x_name} is of shape {pictures.shape}, {y_name} of {classes.shape}: sizes disagree. "
            "Wanted: pictures [N, height, width] and as many classes [N]"
        )
    if classes.dtype.kind not in "ui":
        raise DataError(f"{y_name} is of dtype {classes.dtype}: classes are whole numbers from 0")
    if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < MAX_CLASSES:
        raise DataError(
            f"{y_name} holds classes from {classes.min()} to {classes.max()}: outside 0 to {MAX_CLASSES - 1}"
        )
    if not len(pictures):
        raise DataError(f"{x_name} holds no pictures")
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (SIDE, SIDE):
        try:
            pictures = np.stack([normalize(to_gray(picture)) for picture in pictures])
        except PictureError as error:
            raise DataError(f"{x_name}: {error}") from None
    else:
        # Augmentation bends white ink on black: dark ink on light paper becomes that first.
        dark = np.flatnonzero((pictures > 127).mean(axis=(1, 2)) > 0.5)
        if len(dark):
            pictures = pictures.copy()
            pictures[dark] = [normalize(picture) for picture in pictures[dark]]
    return Split(pictures, classes.astype(np.int64))
