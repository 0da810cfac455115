"""Small layers: scaling, masking, and a function in the place of a layer."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentTypeError, SerializationError
from ..ops import reductions
from ..ops.binary import not_equal
from .base import Layer

__all__ = ["Lambda", "Masking", "Rescaling"]


class Rescaling(Layer):
    """inputs · scale + offset.

    Args:
        scale: 1 / 255 brings bytes to the range from 0 to 1.
        offset: what is added.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The scaled inputs."""
        x = jnp.asarray(inputs, self.compute_dtype)
        return x * jnp.asarray(self.scale, x.dtype) + jnp.asarray(self.offset, x.dtype)


class Masking(Layer):
    """Masks the time steps in which all features equal a value.   (batch, time, features)

    Args:
        mask_value: the value.
    """

    built = True  # nothing to build

    def __init__(self, mask_value: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where a feature differs from the value."""
        return reductions.any(not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        """The inputs, 0 where they are masked."""
        return inputs * self.compute_mask(inputs)[..., None].astype(inputs.dtype)


class Lambda(Layer):
    """A function in the place of a layer. Files never hold its code: pass the function when loading.

    Args:
        function: called with the inputs (and with `mask` and `training` if it takes them).
        output_shape: accepted; shapes are found by tracing.
        mask: a function for the outputs' mask, or the mask.
        arguments: further keyword arguments of the function.
    """

    config_excluded = Layer.config_excluded | {"mask"}

    def __init__(self, function: Any, output_shape: Any = None, mask: Any = None, arguments: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentTypeError(
                f"Lambda takes a function. Received: {function!r} of type {type(function).__name__}"
            )
        self.function = function
        self.output_shape_argument = output_shape
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = True
        self._takes = inspect.signature(function).parameters if not isinstance(function, type) else {}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """What the function gives."""
        extra = {k: v for k, v in (("mask", mask), ("training", training)) if k in self._takes}
        return self.function(inputs, **extra, **self.arguments)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """What the given mask (or function for it) says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """Refused: a file may not hold code."""
        raise SerializationError(
            f"Layer '{self.name}' is a Lambda, whose function cannot be written to a file. Make it a Layer subclass "
            "registered with @register_keras_serializable()."
        )
