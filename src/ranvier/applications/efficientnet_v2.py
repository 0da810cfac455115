"""EfficientNetV2: full convolutions in the first stages, mobile blocks in the later ones.

Tan & Le, 2021, *EfficientNetV2: Smaller Models and Faster Training*, table 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import layers
from ..models.model import Model
from .building import (
    Request,
    channel_axis,
    divisible,
    documented,
    make_model,
    named_pool,
    open_input,
    squeeze_excite,
)
from .efficientnet import KERNEL, classes_on_top
from .imagenet_utils import decode_predictions, preprocessing

__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2L",
    "EfficientNetV2M", "EfficientNetV2S", "decode_predictions", "preprocess_input",
]  # fmt: skip

# Repeats, filters, expansion, stride, whether fused (a full convolution, channels not weighed).
_B = (
    (1, 16, 1, 1, True), (2, 32, 4, 2, True), (2, 48, 4, 2, True), (3, 96, 4, 2, False), (5, 112, 6, 1, False),
    (8, 192, 6, 2, False),
)  # fmt: skip
_S = (
    (2, 24, 1, 1, True), (4, 48, 4, 2, True), (4, 64, 4, 2, True), (6, 128, 4, 2, False), (9, 160, 6, 1, False),
    (15, 256, 6, 2, False),
)  # fmt: skip
_M = (
    (3, 24, 1, 1, True), (5, 48, 4, 2, True), (5, 80, 4, 2, True), (7, 160, 4, 2, False), (14, 176, 6, 1, False),
    (18, 304, 6, 2, False), (5, 512, 6, 1, False),
)  # fmt: skip
_L = (
    (4, 32, 1, 1, True), (7, 64, 4, 2, True), (7, 96, 4, 2, True), (10, 192, 4, 2, False), (19, 224, 6, 1, False),
    (25, 384, 6, 2, False), (7, 640, 6, 1, False),
)  # fmt: skip
_DROP = 0.2  # the last block's rate of being left out


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(axis=channel_axis(), momentum=0.9, name=name)(x)


def _silu(x: Any, name: str) -> Any:
    return layers.Activation("silu", name=name)(x)


def _conv(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    return layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer=KERNEL, name=name
    )(x)


def _fused(x: Any, filters: int, wide: int, stride: int, name: str) -> Any:
    if wide == x.shape[channel_axis()]:
        x = _norm(_conv(x, filters, 3, stride, name + "project_conv"), name + "project_bn")
        return _silu(x, name + "project_activation")
    x = _norm(_conv(x, wide, 3, stride, name + "expand_conv"), name + "expand_bn")
    x = _silu(x, name + "expand_activation")
    return _norm(_conv(x, filters, 1, 1, name + "project_conv"), name + "project_bn")


def _mobile(x: Any, filters: int, wide: int, stride: int, name: str) -> Any:
    channels = x.shape[channel_axis()]
    x = _norm(_conv(x, wide, 1, 1, name + "expand_conv"), name + "expand_bn")
    x = _silu(x, name + "expand_activation")
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer=KERNEL, name=name + "dwconv2"
    )(x)
    x = _silu(_norm(x, name + "bn"), name + "activation")
    x = squeeze_excite(x, wide, max(1, int(channels * 0.25)), name, KERNEL)
    return _norm(_conv(x, filters, 1, 1, name + "project_conv"), name + "project_bn")


def _preprocessed(x: Any, standardise: bool) -> Any:
    """Pixels from 0 … 255 to what the weights were trained on."""
    if not standardise or x.shape[channel_axis()] != 3:
        return layers.Rescaling(scale=1.0 / 128.0, offset=-1)(x)
    x = layers.Rescaling(scale=1.0 / 255)(x)
    deviations = (0.229, 0.224, 0.225)
    return layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[d**2 for d in deviations], axis=channel_axis())(x)


def _variant(
    kind: str, stages: tuple[tuple[Any, ...], ...], size: int, width: float = 1.0, depth: float = 1.0
) -> Callable[..., Model]:
    def wide(filters: float) -> int:
        return divisible(filters * width, tenth=False)

    count = sum(stage[0] for stage in stages)  # of the unscaled network: deeper ones drop their last blocks more often
    stages = tuple((math.ceil(depth * n), wide(f), e, s, fused) for n, f, e, s, fused in stages)
    first = stages[0][1] if width == 1.0 and kind in "SML" else wide(32)

    def features(x: Any) -> Any:
        x = _conv(x, first, 3, 2, "stem_conv")
        x = _silu(_norm(x, "stem_bn"), "stem_activation")
        done = 0
        for number, (repeats, filters, expansion, first_stride, fused) in enumerate(stages, 1):
            for i in range(repeats):
                inputs, channels = x, x.shape[channel_axis()]
                name = f"block{number}{chr(ord('a') + i)}_"
                stride = first_stride if i == 0 else 1
                x = (_fused if fused else _mobile)(x, filters, channels * expansion, stride, name)
                if stride == 1 and channels == filters:
                    if done:
                        x = layers.Dropout(_DROP * done / count, noise_shape=(None, 1, 1, 1), name=name + "drop")(x)
                    x = layers.add([x, inputs], name=name + "add")
                done += 1
        x = _conv(x, wide(1280), 1, 1, "top_conv")
        return _silu(_norm(x, "top_bn"), "top_activation")

    public, default_name = f"EfficientNetV2{kind}", f"efficientnetv2-{kind.lower()}"

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = default_name,
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        request.check()
        inputs = open_input(request, size, 32)
        x = _preprocessed(inputs, kind.startswith("B")) if include_preprocessing else inputs
        head = classes_on_top(0.2, bias_initializer={"class_name": "Constant", "config": {"value": 0.0}})
        return make_model(request, inputs, features(x), public, head, named_pool)

    more = """
        include_preprocessing: whether the model itself scales pixels from 0 … 255."""
    return documented(build, public, f"EfficientNetV2, size {kind}.", size, more=more)


EfficientNetV2B0 = _variant("B0", _B, 224)
EfficientNetV2B1 = _variant("B1", _B, 240, 1.0, 1.1)
EfficientNetV2B2 = _variant("B2", _B, 260, 1.1, 1.2)
EfficientNetV2B3 = _variant("B3", _B, 300, 1.2, 1.4)
EfficientNetV2S = _variant("S", _S, 384)
EfficientNetV2M = _variant("M", _M, 480)
EfficientNetV2L = _variant("L", _L, 480)
preprocess_input = preprocessing(None, "EfficientNetV2")
