"""EfficientNet: depth, width and resolution grown together.

Tan & Le, 2019, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, table 1 and equation 3.
"""

from __future__ import annotations

import math
from typing import Any

from .. import layers
from .building import (
    Request,
    architecture,
    channel_axis,
    divisible,
    named_pool,
    squeeze_excite,
    stride_padding,
)
from .imagenet_utils import decode_predictions, preprocessing

__all__ = [
    "KERNEL", "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4",
    "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "classes_on_top", "decode_predictions", "preprocess_input",
]  # fmt: skip

KERNEL = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
_DENSE = {"class_name": "VarianceScaling", "config": {"scale": 1 / 3, "mode": "fan_out", "distribution": "uniform"}}
# Window, repeats, filters, expansion, stride.
_STAGES = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1), (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)  # fmt: skip
_DROP = 0.2  # the last block's rate of being left out


def classes_on_top(dropout: float, **options: Any) -> Any:
    """The head: means, dropout, classes."""

    def head(x: Any, request: Request) -> Any:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        if dropout > 0:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return layers.Dense(
            request.classes, activation=request.classifier_activation, kernel_initializer=_DENSE, name="predictions",
            **options,
        )(x)  # fmt: skip

    return head


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(axis=channel_axis(), name=name)(x)


def _silu(x: Any, name: str) -> Any:
    return layers.Activation("silu", name=name)(x)


def _conv(x: Any, filters: int, name: str) -> Any:
    return layers.Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer=KERNEL, name=name)(x)


def _block(x: Any, kernel: int, filters: int, expansion: int, stride: int, drop: float, name: str) -> Any:
    """An inverted residual (mobile) block that weighs its channels."""
    inputs, channels = x, x.shape[channel_axis()]
    wide = channels * expansion
    if expansion != 1:
        x = _silu(_norm(_conv(x, wide, name + "expand_conv"), name + "expand_bn"), name + "expand_activation")
    if stride == 2:
        x = layers.ZeroPadding2D(stride_padding(x, kernel), name=name + "dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
        depthwise_initializer=KERNEL, name=name + "dwconv",
    )(x)  # fmt: skip
    x = _silu(_norm(x, name + "bn"), name + "activation")
    x = squeeze_excite(x, wide, max(1, int(channels * 0.25)), name, KERNEL)
    x = _norm(_conv(x, filters, name + "project_conv"), name + "project_bn")
    if stride == 1 and channels == filters:
        if drop > 0:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=name + "drop")(x)
        x = layers.add([x, inputs], name=name + "add")
    return x


def _variant(index: int, width: float, depth: float, size: int, dropout: float) -> Any:
    stages = [(k, math.ceil(depth * n), divisible(f * width), e, s) for k, n, f, e, s in _STAGES]
    count = sum(stage[1] for stage in stages)

    def features(x: Any, request: Request) -> Any:
        x = layers.Rescaling(1.0 / 255.0)(x)
        x = layers.Normalization(axis=channel_axis())(x)
        if request.weights == "imagenet":
            # As in Keras's model for the published files, and only there: Normalization divides by the root of the
            # variance in the file, and this divides by the root of the deviation besides.
            x = layers.Rescaling([1.0 / math.sqrt(deviation) for deviation in (0.229, 0.224, 0.225)])(x)
        x = layers.ZeroPadding2D(stride_padding(x, 3), name="stem_conv_pad")(x)
        x = layers.Conv2D(
            divisible(32 * width), 3, strides=2, use_bias=False, kernel_initializer=KERNEL, name="stem_conv"
        )(x)
        x = _silu(_norm(x, "stem_bn"), "stem_activation")
        done = 0
        for number, (kernel, repeats, filters, expansion, stride) in enumerate(stages, 1):
            for i in range(repeats):
                name = f"block{number}{chr(ord('a') + i)}_"
                x = _block(x, kernel, filters, expansion, stride if i == 0 else 1, _DROP * done / count, name)
                done += 1
        x = _conv(x, divisible(1280 * width), "top_conv")
        return _silu(_norm(x, "top_bn"), "top_activation")

    summary = f"EfficientNet, number {index} of eight sizes."
    public = f"EfficientNetB{index}"
    return architecture(public, public.lower(), summary, size, features, classes_on_top(dropout), named_pool)


EfficientNetB0 = _variant(0, 1.0, 1.0, 224, 0.2)
EfficientNetB1 = _variant(1, 1.0, 1.1, 240, 0.2)
EfficientNetB2 = _variant(2, 1.1, 1.2, 260, 0.3)
EfficientNetB3 = _variant(3, 1.2, 1.4, 300, 0.3)
EfficientNetB4 = _variant(4, 1.4, 1.8, 380, 0.4)
EfficientNetB5 = _variant(5, 1.6, 2.2, 456, 0.4)
EfficientNetB6 = _variant(6, 1.8, 2.6, 528, 0.5)
EfficientNetB7 = _variant(7, 2.0, 3.1, 600, 0.5)
preprocess_input = preprocessing(None, "EfficientNet")
