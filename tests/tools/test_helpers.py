"""to_categorical, normalize and pad_sequences give Keras's arrays, and refuse what Keras lets through."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import utils
from ranvier.core.errors import ArgumentError, DataError


@pytest.mark.parametrize(
    "arguments",
    [
        ([0, 1, 2],),
        ([[0], [2]],),
        ([[0, 1], [2, 2]],),
        (np.array([0, 1]), 3),
        (3,),
        (3, 5),
        ([True, False],),
        ([1.0, 0.0],),
        (np.zeros((2, 1, 1), int), 2),
        (np.array([[1]]), 2),
        (jnp.array([0, 1]), 3),
    ],
)
def test_to_categorical_is_kerass(arguments):
    ours, theirs = utils.to_categorical(*arguments), keras.utils.to_categorical(*arguments)
    assert (type(ours), ours.dtype) == (type(theirs), theirs.dtype)
    np.testing.assert_array_equal(ours, theirs)


def test_to_categorical_inside_a_compiled_function():
    x = np.array([[0], [2]], np.int32)
    np.testing.assert_array_equal(jax.jit(lambda x: utils.to_categorical(x, 3))(x), utils.to_categorical(x, 3))
    with pytest.raises(ArgumentError, match="num_classes"):
        jax.jit(utils.to_categorical)(x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([-1, 1], 3), "from -1 to 1"),
        (([0, 5], 3), "from 0 to 5"),
        (([0.7, 1.0],), "0.7"),
        (([np.nan, 1.0],), "nan"),
        ((["a"],), "dtype <U1"),
        (([],), "no labels"),
    ],
)
def test_to_categorical_refuses_labels(arguments, message):
    with pytest.raises(DataError, match=message):
        utils.to_categorical(*arguments)


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, True])
def test_to_categorical_refuses_numbers_of_classes(num_classes):
    with pytest.raises(ArgumentError, match="num_classes="):
        utils.to_categorical([0], num_classes)


@pytest.mark.parametrize(
    ("x", "arguments"),
    [
        ([[3.0, 4.0], [0, 0]], {}),
        (np.array([[3, 4]]), {}),
        (np.arange(24.0).reshape(2, 3, 4), {"axis": 1}),
        ([[3.0, 4.0]], {"order": 1}),
        (np.ones((2, 2), "float32"), {"order": 3}),
        (jnp.ones((2, 2)), {}),
        ([3.0, 4.0], {}),
        (5.0, {}),
    ],
)
def test_normalize_is_kerass(x, arguments):
    ours, theirs = utils.normalize(x, **arguments), keras.utils.normalize(x, **arguments)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("order", [0, -1, np.inf, "fro", True])
def test_normalize_refuses_orders(order):
    with pytest.raises(ArgumentError, match="order="):
        utils.normalize([[1.0]], order=order)


@pytest.mark.parametrize(
    ("sequences", "arguments"),
    [
        ([[1, 2, 3], [4]], {}),
        ([[1, 2, 3], [4]], {"maxlen": 2}),
        ([[1, 2, 3], [4]], {"maxlen": 2, "truncating": "post", "padding": "post", "value": 9}),
        ([[1, 2, 3], [4]], {"maxlen": 5, "padding": "post"}),
        ([[[1, 2], [3, 4]], [[5, 6]]], {}),
        ([[1.5], [2.5, 1]], {"dtype": "float32"}),
        ([[], [1]], {}),
        ([["a"], ["b", "c"]], {"dtype": object, "value": "x"}),
    ],
)
def test_pad_sequences_is_kerass(sequences, arguments):
    ours, theirs = utils.pad_sequences(sequences, **arguments), keras.utils.pad_sequences(sequences, **arguments)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("sequences", "arguments", "message"),
    [
        ([1, 2], {}, r"sequences\[0\] = 1"),
        ([], {}, "at least one"),
        ([[1]], {"padding": "x"}, "padding='x'"),
        ([[1]], {"truncating": "x"}, "truncating='x'"),
        ([[1]], {"maxlen": -1}, "maxlen=-1"),
        ([[1]], {"value": "x"}, "dtype=object"),
        ([[[1, 2]], [[5, 6, 7]]], {}, r"sequences\[1\] have shape \(3,\)"),
    ],
)
def test_pad_sequences_refuses(sequences, arguments, message):
    with pytest.raises((ArgumentError, DataError), match=message):
        utils.pad_sequences(sequences, **arguments)


def test_all_names_are_there():
    assert all(hasattr(utils, name) for name in utils.__all__)
