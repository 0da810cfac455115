"""Random tensors: `keras.random`, on `jax.random`.

Every function takes a seed: an integer (the same numbers at every call), a `SeedGenerator` (the next numbers of its
sequence; the way to get fresh ones at each step of compiled training), or None (fresh ones, drawn on the host from
the generator that `set_random_seed` seeds).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .core import dtypes
from .core.errors import ArgumentError, ShapeError
from .core.random import SeedGenerator, draw_seed, keep_mask
from .ops.symbolic import op
from .ops.tensors import tensor

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "shuffle",
    "truncated_normal", "uniform",
]  # fmt: skip


def _float_dtype(dtype: Any, function: str) -> str:
    name = dtypes.standardize_dtype(dtype)
    if not dtypes.is_float(name):
        raise ArgumentError(f"random.{function} draws floats, so dtype must be a float type. Received: dtype={dtype!r}")
    return name


def normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | SeedGenerator | None = None
) -> Any:
    """Numbers from a normal distribution.

    Args:
        shape: the shape of the result.
        mean: the distribution's mean.
        stddev: its standard deviation.
        dtype: a float type; None: `floatx()`.
        seed: see the module's text.

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    return jax.random.normal(draw_seed(seed), tuple(shape), _float_dtype(dtype, "normal")) * stddev + mean


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | SeedGenerator | None = None
) -> Any:
    """Numbers from a normal distribution, those more than two standard deviations off drawn again.

    Args:
        shape: the shape of the result.
        mean: the mean before truncation.
        stddev: the standard deviation before truncation.
        dtype: a float type; None: `floatx()`.
        seed: see the module's text.
    """
    dtype = _float_dtype(dtype, "truncated_normal")
    return jax.random.truncated_normal(draw_seed(seed), -2.0, 2.0, tuple(shape), dtype) * stddev + mean


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: int | SeedGenerator | None = None
) -> Any:
    """Numbers spread evenly from `minval` to before `maxval`.

    Args:
        shape: the shape of the result.
        minval: the lower end.
        maxval: the upper end.
        dtype: a float type; None: `floatx()`. For whole numbers there is `randint`.
        seed: see the module's text.
    """
    return jax.random.uniform(draw_seed(seed), tuple(shape), _float_dtype(dtype, "uniform"), minval, maxval)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: int | SeedGenerator | None = None) -> Any:
    """Whole numbers from `minval` to before `maxval`.

    Args:
        shape: the shape of the result.
        minval: the smallest number.
        maxval: one more than the largest.
        dtype: an integer type.
        seed: see the module's text.
    """
    name = dtypes.standardize_dtype(dtype)
    if "int" not in name:
        raise ArgumentError(f"random.randint draws integers, so dtype must be an integer type. Received: {dtype!r}")
    return jax.random.randint(draw_seed(seed), tuple(shape), minval, maxval, name)


@op
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: int | SeedGenerator | None = None) -> Any:
    """Classes drawn with the probabilities that `logits` give.

    Args:
        logits: (batch, classes), unnormalised log-probabilities.
        num_samples: how many classes to draw for each row.
        dtype: an integer type.
        seed: see the module's text.

    Returns:
        (batch, num_samples).
    """
    logits = jnp.asarray(tensor(logits))
    if logits.ndim != 2:
        raise ShapeError(f"logits must have shape (batch, classes). Received: shape {logits.shape}")
    drawn = jax.random.categorical(draw_seed(seed), logits[:, :, None], axis=1, shape=(len(logits), num_samples))
    return drawn.astype(dtypes.standardize_dtype(dtype))


@op
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: int | SeedGenerator | None = None) -> Any:
    """Zeros in random places with probability `rate`, the rest scaled by 1 / (1 − rate): Srivastava et al., 2014.

    Args:
        inputs: a float tensor.
        rate: the part that is dropped, at least 0 and below 1.
        noise_shape: the shape of the mask, 1 (or None for the input's own size) along axes; broadcast to the input.
        seed: see the module's text.

    Raises:
        ArgumentError: a rate outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ArgumentError(f"rate must be at least 0 and below 1. Received: rate={rate!r}")
    inputs = jnp.asarray(tensor(inputs))
    if noise_shape is None:
        shape = inputs.shape
    else:
        if len(noise_shape) != inputs.ndim:
            raise ShapeError(f"noise_shape {tuple(noise_shape)} must have one size for each axis of {inputs.shape}.")
        shape = tuple(s if n is None else int(n) for n, s in zip(noise_shape, inputs.shape, strict=True))
    kept = jnp.broadcast_to(keep_mask(draw_seed(seed), 1 - rate, shape), inputs.shape)
    return jnp.where(kept, inputs / (1 - rate), jnp.zeros((), inputs.dtype))


@op
def shuffle(x: Any, axis: int = 0, seed: int | SeedGenerator | None = None) -> Any:
    """The elements of `x` in random order along `axis`, each of the lines that run that way for itself.

    To move whole rows together, index with a shuffled range: ``ops.take(x, shuffle(ops.arange(n)), axis=0)``.

    Args:
        x: a tensor.
        axis: the axis that is shuffled.
        seed: see the module's text.
    """
    return jax.random.permutation(draw_seed(seed), jnp.asarray(tensor(x)), axis, independent=True)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: int | SeedGenerator | None = None) -> Any:
    """Numbers from the gamma distribution with shape parameter `alpha` and scale 1.

    Args:
        shape: the shape of the result.
        alpha: the shape parameter, a positive number or a tensor that broadcasts to `shape`.
        dtype: a float type; None: `floatx()`.
        seed: see the module's text.
    """
    return jax.random.gamma(draw_seed(seed), tensor(alpha), tuple(shape), _float_dtype(dtype, "gamma"))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: int | SeedGenerator | None = None) -> Any:
    """Numbers from the beta distribution on (0, 1).

    Args:
        shape: the shape of the result.
        alpha: the first parameter, positive, or a tensor that broadcasts to `shape`.
        beta: the second parameter, likewise.
        dtype: a float type; None: `floatx()`.
        seed: see the module's text.
    """
    return jax.random.beta(draw_seed(seed), tensor(alpha), tensor(beta), tuple(shape), _float_dtype(dtype, "beta"))


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: int | SeedGenerator | None = None
) -> Any:
    """How many of `counts` trials succeed.

    Args:
        shape: the shape of the result.
        counts: the number of trials, or a tensor that broadcasts to `shape`.
        probabilities: the probability that one trial succeeds, likewise.
        dtype: a float type; None: `floatx()`.
        seed: see the module's text.
    """
    dtype = _float_dtype(dtype, "binomial")
    counts, probabilities = (jnp.asarray(tensor(v), dtype) for v in (counts, probabilities))
    return jax.random.binomial(draw_seed(seed), counts, probabilities, tuple(shape), dtype)
