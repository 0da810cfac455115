"""A model's state and loss as values, held to Keras's."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

import ranvier
from ranvier.core.errors import ArgumentError

X, Y = np.ones((4, 3), "float32"), np.full((4, 1), 2.0, "float32")


def trained(package):
    model = package.Sequential([package.Input((3,)), package.layers.Dense(1, name="d")], name="net")
    model.set_weights([np.full((3, 1), 0.5, "float32"), np.zeros(1, "float32")])
    model.compile(package.optimizers.Adam(name="adam"), "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    return model


def groups(model):
    parts = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.metrics_variables,
        model.optimizer.variables,
    )
    return [[v.value for v in part] for part in parts]


def test_state_trees_are_those_of_keras():
    ours, theirs = (trained(package).get_state_tree("numpy_array") for package in (ranvier, keras))
    assert set(ours) == set(theirs)
    for group in ("trainable_variables", "non_trainable_variables", "optimizer_variables"):
        assert jax.tree.structure(ours[group]) == jax.tree.structure(theirs[group])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), ours[group], theirs[group])


def test_state_trees_go_back_into_models():
    model = trained(ranvier)
    tree = model.get_state_tree()
    expected = model.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    model.set_state_tree(tree)
    for one, two in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert int(model.optimizer.iterations) == 1
    model.jax_state_sync()
    with pytest.raises(ArgumentError, match="value_format"):
        model.get_state_tree("lists")
    with pytest.raises(ArgumentError, match="groups"):
        model.set_state_tree({"weights": {}})
    with pytest.raises(ArgumentError, match="no variable 'net/nope'"):
        model.set_state_tree({"trainable_variables": {"net": {"nope": np.ones(1)}}})


def test_losses_and_gradients_as_pure_functions_are_those_of_keras():
    found = []
    for package in (ranvier, keras):
        model = trained(package)
        trainable, others, metrics, optimizer = groups(model)
        model.reset_metrics()
        zeros = [np.zeros_like(m) for m in metrics]
        loss, parts = model.stateless_compute_loss(trainable, others, zeros, x=X, y=Y, y_pred=model(X), training=False)
        run = jax.value_and_grad(model.compute_loss_and_updates, has_aux=True)
        (scaled, aux), gradients = run(
            trainable, others, zeros, X, Y, None, training=True, optimizer_variables=optimizer
        )
        assert [len(p) for p in parts] == [2, 0, len(metrics)]
        found.append([loss, scaled, aux[0], aux[1], *gradients])
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4)
