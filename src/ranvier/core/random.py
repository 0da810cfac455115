"""Randomness: seeds, generators whose state is a variable, and a counter hash for cheap masks.

A `SeedGenerator`'s state is a `Variable`, so it travels through compiled training like any other state, and a
resumed run draws what an uninterrupted one would have drawn.

Masks for dropout come from a counter hash: each element's index is mixed with two words of seed by rounds of
multiply-xor-shift (the finaliser *lowbias32* of C. Wellons' prospector), a few integer operations that XLA
fuses into the multiplication that uses them. JAX's own generator costs hundreds of times as much on a CPU.
"""

from __future__ import annotations

import random as _python_random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import names, ownership, serialization, sharing
from .errors import ArgumentError
from .pure import current_scope
from .scalars import host
from .variables import Variable

__all__ = [
    "OwnRandomness",
    "SeedGenerator",
    "child_generator",
    "draw_seed",
    "forget_shared_generator",
    "hash_bits",
    "host_generator",
    "keep_mask",
    "seed_generators",
    "set_random_seed",
    "shared_generator",
    "shared_state",
]

_host = np.random.default_rng()
_seed = int(np.random.SeedSequence().generate_state(1)[0])  # what the process was seeded with


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and ranvier's generators: the same seed gives the same bits in every run.

    Args:
        seed: an integer from 0 to 2³² − 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ArgumentError(f"seed must be an integer from 0 to 2**32 - 1. Received: seed={seed!r}")
    _python_random.seed(int(seed))
    np.random.seed(int(seed))
    seed_generators(int(seed))


def seed_generators(seed: int) -> None:
    """Seed ranvier's generators, the shared one too, and nobody else's."""
    global _host, _seed
    _host, _seed = np.random.default_rng(int(seed)), int(seed)
    if _shared:
        _shared[0].state.assign(np.array([_seed & 0xFFFFFFFF, 0], np.uint32))


def host_generator(seed: Any = None) -> np.random.Generator:
    """The NumPy generator that initial weights and shuffles come from.

    Args:
        seed: None for the process's generator, an integer or a `SeedGenerator` for one of its own.
    """
    if seed is None:
        return _host
    if isinstance(seed, SeedGenerator):
        return np.random.default_rng([int(w) for w in np.asarray(seed.next())])
    return np.random.default_rng(int(seed) % 2**64)  # negative seeds are seeds too


def child_generator() -> np.random.Generator:
    """A generator of its own, seeded from the process's: what is drawn from it disturbs nobody else's numbers."""
    return np.random.default_rng(int(_host.integers(2**63)))


class OwnRandomness:
    """A context with Python's, NumPy's and ranvier's generators of its own, as in a process of its own.

    The first time they begin as `set_random_seed` sets them, later where they stood; outside, nothing is disturbed.

    Args:
        seed: as for `set_random_seed`.
    """

    def __init__(self, seed: int):
        outer = _generators()
        set_random_seed(seed)
        self._own = _generators()
        _set_generators(outer)

    def __enter__(self) -> OwnRandomness:
        self._outer = _generators()
        _set_generators(self._own)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._own = _generators()
        _set_generators(self._outer)


def _generators() -> tuple[Any, Any, np.random.Generator]:
    return _python_random.getstate(), np.random.get_state(), _host


def _set_generators(states: tuple[Any, Any, np.random.Generator]) -> None:
    global _host
    _python_random.setstate(states[0])
    np.random.set_state(states[1])
    _host = states[2]


class SeedGenerator:
    """A source of seeds: each `next()` gives a fresh pair of 32-bit words.

    Args:
        seed: an integer, or None for one drawn from the process's generator.
        name: the name of its state's scope.
    """

    keras_module = "keras.random"

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise ArgumentError(f"SeedGenerator takes seed and name. Received also: {', '.join(kwargs)}")
        if seed is None:
            seed = int(_host.integers(2**31))
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ArgumentError(f"seed must be a non-negative integer or None. Received: seed={seed!r}")
        self.seed = int(seed)
        self._made_as_number = ownership.numbered()
        self.name = name or names.auto_name("seed_generator")
        with names.name_scope(self.name):
            self.state = Variable(
                np.array([self.seed & 0xFFFFFFFF, 0], np.uint32),
                dtype="uint32",
                trainable=False,
                name="seed_generator_state",
            )

    def next(self, ordered: bool = True) -> jax.Array:
        """The next seed, a uint32 array of shape (2,)."""
        now = self.state.value
        self.state.assign(now + jnp.array([0, 1], jnp.uint32))
        return now

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal generator."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """The generator that `get_config` described."""
        return cls(**config)


serialization.register_builtin(SeedGenerator)

_shared: list[SeedGenerator] = []


def shared_generator() -> SeedGenerator:
    """The process's generator that compiled programs can go on from; from its first use on, part of every model's state."""
    if not _shared:
        _shared.append(SeedGenerator(_seed, name="shared"))  # and not of the process's, whose numbers stay as they are
    return _shared[0]


def forget_shared_generator() -> None:
    """Have no shared generator any more."""
    _shared.clear()
    sharing.forget()


def shared_state() -> list[Variable]:
    """The state of `shared_generator`, where somebody uses it or may."""
    if sharing.is_wanted():
        shared_generator()
    return [generator.state for generator in _shared]


def draw_seed(seed: Any = None) -> jax.Array:
    """A seed as two 32-bit words, from an integer, a `SeedGenerator`, a pair of words, or None for a random one."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None and _shared and current_scope() is not None:
        return _shared[0].next()  # a number drawn now would be the same in every step of the program
    if seed is None:
        seed = int(_host.integers(2**31))
    if isinstance(seed, (int, np.integer)):
        return jnp.array([int(seed) & 0xFFFFFFFF, 0], jnp.uint32)
    if getattr(seed, "shape", None) == (2,):
        return jnp.asarray(seed, jnp.uint32)
    raise ArgumentError(f"seed must be an integer, a SeedGenerator or None. Received: seed={seed!r}")


def _mix(x: Any) -> Any:
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def hash_bits(seed: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Independent uniform 32-bit words of `shape`, a function of the element's index and the two words of `seed`."""
    index = jnp.zeros(shape, jnp.uint32)
    stride = 1
    for axis in reversed(range(len(shape))):
        index = index + jax.lax.broadcasted_iota(jnp.uint32, shape, axis) * _as_word(stride)
        stride *= shape[axis]
    first = _mix(seed[0] + jnp.uint32(0x9E3779B9))
    second = _mix(seed[1] ^ first)
    return _mix(_mix(index ^ second) + first)


def _as_word(number: Any) -> Any:
    """The last 32 bits of a number, which may be symbolic: then it is computed when the program runs."""
    return jnp.uint32(number % 2**32) if isinstance(number, int) else jnp.asarray(number).astype(jnp.uint32)


def keep_mask(seed: jax.Array, keep_probability: float, shape: tuple[int, ...]) -> jax.Array:
    """A boolean array, each element True with `keep_probability`, independently."""
    if keep_probability >= 1:
        return jnp.ones(shape, bool)
    return hash_bits(seed, shape) < host(lambda p: np.uint32(int(p * 2**32)), keep_probability)
