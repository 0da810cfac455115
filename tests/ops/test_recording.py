"""Recorded operations: one equation each, which is the function itself wherever it is carried out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ranvier import ops
from ranvier.ops.recording import is_recording, recording

X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")

FUNCTIONS: dict[str, Any] = {
    "softmax": lambda x: ops.softmax(x, axis=0),
    "two results": lambda x: ops.moments(x, axes=[1]),
    "a list": lambda x: ops.concatenate([x, ops.tanh(x), X]),
    "sizes": lambda x: x * ops.shape(x)[0],
    "a constant size": lambda x: ops.repeat(x, np.array([1, 2, 0]), axis=0),
    "places": lambda x: ops.take(x, np.array([2, 0]), axis=1),
    "scans": lambda x: ops.scan(lambda carry, row: (carry + row, ops.relu(carry)), jnp.zeros(4), x),
}


def _recorded(function: Any) -> Any:
    def run(x: Any) -> Any:
        with recording():
            return function(x)

    return run


@pytest.mark.parametrize("name", FUNCTIONS)
def test_recorded_programs_compute_the_same(name: str):
    function = FUNCTIONS[name]

    def total(call: Any) -> Any:
        return lambda x: sum(jnp.sum(leaf * leaf) for leaf in jax.tree.leaves(call(x)))

    transformations = [
        lambda f: f, jax.jit, lambda f: jax.vmap(f, in_axes=1), lambda f: jax.jit(jax.vmap(f)),
        lambda f: jax.grad(total(f)), lambda f: jax.hessian(total(f)),
    ]  # fmt: skip
    for transform in transformations:
        x = np.stack([X, X + 1, X - 1, X], 1) if transform is transformations[2] else X
        x = np.stack([X, X + 1]) if transform is transformations[3] else x
        with np.errstate(all="ignore"):
            found, wanted = transform(_recorded(function))(x), transform(function)(x)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), found, wanted)


def test_each_operation_is_one_equation():
    program = jax.make_jaxpr(_recorded(lambda x: ops.softmax(ops.gelu(x)) + ops.ones((4,))))(X)
    names = [str(eqn.params["call"]) for eqn in program.eqns if eqn.primitive.name == "ranvier_operation"]
    assert names == ["gelu", "softmax"]


def test_nothing_is_recorded_outside():
    assert not is_recording()
    program = jax.make_jaxpr(ops.softmax)(X)
    assert "ranvier_operation" not in {eqn.primitive.name for eqn in program.eqns}
