"""Windows, bent a little in another way for each epoch, so that none of those that serve several is seen twice."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_digits_train.datasets.data import Pictures

#: Standard deviations: of the rotation, radians, and the shear; of the logarithm of the zoom along x and y; of the
#: shift, pixels. Finds differ by about as much.
_TURN, _SHEAR, _ZOOM, _SHIFT = 0.05, 0.05, 0.04, 0.5


def bend(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Windows, uint8 [N, S, S], each by a small affine map about its middle; beyond the rim it goes on as there."""
    bent, side = np.empty_like(pictures), pictures.shape[1]
    maps = _maps(len(pictures), (side - 1) / 2, rng)
    for picture, matrix, into in zip(pictures, maps, bent, strict=True):
        cv2.warpAffine(picture, matrix, (side, side), into, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    return bent


def _maps(count: int, middle: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Maps of the plane that hardly move a point near `middle`: float64 [N, 2, 3], as OpenCV takes them."""
    turn, shear = rng.normal(0.0, (_TURN, _SHEAR), (count, 2)).T
    zoom_x, zoom_y = np.exp(rng.normal(0.0, _ZOOM, (2, count)))
    linear = np.array([[zoom_x, shear - turn], [turn, zoom_y]]).transpose(2, 0, 1)  # [N, 2, 2]
    shift = middle - middle * linear.sum(axis=2) + rng.normal(0.0, _SHIFT, (count, 2))
    return np.concatenate([linear, shift[:, :, None]], axis=2)
