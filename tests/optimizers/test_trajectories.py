"""Twenty updates by each optimizer and option against Keras: weights, slots, order, names and configurations."""

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import optimizers
from ranvier.core.names import name_scope
from ranvier.core.variables import Variable

SHAPES = {"kernel": (3, 2), "bias": (2,), "scale": ()}
STEPS = 20

RULES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.1}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.7}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.5, "epsilon": 1e-3}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.3}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-5}),
    ("Adamax", {"learning_rate": 0.01}),
    ("Nadam", {"learning_rate": 0.01}),
    ("Ftrl", {"learning_rate": 0.1}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.7,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.3,
            "beta": 0.4,
        },
    ),
    ("Lion", {"learning_rate": 0.01}),
    ("Lamb", {"learning_rate": 0.01, "weight_decay": 0.1}),
    ("Adafactor", {"learning_rate": 0.1}),
    ("Adafactor", {"learning_rate": 0.1, "relative_step": False, "beta_2_decay": -0.5, "clip_threshold": 0.5}),
    ("Muon", {"learning_rate": 0.01}),
    ("Muon", {"learning_rate": 0.01, "rms_rate": None, "nesterov": False, "ns_steps": 3, "adam_lr_ratio": 0.5}),
    ("Muon", {"learning_rate": 0.01, "exclude_layers": ["ense/ker"], "weight_decay": 0.1, "adam_weight_decay": 0.3}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.01}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.01, "warmup_steps": 5, "beta_1": 0.7, "weight_decay": 0.1}),
]
COMMON: list[dict[str, Any]] = [
    {"weight_decay": 0.05},
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.5},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    {"loss_scale_factor": 8.0},
    {"gradient_accumulation_steps": 3},
    {"gradient_accumulation_steps": 2, "use_ema": True, "weight_decay": 0.1, "clipnorm": 0.5},
]
CASES = RULES + [("SGD", {"learning_rate": 0.1, "momentum": 0.9, **c}) for c in COMMON]
CASES += [("Adam", {"learning_rate": 0.01, **c}) for c in (COMMON[0], COMMON[-1])] + [("Nadam", COMMON[-1])]


def _start() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [np.asarray(rng.normal(size=shape), "float32") for shape in SHAPES.values()]


def _gradients() -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    return [rng.normal(size=(STEPS, *shape)).astype("float32") for shape in SHAPES.values()]


def our_variables() -> list[Variable]:
    with name_scope("dense"):
        return [Variable(value, name=name) for name, value in zip(SHAPES, _start(), strict=True)]


def keras_variables() -> list[Any]:
    with keras.name_scope("dense"):
        return [keras.Variable(value, name=name) for name, value in zip(SHAPES, _start(), strict=True)]


def run(optimizer: Any, variables: list[Any], gradients: Any = None) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights after each of the steps, and the state after the last, from one compiled loop over `stateless_apply`."""
    optimizer.build(variables)

    def step(carry: Any, grads: Any) -> Any:
        weights, state = optimizer.stateless_apply(carry[1], grads, carry[0])
        return (list(weights), list(state)), list(weights)

    first = ([jnp.asarray(v.numpy()) for v in variables], [jnp.asarray(v.numpy()) for v in optimizer.variables])
    (_, state), path = jax.jit(lambda c, g: jax.lax.scan(step, c, g))(first, gradients or _gradients())
    return [np.asarray(x) for x in path], [np.asarray(x) for x in state]


def assert_same(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=3e-5, atol=2e-6)


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_trajectory_slots_and_config(name: str, options: dict[str, Any]):
    oracle = getattr(keras.optimizers, name)(**options, name="rule")
    mine = getattr(optimizers, name)(**options, name="rule")
    theirs, their_state = run(oracle, keras_variables())
    ours, our_state = run(mine, our_variables())
    assert_same(ours, theirs)
    assert_same(our_state, their_state)
    assert not np.allclose(ours[0][-1], ours[0][0])
    # Keras leaves some helpers of Nadam and Adafactor outside the optimizer's name.
    named = [(a.path, b.path) for a, b in zip(mine.variables, oracle.variables, strict=True) if "/" in b.path]
    assert [a for a, _ in named] == [b for _, b in named]
    assert mine.get_config() == oracle.get_config()
    copy = type(mine).from_config(mine.get_config())
    assert copy.get_config() == mine.get_config()


@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam", "Ftrl"])
@pytest.mark.parametrize("make", ["ExponentialDecay", "callable"])
def test_scheduled_learning_rates(name: str, make: str):
    def rate(module: Any) -> Any:
        return module.schedules.ExponentialDecay(0.1, 3, 0.5) if make == "ExponentialDecay" else (lambda: 0.05)

    theirs, their_state = run(getattr(keras.optimizers, name)(rate(keras.optimizers)), keras_variables())
    ours, our_state = run(getattr(optimizers, name)(rate(optimizers)), our_variables())
    assert_same(ours, theirs)
    assert_same(our_state, their_state)


def test_loss_scaling_skips_bad_steps_and_halves():
    grads = _gradients()
    grads[0][2] = np.inf
    grads[1][7] = np.nan
    options = {"initial_scale": 4.0, "dynamic_growth_steps": 3}
    oracle = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1, momentum=0.9), **options)
    mine = optimizers.LossScaleOptimizer(optimizers.SGD(0.1, momentum=0.9), **options)
    theirs, their_state = run(oracle, keras_variables(), grads)
    ours, our_state = run(mine, our_variables(), grads)
    assert_same(ours, theirs)
    assert_same(our_state, their_state)
    assert mine.get_config().keys() == oracle.get_config().keys()
    assert optimizers.deserialize(optimizers.serialize(mine)).get_config() == mine.get_config()
    assert float(mine.scale_loss(np.float32(2.0))) == float(oracle.scale_loss(np.float32(2.0)))


WRAPPED = [(name, options) for name, options in CASES if "loss_scale_factor" not in options]


@pytest.mark.parametrize(("name", "options"), WRAPPED, ids=str)
def test_loss_scaling_does_not_change_what_a_step_does(name: str, options: dict[str, Any]):
    grads = _gradients()
    plain = getattr(optimizers, name)(**options)
    inner = getattr(optimizers, name)(**options, loss_scale_factor=16.0)  # put aside: there is one scale
    weights, scaled_weights = our_variables(), our_variables()
    weights[0].overwrite_with_gradient = scaled_weights[0].overwrite_with_gradient = True
    scaling = optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
    assert float(scaling.scale_loss(2)) == 2048
    for i in range(4):
        given = [g[i] for g in grads]
        plain.apply(given, weights)
        scaling.apply([given[0], *(g * 1024 for g in given[1:])], scaled_weights)
    for ours, theirs in zip(scaled_weights, weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(float(scaling.scale_loss(jnp.float32(1.0))), 1024)


def test_loss_scaling_clears_the_scales_of_every_part():
    for known in (True, False):
        two = [optimizers.SGD(0.5, loss_scale_factor=2.0), optimizers.SGD(0.25, loss_scale_factor=4.0)]
        parts = optimizers.OptimizerMap(two[0], {"other": two[1]}) if known else (lambda v, left=two: left.pop(0))
        weights = [Variable(np.ones(1, "float32")), Variable(np.ones(1, "float32"))]
        scaling = optimizers.LossScaleOptimizer(
            optimizers.MultiOptimizer(parts, loss_scale_factor=8.0), initial_scale=4.0
        )
        scaling.apply([jnp.full(1, 4.0)] * 2, weights)
        assert all(o.loss_scale_factor is None for o in (scaling.inner_optimizer, *scaling.inner_optimizer.optimizers))
        expected = [0.5, 0.5] if known else [0.5, 0.75]
        assert [float(w.numpy()[0]) for w in weights] == expected


@pytest.mark.parametrize("option", [
    {"clipnorm": 1.0}, {"clipvalue": 1.0}, {"global_clipnorm": 1.0}, {"use_ema": True}, {"ema_momentum": 0.5},
    {"ema_overwrite_frequency": 2}, {"gradient_accumulation_steps": 2}, {"loss_scale_factor": 2.0}, {"weight_decay": 0.1},
    {"dynamic": False},
], ids=str)  # fmt: skip
def test_what_is_the_inner_optimizers_is_refused(option: dict[str, Any]):
    with pytest.raises(ValueError, match="dynamic" if "dynamic" in option else "set it on the inner_optimizer, SGD"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), **option)
    optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic=True, clipnorm=None, use_ema=False)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_eager_apply_equals_the_compiled_loop(name: str):
    compiled, state = run(getattr(optimizers, name)(0.01), our_variables())
    mine, variables = getattr(optimizers, name)(0.01), our_variables()
    for i in range(3):
        mine.apply([g[i] for g in _gradients()], variables)
    for variable, path in zip(variables, compiled, strict=True):
        np.testing.assert_allclose(variable.numpy(), path[2], rtol=2e-5, atol=1e-7)
    assert int(mine.iterations) == 3
    assert int(state[0]) == STEPS


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_slots_keep_the_dtype_of_the_weight(dtype: str):
    variable = Variable(np.ones((2, 2)), dtype=dtype, name="w")
    mine = optimizers.Adam(0.1)
    mine.apply([jnp.ones((2, 2), dtype)], [variable])
    assert {v.dtype for v in mine.variables[2:]} == {dtype}
    assert variable.dtype == dtype
    np.testing.assert_allclose(variable.numpy().astype("float32"), 0.9, rtol=1e-2)
