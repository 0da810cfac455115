"""VGG: small windows stacked deep.   Simonyan & Zisserman, 2015, *Very Deep Convolutional Networks*, table 1 (D, E)"""

from __future__ import annotations

from typing import Any

from .. import layers
from .building import Request, architecture
from .imagenet_utils import decode_predictions, preprocessing

__all__ = ["VGG16", "decode_predictions", "preprocess_input", "vgg"]

_FILTERS = (64, 128, 256, 512, 512)


def _head(x: Any, request: Request) -> Any:
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return layers.Dense(request.classes, activation=request.classifier_activation, name="predictions")(x)


def vgg(public: str, name: str, depths: tuple[int, ...]) -> Any:
    """The function that builds a VGG with so many convolutions in its five blocks."""

    def features(x: Any, request: Request) -> Any:
        for block, (depth, filters) in enumerate(zip(depths, _FILTERS, strict=True), 1):
            for i in range(1, depth + 1):
                x = layers.Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
            x = layers.MaxPooling2D(2, 2, name=f"block{block}_pool")(x)
        return x

    count = sum(depths) + 3
    return architecture(public, name, f"VGG with {count} layers of weights.", 224, features, _head)


VGG16 = vgg("VGG16", "vgg16", (2, 2, 3, 3, 3))
preprocess_input = preprocessing("caffe", "VGG16")
