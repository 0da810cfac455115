"""Inception: windows of several sizes side by side.

Szegedy et al., 2016, *Rethinking the Inception Architecture for Computer Vision*, table 1, figures 5 to 7 and 10.
"""

from __future__ import annotations

from typing import Any

from .. import layers
from .building import Request, architecture, channel_axis
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["InceptionV3", "chain", "conv", "decode_predictions", "inception_stem", "join", "preprocess_input"]


def conv(x: Any, filters: int, height: int = 1, width: int = 1, stride: int = 1, padding: str = "same") -> Any:
    """Convolution, normalisation without scale (the rectifier passes it on), rectifier."""
    x = layers.Conv2D(filters, (height, width), strides=stride, padding=padding, use_bias=False)(x)
    x = layers.BatchNormalization(axis=channel_axis(), scale=False)(x)
    return layers.Activation("relu")(x)


def chain(x: Any, *steps: tuple[int, int, int]) -> Any:
    """One convolution after another: filters, height, width of each."""
    for filters, height, width in steps:
        x = conv(x, filters, height, width)
    return x


def join(branches: list[Any], name: str | None = None) -> Any:
    """Feature maps side by side."""
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def inception_stem(x: Any) -> Any:
    """Five convolutions and two poolings: to an eighth of height and width."""
    x = conv(x, 32, 3, 3, 2, "valid")
    x = conv(x, 32, 3, 3, 1, "valid")
    x = conv(x, 64, 3, 3)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = conv(x, 80, 1, 1, 1, "valid")
    x = conv(x, 192, 3, 3, 1, "valid")
    return layers.MaxPooling2D(3, strides=2)(x)


def _pooled(x: Any, filters: int) -> Any:
    return conv(layers.AveragePooling2D(3, strides=1, padding="same")(x), filters)


def _square(x: Any, pooled: int, name: str) -> Any:
    """Figure 5: 1×1, 5×5, and 5×5 as two of 3×3."""
    branches = [
        conv(x, 64),
        chain(x, (48, 1, 1), (64, 5, 5)),
        chain(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
        _pooled(x, pooled),
    ]
    return join(branches, name)


def _factorised(x: Any, f: int, name: str) -> Any:
    """Figure 6: 7×7 as 1×7 and 7×1, once and twice."""
    branches = [
        conv(x, 192),
        chain(x, (f, 1, 1), (f, 1, 7), (192, 7, 1)),
        chain(x, (f, 1, 1), (f, 7, 1), (f, 1, 7), (f, 7, 1), (192, 1, 7)),
        _pooled(x, 192),
    ]
    return join(branches, name)


def _widened(x: Any, index: int) -> Any:
    """Figure 7: 1×3 beside 3×1, for the coarsest maps."""
    one = conv(x, 320)
    two = conv(x, 384)
    two = join([conv(two, 384, 1, 3), conv(two, 384, 3, 1)], f"mixed9_{index}")
    three = chain(x, (448, 1, 1), (384, 3, 3))
    three = join([conv(three, 384, 1, 3), conv(three, 384, 3, 1)])
    return join([one, two, three, _pooled(x, 192)], f"mixed{9 + index}")


def _features(x: Any, request: Request) -> Any:
    x = inception_stem(x)
    for i, pooled in enumerate((32, 64, 64)):
        x = _square(x, pooled, f"mixed{i}")

    # Figure 10: halve the resolution by strided windows beside pooling.
    one = conv(x, 384, 3, 3, 2, "valid")
    two = conv(chain(x, (64, 1, 1), (96, 3, 3)), 96, 3, 3, 2, "valid")
    x = join([one, two, layers.MaxPooling2D(3, strides=2)(x)], "mixed3")
    for i, filters in enumerate((128, 160, 160, 192), 4):
        x = _factorised(x, filters, f"mixed{i}")

    one = conv(conv(x, 192), 320, 3, 3, 2, "valid")
    two = conv(chain(x, (192, 1, 1), (192, 1, 7), (192, 7, 1)), 192, 3, 3, 2, "valid")
    x = join([one, two, layers.MaxPooling2D(3, strides=2)(x)], "mixed8")
    for i in range(2):
        x = _widened(x, i)
    return x


InceptionV3 = architecture("InceptionV3", "inception_v3", "Inception, the third version.", 299, _features, smallest=75)
preprocess_input = preprocessing("tf", "InceptionV3")
