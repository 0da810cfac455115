"""Normalisation by the batch through the kernels: the numbers of the plain layer, with activations after it or without."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels

from ranvier import layers, ops
from ranvier.core.pure import pure
from ranvier.layers import batch_normalization
from ranvier.ops import by_batch, compiled, origins

ACTIVATIONS = {"none": lambda z: z, "relu": ops.relu, "leaky": lambda z: ops.leaky_relu(z, 0.3)}


@pytest.fixture(autouse=True)
def kernels(monkeypatch: Any):
    ranvier_kernels.register()
    monkeypatch.setattr(compiled, "_registered", lambda: frozenset(ranvier_kernels.TARGETS))
    monkeypatch.setattr(by_batch, "_LEAST", 1)


def _draw(*shape: int, seed: int = 0) -> Any:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


def _pure(x: Any, scale: Any, shift: Any, slope: float) -> Any:
    mean = jnp.mean(x, tuple(range(x.ndim - 1)))
    variance = jnp.mean(jnp.square(x - mean), tuple(range(x.ndim - 1)))
    return by_batch._activated((x - mean) * jax.lax.rsqrt(variance + 1e-3) * scale + shift, slope)


@pytest.mark.parametrize("shape", [(6, 16), (3, 5, 7, 11), (4, 9, 9, 32), (700, 45), (40000, 8), (2, 300)])
@pytest.mark.parametrize(("activation", "slope"), [("none", 1.0), ("relu", 0.0), ("leaky", 0.3)])
def test_values_and_gradients(shape: tuple[int, ...], activation: str, slope: float):
    operands = _draw(*shape) * 2 + 3, _draw(shape[-1], seed=1), _draw(shape[-1], seed=2)

    def ours(x: Any, scale: Any, shift: Any) -> Any:
        return ACTIVATIONS[activation](by_batch.normalize_by_batch(x, scale, shift, 1e-3)[0])

    def by_hand(operands: Any, slope_of_y: Any) -> Any:
        x, scale, shift = operands
        flat = x.reshape(-1, x.shape[-1])
        moments = by_batch._moments_of(flat)
        (y,) = by_batch._by_moments(flat, scale, shift, *moments, epsilon=1e-3, slope=slope)
        dx, *others = by_batch._backward(
            (flat, scale, shift, *moments), (), (slope_of_y.reshape(flat.shape),), epsilon=1e-3, slope=slope
        )
        return y.reshape(x.shape), dx.reshape(x.shape), *others

    def all_of_it(operands: Any) -> Any:
        found = []
        for f in (lambda *o: _pure(*o, slope), ours):
            y, back = jax.vjp(f, *operands)
            given = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
            found.append((y, *back(given)))
        return *found, by_hand(operands, given)

    program = jax.jit(all_of_it).lower(operands).compile()
    calls = program.as_text()
    assert calls.count('custom_call_target="ranvier_moments"') == 1
    assert calls.count('custom_call_target="ranvier_batch_gradient"') == 1
    expected, *others = program(operands)
    for found in others:
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * max(1.0, float(np.abs(b).max())))


@pytest.mark.parametrize("shape", [(1, 8), (5, 12), (333, 40), (9000, 17)])
def test_moments_far_from_zero(shape: tuple[int, int]):
    x = _draw(*shape) + 1000
    mean, variance = jax.jit(by_batch._moments)(x)
    exact = np.asarray(x, "float64")
    np.testing.assert_allclose(mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, exact.var(0), rtol=1e-4, atol=1e-6)


def test_zero_scales():
    """Where everything is zero a ReLU has no slope, as without the kernel; a leaky one has slope 1."""
    x = _draw(64, 16)
    for name, f in ACTIVATIONS.items():
        y, back = jax.vjp(lambda s, f=f: f(by_batch.normalize_by_batch(x, s, jnp.zeros(16), 1e-3)[0]), jnp.zeros(16))
        (found,) = back(x)
        expected = jnp.zeros(16) if name == "relu" else jnp.sum(x * _pure(x, jnp.ones(16), jnp.zeros(16), 1.0), 0)
        assert not y.any()
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_nan_shows():
    x = _draw(50, 16).at[3, 5].set(jnp.nan)
    y, mean, variance = jax.jit(lambda x: by_batch.normalize_by_batch(x, jnp.ones(16), jnp.zeros(16), 1e-3))(x)
    for a in (y, mean, variance):
        assert np.isnan(a)[..., 5].all()
        assert not np.delete(np.isnan(a), 5, -1).any()


def test_other_transformations():
    """Forward mode, batches and gradients of gradients."""
    x, scale, shift, slope = _draw(2, 6, 8), _draw(8, seed=1), _draw(8, seed=2), _draw(2, 6, 8, seed=3)
    f = lambda x: jnp.sum(ops.relu(by_batch.normalize_by_batch(x, scale, shift, 1e-3)[0]) ** 3)  # noqa: E731
    g = lambda x: jnp.sum(_pure(x, scale, shift, 0.0) ** 3)  # noqa: E731
    np.testing.assert_allclose(jax.jvp(f, (x,), (slope,))[1], jax.jvp(g, (x,), (slope,))[1], rtol=1e-3)
    twice = [jax.grad(lambda x, h=h: jnp.sum(jax.grad(h)(x) ** 2))(x) for h in (f, g)]
    np.testing.assert_allclose(*twice, rtol=1e-3, atol=1e-3 * float(np.abs(twice[1]).max()))
    batches = jnp.stack([x, slope])
    found, expected = jax.vmap(jax.grad(f))(batches), jnp.stack([jax.grad(g)(b) for b in batches])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("biased", [False, True])
def test_the_layer_moves_its_averages_alike(biased: bool, monkeypatch: Any):
    x, bias = _draw(8, 6, 6, 16) + 1, _draw(16, seed=1)

    def outcome() -> Any:
        layer = layers.BatchNormalization(momentum=0.5)
        layer.build(x.shape)

        def run(x: Any) -> Any:
            shifted = origins.note(x + bias, "bias", x, bias) if biased else x + bias
            return layer(shifted, training=True)

        values = [v.value for v in layer.variables]
        y, moved = jax.jit(lambda values, x: pure(run, layer.variables)(values, x))(values, x)
        return y, *moved

    by_kernels = outcome()
    monkeypatch.setattr(batch_normalization, "batch_kernels_apply", lambda x, epsilon: False)
    for found, expected in zip(by_kernels, outcome(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
