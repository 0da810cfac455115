"""Populations refuse what they cannot train, and say what and where."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier import layers, optimizers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError, NotCompiledError, ShapeError
from ranvier.tuning import Population, grid

from .networks import X, Y, full


def compiled(**arguments):
    model = ranvier.Sequential([
        layers.Input((6,)),
        layers.Dense(4, "relu", kernel_regularizer=ranvier.regularizers.L2(0.01), name="hidden"),
        layers.Dropout(0.2, name="drop"),
        layers.Dense(1, name="out"),
    ])  # fmt: skip
    model.compile(optimizers.SGD(0.1, momentum=0.5), ranvier.losses.Huber(1.0), **arguments)
    return model


@pytest.mark.parametrize(("candidates", "seeds", "message"), [
    (None, None, "candidates .* or seeds"),
    ([], None, "at least one"),
    ({"rate": []}, None, "at least one"),
    ({"rate": [0.1, 0.2], "l2": [0.1]}, None, r"one length.*\{'rate': 2, 'l2': 1\}"),
    ([{"rate": 0.1}, {"l2": 0.1}], None, r"candidate 1 has \['l2'\]"),
    ({"rate": [0.1, 0.2]}, [1, 2, 3], "each of the 2 candidates. Received: 3 seeds"),
    ({"rate": [0.1, 0.2]}, [1, -2], "Received: -2"),
    ({"rate": [0.1, 0.2]}, [1, 2.5], "Received: 2.5"),
    ({"rate": [0.1, 0.2]}, 2.5, "Received: 2.5"),
    ({"rate": [0.1, 0.2]}, np.array(2.5), "Received: array"),
    ({"rate": [0.1, 1.2]}, None, "rate must be a number from 0 to 1"),
])  # fmt: skip
def test_candidates_that_make_no_sense(candidates, seeds, message):
    with pytest.raises(ArgumentError, match=message):
        Population(full, candidates, seeds=seeds)


@pytest.mark.parametrize(("candidates", "message"), [
    ({"rate": 0.1}, "'rate' must be a list"),
    ({"rate": "abc"}, "'rate' must be a list"),
    ({"rate": np.array(0.1)}, "'rate' must be a list"),
    (3, "a list of dicts or a dict of lists"),
    ([0.1, 0.2], "Candidate 0 must be a dict"),
    ([{1: 0.2}], "Candidate 0 must be a dict"),
])  # fmt: skip
def test_candidates_of_a_wrong_type(candidates, message):
    with pytest.raises(ArgumentTypeError, match=message):
        Population(full, candidates)
    with pytest.raises(ArgumentTypeError, match="must be a list"):
        grid(rate=0.1)


@pytest.mark.parametrize(("path", "value", "message"), [
    ("optimiser.momentum", 0.1, r"must begin with 'optimizer', 'loss'.*Did you mean 'optimizer'\?"),
    ("optimizer.momentun", 0.1, r"'optimizer' has no argument 'momentun'.*Did you mean 'momentum'\?"),
    ("dropp.rate", 0.1, r"Did you mean 'drop'\?"),
    ("drop", 0.1, "go on with an argument"),
    ("drop.ratio", 0.1, "'drop' has no argument 'ratio'; it has 'rate'"),
    ("hidden.kernel_regularizer.l1", 0.1, "'hidden.kernel_regularizer' has no argument 'l1'; it has 'l2'"),
    ("hidden.bias_regularizer.l2", 0.1, "'bias_regularizer' of 'hidden', which is None"),
    ("drop.rate", 3.0, "rate must be a number from 0 to 1"),
    ("optimizer.learning_rate", -1.0, "learning_rate must be at least 0"),
])  # fmt: skip
def test_paths(path, value, message):
    with pytest.raises(ArgumentError, match=message):
        Population(compiled(), {path: [value]})


@pytest.mark.parametrize("value", [[0.1, 0.2], np.array([0.1, 0.2]), {"a": 1}, layers.Dense(1)])
def test_values_at_paths_are_scalars(value):
    with pytest.raises(ArgumentTypeError, match=r"'drop.rate' must be a number"):
        Population(compiled(), {"drop.rate": [value]})


def test_shapes_that_differ():
    def build(units):
        model = ranvier.Sequential([layers.Input((6,)), layers.Dense(units), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    with pytest.raises(ShapeError, match=r"'sequential/dense/kernel' has shape \(6, 4\).* in candidate 1, .*\(6, 5\)"):
        Population(build, {"units": [4, 5]})
    with pytest.raises(ShapeError, match=r"hidden/kernel' has shape \(6, 4\)"):
        Population(compiled(), {"hidden.units": [4, 5]})

    def lazy(units):
        model = ranvier.Sequential([layers.Dense(units), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    with pytest.raises(ShapeError, match=r"\(6, 4\)"):
        Population(lazy, {"units": [4, 5]}).fit(X, Y, verbose=0)

    def deep(depth):
        model = ranvier.Sequential([layers.Input((6,)), *[layers.Dense(6) for _ in range(depth)]])
        model.compile("sgd", "mse")
        return model

    with pytest.raises(ShapeError, match="Candidate 0 has 2 weights, candidate 1 has 4"):
        Population(deep, {"depth": [1, 2]})


def test_shared_parts():
    optimizer = optimizers.Adam()

    def build(rate):
        model = ranvier.Sequential([layers.Input((6,)), layers.Dropout(rate), layers.Dense(1)])
        model.compile(optimizer, "mse")
        return model

    with pytest.raises(ArgumentError, match="Candidates 0 and 1 share the variable 'adam/iteration'"):
        Population(build, {"rate": [0.1, 0.2]})


def test_models_that_are_none():
    with pytest.raises(ArgumentTypeError, match="takes a compiled model, or a function"):
        Population(3, seeds=range(2))
    with pytest.raises(NotCompiledError, match=r"model\.compile"):
        Population(ranvier.Sequential([layers.Dense(1)]), seeds=range(2))
    with pytest.raises(NotCompiledError, match="return a compiled model"):
        Population(lambda: ranvier.Sequential([layers.Dense(1)]), seeds=range(2))
    with pytest.raises(ArgumentTypeError, match=r"must return a model\. Received: 5"):
        Population(lambda: 5, seeds=range(2))
    with pytest.raises(ArgumentTypeError, match=r"\['width'\] do not fit the function full\(.*rate.*'width'"):
        Population(full, {"width": [1, 2]})
    with pytest.raises(ArgumentError, match="run_eagerly"):
        Population(compiled(run_eagerly=True), seeds=range(2)).fit(X, Y, verbose=0)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"how": "fast"}, "how must be one of"),
    ({"halve_every": 0}, "halve_every must be at least 1"),
    ({"epochs": 0}, "epochs must be at least 1"),
    ({"monitor": "val_loss"}, r"monitor must be one of \['accuracy', 'auc', 'loss'\]"),
    ({"monitor": "acuracy"}, "monitor must be one of"),
    ({"mode": "best"}, "mode"),
    ({"validation_data": (X,)}, "validation_data must be"),
    ({"validation_data": (X, Y), "validation_split": 0.2}, "not both"),
    ({"x": lambda: None}, None),
    ({"y": Y[:10]}, "10"),
])  # fmt: skip
def test_arguments_of_fit(arguments, message):
    population = Population(full, {"rate": [0.2, 0.5]}, seeds=1)
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        population.fit(**{"x": X, "y": Y, "verbose": 0} | arguments)
    assert population.result is None


def test_an_unknown_monitor_is_refused_before_training():
    population = Population(full, {"rate": [0.2, 0.5]}, seeds=1)
    before = [v.numpy() for v in population.models[0].weights]
    with pytest.raises(ArgumentError, match="Received: monitor='acuracy' Did you mean 'accuracy'"):
        population.fit(X, Y, monitor="acuracy", verbose=0)
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, population.models[0].weights, strict=True))


def test_how_a_population_is_shown():
    population = Population(full, {"rate": [0.2, 0.5]}, seeds=1)
    assert repr(population) == "<Population of 2 candidates of 'full', not trained yet>"
    result = population.fit(X, Y, verbose=0)
    assert repr(population) == f"<Population of 2 candidates of 'full', the best so far is {result.best_index}>"


def test_data_in_batches():
    population = Population(full, {"rate": [0.2, 0.5]}, seeds=1)
    with pytest.raises(DataError, match="as arrays in memory"):
        population.fit(iter([(X, Y)]), verbose=0)
    with pytest.raises(ArgumentError, match="validation_data must be"):
        population.fit(X, Y, validation_data=iter([(X, Y)]), verbose=0)


def test_an_error_while_training_leaves_the_models_whole():
    population = Population(compiled(), {"drop.rate": [0.1, 0.3]}, seeds=1)
    with pytest.raises((ValueError, TypeError), match=r"7|shape"):
        population.fit(np.ones((10, 7), "float32"), Y[:10], verbose=0)
    population.fit(X, Y, verbose=0)
    before = population.models[1].get_weights()
    for how in ("sequential", "threads", "vmap"):
        with pytest.raises(KeyboardInterrupt):
            _interrupted(population, how)
        assert all(np.isfinite(w).all() for w in population.models[1].get_weights())
        population.fit(X, Y, verbose=0, how=how)
    assert not np.array_equal(before[0], population.models[1].get_weights()[0])


def _interrupted(population, how):
    def stop(*_):
        raise KeyboardInterrupt

    from ranvier.tuning import population as module

    original = module.Progress.tell
    module.Progress.tell = stop
    try:
        population.fit(X, Y, verbose=0, epochs=3, how=how)
    finally:
        module.Progress.tell = original
