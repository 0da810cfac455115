"""Normalisation by the statistics of the batch."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import constraints, initializers, regularizers
from ..core.errors import ArgumentError
from ..core.variables import Variable
from ..ops.by_batch import batch_kernels_apply, normalize_by_batch
from ..ops.meaning.normalizations import (
    along,
    batch_moments,
    batch_normalization,
    moving_average,
    renormalization,
)
from ..ops.origins import origin_of
from ..ops.recording import is_recording
from .base import Layer
from .checks import rate_between, sizes_of, small_constant
from .context import current_context
from .input_spec import InputSpec
from .normalization import widened

__all__ = ["BatchNormalization"]


class BatchNormalization(Layer):
    r"""Normalises each channel by the batch: :math:`y = \gamma (x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta`.

    In training μ and σ² are those of the batch, and moving averages of them are kept, which inference (and a layer
    with ``trainable = False``) uses. Ioffe & Szegedy, 2015, algorithm 1.

    Args:
        axis: the axis of the channels.
        momentum: how much of the moving averages each step keeps.
        epsilon: ε.
        center, scale: whether there are β and γ.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how they begin.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: penalties and projections.
        renorm: correct by moving statistics in training too, which helps small batches: Ioffe, 2017, algorithm 1.
        renorm_clipping: bounds ``rmin``, ``rmax``, ``dmax`` of the correction; a missing one does not bind.
        renorm_momentum: the momentum of the statistics that the correction aims at.
        synchronized: accepted: one program sees the whole batch on all its devices.

    >>> import numpy as np
    >>> layer = BatchNormalization(momentum=0.5)
    >>> y = layer(np.array([[1.0], [3.0]], "float32"), training=True)
    >>> bool(abs(y.mean()) < 1e-6), layer.moving_mean.numpy().tolist()
    (True, [1.0])
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
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise ArgumentError(f"BatchNormalization: axis must be an integer. Received: axis={axis!r}")
        rate_between("BatchNormalization", "momentum", momentum)
        rate_between("BatchNormalization", "renorm_momentum", renorm_momentum)
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = small_constant("BatchNormalization", "epsilon", epsilon)
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
        self.renorm = bool(renorm)
        self.renorm_clipping = _clipping(renorm_clipping) if renorm else None
        self.renorm_momentum = renorm_momentum
        self.synchronized = bool(synchronized)
        self.supports_masking = True
        self.autocast = False  # large inputs are widened instead

    def build(self, input_shape: Any) -> None:
        """Make γ, β and the moving statistics, each (channels,)."""
        shape = sizes_of(self.name, self.axis, input_shape)
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
            deviation = _deviation_of(self.moving_variance_initializer)
            self.moving_stddev = self.add_weight(shape, deviation, name="moving_stddev", **still)
            self.renorm_mean = self.add_weight(shape, self.moving_mean_initializer, name="renorm_mean", **still)
            self.renorm_stddev = self.add_weight(shape, deviation, name="renorm_stddev", **still)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: input_shape[self.axis]})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The normalised inputs."""
        x = widened(self, inputs)
        context = current_context()
        if training and self.trainable and not (context is not None and context.frozen):
            last = self.axis % x.ndim == x.ndim - 1
            usual = mask is None and last and not self.renorm and not is_recording()
            if usual and batch_kernels_apply(x, self.epsilon):
                return self._by_kernels(x)
            mean, variance = self._moments(x, mask)
            r, d = self._renormalized(mean, variance) if self.renorm else (None, None)
            self._update(self.moving_mean, mean, self.momentum)
            if not self.renorm:
                self._update(self.moving_variance, variance, self.momentum)
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
            r = d = None
        gamma = None if self.gamma is None else self.gamma.value
        beta = None if self.beta is None else self.beta.value
        y = batch_normalization(x, mean, variance, gamma, beta, r, d, self.axis, self.epsilon)
        return y.astype(self.compute_dtype)

    def _by_kernels(self, x: Any) -> Any:
        """As `call` in training. A bias just before changes nothing but the moving mean, so it is not added to x."""
        x, bias = origin_of(x, "bias") or (x, None)
        scale = jnp.ones(x.shape[-1]) if self.gamma is None else self.gamma.value
        shift = jnp.zeros(x.shape[-1]) if self.beta is None else self.beta.value
        y, mean, variance = normalize_by_batch(x, scale, shift, self.epsilon)
        self._update(self.moving_mean, mean if bias is None else mean + bias, self.momentum)
        self._update(self.moving_variance, variance, self.momentum)
        return y.astype(self.compute_dtype)

    def _along(self, vector: Any, x: Any) -> Any:
        return along(vector, x, self.axis)

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance of each channel over the batch (over what the mask keeps)."""
        return batch_moments(x, mask, self.axis)

    def _update(self, moving: Variable, now: Any, momentum: float) -> Any:
        """Bring a moving average nearer to the present value."""
        return moving.assign(moving_average(moving.value, now, momentum))

    def _renormalized(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """The correction (r, d) that brings the batch's statistics near the moving ones: Ioffe, 2017, algorithm 1.

        With it, the moving variance follows the moving average of the deviations.
        """
        deviation = jnp.sqrt(variance + self.epsilon)
        aims = self.renorm_mean.value, self.renorm_stddev.value
        r, d = renormalization(mean, deviation, *aims, **(self.renorm_clipping or {}))
        self._update(self.renorm_mean, mean, self.renorm_momentum)
        self._update(self.renorm_stddev, deviation, self.renorm_momentum)
        smooth = self._update(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(jnp.maximum(jnp.square(smooth) - self.epsilon, 0))
        return r, d


def _clipping(bounds: Any) -> dict[str, float]:
    """The bounds of the renormalisation, checked."""
    bounds = dict(bounds or {})
    if unknown := set(bounds) - {"rmin", "rmax", "dmax"}:
        raise ArgumentError(
            "BatchNormalization: renorm_clipping has the keys 'rmin', 'rmax' and 'dmax'. "
            f"Received also: {sorted(unknown)}"
        )
    if any(not value >= 0 for value in bounds.values()) or bounds.get("rmin", 0) > bounds.get("rmax", math.inf):
        raise ArgumentError(
            f"BatchNormalization: renorm_clipping needs 0 ≤ rmin ≤ rmax and 0 ≤ dmax. Received: {bounds}"
        )
    return bounds


def _deviation_of(variance_initializer: Any) -> Any:
    """The initialiser of standard deviations whose squares `variance_initializer` gives."""
    return lambda shape, dtype=None: np.sqrt(np.asarray(variance_initializer(shape, dtype=dtype)))
