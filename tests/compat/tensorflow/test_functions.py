"""`tf.function`: the same numbers and the same state as without it, traced once for each kind of arguments."""

import gc
import weakref

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as keras
from ranvier.compat import tensorflow as tf

OPERATIONS = {
    "add": lambda v, x: v.assign_add(x),
    "scale": lambda v, x: v.assign(v * 0.5 + tf.reduce_sum(x)),
    "subtract": lambda v, x: v.assign_sub(tf.sin(v)),
    "where": lambda v, x: v.assign(tf.where(v > 0, v - 1.0, v + 1.0)),
    "read": lambda v, x: v * x,
    "same": lambda v, x: v.assign(x),
}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 2)), min_size=1, max_size=6))
def test_state_is_that_of_plain_python(program):
    def run(variables, x):
        results = [OPERATIONS[name](variables[i], x) for name, i in program]
        return {"results": [tf.identity(r) for r in results], "sum": tf.add_n([v * 1.0 for v in variables])}

    plain, compiled = ([tf.Variable(float(i)) for i in range(3)] for _ in range(2))
    function = tf.function(lambda x: run(compiled, x))
    for x in (tf.constant(0.5), tf.constant(-1.5), tf.constant(2.0)):
        expected, found = run(plain, x), function(x)
        for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
        for a, b in zip(plain, compiled, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    assert len(function._programs) == 1


def test_a_variable_keeps_its_value_when_an_array_it_was_assigned_goes():
    v, w = tf.Variable([0.0, 0.0]), tf.Variable([1.0, 1.0])
    x = tf.constant([2.0, 3.0])

    @tf.function
    def swap(x):
        v.assign(x)
        w.assign(x)

    swap(x)
    x.delete()
    v.value.delete()
    np.testing.assert_array_equal(w.numpy(), [2.0, 3.0])


def test_traced_once_for_each_kind_of_arguments():
    traced = []

    @tf.function
    def f(x, training=False, structure=None):
        traced.append(1)
        return x * 2 if training else x

    one = tf.constant([1.0])
    for _ in range(3):
        f(one)
        f(one, training=True)
        f(one, structure={"a": one, "b": [one, 3]})
    assert len(traced) == 3
    f(tf.constant([1.0, 2.0]))
    f(tf.constant([1]))
    f(one, structure={"a": one, "b": [one, 4]})
    assert len(traced) == 6


def test_methods_belong_to_their_objects():
    class Counter(tf.Module):
        def __init__(self, start):
            super().__init__()
            self.count = tf.Variable(start)

        @tf.function
        def next(self, by):
            self.count.assign_add(by)
            return self.count.read_value()

    a, b = Counter(1.0), Counter(10.0)
    assert [float(a.next(1.0)), float(b.next(1.0)), float(a.next(2.0))] == [2.0, 11.0, 4.0]
    gone = weakref.ref(b)
    del b
    gc.collect()
    assert gone() is None


def test_signatures_cast_and_refuse():
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def f(x):
        return tf.reduce_sum(x)

    assert float(f([[1, 2], [3, 4]])) == 10.0
    with pytest.raises(ValueError, match="input_signature"):
        f([1.0, 2.0, 3.0])


def test_python_that_asks_for_numbers_runs_uncompiled():
    @tf.function
    def sign(x):
        if tf.reduce_sum(x) > 0:
            return "positive"
        return "negative"

    @tf.function
    def collatz(n):
        steps = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        return steps

    assert [sign(tf.constant([1.0])), sign(tf.constant([-1.0]))] == ["positive", "negative"]
    assert int(collatz(tf.constant(6))) == 8


def test_random_numbers_are_new_at_each_call_and_follow_the_seed():
    @tf.function
    def draw():
        return tf.random.normal((3,)), tf.random.uniform((2,), seed=4), keras.random.normal((2,))

    def run():
        tf.random.set_seed(3)
        return [[np.asarray(part) for part in draw()] for _ in range(3)]

    first, again = run(), run()
    for a, b in zip(first, again, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
    for i in range(3):
        assert not np.allclose(first[0][i], first[1][i])


def test_random_numbers_are_new_in_every_step_of_fit_and_predict():
    class Noise(keras.layers.Layer):
        def call(self, x):
            return x * 0.0 + tf.random.normal(tf.shape(x))

    tf.constant(0.0)
    model = keras.Sequential([keras.Input((2,)), Noise()])
    outputs = model.predict(np.zeros((64, 2)), batch_size=16, verbose=0)
    assert len(np.unique(outputs)) == 128
    assert not np.allclose(outputs, model.predict(np.zeros((64, 2)), batch_size=16, verbose=0))
    seen = []
    model.compile("sgd", "mse", run_eagerly=False)
    trained = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), Noise()])
    trained.compile("sgd", "mse")
    for _ in range(3):
        seen.append(trained.train_on_batch(np.zeros((4, 2)), np.zeros((4, 1))))
    assert len(set(seen)) == 3


def test_training_in_a_function_is_training_without(rng):
    x, y = rng.normal(size=(64, 3)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")

    def trained(wrap):
        keras.utils.set_random_seed(4)
        model = keras.Sequential(
            [keras.layers.Dense(4, "relu"), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
        )
        optimizer, loss_fn, metric = (
            keras.optimizers.Adam(0.01),
            keras.losses.MeanSquaredError(),
            keras.metrics.MeanAbsoluteError(),
        )

        def step(x, y):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            variables = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            metric.update_state(y, model(x))
            return loss

        step = wrap(step)  # everything, the weights too, is made in the first call
        losses = [float(step(x[i : i + 16], y[i : i + 16])) for _ in range(3) for i in range(0, 64, 16)]
        return losses, float(metric.result()), [v.numpy() for v in model.variables]

    for a, b in zip(jax.tree.leaves(trained(lambda f: f)), jax.tree.leaves(trained(tf.function)), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)


def test_functions_can_be_run_eagerly():
    tf.config.run_functions_eagerly(True)
    try:
        assert tf.function(lambda x: x.numpy())(tf.constant(3.0)) == 3.0
    finally:
        tf.config.run_functions_eagerly(False)


def test_print_shows_numbers_at_each_call(capfd):
    @tf.function
    def f(x):
        tf.print("x is", x, {"twice": x * 2})
        return x

    f(tf.constant(1.0))
    f(tf.constant(2.0))
    jax.effects_barrier()
    assert capfd.readouterr().err == "x is 1.0 {'twice': 2.0}\nx is 2.0 {'twice': 4.0}\n"


def test_a_methods_signature_leaves_self_out():
    class Scale(tf.Module):
        def __init__(self):
            super().__init__()
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
        def __call__(self, x):
            return tf.cast(x, tf.float32) * self.factor

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.float32)])
        def shifted(self, x, by=1.0):
            return x * self.factor + by

    scale = Scale()
    np.testing.assert_array_equal(scale(np.array([1, 2])), [2.0, 4.0])
    for result in (scale.shifted([1.0, 2.0], 3.0), scale.shifted(by=3.0, x=[1.0, 2.0])):
        np.testing.assert_array_equal(result, [5.0, 7.0])


def test_python_runs_on_numbers_by_a_decorator():
    @tf.numpy_function(Tout=[tf.float32, tf.int32])
    def step(x):
        assert type(x) is np.ndarray
        return x + 1, np.sign(x)

    y, sign = step(tf.constant([-2.0]))
    np.testing.assert_array_equal(y, [-1.0])
    np.testing.assert_array_equal(sign, [-1])
