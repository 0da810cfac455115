"""What arrays were made from is known while they are traced, and forgotten with them."""

import gc

import jax
import jax.numpy as jnp
import numpy as np

from ranvier import ops
from ranvier.ops import origins


def test_traced_arrays_are_known_by_what_made_them():
    found = []

    @jax.jit
    def run(x):
        y = origins.note(x + 1, "bias", x, 1)
        z = y * 2
        found.extend(
            [origins.origin_of(y, "bias") == (x, 1), origins.origin_of(y, "relu"), origins.origin_of(z, "bias")]
        )
        return z

    np.testing.assert_array_equal(run(jnp.ones(3)), 4 * np.ones(3))
    assert found == [True, None, None]


def test_nothing_is_kept():
    @jax.jit
    @jax.grad
    def run(x):
        return jnp.sum(ops.relu(origins.note(x + 1, "bias", x, 1)))

    run(jnp.ones(3))
    gc.collect()
    assert not origins._origins


def test_arrays_with_numbers_are_not_noted():
    x = jnp.ones(3)
    y = origins.note(x + 1, "bias", x, 1)
    assert origins.origin_of(y, "bias") is None
    assert origins.origin_of(ops.relu(x), "relu") is None
