"""Every optimizer and schedule with random settings over five updates by random gradients, beside Keras's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from ranvier import optimizers
from ranvier.core.names import name_scope
from ranvier.core.variables import Variable
from ranvier.optimizers import schedules

from .agreement import REFUSALS, UNOPTIMIZED, differences
from .strategies import Draw, described, tried, try_examples

STEPS = 5
Options = Callable[[Draw], dict[str, Any]]


def _some(**options: Callable[[Draw], Any]) -> Options:
    return lambda d: d.some(**{k: f(d) for k, f in options.items()})


def _part(low: float = 0.1, high: float = 0.95) -> Callable[[Draw], float]:
    return lambda d: d.real(low, high)


_BETAS = {"beta_1": _part(), "beta_2": _part(0.5, 0.999)}
_EPSILON = {"epsilon": lambda d: d.pick(1e-7, 1e-3, 0.1)}
ROWS: dict[str, Options] = {
    "SGD": _some(momentum=_part(), nesterov=Draw.flag),
    "Adam": _some(**_BETAS, **_EPSILON, amsgrad=Draw.flag),
    "AdamW": _some(**_BETAS, **_EPSILON, amsgrad=Draw.flag),
    "Adamax": _some(**_BETAS, **_EPSILON),
    "Nadam": _some(**_BETAS, **_EPSILON),
    "Lamb": _some(**_BETAS, **_EPSILON),
    "Lion": _some(**_BETAS),
    "RMSprop": _some(rho=_part(), momentum=_part(), **_EPSILON, centered=Draw.flag),
    "Adagrad": _some(initial_accumulator_value=_part(0, 1), **_EPSILON),
    "Adadelta": _some(rho=_part(), **_EPSILON),
    "Adafactor": _some(beta_2_decay=_part(-0.9, -0.3), epsilon_2=_part(0.001, 0.1), clip_threshold=_part(0.3, 2),
                       relative_step=Draw.flag),
    "Ftrl": _some(learning_rate_power=_part(-0.9, -0.1), initial_accumulator_value=_part(0.05, 1),
                  l1_regularization_strength=_part(0, 0.5), l2_regularization_strength=_part(0, 0.5),
                  l2_shrinkage_regularization_strength=_part(0, 0.5), beta=_part(0, 1)),
    "Muon": _some(momentum=_part(), nesterov=Draw.flag, ns_steps=lambda d: d.whole(1, 6), adam_lr_ratio=_part(0.1, 2),
                  rms_rate=lambda d: d.pick(None, 0.2, 0.5), adam_weight_decay=_part(0, 0.1)),
    "ScheduleFreeAdamW": _some(**_BETAS, warmup_steps=lambda d: d.whole(0, 4), epsilon=lambda d: 1e-6),
}  # fmt: skip
ELSEWHERE = {
    "LossScaleOptimizer": "wraps another: below",
    "MultiOptimizer": "wraps others, and only ranvier has it: tests/optimizers/test_multi.py",
    "OptaxOptimizer": "wraps another library's, and only ranvier has it: tests/optimizers/test_optax.py",
    "Optimizer": "the base of all",
    "OptimizerMap": "names optimizers: tests/optimizers/test_multi.py",
}


def _common(d: Draw) -> dict[str, Any]:
    clip = d.pick({}, {"clipnorm": d.real(0.1, 2)}, {"clipvalue": d.real(0.1, 1)}, {"global_clipnorm": d.real(0.1, 2)})
    average = {"use_ema": True, "ema_momentum": d.real(0.1, 0.9), **d.some(ema_overwrite_frequency=d.whole(1, 3))}
    return clip | d.pick({}, average) | d.some(
        weight_decay=d.real(0, 0.2), gradient_accumulation_steps=d.whole(2, 3), loss_scale_factor=d.pick(2.0, 8.0)
    )  # fmt: skip


_RATE = {"initial_learning_rate": _part(0.001, 0.5), "decay_steps": lambda d: d.whole(1, 9)}


def _always(**options: Callable[[Draw], Any]) -> Options:
    return lambda d: {k: f(d) for k, f in options.items()}


def _pieces(d: Draw) -> dict[str, Any]:
    steps = sorted({d.whole(1, 12) for _ in range(3)})
    return {"boundaries": steps, "values": [d.real(0.01, 1) for _ in range(len(steps) + 1)]}


SCHEDULES: dict[str, Options] = {
    "ExponentialDecay": _always(**_RATE, decay_rate=_part(), staircase=Draw.flag),
    "InverseTimeDecay": _always(**_RATE, decay_rate=_part(), staircase=Draw.flag),
    "PolynomialDecay": _always(**_RATE, end_learning_rate=_part(0.001, 0.1), power=_part(0.5, 2), cycle=Draw.flag),
    "PiecewiseConstantDecay": _pieces,
    "CosineDecay": lambda d: _always(**_RATE, alpha=_part(0, 0.9))(d)
    | d.pick({}, {"warmup_target": d.real(0.01, 1), "warmup_steps": d.whole(1, 5)}),
    "CosineDecayRestarts": _always(initial_learning_rate=_part(0.001, 0.5), first_decay_steps=lambda d: d.whole(1, 6),
                                   t_mul=lambda d: d.pick(1.0, 1.5, 2.0), m_mul=_part(0.5, 1), alpha=_part(0, 0.5)),
}  # fmt: skip


def _start(d: Draw) -> tuple[list[np.ndarray], list[np.ndarray]]:
    shapes = [(d.pick(2, 3), 2), (2,), d.pick((), (2, 1, 3))]
    return [d.floats(*s) for s in shapes], [d.floats(STEPS, *s) for s in shapes]


def _path(module: Any, optimizer: Any, values: list[np.ndarray], gradients: list[np.ndarray]) -> Any:
    """A function that computes the weights after each update and the state after the last; and the state's names."""
    scope, variable = (name_scope, Variable) if module is optimizers else (keras.name_scope, keras.Variable)
    with scope("dense"):
        variables = [variable(v, name=f"w{i}") for i, v in enumerate(values)]
    optimizer.build(variables)

    def step(carry: Any, grads: Any) -> Any:
        weights, state = optimizer.stateless_apply(carry[1], grads, carry[0])
        return (list(weights), list(state)), list(weights)

    state = [jnp.asarray(v.numpy()) for v in optimizer.variables]
    return lambda: jax.lax.scan(step, ([jnp.asarray(v) for v in values], state), gradients)


def _compared(make: Callable[[Any], Any], values: Any, gradients: Any) -> str:
    paths = []
    for module in (optimizers, keras.optimizers):
        try:
            paths.append(_path(module, make(module), values, gradients))
        except REFUSALS as error:
            paths.append(error)
    refused = [isinstance(p, Exception) for p in paths]
    if any(refused):
        return "" if all(refused) else f"ours {paths[0]!r}, theirs {paths[1]!r}"
    ours, theirs = jax.jit(lambda: [p() for p in paths], compiler_options=UNOPTIMIZED)()
    return differences(ours[1], theirs[1], 3) or differences(ours[0], theirs[0], 3)


@tried(1, ROWS)
def test_optimizers_agree_with_those_of_keras(row: str, examples: int):
    name = row

    def make(d: Draw) -> Any:
        return {"learning_rate": d.pick(0.001, 0.01, 0.1), **ROWS[name](d), **_common(d)}, *_start(d)

    def check(made: Any) -> None:
        options, values, gradients = made
        text = _compared(lambda module: getattr(module, name)(**options), values, gradients)
        assert not text, f"{text}: {name} {options} {described(values)}"

    try_examples(make, check, examples)


@tried(1)
def test_loss_scaling_agrees_with_that_of_keras(row: str, examples: int):
    def make(d: Draw) -> Any:
        values, gradients = _start(d)
        if d.flag():
            gradients[0][d.whole(0, STEPS - 1)] = d.pick(np.inf, np.nan)
        return d.pick("SGD", "Adam"), {"initial_scale": d.pick(2.0, 8.0), "dynamic_growth_steps": d.whole(1, 3)}, (
            values, gradients)  # fmt: skip

    def check(made: Any) -> None:
        inner, options, start = made
        text = _compared(lambda module: module.LossScaleOptimizer(getattr(module, inner)(0.1), **options), *start)
        assert not text, f"{text}: {inner} {options}"

    try_examples(make, check, examples)


@tried(1, SCHEDULES)
def test_schedules_agree_with_those_of_keras(row: str, examples: int):
    name = row
    steps = np.arange(25, dtype="int32")

    def check(options: dict[str, Any]) -> None:
        pair = [getattr(m, name)(**options) for m in (schedules, keras.optimizers.schedules)]
        ours, theirs = jax.jit(lambda: [jax.vmap(s)(steps) for s in pair], compiler_options=UNOPTIMIZED)()
        text = differences(ours, theirs)
        assert not text, f"{text}: {name} {options}"

    try_examples(SCHEDULES[name], check, examples)


@tried(1)
def test_optimizers_on_schedules_agree_with_those_of_keras(row: str, examples: int):
    def make(d: Draw) -> Any:
        name = d.pick(*SCHEDULES)
        return name, SCHEDULES[name](d), d.pick(*(n for n in ROWS if n != "ScheduleFreeAdamW")), _start(d)

    def check(made: Any) -> None:
        schedule, options, name, start = made
        text = _compared(lambda m: getattr(m, name)(getattr(m.schedules, schedule)(**options)), *start)
        assert not text, f"{text}: {name} {schedule} {options}"

    try_examples(make, check, examples)


def test_every_optimizer_and_schedule_has_a_row_or_a_reason():
    def classes(module: Any) -> set[str]:
        return {n for n in module.__all__ if isinstance(getattr(module, n), type)}

    assert classes(optimizers) - set(ROWS) == set(ELSEWHERE)
    assert classes(schedules) - set(SCHEDULES) == {"LearningRateSchedule"}
