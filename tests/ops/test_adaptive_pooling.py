"""Adaptive pooling against Keras: outputs, gradients, ties, dtypes, and what does not fit."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import ops
from ranvier.core.errors import ArgumentError, ShapeError

SIZES = [((7,), 3), ((7,), 5), ((3,), 5), ((6,), 2), ((6, 5), (4, 3)), ((6, 4), (3, 2)), ((4, 5, 3), 2)]


@pytest.mark.parametrize("name", ["adaptive_average_pool", "adaptive_max_pool"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("sizes", "output"), SIZES)
def test_parity(name, data_format, sizes, output):
    shape = (2, *sizes, 3) if data_format == "channels_last" else (2, 3, *sizes)
    x = jnp.asarray(np.random.default_rng(0).normal(size=shape).astype("float32"))

    def run(function):
        y, pull = jax.vjp(lambda x: function(x, output, data_format), x)
        return y, pull(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))[0]

    found, expected = jax.jit(lambda: (run(getattr(ops, name)), run(getattr(keras.ops, name))))()
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adaptive_average_pool", "adaptive_max_pool"])
def test_as_many_windows_as_places_change_nothing(name):  # Keras reads beyond the input here
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")
    np.testing.assert_array_equal(getattr(ops, name)(x, 7), x)


@pytest.mark.parametrize("size", [4, 5])
def test_in_a_tie_the_first_gets_the_gradient(size):
    gradient = jax.grad(lambda x: ops.adaptive_max_pool(x, 2).sum())(jnp.ones((1, size, 1)))
    assert gradient.ravel().tolist() == [1.0, 0.0, 1.0, 0.0, 0.0][:size]


def test_means_of_half_precision_are_summed_in_single():
    x = jnp.full((1, 5001, 1), 3.0, "float16")
    y = ops.adaptive_average_pool(x, 2)
    assert y.dtype == "float16"
    np.testing.assert_allclose(y, 3.0)


def test_symbols_and_whole_numbers():
    symbol = ops.adaptive_average_pool(keras_tensor((None, 7, 2)), 3)
    assert symbol.shape == (None, 3, 2)
    whole = np.arange(7).reshape(1, 7, 1).astype("int32")
    assert ops.adaptive_average_pool(whole, 3).ravel().tolist() == [1.0, 3.0, 5.0]
    assert ops.adaptive_max_pool(whole, 5).ravel().tolist() == [1, 2, 4, 5, 6]


def keras_tensor(shape):
    from ranvier.ops.symbolic import KerasTensor

    return KerasTensor(shape)


@pytest.mark.parametrize("output", [0, -1, 2.5, (1, 2, 3), (2, None), True])
def test_sizes_that_mean_nothing(output):
    with pytest.raises(ArgumentError, match="output_size"):
        ops.adaptive_max_pool(np.ones((1, 6, 5, 2), "float32"), output)


def test_ranks_without_windows():
    with pytest.raises(ShapeError, match="1 to 3"):
        ops.adaptive_average_pool(np.ones((2, 3), "float32"), 2)
