"""Layers that bring their inputs to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .. import constraints, initializers, regularizers
from ..core.errors import ArgumentError, ShapeError
from ..ops import nn_functions
from .base import Layer
from .input_spec import InputSpec

__all__ = ["BatchNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


class BatchNormalization(Layer):
    r"""Normalises each channel by the batch's statistics: :math:`y = \gamma (x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta`.

    In training μ and σ² are those of the batch, and moving averages of them are kept, which inference (and a layer
    with ``trainable = False``) uses. Ioffe & Szegedy, 2015, algorithm 1.

    Args:
        axis: the axis of the channels.
        momentum: how much of the moving averages each step keeps.
        epsilon: ε.
        center, scale: whether there are β and γ.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how they begin.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: penalties and projections.
        synchronized: accepted: one program sees the whole batch on all its devices.
        renorm: correct by the moving statistics in training too: Ioffe, 2017.
        renorm_clipping: bounds ``rmin``, ``rmax``, ``dmax`` of the correction.
        renorm_momentum: the momentum of the renormalisation's statistics.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        synchronized: bool = False,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(axis, int):
            raise ArgumentError(f"BatchNormalization: axis must be an integer. Received: axis={axis!r}")
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"BatchNormalization: momentum must be from 0 to 1. Received: momentum={momentum!r}")
        self.axis = axis
        self.momentum = float(momentum)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.synchronized = synchronized
        self.renorm = renorm
        self.renorm_clipping = renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make γ, β and the moving statistics, each (channels,)."""
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ShapeError(
                f"Layer '{self.name}': axis={self.axis} does not exist in inputs of shape {tuple(input_shape)}."
            )
        shape = (input_shape[self.axis],)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
                name="gamma", autocast=False,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
                name="beta", autocast=False,
            )  # fmt: skip
        still: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, name="moving_mean", **still)
        self.moving_variance = self.add_weight(shape, self.moving_variance_initializer, name="moving_variance", **still)
        if self.renorm:
            self.renorm_mean = self.add_weight(shape, self.moving_mean_initializer, name="renorm_mean", **still)
            self.renorm_stddev = self.add_weight(shape, "ones", name="renorm_stddev", **still)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: input_shape[self.axis]})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The normalised inputs."""
        x = inputs.astype("float32") if inputs.dtype in (jnp.float16, jnp.bfloat16) else inputs
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            scale, shift = self._renormalized(mean, variance) if self.renorm else (None, None)
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving.value * self.momentum + lax.stop_gradient(now) * (1 - self.momentum))
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
            scale = shift = None
        factor = lax.rsqrt(variance + self.epsilon)  # (channels,)
        offset = -mean * factor
        if scale is not None and shift is not None:
            factor, offset = factor * scale, offset * scale + shift
        if self.gamma is not None:
            factor, offset = factor * self.gamma.value, offset * self.gamma.value
        if self.beta is not None:
            offset = offset + self.beta.value
        y = x * self._along(factor, x) + self._along(offset, x)
        return y.astype(self.compute_dtype)

    def _along(self, vector: Any, x: Any) -> Any:
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return jnp.reshape(vector, shape)

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance of each channel over the batch (over what the mask keeps)."""
        axes = tuple(i for i in range(x.ndim) if i != self.axis % x.ndim)
        if mask is None:
            return nn_functions.moments(x, axes)
        weight = jnp.asarray(mask, x.dtype)
        while weight.ndim < x.ndim:
            weight = weight[..., None]
        weight = jnp.broadcast_to(weight, [1 if i == self.axis % x.ndim else s for i, s in enumerate(x.shape)])
        count = jnp.sum(weight)
        safe = jnp.maximum(count, 1e-7)
        mean = jnp.sum(x * weight, axes) / safe
        variance = jnp.sum(jnp.square(x - self._along(mean, x)) * weight, axes) / safe
        return mean, variance

    def _renormalized(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """The correction (r, d) that brings the batch's statistics near the moving ones: Ioffe, 2017, algorithm 1."""
        deviation = jnp.sqrt(variance + self.epsilon)
        moving_mean, moving_deviation = self.renorm_mean.value, self.renorm_stddev.value
        r, d = deviation / moving_deviation, (mean - moving_mean) / moving_deviation
        bounds = self.renorm_clipping or {}
        r = jnp.clip(r, bounds.get("rmin"), bounds.get("rmax"))
        if (limit := bounds.get("dmax")) is not None:
            d = jnp.clip(d, -limit, limit)
        keep = self.renorm_momentum
        self.renorm_mean.assign(moving_mean * keep + lax.stop_gradient(mean) * (1 - keep))
        self.renorm_stddev.assign(moving_deviation * keep + lax.stop_gradient(deviation) * (1 - keep))
        return lax.stop_gradient(r), lax.stop_gradient(d)


class LayerNormalization(Layer):
    r"""Normalises each sample over its features: :math:`y = \gamma (x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta`. Ba et al., 2016.

    Args:
        axis: the axis of the features, or several.
        epsilon: ε.
        center, scale: whether there are β and γ.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint:
            for β and γ, which have the sizes of the features.
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
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make γ and β."""
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        shape = tuple(input_shape[a] for a in axes)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
                name="gamma", autocast=False,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
                name="beta", autocast=False,
            )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        """The normalised inputs."""
        gamma = None if self.gamma is None else self.gamma.value
        beta = None if self.beta is None else self.beta.value
        return nn_functions.layer_normalization(inputs, gamma, beta, self.axis, self.epsilon).astype(self.compute_dtype)


class RMSNormalization(Layer):
    """x / √(mean(x²) + ε) · scale: Zhang & Sennrich, 2019.

    Args:
        axis: the axis of the features, or several.
        epsilon: ε.
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make the scale."""
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        self.scale = self.add_weight(tuple(input_shape[a] for a in axes), "ones", name="scale", autocast=False)

    def call(self, inputs: Any) -> Any:
        """The normalised inputs."""
        return nn_functions.rms_normalization(inputs, self.scale.value, self.axis, self.epsilon).astype(
            self.compute_dtype
        )


class UnitNormalization(Layer):
    """Each sample over its Euclidean norm.

    Args:
        axis: the axis of the norm, or several.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The inputs with norm 1."""
        return nn_functions.normalize(inputs, self.axis, 2, 1e-12)
