"""Layers around a layer."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentTypeError, ShapeError
from .base import Layer
from .signatures import call_parameters

__all__ = ["TimeDistributed", "Wrapper"]


class Wrapper(Layer):
    """A layer that holds a layer; subclass it with a `call`.

    Args:
        layer: the layer inside.
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ArgumentTypeError(
                f"{type(self).__name__} wraps a Layer. Received: layer={layer!r} of type {type(layer).__name__}"
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside for the same inputs."""
        if not self.layer.built:
            self.layer.build(input_shape)


class TimeDistributed(Wrapper):
    """A layer applied to each time step by itself.   (batch, time, ...) → (batch, time, ...)

    All steps are computed at once, as one larger batch; a `BatchNormalization` inside therefore sees them all together.

    Args:
        layer: the layer for each step.

    >>> import numpy as np
    >>> from ranvier.layers import Dense
    >>> TimeDistributed(Dense(4))(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside for one time step."""
        if len(input_shape) < 3:
            raise ShapeError(
                f"Layer '{self.name}' takes inputs with at least 3 axes: (batch, time, ...). Received: shape "
                f"{tuple(input_shape)}"
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The layer's outputs for each step."""
        batch, time = inputs.shape[:2]
        names = call_parameters(type(self.layer)).names
        options = {"training": training} if "training" in names else {}
        if mask is not None and "mask" in names:
            options["mask"] = mask.reshape(batch * time, *mask.shape[2:])
        outputs = self.layer(inputs.reshape(batch * time, *inputs.shape[2:]), **options)
        return outputs.reshape(batch, time, *outputs.shape[1:])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the steps; where it is finer, what the layer inside makes of it, or the steps with any of it."""
        if previous_mask is None or previous_mask.ndim == 2:
            return previous_mask
        batch, time = previous_mask.shape[:2]
        inner = previous_mask.reshape(batch * time, *previous_mask.shape[2:])
        kept = self.layer.compute_mask(inputs.reshape(batch * time, *inputs.shape[2:]), inner)
        if kept is None:
            return previous_mask.reshape(batch, time, -1).any(axis=-1)
        return kept.reshape(batch, time, *kept.shape[1:])
