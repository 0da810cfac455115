"""Layers that rematerialise compute the same, and keep less."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import ranvier
from ranvier import RematScope, layers
from ranvier.core.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def rematerialises(layer) -> bool:
    if not layer.built:
        layer.build((None, 3))
    loss = lambda w: layer.stateless_call(w, [], X)[0].sum()  # noqa: E731
    text = str(jax.make_jaxpr(jax.grad(loss))([v.value for v in layer.trainable_variables]))
    return "remat" in text or "checkpoint" in text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"mode": "full"}, True),
        ({"mode": "activations"}, True),
        ({"mode": "larger_than", "output_size_threshold": 7}, True),
        ({"mode": "larger_than", "output_size_threshold": 8}, False),
        ({"mode": "list_of_layers", "layer_names": ["it"]}, True),
        ({"mode": "list_of_layers", "layer_names": ["other"]}, False),
        ({"mode": None}, False),
    ],
)
def test_the_scope_in_which_a_layer_is_made_decides(options, expected):
    with RematScope(**options):
        layer = layers.Dense(2, activation="relu", name="it")
    assert rematerialises(layer) is expected
    plain = layers.Dense(2, activation="relu")
    with RematScope(**options):
        assert not rematerialises(plain)


def test_inner_scopes_go_before_outer_ones():
    with RematScope("full"), RematScope(None):
        assert not rematerialises(layers.Dense(2))
    with pytest.raises(ArgumentError, match="mode"):
        RematScope("most")


def chain():
    return [
        layers.Masking(),
        layers.Dense(8, activation="tanh", activity_regularizer="l2", kernel_regularizer="l1"),
        layers.BatchNormalization(),
        layers.Dropout(0.5, seed=1),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1),
    ]


def test_training_is_the_same_with_state_losses_masks_and_dropout():
    x = np.random.default_rng(1).normal(size=(16, 5, 3)).astype("float32")
    x[:, 3:] = 0
    results = []
    for mode in (None, "full", "activations"):
        ranvier.utils.set_random_seed(3)
        with RematScope(mode):
            model = ranvier.Sequential([ranvier.Input((5, 3)), *chain()])
        model.compile("adam", "mse")
        history = model.fit(x, x[:, 0, :1], epochs=2, batch_size=8, verbose=0)
        results.append([history.history["loss"], *model.get_weights()])
    for other in results[1:]:
        for expected, found in zip(results[0], other, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_models_inside_models_are_rematerialised_as_a_whole():
    with RematScope("full"):
        inner = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2)])
    assert rematerialises(inner)
