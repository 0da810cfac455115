"""`Dataset`: the steps mean what they mean in tf.data, which is the oracle."""

import threading
import time

import numpy as np
import pytest

from ranvier import layers, models
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError
from ranvier.data import Dataset

STEPS = {
    "map": lambda d: d.map(lambda n: n * 2),
    "map of pairs": lambda d: d.map(lambda n: (n, n * 2)).map(lambda a, b: a + b),
    "batch": lambda d: d.batch(3),
    "batch without the rest": lambda d: d.batch(3, drop_remainder=True),
    "batch of pairs": lambda d: d.map(lambda n: (n, n * 2)).batch(4),
    "batch of dicts": lambda d: d.map(lambda n: {"a": n, "b": (n, n)}).batch(4),
    "unbatch": lambda d: d.batch(3).map(lambda n: (n, n * 2)).unbatch(),
    "take": lambda d: d.take(4),
    "take too many": lambda d: d.take(40),
    "take all": lambda d: d.take(-1),
    "skip": lambda d: d.skip(4),
    "skip too many": lambda d: d.skip(40),
    "skip all": lambda d: d.skip(-1),
    "shard": lambda d: d.shard(3, 1),
    "repeat": lambda d: d.repeat(3),
    "repeat without end": lambda d: d.repeat().take(25),
    "filter": lambda d: d.filter(lambda n: n % 3 == 0),
    "enumerate": lambda d: d.enumerate(start=5),
    "concatenate": lambda d: d.concatenate(d.take(2)),
    "cache": lambda d: d.cache(),
    "prefetch": lambda d: d.prefetch(3),
    "prefetch as it likes": lambda d: d.prefetch(-1),
    "apply": lambda d: d.apply(lambda e: e.take(3)),
    "in threads": lambda d: d.map(lambda n: n + 1, num_parallel_calls=3),
}


def _plain(element):
    if isinstance(element, (tuple, list)):
        return tuple(map(_plain, element))
    if isinstance(element, dict):
        return {k: _plain(v) for k, v in element.items()}
    return np.asarray(element).tolist()


@pytest.mark.parametrize("step", STEPS)
def test_steps_are_tf_datas(step):
    tf = pytest.importorskip("tensorflow")
    ours, theirs = STEPS[step](Dataset.range(10)), STEPS[step](tf.data.Dataset.range(10))
    wanted = [_plain(e) for e in theirs.as_numpy_iterator()]
    for _ in range(2):
        assert [_plain(e) for e in ours] == wanted
    assert ours.cardinality() == int(theirs.cardinality())
    if ours.cardinality() >= 0:
        assert len(ours) == len(wanted)


def test_lengths_that_are_none():
    with pytest.raises(TypeError, match="unknown"):
        len(Dataset.range(3).filter(bool))
    with pytest.raises(TypeError, match="infinite"):
        len(Dataset.range(3).repeat())
    assert Dataset.range(3).repeat().batch(2).endless
    assert Dataset.range(0)
    assert list(Dataset.range(0).repeat()) == []
    assert repr(Dataset.range(3)) == "<Dataset: 3 elements>"


def test_rows_and_zip():
    data = Dataset.from_tensor_slices(({"a": np.arange(6)}, [[0, 1]] * 6))
    assert [b[0]["a"].tolist() for b in data.batch(4)] == [[0, 1, 2, 3], [4, 5]]
    assert [b[1].shape for b in data.batch(4, drop_remainder=True)] == [(4, 2)]
    assert next(iter(data))[1].tolist() == [0, 1]
    both = Dataset.zip((Dataset.range(3), Dataset.range(5).repeat()))
    assert len(both) == 3
    assert [tuple(map(int, e)) for e in both] == [(0, 0), (1, 1), (2, 2)]
    assert list(Dataset.from_generator(lambda: range(3), output_types=int)) == [0, 1, 2]
    with pytest.raises(DataError, match="same number of rows"):
        Dataset.from_tensor_slices((np.arange(3), np.arange(4)))


@pytest.mark.parametrize(
    "make", [Dataset.range, lambda n: Dataset.from_tensor_slices(np.arange(n))], ids=["any", "rows"]
)
@pytest.mark.parametrize("buffer", [1, 3, 100])
def test_shuffle(make, buffer):
    passes = [[int(n) for n in shuffled] for shuffled in [make(20).shuffle(buffer, seed=1)] * 2 for _ in range(2)]
    again = make(20).shuffle(buffer, seed=1)
    assert [[int(n) for n in again] for _ in range(4)] == passes
    assert all(sorted(order) == list(range(20)) for order in passes)
    if buffer == 1:
        assert passes[0] == list(range(20))
        return
    assert len(set(map(tuple, passes))) == 4
    same = make(20).shuffle(buffer, seed=1, reshuffle_each_iteration=False)
    assert [int(n) for n in same] == [int(n) for n in same]
    if buffer == 3:  # an element comes at most as early as it can have been in the buffer
        assert all(order.index(n) >= n - 2 for order in passes for n in range(20))


def test_any_order_is_equally_likely():
    counts = np.zeros((4, 4))
    dataset = Dataset.range(4).shuffle(4, seed=0)
    for _ in range(2000):
        for place, n in enumerate(dataset):
            counts[place, n] += 1
    assert np.abs(counts - 500).max() < 100  # five standard deviations


def test_cache_reads_once_and_only_whole_passes():
    read = []
    dataset = Dataset.range(4).map(lambda n: read.append(int(n)) or n).cache()
    assert len(list(dataset.take(2))) == 2
    read.clear()
    assert [int(n) for n in dataset] == [int(n) for n in dataset] == [0, 1, 2, 3]
    assert read == [0, 1, 2, 3]
    with pytest.raises(ArgumentError, match="filename='x'"):
        dataset.cache("x")


def test_threads_work_side_by_side_and_errors_arrive():
    waiting = threading.Barrier(3, timeout=10)
    assert list(Dataset.range(9).map(lambda n: waiting.wait() * 0 + n, num_parallel_calls=3)) == list(range(9))

    def fail(n):
        if n == 3:
            raise KeyError("three")
        return n

    for dataset in (Dataset.range(9).map(fail), Dataset.range(9).map(fail, 2), Dataset.range(9).map(fail).prefetch(2)):
        seen = []
        with pytest.raises(KeyError, match="three"):
            seen.extend(dataset)
    before = threading.active_count()
    for _ in Dataset.range(1000).prefetch(2):
        break
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_batches_that_cannot_be():
    with pytest.raises(DataError, match=r"shapes \(1,\), \(2,\)"):
        list(Dataset.range(1, 3).map(lambda n: np.zeros(n)).batch(2))
    with pytest.raises(ArgumentTypeError, match="object"):
        list(Dataset.range(2).map(lambda n: object()).batch(2))
    with pytest.raises(ArgumentError, match="batch_size"):
        Dataset.range(2).batch(0)
    words = next(iter(Dataset.range(3).map(lambda n: f"word {n}").batch(3)))
    assert (words.dtype, words.tolist()) == (object, ["word 0", "word 1", "word 2"])


def test_fit_evaluate_and_predict_take_it(rng):
    x, y = rng.normal(size=(20, 3)).astype("float32"), rng.normal(size=(20, 1)).astype("float32")
    data = Dataset.from_tensor_slices((x, y))
    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    twin = models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile("sgd", "mse")
    model.fit(data.batch(8), epochs=2, verbose=0, validation_data=data.batch(5))
    twin.fit(x, y, batch_size=8, epochs=2, verbose=0, shuffle=False)
    np.testing.assert_allclose(model.get_weights()[0], twin.get_weights()[0], rtol=1e-6)
    np.testing.assert_allclose(model.evaluate(data.batch(8), verbose=0), twin.evaluate(x, y, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(model.predict(data.batch(6), verbose=0), twin.predict(x, verbose=0), rtol=1e-5)
    model.fit(data.batch(8).repeat(), steps_per_epoch=2, verbose=0)
    with pytest.raises(ArgumentError, match="steps_per_epoch"):
        model.fit(data.batch(8).repeat(), verbose=0)
    augmented = data.batch(8).map(lambda a, b: (layers.Dropout(0.5)(a, training=True), b), num_parallel_calls=-1)
    model.fit(augmented.prefetch(2), verbose=0)
