"""Networks by name. Each takes float pictures 0..255 [N, 28, 28, 1] and gives logits [N, classes].

Scaling to 0..1 is part of the network, so that whatever holds the weights knows how pixels are scaled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge_digits.errors import UsageError
from edge_digits.maps import EXTRA

if TYPE_CHECKING:
    import keras


def check(name: str) -> None:
    """Refuse a name before anything is done for it.

    Raises:
        UsageError: no architecture of that name.
    """
    if name not in (*ARCHITECTURES, FINDER):
        raise UsageError(f"no architecture {name!r}; there are: {', '.join(sorted(ARCHITECTURES))}")


def build(name: str, classes: int, dropout: float) -> keras.Model:
    """Build an architecture with fresh weights.

    Raises:
        UsageError: no architecture of that name.
    """
    check(name)
    import keras

    image = keras.Input((28, 28, 1), name="image")
    features = ARCHITECTURES[name](keras.layers.Rescaling(1 / 255, name="scale")(image))
    if dropout:
        features = keras.layers.Dropout(dropout, name="dropout")(features)
    logits = keras.layers.Dense(classes, name="logits")(features)
    return keras.Model(image, logits, name=name)


def stem5(x: Any) -> Any:
    """A 5x5 stem of stride 2, four 3x3 convolutions, weighted pooling: 77,162 parameters for ten classes.

    Nothing runs at 28x28: the full-resolution layers of a usual MNIST network cost most of its time and win least.
    """
    x = _conv(x, 32, 5, stride=2)
    x = _conv(x, 32, 3)
    x = _conv(x, 48, 3, stride=2)
    x = _conv(x, 48, 3)
    x = _conv(x, 64, 3)
    return _weigh(x)


def build_finder(classes: int, width: int = 64) -> keras.Model:
    """A finder (`edge_digits.maps`): float levelled ink 0..255 [N, H, W, 1] -> [N, H/8, W/8, 4 x (classes + 4)].

    Convolutions alone, most of them at an eighth of the resolution, where they cost a fourth and see twice as far.
    """
    import keras
    import numpy as np

    image = keras.Input((None, None, 1), name="image")
    x = keras.layers.Rescaling(1 / 255, name="scale")(image)
    x = _conv(x, 16, 5, stride=2)
    x = _conv(x, 32, 3, stride=2)
    x = _conv(x, 32, 3)
    x = _conv(x, width, 3, stride=2)
    for _ in range(2):
        y = _conv(_conv(x, width, 3), width, 3)
        x = keras.layers.Add()([x, y])
    x = _conv(x, width, 3)
    maps = keras.layers.Conv2D(4 * (classes + EXTRA), 1, name="maps")
    model = keras.Model(image, maps(x), name=FINDER)
    # Nearly no place is the middle of a digit: begin there (Lin et al. 2017, focal loss).
    maps.bias.assign(np.tile(np.array([-4.0] * classes + [0.0] * EXTRA, np.float32), 4))
    return model


def _conv(x: Any, filters: int, size: int, stride: int = 1) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))


def _weigh(x: Any) -> Any:
    """Pool each 7x7 plane by weights of its own: a global depthwise convolution (Chen et al. 2018, MobileFaceNets)."""
    from keras import layers

    x = layers.DepthwiseConv2D(7, padding="valid", use_bias=False)(x)
    return layers.Reshape((64,))(layers.BatchNormalization(momentum=0.95)(x))


#: The one that `build_finder` builds.
FINDER = "finder"
ARCHITECTURES: dict[str, Callable[[Any], Any]] = {"stem5": stem5}
