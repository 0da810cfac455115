"""Iterables of batches: epochs, shuffling, workers, other frameworks' loaders, threads that end."""

import gc
import threading
import time

import keras
import numpy as np
import pytest

import ranvier
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning
from ranvier.core.random import set_random_seed
from ranvier.data import ArrayData, PyDataset, StreamData, make_data
from ranvier.data.prefetch import prefetched


def batch(i):
    return np.full((4, 2), float(i)), np.full(4, i)


def numbers(data):
    """The numbers of an epoch's batches."""
    return [int(b[0].flat[0]) for b in data.batches()]


class Counted(PyDataset):
    """Batch i holds the number i; notes what is asked of it."""

    def __init__(self, length=6, **arguments):
        super().__init__(**arguments)
        self.length = length
        self.events = []

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        self.events.append(index)
        return batch(index)

    def on_epoch_begin(self):
        self.events.append("begin")

    def on_epoch_end(self):
        self.events.append("end")


def settled(count):
    """Whether the number of prefetching threads comes down to `count`."""
    for _ in range(200):
        gc.collect()
        if sum(t.name.startswith("ranvier") for t in threading.enumerate()) <= count:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert settled(0)


# --- epochs -----------------------------------------------------------------------------------------------------


def test_a_finite_iterable_starts_again_each_epoch():
    class Batches:
        def __len__(self):
            return 3

        def __iter__(self):
            return (batch(i) for i in range(3))

    data = make_data(Batches())
    assert isinstance(data, StreamData)
    assert data.steps == 3
    assert [numbers(data), numbers(data)] == [[0, 1, 2], [0, 1, 2]]


def test_a_generator_goes_on_across_epochs_and_says_when_it_ends():
    data = make_data((batch(i) for i in range(5)), steps_per_epoch=2)
    assert (data.steps, numbers(data), numbers(data), data.exhausted) == (2, [0, 1], [2, 3], False)
    with pytest.warns(DataWarning, match="this epoch has 1 batches of the 2 that were asked for.*make it endless"):
        assert numbers(data) == [4]
    assert data.exhausted
    with pytest.warns(DataWarning, match="0 batches"):
        assert numbers(data) == []


def test_a_generator_without_steps_is_one_epoch():
    data = make_data(batch(i) for i in range(3))
    assert (data.steps, numbers(data), data.exhausted) == (None, [0, 1, 2], True)


@pytest.mark.parametrize(("steps", "epochs"), [(2, [[0, 1], [2], [0, 1]]), (3, [[0, 1, 2]] * 3), (5, [[0, 1, 2]] * 3)])
def test_steps_per_epoch_of_a_dataset_are_kerass(steps, epochs):
    class Dataset(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return batch(index)

    class Steps(keras.callbacks.Callback):
        counts = []

        def on_epoch_begin(self, epoch, logs=None):
            self.counts.append(0)

        def on_train_batch_end(self, batch, logs=None):
            self.counts[-1] += 1

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(Dataset(), epochs=3, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[Steps()])
        data = make_data(Dataset(), steps_per_epoch=steps)  # Keras's own class is taken too
        assert [numbers(data) for _ in range(3)] == epochs
    assert Steps.counts == [len(epoch) for epoch in epochs]


def test_validation_starts_from_the_beginning_each_time():
    x = np.repeat(np.arange(9.0), 2).reshape(9, 2)
    arrays = make_data(x, batch_size=4, steps_per_epoch=2, what="validation_data")
    assert isinstance(arrays, ArrayData)
    assert (arrays.size, arrays.steps) == (8, 2)
    stream = make_data(Counted(3), steps_per_epoch=2, what="validation_data")
    assert [numbers(stream), numbers(stream)] == [[0, 1], [0, 1]]
    once = make_data((batch(i) for i in range(4)), steps_per_epoch=2, what="validation_data")
    assert [numbers(once), numbers(once)] == [[0, 1], [2, 3]]


def test_a_first_look_takes_nothing_away():
    data = make_data(batch(i) for i in range(3))
    assert data.peek()[0][0, 0] == 0
    assert data.peek()[1].tolist() == [0] * 4
    assert numbers(data) == [0, 1, 2]
    dataset = Counted(3)
    data = make_data(dataset)
    data.peek()
    assert [numbers(data), numbers(data)] == [[0, 1, 2], [0, 1, 2]]
    assert dataset.events == ["begin", 0, 1, 2, "end", "begin", 0, 1, 2, "end"]


def test_an_epoch_left_early_is_started_anew():
    data = make_data(Counted(4))
    epoch = data.batches()
    next(epoch)
    epoch.close()
    assert numbers(data) == [0, 1, 2, 3]


def test_no_batch_at_all():
    with pytest.raises(DataError, match="x gave no batch at all"):
        make_data(b for b in ()).peek()


# --- PyDataset --------------------------------------------------------------------------------------------------


def test_shuffling_mixes_whole_batches_and_repeats_with_the_seed():
    def two_epochs():
        set_random_seed(3)
        data = make_data(Counted(20), shuffle=True)
        return numbers(data), numbers(data)

    first, second = two_epochs()
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert (first, second) == two_epochs()


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_keep_the_order(workers):
    threads = set()

    class Slow(Counted):
        def __getitem__(self, index):
            threads.add(threading.current_thread().name)
            time.sleep(0.005 * (3 - index % 3))
            return batch(index)

    data = make_data(Slow(9, workers=workers, max_queue_size=4))
    assert [numbers(data), numbers(data)] == [list(range(9))] * 2
    assert threading.current_thread().name not in threads
    assert (len(threads) > 2) == (workers > 1)


def test_processes_make_the_same_batches_and_see_each_epochs_dataset():
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent))
    try:
        from slow_squares import SquaresFromProcesses

        dataset = SquaresFromProcesses(workers=1, use_multiprocessing=True)
        data = make_data(dataset)
        epochs = [list(data.batches()), list(data.batches())]
        assert [[int(b[0].flat[0]) for b in epoch] for epoch in epochs] == [[0, 1, 2, 3, 4], [100, 101, 102, 103, 104]]
        assert all(b[1][0] != os.getpid() for epoch in epochs for b in epoch)
        dataset.offset = -1
        with pytest.raises(KeyError, match="no such file"):
            list(data.batches())
    finally:
        sys.path.pop(0)


def test_a_dataset_that_cannot_be_sent_to_processes():
    class Local(Counted):
        pass

    with pytest.raises(ArgumentError, match=r"Local cannot be pickled.*threads"):
        numbers(make_data(Local(use_multiprocessing=True)))


def test_a_subclass_may_forget_super_init():
    class Forgetful(PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return batch(index)

    assert numbers(make_data(Forgetful())) == [0, 1]


def test_endless_datasets_count_on_across_epochs():
    class Endless(Counted):
        num_batches = None

    data = make_data(Endless(), steps_per_epoch=3, shuffle=True)
    assert [numbers(data), numbers(data)] == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ArgumentError, match=r"endless.*steps_per_epoch"):
        make_data(Endless())


def test_what_a_dataset_must_have():
    class Lengthless(PyDataset):
        pass

    with pytest.raises(DataError, match="Lengthless needs __len__"):
        make_data(Lengthless())
    with pytest.raises(DataError, match="needs __getitem__"):
        PyDataset()[0]
    with pytest.raises(ArgumentError, match="workers=0"):
        Counted(workers=0)
    with pytest.raises(ArgumentTypeError, match=r"max_queue_size=1\.5"):
        Counted(max_queue_size=1.5)
    with pytest.raises(ArgumentError, match="number of batches of x"):
        make_data(Counted(0))


# --- other frameworks -------------------------------------------------------------------------------------------


def test_torch_loaders():
    torch = pytest.importorskip("torch")
    dataset = torch.utils.data.TensorDataset(torch.arange(10.0, dtype=torch.float64).reshape(5, 2), torch.arange(5))
    data = make_data(torch.utils.data.DataLoader(dataset, batch_size=2))
    assert data.steps == 3
    for _ in range(2):
        x, y = zip(*data.batches(), strict=True)
        assert [a.shape for a in x] == [(2, 2), (2, 2), (1, 2)]
        assert {a.dtype for a in x} == {np.dtype("float32")}
        assert np.concatenate(y).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(DataError, match=r"torch\.utils\.data\.DataLoader\(x"):
        make_data(dataset)


class TensorsOfTf:
    """What a tf.data.Dataset looks like from outside (importing TensorFlow takes seconds)."""

    def __init__(self, cardinality):
        self._cardinality = cardinality

    def cardinality(self):
        return np.array(self._cardinality).view(WithNumpy)

    def as_numpy_iterator(self):
        return (batch(i) for i in range(3))

    def __len__(self):
        if self._cardinality < 0:
            raise TypeError("unknown or infinite")
        return self._cardinality

    def __iter__(self):
        raise AssertionError("the NumPy iterator is the one to use")


class WithNumpy(np.ndarray):
    def numpy(self):
        return np.asarray(self)


def tf_dataset(cardinality):
    cls = type("DatasetV2", (TensorsOfTf,), {"__module__": "tensorflow.python.data.ops.dataset_ops"})
    return cls(cardinality)


def test_tf_datasets():
    data = make_data(tf_dataset(3))
    assert (data.steps, numbers(data), numbers(data)) == (3, [0, 1, 2], [0, 1, 2])
    unknown = make_data(tf_dataset(-2))
    assert (unknown.steps, numbers(unknown)) == (None, [0, 1, 2])
    with pytest.raises(ArgumentError, match="endless"):
        make_data(tf_dataset(-1))
    assert make_data(tf_dataset(-1), steps_per_epoch=2).steps == 2


# --- batches ----------------------------------------------------------------------------------------------------


def test_forms_of_batches():
    x = np.zeros((4, 2))
    assert [a.shape for a in make_data(iter([x])).peek()] == [(4, 2)]
    assert make_data(iter([{"a": x}])).peek()[0]["a"].shape == (4, 2)
    assert len(make_data(iter([(x, np.zeros(4), np.ones(4))])).peek()) == 3
    assert make_data(iter([(([[1.0], [2.0]]), [1, 2])])).peek()[0].shape == (2, 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([np.zeros(2), np.zeros(2)], "must give tuples.*several inputs"),
        ((1, 2, 3, 4), "tuple of 4"),
        ((np.zeros(3), np.zeros(4)), "x in batches of x has 3, y in batches of x has 4"),
        ((np.zeros((0, 2)), np.zeros(0)), "0 samples"),
        ((np.array(["a"]),), "x in batches of x must hold numbers"),
        ("text", "x in batches of x must be an array"),
    ],
)
def test_batches_that_are_refused(given, message):
    with pytest.raises(DataError, match=message):
        make_data(iter([given])).peek()


def test_targets_beside_a_generator_are_refused():
    for name in ("y", "sample_weight"):
        with pytest.raises(DataError, match=f"{name} must come in them.*generator"):
            make_data((b for b in ()), **{name: np.zeros(3)})


def test_nan_in_a_batch_is_told_once():
    bad = (np.array([[1.0], [np.nan]]), np.zeros(2))
    with pytest.warns(DataWarning, match="x in batches of x holds NaN in row 1 of batch 0") as told:
        list(make_data(iter([bad, bad])).batches())
    assert len(told) == 1


# --- the thread -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_errors_arrive_after_the_items_before_them(depth):
    def items():
        yield 1
        yield 2
        raise KeyError("three")

    read = prefetched(items, depth)
    assert [next(read), next(read)] == [1, 2]
    with pytest.raises(KeyError, match="three"):
        next(read)


def test_it_reads_no_further_ahead_than_asked():
    made = []

    def items():
        for i in range(100):
            made.append(i)
            yield i

    read = prefetched(items, 3)
    assert next(read) == 0
    assert settled(1)
    time.sleep(0.05)
    assert len(made) <= 5  # one taken, three waiting, one in the hand
    read.close()


def test_leaving_ends_the_thread_and_closes_the_source():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    read = prefetched(items, 2)
    next(read)
    del read
    assert closed.wait(5)
    assert settled(0)


def test_dropping_the_data_ends_the_thread():
    data = make_data((batch(i) for i in range(1000)), steps_per_epoch=2)
    numbers(data)
    del data
    assert settled(0)


@pytest.mark.parametrize("lengths", [[4, 2, 3], [1, 5, 2]])
def test_each_epoch_has_as_many_batches_as_the_dataset_has_then(lengths):
    class Changing(PyDataset):
        epoch = 0

        def __len__(self):
            return lengths[min(self.epoch, len(lengths) - 1)]

        def __getitem__(self, index):
            asked.append((self.epoch, index))
            return np.ones((2, 3), "float32"), np.ones((2, 1), "float32")

        def on_epoch_end(self):
            self.epoch += 1

    asked = []
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(Changing(), epochs=len(lengths), verbose=0, shuffle=False)
    assert sorted(set(asked)) == [(epoch, i) for epoch, length in enumerate(lengths) for i in range(length)]
