"""`predict` on batches of all sizes: few programs, and never other numbers."""

import numpy as np
import pytest

import ranvier
from ranvier import layers, ops
from ranvier.core.errors import DataWarning
from ranvier.training.prediction import is_small_batch
from ranvier.training.rowwise import is_rowwise


def model(*parts, shape=(5,)):
    return ranvier.Sequential([layers.Input(shape), *parts, layers.Dense(3, "softmax")])


def test_all_sizes_up_to_a_hundred_need_a_handful_of_programs(rng, compiled):
    net = model(layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dropout(0.5))
    x = rng.random((100, 5), dtype="float32")
    weights = [np.asarray(w) for w in net.get_weights()]
    net.predict(x, verbose=0)
    expected = np.asarray(net(x))
    del compiled[:]
    for size in range(1, 101):
        found = net.predict(x[:size], verbose=0)
        assert found.shape == (size, 3)
        np.testing.assert_allclose(found, expected[:size], rtol=1e-5, atol=1e-6)
    programs = [name for name in compiled if "step" in name or "run" in name]
    assert 1 <= len(programs) <= 8, programs
    for a, b in zip(weights, net.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("rows", "batch_size"), [(1, None), (31, None), (33, None), (64, 32), (95, 32), (200, 7), (5, 64)]
)
def test_what_is_added_is_cut_off(rng, rows, batch_size):
    inputs = {"a": layers.Input((2,)), "b": layers.Input((3,))}
    both = layers.Concatenate()([inputs["a"], inputs["b"]])
    net = ranvier.Model(inputs, {"sum": layers.Dense(1)(both), "b": layers.Dense(2)(inputs["b"])})
    x = {"a": rng.random((rows, 2), dtype="float32"), "b": rng.random((rows, 3), dtype="float32")}
    assert is_rowwise(net)
    found, expected = net.predict(x, batch_size=batch_size, verbose=0), net(x)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


class Mixing(layers.Layer):
    """Each row less the batch's mean."""

    def call(self, inputs):
        return inputs - ops.mean(inputs, axis=0)


def of_graph(function, shape=(5,)):
    inputs = layers.Input(shape)
    return ranvier.Model(inputs, function(inputs))


class Subclass(ranvier.Model):
    def call(self, inputs):
        return inputs - ops.mean(inputs, axis=0)


class OwnStep(ranvier.Sequential):
    def predict_step(self, data):
        return data - ops.mean(data, axis=0)


class OwnCall(layers.Dense):
    def call(self, inputs):
        return super().call(inputs - ops.mean(inputs, axis=0))


MIXING = {
    "a layer of the user's": lambda: model(Mixing()),
    "a layer that the user changed": lambda: model(OwnCall(3)),
    "a function": lambda: model(layers.Lambda(lambda x: x - ops.mean(x, axis=0))),
    "an activation": lambda: model(layers.Dense(4, activation=lambda x: x - ops.mean(x, axis=0))),
    "the axis of the batch": lambda: model(layers.Softmax(axis=0)),
    "functions in a graph": lambda: of_graph(lambda x: x - ops.mean(x, axis=0, keepdims=True)),
    "batch statistics": lambda: of_graph(lambda x: layers.BatchNormalization()(x, training=True)),
    "a model inside": lambda: model(of_graph(lambda x: Mixing()(x))),
    "inside a wrapper": lambda: model(layers.TimeDistributed(OwnCall(3)), layers.Flatten(), shape=(2, 5)),
    "a model's own call": Subclass,
    "a model's own step": lambda: OwnStep([layers.Input((5,)), layers.Dense(2)]),
}


@pytest.mark.parametrize("kind", MIXING)
def test_batches_are_left_as_they_are_where_rows_might_mix(rng, kind):
    net = MIXING[kind]()
    assert not is_rowwise(net)
    shape = (2, 5) if "wrapper" in kind else (5,)
    x = rng.random((11, *shape), dtype="float32")
    expected = x - x.mean(0) if "step" in kind else np.asarray(net(x))
    np.testing.assert_allclose(net.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    parts = [net.predict(x[i : i + 4], verbose=0) for i in (0, 4, 8)]
    np.testing.assert_allclose(net.predict(x, batch_size=4, verbose=0), np.concatenate(parts), rtol=1e-5, atol=1e-6)


def test_a_model_for_batches_of_one_size_gets_no_others(rng):
    inputs = layers.Input(batch_shape=(4, 5))
    net = ranvier.Model(inputs, layers.Dense(2)(inputs))
    x = rng.random((8, 5), dtype="float32")
    assert not is_rowwise(net)
    assert net.predict(x, batch_size=4, verbose=0).shape == (8, 2)


def test_kept_states_move_on_from_batch_to_batch(rng):
    net = ranvier.Sequential([layers.Input(batch_shape=(2, 3, 4)), layers.LSTM(2, stateful=True)])
    x = rng.random((6, 3, 4), dtype="float32")
    found = net.predict(x, batch_size=2, verbose=0)
    net.reset_states() if hasattr(net, "reset_states") else net.layers[0].reset_state()
    np.testing.assert_allclose(found, np.concatenate([net(x[i : i + 2]) for i in (0, 2, 4)]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [40, 70])
def test_callbacks_get_the_rows_of_their_batch(rng, rows):
    class Outputs(ranvier.callbacks.Callback):
        found = []

        def on_predict_batch_end(self, batch, logs=None):
            self.found.append((batch, logs["outputs"]))

    net, told = model(), Outputs()
    told.found = []
    x = rng.random((rows, 5), dtype="float32")
    outputs = net.predict(x, verbose=0, callbacks=[told])
    assert [number for number, _ in told.found] == list(range(-(-rows // 32)))
    np.testing.assert_array_equal(np.concatenate([o for _, o in told.found]), outputs)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_small_batch(value):
    x = np.ones((3, 5), np.float32)
    assert is_small_batch(x, None)
    x[1, 2] = value
    assert not is_small_batch(x, None)
    with pytest.warns(DataWarning, match="in row 1"):
        model().predict(x, verbose=0)


@pytest.mark.filterwarnings("error")
def test_large_numbers_are_finite(rng):
    x = np.full((2, 5), 1e30, np.float32)
    assert np.isfinite(model().predict(x, verbose=0)).all()


@pytest.mark.parametrize(
    "x", [[[1.0]], np.ones(3, np.float32), np.ones((2, 2)), np.ones((2, 2), int), np.ones((33, 2), "f")]
)
def test_other_inputs_are_prepared(x):
    assert not is_small_batch(x, None)


def test_what_changes_after_a_prediction_is_seen_by_the_next(rng):
    net = model(layers.Dense(4))
    x = rng.random((2, 5), dtype="float32")
    first = net.predict(x, verbose=0)
    net.set_weights([w * 2 + 1 for w in net.get_weights()])
    np.testing.assert_allclose(net.predict(x, verbose=0), net(x), rtol=1e-5)
    assert not np.allclose(first, net.predict(x, verbose=0))
    net.add(layers.Dense(2))
    assert net.predict(x, verbose=0).shape == (2, 2)
    net.pop()
    assert net.predict(x, verbose=0).shape == (2, 3)


def test_one_batch_at_a_time_gives_the_metrics_of_that_batch_alone(rng):
    net = model()
    net.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rng.random((8, 5), dtype="float32"), rng.integers(0, 3, 8)
    for part in (slice(0, 4), slice(4, 8)):
        loss, accuracy = net.test_on_batch(x[part], y[part])
        found = net.evaluate(x[part], y[part], verbose=0)
        np.testing.assert_allclose([loss, accuracy], found, rtol=1e-6)
    first = net.train_on_batch(x, y, return_dict=True)
    assert list(first) == ["accuracy", "loss"]
    assert net.train_on_batch(x, y)[0] < first["loss"]
