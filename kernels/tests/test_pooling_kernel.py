"""The kernel that pools computes the same numbers as the plain meaning, with bias and ReLU before it or without."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels
from jax import lax

from ranvier import layers, ops
from ranvier.ops import compiled, largest, origins

CASES = [  # shape, size, strides, padding
    ((3, 8, 6, 16), 2, None, "valid"),
    ((2, 7, 5, 13), 2, None, "valid"),
    ((2, 7, 5, 13), 2, None, "same"),
    ((2, 9, 7, 9), 3, 2, "same"),
    ((2, 9, 8, 8), (3, 2), (2, 1), "valid"),
    ((5, 6, 6, 24), 2, 3, "same"),
    ((2, 5, 6, 8), 1, 2, "same"),
    ((4, 11, 10), 3, 2, "same"),
    ((4, 11, 10), 2, None, "valid"),
]


@pytest.fixture(autouse=True)
def kernels(monkeypatch: Any):
    ranvier_kernels.register()
    monkeypatch.setattr(compiled, "_registered", lambda: frozenset(ranvier_kernels.TARGETS))
    monkeypatch.setattr(largest, "_LEAST", 1)


def _ties(shape: tuple[int, ...]) -> Any:
    """Few different numbers, so that most windows have ties, and half of them below zero."""
    return jnp.asarray(np.random.default_rng(0).integers(-2, 3, shape) / 4, "float32")


def _outcome(f: Any, *operands: Any) -> Any:
    y, back = jax.vjp(f, *operands)
    return y, *back(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))


def _by_xla(x: Any, size: Any, strides: Any, padding: str) -> Any:
    rank = x.ndim - 2
    size = (size,) * rank if isinstance(size, int) else size
    strides = size if strides is None else (strides,) * rank if isinstance(strides, int) else strides
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *size, 1), (1, *strides, 1), padding.upper())


@pytest.mark.parametrize(("shape", "size", "strides", "padding"), CASES)
@pytest.mark.parametrize("before", ["nothing", "relu", "bias and relu"])
def test_values_and_gradients(shape: Any, size: Any, strides: Any, padding: str, before: str):
    x, bias = _ties(shape), _ties(shape[-1:]) / 2

    def ours(x: Any, bias: Any) -> Any:
        if before == "bias and relu":
            x = origins.note(x + bias, "bias", x, bias)
        return ops.max_pool(x if before == "nothing" else ops.relu(x), size, strides, padding)

    def plain(x: Any, bias: Any) -> Any:
        x = x + bias if before == "bias and relu" else x
        return _by_xla(x if before == "nothing" else jax.nn.relu(x), size, strides, padding)

    program = jax.jit(lambda *o: _outcome(ours, *o)).lower(x, bias).compile()
    assert program.as_text().count('custom_call_target="ranvier_pool') == 2
    for found, expected in zip(program(x, bias), _outcome(plain, x, bias), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("shape", "size", "strides", "padding"), CASES)
@pytest.mark.parametrize("rectified", [False, True])
def test_pure_ways_are_the_same(shape: Any, size: Any, strides: Any, padding: str, rectified: bool, monkeypatch: Any):
    x, bias = _ties(shape), _ties(shape[-1:])

    def f(x: Any, bias: Any) -> Any:
        before = ops.relu(origins.note(x + bias, "bias", x, bias)) if rectified else x
        return ops.max_pool(before, size, strides, padding)

    by_kernel = jax.jit(lambda *o: _outcome(f, *o))(x, bias)
    monkeypatch.setattr(compiled, "_registered", frozenset)
    monkeypatch.setattr("ranvier.ops.pooling.largest_applies", lambda x, window: True)
    program = jax.jit(lambda *o: _outcome(f, *o)).lower(x, bias).compile()
    assert 'custom_call_target="ranvier_pool' not in program.as_text()
    for found, expected in zip(program(x, bias), by_kernel, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rectified", [False, True])
def test_nan_shows_and_has_no_gradient(rectified: bool):
    x = _ties((2, 4, 6, 10)).at[0, 1, 2, 3].set(jnp.nan).at[1, 0, 0, 9].set(jnp.nan)
    y, dx = jax.jit(lambda x: _outcome(lambda x: ops.max_pool(ops.relu(x) if rectified else x, 2), x))(x)
    expected = _by_xla(jax.nn.relu(x) if rectified else x, 2, None, "valid")
    np.testing.assert_array_equal(y, expected)
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 1, 3], [1, 0, 0, 9]]
    assert not np.isnan(dx).any()
    assert not dx[0, 0:2, 2:4, 3].any()


def test_other_transformations():
    """Forward mode, batches and gradients of gradients."""
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 4, 6, 8)), "float32")
    f = lambda x: jnp.sum(ops.max_pool(ops.relu(x), 2) ** 3)  # noqa: E731
    g = lambda x: jnp.sum(_by_xla(jax.nn.relu(x), 2, None, "valid") ** 3)  # noqa: E731
    slope = jnp.cos(x)
    np.testing.assert_allclose(jax.jvp(f, (x,), (slope,))[1], jax.jvp(g, (x,), (slope,))[1], rtol=1e-5)
    twice = [jax.grad(lambda x, h=h: jnp.sum(jax.grad(h)(x) ** 2))(x) for h in (f, g)]
    np.testing.assert_allclose(*twice, atol=1e-3)
    batches = jnp.stack([x, slope])
    np.testing.assert_allclose(jax.vmap(jax.grad(f))(batches), jnp.stack([jax.grad(g)(b) for b in batches]), rtol=1e-5)
    np.testing.assert_allclose(jax.hessian(f)(x[:1, :2, :2]), jax.hessian(g)(x[:1, :2, :2]), atol=1e-4)


def test_layers_are_taken_together():
    """A convolution's bias and ReLU are read by the pooling's kernel, and by nobody else."""
    convolution, pooling = layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D()
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 8, 8, 3)), "float32")
    convolution.build(x.shape)
    program = jax.jit(lambda x: pooling(convolution(x))).lower(x).compile()
    assert program.as_text().count('custom_call_target="ranvier_pool"') == 1
    assert " maximum(" not in program.as_text()
    np.testing.assert_allclose(program(x), _by_xla(convolution(x), 2, None, "valid"), atol=1e-6)
