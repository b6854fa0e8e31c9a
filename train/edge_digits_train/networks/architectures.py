"""Networks by name. Each takes float32 pictures 0..255 [N, 28, 28, 1] and gives logits float32 [N, classes].

Scaling to 0..1 is part of the network, so that whatever holds the weights knows how pixels are scaled. Parameters and
multiply-adds (of convolutions and matrix products) are those of a network for ten classes and one picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge_digits.errors import UsageError
from edge_digits.inference.heatmap import REGRESSION_CHANNELS

if TYPE_CHECKING:
    import keras


def check(name: str, *, finder: bool = False) -> None:
    """Refuse an unknown name before anything is done for it.

    Raises:
        UsageError: no architecture of that name, for a finder or for a reader of single digits.
    """
    known = [FINDER] if finder else sorted(ARCHITECTURES)
    if name not in known:
        raise UsageError(f"no architecture {name!r}; there are: {', '.join(known)}")


def build(name: str, classes: int, dropout: float) -> keras.Model:
    """Build an architecture with fresh weights: float32 [N, 28, 28, 1] -> logits float32 [N, classes].

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
    if name in SIGMOID:
        # Sigmoid outputs that are trained by cross-entropy are divided by their sum: a softmax of their logarithms.
        logits = keras.layers.Activation("log_sigmoid", name="log_sigmoid")(logits)
    return keras.Model(image, logits, name=name)


def stem5(x: Any) -> Any:
    """A 5x5 stem of stride 2, four 3x3 convolutions, weighted pooling: 77,162 parameters, 5,015,104 multiply-adds.

    Nothing runs at 28x28: the full-resolution layers of a usual MNIST network cost most of its time and gain least.
    """
    return _stem5(x, 32, 48, 64)


def wide(x: Any) -> Any:
    """`stem5` at twice its width, for others to learn from: 297,162 parameters, 19,739,264 multiply-adds."""
    return _stem5(x, 64, 96, 128)


def small(x: Any) -> Any:
    """As `stem5`, with two convolutions behind the stem: 19,410 parameters, 871,032 multiply-adds."""
    return _small(x, 16, 32, 40)


def nano(x: Any) -> Any:
    """As `small`, of half its width: 5,678 parameters, 237,948 multiply-adds."""
    return _small(x, 8, 16, 20)


def stem3(x: Any) -> Any:
    """As `stem5`, for a training of a minute: its stem, narrower, two convolutions, and no pooling.

    55,714 parameters, 1,665,216 multiply-adds.
    """
    return _flatten(_conv(_conv(_conv(x, 24, 5, stride=2), 48, 3, stride=2), 48, 3), 7 * 7 * 48)


def mlp(x: Any) -> Any:
    """Two dense layers of 50, and sigmoid outputs: 42,310 parameters, 42,200 multiply-adds."""
    from keras import layers

    x = layers.Reshape((28 * 28,))(x)
    for _ in range(2):
        x = layers.Dense(50, activation="relu")(x)
    return x


def cnn_1(x: Any) -> Any:
    """One convolution of 32 filters: 54,410 parameters, 248,768 multiply-adds."""
    return _flatten(_conv_pool(x, 32), 13 * 13 * 32)


def cnn_2(x: Any) -> Any:
    """Convolutions of 32 and 64 filters: 34,826 parameters, 2,440,960 multiply-adds."""
    return _flatten(_conv_pool(_conv_pool(x, 32), 64), 5 * 5 * 64)


def cnn_bn(x: Any) -> Any:
    """Two pairs of batch-normalised convolutions, a dense layer of 64: 117,722 parameters, 4,729,728 multiply-adds."""
    from keras import layers

    for filters in (16, 32):
        x = layers.MaxPooling2D()(_conv(_conv(x, filters, 3), filters, 3))
    return layers.Dense(64, activation="relu")(layers.Dropout(0.25, name="dropout_flat")(_flatten(x, 7 * 7 * 32)))


def lenet(x: Any) -> Any:
    """LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998) with plain average pooling and fully connected feature maps.

    61,706 parameters, 416,520 multiply-adds.
    """
    from keras import layers

    for filters, padding in ((6, "same"), (16, "valid")):
        x = layers.Conv2D(filters, 5, padding=padding, activation="tanh")(x)
        x = layers.AveragePooling2D(2)(x)
    x = _flatten(x, 5 * 5 * 16)
    for width in (120, 84):
        x = layers.Dense(width, activation="tanh")(x)
    return x


def resnet(x: Any) -> Any:
    """Three residual blocks (He, Zhang, Ren and Sun 2016) of 16, 32 and 64 filters.

    78,426 parameters, 9,345,920 multiply-adds.
    """
    from keras import layers

    x = _conv(x, 16, 3)
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = _conv_norm(_conv(x, filters, 3, stride), filters, 3)
        x = x if stride == 1 else _conv_norm(x, filters, 1, stride)
        x = layers.ReLU()(layers.Add()([x, y]))
    return layers.GlobalAveragePooling2D()(x)


def build_finder(classes: int, width: int = 64, blocks: int = 3) -> keras.Model:
    """A finder (`inference.heatmap`): float pictures 0..255 [N, H, W, 1] -> [N, H/8, W/8, 4 x (classes + 4)].

    Fully convolutional; most layers work at an eighth of the resolution, where they cost a fourth of what they would at
    a quarter and see twice as far. Of width 64 with three residual blocks, it has 299,832 parameters for 22 classes.
    """
    import keras
    import numpy as np

    image = keras.Input((None, None, 1), name="image")
    x = keras.layers.Rescaling(1 / 255, name="scale")(image)
    x = _conv(x, 16, 5, stride=2)
    x = _conv(x, 32, 3, stride=2)
    x = _conv(x, 32, 3)
    x = _conv(x, width, 3, stride=2)
    for _ in range(blocks):
        y = _conv(_conv(x, width, 3), width, 3)
        x = keras.layers.Add()([x, y])
    x = _conv(x, width, 3)
    maps = keras.layers.Conv2D(4 * (classes + REGRESSION_CHANNELS), 1, name="maps")
    model = keras.Model(image, maps(x), name=FINDER)
    # Nearly no cell is the middle of a digit: start with that prior (Lin et al. 2017, focal loss).
    maps.bias.assign(np.tile(np.array([-4.0] * classes + [0.0] * REGRESSION_CHANNELS, np.float32), 4))
    return model


def _stem5(x: Any, at_half: int, at_quarter: int, last: int) -> Any:
    """So many filters at half and at a quarter of the resolution, and in the last convolution."""
    x = _conv(_conv(x, at_half, 5, stride=2), at_half, 3)
    x = _conv(_conv(x, at_quarter, 3, stride=2), at_quarter, 3)
    return _weighted_pool(_conv(x, last, 3), last)


def _small(x: Any, at_half: int, at_quarter: int, last: int) -> Any:
    """As `_stem5`, with one convolution fewer at either resolution."""
    return _weighted_pool(_conv(_conv(_conv(x, at_half, 5, stride=2), at_quarter, 3, stride=2), last, 3), last)


def _conv(x: Any, filters: int, size: int, stride: int = 1) -> Any:
    from keras import layers

    return layers.ReLU()(_conv_norm(x, filters, size, stride))


def _conv_norm(x: Any, filters: int, size: int, stride: int = 1) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.95)(x)


def _conv_pool(x: Any, filters: int) -> Any:
    from keras import layers

    return layers.MaxPooling2D()(layers.Conv2D(filters, 3, activation="relu")(x))


def _flatten(x: Any, size: int) -> Any:
    """Like Flatten, which would leave shape arithmetic behind in an exported file."""
    from keras import layers

    return layers.Reshape((size,))(x)


def _weighted_pool(x: Any, width: int) -> Any:
    """Pool each 7x7 map by weights of its own: a global depthwise convolution (Chen et al. 2018, MobileFaceNets)."""
    from keras import layers

    x = layers.DepthwiseConv2D(7, padding="valid", use_bias=False)(x)
    return layers.Reshape((width,))(layers.BatchNormalization(momentum=0.95)(x))


#: The family of readers by size.
SIZES = {"nano": "nano", "small": "small", "base": "stem5"}
#: What `build_finder` builds.
FINDER = "finder"
#: Networks whose outputs are sigmoids.
SIGMOID = frozenset({"mlp"})
ARCHITECTURES: dict[str, Callable[[Any], Any]] = {
    "stem5": stem5,
    "wide": wide,
    "small": small,
    "nano": nano,
    "stem3": stem3,
    "mlp": mlp,
    "cnn-1": cnn_1,
    "cnn-2": cnn_2,
    "cnn-bn": cnn_bn,
    "lenet": lenet,
    "resnet": resnet,
}
