"""Gradients that tapes give: those of jax.grad, for generated programs; None, never a wrong number, where nothing leads."""

import importlib.util
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as keras
from ranvier import layers
from ranvier.compat import tensorflow as tf
from ranvier.training.gradients import gradients

# Steps of generated programs: from values of shape (3,), to one more.
_W = np.linspace(-1, 1, 9, dtype="float32").reshape(3, 3)
_jitted = jax.jit(lambda a, b: jnp.sin(a) * b + a)
STEPS = {
    "add": lambda a, b: a + b,
    "times": lambda a, b: a * b,
    "minus number": lambda a, b: 2.0 - a,
    "divide": lambda a, b: a / (2.0 + b * b),
    "power": lambda a, b: a**2,
    "tf": lambda a, b: tf.math.tanh(a) + tf.reduce_sum(b),
    "matmul": lambda a, b: tf.linalg.matvec(_W, a) * b,
    "jnp": lambda a, b: jnp.where(a > 0, a, 0.1 * a) + jnp.max(b),
    "index": lambda a, b: tf.stack([a[0], b[1], a[-1] * b[2]]),
    "relu": lambda a, b: jax.nn.relu(a) + tf.nn.softmax(b),
    "jit": lambda a, b: _jitted(a, b),
    "closure": lambda a, b: jax.jit(lambda c: c * b)(a),
    "scan": lambda a, b: jax.lax.scan(lambda c, x: (c * x + a, None), b, b)[0],
    "cond": lambda a, b: jax.lax.cond(True, lambda c: c * b, lambda c: c, a),
    "function": lambda a, b: _function(a, b),
    "stop": lambda a, b: a * tf.stop_gradient(b),
    "ops": lambda a, b: keras.ops.multiply(a, keras.ops.sigmoid(b)),
    "vmap": lambda a, b: jax.vmap(lambda x: x * b[0] + x**2)(a),
    "unstack": lambda a, b: tf.add_n(tf.unstack(tf.stack([a, b]))),
    "iterate": lambda a, b: tf.stack(list(a)) * 2.0,
    "copy": lambda a, b: tf.identity(a),
    "custom": lambda a, b: _squared(a) + b,
    "checkpoint": lambda a, b: jax.checkpoint(lambda c: jnp.cos(c) * b)(a),
}
_function = tf.function(lambda a, b: tf.exp(-a * a) * b)


@jax.custom_vjp
def _squared(x):
    return x * x


_squared.defvjp(lambda x: (x * x, x), lambda x, g: (2 * x * g,))


@jax.custom_vjp
def _halved(x):
    return x


_halved.defvjp(lambda x: (x, None), lambda _, g: (g / 2,))


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_that_functions_declare_are_used(compiled):
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = _halved(x) * 3.0 + _halved(2.0 * x)
        return tape.gradient(y, x)

    np.testing.assert_allclose((tf.function(run) if compiled else run)(X), [2.5] * 3)


@st.composite
def programs(draw):
    """A few steps, each on two of the values that there are."""
    steps = []
    for count in range(2, draw(st.integers(3, 8))):
        steps.append(
            (draw(st.sampled_from(sorted(STEPS))), draw(st.integers(0, count - 1)), draw(st.integers(0, count - 1)))
        )
    return steps


def run(program, x, y):
    values = [x, y]
    for name, i, j in program:
        values.append(STEPS[name](values[i], values[j]))
    return jnp.sum(values[-1])


X, Y = jnp.array([0.3, -0.7, 1.1]), jnp.array([-0.2, 0.5, 0.9])


def _same(found, expected):
    found = jnp.zeros(3) if found is None else found
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=2e-4, atol=1e-5)


@settings(max_examples=150, deadline=None)
@given(programs(), st.booleans())
def test_gradients_are_those_of_jax(program, compiled):
    def both(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value = run(program, x, y)
        return tape.gradient(value, [x, y], unconnected_gradients="zero")

    found = (jax.jit(both) if compiled else both)(X, Y)
    for mine, theirs in zip(found, jax.grad(lambda x, y: run(program, x, y), (0, 1))(X, Y), strict=True):
        _same(mine, theirs)


@settings(max_examples=30, deadline=None)
@given(programs())
def test_gradients_of_gradients_are_those_of_jax(program):
    with tf.GradientTape() as outer:
        outer.watch(X)
        with tf.GradientTape() as inner:
            inner.watch(X)
            value = run(program, X, Y)
        first = inner.gradient(value, X, unconnected_gradients="zero")
        total = tf.reduce_sum(first * Y)
    _same(outer.gradient(total, X), jax.grad(lambda x: jnp.sum(jax.grad(run, 1)(program, x, Y) * Y))(X))


@settings(max_examples=20, deadline=None)
@given(programs())
def test_jacobians_are_those_of_jax(program):
    def vector(x):
        values = [x, Y]
        for name, i, j in program:
            values.append(STEPS[name](values[i], values[j]))
        return values[-1]

    with tf.GradientTape() as tape:
        tape.watch(X)
        value = vector(X)
    found = tape.jacobian(value, X, unconnected_gradients="zero")
    np.testing.assert_allclose(found, jax.jacrev(vector)(X), rtol=2e-4, atol=1e-5)


def test_what_is_not_connected_gives_none():
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(X)
        far = tf.stop_gradient(X) * 2.0
        counted = tf.cast(X, tf.int32)
        through_numpy = tf.constant(X.numpy()) * 2.0
        with tape.stop_recording():
            unseen = X * 3.0
    for target in (far, counted, through_numpy, unseen, Y):
        assert tape.gradient(target, X) is None
    np.testing.assert_array_equal(
        tape.gradient(far, X, unconnected_gradients=tf.UnconnectedGradients.ZERO), np.zeros(3)
    )


def test_structures_of_targets_and_sources():
    v, w = tf.Variable(2.0), tf.Variable([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        y = v * w
        z = tf.reduce_sum(w * w)
    assert float(tape.gradient(y, v)) == 3.0
    found = tape.gradient({"y": y, "z": z}, {"v": v, "more": [w, (v,)]})
    assert float(found["v"]) == 3.0
    assert float(found["more"][1][0]) == 3.0
    np.testing.assert_array_equal(found["more"][0], [4.0, 6.0])
    np.testing.assert_array_equal(tape.gradient(y, w, output_gradients=tf.constant([10.0, 1.0])), [20.0, 2.0])
    assert [x is y for x, y in zip(tape.watched_variables(), (v, w), strict=True)] == [True, True]


def test_a_tape_that_is_not_persistent_answers_once():
    with tf.GradientTape() as tape:
        tape.watch(X)
        y = X * 2.0
    tape.gradient(y, X)
    with pytest.raises(ValueError, match="persistent=True"):
        tape.gradient(y, X)


def test_only_what_is_named_is_watched():
    v, w = tf.Variable(2.0), tf.Variable(3.0)
    fixed = tf.Variable(4.0, trainable=False)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(v)
        y = v * w
    assert [g if g is None else float(g) for g in tape.gradient(y, [v, w])] == [3.0, None]
    with tf.GradientTape() as tape:
        y = v * fixed
    assert [g if g is None else float(g) for g in tape.gradient(y, [v, fixed])] == [4.0, None]


def test_assignments_end_gradients():
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        v.assign(v * 3.0)
        y = v * v
    assert float(tape.gradient(y, v)) == 12.0  # as in TensorFlow: what was assigned is a beginning

    @tf.function
    def step():
        v.assign(v * 3.0)
        return v * v

    with tf.GradientTape() as tape:
        y = step()
    assert float(y) == 324.0
    assert float(tape.gradient(y, v)) == 36.0


def test_gradients_of_intermediate_values():
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(X)
        middle = X * X
        y = tf.reduce_sum(middle * X)
    np.testing.assert_allclose(tape.gradient(y, middle), X)
    np.testing.assert_allclose(tape.gradient(y, [X, middle])[0], 3 * X * X, rtol=1e-6)


def test_batch_jacobian():
    x = jnp.arange(6.0).reshape(3, 2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.stack([x[:, 0] * x[:, 1], x[:, 0] ** 2, x[:, 1]], axis=1)
    expected = jax.vmap(jax.jacrev(lambda r: jnp.stack([r[0] * r[1], r[0] ** 2, r[1]])))(x)
    np.testing.assert_allclose(tape.batch_jacobian(y, x), expected)


MODELS = {
    "dense": lambda: [layers.Dense(4, "gelu"), layers.Dense(1)],
    "normalised": lambda: [layers.Dense(4), layers.BatchNormalization(), layers.LayerNormalization(), layers.Dense(1)],
    "convolution": lambda: [
        layers.Reshape((2, 3, 1)),
        layers.Conv2D(3, 2, activation="relu", padding="same"),
        layers.MaxPooling2D((2, 1)),
        layers.Flatten(),
        layers.Dense(1),
    ],
    "recurrent": lambda: [layers.Reshape((3, 2)), layers.LSTM(3), layers.Dense(1)],
    "gru": lambda: [layers.Reshape((3, 2)), layers.Bidirectional(layers.GRU(3)), layers.Dense(1)],
    "regularised": lambda: [layers.Dense(4, "tanh", kernel_regularizer="l2"), layers.Dense(1)],
    "dropout": lambda: [layers.Dense(4, "relu"), layers.Dropout(0.5, seed=3), layers.Dense(1)],
    "mixed": lambda: [layers.Dense(4, "relu", dtype="mixed_bfloat16"), layers.Dense(1)],
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("compiled", [False, True])
def test_layers_have_the_gradients_of_compiled_training(kind, compiled, rng):
    x, y = rng.normal(size=(8, 6)).astype("float32"), rng.normal(size=(8, 1)).astype("float32")

    def make():
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((6,)), *MODELS[kind]()])
        return model, lambda: tf.reduce_mean(tf.square(model(x, training=True) - y)) + sum(model.losses)

    model, loss = make()

    def step():
        with tf.GradientTape() as tape:
            value = loss()
        return value, tape.gradient(value, model.trainable_variables)

    value, found = (tf.function(step) if compiled else step)()
    other, other_loss = make()
    expected_value, expected = gradients(other_loss, other.trainable_variables)
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    tolerance = 2e-2 if kind == "mixed" else 1e-4
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=tolerance, atol=tolerance / 10)
    for mine, theirs in zip(model.non_trainable_variables, other.non_trainable_variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5)


def test_train_step_with_a_tape_is_train_step_without(rng):
    x, y = rng.normal(size=(64, 5)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")

    class Taped(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            found = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(found, self.trainable_variables, strict=True))
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    histories = []
    for cls in (Taped, keras.Sequential):
        keras.utils.set_random_seed(1)
        model = cls([layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        histories.append(model.fit(x, y, epochs=3, verbose=0).history)
    for name in ("loss", "mae"):
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)


def test_walks_that_come_again_are_compiled_once():
    from ranvier.compat.tensorflow import backward

    v = tf.Variable([1.0, 2.0])
    backward._luck[0] = 24
    before = len(backward._programs)
    for i in range(5):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.sin(v) * float(i))
        np.testing.assert_allclose(tape.gradient(y, v), np.cos(v.numpy()) * i, rtol=1e-6)
    assert len(backward._programs) == before + 1


# The same programs are differentiated by TensorFlow's own tape.
TAPED = """
tf.reduce_sum(tf.nn.softmax(x) * y)
tf.reduce_mean(tf.square(tf.matmul(x, y, transpose_b=True)))
tf.reduce_sum(tf.nn.relu(x) + tf.nn.gelu(y) * tf.nn.elu(x))
tf.reduce_sum(tf.math.log(tf.abs(x) + 1.0) / (1.0 + y * y))
tf.reduce_max(x * y) + tf.norm(x) + tf.reduce_logsumexp(y)
tf.reduce_sum(tf.maximum(x, 0.9) * tf.minimum(y, x) + tf.maximum(0.2, x) * tf.minimum(0.4, y))
tf.reduce_sum(tf.gather(x, [0, 0, 1]) * tf.concat([y, y[:1]], 0))
tf.reduce_sum(tf.clip_by_norm(x, 1.0) * tf.clip_by_value(y, -0.5, 0.5))
tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(y), logits=x))
tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1, 0], logits=x * y))
tf.reduce_sum(tf.where(x > 0, x * y, tf.sin(y)))
tf.reduce_sum(tf.cumsum(x, axis=1) * tf.transpose(tf.reverse(tf.transpose(y), [0])))
tf.einsum("ij,ij->", x, y) + tf.tensordot(x, y, 2) + tf.reduce_prod(y)
tf.reduce_sum(tf.nn.l2_normalize(x, axis=1) * tf.math.tanh(y)) ** 2
tf.reduce_sum(tf.nn.moments(x, [0])[1] * tf.math.reduce_std(y))
tf.reduce_sum(tf.tensor_scatter_nd_update(x, [[0, 1]], [y[0, 0]]) * x)
tf.reduce_sum(tf.stop_gradient(x) * x * y)
tf.linalg.det(tf.matmul(x, y, transpose_b=True)) + tf.linalg.trace(tf.matmul(x, y, transpose_b=True))
tf.reduce_sum(tf.image.resize(tf.reshape(x, (1, 2, 3, 1)), (4, 5)) * tf.reduce_sum(y))
tf.reduce_sum(tf.nn.conv1d(tf.reshape(x, (1, 6, 1)), tf.reshape(y, (3, 2, 1))[:, :1], 1, "SAME") ** 2)
tf.reduce_sum(tf.map_fn(lambda r: r * r, x) * y) + tf.foldl(lambda a, r: a * r, tf.reshape(y, [-1]))
tf.cond(tf.reduce_sum(x) > 0, lambda: tf.reduce_sum(x * y), lambda: tf.reduce_sum(x - y * y))
tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * tf.reduce_sum(x * y)), (0, tf.constant(1.0)))[1]
""".strip().splitlines()

ORACLE = """
import json, sys
import tensorflow as tf
found = []
for program in json.load(open(sys.argv[1])):
    x, y = tf.constant([[0.3, -0.7, 1.1], [0.9, 0.2, -1.3]]), tf.Variable([[-0.2, 0.5, 0.9], [1.2, -0.8, 0.4]])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            value = eval(program)
        first = [g if g is None else tf.convert_to_tensor(g) for g in tape.gradient(value, [x, y])]
        total = tf.reduce_sum(first[0] * first[0])
    try:
        second = outer.gradient(total, [x, y])
        if "resize" in program:  # of which TensorFlow says None, and mathematics does not
            second = ["none", "none"]
    except Exception:  # TensorFlow has no second gradient of some operations
        second = ["none", "none"]
    found.append([g if g is None or isinstance(g, str) else tf.convert_to_tensor(g).numpy().tolist() for g in [*first, *second]])
json.dump(found, open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    folder = tmp_path_factory.mktemp("tape")
    (folder / "in.json").write_text(json.dumps(TAPED))
    command = [sys.executable, "-c", ORACLE, str(folder / "in.json"), str(folder / "out.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return dict(zip(TAPED, json.loads((folder / "out.json").read_text()), strict=True))


@pytest.mark.parametrize("program", TAPED)
def test_gradients_are_those_of_tensorflow(program, oracle):
    x, y = tf.constant([[0.3, -0.7, 1.1], [0.9, 0.2, -1.3]]), tf.Variable([[-0.2, 0.5, 0.9], [1.2, -0.8, 0.4]])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            value = eval(program, {"tf": tf, "x": x, "y": y})
        first = tape.gradient(value, [x, y])
        total = tf.reduce_sum(first[0] * first[0])
    second = outer.gradient(total, [x, y])
    for mine, theirs in zip([*first, *second], oracle[program], strict=True):
        if theirs == "none":
            continue
        if theirs is not None:
            np.testing.assert_allclose(np.asarray(mine), theirs, rtol=5e-4, atol=2e-5)
        elif mine is not None:
            np.testing.assert_array_equal(mine, np.zeros((2, 3)))  # no number where there is none: None, or zeros
