"""Initialisers: Keras's names, configurations and fan rules, and the law of each distribution."""

import itertools
import math

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier import initializers
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.random import SeedGenerator, set_random_seed

NAMES = [name for name in dir(keras.initializers) if not name.startswith("_")]
CLASSES = [
    n
    for n in NAMES
    if isinstance(getattr(keras.initializers, n), type) and n not in ("Initializer", "RandomInitializer")
]
SCALINGS = ["GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"]
SHAPES = [(), (7,), (6, 4), (3, 5, 4), (3, 3, 5, 4), (2, 3, 3, 5, 4)]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_keras_is_here(name):
    assert hasattr(initializers, name)
    theirs = getattr(keras.initializers, name)
    if isinstance(theirs, type):
        assert getattr(initializers, name).__name__ == theirs.__name__


@pytest.mark.parametrize("name", CLASSES)
def test_configuration_equals_that_of_keras_and_makes_an_equal_object(name):
    ours, theirs = getattr(initializers, name)(), getattr(keras.initializers, name)()
    assert ours.get_config() == theirs.get_config()
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)
    again = initializers.deserialize(initializers.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    assert initializers.deserialize(keras.initializers.serialize(theirs)).get_config() == ours.get_config()
    assert ours.clone().get_config() == ours.get_config()


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("RandomNormal", {"mean": 1.0, "stddev": 2.0, "seed": 3}),
        ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "normal", "seed": 1}),
        ("VarianceScaling", {"distribution": "UNIFORM"}),
        ("GlorotUniform", {"seed": 4, "input_axes": 0, "output_axes": [1, 2]}),
        ("HeNormal", {"seed": 4, "input_axes": (0, 1), "output_axes": (2,)}),
        ("Orthogonal", {"gain": 2.0, "seed": 9}),
        ("Constant", {"value": 3}),
        ("Constant", {"value": [1.0, 2.0]}),
        ("STFT", {"side": "imag", "window": None, "scaling": "spectrum", "periodic": True}),
    ],
)
def test_configuration_with_arguments_equals_that_of_keras(name, kwargs):
    assert (
        getattr(initializers, name)(**kwargs).get_config() == getattr(keras.initializers, name)(**kwargs).get_config()
    )


STRINGS = [
    "zeros", "ones", "constant", "identity", "random_normal", "random_uniform", "truncated_normal", "variance_scaling",
    "glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal",
    "stft", "zero", "one", "normal", "uniform", *CLASSES,
]  # fmt: skip


@pytest.mark.parametrize("name", STRINGS)
def test_strings_mean_what_they_mean_in_keras(name):
    try:
        expected = type(keras.initializers.get(name)).__name__
    except (ValueError, KeyError):  # Keras knows no value for a bare 'constant'
        expected = None
    if expected is not None:
        assert type(initializers.get(name)).__name__ == expected


def test_get_takes_objects_classes_configs_callables_arrays_and_none():
    given_object = initializers.HeNormal(seed=1)
    assert initializers.get(given_object) is given_object
    assert isinstance(initializers.get(initializers.Zeros), initializers.Zeros)
    config = {"class_name": "HeNormal", "config": {"seed": 1}}
    assert initializers.get(config).get_config() == given_object.get_config()

    def own(shape, dtype=None):
        return np.zeros(shape, dtype)

    assert initializers.get(own) is own
    np.testing.assert_array_equal(initializers.get(np.arange(3.0))((3,)), np.arange(3.0))
    assert initializers.get(None) is None


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_spread_follows_the_fans_of_keras(name, shape):
    # Keras's draws with the same rule estimate the deviation that ours must have.
    draws = 600 if math.prod(shape) < 50 else 60
    ours = np.concatenate([np.ravel(getattr(initializers, name)()(shape)) for _ in range(draws)])
    fan_in, fan_out = _fans_by_count(shape)
    scale = 2.0 if name.startswith("He") else 1.0
    fan = (fan_in + fan_out) / 2 if name.startswith("Glorot") else fan_in
    deviation = math.sqrt(scale / max(1.0, fan))
    assert ours.std() == pytest.approx(deviation, rel=0.12)
    limit = math.sqrt(3) if name.endswith("Uniform") else 2 / 0.87962566103423978
    assert np.abs(ours).max() <= limit * deviation * (1 + 1e-6)
    theirs = np.ravel(np.asarray(getattr(keras.initializers, name)(seed=1)(shape)))
    assert np.abs(theirs).max() <= limit * deviation * (1 + 1e-6)


def _fans_by_count(shape):
    """Inputs and outputs of a unit by counting them: a kernel of (*window, in, out)."""
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    places = list(itertools.product(*(range(s) for s in shape[:-2])))
    return len(places) * shape[-2], len(places) * shape[-1]


@pytest.mark.parametrize("axes", [((0,), (1,)), ((0,), (1, 2)), ((0, 1), (2,)), ((-3,), (-1,))])
def test_axes_of_inputs_and_outputs_can_be_named(axes):
    shape = (40, 10, 20)
    values = initializers.VarianceScaling(1.0, "fan_in", "uniform", 1, *axes)(shape)
    inputs = math.prod(shape[axis] for axis in axes[0])
    assert values.std() == pytest.approx(inputs**-0.5, rel=0.05)
    theirs = keras.initializers.VarianceScaling(1.0, "fan_in", "uniform", 1, *axes)(shape)
    assert values.std() == pytest.approx(float(np.std(np.asarray(theirs))), rel=0.05)


@pytest.mark.parametrize(
    ("initializer", "mean", "deviation", "low", "high"),
    [
        (initializers.RandomNormal(1.0, 0.5), 1.0, 0.5, -4, 6),
        (initializers.TruncatedNormal(1.0, 0.5), 1.0, 0.5 * 0.87962566103423978, 0, 2),
        (initializers.RandomUniform(-1.0, 3.0), 1.0, 4 / 12**0.5, -1, 3),
        (initializers.VarianceScaling(4.0, "fan_avg", "untruncated_normal"), 0.0, 2 / 200**0.5, -2, 2),
    ],
)
def test_mean_deviation_and_range(initializer, mean, deviation, low, high):
    values = initializer((200, 200))
    assert values.dtype == np.float32
    assert values.mean() == pytest.approx(mean, abs=5 * deviation / 200)
    assert values.std() == pytest.approx(deviation, rel=0.02)
    assert low <= values.min() <= values.max() <= high


@given(st.sampled_from([(3, 3), (4, 2), (2, 5), (3, 3, 2, 4), (2, 3, 30)]), st.floats(0.5, 3.0), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_orthogonal_has_orthogonal_rows_or_columns(shape, gain, seed):
    matrix = initializers.Orthogonal(gain, seed)(shape, "float64").reshape(-1, shape[-1])
    product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-10)


@pytest.mark.parametrize("name", ["RandomNormal", "TruncatedNormal", "RandomUniform", "GlorotUniform", "Orthogonal"])
def test_seeds(name):
    cls = getattr(initializers, name)
    fixed = cls(seed=5)
    np.testing.assert_array_equal(fixed((4, 3)), fixed((4, 3)))
    np.testing.assert_array_equal(fixed((4, 3)), cls(seed=5)((4, 3)))
    assert not np.allclose(fixed((4, 3)), cls(seed=6)((4, 3)))
    set_random_seed(11)
    free = cls()
    first, second = free((4, 3)), free((4, 3))
    assert not np.allclose(first, second)
    set_random_seed(11)
    np.testing.assert_array_equal(first, cls()((4, 3)))
    sequence = cls(seed=SeedGenerator(5))
    assert not np.allclose(sequence((4, 3)), sequence((4, 3)))
    again = initializers.deserialize(initializers.serialize(cls(seed=SeedGenerator(5))))
    np.testing.assert_array_equal(again((4, 3)), cls(seed=SeedGenerator(5))((4, 3)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", ["Zeros", "Ones", "Identity", "GlorotUniform", "Orthogonal", "TruncatedNormal"])
def test_dtypes(name, dtype):
    values = getattr(initializers, name)()((3, 3), dtype=dtype)
    assert values.dtype == jnp.dtype(dtype)
    assert values.shape == (3, 3)


def test_identity_keeps_its_gain_through_its_configuration():
    again = initializers.deserialize(initializers.serialize(initializers.Identity(2.0)))
    np.testing.assert_array_equal(again((2, 3)), keras.initializers.Identity(2.0)((2, 3)))


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_constants_of_other_kinds(dtype):
    np.testing.assert_array_equal(initializers.Ones()((2,), dtype), keras.initializers.Ones()((2,), dtype))
    np.testing.assert_array_equal(initializers.Zeros()((2,), dtype), keras.initializers.Zeros()((2,), dtype))
    np.testing.assert_array_equal(initializers.Constant(1)((2,), dtype), keras.initializers.Constant(1)((2,), dtype))


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", None])
@pytest.mark.parametrize(("scaling", "periodic"), [("density", False), ("spectrum", True), (None, False)])
def test_stft_kernels_equal_those_of_keras(side, window, scaling, periodic):
    arguments = (side, window, scaling, periodic)
    ours = initializers.STFT(*arguments)((8, 1, 9))
    np.testing.assert_allclose(ours, keras.initializers.STFT(*arguments)((8, 1, 9)), atol=5e-6)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: initializers.get("glorot_unifrom"), ArgumentError, "Did you mean 'glorot_uniform'"),
        (lambda: initializers.get(3), ArgumentError, "initializer"),
        (lambda: initializers.VarianceScaling(scale=0), ArgumentError, "scale"),
        (lambda: initializers.VarianceScaling(mode="fan"), ArgumentError, "fan_avg"),
        (lambda: initializers.VarianceScaling(distribution="cauchy"), ArgumentError, "distribution"),
        (lambda: initializers.HeNormal(input_axes=(0,)), ArgumentError, "output_axes"),
        (lambda: initializers.RandomNormal(mean=float("nan")), ArgumentError, "mean"),
        (lambda: initializers.Identity()((2, 2, 2)), ShapeError, "matrices"),
        (lambda: initializers.Orthogonal()((2,)), ShapeError, "two axes"),
        (lambda: initializers.Constant([1.0, 2.0])((3,)), ShapeError, "broadcast"),
        (lambda: initializers.RandomNormal(stddev=-1.0), ArgumentError, "stddev"),
        (lambda: initializers.RandomUniform(1.0, 0.0), ArgumentError, "minval"),
        (lambda: initializers.GlorotUniform(seed="one"), ArgumentError, "seed"),
        (lambda: initializers.GlorotUniform()((2, -1)), ArgumentError, "shape"),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()
