"""Pooling against Keras and XLA's own windows: outputs, gradients, ties, dtypes, and what does not fit."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax import lax

from ranvier import ops
from ranvier.core.errors import ArgumentError, ShapeError

SIZES = (7, 6, 5)


def _random(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape).astype("float32"))


def _numbers(function, x):
    @jax.jit  # one compilation instead of one for each operation
    def run(x):
        y, pull = jax.vjp(function, x)
        return y, pull(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))[0]

    return run(x)


GEOMETRIES = [  # rank, size, strides, padding, data format; tiles with and without a rest, overlaps, gaps, padding
    (1, 2, None, "valid", "channels_last"),
    (1, 3, 1, "same", "channels_first"),
    (2, 2, None, "valid", "channels_first"),
    (2, 3, None, "same", "channels_last"),
    (2, 2, 3, "valid", "channels_last"),
    (2, 1, 2, "same", "channels_last"),
    (3, 2, None, "valid", "channels_last"),
    (3, 2, 1, "same", "channels_first"),
]


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
@pytest.mark.parametrize(("rank", "size", "strides", "padding", "data_format"), GEOMETRIES)
def test_parity(name, rank, size, strides, padding, data_format):
    shape = (2, *SIZES[:rank], 3) if data_format == "channels_last" else (2, 3, *SIZES[:rank])
    theirs_strides = size if strides is None else strides  # Keras's own default breaks on JAX
    ours = _numbers(lambda x: getattr(ops, name)(x, size, strides, padding, data_format), _random(*shape))
    theirs = _numbers(
        lambda x: getattr(keras.ops, name)(x, (size,) * rank, theirs_strides, padding, data_format), _random(*shape)
    )
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 6, 1), (1, 4, 5, 2)])
def test_ties_send_the_gradient_to_the_first(shape):
    """As XLA's select-and-scatter does: after a ReLU whole windows are equal zeros."""
    rank = len(shape) - 2
    x = jnp.round(jax.nn.relu(_random(*shape)))
    window = (1, *(2,) * rank, 1)
    ours = jax.grad(lambda x: jnp.sum(ops.max_pool(x, 2, 2)))(x)
    theirs = jax.grad(lambda x: jnp.sum(lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")))(x)
    np.testing.assert_array_equal(ours, theirs)


def test_every_window_passes_its_whole_gradient():
    x = jnp.zeros((1, 4, 4, 1))
    assert float(jnp.sum(jax.grad(lambda x: jnp.sum(ops.max_pool(x, 2)))(x))) == 4


@pytest.mark.parametrize("strides", [2, 1])
def test_nan_shows(strides):
    x = jnp.asarray([[[1.0], [jnp.nan], [2.0], [3.0]]])
    assert bool(jnp.isnan(ops.max_pool(x, 2, strides)[0, 0, 0]))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32", "uint8"])
@pytest.mark.parametrize(("size", "strides", "padding"), [((2,), None, "valid"), ((3,), 1, "same")])
def test_dtypes_of_largest(dtype, size, strides, padding):
    x = jnp.asarray([[[3], [1], [2], [7]]], dtype)
    ours, theirs = ops.max_pool(x, size, strides, padding), keras.ops.max_pool(x, size, strides or 2, padding)
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_array_equal(np.asarray(ours, "float32"), np.asarray(theirs, "float32"))


@pytest.mark.parametrize(("strides", "padding"), [(None, "valid"), (64, "same"), (1, "valid")])
def test_long_means_in_half_precision(strides, padding):
    """4096 ones have the mean 1; sums in float16 would stall at 2048."""
    y = ops.average_pool(np.ones((1, 64, 64, 1), "float16"), 64, strides, padding)
    assert y.dtype == "float16"
    assert float(y[0, 0, 0, 0]) == 1


def test_vmap_and_second_order():
    x = _random(3, 2, 4, 4, 2)
    np.testing.assert_array_equal(
        jax.vmap(lambda x: ops.max_pool(x, 2))(x), jnp.stack([ops.max_pool(piece, 2) for piece in x])
    )
    f = lambda x: jnp.sum(ops.max_pool(x, 2) ** 3)  # noqa: E731
    g = lambda x: jnp.sum(lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") ** 3)  # noqa: E731
    ours, theirs = (jax.grad(lambda x, h=h: jnp.sum(jax.grad(h)(x) ** 2))(x[0]) for h in (f, g))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
@pytest.mark.parametrize(
    ("shape", "args", "error", "words"),
    [
        ((1, 4, 1), (5,), ShapeError, r"\(5,\).*\(4,\)"),
        ((4, 4), (2,), ShapeError, r"\(4, 4\)"),
        ((1, 4, 1), ((2, 2),), ArgumentError, "pool_size"),
        ((1, 4, 1), (0,), ArgumentError, "pool_size=0"),
        ((1, 4, 1), (2, 0), ArgumentError, "strides=0"),
        ((1, 4, 1), (2, 2, "full"), ArgumentError, "full"),
    ],
)
def test_misfits_are_named(name, shape, args, error, words):
    with pytest.raises(error, match=words):
        getattr(ops, name)(np.ones(shape, "float32"), *args)
