"""Inception blocks as residuals.

Szegedy et al., 2017, *Inception-v4, Inception-ResNet and the Impact of Residual Connections*, figures 15 to 19.
"""

from __future__ import annotations

from typing import Any

from .. import layers
from ..layers.base import Layer
from .building import Request, architecture, channel_axis
from .imagenet_utils import decode_predictions, preprocessing
from .inception_v3 import chain, conv, inception_stem, join

__all__ = ["CustomScaleLayer", "InceptionResNetV2", "decode_predictions", "preprocess_input"]


class CustomScaleLayer(Layer):
    """The first input plus the second times a constant: a residual made small, for steadier training.

    Args:
        scale: the constant.
    """

    keras_module = "keras.src.applications.inception_resnet_v2"

    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        """x + scale · r."""
        return inputs[0] + inputs[1] * self.scale


# The branches of each kind of block: filters, height and width of their convolutions.
_BRANCHES = {
    "block35": (((32, 1, 1),), ((32, 1, 1), (32, 3, 3)), ((32, 1, 1), (48, 3, 3), (64, 3, 3))),
    "block17": (((192, 1, 1),), ((128, 1, 1), (160, 1, 7), (192, 7, 1))),
    "block8": (((192, 1, 1),), ((192, 1, 1), (224, 1, 3), (256, 3, 1))),
}


def _block(x: Any, kind: str, index: int, scale: float, activate: bool = True) -> Any:
    name = f"{kind}_{index}"
    mixed = join([chain(x, *steps) for steps in _BRANCHES[kind]], name + "_mixed")
    up = layers.Conv2D(x.shape[channel_axis()], 1, padding="same", name=name + "_conv")(mixed)
    x = CustomScaleLayer(scale)([x, up])
    return layers.Activation("relu", name=name + "_ac")(x) if activate else x


def _features(x: Any, request: Request) -> Any:
    x = inception_stem(x)
    branches = [conv(x, 96), chain(x, (48, 1, 1), (64, 5, 5)), chain(x, (64, 1, 1), (96, 3, 3), (96, 3, 3))]
    branches.append(conv(layers.AveragePooling2D(3, strides=1, padding="same")(x), 64))
    x = join(branches, "mixed_5b")
    for i in range(1, 11):
        x = _block(x, "block35", i, 0.17)

    branches = [conv(x, 384, 3, 3, 2, "valid")]
    branches.append(conv(chain(x, (256, 1, 1), (256, 3, 3)), 384, 3, 3, 2, "valid"))
    x = join([*branches, layers.MaxPooling2D(3, strides=2)(x)], "mixed_6a")
    for i in range(1, 21):
        x = _block(x, "block17", i, 0.1)

    branches = [conv(conv(x, 256), 384, 3, 3, 2, "valid"), conv(conv(x, 256), 288, 3, 3, 2, "valid")]
    branches.append(conv(chain(x, (256, 1, 1), (288, 3, 3)), 320, 3, 3, 2, "valid"))
    x = join([*branches, layers.MaxPooling2D(3, strides=2)(x)], "mixed_7a")
    for i in range(1, 10):
        x = _block(x, "block8", i, 0.2)
    x = _block(x, "block8", 10, 1.0, activate=False)

    x = layers.Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = layers.BatchNormalization(axis=channel_axis(), scale=False, name="conv_7b_bn")(x)
    return layers.Activation("relu", name="conv_7b_ac")(x)


InceptionResNetV2 = architecture(
    "InceptionResNetV2", "inception_resnet_v2", "Inception with residuals.", 299, _features, smallest=75
)
preprocess_input = preprocessing("tf", "InceptionResNetV2")
