"""The compiled programs: many steps in one call. The only place where training is compiled.

The number of steps is an argument of the program, not a part of it: one compilation serves single steps (for
callbacks at every batch), chunks (for a live progress bar) and whole epochs. With nobody looking between
epochs, `many_epochs` runs a whole `fit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.collector import collector_at_rest
from ..core.distributions import distribution, with_batch_layout
from ..core.pure import pure
from ..core.random import shared_state
from ..core.settings import use_compilation_cache
from ..core.variables import Variable
from .dense_prediction import DensePrediction, dense_prediction
from .dense_program import DenseProgram, dense_program
from .filling import is_fillable
from .measures import listed
from .rowwise import is_rowwise
from .state import Roles, TrainState
from .step import Step, builtin_step, overridden, predict_step, step_logs, test_step, train_step, unpack

__all__ = ["Programs", "fresh_values", "programs_for", "rows"]

# In so many situations (what trains, what is frozen) a model keeps its programs: a GAN goes back and forth.
_SITUATIONS = 8


def rows(arrays: Any, index: Any) -> Any:
    """The rows of every array at `index`."""
    return jax.tree.map(lambda a: a[index], arrays)


def _slice(arrays: Any, start: Any, size: int) -> Any:
    return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, start, size), arrays)


def _guarded(step: Callable[..., tuple[TrainState, Any]], roles: Roles) -> Callable[..., tuple[TrainState, Any]]:
    """`step` that also notes the first step number at which the loss is not finite, and keeps to the layouts."""

    def run(state: TrainState, batch: Any, number: Any, **given: Any) -> tuple[TrainState, Any]:
        new, logs = step(state, with_batch_layout(batch), **given)
        new = new.laid_out(roles)
        loss = logs.get("loss") if isinstance(logs, dict) else None
        bad = jnp.asarray(state.bad_step, jnp.int32)
        if loss is not None:
            bad = jnp.where((bad < 0) & ~jnp.all(jnp.isfinite(loss)), jnp.asarray(number, jnp.int32), bad)
        return new._replace(bad_step=bad), logs

    return run


def fresh_values(model: Any, variables: list[Variable]) -> list[Any]:
    """The values of the metrics' `variables` after `reset_metrics`."""
    return pure(model.reset_metrics, variables)([v.stored_value() for v in variables])[1]


class Programs:
    """The compiled programs of one model for one set of variables, made when first asked for.

    Args:
        model: a built model.
        roles: its variables.
        eager: run step by step in Python instead, for debugging.
    """

    def __init__(self, model: Any, roles: Roles, eager: bool = False):
        use_compilation_cache()
        self.model = model
        self.roles = roles
        self.eager = eager
        #: What else decides what is compiled: layers such as BatchNormalization compute otherwise when they are frozen.
        self.situation = roles.key(), _flags(model), eager
        self.alike: dict[Any, Programs] = {self.situation: self}  # of the same model in other situations
        #: What everything was found to be there for: pairs of whether to learn and whether to compute losses.
        self.prepared: set[tuple[bool, bool]] = set()
        self._made: dict[Any, Callable[..., Any]] = {}
        self._listed: dict[tuple[str, ...], list[str]] = {}
        self._metric_shapes: dict[str, tuple[int, ...]] | None = None

    @cached_property
    def fresh_metrics(self) -> list[np.ndarray]:
        """The state of all metrics after `reset_metrics`, as NumPy arrays: they can be given to a program again and again."""
        return [np.array(v) for v in fresh_values(self.model, self.roles.metrics)]

    def listed(self, names: tuple[str, ...]) -> list[str]:
        """The names of results in the order of the lists that `evaluate` and its kind return."""
        if names not in self._listed:
            self._listed[names] = listed(self.model.metrics, names)
        return self._listed[names]

    @cached_property
    def rowwise(self) -> bool:
        """Whether `predict` may add rows to batches, so that fewer shapes are compiled."""
        return not self.eager and distribution() is None and is_rowwise(self.model)

    @cached_property
    def fillable(self) -> bool:
        """Whether tests may add rows to batches, so that fewer shapes are compiled."""
        return self.rowwise and is_fillable(self.model)

    @property
    def direct(self) -> DensePrediction | None:
        """The kernel's prediction, where it is made for the model."""
        return self._predictor

    @cached_property
    def _predictor(self) -> DensePrediction | None:
        if self.eager or overridden(self.model, "predict_step") is not None:
            return None
        return dense_prediction(self.model, self.roles)

    def _get(self, key: Any, make: Callable[[], Callable[..., Any]], donate: bool = True) -> Callable[..., Any]:
        if key not in self._made:
            function = make()
            compiled = function if self.eager else jax.jit(function, donate_argnums=(0,) if donate else ())
            first: Any = partial(self._first, key, compiled)
            first.lower = getattr(compiled, "lower", None)  # whoever wants to read the program need not call it
            self._made[key] = _without_jit(function) if self.eager else first
        return self._made[key]

    def _first(self, key: Any, compiled: Callable[..., Any], *args: Any) -> Any:
        """The first call of a program, which traces and compiles it."""
        self._made[key] = compiled
        with collector_at_rest():
            return compiled(*args)

    def _step(self, learn: bool) -> Step:
        if learn:
            return train_step(self.model, self.roles)
        return test_step(self.model, self.roles) if self._custom(learn) else self._test()

    def _results(self, learn: bool) -> Callable[[TrainState, Any], Any]:
        """The logs after a step: the metrics' results, or what an overridden step returned."""
        results = step_logs(self.model, self.roles)
        return (lambda state, logs: logs) if self._custom(learn) else (lambda state, logs: results(state.metrics))

    def _custom(self, learn: bool) -> bool:
        return overridden(self.model, "train_step" if learn else "test_step") is not None

    def _test(self) -> Callable[..., tuple[TrainState, Any]]:
        """The inherited test step; the outputs come from the kernel that is made for the model, where there is one."""
        test, dense = builtin_step(self.model, self.roles, learn=False), self._tested

        def step(state: TrainState, batch: Any, count: Any = None, given: Any = None) -> tuple[TrainState, Any]:
            x = unpack(batch)[0]
            if given is None and dense is not None and dense.fits(x):
                given = dense.traced(state, x)
            return test(state, batch, count, given)

        return step

    @property
    def _tested(self) -> DensePrediction | None:
        return self.direct if self.direct is not None and self.direct.only_outputs else None

    def _dense(self, learn: bool) -> DenseProgram | None:
        """The kernel's program for training, where it is made for the model."""
        return dense_program(self.model, self.roles) if learn and not self.eager else None

    def single(self, learn: bool) -> Callable[..., Any]:
        """``(state, batch, number) → (state, logs)``: one step on one batch."""

        def make() -> Callable[..., Any]:
            step, results = _guarded(self._step(learn), self.roles), self._results(learn)
            dense = self._dense(learn)

            def run(state: TrainState, batch: Any, number: Any) -> tuple[TrainState, Any]:
                if dense is not None and dense.fits(batch):
                    return (state := dense.step(state, batch, number)), results(state, {})
                state, logs = step(state, batch, number)
                return state, results(state, logs)

            return run

        return self._get(("single", learn), make)

    def filled(self) -> Callable[..., Any]:
        """``(state, batch, number, count) → (state, logs)``: a test on the first `count` rows of a batch."""

        def make() -> Callable[..., Any]:
            test, results = self._test(), self._results(False)

            def run(state: TrainState, batch: Any, number: Any, count: Any) -> tuple[TrainState, Any]:
                step = _guarded(lambda state, batch: test(state, batch, count), self.roles)
                state, logs = step(state, batch, number)
                return state, results(state, logs)

            return run

        return self._get("filled", make)

    def chunk(self, learn: bool, batch_size: int, how: str) -> Callable[..., Any]:
        """``(state, data, order, start, stop) → (state, logs)``: the steps from `start` to `stop`.

        Args:
            learn: train, or only test.
            batch_size: rows in a step.
            how: ``"rows"``: step i takes the rows ``order[i·batch_size : (i + 1)·batch_size]``; ``"slices"``: the rows
                themselves in order; ``"stacked"``: data holds whole batches, step i takes entry i.
        """

        def make() -> Callable[..., Any]:
            step, results, custom = _guarded(self._step(learn), self.roles), self._results(learn), self._custom(learn)
            take = partial(_take, batch_size=batch_size, how=how)
            dense, tested = self._dense(learn), None if learn or custom else self._tested

            def run(state: TrainState, data: Any, order: Any, start: Any, stop: Any) -> tuple[TrainState, Any]:
                if self.eager:  # with numbers only: the step may look at them
                    logs: Any = {}
                    for i in range(start, stop):
                        state, logs = step(state, take(data, order, i), i)
                    return state, results(state, logs)
                known = dense is not None or tested is not None
                flat, size = _flat(data) if known and how == "stacked" else (data, batch_size)
                if dense is not None and dense.fits(flat):
                    state = dense.steps(_settled(state), flat, order, start, stop, 0, size)
                    return state, results(state, {})
                x, outputs = unpack(flat)[0], None
                if tested is not None and tested.fits(x):  # of all steps at once
                    outputs = jnp.zeros((len(x), tested.width), jnp.float32)
                    outputs = tested.traced(state, x, outputs, start * size, stop * size)

                def body(i: Any, carry: Any) -> Any:
                    given = {} if outputs is None else {"given": _slice(outputs, i * size, size)}
                    new, logs = step(carry[0], take(data, order, i), i, **given)
                    return _settled(new), _settled(logs) if custom else {}

                # Only the logs of an overridden step go round the loop: it alone knows what they mean.
                logs = _zeros_of(lambda: step(state, take(data, order, start), start)[1]) if custom else {}
                state, logs = lax.fori_loop(start, stop, body, (_settled(state), logs))
                return state, results(state, logs)

            return run

        return self._get(("chunk", learn, batch_size, how), make)

    def many_epochs(
        self, batch_size: int, size: int, shuffled: bool, fresh_metrics: list[np.ndarray]
    ) -> Callable[..., Any]:
        """``(state, data, orders, logs, start, stop) → (state, logs)``: the epochs from `start` to `stop`.

        Args:
            batch_size: rows in a step; the last step of an epoch takes the rest.
            size: rows in the data.
            shuffled: whether `orders`, (epochs, size), says the order of each epoch's rows.
            fresh_metrics: the metrics' state at the start of an epoch.
        """
        steps, rest = divmod(size, batch_size)

        def make() -> Callable[..., Any]:
            step, results, custom = _guarded(self._step(True), self.roles), self._results(True), self._custom(True)
            how = "rows" if shuffled else "slices"
            dense = self._dense(True) if steps else None  # one small step is no faster

            def run(state: TrainState, data: Any, orders: Any, logs: Any, start: Any, stop: Any) -> Any:
                def epoch(e: Any, carry: Any) -> Any:
                    state, logs = carry
                    order: Any = lax.dynamic_index_in_dim(orders, e, keepdims=False) if shuffled else None
                    state = _settled(state._replace(metrics=[jnp.asarray(m) for m in fresh_metrics]))
                    first = e * (steps + (rest > 0))
                    take = partial(_take, data, order, batch_size=batch_size, how=how)
                    last: Any = {}
                    if dense is not None and dense.fits(data):
                        state = dense.steps(state, data, order, 0, steps, first, batch_size)
                    elif steps == 1:
                        state, last = step(state, take(0), first)
                    elif steps:

                        def body(i: Any, inner: Any) -> Any:
                            new, logs = step(inner[0], take(i), first + i)
                            return _settled(new), _settled(logs) if custom else {}

                        last = _zeros_of(lambda: step(state, take(0), first)[1]) if custom else {}
                        state, last = lax.fori_loop(0, steps, body, (_settled(state), last))
                    if rest:
                        batch = (
                            rows(data, order[size - rest :])
                            if order is not None
                            else rows(data, slice(size - rest, size))
                        )
                        if dense is not None and dense.fits(batch):
                            state = dense.step(state, batch, first + steps)
                        else:
                            state, last = step(state, batch, first + steps)
                    new = results(state, last)
                    return _settled(state), {k: v.at[e].set(jnp.asarray(new[k], v.dtype)) for k, v in logs.items()}

                return lax.fori_loop(start, stop, epoch, (_settled(state), logs))

            return run

        return self._get(("epochs", batch_size, size, shuffled), make)

    def log_shapes(self, batch: Any) -> dict[str, tuple[int, ...]]:
        """The logs of a training step on batches like this one: their shapes by their names.

        Most are numbers, but a metric may have a result for each class.
        """
        state, results = TrainState.take(self.roles), self._results(True)
        if not self._custom(True):  # the metrics know; no need to trace the step
            if self._metric_shapes is None:
                found = jax.eval_shape(lambda metrics: results(state._replace(metrics=metrics), {}), state.metrics)
                self._metric_shapes = {k: v.shape for k, v in found.items()}
            return self._metric_shapes
        step = self._step(True)

        def run(state: TrainState, batch: Any) -> Any:
            state, logs = step(state, batch)
            return results(state, logs)

        return {k: v.shape for k, v in jax.eval_shape(run, state, batch).items()}

    def keep(self, assigned: dict[int, Any]) -> None:
        """Give variables the values that a step of `predict` assigned."""
        variables = [v for part in self.roles for v in part]
        for place, value in assigned.items():
            variables[place].store(value)

    def prediction_state(self) -> TrainState:
        """The present values of what `predict` needs."""
        own = overridden(self.model, "predict_step") is not None or bool(shared_state())
        return TrainState.take(self.roles) if own else TrainState.take_weights(self.roles)

    def predict(self, batch_size: int | None = None) -> Callable[..., Any]:
        """``(state, batch) → (outputs, what was assigned)``.

        With a batch size ``(out, state, data, start, stop) → out``, filled for those steps, of which none may assign.
        """

        def make() -> Callable[..., Any]:
            usual, dense = predict_step(self.model, self.roles, overridden(self.model, "predict_step")), self.direct

            def step(state: TrainState, batch: Any) -> tuple[Any, dict[int, Any]]:
                x = unpack(batch)[0]
                return (dense.traced(state, x), {}) if dense is not None and dense.fits(x) else usual(state, batch)

            if batch_size is None:
                return step

            def run(out: Any, state: TrainState, data: Any, start: Any, stop: Any) -> Any:
                x = unpack(data)[0]
                if dense is not None and dense.fits(x):
                    return dense.traced(state, x, out, start * batch_size, jnp.minimum(stop * batch_size, len(x)))

                def body(i: Any, out: Any) -> Any:
                    new, _ = step(state, _slice(data, i * batch_size, batch_size or 0))
                    put = lambda o, n: lax.dynamic_update_slice_in_dim(o, n, i * batch_size, 0)  # noqa: E731
                    return jax.tree.map(put, out, new)

                return lax.fori_loop(start, stop, body, out)

            return run

        return self._get(("predict", batch_size), make, donate=batch_size is not None)


def programs_for(model: Any, roles: Roles, present: Programs | None) -> Programs:
    """The programs of a model as it is now: the present ones, those of a situation that it was in before, or new ones.

    Args:
        model: a built model.
        roles: its variables.
        present: the programs that it had last, if nothing else has made them useless.
    """
    situation = roles.key(), _flags(model), model.run_eagerly
    found = None if present is None else present.alike.get(situation)
    if found is None:
        found = Programs(model, roles, eager=model.run_eagerly)
        if present is not None:
            found.alike = present.alike
            found.alike[situation] = found
            if len(found.alike) > _SITUATIONS:
                del found.alike[next(iter(found.alike))]
    found.roles = roles  # next time a glance tells
    return found


def _flags(model: Any) -> tuple[bool, ...]:
    return tuple(layer.trainable for layer in model._flatten_layers())


def _take(data: Any, order: Any, i: Any, *, batch_size: int, how: str) -> Any:
    if how == "stacked":
        return jax.tree.map(lambda a: lax.dynamic_index_in_dim(a, i, keepdims=False), data)
    if how == "slices":
        return _slice(data, i * batch_size, batch_size)
    return rows(data, lax.dynamic_slice_in_dim(order, i * batch_size, batch_size))


def _flat(batches: Any) -> tuple[Any, int]:
    """Stacked batches, (batches, size, …), as rows one after the other, and the size of a batch."""
    size = jax.tree.leaves(batches)[0].shape[1]
    return jax.tree.map(lambda a: a.reshape(math.prod(a.shape[:2]), *a.shape[2:]), batches), size


def _settled(state: Any) -> Any:
    """The same with every leaf an array of its own dtype, so that it can go round a loop."""
    return jax.tree.map(jnp.asarray, state)


def _zeros_of(logs: Callable[[], Any]) -> Any:
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(logs))


def _without_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        with jax.disable_jit():
            return function(*args)

    return run
