"""Metrics with a result for each class, in a population."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier import layers, metrics
from ranvier.tuning import Population

from .networks import X_TEST, X, alone


def build(rate=0.1):
    model = ranvier.Sequential([layers.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")])
    model.compile(ranvier.optimizers.SGD(rate), "categorical_crossentropy", metrics=[metrics.F1Score()])
    return model


def classes(x):
    return np.eye(3, dtype="float32")[(x[:, :2] > 0).sum(1)]


@pytest.mark.parametrize("how", ["sequential", "threads", "vmap"])
@pytest.mark.parametrize("validated", [False, True])
def test_the_same_as_alone(how, validated):
    options = {"batch_size": 16, "epochs": 3}
    if validated:
        options["validation_data"] = (X_TEST, classes(X_TEST))
    population = Population(build, {"rate": [0.1, 0.5]}, seeds=[3, 4])
    result = population.fit(X, classes(X), verbose=0, how=how, **options)
    for i, candidate in enumerate(population.candidates):
        _, history = alone(build, candidate, population.seeds[i], X, classes(X), **options)
        assert set(history) == set(result.histories[i])
        for name, values in history.items():
            np.testing.assert_allclose(result.histories[i][name], values, rtol=2e-4, atol=2e-5, err_msg=name)
    assert np.shape(result.histories[0]["f1_score"]) == (3, 3)
    assert "f1_score" in str(result)
