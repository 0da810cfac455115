"""NASNet: cells found by search, stacked.

Zoph et al., 2018, *Learning Transferable Architectures for Scalable Image Recognition*, figures 2 and 4 (NASNet-A).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import layers
from ..core.names import name_scope
from ..models.model import Model
from .building import (
    Request,
    channel_axis,
    documented,
    image_size,
    make_model,
    open_input,
    pool,
    stride_padding,
)
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(axis=channel_axis(-1), momentum=0.9997, epsilon=1e-3, name=name)(x)


def _relu(x: Any, name: str | None = None) -> Any:
    return layers.Activation("relu", name=name)(x)


def _conv(x: Any, filters: int, name: str) -> Any:
    return layers.Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)


def _separable(x: Any, filters: int, kernel: int, stride: int, name: str, pair: int) -> Any:
    """Rectifier, separable convolution, normalisation: twice."""
    with name_scope(f"block_{pair}/separable_conv_block_{name}"):
        x = _relu(x)
        if stride == 2:
            x = layers.ZeroPadding2D(stride_padding(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
        for i, step, padding in ((1, stride, "valid" if stride == 2 else "same"), (2, 1, "same")):
            x = _relu(x) if i == 2 else x
            x = layers.SeparableConv2D(
                filters, kernel, strides=step, padding=padding, use_bias=False, name=f"separable_conv_{i}_{name}"
            )(x)
            x = _norm(x, f"separable_conv_{i}_bn_{name}")
    return x


def _adjusted(p: Any, x: Any, filters: int, name: str) -> Any:
    """The last cell's input brought to the size and filters of this cell's."""
    if p is None:
        return x
    if image_size(p) != image_size(x):
        with name_scope(f"adjust_block/adjust_reduction_block_{name}"):
            p = _relu(p, f"adjust_relu_1_{name}")
            # Every second pixel, once from the first row and column and once from the next.
            one = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{name}")(p)
            one = _conv(one, filters // 2, f"adjust_conv_1_{name}")
            two = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(p))
            two = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{name}")(two)
            two = _conv(two, filters // 2, f"adjust_conv_2_{name}")
            return _norm(layers.concatenate([one, two], axis=channel_axis(-1)), f"adjust_bn_{name}")
    if p.shape[channel_axis(-1)] != filters:
        with name_scope(f"adjust_block/adjust_projection_block_{name}"):
            return _norm(_conv(_relu(p), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")
    return p


def _average(x: Any, name: str, stride: int = 1) -> Any:
    return layers.AveragePooling2D(3, strides=stride, padding="same" if stride == 1 else "valid", name=name)(x)


def _largest(x: Any, name: str) -> Any:
    return layers.MaxPooling2D(3, strides=2, name=name)(x)


def _normal(x: Any, p: Any, filters: int, cell: str) -> tuple[Any, Any]:
    """Figure 4, left: a cell that keeps the resolution. It makes five pairs of branches; returns them and `x`."""

    def branch(y: Any, kernel: int, side: str, pair: int) -> Any:
        return _separable(y, filters, kernel, 1, f"normal_{side}{pair}_{cell}", pair)

    def add(pair: int, one: Any, two: Any) -> Any:
        return layers.add([one, two], name=f"normal_add_{pair}_{cell}")

    with name_scope(f"normal_A_block_{cell}"):
        p = _adjusted(p, x, filters, cell)
        h = _norm(_conv(_relu(x), filters, f"normal_conv_1_{cell}"), f"normal_bn_1_{cell}")
        pairs = [
            add(1, branch(h, 5, "left", 1), branch(p, 3, "right", 1)),
            add(2, branch(p, 5, "left", 2), branch(p, 3, "right", 2)),
            add(3, _average(h, f"normal_left3_{cell}"), p),
            add(4, _average(p, f"normal_left4_{cell}"), _average(p, f"normal_right4_{cell}")),
            add(5, branch(h, 3, "left", 5), h),
        ]
        return layers.concatenate([p, *pairs], axis=channel_axis(-1), name=f"normal_concat_{cell}"), x


def _reduction(x: Any, p: Any, filters: int, cell: str) -> tuple[Any, Any]:
    """Figure 4, right: a cell that halves the resolution; returns what it makes and `x`."""

    def branch(y: Any, kernel: int, stride: int, side: str, pair: int) -> Any:
        return _separable(y, filters, kernel, stride, f"reduction_{side}_{cell}", pair)

    def add(name: str, one: Any, two: Any) -> Any:
        return layers.add([one, two], name=f"reduction_{name}_{cell}")

    with name_scope(f"reduction_A_block_{cell}"):
        p = _adjusted(p, x, filters, cell)
        h = _norm(_conv(_relu(x), filters, f"reduction_conv_1_{cell}"), f"reduction_bn_1_{cell}")
        padded = layers.ZeroPadding2D(stride_padding(h, 3), name=f"reduction_pad_1_{cell}")(h)
        one = add("add_1", branch(h, 5, 2, "left1", 1), branch(p, 7, 2, "right1", 1))
        two = add("add_2", _largest(padded, f"reduction_left2_{cell}"), branch(p, 7, 2, "right2", 2))
        three = add("add3", _average(padded, f"reduction_left3_{cell}", 2), branch(p, 5, 2, "right3", 3))
        four = layers.add([two, _average(one, f"reduction_left4_{cell}")])
        five = add("add4", branch(one, 3, 1, "left4", 5), _largest(padded, f"reduction_right5_{cell}"))
        joined = [two, three, four, five]
        return layers.concatenate(joined, axis=channel_axis(-1), name=f"reduction_concat_{cell}"), x


def _features(x: Any, repeats: int, filters: int, stem: int, skip: bool) -> Any:
    """Stacks of normal cells with reductions between them.

    Args:
        repeats: normal cells in each stack.
        filters: of the first stack; each reduction doubles them.
        stem: filters of the first convolution.
        skip: after a reduction, the cell before the last is the one before the reduction's input.
    """
    x = layers.Conv2D(
        stem, 3, strides=2, padding="valid", use_bias=False, kernel_initializer="he_normal", name="stem_conv1"
    )(x)
    x = _norm(x, "stem_bn1")
    p = None
    x, p = _reduction(x, p, filters // 4, "stem_1")
    x, p = _reduction(x, p, filters // 2, "stem_2")
    for stack in range(3):
        if stack:
            x, before = _reduction(x, p, filters * 2**stack, f"reduce_{stack * repeats}")
            p = p if skip else before
        for i in range(repeats):
            x, p = _normal(x, p, filters * 2**stack, str(stack * repeats + bool(stack) + i))
    return _relu(x)


def _variant(
    public: str, name: str, size: int, repeats: int, filters: int, stem: int, skip: bool
) -> Callable[..., Model]:
    default_name = name

    def build(
        input_shape: Any = None,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = default_name,
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        request.check()
        inputs = open_input(request, size, 32, static=True)
        x = _features(inputs, repeats, filters, stem, skip)

        def head(x: Any, request: Request) -> Any:
            return layers.Dense(classes, activation=classifier_activation, name="predictions")(pool(x, "avg"))

        return make_model(request, inputs, x, public, head)

    return documented(build, public, f"NASNet-A, {repeats} cells at {6 * 4 * filters} filters.", size)


NASNetMobile = _variant("NASNetMobile", "nasnet_mobile", 224, 4, 44, 32, skip=False)
NASNetLarge = _variant("NASNetLarge", "nasnet_large", 331, 6, 168, 96, skip=True)
preprocess_input = preprocessing("tf", "NASNet")
