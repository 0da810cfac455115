"""Xception: Inception taken to its end, depthwise separable convolutions only.

Chollet, 2017, *Xception: Deep Learning with Depthwise Separable Convolutions*, figure 5.
"""

from __future__ import annotations

from typing import Any

from .. import layers
from .building import Request, architecture, channel_axis
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["Xception", "decode_predictions", "preprocess_input"]


def _norm(x: Any, name: str | None = None) -> Any:
    return layers.BatchNormalization(axis=channel_axis(-1), name=name)(x)


def _relu(x: Any, name: str) -> Any:
    return layers.Activation("relu", name=name)(x)


def _separable(x: Any, filters: int, name: str) -> Any:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return _norm(x, name + "_bn")


def _halving(x: Any, first: int, second: int, block: int) -> Any:
    """Two separable convolutions and pooling, beside a strided 1×1 convolution."""
    residual = layers.Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x)
    residual = _norm(residual)
    for i, filters in ((1, first), (2, second)):
        name = f"block{block}_sepconv{i}"
        if block > 2 or i > 1:  # the second block's input is rectified already
            x = _relu(x, name + "_act")
        x = _separable(x, filters, name)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.add([x, residual])


def _features(x: Any, request: Request) -> Any:
    for i, filters, stride in ((1, 32, 2), (2, 64, 1)):
        name = f"block1_conv{i}"
        x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=name)(x)
        x = _relu(_norm(x, name + "_bn"), name + "_act")
    for block, filters in ((2, 128), (3, 256), (4, 728)):
        x = _halving(x, filters, filters, block)
    for block in range(5, 13):
        residual = x
        for i in (1, 2, 3):
            name = f"block{block}_sepconv{i}"
            x = _separable(_relu(x, name + "_act"), 728, name)
        x = layers.add([x, residual])
    x = _halving(x, 728, 1024, 13)
    for i, filters in ((1, 1536), (2, 2048)):
        name = f"block14_sepconv{i}"
        x = _relu(_separable(x, filters, name), name + "_act")
    return x


Xception = architecture(
    "Xception", "xception", "Depthwise separable convolutions with residuals.", 299, _features, smallest=71
)
preprocess_input = preprocessing("tf", "Xception")
