"""When layers count as built, and what shapes they say they were built for."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers, metrics

from ..catalogue import CASES

FIRST = list({case.layer: case for case in CASES}.values())
EARLIER_CHECKS = {"Softmax", "UnitNormalization"}  # they look at their axes when built, Keras when called


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_a_new_layer_is_built_where_keras_s_is(case):
    ours, theirs = case.make(layers), case.make(keras.layers)
    if case.layer not in EARLIER_CHECKS:
        assert ours.built == theirs.built


def own_layers(package):
    class Plain(package.layers.Layer):
        def call(self, x):
            return x

    class Holds(package.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = package.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    class Builds(package.layers.ReLU):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(), name="w")
            super().build(input_shape)

    return Plain, Holds, Builds


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_layers_of_the_program(package):
    for kind in own_layers(package)[:2]:
        layer = kind()
        assert not layer.built
        assert layer.get_build_config() is None
        layer(np.ones((2, 3), "float32"))
        assert layer.built
        assert layer.get_build_config() == {"input_shape": (2, 3)}
    relu = package.layers.ReLU()
    relu(np.ones((2, 3), "float32"))
    assert relu.get_build_config() is None


def test_a_build_of_the_programs_is_called_below_a_layer_that_has_none():
    layer = own_layers(ranvier)[2]()
    assert not layer.built
    layer(np.ones((2, 3), "float32"))
    assert len(layer.weights) == 1


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_metrics_and_variables_of_layers(package):
    class Measuring(package.layers.Layer):
        def __init__(self):
            super().__init__()
            self.mean = package.metrics.Mean(name="mean")

        def call(self, x):
            return x

    layer = Measuring()
    assert layer.metrics == [layer.mean]
    assert [v.name for v in layer.metrics_variables] == ["total", "count"]
    assert layer.weights == []
    variable = layer.add_variable(shape=(2,), initializer="ones", name="extra")
    assert [w.name for w in layer.weights] == ["extra"]
    assert variable.numpy().tolist() == [1, 1]


def test_metrics_of_inner_layers_are_found_once():
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metrics.MeanAbsoluteError()])
    assert layers.Dense(1).metrics == []
