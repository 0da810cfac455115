"""What users hold in memory becomes arrays of the dtypes and shapes that Keras gives its models."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.core import settings as core_settings
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning
from ranvier.core.variables import Variable
from ranvier.data import ArrayData, StreamData, make_data, split


def described(tree):
    return jax.tree.map(lambda a: (tuple(a.shape), str(a.dtype)), tree)


def seen_by_keras(x, y):
    """The first batch that Keras makes of this data, as shapes and dtypes."""
    seen = []

    class Probe(keras.Model):
        def call(self, x):
            return 0.0

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            seen.append(jax.tree.map(jnp.asarray, (x, y)))  # as the device holds them
            return keras.ops.convert_to_tensor(0.0)

    model = Probe()
    model.compile(run_eagerly=True)
    model.evaluate(x, y, batch_size=64, verbose=0)
    return described(seen[0])


N = 6
SERIES = pd.Series(np.arange(N) + 0.5)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.arange(6.0), np.arange(6)),
        (np.ones((N, 2), "float16"), np.ones(N, bool)),
        (np.ones((N, 2), np.uint8), np.ones((N, 1), "int64")),
        ([np.ones((N, 2)), np.ones((N, 3))], np.ones(N)),
        ([np.ones((N, 2))], np.ones(N)),
        ({"a": np.ones(N), "b": [np.ones((N, 1, 1))]}, np.ones(N)),
        (pd.DataFrame({"a": np.arange(N) + 0.5, "b": range(N)}), SERIES),
        (pd.DataFrame({"a": range(N)}), pd.DataFrame({"y": range(N)})),
        ({"a": SERIES}, np.ones(N)),
        (jnp.ones((N, 2)), jnp.arange(N)),
    ],
    ids=str,
)
def test_shapes_and_dtypes_are_kerass(x, y):
    assert described(make_data(x, y).arrays) == seen_by_keras(x, y)


@pytest.mark.parametrize(
    ("x", "shape", "dtype"),
    [
        ([1, 2, 3], (3,), "int32"),
        ([1.0, 2.0], (2,), "float32"),
        ([[1.0, 2], [3, 4]], (2, 2), "float32"),
        (((1, 2), (3, 4)), (2, 2), "int32"),
        ([[[1.5]]], (1, 1, 1), "float32"),
        ([True, False], (2,), "bool"),
        ([np.float64(1), np.float32(2)], (2,), "float32"),
        (range(4), (4,), "int32"),
        (np.array([1, 2.5], object), (2,), "float32"),
        (np.array([[1, 2]], ">f8"), (1, 2), "float32"),
        (pd.DataFrame({"a": [1, 2], "b": [True, False]}), (2, 2), "int32"),
        (pd.DataFrame({"a": [True, False]}), (2, 1), "bool"),
        (pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": [0.5, 1]}), (2, 2), "float32"),
        (pd.Series(pd.array([1, 2], "Int64")), (2, 1), "int32"),
        (Variable(np.ones((2, 3), np.float32)), (2, 3), "float32"),
    ],
    ids=str,
)
def test_what_keras_refuses_and_we_take(x, shape, dtype):
    (array,) = make_data(x).arrays
    assert (array.shape, str(array.dtype)) == (shape, dtype)
    assert array.dtype.isnative


def test_tensors_of_other_frameworks():
    torch = pytest.importorskip("torch")
    data = make_data(torch.ones(4, 2, dtype=torch.float64, requires_grad=True), torch.arange(4))
    assert described(data.arrays) == (((4, 2), "float32"), ((4,), "int32"))
    assert make_data(torch.ones(2, 1, dtype=torch.bfloat16)).arrays[0].dtype == np.float32


def test_missing_values_of_tables_are_nan_and_warned_about():
    frame = pd.DataFrame({"a": pd.array([1, None], "Int64")})
    with pytest.warns(DataWarning, match="x holds NaN in row 1"):
        (x,) = make_data(frame).arrays
    assert np.isnan(x[1, 0])


def test_floats_follow_floatx_and_float32_is_not_copied():
    x = np.ones((3, 2), np.float32)
    assert make_data(x).arrays[0] is x
    core_settings.set_floatx("bfloat16")
    assert make_data(x).arrays[0].dtype == jnp.bfloat16


def test_a_jax_array_stays_where_it_is():
    x = jnp.ones((3, 2))
    assert make_data(x).arrays[0] is x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (None, "x is None"),
        ("text", "x must be an array"),
        (3.0, "x must be an array"),
        (np.float32(3), "x must be an array"),
        (np.array(3.0), "one row a sample"),
        pytest.param(object(), "x must be an array, a table", id="object"),
        ([], "x is empty"),
        (np.zeros((0, 3)), r"x is empty: there are 0 samples in an array of shape \(0, 3\)"),
        ({}, "x holds no array"),
        ([[1, 2], [3]], "different lengths.*pad_sequences"),
        (np.array([[1], [2, 3]], object), "different lengths"),
        (np.array(["a", "b"]), "x must hold numbers"),
        (np.array([1, None], object), "holds None"),
        ({"a": np.array(["a"])}, r"x\['a'\] must hold numbers"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64"),
        (pd.DataFrame({"n": [1], "city": ["Paris"]}), "Column 'city' of x must hold numbers.*Paris"),
        (pd.DataFrame({"c": pd.Categorical(["a"])}), "Column 'c' of x.*get_dummies"),
        (pd.Series(["a"]), "x must hold numbers"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "masked"),
        (np.array([2**40]), "do not fit"),
    ],
    ids=str,
)
def test_what_is_refused(x, message):
    with pytest.raises(DataError, match=message):
        make_data(x)


def test_sparse_data_is_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_matrix(np.eye(3)), sparse.coo_array(np.eye(3))):
        with pytest.raises(DataError, match=r"sparse.*x\.toarray\(\)"):
            make_data(matrix)


def test_different_sample_counts_are_listed():
    with pytest.raises(DataError, match=r"x\['a'\] has 4, x\['b'\] has 5, y has 6"):
        make_data({"a": np.zeros(4), "b": np.zeros(5)}, np.zeros(6))
    with pytest.raises(DataError, match=r"np\.stack"):
        make_data([np.zeros(3)] * 8, np.zeros(8))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, ArgumentError, "batch_size=0"),
        ({"batch_size": -2}, ArgumentError, "batch_size=-2"),
        ({"batch_size": 2.5}, ArgumentTypeError, "batch_size=2.5"),
        ({"batch_size": True}, ArgumentTypeError, "batch_size=True"),
        ({"steps_per_epoch": 0}, ArgumentError, "steps_per_epoch=0"),
        ({"steps_per_epoch": "3"}, ArgumentTypeError, "steps_per_epoch='3'"),
        ({"shuffle": "batches"}, ArgumentError, "shuffle='batches'"),
        ({"shuffle": None}, ArgumentError, "shuffle=None"),
        ({"sample_weight": np.ones(4)}, DataError, "sample_weight has 4"),
        ({"sample_weight": np.ones((5, 3))}, DataError, r"sample_weight of shape \(5, 3\)"),
        ({"sample_weight": ["a"] * 5}, DataError, "sample_weight must hold numbers"),
        ({"what": "validation_data", "sample_weight": np.ones(4)}, DataError, "validation_data's sample_weight has 4"),
    ],
)
def test_arguments_that_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        make_data(np.zeros((5, 2)), np.zeros(5), **arguments)


@pytest.mark.parametrize(
    ("y", "weight"),
    [((5,), (5,)), ((5,), (5, 1)), ((5, 1), (5,)), ((5, 3), (5, 1)), ((5, 3, 2), (5, 3)), ((5, 4, 4), (5, 4, 4))],
)
def test_sample_weights_that_fit(y, weight):
    assert make_data(np.zeros((5, 2)), np.zeros(y), np.ones(weight, int)).arrays[2].shape == weight


# --- NaN and infinity -----------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([(50,), (50, 1), (50, 7), (50, 4, 3), (4000, 30)]),
    st.sampled_from(["float32", "float64", "float16"]),
    st.sampled_from([np.nan, np.inf, -np.inf]),
    st.integers(0, 49),
    st.booleans(),
)
def test_the_first_bad_row_is_found_whatever_the_layout(shape, dtype, bad, row, fortran):
    from ranvier.data.checks import first_bad_row

    x = np.full(shape, np.finfo(dtype).max, dtype)  # large numbers whose sum is infinite are no cause for complaint
    x = np.asfortranarray(x) if fortran else x
    assert first_bad_row(x) is None
    x[(row, *(0 for _ in shape[1:]))] = bad
    x[-1] = bad
    assert first_bad_row(x) == min(row, shape[0] - 1)
    if dtype != "float64":
        assert first_bad_row(jnp.asarray(x)) == row


def test_the_warning_names_array_and_row():
    y = np.zeros(10)
    y[7] = np.inf
    with pytest.warns(DataWarning, match=r"y\['out'\] holds inf in row 7"):
        make_data(np.zeros(10), {"out": y})
    with pytest.warns(DataWarning, match="validation_data's x holds inf in row 0"):
        make_data(np.full((2, 2), 1e300), what="validation_data")  # finite until it is float32
    make_data({"a": y}, check_finite=False)


# --- order ----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 45), st.integers(0, 2**32 - 1))
def test_orders(size, batch_size, seed):
    generator = np.random.default_rng(seed)
    x = np.zeros(size)
    assert make_data(x, batch_size=batch_size, shuffle=False).order(generator) is None
    whole = make_data(x, batch_size=batch_size, shuffle=True).order(generator)
    batches = make_data(x, batch_size=batch_size, shuffle="batch").order(generator)
    for order in (whole, batches):
        assert order.dtype == np.int32
        assert sorted(order.tolist()) == list(range(size))
    for start in range(0, size, batch_size):
        rows = batches[start : start + batch_size]
        assert np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows)))


def test_epochs_differ_and_seeds_repeat():
    data = make_data(np.zeros(100), shuffle=True)
    one, two = np.random.default_rng(5), np.random.default_rng(5)
    first, second = data.order(one), data.order(one)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, data.order(two))


def test_steps_count_the_incomplete_batch():
    data = make_data(np.zeros((9, 2)), np.zeros(9), batch_size=4)
    assert isinstance(data, ArrayData)
    assert (data.size, data.batch_size, data.steps) == (9, 4, 3)
    assert [a.shape for a in data.peek()] == [(4, 2), (4,)]
    assert make_data(np.zeros(9)).batch_size == 32


def test_steps_per_epoch_of_arrays():
    x = np.arange(9.0)
    assert isinstance(make_data(x, batch_size=4, steps_per_epoch=3), ArrayData)
    with pytest.warns(DataWarning, match="only 3 batches of 4"):
        assert isinstance(make_data(x, batch_size=4, steps_per_epoch=5), ArrayData)
    stream = make_data(x, batch_size=4, steps_per_epoch=2)
    assert isinstance(stream, StreamData)
    assert stream.steps == 2
    first = [b[0].tolist() for b in stream.batches()]
    with pytest.warns(DataWarning, match="this epoch has 1 batches of the 2"):
        second = [b[0].tolist() for b in stream.batches()]
    assert first + second == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]


# --- split ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 1000), st.floats(0.01, 0.99))
def test_the_split_is_kerass(size, fraction):
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split

    x = np.arange(float(size), dtype="float32")
    try:
        theirs = train_validation_split((x,), fraction)
    except ValueError:
        with pytest.raises(ArgumentError, match="leaves"):
            split((x, None, None), fraction)
        return
    ours = split((x, None, None), fraction)
    for (mine, *rest), (other,) in zip(ours, theirs, strict=True):
        assert rest == [None, None]
        np.testing.assert_array_equal(mine, other)


def test_split_of_nested_arrays_and_tables():
    train, validation = split(({"a": jnp.arange(10.0)}, pd.Series(range(10)), np.ones(10)), 0.3)
    assert described(train) == ({"a": ((7,), "float32")}, ((7, 1), "int32"), ((7,), "float32"))
    assert validation[0]["a"].tolist() == [7, 8, 9]
    assert make_data(*train).size == 7


@pytest.mark.parametrize(
    ("fraction", "error"),
    [
        (1, ArgumentError),
        (1.5, ArgumentError),
        (-0.1, ArgumentError),
        (float("nan"), ArgumentError),
        ("0.1", ArgumentTypeError),
    ],
)
def test_fractions_that_are_refused(fraction, error):
    with pytest.raises(error, match="validation_split="):
        split((np.zeros(9), None, None), fraction)


def test_only_arrays_can_be_split():
    with pytest.raises(DataError, match=r"validation_data instead.*generator"):
        split(((b for b in ()), None, None), 0.1)
    with pytest.raises(DataError, match="x has 3, y has 4"):
        split((np.zeros(3), np.zeros(4), None), 0.5)
