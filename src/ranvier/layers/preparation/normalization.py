"""Features shifted and scaled to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.errors import ArgumentError, DataError, ShapeError
from ...core.settings import epsilon
from ..checks import axis_or_axes
from .host import DatasetLayer
from .streams import batches

__all__ = ["Normalization"]


class Normalization(DatasetLayer):
    r"""Shifts and scales features: :math:`(x - \mu) / \max(\sigma, 10^{-7})`, with μ and σ² given or found by `adapt`.

    Args:
        axis: the axis, or axes, with a mean and variance for each position; None: one for all numbers.
        mean, variance: μ and σ², numbers or arrays that broadcast over the kept axes; both, or neither.
        invert: undo it: x · max(σ, 1e-7) + μ.

    >>> import numpy as np
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0], [2.0]]))
    >>> layer(np.array([[4.0]])).tolist()
    [[3.0]]
    """

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        axis = () if axis is None else axis_or_axes("Normalization", axis) if axis not in ((), []) else ()
        self.axis = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
        if (mean is None) != (variance is None):
            raise ArgumentError(
                f"Normalization: mean and variance come together. Received: mean={mean!r}, variance={variance!r}"
            )
        self.input_mean = None if mean is None else np.asarray(mean)
        self.input_variance = None if variance is None else np.asarray(variance)
        self.invert = invert
        self.supports_masking = True

    def _config_value(self, name: str, declared_by: type) -> Any:
        if name in ("mean", "variance"):
            given = getattr(self, f"input_{name}")
            return None if given is None else given.tolist()
        return super()._config_value(name, declared_by)

    def build(self, input_shape: Any) -> None:
        """Make room for the mean, the variance and the number of samples, unless they were given."""
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ShapeError(f"Layer '{self.name}': axis={self.axis} does not exist in shape {tuple(input_shape)}.")
        self._kept = sorted(a % rank for a in self.axis)
        sizes = tuple(input_shape[a] for a in self._kept)
        if None in sizes:
            raise ShapeError(
                f"Layer '{self.name}': the sizes of the kept axes {self.axis} must be known. Received: shape "
                f"{tuple(input_shape)}"
            )
        self._broadcast_shape = tuple(input_shape[a] if a in self._kept else 1 for a in range(rank))
        if self.input_mean is None or self.input_variance is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
        else:
            try:
                for given in (self.input_mean, self.input_variance):
                    np.broadcast_to(given, sizes)
            except ValueError:
                raise ShapeError(
                    f"Layer '{self.name}': mean of shape {self.input_mean.shape} and variance of shape "
                    f"{self.input_variance.shape} do not fit the kept axes {self.axis}, which have the sizes {sizes}."
                ) from None

    @property
    def mean(self) -> Any:
        """μ, in a shape that broadcasts over the inputs; None before the layer is built."""
        return self._statistic("mean")

    @property
    def variance(self) -> Any:
        """σ², in a shape that broadcasts over the inputs; None before the layer is built."""
        return self._statistic("variance")

    def _statistic(self, name: str) -> Any:
        if not hasattr(self, "_broadcast_shape"):
            return None
        given = getattr(self, f"input_{name}")
        if given is not None:
            sizes = [self._broadcast_shape[a] for a in self._kept]
            return jnp.asarray(np.broadcast_to(given, sizes).reshape(self._broadcast_shape), self.compute_dtype)
        return getattr(self, f"adapt_{name}").value.reshape(self._broadcast_shape)

    def adapt(self, data: Any) -> None:
        """Find mean and variance of the data, in float64 (Chan, Golub & LeVeque, 1979, combine the batches).

        Args:
            data: an array, or an iterable of batches: a generator, tf.data, `PyDataset`.
        """
        if self.input_mean is not None:
            raise ArgumentError(
                f"Layer '{self.name}' was given mean and variance, so there is nothing to adapt. Leave them out."
            )
        count, mean, variance = 0.0, np.float64(0), np.float64(0)
        for batch in batches(data):
            x = np.asarray(batch, "float64")
            if x.size == 0:
                continue
            if not self.built:
                single = isinstance(data, np.ndarray) or hasattr(data, "__array__") or isinstance(data, list)
                self.build(x.shape if single else (None, *x.shape[1:]))
            if x.ndim != len(self._broadcast_shape):
                raise ShapeError(
                    f"Layer '{self.name}' was built for rank {len(self._broadcast_shape)}. Received: data of shape "
                    f"{x.shape}"
                )
            over = tuple(a for a in range(x.ndim) if a not in self._kept)
            if not np.isfinite(x).all():
                raise DataError(
                    f"Layer '{self.name}': adapt needs finite numbers, and {np.count_nonzero(~np.isfinite(x)):,} of "
                    f"{x.size:,} are NaN or infinite. Take those rows out, or put numbers in their place."
                )
            n = float(np.prod([x.shape[a] for a in over]))
            new_mean, new_variance = x.mean(over), x.var(over)
            share = n / (count + n)
            difference = new_mean - mean
            variance = variance + (new_variance - variance) * share + difference**2 * share * (1 - share)
            mean, count = mean + difference * share, count + n
        if not count:
            raise DataError(
                f"Layer '{self.name}': there is nothing to adapt to. Received: data without a single sample"
            )
        self.adapt_mean.assign(np.asarray(mean, "float32"))
        self.adapt_variance.assign(np.asarray(variance, "float32"))

    def finalize_state(self) -> None:
        """Nothing is left to do: the layer reads its weights at each call."""

    def call(self, inputs: Any) -> Any:
        """The shifted and scaled inputs."""
        x = jnp.asarray(inputs, self.compute_dtype)
        mean, deviation = self.mean.astype(x.dtype), jnp.sqrt(self.variance.astype(x.dtype))
        deviation = jnp.maximum(deviation, jnp.asarray(epsilon(), x.dtype))
        return mean + x * deviation if self.invert else (x - mean) / deviation
