"""Constraints against Keras: values, configurations, names, and the law that each one promises."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier import constraints
from ranvier.core.errors import ArgumentError
from ranvier.core.variables import Variable

CATALOGUE = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.7, "axis": [0, 1]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.9, "max_value": 1.1, "rate": 0.3, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": (0, 1)}),
    ("Constraint", {}),
]


@pytest.mark.parametrize(("name", "kwargs"), CATALOGUE)
def test_values_and_configurations_equal_those_of_keras(name, kwargs, rng):
    ours, theirs = getattr(constraints, name)(**kwargs), getattr(keras.constraints, name)(**kwargs)
    w = rng.normal(size=(5, 3, 2)).astype("float32")
    w[:, 1, 1] = 0
    np.testing.assert_allclose(ours(w), theirs(w), rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(ours(Variable(w)), theirs(w), rtol=2e-6, atol=1e-7)
    assert ours.get_config() == theirs.get_config()
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
    again = constraints.deserialize(keras.constraints.serialize(theirs))
    assert type(again) is type(ours)
    np.testing.assert_array_equal(again(w), ours(w))
    assert ours(w.astype(jnp.bfloat16)).dtype == "bfloat16"


@given(st.integers(0, 2**31), st.floats(0.1, 3.0), st.floats(0.0, 2.0))
@settings(max_examples=10, deadline=None)
def test_norms_end_up_within_their_range(seed, low, extra):
    w = np.random.default_rng(seed).normal(size=(4, 3)).astype("float32") + 0.1
    norms = np.linalg.norm(np.asarray(constraints.MinMaxNorm(low, low + extra)(w)), axis=0)
    assert (norms > low * 0.9999).all()
    assert (norms < (low + extra) * 1.0001).all()
    assert (np.linalg.norm(np.asarray(constraints.MaxNorm(low)(w)), axis=0) < low * 1.0001).all()


@pytest.mark.parametrize("name", [n for n in dir(keras.constraints) if not n.startswith("_")])
def test_every_name_of_keras_is_here(name):
    assert getattr(constraints, name).__name__ == getattr(keras.constraints, name).__name__


def test_get():
    assert isinstance(constraints.get("non_neg"), constraints.NonNeg)
    assert constraints.get("MaxNorm").max_value == 2
    assert constraints.get(None) is None
    given = constraints.UnitNorm(1)
    assert constraints.get(given) is given
    assert isinstance(constraints.get(constraints.NonNeg), constraints.NonNeg)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: constraints.get("maxnorm"), "Did you mean"),
        (lambda: constraints.MaxNorm(0), "max_value"),
        (lambda: constraints.MinMaxNorm(2.0, 1.0), "min_value"),
        (lambda: constraints.MinMaxNorm(rate=2.0), "rate"),
    ],
)
def test_bad_arguments_are_named(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
