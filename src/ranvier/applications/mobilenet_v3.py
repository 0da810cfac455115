"""MobileNetV3: inverted residuals that weigh their channels, found by search.

Howard et al., 2019, *Searching for MobileNetV3*, tables 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import layers
from ..core.errors import ArgumentError
from ..models.model import Model
from .building import (
    Request,
    channel_axis,
    divisible,
    documented,
    make_model,
    named_pool,
    open_input,
    stride_padding,
)
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

# Expansion, filters, window, stride, whether channels are weighed, whether the activation is hard-swish.
_SMALL = (
    (1, 16, 3, 2, True, False), (72 / 16, 24, 3, 2, False, False), (88 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True), (6, 40, 5, 1, True, True), (6, 40, 5, 1, True, True), (3, 48, 5, 1, True, True),
    (3, 48, 5, 1, True, True), (6, 96, 5, 2, True, True), (6, 96, 5, 1, True, True), (6, 96, 5, 1, True, True),
)  # fmt: skip
_LARGE = (
    (1, 16, 3, 1, False, False), (4, 24, 3, 2, False, False), (3, 24, 3, 1, False, False), (3, 40, 5, 2, True, False),
    (3, 40, 5, 1, True, False), (3, 40, 5, 1, True, False), (6, 80, 3, 2, False, True), (2.5, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True), (2.3, 80, 3, 1, False, True), (6, 112, 3, 1, True, True), (6, 112, 3, 1, True, True),
    (6, 160, 5, 2, True, True), (6, 160, 5, 1, True, True), (6, 160, 5, 1, True, True),
)  # fmt: skip


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(axis=channel_axis(-1), epsilon=1e-3, momentum=0.999, name=name)(x)


def _activate(x: Any, hard: bool) -> Any:
    return layers.Activation("hard_silu")(x) if hard else layers.ReLU()(x)


def _weigh(x: Any, channels: int, prefix: str) -> Any:
    """Each channel times a gate between 0 and 1 that all channels' means decide."""
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=prefix + "avg_pool")(x)
    gate = layers.Conv2D(divisible(channels * 0.25), 1, padding="same", name=prefix + "conv")(gate)
    gate = layers.ReLU(name=prefix + "relu")(gate)
    gate = layers.Conv2D(channels, 1, padding="same", name=prefix + "conv_1")(gate)
    gate = layers.ReLU(6.0)(gate + 3.0) * (1.0 / 6.0)  # the hard sigmoid
    return layers.Multiply(name=prefix + "mul")([x, gate])


def _block(x: Any, block: tuple[Any, ...], alpha: float, index: int) -> Any:
    expansion, filters, kernel, stride, weigh, hard = block
    inputs, channels = x, x.shape[channel_axis(-1)]
    filters, wide = divisible(filters * alpha), divisible(channels * expansion)
    prefix = f"expanded_conv_{index}_" if index else "expanded_conv_"
    if index:
        x = layers.Conv2D(wide, 1, padding="same", use_bias=False, name=prefix + "expand")(x)
        x = _activate(_norm(x, prefix + "expand_bn"), hard)
    if stride == 2:
        x = layers.ZeroPadding2D(stride_padding(x, kernel), name=prefix + "depthwise_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False, name=prefix + "depthwise"
    )(x)
    x = _activate(_norm(x, prefix + "depthwise_bn"), hard)
    if weigh:
        x = _weigh(x, wide if index else channels, prefix + "squeeze_excite_")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=prefix + "project")(x)
    x = _norm(x, prefix + "project_bn")
    return layers.Add(name=prefix + "add")([inputs, x]) if stride == 1 and channels == filters else x


def _variant(public: str, kind: str, blocks: tuple[tuple[Any, ...], ...], last: int) -> Callable[..., Model]:
    def build(
        input_shape: Any = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = public,
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        request.check()
        if weights == "imagenet" and alpha not in ((1.0,) if minimalistic else (0.75, 1.0)):
            raise ArgumentError(
                "There are ImageNet weights for alpha=0.75 and 1.0, if minimalistic for 1.0 only. Received: "
                f"alpha={alpha}, minimalistic={minimalistic}"
            )
        inputs = open_input(request, 224, 32, static=False, must_fit=True)
        x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(inputs) if include_preprocessing else inputs
        hard = not minimalistic
        x = layers.Conv2D(16, 3, strides=(2, 2), padding="same", use_bias=False, name="conv")(x)
        x = _activate(_norm(x, "conv_bn"), hard)
        for index, block in enumerate(blocks):
            plain = (*block[:2], 3, block[3], False, False)
            x = _block(x, plain if minimalistic else block, alpha, index)
        x = layers.Conv2D(divisible(x.shape[channel_axis(-1)] * 6), 1, padding="same", use_bias=False, name="conv_1")(x)
        x = _activate(_norm(x, "conv_1_bn"), hard)

        def head(x: Any, request: Request) -> Any:
            x = layers.GlobalAveragePooling2D(keepdims=True)(x)
            width = divisible(last * alpha) if alpha > 1.0 else last
            x = _activate(layers.Conv2D(width, 1, padding="same", name="conv_2")(x), hard)
            if dropout_rate > 0:
                x = layers.Dropout(dropout_rate)(x)
            x = layers.Flatten()(layers.Conv2D(classes, 1, padding="same", name="logits")(x))
            return layers.Activation(classifier_activation, name="predictions")(x)

        variant = f"{kind}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}"
        return make_model(request, inputs, x, public, head, named_pool, variant)

    more = """
        alpha: the width: every layer has this many times the paper's filters.
        minimalistic: without weighing channels, hard-swish and 5×5 windows.
        dropout_rate: the rate of the top's dropout.
        include_preprocessing: whether the model itself brings pixels from 0 … 255 to −1 … 1."""
    return documented(build, public, f"MobileNetV3, the {kind} one.", 0, more=more)


MobileNetV3Small = _variant("MobileNetV3Small", "small", _SMALL, 1024)
MobileNetV3Large = _variant("MobileNetV3Large", "large", _LARGE, 1280)
preprocess_input = preprocessing(None, "MobileNetV3")
