"""Populations of copies of a model, with hyperparameters found by path."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier import layers, optimizers, regularizers
from ranvier.tuning import Population, grid

from .networks import X, Y, assert_same


def test_paths_into_layers_losses_and_optimizers():
    def build(rate=0.2, l2=0.01, rho=0.9, delta=1.0, decay=0.9, inner=0.1):
        model = ranvier.Sequential([
            layers.Input((6,)),
            layers.Dense(4, "relu", kernel_regularizer=regularizers.L2(l2), name="hidden"),
            layers.Dropout(rate, name="drop"),
            ranvier.Sequential([layers.Input((4,)), layers.Dropout(inner, name="inside")], name="block"),
            layers.Dense(1),
        ])  # fmt: skip
        schedule = optimizers.schedules.ExponentialDecay(0.01, 4, decay)
        model.compile(optimizers.RMSprop(schedule, rho=rho), ranvier.losses.Huber(delta), metrics=["mae"])
        return model

    paths = {
        "rate": "drop.rate", "l2": "hidden.kernel_regularizer.l2", "rho": "optimizer.rho", "delta": "loss.delta",
        "decay": "optimizer.learning_rate.decay_rate", "inner": "inside.rate",
    }  # fmt: skip
    numbers = {
        "rate": [0.1, 0.4], "l2": [0.1, 0.02], "rho": [0.8, 0.9], "delta": [0.5, 2.0], "decay": [0.8, 0.9],
        "inner": [0.2, 0.3],
    }  # fmt: skip
    model = build()
    before = model.get_weights()
    population = Population(model, {paths[name]: values for name, values in numbers.items()}, seeds=[1, 2])
    result = population.fit(X, Y, verbose=0, epochs=2, how="vmap")
    assert result.programs == 1
    assert result.best_params["drop.rate"] in (0.1, 0.4)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    population.candidates = [dict(zip(numbers, row, strict=True)) for row in zip(*numbers.values(), strict=True)]
    assert_same(population, build, X, Y, epochs=2)


def test_seeds_alone():
    model = ranvier.Sequential([layers.Input((6,)), layers.Dense(3), layers.Dropout(0.2), layers.Dense(1)])
    model.compile("adam", "mse")
    population = Population(model, seeds=range(4))
    result = population.fit(X, Y, verbose=0, epochs=2)
    assert result.best_params == {}
    assert len({round(h["loss"][0], 9) for h in result.histories}) == 4
    assert "seed" in str(result)


def test_own_classes_and_functional_models():
    @ranvier.saving.register_keras_serializable()
    class Scale(layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    def build(factor=1.0):
        inputs = layers.Input((6,))
        outputs = layers.Dense(1)(Scale(factor, name="scale")(layers.Dense(3)(inputs)))
        model = ranvier.Model(inputs, outputs)
        model.compile("sgd", "mse")
        return model

    population = Population(build(), {"scale.factor": [0.5, 1.5]}, seeds=1)
    result = population.fit(X, Y, verbose=0, epochs=2, how="vmap")
    assert result.programs == 1
    population.candidates = [{"factor": 0.5}, {"factor": 1.5}]
    assert_same(population, build, X, Y, epochs=2)


def test_names_and_switches_may_differ_too():
    model = ranvier.Sequential([layers.Input((6,)), layers.Dense(3, "relu", name="hidden"), layers.Dense(1)])
    model.compile("sgd", "mse")
    population = Population(model, grid(**{"hidden.activation": ["relu", "tanh"], "optimizer.nesterov": [True, False]}))
    result = population.fit(X, Y, verbose=0)
    assert result.programs == 4
    assert any("relu" in reason for reason in result.reasons)
    assert any("nesterov: True and False" in reason for reason in result.reasons)


@pytest.mark.parametrize("candidates", [grid(a=[1, 2], b=[3, 4]), [{"a": 1, "b": 3}]])
def test_grids(candidates):
    assert candidates[0] == {"a": 1, "b": 3}
    assert len(candidates) in (4, 1)
