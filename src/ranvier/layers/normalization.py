"""Layers that normalise each sample by itself."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .. import constraints, initializers, regularizers
from ..core.errors import ShapeError
from ..ops import nn_functions
from ..ops.meaning.normalizations import group_normalization, variance_scaling
from .base import Layer
from .checks import axis_or_axes, positive, sizes_of, small_constant
from .input_spec import InputSpec

__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization", "widened"]


def widened(layer: Layer, x: Any) -> Any:
    """`x` in the layer's compute dtype, or in 32 bits where that has 16: squares of large numbers need them."""
    return jnp.asarray(x, "float32" if layer.compute_dtype in ("float16", "bfloat16") else layer.compute_dtype)


class LayerNormalization(Layer):
    r"""Normalises each sample over its features: :math:`y = \gamma (x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta`.

    Ba et al., 2016, *Layer Normalization*, equation 4.

    Args:
        axis: the axis of the features, or several.
        epsilon: ε.
        center, scale: whether there are β and γ.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint:
            for β and γ, which have the sizes of the features.
        rms_scaling: (by keyword) only divide, x / √(σ² + ε) · γ: no mean is taken off, and there is no β.

    >>> import numpy as np
    >>> LayerNormalization(epsilon=0)(np.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        self.rms_scaling = bool(kwargs.pop("rms_scaling", False))  # hidden among **kwargs in Keras too
        super().__init__(**kwargs)
        self.axis = axis_or_axes(type(self).__name__, axis)
        self.epsilon = small_constant(type(self).__name__, "epsilon", epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.autocast = False  # a narrow dtype could not hold large inputs: they are widened instead

    def build(self, input_shape: Any) -> None:
        """Make γ and β."""
        shape = sizes_of(self.name, self.axis, input_shape)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
                name="gamma", autocast=False,
            )  # fmt: skip
        if self.center and not self.rms_scaling:
            self.beta = self.add_weight(
                shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
                name="beta", autocast=False,
            )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        """The normalised inputs."""
        inputs = widened(self, inputs)
        if self.rms_scaling:
            return self._scaled(inputs)
        gamma = None if self.gamma is None else self.gamma.value
        beta = None if self.beta is None else self.beta.value
        return nn_functions.layer_normalization(inputs, gamma, beta, self.axis, self.epsilon).astype(self.compute_dtype)

    def _scaled(self, x: Any) -> Any:
        axes = tuple(self.axis) if isinstance(self.axis, list) else (self.axis,)
        gamma = None if self.gamma is None else self.gamma.value
        return variance_scaling(x, gamma, axes, self.epsilon).astype(self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, `rms_scaling` too."""
        return super().get_config() | {"rms_scaling": self.rms_scaling}


class GroupNormalization(Layer):
    r"""Normalises each sample over groups of channels: :math:`y = \gamma (x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta`.

    Wu & He, 2018, *Group Normalization*, equation 1.

    Args:
        groups: how many groups; it divides the number of channels. −1: a group for each channel.
        axis: the axis of the channels.
        epsilon: ε.
        center, scale: whether there are β and γ.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint:
            for β and γ, each (channels,).
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.groups = groups if groups == -1 else positive("GroupNormalization", "groups", groups)
        self.axis = axis_or_axes("GroupNormalization", axis)
        self.epsilon = small_constant(type(self).__name__, "epsilon", epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.autocast = False  # a narrow dtype could not hold large inputs: they are widened instead

    def build(self, input_shape: Any) -> None:
        """Make γ and β."""
        (channels,) = shape = sizes_of(self.name, self.axis, input_shape)
        if channels is None:
            raise ShapeError(
                f"Layer '{self.name}': the number of channels must be known. Received: shape {tuple(input_shape)}"
            )
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise ShapeError(
                f"Layer '{self.name}': groups={self.groups} do not divide {channels} channels. Received: shape "
                f"{tuple(input_shape)}"
            )
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
                name="gamma",
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
                name="beta",
            )  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Any) -> Any:
        """The normalised inputs."""
        x = widened(self, inputs)
        gamma = None if self.gamma is None else self.gamma.value
        beta = None if self.beta is None else self.beta.value
        x = group_normalization(x, gamma, beta, self.groups, self.axis, self.epsilon)
        return x.astype(self.compute_dtype)


class RMSNormalization(Layer):
    """x / √(mean(x²) + ε) · scale: Zhang & Sennrich, 2019.

    Args:
        axis: the axis of the features, or several.
        epsilon: ε.
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_or_axes(type(self).__name__, axis)
        self.epsilon = small_constant(type(self).__name__, "epsilon", epsilon)
        self.supports_masking = True
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        """Make the scale."""
        self.scale = self.add_weight(sizes_of(self.name, self.axis, input_shape), "ones", name="scale", autocast=False)

    def call(self, inputs: Any) -> Any:
        """The normalised inputs."""
        x = widened(self, inputs)
        return nn_functions.rms_normalization(x, self.scale.value, self.axis, self.epsilon).astype(self.compute_dtype)


class UnitNormalization(Layer):
    """Each sample over its Euclidean norm.

    Args:
        axis: the axis of the norm, or several.
    """

    built = True  # nothing to build

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_or_axes("UnitNormalization", axis)
        self.supports_masking = True
        self.autocast = False

    def call(self, inputs: Any) -> Any:
        """The inputs with norm 1."""
        sizes_of(self.name, self.axis, inputs.shape)
        axis: Any = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return nn_functions.normalize(widened(self, inputs), axis, 2, 1e-12).astype(self.compute_dtype)
