"""`SpectralNormalization` against Keras and against the singular values themselves."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
IMAGES = np.random.default_rng(1).normal(size=(2, 6, 5, 3)).astype("float32")
KINDS = [
    ("Dense", {"units": 4}, X, 1),
    ("Dense", {"units": 4}, X, 3),
    ("Conv2D", {"filters": 2, "kernel_size": 3}, IMAGES, 1),
]


def pair(kind, arguments, x, iterations):
    made = []
    for module in (layers, keras.layers):
        layer = module.SpectralNormalization(getattr(module, kind)(**arguments, name="in"), iterations, name="it")
        layer.build(x.shape)
        made.append(layer)
    ours, theirs = made
    described = [[(v.path, tuple(v.shape), v.trainable) for v in layer.weights] for layer in made]
    assert described[0] == described[1]
    weights = [np.random.default_rng(2).normal(size=v.shape).astype("float32") for v in ours.weights]
    for layer in made:
        layer.set_weights(weights)
    return ours, theirs


@pytest.mark.parametrize(("kind", "arguments", "x", "iterations"), KINDS)
def test_calls_and_state_are_those_of_keras(kind, arguments, x, iterations):
    ours, theirs = pair(kind, arguments, x, iterations)
    for training in (False, True, True, False):
        np.testing.assert_allclose(ours(x, training=training), theirs(x, training=training), rtol=1e-4, atol=1e-5)
        for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    for mine, other in zip(ours.normalized_weights(), theirs.normalized_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


def test_gradients_go_through_the_division():
    ours, theirs = pair("Dense", {"units": 4}, X, 1)

    def gradients(layer):
        def projected(trainable):
            others = [v.value for v in layer.non_trainable_variables]
            y, new = layer.stateless_call(trainable, others, X, training=True)
            return jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)), new

        return jax.grad(projected, has_aux=True)([v.value for v in layer.trainable_variables])

    for mine, other in zip(*(jax.tree.leaves(gradients(f)) for f in (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


def test_the_largest_singular_value_becomes_one():
    layer = layers.SpectralNormalization(layers.Dense(4), power_iterations=50)
    layer(X, training=True)
    assert np.linalg.svd(layer.layer.kernel.numpy(), compute_uv=False)[0] == pytest.approx(1, rel=1e-4)


def test_embeddings_are_normalised_too():
    layer = layers.SpectralNormalization(layers.Embedding(5, 3), power_iterations=50)
    vectors = layer(np.arange(5), training=True)
    assert vectors.dtype == "float32"  # Keras casts them to the integers' dtype
    assert np.linalg.svd(vectors, compute_uv=False)[0] == pytest.approx(1, rel=1e-4)


def test_config_holds_the_layer_inside():
    ours, theirs = pair("Dense", {"units": 4}, X, 2)
    again = layers.deserialize(layers.serialize(ours))
    assert again.get_config() == ours.get_config()
    assert ours.get_config()["power_iterations"] == theirs.get_config()["power_iterations"] == 2


def test_files_both_ways(tmp_path):
    for writer, reader in ((ranvier, keras), (keras, ranvier)):
        inside = writer.layers.SpectralNormalization(writer.layers.Dense(4, activation="tanh"))
        model = writer.Sequential([writer.Input((3,)), inside])
        path = str(tmp_path / f"{writer.__name__}.keras")
        model.save(path)
        read = reader.models.load_model(path)
        np.testing.assert_allclose(read.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_refusals():
    with pytest.raises(ArgumentError, match="kernel"):
        layers.SpectralNormalization(layers.ReLU()).build((None, 3))
    with pytest.raises(ArgumentError, match="power_iterations"):
        layers.SpectralNormalization(layers.Dense(2), power_iterations=0)
