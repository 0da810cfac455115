"""Hashes against TensorFlow's, `Hashing` and `HashedCrossing` against Keras's."""

import jax
import keras
import numpy as np
import pytest

from ranvier import Input, Model, Sequential, layers
from ranvier.layers.preparation.hashes import fingerprints

tf = pytest.importorskip("tensorflow")  # with which Keras prepares texts

MANY = 2**62 - 57


@pytest.mark.parametrize("key", [None, (133, 137), (-5, 2**63 + 7)])
def test_strings_of_every_length_hash_as_in_tensorflow(key):
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 256, n).astype("uint8").tobytes() for n in range(200)]
    found = fingerprints(texts, key) % np.uint64(MANY)
    if key is None:
        expected = tf.strings.to_hash_bucket_fast(texts, MANY)
    else:
        signed = [(k + 2**63) % 2**64 - 2**63 for k in key]
        expected = tf.strings.to_hash_bucket_strong(texts, MANY, signed)
    np.testing.assert_array_equal(found, expected.numpy())


STRINGS = np.array(
    [["A", "B"], ["C", "ünï"], ["", "a longer string, of more than 32 bytes, and yet more than that" * 2]]
)

INTEGERS = np.array([[1, -2], [123456789, 0], [2**31 - 1, -(2**31)], [10**15, 99999999]])


@pytest.mark.parametrize("inputs", [STRINGS, INTEGERS, np.array([1.5, -0.25, 1e10])], ids=["str", "int", "float"])
@pytest.mark.parametrize(
    "options",
    [
        {"num_bins": 7},
        {"num_bins": 1000, "salt": 133},
        {"num_bins": 1000, "salt": [5, 6]},
        {"num_bins": 7, "output_mode": "one_hot"},
        {"num_bins": 7, "output_mode": "multi_hot"},
        {"num_bins": 3, "output_mode": "count", "salt": 1},
    ],
    ids=str,
)
def test_bins_are_those_of_keras(inputs, options):
    ours, theirs = layers.Hashing(**options, name="it"), keras.layers.Hashing(**options, name="it")
    found, expected = ours(inputs), theirs(inputs)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert layers.serialize(ours)["config"] == keras.saving.serialize_keras_object(theirs)["config"]
    again = layers.deserialize(layers.serialize(ours))
    np.testing.assert_array_equal(again(inputs), expected)


@pytest.mark.parametrize(("inputs", "mask_value"), [(STRINGS, "A"), (INTEGERS, -2), (STRINGS, ""), (INTEGERS, 0)])
def test_masked_values_go_to_bin_0(inputs, mask_value):
    options = {"num_bins": 9, "mask_value": mask_value}
    found = layers.Hashing(**options)(inputs)
    np.testing.assert_array_equal(found, keras.layers.Hashing(**options)(inputs))
    np.testing.assert_array_equal(np.asarray(found) == 0, inputs == mask_value)


def test_one_bin_that_is_masked_takes_everything():
    np.testing.assert_array_equal(layers.Hashing(1, mask_value=1)(np.array([1, 2])), [0, 0])


@pytest.mark.parametrize("options", [{"salt": [1, 2]}, {"mask_value": 7}, {"output_mode": "multi_hot"}], ids=str)
def test_integers_hash_inside_compiled_programs_as_on_the_host(options):
    rng = np.random.default_rng(0)
    edges = [0, 7, 9, 10, 99, 100, 999, 1000, 9999999, 10000000, 99999999, 100000000, 2**31 - 1, -(2**31), -1, -9999999]
    inputs = np.concatenate([edges, rng.integers(-(2**31), 2**31, 84)]).astype("int32").reshape(50, 2)
    layer = layers.Hashing(1000, **options)
    np.testing.assert_array_equal(jax.jit(layer)(inputs), layer(inputs))


def test_integers_hash_inside_a_model():
    inputs = np.array([[1, -2], [3, 2**31 - 1]], "int32")
    layer = layers.Hashing(1000)
    model = Sequential([Input((2,), dtype="int32"), layer])
    np.testing.assert_array_equal(model.predict(inputs, verbose=0), layer(inputs))


CROSSINGS = [
    (np.array(["A", "B", "A"]), np.array([101, 101, 102])),
    (np.array([[1], [-2]]), np.array([[3], [2**40]])),
    (np.array(["a", "b"]), np.array(["c", ""]), np.array(["x", "a longer string of words"])),
]


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # Keras's
@pytest.mark.parametrize("inputs", CROSSINGS, ids=["str-int", "int-int", "str-str-str"])
@pytest.mark.parametrize("options", [{"num_bins": 1000}, {"num_bins": 6, "output_mode": "one_hot"}], ids=str)
def test_crossings_are_those_of_keras(inputs, options):
    ours, theirs = layers.HashedCrossing(**options, name="it"), keras.layers.HashedCrossing(**options, name="it")
    found, expected = ours(inputs), theirs(inputs)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert ours.get_config() == theirs.get_config()
    assert layers.HashedCrossing.from_config(ours.get_config()).get_config() == ours.get_config()


def test_integers_cross_inside_compiled_programs_as_on_the_host():
    inputs = (np.array([1, -2, 3], "int32"), np.array([2**31 - 1, -(2**31), 0], "int32"))
    layer = layers.HashedCrossing(1000)
    np.testing.assert_array_equal(jax.jit(layer)(inputs), layer(inputs))


def test_symbolic_shapes():
    text, number = Input((1,), dtype="string"), Input((1,), dtype="int32")
    assert layers.Hashing(5)(text).shape == (None, 1)
    assert layers.Hashing(5, output_mode="one_hot")(number).shape == (None, 5)
    assert layers.HashedCrossing(5)((text, number)).shape == (None, 1)
    crossed = layers.HashedCrossing(5, output_mode="one_hot")((text, number))
    assert crossed.shape == (None, 5)
    model = Model([text, number], layers.Dense(2)(crossed))
    assert model([np.array([["a"], ["b"]]), np.array([[1], [2]])]).shape == (2, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Hashing(0), "num_bins must be at least 1"),
        (lambda: layers.Hashing(3, salt="x"), "salt must be"),
        (lambda: layers.Hashing(3, salt=[1, 2, 3]), "salt must be"),
        (lambda: layers.Hashing(3, output_mode="tf_idf"), "output_mode"),
        (lambda: layers.Hashing(3, sparse=True), "sparse must be False"),
        (lambda: layers.Hashing(2**31), "below"),
        (lambda: layers.HashedCrossing(3, output_mode="count"), "output_mode"),
        (lambda: layers.HashedCrossing(3)(np.array([1])), "two or more inputs"),
        (lambda: layers.HashedCrossing(3)((np.array([1]),)), "two or more inputs"),
        (lambda: layers.HashedCrossing(3)((np.ones((2, 2), int), np.ones((2, 2), int))), "one shape"),
        (lambda: layers.HashedCrossing(3)((np.ones(2), np.ones(2))), "strings and integers"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
