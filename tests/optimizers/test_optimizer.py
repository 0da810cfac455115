"""What all optimizers share, beyond their trajectories: names, refusals, averages, files, own rules."""

from typing import Any
from unittest.mock import ANY

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import optimizers
from ranvier.core.errors import ArgumentError, ArgumentTypeError
from ranvier.core.pure import pure
from ranvier.core.serialization import custom_object_scope
from ranvier.core.variables import Variable
from ranvier.optimizers.schedules import ExponentialDecay

from .test_trajectories import keras_variables, our_variables, run

NAMES = [n for n in optimizers.__all__ if isinstance(getattr(optimizers, n), type)]
RULES = [
    n for n in NAMES if n not in ("LossScaleOptimizer", "MultiOptimizer", "OptaxOptimizer", "Optimizer", "OptimizerMap")
]
ONES = [np.ones((3, 2), "float32"), np.ones(2, "float32"), np.float32(1.0)]


@pytest.mark.parametrize("name", RULES)
def test_names_in_any_case_classes_and_configs(name: str):
    cls = getattr(optimizers, name)
    assert type(optimizers.get(name.upper())) is cls
    assert type(optimizers.get(name.lower())) is cls
    assert type(optimizers.get(cls)) is cls
    mine = cls(0.25)
    assert optimizers.get(mine) is mine
    theirs = getattr(keras.optimizers, name)(0.25, name=mine.name)
    assert optimizers.serialize(mine) == keras.optimizers.serialize(theirs)
    copy = optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert type(copy) is cls
    assert copy.get_config() == mine.get_config()


def test_automatic_names_are_keras_s():
    keras.backend.clear_session()
    for name in [n for n in RULES for _ in range(2)]:
        assert getattr(optimizers, name)().name == getattr(keras.optimizers, name)().name


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("SGD", {"learning_rate": float("nan")}, "learning_rate"),
        ("SGD", {"learning_rate": -0.1}, "learning_rate must be at least 0"),
        ("SGD", {"momentum": 1.5}, r"momentum must lie in \[0, 1\]"),
        ("SGD", {"clipnorm": 0.0}, "clipnorm must be positive"),
        ("SGD", {"clipvalue": float("inf")}, "clipvalue must be finite"),
        ("SGD", {"global_clipnorm": -1}, "global_clipnorm must be positive"),
        ("SGD", {"clipnorm": 1.0, "clipvalue": 1.0}, "only one of"),
        ("SGD", {"weight_decay": float("nan")}, "weight_decay"),
        ("SGD", {"weight_decay": -0.5}, "weight_decay"),
        ("SGD", {"use_ema": True, "ema_momentum": 2.0}, "ema_momentum"),
        ("SGD", {"use_ema": True, "ema_overwrite_frequency": 0}, "ema_overwrite_frequency"),
        ("SGD", {"gradient_accumulation_steps": 1}, "gradient_accumulation_steps"),
        ("SGD", {"loss_scale_factor": 0.0}, "loss_scale_factor"),
        ("SGD", {"learning_rte": 0.1}, "learning_rte.*Did you mean 'learning_rate'"),
        ("SGD", {"name": "a/b"}, "name"),
        ("Adam", {"beta_1": 1.0}, "beta_1"),
        ("Adam", {"beta_2": -0.1}, "beta_2"),
        ("Adam", {"epsilon": float("nan")}, "epsilon"),
        ("AdamW", {"weight_decay": None}, "weight_decay"),
        ("RMSprop", {"rho": 1.5}, "rho"),
        ("Adagrad", {"initial_accumulator_value": -1}, "initial_accumulator_value"),
        ("Adadelta", {"rho": -0.5}, "rho"),
        ("Ftrl", {"learning_rate_power": 0.5}, "learning_rate_power"),
        ("Lion", {"beta_1": 0.0}, "beta_1"),
    ],
)
def test_bad_numbers_are_refused_by_name(name: str, options: dict[str, Any], words: str):
    with pytest.raises(ArgumentError, match=words):
        getattr(optimizers, name)(**options)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_decay_of_old_programs_is_a_schedule_with_a_hint(name: str):
    assert getattr(optimizers, name)(decay=0.0).get_config() == getattr(optimizers, name)(name=None).get_config() | {
        "name": ANY
    }
    with pytest.warns(UserWarning, match="InverseTimeDecay"):
        optimizer = getattr(optimizers, name)(learning_rate=0.5, decay=0.25)
    optimizer.build([])
    optimizer.iterations.assign(4)
    assert float(optimizer.learning_rate) == 0.25  # 0.5 / (1 + 0.25 · 4)


def test_bad_identifiers_and_types():
    with pytest.raises(ArgumentError, match="Did you mean 'adam"):
        optimizers.get("adma")
    with pytest.raises(ArgumentError, match="int"):
        optimizers.get(5)
    with pytest.raises(ArgumentTypeError, match="learning_rate must be a number"):
        optimizers.SGD("fast")
    with pytest.raises(ArgumentTypeError, match="inner_optimizer"):
        optimizers.LossScaleOptimizer("sgd")


def test_learning_rates_are_variables_unless_scheduled():
    rule, variables = optimizers.SGD(0.5), our_variables()
    rule.build(variables)
    step = jax.jit(rule.stateless_apply)
    values = [jnp.asarray(v.numpy()) for v in variables]
    for rate in (0.5, 0.25):
        rule.learning_rate = rate
        new, _ = step([v.value for v in rule.variables], ONES, values)
        np.testing.assert_allclose(new[2], values[2] - rate, rtol=1e-6)
    assert step._cache_size() == 1
    with pytest.raises(ArgumentError, match="learning_rate"):
        rule.learning_rate = float("nan")
    rule.learning_rate = ExponentialDecay(0.1, 10, 0.5)
    assert [v.name for v in rule.variables] == ["iteration"]
    with pytest.raises(TypeError, match="schedule"):
        rule.learning_rate = 0.5


def test_gradients_that_are_missing_or_too_many():
    rule, variables = optimizers.SGD(0.5), our_variables()
    with pytest.raises(ArgumentError, match="not built"):
        rule.apply(ONES)
    with pytest.raises(ArgumentError, match="no gradient for any"):
        rule.apply([None, None, None], variables)
    with pytest.raises(ArgumentError, match="2 gradients for 3"):
        rule.apply(ONES[:2], variables)
    with pytest.warns(UserWarning, match="dense/bias"):
        rule.apply([ONES[0], None, ONES[2]], variables)
    with pytest.raises(ArgumentError, match="not built for"):
        rule.apply([ONES[1]], [Variable(np.ones(2, "float32"), name="stranger")])
    before = variables[1].numpy()
    assert int(rule.apply_gradients(zip(ONES, variables, strict=True))) == 2
    np.testing.assert_allclose(variables[1].numpy(), before - 0.5, rtol=1e-6)


def test_constraints_overwriting_and_exclusion_as_in_keras():
    results = []
    for module, variables in ((keras.optimizers, keras_variables()), (optimizers, our_variables())):
        rule = module.SGD(0.1, weight_decay=0.5, loss_scale_factor=4.0, clipvalue=0.2)
        variables[0].constraint = abs
        variables[1].overwrite_with_gradient = True
        rule.exclude_from_weight_decay(var_names=["sca.e"])
        rule.build(variables)
        for _ in range(2):
            rule.apply([np.asarray(g) for g in ONES], variables)
        results.append([np.asarray(v) for v in variables])
    for ours, theirs in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_array_equal(results[1][1], 1.0)


def test_averages_replace_the_weights_at_the_end():
    mine, theirs = our_variables(), keras_variables()
    for module, variables in ((optimizers, mine), (keras.optimizers, theirs)):
        rule = module.SGD(0.1, use_ema=True, ema_momentum=0.5)
        for _ in range(3):
            rule.apply(ONES, variables)
        rule.finalize_variable_values(variables)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=1e-6)


def test_state_travels_to_keras_and_back():
    theirs, mine = keras.optimizers.Adam(0.1), optimizers.Adam(0.3)
    run(theirs, keras_variables())
    store: dict[str, Any] = {}
    theirs.save_own_variables(store)
    mine.build(our_variables())
    mine.load_own_variables(store)
    back: dict[str, Any] = {}
    mine.save_own_variables(back)
    assert list(back) == list(store)
    for key in store:
        np.testing.assert_array_equal(back[key], store[key])
    with pytest.warns(UserWarning, match="not loaded"):
        optimizers.SGD().load_own_variables(store)
    with pytest.raises(ArgumentError, match="arrays"):
        mine.set_weights([1.0])


def test_own_rules_work_as_keras_users_write_them():
    class Signs(optimizers.Optimizer):
        def __init__(self, learning_rate: float = 0.1, floor: float = 0.0, **kwargs: Any):
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.floor = floor

        def build(self, variables: Any) -> None:
            if self.built:
                return
            super().build(variables)
            self.counts = [self.add_variable_from_reference(v, name="count", initializer="ones") for v in variables]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.assign_add(self.counts[self._get_variable_index(variable)], 1)
            self.assign_sub(variable, learning_rate * jnp.sign(gradient))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "floor": self.floor}

    rule, variables = Signs(0.5, floor=0.25, clipnorm=1.0), our_variables()
    path, state = run(rule, variables)
    assert path[0].shape == (20, 3, 2)
    np.testing.assert_array_equal(state[2], np.full((3, 2), 21.0))
    assert rule.variables[2].path == f"{rule.name}/dense_kernel_count"
    with custom_object_scope({"Signs": Signs}):
        copy = optimizers.deserialize(optimizers.serialize(rule))
    assert copy.get_config() == rule.get_config()
    assert copy.floor == 0.25


def test_apply_inside_a_loop_under_the_bridge():
    rule, variables = optimizers.Adam(0.1), our_variables()
    rule.build(variables)
    everything = [*variables, *rule.variables]
    step = pure(lambda: rule.apply([jnp.asarray(g) for g in ONES], variables), everything)
    values = [v.value for v in everything]
    looped = jax.jit(lambda v: jax.lax.fori_loop(0, 4, lambda _, v: step(v)[1], v))(values)
    for _ in range(4):
        rule.apply(ONES, variables)
    for a, b in zip(looped, everything, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-5, atol=1e-7)
