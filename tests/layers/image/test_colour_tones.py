"""Stretched contrast and equalised histograms, against Keras."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import layers

every_range = pytest.mark.parametrize("value_range", [(0, 255), (0, 1), (-1, 1)], ids=str)


def oracle(layer, images, value_range):
    """What Keras's layer for bytes says, scaled: of other ranges it cuts off what float32 puts just below a byte."""
    low, high = value_range
    return layer(jnp.round((images - low) / (high - low) * 255), training=True) / 255 * (high - low) + low


def images(value_range, shape=(1, 12, 10, 3), seed=0):
    """Images of whole bytes, scaled to the range."""
    low, high = value_range
    bytes_ = np.random.default_rng(seed).integers(30, 200, shape).astype("float32")
    return bytes_ / 255 * (high - low) + low


@every_range
def test_auto_contrast_is_that_of_keras_in_training_and_after(value_range):
    x = images(value_range, (3, 5, 4, 3))
    x[1, ..., 2] = x[1, 0, 0, 2]  # a channel of one value stays
    ours, theirs = layers.AutoContrast(value_range), keras.layers.AutoContrast(value_range)
    for training in (True, False):
        found = ours(x, training=training)
        np.testing.assert_allclose(found, np.asarray(theirs(x, training=training)), atol=1e-4 * value_range[1])
    np.testing.assert_array_equal(np.asarray(found)[1, ..., 2], x[1, ..., 2])


@every_range
def test_equalization_of_one_image_is_that_of_keras(value_range):
    x = images(value_range)

    def both(x):
        return [
            (
                layers.Equalization(value_range, bins=bins)(x, training=True),
                oracle(keras.layers.Equalization(bins=bins), x, value_range),
            )
            for bins in (256, 16)
        ]

    for found, expected in jax.jit(both, compiler_options={"xla_backend_optimization_level": 0})(x):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, atol=1e-4 * value_range[1])
    np.testing.assert_array_equal(layers.Equalization(value_range)(x, training=False), x)


def test_each_image_of_a_batch_is_equalized_for_itself():
    x = images((0, 255), (3, 8, 8, 2))
    x[2] = 7
    layer = layers.Equalization()
    together = np.asarray(layer(x, training=True))
    for i in range(3):
        np.testing.assert_array_equal(together[i], layer(x[i], training=True))
    np.testing.assert_array_equal(together[2], x[2])
    tones = np.sort(together[0, ..., 0].ravel())
    assert tones[0] == 0
    assert tones[-1] == 255


@pytest.mark.parametrize("value_range", [(0, 255), (-1, 1)], ids=str)
def test_adaptive_equalization_is_that_of_keras_also_where_tiles_do_not_divide(value_range):
    x = images(value_range, (2, 11, 9, 2))
    name = "ContrastLimitedAdaptiveHistogramEqualization"
    settings = [(0.0, (1, 1)), (4.0, (1, 1)), (40.0, (2, 2)), (1.0, (3, 2)), (4.0, (3, 4)), (0.0, (4, 5))]
    makes = [{"clip_limit": limit, "tile_grid_size": grid} for limit, grid in settings]

    def both(x):
        return [
            (
                getattr(layers, name)(value_range, **arguments)(x),
                oracle(getattr(keras.layers, name)(**arguments), x, value_range),
            )
            for arguments in makes
        ]

    for found, expected in jax.jit(both, compiler_options={"xla_backend_optimization_level": 0})(x):
        np.testing.assert_allclose(found, expected, atol=2e-5 * (value_range[1] - value_range[0]))
    config, wanted = (getattr(m, name)(**makes[3]).get_config() for m in (layers, keras.layers))
    assert {k: config[k] for k in makes[3]} == {k: wanted[k] for k in makes[3]}


def test_adaptive_equalization_keeps_bytes():
    x = images((0, 255)).astype("uint8")
    assert layers.ContrastLimitedAdaptiveHistogramEqualization()(x).dtype == "uint8"


def test_solarization_of_everything_is_the_negative():
    x = images((0, 1))
    np.testing.assert_allclose(layers.Solarization(value_range=(0, 1))(x, training=True), 1 - x, atol=1e-6)
