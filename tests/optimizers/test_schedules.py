"""Schedules against Keras: values at steps, configurations, and what they refuse."""

from typing import Any

import jax
import keras
import numpy as np
import pytest

from ranvier import optimizers
from ranvier.core.errors import ArgumentError, SerializationError
from ranvier.optimizers import schedules

CASES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 10], "values": [1.0, 0.5, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "end_learning_rate": 0.02, "power": 0.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "power": 2.0, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 11}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 11, "alpha": 0.2}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 11, "warmup_target": 0.3, "warmup_steps": 4}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.0, "m_mul": 0.8}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.1},
    ),
]


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_values_and_configurations(name: str, options: dict[str, Any]):
    mine, oracle = getattr(schedules, name)(**options), getattr(keras.optimizers.schedules, name)(**options)
    steps = np.arange(30, dtype="int32")
    ours = jax.jit(jax.vmap(mine))(steps)
    theirs = jax.jit(jax.vmap(oracle))(steps)
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(float(mine(5)), float(theirs[5]), rtol=2e-5, atol=1e-7)
    assert mine.get_config() == oracle.get_config()
    assert schedules.serialize(mine) == keras.optimizers.schedules.serialize(oracle)
    copy = schedules.deserialize(schedules.serialize(oracle))
    assert type(copy) is type(mine)
    assert copy.get_config() == mine.get_config()


def test_an_optimizer_with_a_schedule_survives_its_configuration():
    config = keras.optimizers.serialize(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5), name="s"))
    mine = optimizers.deserialize(config)
    assert isinstance(mine._schedule, schedules.CosineDecay)
    assert optimizers.serialize(mine) == config
    assert [v.path for v in mine.variables] == ["s/iteration"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("ExponentialDecay", {"initial_learning_rate": float("nan"), "decay_steps": 7, "decay_rate": 0.9}, "initial"),
        ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 0, "decay_rate": 0.9}, "decay_steps"),
        ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": -1.0}, "decay_rate"),
        ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "power": float("inf")}, "power"),
        ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "alpha": float("nan")}, "alpha"),
        ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "warmup_target": -1.0}, "warmup_target"),
        ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "warmup_steps": -1}, "warmup_steps"),
        ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": -2}, "first_decay_steps"),
        ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 2, "t_mul": 0.0}, "t_mul"),
        ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 2, "m_mul": -1.0}, "m_mul"),
        ("PiecewiseConstantDecay", {"boundaries": [1, 2], "values": [1.0]}, "values"),
        ("PiecewiseConstantDecay", {"boundaries": [2, 1], "values": [1.0, 2.0, 3.0]}, "boundaries"),
        ("PiecewiseConstantDecay", {"boundaries": [2], "values": [1.0, float("nan")]}, "values"),
    ],
)
def test_bad_numbers_are_refused_by_name(name: str, options: dict[str, Any], words: str):
    with pytest.raises(ArgumentError, match=words):
        getattr(schedules, name)(**options)


def test_only_schedules_are_read_as_schedules():
    with pytest.raises(SerializationError, match="LearningRateSchedule"):
        schedules.deserialize(optimizers.serialize(optimizers.SGD()))


def test_own_schedules_are_traced():
    class Halves(schedules.LearningRateSchedule):
        def __init__(self, start: float):
            self.start = start

        def __call__(self, step: Any) -> Any:
            return self.start * 0.5**step

    from ranvier.core.variables import Variable

    weight = Variable(np.float32(0.0), name="w")
    rule = optimizers.SGD(Halves(1.0))
    for _ in range(3):
        rule.apply([np.float32(1.0)], [weight])
    np.testing.assert_allclose(float(weight), -1.75)
    np.testing.assert_allclose(float(rule.learning_rate), 0.125)
