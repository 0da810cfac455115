"""The steps of a chunk as one call of the compiled kernel that trains dense networks, where it fits.

The kernel does what `step.builtin_step` does, forwards, gradients and update, for all steps of the call, and hands out
the outputs of every step; loss and metrics are then counted from those, batch by batch, by the model's own methods.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.pure import pure
from ..ops.compiled import kernel_usable
from .dense_network import AIMS, DenseNetwork, recognised
from .dense_rules import RULES, StepRule, step_rule
from .state import Roles, TrainState
from .step import unpack

__all__ = ["DenseProgram", "dense_program"]

_TOGETHER = 32  # batches whose metrics are counted side by side
_NEVER = 2**31 - 1


def dense_program(model: Any, roles: Roles) -> DenseProgram | None:
    """The program of `model`, or None where the kernel is missing, not made for it, or not made for this platform."""
    if jax.default_backend() != "cpu" or not kernel_usable("train_dense"):
        return None
    network = recognised(model)
    rule = None if network is None else step_rule(model.optimizer)
    if network is None or rule is None:
        return None
    parameters = [v for layer in network.layers for v in (layer.kernel, layer.bias)]
    parameters += [v for op in network.ops for v in (op.gamma, op.beta)]
    held = {id(v) for v in parameters if v is not None}
    seeds = [id(op.seed) for op in network.ops if op.seed is not None]
    moving = {id(v) for op in network.ops for v in op.moving} | set(seeds)
    same = held == {id(v) for v in roles.trainable} and moving == {id(v) for v in roles.non_trainable}
    return DenseProgram(model, roles, network, rule) if same and len(set(seeds)) == len(seeds) else None


class DenseProgram:
    """Training steps of a dense network.

    Args:
        model: a compiled and built model.
        roles: its variables.
        network: what it was recognised as.
        rule: its optimizer's step.
    """

    def __init__(self, model: Any, roles: Roles, network: DenseNetwork, rule: StepRule):
        self.model, self.roles, self.network, self.rule = model, roles, network, rule
        self._parameter = {id(v): i for i, v in enumerate(roles.trainable)}
        self._state = {id(v): i for i, v in enumerate(roles.non_trainable)}
        self._slot = {id(v): i for i, v in enumerate(roles.optimizer)}
        self._iterations = self._slot[id(model.optimizer._iterations)]
        self._moving = [v for op in network.ops for v in op.moving]
        self._seeds = [op.seed for op in network.ops if op.seed is not None]
        self.width = network.layers[-1].kernel.shape[1]

    def fits(self, data: Any) -> bool:
        """Whether the kernel is made for data of these shapes and dtypes: (x, y), rows first."""
        x, y, sample_weight = unpack(data)
        single = all(hasattr(a, "shape") and hasattr(a, "dtype") for a in (x, y))
        if not single or sample_weight is not None or x.dtype not in ("float32", "uint8") or jnp.iscomplexobj(y):
            return False
        if self.network.dtype != "float32" and x.dtype != self.network.dtype:  # the model would change its numbers
            return False
        columns = math.prod(x.shape[1:])
        if x.ndim < 2 or columns != self.network.layers[0].kernel.shape[0] or 0 in x.shape:
            return False
        if self.network.sparse:
            return y.shape in ((len(x),), (len(x), 1))
        return y.shape == (len(x), self.width) or (self.width == 1 and y.shape == (len(x),))

    def step(self, state: TrainState, batch: Any, number: Any) -> TrainState:
        """The state after one step on a batch; `number` is the step's."""
        return self.steps(state, batch, None, 0, 1, number, len(batch[0]))

    def steps(
        self, state: TrainState, data: Any, order: Any, start: Any, stop: Any, first: Any, size: int
    ) -> TrainState:
        """The state after steps `start` to `stop` on batches of `size` rows; `first` is the number of step 0."""
        x, y, _ = unpack(data)
        trainable, non_trainable, optimizer, outputs = self._train(state, x, self._targets(y), order, start, stop, size)
        state = state._replace(trainable=trainable, non_trainable=non_trainable, optimizer=optimizer)

        together = min(_TOGETHER, len(outputs) // size) if self._additive() else 1

        def take(array: Any, i: Any) -> Any:
            count = together * size
            if order is None:
                found = lax.dynamic_slice_in_dim(array, i * size, count)
            else:
                found = array[lax.dynamic_slice_in_dim(order, i * size, count)]
            return found.reshape(together, size, *array.shape[1:])

        def body(block: Any, carry: Any) -> Any:
            wanted = start + block * together
            at = jnp.minimum(wanted, len(outputs) // size - together)
            steps = at + jnp.arange(together)
            y_pred = lax.dynamic_slice_in_dim(outputs, at * size, together * size)
            y_pred = y_pred.reshape(together, size, self.width)
            counts = (steps >= wanted) & (steps < stop)
            return self._measure(carry, take(y, at), y_pred, counts, first + steps)

        metrics = jax.tree.map(jnp.asarray, state.metrics)
        blocks = (stop - start + together - 1) // together
        metrics, bad = lax.fori_loop(0, blocks, body, (metrics, jnp.asarray(state.bad_step, jnp.int32)))
        return state._replace(metrics=metrics, bad_step=bad)

    def _additive(self) -> bool:
        """Whether each metric adds up its batches, so that several can be counted side by side."""
        return all(type(m).__module__.startswith("ranvier.") for m in self.model.metrics)

    def _measure(self, carry: Any, y: Any, y_pred: Any, counts: Any, numbers: Any) -> tuple[list[Any], Any]:
        """The metrics, and the first step whose loss is not finite, with some batches more.

        Args:
            carry: metrics and step so far.
            y: targets, (batches, size, …).
            y_pred: outputs, (batches, size, width).
            counts: which batches count, (batches,).
            numbers: their steps' numbers, (batches,).
        """
        model, metrics, bad = self.model, carry[0], carry[1]

        def count(y: Any, y_pred: Any) -> Any:
            loss = model._losses_compiled(y, y_pred)
            model._loss_tracker.update_state(loss, sample_weight=y_pred.shape[0])
            model._metrics_compiled.update_state(y, y_pred)
            return ~jnp.isfinite(loss)

        if len(y) == 1:
            wrong, new = pure(count, self.roles.metrics)(metrics, y[0], y_pred[0])
            wrong = wrong[None]
        else:
            zeros = [jnp.zeros_like(m) for m in metrics]
            wrong, each = jax.vmap(lambda y, p: pure(count, self.roles.metrics)(zeros, y, p))(y, y_pred)
            each = [jnp.where(counts.reshape(-1, *[1] * (e.ndim - 1)), e, 0) for e in each]
            # One after the other, so that sums do not depend on which batches are counted side by side.
            new = lax.fori_loop(0, len(y), lambda i, sums: [s + e[i] for s, e in zip(sums, each, strict=True)], metrics)
        worst = jnp.min(jnp.where(wrong & counts, numbers, _NEVER)).astype(jnp.int32)
        bad = jnp.where((bad < 0) & (worst < _NEVER), worst, bad)
        return [jnp.asarray(n, m.dtype) for n, m in zip(new, metrics, strict=True)], bad

    def _targets(self, y: Any) -> Any:
        network = self.network
        if network.sparse:
            return y.reshape(-1).astype(jnp.int32)
        y = y.reshape(-1, self.width).astype(jnp.float32)
        if not network.smoothing:
            return y
        classes = 2 if network.aim.startswith("binary") else self.width
        return y * (1 - network.smoothing) + network.smoothing / classes

    def _train(
        self, state: TrainState, x: Any, y: Any, order: Any, start: Any, stop: Any, size: int
    ) -> tuple[list[Any], list[Any], list[Any], Any]:
        """The kernel's call: the new values, and the outputs of all steps, (rows, width)."""
        rows = len(x) if order is None else len(order)
        seeds = [state.non_trainable[self._state[id(v)]] for v in self._seeds]
        places = [(state.trainable, self._parameter[id(v)]) for v in self.roles.trainable]
        values: list[Any] = []
        for (part, i), slots in zip(places, self.rule.slots, strict=True):
            values += [part[i], *(state.optimizer[self._slot[id(s)]] for s in slots)]
        values += [state.non_trainable[self._state[id(v)]] for v in self._moving]
        values = [jnp.asarray(v) for v in values]
        operands = [
            x.reshape(len(x), -1),
            y,
            jnp.zeros(0, jnp.int32) if order is None else order,
            jnp.stack([jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)]),
            self.rule.rates(state.optimizer, rows // size, start),
            jnp.stack(seeds) if seeds else jnp.zeros((0, 2), jnp.uint32),
        ]
        shapes = [jax.ShapeDtypeStruct((rows // size * size, self.width), jnp.float32)]
        shapes += [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in values]
        plan, numbers = self._plan(size)
        aliases = {len(operands) + i: 1 + i for i in range(len(values))}
        call = jax.ffi.ffi_call("ranvier_train_dense", shapes, input_output_aliases=aliases)
        outputs, *new = call(*operands, *values, plan=plan, numbers=numbers)
        return *self._put(state, new, start, stop), outputs

    def _put(self, state: TrainState, new: list[Any], start: Any, stop: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """The kernel's results in the places of the variables; counters moved on."""
        trainable, non_trainable, optimizer = ([*part] for part in state[:3])
        found = iter(new)
        for i, slots in enumerate(self.rule.slots):
            trainable[i] = next(found)
            for slot in slots:
                optimizer[self._slot[id(slot)]] = next(found)
        for variable in self._moving:
            non_trainable[self._state[id(variable)]] = next(found)
        steps = jnp.asarray(stop - start)
        optimizer[self._iterations] = optimizer[self._iterations] + steps.astype(jnp.int32)
        for variable in self._seeds:
            i = self._state[id(variable)]
            non_trainable[i] = non_trainable[i] + jnp.stack([jnp.zeros((), jnp.uint32), steps.astype(jnp.uint32)])
        return trainable, non_trainable, optimizer

    def _plan(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The network as the kernel reads it (`Read` in kernels/src/dense_module.cc)."""
        network, rule = self.network, self.rule
        place = self._parameter | {id(v): i for part in (self._moving, self._seeds) for i, v in enumerate(part)}
        layers, of_layers = network.written(place, drop=True)
        plan = [size, int(network.softmax), AIMS.index(network.aim), RULES.index(rule.name), len(rule.slots[0]),
                len(network.layers), len(self.roles.trainable), len(self._moving), *layers]  # fmt: skip
        numbers = [*rule.numbers, *[0.0] * (3 - len(rule.numbers)), network.scale, network.offset, *of_layers]
        return np.array(plan, np.int64), np.array(numbers, np.float32)
