"""All that a model holds is its state: several optimizers, metrics, variables and seeds, wherever they are held."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers, ops

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")


@ranvier.saving.register_keras_serializable("further")
class Duel(ranvier.Model):
    """Two networks, each with an optimizer of its own in a container, and the rest of what a model may hold."""

    def __init__(self, unbuilt=True, **kwargs):
        super().__init__(**kwargs)
        self.maker, self.judge = layers.Dense(3), layers.Dense(1)
        self.teachers = {"maker": ranvier.optimizers.Adam(0.05), "judge": [ranvier.optimizers.SGD(0.05, momentum=0.9)]}
        self.seen = [{"steps": ranvier.Variable(0.0, trainable=False)}]
        self.noise = (ranvier.random.SeedGenerator(3),)
        self.measures = [ranvier.metrics.Mean(name="distance")]

    def call(self, x):
        return self.judge(self.maker(x))

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        x = x + 0.1 * ranvier.random.normal(ops.shape(x), seed=self.noise[0])
        one, slopes = ranvier.gradients(lambda: ops.mean((self(x) - 1) ** 2), self.maker.trainable_variables)
        self.teachers["maker"].apply_gradients(zip(slopes, self.maker.trainable_variables, strict=True))
        two, slopes = ranvier.gradients(lambda: ops.mean(self(x) ** 2), self.judge.trainable_variables)
        self.teachers["judge"][0].apply(slopes, self.judge.trainable_variables)
        self.seen[0]["steps"].assign_add(1.0)
        self.measures[0].update_state(one + two)
        return {"one": one, "two": two, "distance": self.measures[0].result()}


def duel(eager=False):
    ranvier.utils.set_random_seed(1)
    model = Duel()
    model.compile(run_eagerly=eager)
    return model


def state(model):
    teachers = [model.teachers["maker"], model.teachers["judge"][0]]
    held = [*model.weights, *(v for t in teachers for v in t.variables), model.noise[0].state]
    return [np.asarray(v) for v in held]


def same(one, two):
    for a, b in zip(state(one), state(two), strict=True):
        np.testing.assert_array_equal(a, b)


def test_compiled_as_eager():
    logs = []
    for model in (compiled := duel(), eager := duel(eager=True)):
        ranvier.utils.set_random_seed(1)
        logs.append(model.fit(X, np.zeros(24), batch_size=8, epochs=3, verbose=0).history)
    for a, b in zip(state(compiled), state(eager), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for name in ("one", "two", "distance"):
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=1e-5)
    assert int(compiled.teachers["maker"].iterations) == int(compiled.teachers["judge"][0].iterations) == 9
    assert float(compiled.seen[0]["steps"]) == 9
    # Each knows only what it was applied to: the step count, the rate, and two or one slots for each weight.
    assert [len(compiled.teachers["maker"].variables), len(compiled.teachers["judge"][0].variables)] == [6, 4]


class Stop(ranvier.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("how", ["resume", "callback"])
def test_an_interrupted_run_goes_on_to_the_same_bits(how, tmp_path):
    def fit(model, *others):
        backup = [ranvier.callbacks.BackupAndRestore(tmp_path, save_freq="epoch")] if how == "callback" else []
        given = {"resume": tmp_path} if how == "resume" else {}
        model.fit(X, np.zeros(24), batch_size=8, epochs=4, verbose=0, callbacks=[*others, *backup], **given)

    alone = duel()
    alone.fit(X, np.zeros(24), batch_size=8, epochs=4, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        fit(duel(), Stop(2))
    again = duel()
    fit(again)
    same(alone, again)


@pytest.mark.parametrize("ending", [".keras", ".weights.h5", ".weights.json"])
def test_files_hold_every_optimizer(ending, tmp_path):
    """Also for a model whose optimizers have not been used yet: they take their state when they are."""
    model = duel()
    model.fit(X, np.zeros(24), batch_size=8, epochs=2, verbose=0)
    path = tmp_path / f"m{ending}"
    if ending == ".keras":
        model.save(path)
        again = ranvier.models.load_model(path)
    else:
        model.save_weights(path, max_shard_size=1 if ending.endswith("json") else None)
        again = duel()
        again(X)
        again.load_weights(path)
        path2 = tmp_path / f"again{ending}"
        again.save_weights(path2, max_shard_size=1 if ending.endswith("json") else None)  # nothing is lost on the way
        again = duel()
        again(X)
        again.load_weights(path2)
    again.noise[0].state.assign(model.noise[0].state)
    for one in (model, again):
        one.fit(X, np.zeros(24), batch_size=8, epochs=1, verbose=0, shuffle=False)
    same(model, again)


@pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier)], ids=["here", "there"])
def test_keras_has_the_optimizers_in_the_same_places(writer, reader, tmp_path):
    def made(k):
        class Pair(k.Model):
            def __init__(self):
                super().__init__()
                self.g = k.layers.Dense(2)
                self.critic = k.optimizers.Adam(0.1)
                self.others = {"a": [k.optimizers.SGD(0.1, momentum=0.9)], "b": k.optimizers.RMSprop(0.2)}

            def call(self, x):
                return self.g(x)

        model = Pair()
        model(np.ones((1, 3), "float32"))
        found = [model.critic, model.others["a"][0], model.others["b"]]
        for optimizer in found:
            optimizer.build(model.trainable_variables)
        return model, [v for optimizer in found for v in optimizer.variables]

    (one, before), (two, after) = made(writer), made(reader)
    for i, variable in enumerate(before):
        variable.assign(np.full(variable.shape, i + 1))
    one.save_weights(tmp_path / "w.weights.h5")
    two.load_weights(tmp_path / "w.weights.h5")
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


class Distance(ranvier.metrics.Metric):
    """Holds a network, as the inception distances do, a metric in a dict, variables in lists, and seeds."""

    def __init__(self, **kwargs):
        super().__init__(name="distance", **kwargs)
        self.network = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(2, kernel_initializer="ones")])
        self.inner = {"mean": [ranvier.metrics.Mean()]}
        self.parts = [ranvier.Variable(0.0, trainable=False), {"more": ranvier.Variable([0.0, 0.0])}]
        self.seeds = [ranvier.random.SeedGenerator(1)]

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seeds[0].next()
        self.inner["mean"][0].update_state(self.network(y_pred))
        self.parts[0].assign_add(1.0)
        self.parts[1]["more"].assign(self.parts[1]["more"].value + 2.0)

    def result(self):
        return self.inner["mean"][0].result() + 100 * self.parts[0].value + 1000 * self.parts[1]["more"].value[0]


@pytest.mark.parametrize("eager", [False, True])
def test_what_a_metric_holds(eager):
    metric = Distance()
    assert len(metric.variables) == 4
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2, kernel_initializer="zeros")])
    model.compile(ranvier.optimizers.SGD(0.0), "mse", metrics=[metric], run_eagerly=eager)
    history = model.fit(X, np.zeros((24, 2)), batch_size=8, epochs=2, verbose=0).history["distance"]
    assert history == [6300.0, 6300.0]  # three batches in each epoch: all that counts began anew, the network did not
    assert model.evaluate(X, np.zeros((24, 2)), batch_size=8, verbose=0)[1] == 6300.0
    assert int(metric.seeds[0].state.numpy()[1]) == 9
    assert len(model.weights) == 2
    assert float(metric.network.weights[0][0, 0]) == 1.0
    metric.reset_state()
    state = metric.stateless_update_state([v.value for v in metric.variables], None, np.zeros((1, 2)))
    assert float(metric.stateless_result(state)) == 2100.0
    assert all(not np.any(np.asarray(v)) for v in metric.stateless_reset_state())


def test_a_loss_may_hold_a_network():
    class Perceptual(ranvier.losses.Loss):
        def __init__(self):
            super().__init__()
            self.network = layers.Dense(2, kernel_initializer="ones")
            self.network.build((None, 2))

        def call(self, y_true, y_pred):
            return ops.mean((self.network(y_true) - self.network(y_pred)) ** 2, -1)

    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2)])
    loss = Perceptual()
    model.compile("sgd", loss)
    before = np.array(loss.network.kernel)
    history = model.fit(X, np.zeros((24, 2)), epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    np.testing.assert_array_equal(loss.network.kernel, before)
