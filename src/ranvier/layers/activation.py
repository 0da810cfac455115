"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .. import activations, constraints, initializers, regularizers
from ..core.errors import ArgumentError, ShapeError
from .base import Layer
from .checks import axis_or_axes, sizes_of
from .input_spec import InputSpec

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class Activation(Layer):
    """An activation function, by name or as a callable.

    Args:
        activation: the name or callable.
    """

    built = True  # nothing to build

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The activation of each element."""
        return self.activation(inputs)


def _slope(layer: str, name: str, value: Any) -> float:
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ArgumentError(f"{layer}: {name} must be a number of at least 0. Received: {name}={value!r}")
    return value


class ReLU(Layer):
    """max(x, 0), with a slope below the threshold and a ceiling if asked for.

    Args:
        max_value: the largest value; None: no ceiling.
        negative_slope: the slope below `threshold`.
        threshold: where x begins to pass.
    """

    built = True  # nothing to build

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else _slope("ReLU", "max_value", max_value)
        self.negative_slope = _slope("ReLU", "negative_slope", negative_slope)
        self.threshold = _slope("ReLU", "threshold", threshold)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The rectified inputs."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """x where positive, else negative_slope · x: Maas et al., 2013.

    Args:
        negative_slope: the slope below 0.
    """

    built = True  # nothing to build

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if (alpha := kwargs.pop("alpha", None)) is not None:  # Keras 2's name for it
            negative_slope = alpha
        super().__init__(**kwargs)
        self.negative_slope = _slope("LeakyReLU", "negative_slope", negative_slope)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The leakily rectified inputs."""
        return activations.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """x where positive, else α x with a learned α: He et al., 2015.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: for α, which has the shape of a sample.
        shared_axes: axes along which α is the same.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = (
            None if shared_axes is None else [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)
        )
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make α."""
        if self.shared_axes is not None:
            sizes_of(self.name, self.shared_axes, input_shape, "shared_axes")
        shape = [1 if i in (self.shared_axes or ()) else s for i, s in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            tuple(shape),
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        self.input_spec = InputSpec(ndim=len(input_shape))

    def call(self, inputs: Any) -> Any:
        """max(x, 0) + α min(x, 0)."""
        return activations.relu(inputs) - self.alpha.value * activations.relu(-inputs)


class ELU(Layer):
    """x where positive, else α(exp(x) − 1): Clevert et al., 2016.

    Args:
        alpha: α.
    """

    built = True  # nothing to build

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The activation of each element."""
        return activations.elu(inputs, self.alpha)


class Softmax(Layer):
    """exp(x) over its sum; masked elements get nothing.

    Args:
        axis: the axis of the sum, or several.
    """

    built = True  # nothing to build

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_or_axes("Softmax", axis)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Probabilities along the axis.

        Args:
            inputs: any shape.
            mask: True where elements count, broadcast to the inputs; or of fewer axes, that of time steps, (batch, time).
                Where nothing counts along the axis, all probabilities are 0.
        """
        sizes_of(self.name, self.axis, inputs.shape)
        axis: Any = tuple(self.axis) if isinstance(self.axis, (list, tuple)) else self.axis
        if mask is None:
            return activations.softmax(inputs, axis)
        kept = self._fitted(jnp.asarray(mask), inputs.shape)
        lowest = jnp.finfo(inputs.dtype).min / 2
        return jnp.where(kept, activations.softmax(jnp.where(kept, inputs, lowest), axis), 0)

    def _fitted(self, mask: Any, shape: tuple[int, ...]) -> Any:
        mask = mask if mask.dtype == bool else mask > 0.5
        if 1 < mask.ndim < len(shape) and mask.shape == shape[: mask.ndim]:
            mask = mask.reshape(*mask.shape, *(1,) * (len(shape) - mask.ndim))
        if mask.ndim > len(shape) or any(m not in (1, s) for m, s in zip(mask.shape[::-1], shape[::-1], strict=False)):
            raise ShapeError(
                f"Layer '{self.name}': the mask must broadcast to the inputs, each size 1 or the inputs'. Received: a mask "
                f"of shape {mask.shape} for inputs of shape {tuple(shape)}"
            )
        return mask
