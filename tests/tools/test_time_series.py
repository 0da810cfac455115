"""Windows over time series, and data in two parts: Keras's, without TensorFlow."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier
from ranvier import layers, models, utils
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError
from ranvier.data import Dataset

ROWS = np.arange(40.0).reshape(20, 2)


def _same(ours, theirs):
    ours, theirs = list(ours), list(theirs.as_numpy_iterator())
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        for x, y in zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]:
            assert (np.shape(x), x.dtype) == (np.shape(y), y.dtype)
            assert np.array_equal(x, y)


@pytest.mark.parametrize("targets", [None, 20, 14])
@pytest.mark.parametrize(
    "arguments",
    [
        {"sequence_length": 3},
        {"sequence_length": 1, "batch_size": None, "sequence_stride": 4},
        {"sequence_length": 4, "sampling_rate": 3, "sequence_stride": 2, "batch_size": 3},
        {"sequence_length": 3, "start_index": 4, "end_index": 12, "batch_size": 1},
    ],
    ids=str,
)
def test_windows_are_kerass(arguments, targets):
    given_targets = None if targets is None else np.arange(20)[:targets] * 10
    ours, theirs = (k.utils.timeseries_dataset_from_array(ROWS, given_targets, **arguments) for k in (ranvier, keras))
    assert len(ours) == len(theirs)
    _same(ours, theirs)


@given(st.integers(1, 7), st.integers(1, 4), st.integers(1, 3), st.sampled_from([1, 4, 100]),
       st.integers(0, 9), st.integers(10, 20))  # fmt: skip
def test_windows_are_what_the_formula_says(length, stride, rate, batch, start, end):
    begins = [i for i in range(start, end, stride) if i + (length - 1) * rate < end]
    if not begins:
        return
    dataset = utils.timeseries_dataset_from_array(
        ROWS, np.arange(20), length, stride, rate, batch, start_index=start, end_index=end
    )
    x, y = (np.concatenate(parts) for parts in zip(*dataset, strict=True))
    assert y.tolist() == begins
    assert np.array_equal(x, np.stack([[ROWS[i + k * rate] for k in range(length)] for i in begins]))


def test_shuffled_windows():
    def starts(seed):
        dataset = utils.timeseries_dataset_from_array(
            np.arange(20), np.arange(20), 3, batch_size=5, shuffle=True, seed=seed
        )
        for x, y in dataset:
            assert np.array_equal(x[:, 0], y)
        return [np.concatenate([y for _, y in dataset]).tolist() for _ in range(2)]

    first, second = starts(1)
    assert sorted(first) == sorted(second) == list(range(18))
    assert first != second
    assert starts(1) == [first, second]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sequence_length": 0}, ArgumentError, "sequence_length"),
        ({"sequence_length": 21}, DataError, "no window: 20 rows are fewer than the 21"),
        ({"sequence_length": 3, "sampling_rate": 0}, ArgumentError, "sampling_rate"),
        ({"sequence_length": 3, "sequence_stride": 20}, ArgumentError, "sequence_stride=20"),
        ({"sequence_length": 3, "start_index": -1}, ArgumentError, "start_index=-1"),
        ({"sequence_length": 3, "start_index": 20}, ArgumentError, "start_index=20"),
        ({"sequence_length": 3, "end_index": 21}, ArgumentError, "end_index=21"),
        ({"sequence_length": 3, "start_index": 5, "end_index": 5}, ArgumentError, "end_index=5"),
        ({"sequence_length": 3, "batch_size": 0}, ArgumentError, "batch_size"),
        ({"sequence_length": 3, "format": "x"}, ArgumentError, "format='x'"),
    ],
)
def test_windows_that_make_no_sense(arguments, error, message):
    with pytest.raises(error, match=message):
        utils.timeseries_dataset_from_array(ROWS, None, **arguments)


def test_a_model_learns_from_windows():
    series = np.sin(np.arange(200.0))
    dataset = utils.timeseries_dataset_from_array(series[:-4], series[4:], 4, batch_size=32, shuffle=True)
    model = models.Sequential([layers.Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(dataset, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


SPLITS = [{"left_size": 0.7}, {"left_size": 3}, {"right_size": 3}, {"right_size": 0.25}, {"left_size": 0.25},
          {"left_size": 0.75}, {"left_size": 3, "right_size": 4}, {"left_size": 0.25, "right_size": 0.25},
          {"left_size": 0.7, "shuffle": True, "seed": 1}]  # fmt: skip


@pytest.mark.parametrize("arguments", SPLITS, ids=str)
@pytest.mark.parametrize(
    "data", [np.arange(10), (np.arange(10), np.arange(20.0).reshape(10, 2)), [np.arange(10)] * 2], ids="123"
)
def test_split_dataset(data, arguments):
    ours = utils.split_dataset(data, **arguments)
    theirs = keras.utils.split_dataset(data, **arguments)
    for a, b in zip(ours, theirs, strict=True):
        assert len(a) == len(b)
        for x, y in zip(a, b.as_numpy_iterator(), strict=True):
            assert np.array_equal(x, y) if not isinstance(x, tuple) else all(map(np.array_equal, x, y))


def test_split_of_datasets():
    dataset = Dataset.range(10).map(lambda n: (n, n * 2))
    left, right = utils.split_dataset(dataset, right_size=4)
    assert [int(y) for _, y in left] == [0, 2, 4, 6, 8, 10]
    assert [x.tolist() for x, _ in right.batch(3)] == [[6, 7, 8], [9]]
    torch = pytest.importorskip("torch")
    left, _ = utils.split_dataset(torch.utils.data.TensorDataset(torch.arange(4), torch.ones(4, 2)), left_size=0.5)
    assert [(int(x), y.shape) for x, y in left] == [(0, (2,)), (1, (2,))]


@pytest.mark.parametrize(
    ("data", "arguments", "error"),
    [
        (np.arange(10), {}, ArgumentError),
        (np.arange(10), {"left_size": 0}, ArgumentError),
        (np.arange(10), {"left_size": 10}, ArgumentError),
        (np.arange(10), {"left_size": 1.0}, ArgumentError),
        (np.arange(10), {"left_size": 0.5, "right_size": 0.6}, ArgumentError),
        (np.arange(10), {"left_size": "x"}, ArgumentTypeError),
        (np.arange(10), {"left_size": 0.5, "preferred_backend": "caffe"}, ArgumentError),
        ({"a": np.arange(10)}, {"left_size": 0.5}, ArgumentTypeError),
        ([[1, 2], [3, 4]], {"left_size": 1}, ArgumentTypeError),
        ((np.arange(3), np.arange(4)), {"left_size": 1}, DataError),
        (Dataset.range(0), {"left_size": 1}, DataError),
    ],
    ids=str,
)
def test_split_dataset_refuses(data, arguments, error):
    with pytest.raises(error):
        utils.split_dataset(data, **arguments)
