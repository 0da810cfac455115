"""Activations against Keras: values, gradients, dtypes, names; and their identities."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import activations
from ranvier.core import serialization
from ranvier.core.errors import ArgumentError
from ranvier.core.masks import get_mask, set_mask
from ranvier.core.variables import Variable

NAMES = [n for n in dir(keras.activations) if not n.startswith("_")]
FUNCTIONS = [n for n in NAMES if n not in ("get", "serialize", "deserialize")]
CATALOGUE = [
    *((name, {}) for name in FUNCTIONS if name != "threshold"),
    ("threshold", {"threshold": 0.4, "default_value": -2.0}),
    ("relu", {"negative_slope": 0.3}),
    ("relu", {"max_value": 1.5}),
    ("relu", {"threshold": 0.7}),
    ("relu", {"negative_slope": 0.1, "max_value": 2.0, "threshold": -0.5}),
    ("leaky_relu", {"negative_slope": 0.01}),
    ("elu", {"alpha": 0.5}),
    ("celu", {"alpha": 2.0}),
    ("gelu", {"approximate": True}),
    ("softmax", {"axis": 0}),
    ("log_softmax", {"axis": 1}),
    ("sparsemax", {"axis": 0}),
    ("glu", {"axis": 0}),
    ("hard_shrink", {"threshold": 1.1}),
    ("soft_shrink", {"threshold": 0.2}),
    ("squareplus", {"b": 1.0}),
]


@pytest.mark.parametrize(("name", "kwargs"), CATALOGUE)
def test_values_and_gradients_equal_those_of_keras(name, kwargs, rng):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    x = (3 * rng.normal(size=(6, 4))).astype("float32")
    weights = rng.normal(size=np.shape(theirs(x, **kwargs))).astype("float32")
    np.testing.assert_allclose(ours(x, **kwargs), theirs(x, **kwargs), rtol=2e-5, atol=2e-6)
    gradients = [
        jax.grad(lambda v, f=f: (jnp.asarray(f(v, **kwargs)) * weights).sum())(jnp.asarray(x)) for f in (ours, theirs)
    ]
    np.testing.assert_allclose(*gradients, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "threshold"])
def test_dtypes_and_kinds_of_input(name):
    ours = getattr(activations, name)
    for dtype in ("float16", "bfloat16", "float32"):
        assert ours(jnp.ones((2, 4), dtype)).dtype == dtype
    listed = [[1.0, -2.0], [0.5, 3.0]]
    expected = np.asarray(ours(np.array(listed, "float32")))
    np.testing.assert_array_equal(ours(listed), expected)
    np.testing.assert_array_equal(ours(Variable(listed)), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_and_names_equal_those_of_keras(name):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    assert [(p.name, p.default) for p in inspect.signature(ours).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
    ]
    assert activations.get(name) is ours
    assert activations.serialize(ours) == keras.activations.serialize(theirs)
    assert activations.deserialize(activations.serialize(ours)) is ours


@pytest.mark.parametrize(
    "name", ["sigmoid", "softmax", "log_softmax", "softplus", "log_sigmoid", "silu", "mish", "tanh"]
)
def test_far_inputs_give_finite_values_and_gradients(name):
    x = jnp.array([[-1e4, -100.0, 0.0, 100.0, 1e4]], "float32")
    function = getattr(activations, name)
    assert np.isfinite(function(x)).all()
    assert np.isfinite(jax.grad(lambda v: function(v)[0, 1])(x)).all()


def test_a_sigmoid_neuron():
    neuron = activations.sigmoid(np.dot([0.0, 1.0], [2.0, 3.0]) + 4.0)
    assert float(neuron) == pytest.approx(0.9990889488055994, rel=1e-7)


def test_softmax_keeps_its_input_mask():
    x, mask = jnp.ones((2, 3)), jnp.ones((2,), bool)
    set_mask(x, mask)
    assert get_mask(activations.softmax(x)) is mask


def test_get():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu

    def own(x):
        return x * 2

    assert activations.get(own) is own
    with serialization.custom_object_scope({"own": own}):
        assert activations.get("own") is own
        assert activations.deserialize(activations.serialize(own)) is own


@pytest.mark.parametrize(
    ("identifier", "text"), [("rleu", "Did you mean 'relu'"), (3, "activation"), (jnp.ones(2), "activation")]
)
def test_what_is_no_activation_is_refused(identifier, text):
    with pytest.raises(ArgumentError, match=text):
        activations.get(identifier)
