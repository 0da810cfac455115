"""Residual networks that normalise and activate before each convolution.

He et al., 2016, *Identity Mappings in Deep Residual Networks*, figure 1(b).
"""

from __future__ import annotations

from typing import Any

from .. import layers
from .building import Request, architecture, named_pool
from .imagenet_utils import decode_predictions, preprocessing
from .resnet import DEPTHS, norm, relu, stem

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]


def _block(x: Any, filters: int, stride: int, project: bool, name: str) -> Any:
    """Normalised and activated first; what is added is neither, so that identities run through the network."""
    before = relu(norm(x, name + "_preact_bn"), name + "_preact_relu")
    if project:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=name + "_0_conv")(before)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=name + "_1_conv")(before)
    x = relu(norm(x, name + "_1_bn"), name + "_1_relu")
    x = layers.ZeroPadding2D(1, name=name + "_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=name + "_2_conv")(x)
    x = relu(norm(x, name + "_2_bn"), name + "_2_relu")
    x = layers.Conv2D(4 * filters, 1, name=name + "_3_conv")(x)
    return layers.Add(name=name + "_out")([shortcut, x])


def _resnet(count: int) -> Any:
    def features(x: Any, request: Request) -> Any:
        x = stem(x, activate=False)
        for stage, depth in enumerate(DEPTHS[count]):
            for i in range(depth):
                stride = 2 if stage < 3 and i == depth - 1 else 1
                x = _block(x, 64 * 2**stage, stride, i == 0, f"conv{stage + 2}_block{i + 1}")
        return relu(norm(x, "post_bn"), "post_relu")

    summary = f"Residual network with {count} layers of weights, activated beforehand."
    return architecture(f"ResNet{count}V2", f"resnet{count}v2", summary, 224, features, pooling=named_pool)


ResNet50V2 = _resnet(50)
ResNet101V2 = _resnet(101)
ResNet152V2 = _resnet(152)
preprocess_input = preprocessing("tf", "ResNet V2")
