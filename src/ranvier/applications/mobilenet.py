"""MobileNet: a depthwise and a pointwise convolution for each full one.

Howard et al., 2017, *MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications*, table 1.
"""

from __future__ import annotations

from typing import Any

from .. import layers
from ..core.errors import ArgumentError
from ..models.model import Model
from .building import Request, channel_axis, documented, make_model, open_input
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["MobileNet", "decode_predictions", "preprocess_input", "trained_size"]

# Filters and stride of the blocks.
_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
_FILES = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


def trained_size(input_shape: Any, sizes: tuple[int, ...]) -> int:
    """The size of images whose weights fit best: the input's own if it is square and among `sizes`, else 224."""
    if input_shape is None or len(input_shape) != 3:
        return 224
    height, width = input_shape[:2] if channel_axis() == 3 else input_shape[1:]
    return height if height == width and height in sizes else 224


def _activated(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(axis=channel_axis(-1), name=name + "_bn")(x)
    return layers.ReLU(6.0, name=name + "_relu")(x)


def _block(x: Any, filters: int, stride: int, multiplier: int, index: int) -> Any:
    if stride > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{index}")(x)
    name = f"conv_dw_{index}"
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same" if stride == 1 else "valid", depth_multiplier=multiplier, use_bias=False,
        name=name,
    )(x)  # fmt: skip
    x = _activated(x, name)
    name = f"conv_pw_{index}"
    return _activated(layers.Conv2D(filters, 1, padding="same", use_bias=False, name=name)(x), name)


def MobileNet(  # noqa: N802  Keras's name
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
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
    if weights == "imagenet" and (depth_multiplier != 1 or alpha not in _FILES):
        raise ArgumentError(
            f"There are ImageNet weights for depth_multiplier=1 and alpha={list(_FILES)}. Received: "
            f"depth_multiplier={depth_multiplier}, alpha={alpha}"
        )
    size = trained_size(input_shape, (128, 160, 192, 224))
    inputs = open_input(request, size, 32)
    if name is None:
        shown = size if input_shape is None and include_top else _height(input_shape)
        request = Request(**{**vars(request), "name": f"mobilenet_{alpha:0.2f}_{shown}"})

    x = layers.Conv2D(int(32 * alpha), 3, padding="same", use_bias=False, strides=2, name="conv1")(inputs)
    x = _activated(x, "conv1")
    for index, (filters, stride) in enumerate(_BLOCKS, 1):
        x = _block(x, int(filters * alpha), stride, depth_multiplier, index)

    def head(x: Any, request: Request) -> Any:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        return layers.Activation(classifier_activation, name="predictions")(x)

    return make_model(request, inputs, x, "MobileNet", head, variant=f"{_FILES.get(alpha)}_{size}")


def _height(input_shape: Any) -> int | None:
    return None if input_shape is None else input_shape[0 if channel_axis() == 3 else 1]


documented(
    MobileNet, "MobileNet", "Depthwise separable convolutions for small devices.", 224,
    more="""
        alpha: the width: every layer has this many times the paper's filters.
        depth_multiplier: how many depthwise maps an input channel gives.
        dropout: the rate of the top's dropout.""",
)  # fmt: skip
preprocess_input = preprocessing("tf", "MobileNet")
