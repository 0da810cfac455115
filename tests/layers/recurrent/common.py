"""What the tests of recurrent layers share: a layer and Keras's with the same weights, and the comparison."""

from __future__ import annotations

import keras
import numpy as np

from ranvier import layers

__all__ = ["assert_same", "pair", "sequences"]


def sequences(*shape: int, seed: int = 0):
    """Normal numbers of `shape`."""
    return np.random.default_rng(seed).normal(size=shape or (2, 4, 3)).astype("float32")


def pair(make, shape=(None, 4, 3)):
    """`make(layers)` of ranvier and of Keras, built and with the same weights."""
    ours, theirs = make(layers), make(keras.layers)
    for layer in (ours, theirs):
        layer.build(shape)
    assert [v.path for v in ours.weights] == [v.path for v in theirs.weights]
    assert [v.shape for v in ours.weights] == [v.shape for v in theirs.weights]
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=v.shape).astype("float32") for v in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def assert_same(ours, theirs):
    """Equal structures of arrays up to rounding."""
    a, b = ([leaf for leaf in keras.tree.flatten(x) if leaf is not None] for x in (ours, theirs))
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-5)
