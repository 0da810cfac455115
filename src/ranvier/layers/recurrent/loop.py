"""The loop over time that all recurrent layers share: `lax.scan` over time-major data, with masks and the cell's state.

The state of a layer inside the cell (seeds, moving averages) goes round the loop like the recurrent state itself, and
losses that a cell adds come out summed over the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...core.errors import ShapeError
from ...core.pure import Scope, current_scope, scope
from ...core.variables import Variable
from ...ops.meaning import recurrence
from ...ops.meaning.recurrence import where_kept
from ..context import current_context

__all__ = ["over_time", "time_major"]

Step = Callable[[Any, Any], tuple[Any, Any]]


def time_major(x: Any) -> Any:
    """(batch, time, ...) → (time, batch, ...) and back."""
    return jax.tree.map(recurrence.time_major, x)


def over_time(
    step: Step,
    inputs: Any,
    states: Any,
    mask: Any = None,
    *,
    zero_output_for_mask: bool = False,
    unroll: bool = False,
    all_outputs: bool = True,
    variables: Sequence[Variable] = (),
    output_is_state: bool = False,
) -> tuple[Any, Any, Any]:
    """Repeat ``step(input, states) → (output, new states)`` along the first axis of `inputs`.

    Args:
        step: what happens at one time.
        inputs: arrays (time, batch, ...), nested as the step likes them.
        states: arrays (batch, ...), nested.
        mask: booleans (time, batch); where False, states stay and the output is the one before (zeros at first).
        zero_output_for_mask: where the mask is False, outputs are zeros instead.
        unroll: write the steps out one after another; slower to compile, and rarely faster.
        all_outputs: keep the outputs of all steps, not only the last one.
        variables: the variables that the step may assign.
        output_is_state: the output is also the first of the states.

    Returns:
        The last output, all outputs (time, batch, ...) or None, and the last states.
    """
    outer, context = current_scope(), current_context()
    adders: list[Any] = []
    structure = jax.tree.structure(states)

    def pure_step(values: list[Any], states: Any, x: Any) -> tuple[Any, Any, list[Any], Any]:
        """The step with the variables' values in and out, and the losses that it added."""
        before = len(context.losses) if context is not None else 0
        with scope(_InLoop(outer, variables, values)) as inner:
            output, new = step(x, states)
            assert inner is not None
            values = [inner.values[id(v)] for v in variables]
        added = context.losses[before:] if context is not None else []
        if context is not None:
            del context.losses[before:]
        adders[:] = [layer for layer, _ in added]
        return output, _like(new, states, structure), values, [loss for _, loss in added]

    first = [v.exact_value() for v in variables]
    is_last_state = output_is_state and mask is None
    carries_output = not (all_outputs or is_last_state) or (mask is not None and not zero_output_for_mask)
    blank = None
    if carries_output:
        output_like = states[0] if output_is_state else None
        if output_like is None:
            output_like = jax.eval_shape(pure_step, first, states, jax.tree.map(lambda a: a[0], inputs))[0]
        blank = jax.tree.map(lambda a: recurrence.zeros(a.shape, a.dtype), output_like)

    def body(carry: Any, x_and_kept: Any) -> tuple[Any, Any]:
        states, values, last = carry
        x, kept = x_and_kept
        output, new, values, losses = pure_step(values, states, x)
        if kept is not None:
            new = where_kept(kept, new, states)
            output = where_kept(kept, output, jax.tree.map(jnp.zeros_like, output) if zero_output_for_mask else last)
        return (new, values, output if carries_output else None), (output if all_outputs else None, losses)

    (states, values, last), (outputs, losses) = lax.scan(body, (states, first, blank), (inputs, mask), unroll=unroll)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    if context is not None:
        context.losses += [(layer, jnp.sum(loss)) for layer, loss in zip(adders, losses, strict=True)]
    if is_last_state:
        last = states[0]
    elif not carries_output:
        last = jax.tree.map(recurrence.last_step, outputs)
    return last, outputs, states


def _like(new: Any, old: Any, structure: Any) -> Any:
    """The new states in the nesting and the dtypes of the old ones, which a loop needs."""
    fresh, stale = jax.tree.leaves(new), jax.tree.leaves(old)
    if [a.shape for a in fresh] != [b.shape for b in stale]:
        raise ShapeError(
            "A cell must return states of the shapes that it is given. "
            f"Given: {[b.shape for b in stale]}, returned: {[a.shape for a in fresh]}"
        )
    return jax.tree.unflatten(structure, [a.astype(b.dtype) for a, b in zip(fresh, stale, strict=True)])


class _InLoop(Scope):
    """The loop's own values of some variables over whatever scope is outside."""

    def __init__(self, outer: Scope | None, variables: Sequence[Variable], values: Sequence[Any]):
        super().__init__(variables, values)
        self.outer = outer

    def read(self, variable: Variable) -> Any:
        """The value in this step; weights, which steps only read, come from outside."""
        if id(variable) in self.values:
            return self.values[id(variable)]
        return variable.stored_value() if self.outer is None else self.outer.read(variable)
