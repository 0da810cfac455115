"""Layers that draw: statistics, seeds, and silence in inference."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from ranvier import layers
from ranvier.core.random import set_random_seed

LAYERS = [
    ("Dropout", {"rate": 0.4}),
    ("AlphaDropout", {"rate": 0.4}),
    ("GaussianDropout", {"rate": 0.4}),
    ("GaussianNoise", {"stddev": 0.4}),
    ("SpatialDropout1D", {"rate": 0.4}),
]
X = np.ones((8, 50, 20), "float32")


@pytest.mark.parametrize(("layer", "arguments"), LAYERS)
def test_inference_changes_nothing_and_seeds_repeat(layer, arguments):
    make = getattr(layers, layer)
    first, again, other = make(**arguments, seed=3), make(**arguments, seed=3), make(**arguments, seed=4)
    np.testing.assert_array_equal(first(X, training=False), X)
    np.testing.assert_array_equal(first(X), X)
    one = np.asarray(first(X, training=True))
    np.testing.assert_array_equal(one, again(X, training=True))
    assert (one != np.asarray(first(X, training=True))).any()  # the generator has moved on
    assert (one != np.asarray(other(X, training=True))).any()
    assert [v.path.endswith("seed_generator_state") for v in first.variables] == [True]
    assert first.weights == []


@pytest.mark.parametrize(("layer", "arguments"), LAYERS)
def test_the_process_seed_decides_where_none_is_given(layer, arguments):
    def run():
        set_random_seed(5)
        return np.asarray(getattr(layers, layer)(**arguments)(X, training=True))

    np.testing.assert_array_equal(run(), run())


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_the_rate_and_keeps_the_mean(rate):
    y = np.asarray(layers.Dropout(rate, seed=1)(np.ones((200, 500), "float32"), training=True))
    standard_error = np.sqrt(rate * (1 - rate) / y.size)
    assert abs((y == 0).mean() - rate) < 5 * standard_error
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)
    assert (np.asarray(layers.Dropout(1.0)(X, training=True)) == 0).all()


def test_noise_shapes_drop_together():
    y = np.asarray(layers.SpatialDropout1D(0.5, seed=0)(X, training=True))
    assert (y == y[:, :1]).all()
    assert len(np.unique(y)) == 2
    z = np.asarray(layers.Dropout(0.5, noise_shape=(None, 1, None), seed=0)(X, training=True))
    assert (z == z[:, :1]).all()
    image = np.ones((4, 6, 3, 8), "float32")
    w = np.asarray(layers.SpatialDropout2D(0.5, "channels_first", seed=0)(image, training=True))
    assert (w == w[:, :, :1, :1]).all()


def test_alpha_dropout_and_gaussian_noises_keep_mean_and_variance():
    x = np.random.default_rng(0).normal(size=(400, 250)).astype("float32")
    y = np.asarray(layers.AlphaDropout(0.3, seed=1)(x, training=True))
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02
    ones = np.ones((400, 250), "float32")
    noisy = np.asarray(layers.GaussianDropout(0.2, seed=1)(ones, training=True))
    assert abs(noisy.mean() - 1) < 0.01
    assert abs(noisy.std() - 0.5) < 0.01
    noise = np.asarray(layers.GaussianNoise(0.3, seed=1)(ones, training=True)) - 1
    assert abs(noise.std() - 0.3) < 0.01


def test_compiled_draws_are_those_of_eager_ones():
    layer = layers.Dropout(0.5, seed=2)
    layer.build(X.shape)
    state = [v.value for v in layer.non_trainable_variables]
    compiled, new = jax.jit(lambda x: layer.stateless_call([], state, x, training=True))(X)
    np.testing.assert_array_equal(compiled, layer(X, training=True))
    np.testing.assert_array_equal(new[0], layer.non_trainable_variables[0].value)
