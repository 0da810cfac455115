"""`tf.data`: the steps give what plain Python gives, and what TensorFlow gives; elements are tensors; `fit` takes them."""

import importlib.util
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as keras
from ranvier.compat import tensorflow as tf

# Programs over a dataset of integers: TensorFlow computes them, too.
PROGRAMS = """
D.range(10).map(lambda n: n * n)
D.range(10).filter(lambda n: n % 3 == 0)
D.range(10).batch(3)
D.range(10).batch(3, drop_remainder=True)
D.range(10).batch(4).unbatch()
D.range(5).repeat(2)
D.range(10).take(3)
D.range(10).skip(7)
D.range(10).shard(3, 1)
D.range(3).concatenate(D.range(2))
D.range(3).enumerate(start=5)
D.range(10).take_while(lambda n: n < 4)
D.range(10).scan(tf.constant(0, tf.int64), lambda s, n: (s + n, s * 2))
D.zip((D.range(3), D.range(5, 10)))
D.zip(D.range(3), D.range(5, 10))
D.zip({"a": D.range(3), "b": D.range(5, 10)})
D.from_tensors([1, 2, 3])
D.from_tensor_slices(([1, 2, 3], [[1.5], [2.5], [3.5]]))
D.from_tensor_slices({"a": [1, 2, 3], "b": [True, False, True]})
D.from_tensor_slices([[1, 2], [3, 4]]).map(lambda row: (row[0], row * 2))
D.range(10).window(3).flat_map(lambda w: w.batch(3))
D.range(10).window(3, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(3))
D.range(10).window(3, shift=2, stride=2).flat_map(lambda w: w.batch(3))
D.range(10).window(2, shift=4).flat_map(lambda w: w.batch(2))
D.from_tensor_slices(([1, 2, 3, 4], [5, 6, 7, 8])).window(2).flat_map(lambda a, b: D.zip((a.batch(2), b.batch(2))))
D.range(4).flat_map(lambda n: D.range(n))
D.range(1, 5).interleave(lambda n: D.from_tensors(n).repeat(6), cycle_length=2, block_length=4)
D.range(1, 6).interleave(lambda n: D.range(n), cycle_length=3, block_length=2)
D.range(1, 6).interleave(lambda n: D.range(n), cycle_length=2)
D.range(1, 5).map(lambda n: tf.fill([n], n)).padded_batch(2)
D.range(1, 5).map(lambda n: tf.fill([n], n)).padded_batch(2, padded_shapes=(6,))
D.range(1, 5).map(lambda n: (tf.fill([n], n), n)).padded_batch(2, padded_shapes=([None], []))
D.range(1, 5).map(lambda n: tf.fill([n], n)).padded_batch(3, padding_values=tf.constant(-1, tf.int64))
D.range(1, 7).map(lambda n: tf.fill([n], n)).bucket_by_sequence_length(lambda e: tf.shape(e)[0], [3, 5], [2, 2, 2])
D.from_generator(lambda: iter([(1, [2.0])]), output_signature=(tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.float32)))
D.from_generator(lambda: range(4), output_types=tf.int32)
D.from_generator(lambda n: range(n), output_types=tf.int32, args=(3,))
D.from_tensor_slices([1, 2, 1, 3, 2]).unique()
D.range(7).batch(2).rebatch(3)
D.choose_from_datasets([D.range(3), D.range(10, 13)], D.from_tensor_slices(np.array([0, 1, 1, 0, 1], "int64")))
D.range(6).cache().prefetch(2).batch(2)
D.range(6).apply(lambda d: d.skip(2))
""".strip().splitlines()

ORACLE = """
import json, sys
import numpy as np
import tensorflow as tf
D = tf.data.Dataset
def plain(e):
    if isinstance(e, tuple): return [plain(x) for x in e]
    if isinstance(e, dict): return {k: plain(v) for k, v in e.items()}
    return np.asarray(e).tolist()
json.dump([[plain(e) for e in eval(p).as_numpy_iterator()] for p in json.load(open(sys.argv[1]))], open(sys.argv[2], "w"))
"""


def plain(element):
    if isinstance(element, tuple):
        return [plain(e) for e in element]
    if isinstance(element, dict):
        return {k: plain(v) for k, v in element.items()}
    return np.asarray(element).tolist()


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    folder = tmp_path_factory.mktemp("data")
    (folder / "programs.json").write_text(json.dumps(PROGRAMS))
    command = [sys.executable, "-c", textwrap.dedent(ORACLE), str(folder / "programs.json"), str(folder / "found.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return dict(zip(PROGRAMS, json.loads((folder / "found.json").read_text()), strict=True))


@pytest.mark.parametrize("program", PROGRAMS)
def test_elements_are_tensorflows(program, oracle):
    dataset = eval(program, {"tf": tf, "D": tf.data.Dataset, "np": np})
    for _ in range(2):  # datasets can be gone through again
        assert [plain(e) for e in dataset.as_numpy_iterator()] == oracle[program]
    assert [plain(e) for e in dataset] == oracle[program]
    if dataset.cardinality().numpy() >= 0:
        assert len(dataset) == len(oracle[program])


STEPS = {
    "map": lambda n: (lambda d: d.map(lambda x: x * n + 1), lambda e: [x * n + 1 for x in e]),
    "filter": lambda n: (lambda d: d.filter(lambda x: x % (n + 1) != 0), lambda e: [x for x in e if x % (n + 1) != 0]),
    "take": lambda n: (lambda d: d.take(n * 3), lambda e: e[: n * 3]),
    "skip": lambda n: (lambda d: d.skip(n), lambda e: e[n:]),
    "repeat": lambda n: (lambda d: d.repeat(n), lambda e: e * n),
    "batch": lambda n: (lambda d: d.batch(n).unbatch(), lambda e: e),
    "batch map": lambda n: (lambda d: d.batch(n).map(lambda b: b + n).unbatch(), lambda e: [x + n for x in e]),
    "prefetch": lambda n: (lambda d: d.prefetch(n), lambda e: e),
    "cache": lambda n: (lambda d: d.cache(), lambda e: e),
    "concatenate": lambda n: (lambda d: d.concatenate(tf.data.Dataset.range(n)), lambda e: e + list(range(n))),
    "window": lambda n: (
        lambda d: d.window(n, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(n)).map(tf.reduce_max),
        lambda e: [max(e[i : i + n]) for i in range(len(e) - n + 1)],
    ),
}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 4)), max_size=4))
def test_steps_give_what_python_gives(count, program):
    dataset, expected = tf.data.Dataset.range(count), list(range(count))
    for name, n in program:
        step, meaning = STEPS[name](n)
        dataset, expected = step(dataset), meaning(expected)
    assert [int(x) for x in dataset] == expected
    if dataset.cardinality() >= 0:
        assert len(dataset) == len(expected)


def test_elements_are_tensors():
    for x, y in tf.data.Dataset.from_tensor_slices((np.eye(3), [1, 2, 3])).batch(2).take(1):
        assert x.numpy().shape == (2, 3)
        assert x.shape.as_list() == [2, 3]
        assert y.numpy().tolist() == [1, 2]
        assert float(tf.reduce_sum(x)) == 2.0


def test_specs():
    dataset = tf.data.Dataset.from_tensor_slices((np.zeros((4, 2), "float32"), [1, 2, 3, 4]))
    assert dataset.element_spec == (tf.TensorSpec((2,), tf.float32), tf.TensorSpec((), tf.int32))
    assert dataset.batch(2).element_spec[0] == tf.TensorSpec((None, 2), tf.float32)
    assert dataset.batch(2, drop_remainder=True).prefetch(1).element_spec[0] == tf.TensorSpec((2, 2), tf.float32)


def test_a_mapped_function_is_traced_once_and_draws_anew():
    traced = []

    def function(x):
        traced.append(1)
        return x + tf.random.uniform((), 0, 1)

    drawn = [float(x) for x in tf.data.Dataset.from_tensors(0.0).repeat(200).map(function)]
    assert len(traced) == 1
    assert len(set(drawn)) > 190


def test_a_mapped_function_may_need_numbers_or_text(tmp_path):
    assert [int(x) for x in tf.data.Dataset.range(4).map(lambda n: n if n % 2 else -n)] == [0, 1, -2, 3]
    doubled = tf.data.Dataset.range(3).map(lambda n: tf.py_function(lambda v: v.numpy() * 2, [n], tf.int32))
    assert [int(x) for x in doubled] == [0, 2, 4]
    words = tf.data.Dataset.from_tensor_slices(["B c", "D"]).map(lambda s: tf.strings.lower(s))
    assert list(words) == ["b c", "d"]
    (tmp_path / "lines.txt").write_text("one\ntwo\n")
    assert list(tf.data.TextLineDataset(str(tmp_path / "lines.txt")).skip(1)) == ["two"]


def test_an_error_comes_after_the_elements_before_it():
    def generator():
        yield from range(20)
        raise RuntimeError("the end")

    elements = iter(tf.data.Dataset.from_generator(generator, output_types=tf.int32).map(lambda n: n + 1))
    assert [int(next(elements)) for _ in range(20)] == list(range(1, 21))
    with pytest.raises(RuntimeError, match="the end"):
        next(elements)


def test_a_short_pass_over_a_mapped_dataset_reads_hardly_ahead():
    read = []

    def generator():
        for i in range(10_000):
            read.append(i)
            yield i

    assert len(list(tf.data.Dataset.from_generator(generator, output_types=tf.int32).map(lambda n: n + 1).take(5))) == 5
    assert len(read) <= 8


def test_shuffles_follow_seeds():
    def order(seed, **kwargs):
        dataset = tf.data.Dataset.range(20).shuffle(20, seed=seed, **kwargs)
        return [[int(x) for x in dataset] for _ in range(2)]

    assert order(1) == order(1)
    assert order(1)[0] != order(1)[1]
    assert order(1)[0] != order(2)[0]
    assert sorted(order(1)[0]) == list(range(20))
    same = order(3, reshuffle_each_iteration=False)
    assert same[0] == same[1]
    tf.random.set_seed(5)
    first = order(None)
    tf.random.set_seed(5)
    assert order(None) == first
    near = [int(x) for x in tf.data.Dataset.range(100).shuffle(5)]
    assert all(x <= place + 5 for place, x in enumerate(near))


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(OverflowError, match="32 bits"):
        tf.data.Dataset.from_tensor_slices(np.array([2**40]))


def test_what_does_not_fit_the_signature_is_refused():
    wrong = tf.data.Dataset.from_generator(lambda: iter([[1.0, 2.0]]), output_signature=tf.TensorSpec([3], tf.float32))
    with pytest.raises(ValueError, match=r"\(2,\)"):
        list(wrong)


def test_fit_takes_datasets(rng):
    x, y = rng.normal(size=(96, 4)).astype("float32"), rng.normal(size=(96, 1)).astype("float32")

    def trained(data, **kwargs):
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        history = model.fit(data, epochs=2, verbose=0, **kwargs)
        return history.history["loss"], model

    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    expected, model = trained(x, y=y, batch_size=32, shuffle=False)
    for data in (dataset, dataset.prefetch(tf.data.AUTOTUNE), dataset.cache(), dataset.map(lambda a, b: (a * 1.0, b))):
        np.testing.assert_allclose(trained(data)[0], expected, rtol=1e-5)
    assert trained(dataset.repeat(), steps_per_epoch=3)[0] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        model.predict(dataset.map(lambda a, b: a), verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )
    assert model.evaluate(dataset, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
    assert len(trained(dataset, validation_data=dataset)[0]) == 2


def test_datasets_that_keras_makes_have_tensors():
    from ranvier.compat import keras as face

    series = np.arange(20.0, dtype="float32").reshape(-1, 1)
    dataset = face.utils.timeseries_dataset_from_array(series, None, sequence_length=4, batch_size=8)
    assert dataset.element_spec.shape.as_list() == [None, 4, 1]

    def parts(window):
        window.set_shape([None, 4, 1])
        return window[:, :3], window[:, 3:]

    inputs, labels = next(iter(dataset.map(parts)))
    assert isinstance(inputs, tf.Tensor)
    np.testing.assert_array_equal(inputs[:, -1:].numpy() + 1, labels.numpy())
    assert face.preprocessing.timeseries_dataset_from_array is face.utils.timeseries_dataset_from_array
    assert len(dataset) == 3


@pytest.mark.parametrize("compiled", [False, True])
def test_models_whose_call_requires_training(compiled):
    import ranvier

    class Net(ranvier.Model):
        def __init__(self):
            super().__init__()
            self.dense = ranvier.layers.Dense(2)

        def call(self, inputs, training):
            return self.dense(inputs) * (10.0 if training else 1.0)

    net = Net()
    run = lambda x, training: net(x, training=training)  # noqa: E731
    run = tf.function(run) if compiled else run
    x = tf.ones((1, 3))
    np.testing.assert_allclose(run(x, True), 10 * run(x, False), rtol=1e-6)
