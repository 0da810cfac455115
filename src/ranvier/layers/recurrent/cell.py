"""What the cells of `SimpleRNN`, `LSTM` and `GRU` share: their weights, and a step in two halves.

`project` is the half that depends on the inputs alone. A layer computes it for all time steps at once, one large
product instead of many small ones, and its loop repeats only `advance`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax.numpy as jnp

from ... import activations, constraints, initializers, regularizers
from ...core.errors import NotDefinedError, ShapeError
from ...ops.meaning.recurrence import dense, hide, last_step, recurrent_product, shown_steps, zeros
from ..checks import positive
from .dropout_masks import DropoutMasks
from .loop import over_time

__all__ = ["Recurrence", "RecurrentCell", "hoistable", "hoists", "mirrors"]

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


def hoistable(call: F) -> F:
    """Decorator: this `call` is `project` and then `advance`, so that a loop may compute all projections before it."""
    call._hoistable = True  # type: ignore[attr-defined]
    return call


def hoists(cell: Any) -> bool:
    """Whether `cell` has the two halves, and no subclass has put another `call` in their place."""
    return getattr(getattr(type(cell), "call", None), "_hoistable", False)


class Recurrence(NamedTuple):
    """What the state goes through at each step, read from the weights once before the loop.

    ``recurrence(h)`` is hU + b for all gates, h multiplied by each gate's dropout mask first.
    """

    kernel: Any  # U: (units, gates · units)
    bias: Any = None  # (gates · units,), None without
    masks: Any = None  # one (batch, units) for each gate, None without dropout

    def __call__(self, h: Any, first: int = 0, last: int | None = None, count: int = 1) -> Any:
        """hU + b, or only the gates from `first` up to, but without, `last` of `count`."""
        return recurrent_product(h, self.kernel, self.bias, self.masks, first, last, count)


class RecurrentCell(DropoutMasks):
    """Base of cells that are a few gates over ``xW + hU + b``."""

    gates: int = 1
    units: int
    use_bias: bool
    kernel_initializer: Any
    recurrent_initializer: Any
    bias_initializer: Any

    def _set_gates(
        self, units: Any, activation: Any, use_bias: bool, kernel: Any, recurrent: Any, bias: Any, dropouts: Any
    ) -> None:
        """Keep the arguments that all cells have.

        Args:
            units, activation, use_bias: as they came.
            kernel, recurrent, bias: initializer, regularizer and constraint of each weight.
            dropouts: dropout, recurrent_dropout and seed.
        """
        self.units = positive(type(self).__name__, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        for weight, (initializer, regularizer, constraint) in {
            "kernel": kernel, "recurrent": recurrent, "bias": bias,
        }.items():  # fmt: skip
            setattr(self, f"{weight}_initializer", initializers.get(initializer))
            setattr(self, f"{weight}_regularizer", regularizers.get(regularizer))
            setattr(self, f"{weight}_constraint", constraints.get(constraint))
        self._set_dropout(*dropouts)

    @property
    def state_size(self) -> Any:
        """The sizes of the states."""
        return self.units

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def _weight(self, shape: tuple[int, ...], which: str, name: str, initializer: Any = None) -> Any:
        return self.add_weight(
            shape,
            initializer or getattr(self, f"{which}_initializer"),
            regularizer=getattr(self, f"{which}_regularizer"),
            constraint=getattr(self, f"{which}_constraint"),
            name=name,
        )

    def build(self, input_shape: Any) -> None:
        """Make W, (in, gates · units), U, (units, gates · units), and b."""
        if input_shape[-1] is None:
            raise ShapeError(
                f"Layer '{self.name}': the number of features must be known. Received: shape {tuple(input_shape)}"
            )
        width = self.gates * self.units
        self.kernel = self._weight((input_shape[-1], width), "kernel", "kernel")
        self.recurrent_kernel = self._weight((self.units, width), "recurrent", "recurrent_kernel")
        self.bias = self._bias() if self.use_bias else None

    def _bias(self) -> Any:
        return self._weight((self.gates * self.units,), "bias", "bias")

    def project(self, inputs: Any, mask: Any = None) -> Any:
        """xW + b.   (..., batch, in) → (..., batch, gates · units)"""
        x = inputs if mask is None else inputs * (mask[0] if isinstance(mask, list) else mask)
        return dense(x, self.kernel.value, None if self.bias is None else self._input_bias())

    def _input_bias(self) -> Any:
        return self.bias.value  # type: ignore[union-attr]

    def recurrence(self, masks: Any = None) -> Recurrence:
        """What the state goes through at each step."""
        masks = masks if masks is None or isinstance(masks, list) else [masks]
        return Recurrence(self.recurrent_kernel.value, None, masks)

    def advance(self, projected: Any, states: Any, recurrence: Any) -> tuple[Any, list[Any]]:
        """From the projected inputs and the states to the output and the new states: the cell's mathematics."""
        raise NotDefinedError(f"{type(self).__name__} must define advance(self, projected, states, recurrence).")

    def loop(self, sequences: Any, states: Any, mask: Any, training: Any, **options: Any) -> tuple[Any, Any, Any]:
        """All steps: the projections of all inputs at once, then `over_time` of `advance`.

        Args:
            sequences: (time, batch, in).
            states: the first states.
            mask: (time, batch) or None.
            training: whether there is dropout.
            options: those of `over_time`.
        """
        masks, recurrent_masks = self._masks(sequences[0], states[0], training)
        projected, recurrence = self.project(sequences, masks), self.recurrence(recurrent_masks)
        if recurrent_masks is None and projected.dtype in (jnp.float32, jnp.float64):
            fused = self.whole_sequence(projected, states, recurrence, mask, options.get("all_outputs", True))
            if fused is not None:
                return _with_outputs(*fused, mask, **options)
        advance = partial(self.advance, recurrence=recurrence)
        return over_time(advance, projected, states, mask, output_is_state=True, **options)

    def whole_sequence(
        self, projected: Any, states: Any, recurrence: Recurrence, mask: Any, all_outputs: bool
    ) -> tuple[list[Any], Any] | None:
        """The last states and, if asked for, the first state after every step, by an algorithm for all of `advance`.

        None where there is no such algorithm for this cell.
        """
        return None

    def _one_step(self, inputs: Any, states: Any, training: Any) -> tuple[Any, Any]:
        """One step by itself, for `call`; a single state that came without a list goes back without one."""
        several = isinstance(states, (list, tuple))
        states = list(states) if several else [states]
        masks, recurrent_masks = self._masks(inputs, states[0], training)
        output, new = self.advance(self.project(inputs, masks), states, self.recurrence(recurrent_masks))
        return output, new if several else new[0]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros for each state, (batch_size, units)."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [zeros((batch_size or 1, size), self.compute_dtype) for size in sizes]


def _with_outputs(
    states: list[Any], outputs: Any, mask: Any, all_outputs: bool = True, zero_output_for_mask: bool = False, **_: Any
) -> tuple[Any, Any, Any]:
    """The last output, all outputs and the states, as `over_time` gives them, where the outputs are a state's values."""
    if mask is None:
        return states[0], outputs, states
    # Until the first step that counts, "the output before" is zeros, whatever the first state is.
    shown = mask if zero_output_for_mask else shown_steps(mask)
    return hide(last_step(shown), states[0]), hide(shown, outputs) if all_outputs else None, states


def mirrors(cell: type) -> Callable[[C], C]:
    """Class decorator: every constructor argument of `cell` is a property that reads it from ``self.cell``."""

    def decorate(cls: C) -> C:
        for name in list(inspect.signature(cell.__init__).parameters)[1:-1]:
            setattr(cls, name, property(lambda self, name=name: getattr(self.cell, name), doc=f"The cell's `{name}`."))
        return cls

    return decorate
