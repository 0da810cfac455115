"""What kind of work a layer does, by the module that its class comes from."""

from __future__ import annotations

from typing import Any

from ..layers.base import Layer
from ..training.trainer import Trainer

__all__ = ["category_of"]

# Modules of layers by category; people's subclasses belong where the layer that they derive from does.
_MODULES = {
    "input": ["input"],
    "dense": ["dense", "einsum_dense"],
    "convolution": ["conv", "conv_transpose", "convolutional", "depthwise", "separable"],
    "pooling": ["pooling", "adaptive_pooling"],
    "normalization": ["batch_normalization", "normalization", "spectral_normalization"],
    "activation": ["activation"],
    "dropout": ["dropout"],
    "recurrent": ["recurrent"],
    "attention": ["attention"],
    "embedding": ["embedding", "reversible_embedding"],
    "merge": ["merging"],
    "shape": ["reshaping", "padding", "upsampling"],
    "preparation": ["image", "preparation"],
}
_BY_MODULE = {module: category for category, modules in _MODULES.items() for module in modules}
_MERGES = {
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "concatenate", "stack", "matmul", "dot", "einsum",
    "average", "where",
}  # fmt: skip


def category_of(operation: Any, kind: str) -> str:
    """The category of a layer or, for what is not a layer, of a function called `kind`.

    >>> from ranvier import layers
    >>> category_of(layers.Dense(2), "Dense"), category_of(None, "add"), category_of(None, "relu")
    ('dense', 'merge', 'function')
    """
    if not isinstance(operation, Layer):
        return "merge" if kind in _MERGES else "function"
    if isinstance(operation, Trainer):
        return "model"
    for cls in type(operation).__mro__:
        parts = cls.__module__.split(".")
        if parts[:2] == ["ranvier", "layers"] and len(parts) > 2 and parts[2] in _BY_MODULE:
            return _BY_MODULE[parts[2]]
    return "other"
