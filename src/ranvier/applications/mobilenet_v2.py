"""MobileNetV2: thin layers carry the residuals, wide ones lie between them.

Sandler et al., 2018, *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, table 2.
"""

from __future__ import annotations

from typing import Any

from .. import layers
from ..core.errors import ArgumentError
from ..models.model import Model
from .building import Request, channel_axis, divisible, documented, make_model, open_input, pool, stride_padding
from .imagenet_utils import decode_predictions, preprocessing
from .mobilenet import trained_size

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

# Expansion, filters, repeats and the first one's stride.
_STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(axis=channel_axis(-1), epsilon=1e-3, momentum=0.999, name=name)(x)


def _block(x: Any, expansion: int, filters: int, stride: int, index: int) -> Any:
    """Widen, filter in each channel, narrow without an activation; add what came in where it fits."""
    inputs, channels = x, x.shape[channel_axis(-1)]
    prefix = f"block_{index}_" if index else "expanded_conv_"
    if index:
        x = layers.Conv2D(expansion * channels, 1, padding="same", use_bias=False, name=prefix + "expand")(x)
        x = layers.ReLU(6.0, name=prefix + "expand_relu")(_norm(x, prefix + "expand_BN"))
    if stride == 2:
        x = layers.ZeroPadding2D(stride_padding(x, 3), name=prefix + "pad")(x)
    x = layers.DepthwiseConv2D(
        3, strides=stride, use_bias=False, padding="same" if stride == 1 else "valid", name=prefix + "depthwise"
    )(x)
    x = layers.ReLU(6.0, name=prefix + "depthwise_relu")(_norm(x, prefix + "depthwise_BN"))
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=prefix + "project")(x)
    x = _norm(x, prefix + "project_BN")
    if channels == filters and stride == 1:
        return layers.Add(name=prefix + "add")([inputs, x])
    return x


def MobileNetV2(  # noqa: N802  Keras's name
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    request = Request(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    request.check()
    if weights == "imagenet" and alpha not in _WIDTHS:
        raise ArgumentError(f"There are ImageNet weights for alpha={list(_WIDTHS)}. Received: alpha={alpha}")
    size = trained_size(input_shape, (96, 128, 160, 192, 224))
    inputs = open_input(request, size, 32, must_fit=True)
    if name is None:
        shown = inputs.shape[1 if channel_axis() == 3 else 2] if input_tensor is None else _height(input_shape)
        request = Request(**{**vars(request), "name": f"mobilenetv2_{alpha:0.2f}_{shown}"})

    x = layers.Conv2D(divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(inputs)
    x = layers.ReLU(6.0, name="Conv1_relu")(_norm(x, "bn_Conv1"))
    index = 0
    for expansion, filters, repeats, stride in _STAGES:
        for i in range(repeats):
            x = _block(x, expansion, divisible(int(filters * alpha)), stride if i == 0 else 1, index)
            index += 1
    last = divisible(1280 * alpha) if alpha > 1.0 else 1280
    x = layers.Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    x = layers.ReLU(6.0, name="out_relu")(_norm(x, "Conv_1_bn"))

    def head(x: Any, request: Request) -> Any:
        return layers.Dense(classes, activation=classifier_activation, name="predictions")(pool(x, "avg"))

    return make_model(request, inputs, x, "MobileNetV2", head, variant=f"{float(alpha)}_{size}")


def _height(input_shape: Any) -> int | None:
    return None if input_shape is None else input_shape[0 if channel_axis() == 3 else 1]


documented(
    MobileNetV2, "MobileNetV2", "Inverted residuals for small devices.", 224,
    more="""
        alpha: the width: every layer has this many times the paper's filters.""",
)  # fmt: skip
preprocess_input = preprocessing("tf", "MobileNetV2")
