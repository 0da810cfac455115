"""Densely connected networks: each layer sees the outputs of all layers before it.

Huang et al., 2017, *Densely Connected Convolutional Networks*, table 1, growth rate 32.
"""

from __future__ import annotations

from typing import Any

from .. import layers
from .building import Request, architecture, channel_axis, named_pool
from .imagenet_utils import decode_predictions, preprocessing
from .resnet import norm, relu

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

_GROWTH = 32


def _layer(x: Any, name: str) -> Any:
    """What is known so far, and 32 feature maps more."""
    new = relu(norm(x, name + "_0_bn"), name + "_0_relu")
    new = layers.Conv2D(4 * _GROWTH, 1, use_bias=False, name=name + "_1_conv")(new)
    new = relu(norm(new, name + "_1_bn"), name + "_1_relu")
    new = layers.Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=name + "_2_conv")(new)
    return layers.Concatenate(axis=channel_axis(), name=name + "_concat")([x, new])


def _transition(x: Any, name: str) -> Any:
    """Half of the feature maps, at half the resolution."""
    x = relu(norm(x, name + "_bn"), name + "_relu")
    x = layers.Conv2D(x.shape[channel_axis()] // 2, 1, use_bias=False, name=name + "_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=name + "_pool")(x)


def _densenet(count: int, depths: tuple[int, ...]) -> Any:
    def features(x: Any, request: Request) -> Any:
        x = layers.ZeroPadding2D(3)(x)
        x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
        x = relu(norm(x, "conv1_bn"), "conv1_relu")
        x = layers.ZeroPadding2D(1)(x)
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
        for block, depth in enumerate(depths, 2):
            for i in range(1, depth + 1):
                x = _layer(x, f"conv{block}_block{i}")
            if block < 5:
                x = _transition(x, f"pool{block}")
        return relu(norm(x, "bn"), "relu")

    summary = f"Densely connected network with {count} layers of weights."
    return architecture(f"DenseNet{count}", f"densenet{count}", summary, 224, features, pooling=named_pool)


DenseNet121 = _densenet(121, (6, 12, 24, 16))
DenseNet169 = _densenet(169, (6, 12, 32, 32))
DenseNet201 = _densenet(201, (6, 12, 48, 32))
preprocess_input = preprocessing("torch", "DenseNet")
