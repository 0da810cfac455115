"""The recurrent kernel's gradient after the loop is the one that automatic differentiation adds up inside it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ranvier import activations, layers

from .common import assert_same, sequences

X = sequences(3, 4, 3)
MASK = np.array([[1, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]], bool)


def gradients(kind, activation, mask, options):
    """Gradients of all outputs by weights and inputs; a lambda is none of ranvier's functions, so it takes no detour."""
    layer = getattr(layers, kind)(2, seed=1, activation=activation, return_sequences=True, return_state=True, **options)
    layer.build((None, 4, 3))
    weights = [jnp.cos(jnp.arange(v.size, dtype="float32")).reshape(v.shape) for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]

    def loss(weights, x):
        outputs = layer.stateless_call(weights, others, x, mask=mask, training=True)[0]
        return sum(jnp.sum(jnp.sin(3 * y)) for y in outputs)

    return loss, jax.grad(loss, (0, 1))(weights, X), weights


@pytest.mark.parametrize(
    ("kind", "options"),
    [("LSTM", {}), ("LSTM", {"recurrent_dropout": 0.5, "dropout": 0.5}), ("GRU", {"use_bias": False}),
     ("GRU", {"reset_after": False, "recurrent_dropout": 0.5}), ("SimpleRNN", {"recurrent_dropout": 0.5})],
    ids=str,
)  # fmt: skip
def test_both_ways_are_the_same(kind, options):
    ours = gradients(kind, "tanh", MASK, options)[1]
    plain = gradients(kind, lambda x: activations.tanh(x), MASK, options)[1]
    assert_same(ours, plain)


def test_gradients_of_gradients():
    found = []
    for activation in ("tanh", lambda x: activations.tanh(x)):
        loss, _, weights = gradients("LSTM", activation, None, {})
        found.append(jax.grad(lambda w, loss=loss: jnp.sum(jax.grad(loss, 1)(w, X) ** 2))(weights))
    assert_same(*found)


def test_an_activation_with_weights_gets_its_gradient():
    """A layer as activation reads weights of its own, which the detour would not see."""

    class Squash(layers.Layer):
        def build(self, input_shape):
            self.slope = self.add_weight(shape=(), initializer="ones", name="slope")

        def call(self, inputs):
            return jnp.tanh(inputs * self.slope)

    squash = Squash()
    squash.build(None)
    layer = layers.SimpleRNN(2, activation=squash)
    layer.build((None, 4, 3))
    variables = layer.trainable_variables
    assert any(v is squash.slope for v in variables)
    loss = lambda values: jnp.sum(layer.stateless_call(values, [], X)[0] ** 2)  # noqa: E731
    values = [v.value for v in variables]
    at = next(i for i, v in enumerate(variables) if v is squash.slope)
    step = 1e-2
    ends = [loss([*values[:at], values[at] + d, *values[at + 1 :]]) for d in (step, -step)]
    np.testing.assert_allclose(jax.grad(loss)(values)[at], (ends[0] - ends[1]) / (2 * step), rtol=1e-2)
