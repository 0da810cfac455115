"""One step of training, testing or predicting as pure functions of a state and a batch.

A step is made of the model's own methods (`call`, `compute_loss`, `compute_metrics`, or a whole overridden
`train_step`), run under the bridge, so that what a user overrides is compiled like what is built in.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from ..core.distributions import replicated, with_batch_layout
from ..core.masks import attach_masks, mask_table, masks_of
from ..core.pure import pure, sketch
from ..core.random import shared_state
from ..data.packing import as_given
from ..layers.context import call_context
from .measures import times_rows
from .state import Roles, TrainState

__all__ = [
    "builtin_step",
    "default_step",
    "discover",
    "overridden",
    "predict_step",
    "step_in_place",
    "step_logs",
    "takes_state",
    "test_step",
    "train_step",
    "unpack",
]

F = TypeVar("F", bound=Callable[..., Any])
Step = Callable[[TrainState, Any], tuple[TrainState, Any]]


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """A batch as ``(x, y, sample_weight)``, None for what it lacks."""
    if isinstance(batch, (tuple, list)):
        x, y, sample_weight = (*batch, None, None, None)[:3]
        return x, y, sample_weight
    return batch, None, None


def batch_size_of(x: Any) -> int:
    """The first size of the first array."""
    return jax.tree.leaves(x)[0].shape[0]


def default_step(method: F) -> F:
    """Decorator: marks the inherited `train_step` and the like, which are compiled without their detour."""
    method._is_default = True  # type: ignore[attr-defined]
    return method


def train_step(model: Any, roles: Roles) -> Step:
    """The step that `fit` repeats."""
    own = overridden(model, "train_step")
    return builtin_step(model, roles, learn=True) if own is None else _custom_step(model, roles, own, learn=True)


def test_step(model: Any, roles: Roles) -> Step:
    """The step that `evaluate` repeats."""
    own = overridden(model, "test_step")
    return builtin_step(model, roles, learn=False) if own is None else _custom_step(model, roles, own, learn=False)


def step_in_place(model: Any, roles: Roles, data: Any, learn: bool, metrics: list[Any] | None = None) -> dict[str, Any]:
    """The inherited step on the variables as they are here, in a trace or outside; returns the metrics' results.

    Args:
        model: a compiled and built model.
        roles: its variables.
        data: a batch.
        learn: train, or only test.
        metrics: values of the metrics to begin with, which are forgotten afterwards; None: count in the metrics themselves.
    """
    kept = roles if metrics is None else roles._replace(metrics=[])
    state = TrainState(*([v.exact_value() for v in part] for part in kept), bad_step=jnp.int32(-1))
    new, _ = builtin_step(model, roles, learn)(state if metrics is None else state._replace(metrics=metrics), data)
    for variables, before, after in zip(kept, state.parts, new.parts, strict=True):
        for variable, old, value in zip(variables, before, after, strict=False):
            if value is not old:
                variable.assign(value)
    return step_logs(model, roles)(new.metrics)


def builtin_step(model: Any, roles: Roles, learn: bool) -> Callable[..., tuple[TrainState, Any]]:
    """Forward, loss, gradients, update, metrics, as ``(state, batch, count=None, given=None)`` → ``(state, logs)``.

    Args:
        model: a compiled and built model.
        roles: its variables.
        learn: False: without gradients and update, which is `evaluate`'s step. That may be told that only the first
            `count` rows of a batch count, where `filling.is_fillable` says so; and the outputs may be `given`.
    """
    variables = [variable for part in roles for variable in part]
    counts = [len(part) for part in roles]

    def forward(x: Any, y: Any, sample_weight: Any, y_pred: Any) -> tuple[Any, Any, Any, list[Any]]:
        with call_context(training=learn):
            if y_pred is None:
                y_pred = model(x, training=learn) if model._call_takes_training else model(x)
            loss = model._call_compute_loss(x, y, y_pred, sample_weight, learn)
            masks = masks_of(y_pred)  # the metrics count in another trace, where the outputs are other objects
        scaled = model.optimizer.scale_loss(loss) if learn and model.optimizer is not None else loss
        return scaled, loss, y_pred, masks

    def measure(x: Any, y: Any, y_pred: Any, masks: Any, sample_weight: Any, loss: Any, count: Any) -> None:
        model._loss_tracker.update_state(loss, sample_weight=batch_size_of(x) if count is None else count)
        with mask_table():
            attach_masks(y_pred, masks)
            if count is None:
                model.compute_metrics(x, y, y_pred, sample_weight)
            else:
                model._metrics_compiled.update_state(y, y_pred, sample_weight, _counting(batch_size_of(x), count))

    def update(gradients: Any) -> None:
        model.optimizer.apply(gradients, roles.trainable)

    pure_forward, pure_measure, pure_update = (pure(run, variables) for run in (forward, measure, update))

    def step(state: TrainState, batch: Any, count: Any = None, given: Any = None) -> tuple[TrainState, Any]:
        x, y, sample_weight = unpack(batch)
        loss_weight = sample_weight
        if count is not None:  # the loss is divided by the number of rows, so those that count weigh more
            size = batch_size_of(x)
            loss_weight = times_rows(sample_weight, _counting(size, count) * (size / count))

        def loss_of(trainable: list[Any]) -> tuple[Any, Any]:
            values = _values(state._replace(trainable=trainable))
            (scaled, loss, *predicted), new = pure_forward(values, x, y, loss_weight, given)
            return scaled, (loss, predicted, _split(new, counts))

        gradients: Any = None
        if learn:
            (_, (loss, predicted, parts)), gradients = jax.value_and_grad(loss_of, has_aux=True)(state.trainable)
        else:
            _, (loss, predicted, parts) = loss_of(state.trainable)
        new = state._replace(non_trainable=parts[1], metrics=parts[3], further=parts[4])
        if learn and roles.trainable:
            parts = _split(pure_update(_values(new), gradients)[1], counts)
            new = new._replace(trainable=parts[0], optimizer=parts[2])
        parts = _split(pure_measure(_values(new), x, y, *predicted, sample_weight, loss, count)[1], counts)
        return new._replace(metrics=parts[3], further=parts[4]), {"loss": loss}

    return step


def _counting(size: int, count: Any) -> Any:
    """1 for each of the first `count` rows of a batch, 0 for those that fill it up, (size,)."""
    return (jnp.arange(size) < count).astype(count.dtype)


def predict_step(
    model: Any, roles: Roles, own: Callable[..., Any] | None
) -> Callable[[TrainState, Any], tuple[Any, dict[int, Any]]]:
    """The step that `predict` repeats: forward, as ``(state, batch) → (outputs, assigned)``.

    What it assigns (counters, seeds, kept states) comes as new values by the variables' places in the roles, one after
    the other. Most models assign nothing: then there is nothing more to compute, and batches do not depend on those before.

    Args:
        model: a built model.
        roles: its variables.
        own: the model's own `predict_step`, or None.
    """
    parts = 2 if own is None and not shared_state() else len(roles)
    variables = [v for part in roles[:parts] for v in part]

    def forward(batch: Any) -> Any:
        with call_context(training=False):
            if own is not None:
                return own(as_given(batch))
            x = unpack(batch)[0]
            return model(x, training=False) if model._call_takes_training else model(x)

    def step(state: TrainState, batch: Any) -> tuple[Any, dict[int, Any]]:
        batch = with_batch_layout(batch)
        given = [value for part in state.parts[:parts] for value in part]
        if own is not None and takes_state(own):
            outputs, new = own((state.trainable, state.non_trainable), as_given(batch))
            values = [*state.trainable, *new, *given[len(state.trainable) + len(new) :]]
        else:
            outputs, values = pure(forward, variables)(given, batch)
        assigned = {i: new for i, (old, new) in enumerate(zip(given, values, strict=True)) if new is not old}
        return replicated(outputs), assigned  # every process needs all of it

    return step


def step_logs(model: Any, roles: Roles) -> Callable[[list[Any]], dict[str, Any]]:
    """The results of all metrics as a pure function of their state."""
    run = pure(model.get_metrics_result, roles.metrics)
    return lambda metrics: {k: jnp.asarray(v) for k, v in run(metrics)[0].items()}


def overridden(model: Any, name: str) -> Callable[..., Any] | None:
    """The model's own `train_step` and the like, None where it is the inherited one."""
    method = getattr(type(model), name)
    return None if getattr(method, "_is_default", False) and name not in vars(model) else getattr(model, name)


def takes_state(method: Callable[..., Any]) -> bool:
    """Whether a user's step is of the stateless form, ``(state, data)``; one that takes ``*args`` gets both, too."""
    parameters = inspect.signature(method).parameters.values()
    usual = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in usual and p.default is p.empty]
    return len(needed) >= 2 or any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _custom_step(model: Any, roles: Roles, method: Callable[..., Any], learn: bool) -> Step:
    """A user's step, in either of two forms.

    ``train_step(self, state, data) → (logs, state)`` is Keras's stateless form on JAX, with the state a tuple of four
    lists. ``train_step(self, data) → logs`` works on the model's variables, optimizer and metrics themselves. Logs that
    are no dict stand for the results of the metrics.
    """
    variables = [variable for part in roles for variable in part]
    counts = [len(part) for part in roles]
    stateless, results = takes_state(method), step_logs(model, roles)

    def step(state: TrainState, batch: Any) -> tuple[TrainState, Any]:
        data = as_given(batch)
        if stateless:
            given = tuple(state[:4]) if learn else (state.trainable, state.non_trainable, state.metrics)
            (logs, new), values = pure(lambda: method(given, data), variables)(_values(state))
            parts = list(new) if learn else [new[0], new[1], state.optimizer, new[2]]
        else:
            logs, values = pure(lambda: run(data), variables)(_values(state))
            parts = _split(values, counts)[:4]
        if not isinstance(logs, Mapping):
            logs = results(list(parts[3]))
        logs = {name: value for name, value in logs.items() if value is not None}
        further = _split(values, counts)[4]
        return TrainState(*(list(p) for p in parts), further=further, bad_step=state.bad_step), logs

    def run(data: Any) -> Any:
        with call_context(training=learn):
            return method(data)

    return step


def discover(model: Any, batch: Any, step: str) -> None:
    """Let a user's step make what it makes when it is first called: weights of layers, slots of optimizers.

    It runs once on outlines: what it assigns is forgotten, what it makes stays. What is wrong with it is told when it runs.

    Args:
        model: the model.
        batch: a batch.
        step: the name of the step.
    """
    method = overridden(model, step)
    if method is None or takes_state(method):
        return  # the step that takes the state is given all of it
    with sketch(), call_context(training=step == "train_step"), contextlib.suppress(Exception):
        jax.eval_shape(method, as_given(batch))


def _values(state: TrainState) -> list[Any]:
    return [value for part in state.parts for value in part]


def _split(values: list[Any], counts: list[int]) -> list[list[Any]]:
    parts, start = [], 0
    for count in counts:
        parts.append(list(values[start : start + count]))
        start += count
    return parts
