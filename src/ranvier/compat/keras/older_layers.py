"""Layers that Keras has given up and whose meaning today's layers have."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ... import layers
from ...core.errors import ArgumentError
from ...core.hints import hint

__all__ = [
    "BatchNormalizationV1", "BatchNormalizationV2", "CuDNNGRU", "CuDNNLSTM", "SyncBatchNormalization", "ThresholdedReLU", "merge",
]  # fmt: skip

BatchNormalizationV1 = BatchNormalizationV2 = layers.BatchNormalization

_MERGES = {
    "sum": layers.add, "mul": layers.multiply, "ave": layers.average, "max": layers.maximum, "concat": layers.concatenate,
}  # fmt: skip


def CuDNNLSTM(units: int, *args: Any, **kwargs: Any) -> layers.LSTM:  # noqa: N802  a class in Keras 2
    """`LSTM`, which takes the fastest way by itself."""
    hint("CuDNNLSTM", "CuDNNLSTM is LSTM in Keras 3, which takes the fastest way by itself.")
    names = ("kernel_initializer", "recurrent_initializer", "bias_initializer", "unit_forget_bias")
    return layers.LSTM(units, **dict(zip(names, args, strict=False)), **kwargs)


def CuDNNGRU(units: int, *args: Any, **kwargs: Any) -> layers.GRU:  # noqa: N802  a class in Keras 2
    """`GRU`, which takes the fastest way by itself."""
    hint("CuDNNGRU", "CuDNNGRU is GRU in Keras 3, which takes the fastest way by itself.")
    names = ("kernel_initializer", "recurrent_initializer", "bias_initializer")
    return layers.GRU(units, **dict(zip(names, args, strict=False)), **kwargs)


def SyncBatchNormalization(**kwargs: Any) -> layers.BatchNormalization:  # noqa: N802  a class in tf.keras
    """`BatchNormalization` with the statistics of all replicas together."""
    return layers.BatchNormalization(synchronized=True, **kwargs)


class ThresholdedReLU(layers.Layer):
    """x where it is above θ, else 0.

    Args:
        theta: θ, at least 0.

    >>> import numpy as np
    >>> ThresholdedReLU(1.0)(np.array([0.5, 1.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]
    """

    def __init__(self, theta: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        if theta is None or theta < 0:
            raise ArgumentError(f"ThresholdedReLU: theta must be at least 0. Received: theta={theta!r}")
        self.theta = float(theta)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """x where it is above θ."""
        return jnp.where(inputs > self.theta, inputs, 0)


def merge(
    inputs: Any, mode: Any = "sum", concat_axis: int = -1, dot_axes: Any = -1, output_shape: Any = None,
    output_mask: Any = None, arguments: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Tensors merged as Keras 1 named it.

    Args:
        inputs: a list of tensors.
        mode: ``"sum"``, ``"mul"``, ``"concat"``, ``"ave"``, ``"dot"``, ``"cos"`` or ``"max"``; or a function of the list.
        concat_axis, dot_axes: for these two.
        output_shape, output_mask: accepted; shapes and masks come by themselves.
        arguments: named arguments of the function.
        name: the layer's name.
    """
    if callable(mode):
        hint("merge", "merge(inputs, function) is layers.Lambda(function)(inputs) in Keras 3.")
        return layers.Lambda(mode, arguments=arguments, name=name)(inputs)
    if mode in ("dot", "cos"):
        hint(
            "merge", f"merge(inputs, mode={mode!r}) is layers.dot(inputs, axes, normalize={mode == 'cos'}) in Keras 3."
        )
        return layers.dot(inputs, dot_axes, normalize=mode == "cos", name=name)
    if mode not in _MERGES:
        raise ArgumentError(
            f"mode must be one of {', '.join([*_MERGES, 'dot', 'cos'])} or a function. Received: {mode!r}"
        )
    hint("merge", f"merge(inputs, mode={mode!r}) is layers.{_MERGES[mode].__name__}(inputs) in Keras 3.")
    return _MERGES[mode](inputs, **({"axis": concat_axis} if mode == "concat" else {}), name=name)
