"""``tf.random``: numbers from generators whose state is a variable, so that compiled functions draw anew at each call.

The distributions are TensorFlow's; the numbers are not, since its bit generators are its own.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import random as core_random
from ...core.errors import ArgumentError, TraceError
from ...core.random import SeedGenerator, draw_seed
from . import dtypes
from .dtypes import dtype_name
from .shapes import static_shape
from .tensors import array_of

__all__ = [
    "Algorithm", "Generator", "categorical", "gamma", "get_global_generator", "normal", "poisson",
    "set_global_generator", "set_seed", "shuffle", "stateless_categorical", "stateless_gamma", "stateless_normal",
    "stateless_poisson", "stateless_truncated_normal", "stateless_uniform", "truncated_normal", "uniform",
]  # fmt: skip


class Algorithm:
    """Names of bit generators, all of which mean JAX's."""

    PHILOX, THREEFRY, AUTO_SELECT = 1, 2, 3


_seeded: dict[int, SeedGenerator] = {}


def set_seed(seed: int) -> None:
    """Begin anew: what is drawn from now on, initial weights and shuffles too, is the same whenever `seed` is."""
    core_random.seed_generators(int(seed) % 2**32)
    for number, generator in _seeded.items():  # which compiled functions go on from
        generator.state.assign(np.array([number, 0], np.uint32))
    for generator in _global:
        generator.reset_from_seed(int(seed) % 2**31)


def _bits(seed: Any) -> Any:
    """The seed of one draw: the next of the process's generator, or of the one that began with `seed`."""
    if seed is None:
        return core_random.shared_generator().next()
    number = int(seed) % 2**31
    if number not in _seeded:
        _seeded[number] = SeedGenerator(number)
    try:
        return _seeded[number].next()
    except TraceError:  # in `fit`, whose state the shared generator is part of, and this one is not
        return core_random.shared_generator().next() ^ jnp.asarray([number, 0], jnp.uint32)


def _normal(key: Any, shape: Any, mean: Any, stddev: Any, dtype: Any) -> Any:
    name = dtype_name(dtype)
    return jax.random.normal(key, static_shape(shape), name) * _as(stddev, name) + _as(mean, name)


def _truncated(key: Any, shape: Any, mean: Any, stddev: Any, dtype: Any) -> Any:
    name = dtype_name(dtype)
    return jax.random.truncated_normal(key, -2.0, 2.0, static_shape(shape), name) * _as(stddev, name) + _as(mean, name)


def _uniform(key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any) -> Any:
    name = dtype_name(dtype)
    if "int" in str(name):
        if maxval is None:
            raise ArgumentError(f"maxval must be given for whole numbers. Received: dtype={dtype!r}, maxval=None")
        return jax.random.randint(key, static_shape(shape), array_of(minval), array_of(maxval), name)
    return jax.random.uniform(
        key, static_shape(shape), name, _as(minval, name), _as(1 if maxval is None else maxval, name)
    )


def _gamma(key: Any, shape: Any, alpha: Any, beta: Any, dtype: Any, ahead: bool) -> Any:
    name = dtype_name(dtype)
    alpha, beta = _as(alpha, name), _as(1.0 if beta is None else beta, name)
    size: Any = (*static_shape(shape), *jnp.broadcast_shapes(alpha.shape, beta.shape)) if ahead else static_shape(shape)
    return jax.random.gamma(key, jnp.broadcast_to(alpha, size), size, name) / beta


def _poisson(key: Any, shape: Any, lam: Any, dtype: Any, ahead: bool) -> Any:
    lam = array_of(lam)
    size = (*static_shape(shape), *lam.shape) if ahead else static_shape(shape)
    return jax.random.poisson(_threefry(key), lam, size).astype(dtype_name(dtype))


def _threefry(key: Any) -> Any:
    return jax.random.wrap_key_data(jnp.asarray(key, jnp.uint32), impl="threefry2x32")


def _categorical(key: Any, logits: Any, num_samples: Any, dtype: Any) -> Any:
    logits = array_of(logits)
    drawn = jax.random.categorical(key, logits[:, :, None], axis=1, shape=(logits.shape[0], int(num_samples)))
    return drawn.astype(dtype_name(dtype))


def _as(value: Any, name: str | None) -> Any:
    return jnp.asarray(array_of(value), name)


def normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: Any = None,
    name: str | None = None,
) -> Any:
    """Numbers from a normal distribution."""
    return _normal(_bits(seed), shape, mean, stddev, dtype)


def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: Any = None,
    name: str | None = None,
) -> Any:
    """Numbers from a normal distribution, those more than two standard deviations off drawn again."""
    return _truncated(_bits(seed), shape, mean, stddev, dtype)


def uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = dtypes.float32,
    seed: Any = None,
    name: str | None = None,
) -> Any:
    """Numbers spread evenly from `minval` to before `maxval` (None: 1); whole ones if the dtype is."""
    return _uniform(_bits(seed), shape, minval, maxval, dtype)


def gamma(
    shape: Any, alpha: Any, beta: Any = None, dtype: Any = dtypes.float32, seed: Any = None, name: str | None = None
) -> Any:
    """Numbers from gamma distributions of shape `alpha` and rate `beta`, (*shape, *alpha's shape)."""
    return _gamma(_bits(seed), shape, alpha, beta, dtype, True)


def poisson(shape: Any, lam: Any, dtype: Any = dtypes.float32, seed: Any = None, name: str | None = None) -> Any:
    """Numbers from Poisson distributions of mean `lam`, (*shape, *lam's shape)."""
    return _poisson(_bits(seed), shape, lam, dtype, True)


def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: Any = None, name: str | None = None) -> Any:
    """Classes drawn with the probabilities that `logits`, (batch, classes), give: (batch, num_samples)."""
    return _categorical(_bits(seed), logits, num_samples, dtype or dtypes.int64)


def shuffle(value: Any, seed: Any = None, name: str | None = None) -> Any:
    """The rows in random order."""
    return jax.random.permutation(_bits(seed), array_of(value), 0)


def stateless_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    name: str | None = None,
    alg: Any = None,
) -> Any:
    """The numbers that belong to `seed`, two integers, from a normal distribution."""
    return _normal(_pair(seed), shape, mean, stddev, dtype)


def stateless_truncated_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    name: str | None = None,
    alg: Any = None,
) -> Any:
    """The numbers that belong to `seed`, two integers, from a truncated normal distribution."""
    return _truncated(_pair(seed), shape, mean, stddev, dtype)


def stateless_uniform(
    shape: Any,
    seed: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = dtypes.float32,
    name: str | None = None,
    alg: Any = None,
) -> Any:
    """The numbers that belong to `seed`, two integers, spread evenly."""
    return _uniform(_pair(seed), shape, minval, maxval, dtype)


def stateless_categorical(
    logits: Any, num_samples: Any, seed: Any, dtype: Any = dtypes.int64, name: str | None = None
) -> Any:
    """The classes that belong to `seed`, two integers, drawn with the probabilities that `logits` give."""
    return _categorical(_pair(seed), logits, num_samples, dtype)


def stateless_gamma(
    shape: Any, seed: Any, alpha: Any, beta: Any = None, dtype: Any = dtypes.float32, name: str | None = None
) -> Any:
    """The numbers that belong to `seed`, two integers, from gamma distributions, of the whole `shape`."""
    return _gamma(_pair(seed), shape, alpha, beta, dtype, False)


def stateless_poisson(shape: Any, seed: Any, lam: Any, dtype: Any = dtypes.int32, name: str | None = None) -> Any:
    """The numbers that belong to `seed`, two integers, from Poisson distributions, of the whole `shape`."""
    return _poisson(_pair(seed), shape, lam, dtype, False)


def _pair(seed: Any) -> Any:
    words = array_of(seed)
    if words.shape != (2,):
        raise ArgumentError(f"seed must be two integers. Received: seed={seed!r}")
    return draw_seed(words.astype(jnp.uint32))


class Generator:
    """A generator of its own.

    Args:
        state: an integer to begin with.
        alg: accepted.

    >>> tuple(Generator.from_seed(1).normal((2,)).shape)
    (2,)
    """

    def __init__(self, copy_from: Any = None, state: Any = None, alg: Any = None):
        self._source = SeedGenerator(None if state is None else int(np.asarray(state).ravel()[0]) % 2**31)

    @classmethod
    def from_seed(cls, seed: int, alg: Any = None) -> Generator:
        """The generator that begins with `seed`."""
        return cls(state=seed)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A generator that begins anywhere."""
        return cls()

    from_state = from_seed

    @property
    def state(self) -> Any:
        """The variable that it goes on from."""
        return self._source.state

    def reset_from_seed(self, seed: int) -> None:
        """Begin again, with `seed`."""
        self._source.state.assign(np.array([seed, 0], np.uint32))

    def make_seeds(self, count: int = 1) -> Any:
        """Seeds for the stateless functions, (2, count)."""
        return jnp.stack([self._source.next() for _ in range(count)], axis=1)

    def split(self, count: int = 1) -> list[Generator]:
        """Generators that draw independently of this one and each other."""
        return [Generator(state=int(np.asarray(jax.random.bits(self._source.next())) % 2**31)) for _ in range(count)]

    def normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32, name: str | None = None
    ) -> Any:
        """Numbers from a normal distribution."""
        return _normal(self._source.next(), shape, mean, stddev, dtype)

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32, name: str | None = None
    ) -> Any:
        """Numbers from a truncated normal distribution."""
        return _truncated(self._source.next(), shape, mean, stddev, dtype)

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = dtypes.float32, name: str | None = None
    ) -> Any:
        """Numbers spread evenly."""
        return _uniform(self._source.next(), shape, minval, maxval, dtype)


_global: list[Generator] = []


def get_global_generator() -> Generator:
    """The process's generator."""
    if not _global:
        _global.append(Generator())
    return _global[0]


def set_global_generator(generator: Generator) -> None:
    """Make `generator` the process's."""
    _global[:] = [generator]


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("random", name, __all__))
