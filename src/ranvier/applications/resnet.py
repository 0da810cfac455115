"""Residual networks: each block adds to what it was given.

He et al., 2016, *Deep Residual Learning for Image Recognition*, table 1.
"""

from __future__ import annotations

from typing import Any

from .. import layers
from .building import Request, architecture, channel_axis, named_pool
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["DEPTHS", "ResNet50", "ResNet101", "ResNet152", "decode_predictions", "norm", "preprocess_input", "stem"]

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # blocks in the four stages


def norm(x: Any, name: str) -> Any:
    """Batch normalisation with the epsilon that the weights were trained with."""
    return layers.BatchNormalization(axis=channel_axis(), epsilon=1.001e-5, name=name)(x)


def relu(x: Any, name: str) -> Any:
    """max(x, 0)."""
    return layers.Activation("relu", name=name)(x)


def stem(x: Any, activate: bool) -> Any:
    """A wide convolution and pooling: to a quarter of height and width."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if activate:
        x = relu(norm(x, "conv1_bn"), "conv1_relu")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _block(x: Any, filters: int, stride: int, project: bool, name: str) -> Any:
    """1×1, 3×3, 1×1, and the shortcut around them."""
    shortcut = x
    if project:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=name + "_0_conv")(x)
        shortcut = norm(shortcut, name + "_0_bn")
    x = layers.Conv2D(filters, 1, strides=stride, name=name + "_1_conv")(x)
    x = relu(norm(x, name + "_1_bn"), name + "_1_relu")
    x = layers.Conv2D(filters, 3, padding="same", name=name + "_2_conv")(x)
    x = relu(norm(x, name + "_2_bn"), name + "_2_relu")
    x = layers.Conv2D(4 * filters, 1, name=name + "_3_conv")(x)
    x = norm(x, name + "_3_bn")
    x = layers.Add(name=name + "_add")([shortcut, x])
    return relu(x, name + "_out")


def _resnet(count: int) -> Any:
    def features(x: Any, request: Request) -> Any:
        x = stem(x, activate=True)
        for stage, depth in enumerate(DEPTHS[count]):
            for i in range(depth):
                stride = 2 if stage and i == 0 else 1
                x = _block(x, 64 * 2**stage, stride, i == 0, f"conv{stage + 2}_block{i + 1}")
        return x

    summary = f"Residual network with {count} layers of weights."
    return architecture(f"ResNet{count}", f"resnet{count}", summary, 224, features, pooling=named_pool)


ResNet50 = _resnet(50)
ResNet101 = _resnet(101)
ResNet152 = _resnet(152)
preprocess_input = preprocessing("caffe", "ResNet")
