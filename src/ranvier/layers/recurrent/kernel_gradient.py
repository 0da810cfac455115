"""The gradient of a recurrent kernel as one large product after the loop, not a small one added up at each step.

At each step h goes through hU, and U's gradient is the sum over all steps of hᵀ·dz, dz being the gradient of the product.
Automatic differentiation adds these up inside the backward loop. Here the loop only writes down h and dz, and one product
over time and batch at once does the sum, in which all cores can work without waiting for each other at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .loop import over_time

__all__ = ["Recurrence", "loop_with_kernel"]


@jax.custom_vjp
def _product(h: Any, kernel: Any, probe: Any) -> Any:
    """hU, whose gradient by U is left out: `probe`, which adds nothing, brings out dz instead."""
    return h @ kernel


_product.defvjp(
    lambda h, kernel, probe: (h @ kernel, kernel),
    lambda kernel, dz: (dz @ kernel.T, jnp.zeros_like(kernel), dz),
)


class Recurrence(NamedTuple):
    """What the state goes through at each step, read from the weights once before the loop.

    ``recurrence(h)`` is hU + b for all gates, h multiplied by each gate's dropout mask first.
    """

    kernel: Any  # U: (units, gates · units)
    bias: Any = None  # (gates · units,), None without
    masks: Any = None  # one (batch, units) for each gate, None without dropout
    probe: Any = None  # (batch, gates · units) zeros, whose gradient is dz; None: the inputs' projection serves
    used: Any = None  # the list of what was multiplied, each with its columns of U

    def __call__(self, h: Any, first: int = 0, last: int | None = None, count: int = 1) -> Any:
        """hU + b, or only the gates from `first` up to, but without, `last` of `count`."""
        width = self.kernel.shape[-1] // count
        start, stop = first * width, (count if last is None else last) * width
        if self.masks is None:
            product = self._times(h, start, stop)
        else:
            each = self.kernel.shape[-1] // len(self.masks)
            gates = range(start // each, stop // each)
            parts = [self._times(h * self.masks[g], g * each, (g + 1) * each) for g in gates]
            product = jnp.concatenate(parts, axis=-1)
        return product if self.bias is None else product + self.bias[start:stop]

    def _times(self, h: Any, start: int, stop: int) -> Any:
        kernel = self.kernel if stop - start == self.kernel.shape[-1] else self.kernel[:, start:stop]
        if self.used is None:
            return h @ kernel
        self.used.append((start, h))
        return h @ kernel if self.probe is None else _product(h, kernel, self.probe[:, start:stop])


def loop_with_kernel(
    advance: Callable[..., Any],
    recurrence: Recurrence,
    projected: Any,
    states: Any,
    mask: Any,
    sums: bool,
    **options: Any,
) -> tuple[Any, Any, Any]:
    """`over_time` of ``advance(projected, states, recurrence)``.

    Args:
        advance: a step that reads no other weights than those in `recurrence`.
        recurrence: the kernel, the bias and the dropout masks.
        projected: the projections of the inputs, (time, batch, gates · units).
        states: the first states.
        mask: (time, batch) or None.
        sums: the step uses both only in ``projected + recurrence(h)``; the gradient of the one is then that of the other.
        options: those of `over_time`.
    """
    starts: list[int] = []

    @jax.custom_vjp
    def run(recurrence: Recurrence, projected: Any, states: Any, mask: Any) -> Any:
        return over_time(partial(advance, recurrence=recurrence), projected, states, mask, **options)[:3]

    def forwards(recurrence: Recurrence, projected: Any, states: Any, mask: Any) -> Any:
        def traced(bias: Any, masks: Any, probe: Any, projected: Any, states: Any) -> Any:
            used: list[Any] = []

            def step(inputs: Any, states: Any) -> Any:
                used.clear()
                output, new = advance(inputs[0], states, Recurrence(recurrence.kernel, bias, masks, inputs[1], used))
                starts[:] = [start for start, _ in used]
                return output, new, [h for _, h in used]

            *results, multiplied = over_time(step, (projected, probe), states, mask, records=True, **options)
            return tuple(results), multiplied

        width = recurrence.kernel.shape[-1]
        probe = None if sums else jnp.zeros((*projected.shape[:2], width), projected.dtype)
        results, pull, multiplied = jax.vjp(
            traced, recurrence.bias, recurrence.masks, probe, projected, states, has_aux=True
        )
        return results, (pull, multiplied, recurrence.kernel)

    def backwards(saved: Any, given: Any) -> Any:
        pull, multiplied, kernel = saved
        bias, masks, errors, projected, states = pull(given)
        errors = projected if sums else errors
        ends = [*starts[1:], kernel.shape[-1]]
        blocks = [_summed(h, errors[..., a:b]) for h, a, b in zip(multiplied, starts, ends, strict=True)]
        gradient = jnp.concatenate(blocks, axis=-1).astype(kernel.dtype)
        return Recurrence(gradient, bias, masks), projected, states, None

    run.defvjp(forwards, backwards)
    return run(recurrence, projected, states, mask)


def _summed(h: Any, errors: Any) -> Any:
    """Σ hᵀ·dz over time and batch. As (Σ dzᵀ·h)ᵀ, whose transpose is of the small result, it is faster on CPUs."""
    a, b = errors.reshape(-1, errors.shape[-1]), h.reshape(-1, h.shape[-1])
    return lax.dot_general(a, b, (((0,), (0,)), ((), ())), preferred_element_type=jnp.float32).T
