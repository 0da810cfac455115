"""Networks and data for the tests of populations, and the separate runs that populations are held to."""

from __future__ import annotations

import numpy as np

import ranvier
from ranvier import layers, optimizers, regularizers
from ranvier.core import names

RNG = np.random.default_rng(5)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = (X[:, :1] - 2 * X[:, 1:2] > 0).astype("float32")
X_TEST, Y_TEST = X[:21] + 0.1, Y[:21]


def full(rate=0.3, l2=1e-3, learning_rate=0.05, momentum=0.9, smoothing=0.1):
    """Dropout, batch normalisation, a penalty, momentum and label smoothing, with their numbers as arguments."""
    model = ranvier.Sequential([
        layers.Input((6,)),
        layers.Dense(8, "relu", kernel_regularizer=regularizers.L2(l2)),
        layers.BatchNormalization(),
        layers.Dropout(rate),
        layers.Dense(1, "sigmoid"),
    ])  # fmt: skip
    loss = ranvier.losses.BinaryCrossentropy(label_smoothing=smoothing)
    optimizer = optimizers.SGD(learning_rate, momentum=momentum)
    model.compile(optimizer, loss, metrics=["accuracy", ranvier.metrics.AUC(num_thresholds=20)])
    return model


def alone(build, candidate, seed, *args, **kwargs):
    """The separate run that a candidate is equal to: the model after it, and its history."""
    names.clear_names()
    ranvier.utils.set_random_seed(seed)
    model = build(**candidate)
    history = model.fit(*args, verbose=0, **kwargs).history
    return model, history


def assert_same(population, build, *args, rtol=2e-4, atol=2e-5, epochs=None, **kwargs):
    """Every candidate has the weights, the optimizer's state and the history of its separate run."""
    result = population.result
    for i, (candidate, seed) in enumerate(zip(population.candidates, population.seeds, strict=True)):
        length = len(result.histories[i]["loss"])
        model, history = alone(build, candidate, seed, *args, epochs=length if epochs is None else epochs, **kwargs)
        own = population.models[i]
        assert set(result.histories[i]) == set(history)
        for name, values in history.items():
            np.testing.assert_allclose(result.histories[i][name], values, rtol=rtol, atol=atol, err_msg=f"{i} {name}")
        pairs = zip([*own.weights, *own.optimizer.variables], [*model.weights, *model.optimizer.variables], strict=True)
        for a, b in pairs:
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=rtol, atol=atol, err_msg=f"candidate {i}, {b.path}")
