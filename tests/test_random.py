"""Random tensors: Keras's numbers for integer seeds where JAX's generator makes them, and each distribution's law."""

import keras
import numpy as np
import pytest

from ranvier import random
from ranvier.core import serialization
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.random import set_random_seed

LOGITS = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], "float32"))


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("normal", ((3, 4),), {"mean": 1.0, "stddev": 2.0}),
        ("normal", ((5,),), {"dtype": "float16"}),
        ("truncated_normal", ((3, 4),), {"mean": 1.0, "stddev": 2.0}),
        ("uniform", ((3, 4),), {"minval": -1.0, "maxval": 3.0}),
        ("randint", ((3, 4), 2, 17), {}),
        ("categorical", (LOGITS, 6), {}),
        ("shuffle", (np.arange(10.0, dtype="float32"),), {}),
        ("shuffle", (np.arange(10.0, dtype="float32").reshape(2, 5),), {"axis": 1}),
        ("gamma", ((3, 4), 2.0), {}),
        ("beta", ((3, 4), 2.0, 3.0), {}),
        ("binomial", ((3, 4), 10, 0.3), {}),
    ],
)
def test_an_integer_seed_gives_the_numbers_of_keras(name, args, kwargs):
    ours = getattr(random, name)(*args, **kwargs, seed=1337)
    theirs = getattr(keras.random, name)(*args, **kwargs, seed=1337)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-6)


def test_seed_generators_follow_the_sequence_of_keras():
    ours, theirs = random.SeedGenerator(7), keras.random.SeedGenerator(7)
    for _ in range(3):
        np.testing.assert_array_equal(random.normal((4,), seed=ours), keras.random.normal((4,), seed=theirs))
    assert ours.get_config().keys() == theirs.get_config().keys()
    again = serialization.deserialize(serialization.serialize(ours))
    np.testing.assert_array_equal(random.normal((4,), seed=again), random.normal((4,), seed=7))


def test_no_seed_means_fresh_numbers_that_set_random_seed_repeats():
    set_random_seed(3)
    first, second = random.normal((8,)), random.normal((8,))
    set_random_seed(3)
    np.testing.assert_array_equal(first, random.normal((8,)))
    assert not np.allclose(first, second)


@pytest.mark.parametrize(
    ("draw", "mean", "deviation"),
    [
        (lambda: random.normal((20000,), 1.0, 2.0, seed=1), 1.0, 2.0),
        (lambda: random.truncated_normal((20000,), 1.0, 2.0, seed=1), 1.0, 2.0 * 0.8796),
        (lambda: random.uniform((20000,), -1.0, 2.0, seed=1), 0.5, 3 / 12**0.5),
        (lambda: random.gamma((20000,), 4.0, seed=1), 4.0, 2.0),
        (lambda: random.beta((20000,), 2.0, 2.0, seed=1), 0.5, 0.05**0.5),
        (lambda: random.binomial((20000,), 10, 0.3, seed=1), 3.0, 2.1**0.5),
    ],
)
def test_mean_and_deviation(draw, mean, deviation):
    values = np.asarray(draw())
    assert abs(values.mean() - mean) < 5 * deviation / len(values) ** 0.5
    assert values.std() == pytest.approx(deviation, rel=0.03)


def test_dropout_keeps_the_mean_and_drops_the_rate():
    dropped = np.asarray(random.dropout(np.ones((200, 100), "float32"), 0.3, seed=5))
    np.testing.assert_allclose(np.unique(dropped), [0, 1 / 0.7], rtol=1e-6)
    assert (dropped == 0).mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(random.dropout(np.ones((3, 2), "float32"), 0.0, seed=5), np.ones((3, 2)))


def test_dropout_with_noise_shape_drops_whole_slices():
    dropped = np.asarray(random.dropout(np.ones((8, 50, 3), "float32"), 0.5, noise_shape=(None, 1, 3), seed=2))
    assert (dropped == dropped[:, :1]).all()
    assert 0 < (dropped[:, 0] == 0).mean() < 1


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: random.dropout(np.ones(3), 1.0), ArgumentError, "rate"),
        (lambda: random.dropout(np.ones((3, 2)), 0.5, noise_shape=(3,)), ShapeError, "noise_shape"),
        (lambda: random.normal((2,), dtype="int32"), ArgumentError, "float"),
        (lambda: random.randint((2,), 0, 5, dtype="float32"), ArgumentError, "integer"),
        (lambda: random.categorical(np.ones(3), 2), ShapeError, "classes"),
        (lambda: random.normal((2,), seed="one"), ArgumentError, "seed"),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()
