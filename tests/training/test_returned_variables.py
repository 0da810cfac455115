"""A user's code may return a variable itself: what it holds at that moment counts, compiled or not."""

import numpy as np
import pytest

import ranvier
from ranvier import layers, ops


class Total(ranvier.metrics.Metric):
    """The sum of all errors: the variable itself, or among other results."""

    def __init__(self, form):
        super().__init__(name="total")
        self.form = form
        self.sum = self.add_weight(name="sum")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.sum.assign_add(ops.sum(ops.abs(y_true - y_pred)))

    def result(self):
        return {"plain": self.sum, "dict": {"total": self.sum, "half": self.sum / 2}}[self.form]


class Step(ranvier.Model):
    """A model whose own steps return the variable that they count in."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_initializer="ones")
        self.count = self.add_weight(name="count", initializer="zeros", trainable=False)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        self.count.assign_add(ops.sum(self(data[0])))
        return {"loss": self.count}

    test_step = train_step


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("form", ["plain", "dict"])
def test_metrics(form, eager):
    x = np.arange(10.0).reshape(5, 2)
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(ranvier.optimizers.SGD(0.0), "mse", metrics=[Total(form)], run_eagerly=eager)
    y = np.zeros((5, 1))
    assert model.evaluate(x, y, batch_size=2, verbose=0, return_dict=True)["total"] == pytest.approx(45.0)
    history = model.fit(x, y, batch_size=2, epochs=2, verbose=0, validation_data=(x[:3], y[:3])).history
    assert history["total"] == pytest.approx([45.0, 45.0])
    assert history["val_total"] == pytest.approx([15.0, 15.0])
    model.reset_metrics()
    assert float(model.test_on_batch(x, y, return_dict=True)["total"]) == pytest.approx(45.0)


@pytest.mark.parametrize("eager", [False, True])
def test_own_steps(eager):
    x = np.arange(10.0).reshape(5, 2)
    model = Step()
    model.compile(run_eagerly=eager)
    history = model.fit(x, np.zeros((5, 1)), batch_size=2, epochs=2, shuffle=False, verbose=0).history
    assert history["loss"] == pytest.approx([45.0, 90.0])
    assert float(
        model.evaluate(x, np.zeros((5, 1)), batch_size=2, verbose=0, return_dict=True)["loss"]
    ) == pytest.approx(135.0)


def test_outputs():
    class Counter(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return {"y": x * 1.0, "calls": self.calls}

    layer = Counter()
    layer.build((None, 2))
    outputs = layer.stateless_call([], [layer.calls.value], np.ones((3, 2)))[0]
    assert float(outputs["calls"]) == 1.0
