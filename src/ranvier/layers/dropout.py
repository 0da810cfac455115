"""Layers that disturb their inputs during training, against overfitting."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError, ShapeError
from ..core.random import SeedGenerator
from ..core.settings import standardize_data_format
from ..ops.meaning.noise import alpha_dropout, dropout, gaussian_dropout, gaussian_noise
from ..regularizers import L1L2
from .base import Layer
from .checks import rate_between
from .input_spec import InputSpec

__all__ = [
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D",
]  # fmt: skip


def _noise_shape(layer: str, noise_shape: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the mask for inputs of `shape`."""
    if noise_shape is None:
        return shape
    if len(noise_shape) != len(shape) or any(n not in (None, 1, s) for n, s in zip(noise_shape, shape, strict=True)):
        raise ShapeError(
            f"Layer '{layer}': noise_shape={noise_shape} must hold 1, None or the input's size for each axis. "
            f"Received: inputs of shape {shape}"
        )
    return tuple(s if n is None else n for n, s in zip(noise_shape, shape, strict=True))


def _checked(layer: str, noise_shape: Any) -> tuple[int | None, ...] | None:
    """`noise_shape` as a tuple, refused unless it holds whole sizes and None."""
    if noise_shape is None:
        return None
    if not isinstance(noise_shape, (tuple, list)) or any(
        n is not None and (isinstance(n, bool) or not isinstance(n, Integral) or n < 1) for n in noise_shape
    ):
        raise ArgumentError(
            f"{layer}: noise_shape must be a tuple of integers of at least 1 and None. Received: noise_shape={noise_shape!r}"
        )
    return tuple(noise_shape)


class Dropout(Layer):
    """Sets each element to 0 with probability `rate` and scales the rest by 1 / (1 − rate): Srivastava et al., 2014.

    Args:
        rate: the fraction that is dropped, from 0 to 1.
        noise_shape: the shape of the mask, 1 (or None for the input's size) where elements fall together.
        seed: an integer, for the same masks in every run.

    >>> import numpy as np
    >>> y = Dropout(0.25, seed=0)(np.ones((100, 100), "float32"), training=True)
    >>> float(y.min()), round(float(y.max()), 3)
    (0.0, 1.333)
    """

    built = True  # nothing to build

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = rate_between(type(self).__name__, "rate", rate)
        self.noise_shape = _checked(type(self).__name__, noise_shape)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _noise_shape(self.name, self.noise_shape, shape)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Dropped and scaled inputs in training, the inputs otherwise."""
        if not training or self.seed_generator is None:
            return inputs
        if self.rate == 1:
            return jnp.zeros_like(inputs)
        return dropout(inputs, self.seed_generator.next(), self.rate, self._mask_shape(inputs.shape))


class _SpatialDropout(Dropout):
    """Base of dropouts that drop whole channels."""

    config_excluded = Dropout.config_excluded | {"noise_shape"}
    _spatial_axes: tuple[int, ...] = (1,)

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, seed=seed, **kwargs)
        self.input_spec = InputSpec(ndim=len(self._spatial_axes) + 2)

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        first = getattr(self, "data_format", "channels_last") == "channels_first"
        spatial = [a + 1 for a in self._spatial_axes] if first else self._spatial_axes
        return tuple(1 if i in spatial else s for i, s in enumerate(shape))

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.dtype_policy.name if name == "dtype" else super()._config_value(name, declared_by)


class SpatialDropout1D(_SpatialDropout):
    """Drops whole channels of sequences, (batch, time, channels): Tompson et al., 2015.

    Args:
        rate: the fraction of channels that is dropped.
        seed: an integer, for the same masks in every run.
    """

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(rate, seed, name=name, dtype=dtype)


class SpatialDropout2D(_SpatialDropout):
    """Drops whole channels of images: Tompson et al., 2015.

    Args:
        rate: the fraction of channels that is dropped.
        data_format: where the channels are.
        seed: an integer, for the same masks in every run.
    """

    _spatial_axes = (1, 2)

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(rate, seed, name=name, dtype=dtype)
        self.data_format = standardize_data_format(data_format)


class SpatialDropout3D(SpatialDropout2D):
    """Drops whole channels of volumes: Tompson et al., 2015.

    Args:
        rate: the fraction of channels that is dropped.
        data_format: where the channels are.
        seed: an integer, for the same masks in every run.
    """

    _spatial_axes = (1, 2, 3)


class GaussianNoise(Layer):
    """Adds normal noise in training.

    Args:
        stddev: the noise's standard deviation.
        seed: an integer, for the same noise in every run.
    """

    built = True  # nothing to build

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.stddev = rate_between("GaussianNoise", "stddev", stddev)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if stddev > 0 else None
        self.supports_masking = True

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Noisy inputs in training, the inputs otherwise."""
        if not training or self.seed_generator is None:
            return inputs
        return gaussian_noise(inputs, self.seed_generator.next(), self.stddev)


class GaussianDropout(Layer):
    """Multiplies by normal noise around 1 in training: Srivastava et al., 2014, section 10.

    Args:
        rate: the noise has the variance rate / (1 − rate), that of dropout.
        seed: an integer, for the same noise in every run.
    """

    built = True  # nothing to build

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = rate_between("GaussianDropout", "rate", rate)
        if rate == 1:
            raise ArgumentError(f"GaussianDropout: rate must be less than 1. Received: rate={rate!r}")
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Noisy inputs in training, the inputs otherwise."""
        if not training or self.seed_generator is None:
            return inputs
        return gaussian_dropout(inputs, self.seed_generator.next(), self.rate)


class AlphaDropout(Layer):
    """Dropout that keeps mean 0 and variance 1 of inputs that have them, for SELU: Klambauer et al., 2017.

    Args:
        rate: the fraction that is dropped.
        noise_shape: the shape of the mask.
        seed: an integer, for the same masks in every run.
    """

    built = True  # nothing to build

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = rate_between("AlphaDropout", "rate", rate)
        self.noise_shape = _checked(type(self).__name__, noise_shape)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Dropped, scaled and shifted inputs in training, the inputs otherwise."""
        if not training or self.seed_generator is None:
            return inputs
        shape = _noise_shape(self.name, self.noise_shape, inputs.shape)
        return alpha_dropout(inputs, self.seed_generator.next(), self.rate, shape)


class ActivityRegularization(Layer):
    """The inputs as they are, with a penalty on them added to the loss.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
    """

    built = True  # nothing to build

    config_excluded = Layer.config_excluded | {"activity_regularizer"}

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs
