"""Regularisers against Keras: values, gradients, configurations, names."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import regularizers
from ranvier.core import serialization
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.variables import Variable

CATALOGUE = [
    ("L1", {}),
    ("L1", {"l1": 2}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("L1L2", {"l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5}),
]


@pytest.mark.parametrize(("name", "kwargs"), CATALOGUE)
def test_values_gradients_and_configurations_equal_those_of_keras(name, kwargs, rng):
    ours, theirs = getattr(regularizers, name)(**kwargs), getattr(keras.regularizers, name)(**kwargs)
    x = rng.normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=2e-6)
    np.testing.assert_allclose(ours(Variable(x)), theirs(x), rtol=2e-6)
    gradients = [jax.grad(lambda w, f=f: jnp.asarray(f(w), "float32"))(x) for f in (ours, theirs)]
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-7)
    mine, other = ours.get_config(), theirs.get_config()
    assert mine.keys() == other.keys()
    for key, value in mine.items():
        assert value == (pytest.approx(other[key], rel=1e-6) if isinstance(value, float) else other[key])
    again = regularizers.deserialize(regularizers.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == mine
    assert regularizers.deserialize(keras.regularizers.serialize(theirs))(x) == pytest.approx(float(ours(x)), rel=1e-5)


def test_columns_are_the_rows_of_the_transpose(rng):
    x = rng.normal(size=(5, 3)).astype("float32")
    columns = regularizers.OrthogonalRegularizer(0.5, "columns")
    assert float(columns(x)) == pytest.approx(float(regularizers.OrthogonalRegularizer(0.5, "rows")(x.T)))
    assert float(columns(np.linalg.qr(x)[0])) == pytest.approx(0, abs=1e-6)
    assert columns.get_config()["mode"] == "columns"


def test_penalties_keep_the_dtype_of_16_bit_weights():
    for name, kwargs in CATALOGUE:
        assert getattr(regularizers, name)(**kwargs)(jnp.ones((3, 2), "bfloat16")).dtype == "bfloat16"


@pytest.mark.parametrize("name", [n for n in dir(keras.regularizers) if not n.startswith("_")])
def test_every_name_of_keras_is_here(name):
    assert getattr(regularizers, name).__name__ == getattr(keras.regularizers, name).__name__


def test_get():
    assert regularizers.get("l2").get_config() == {"l2": 0.01}
    assert regularizers.get("L1L2").get_config() == keras.regularizers.get("L1L2").get_config()
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.get(None) is None
    given = regularizers.L2(0.5)
    assert regularizers.get(given) is given
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.5}}).l2 == 0.5

    def own(x):
        return x.sum()

    assert regularizers.get(own) is own


def test_a_users_own_class_round_trips():
    @serialization.register_keras_serializable("tests")
    class Cubed(regularizers.Regularizer):
        def __init__(self, rate):
            self.weight = rate

        def __call__(self, x):
            return self.weight * jnp.sum(jnp.abs(x) ** 3)

    described = regularizers.serialize(Cubed(0.2))
    assert described["registered_name"] == "tests>Cubed"
    assert regularizers.deserialize(described).weight == 0.2


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: regularizers.get("l1l2"), ArgumentError, "Did you mean"),
        (lambda: regularizers.L2(-0.1), ArgumentError, "l2"),
        (lambda: regularizers.L1(float("nan")), ArgumentError, "l1"),
        (lambda: regularizers.L2("big"), ArgumentError, "l2"),
        (lambda: regularizers.OrthogonalRegularizer(mode="diagonal"), ArgumentError, "rows"),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), ShapeError, "matrices"),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()
