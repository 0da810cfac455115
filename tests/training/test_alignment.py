"""Losses and metrics that users write get targets in the shape that Keras gives them; pairing samples crosswise never happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers, losses, metrics, ops

RNG = np.random.default_rng(0)
SHAPES = {"samples": (8, 3), "steps": (8, 5, 3), "as many steps as samples": (4, 4, 3)}


def _error(y: Any, p: Any, squeezes: bool) -> Any:
    p = p[..., 0] if squeezes else p
    return ops.square(ops.cast(y, p.dtype) - p)


class OwnLoss(losses.Loss):
    def __init__(self, squeezes: bool):
        super().__init__()
        self.squeezes = squeezes

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return _error(y_true, y_pred, self.squeezes)


class OwnMetric(metrics.Metric):
    def __init__(self, squeezes: bool):
        super().__init__(name="own")
        self.squeezes, self.notes = squeezes, []
        self.total, self.count = self.add_weight((), "zeros"), self.add_weight((), "zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        error = _error(y_true, y_pred, self.squeezes)
        self.notes.append(error.shape)
        self.total.assign_add(ops.sum(error))
        self.count.assign_add(ops.size(error))

    def result(self) -> Any:
        return self.total / self.count


def _own(what: str, squeezes: bool) -> dict[str, Any]:
    def function(y_true: Any, y_pred: Any) -> Any:
        return _error(y_true, y_pred, squeezes)

    return {
        "a Loss": {"loss": OwnLoss(squeezes)},
        "a Metric": {"loss": "mse", "metrics": [OwnMetric(squeezes)]},
        "a function as a metric": {"loss": "mse", "metrics": [function]},
    }[what]


@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("squeezes", [False, True], ids=["as it comes", "squeezes"])
@pytest.mark.parametrize("what", ["a Loss", "a Metric", "a function as a metric"])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_sample_is_compared_with_its_own_target(shape: str, what: str, squeezes: bool, eager: bool):
    x = RNG.normal(size=SHAPES[shape]).astype("float32")
    y = RNG.integers(0, 2, SHAPES[shape][:-1]).astype("float32")
    model = ranvier.Sequential([layers.Input(x.shape[1:]), layers.Dense(1)])
    model.compile(ranvier.optimizers.SGD(0.0), **_own(what, squeezes), run_eagerly=eager)
    wanted = np.mean(np.square(y - model.predict(x, verbose=0)[..., 0]))
    found = [model.evaluate(x, y, verbose=0), model.train_on_batch(x, y), model.test_on_batch(x, y)]
    found.append([values[-1] for values in model.fit(x, y, batch_size=len(x), verbose=0).history.values()])
    np.testing.assert_allclose(np.hstack(found), wanted, rtol=1e-5)


def test_a_loss_function_gets_its_sequences_without_the_axis_of_one():
    def summed(y_true: Any, y_pred: Any) -> Any:
        return ops.sum(ops.square(y_true - y_pred), axis=-1)

    x, y = RNG.normal(size=(6, 5, 3)).astype("float32"), RNG.normal(size=(6, 5)).astype("float32")
    model = ranvier.Sequential([layers.Input((5, 3)), layers.Dense(1)])
    model.compile("sgd", summed)
    wanted = np.sum(np.square(y - model.predict(x, verbose=0)[..., 0]), axis=1).mean()
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), wanted, rtol=1e-5)


def test_what_a_metric_notes_itself_holds_only_what_ran():
    metric = OwnMetric(True)
    model = ranvier.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metric], run_eagerly=True)
    model.evaluate(np.ones((8, 3)), np.zeros(8), batch_size=4, verbose=0)
    assert metric.notes == [(4,), (4,)]
