"""`RNN`: a cell repeated over time."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import serialization
from ...core.errors import ArgumentError, ShapeError
from ...core.variables import Variable, autocast_scope
from ...ops import symbolic
from ...ops.meaning.recurrence import zeros
from ...ops.meaning.shaping import flip
from ..base import Layer
from ..signatures import call_parameters
from .cell import hoists
from .dropout_masks import same_masks
from .loop import over_time, time_major
from .stacked import StackedRNNCells

__all__ = ["RNN", "run_cell"]


class RNN(Layer):
    """A cell applied to one time step after the other.   (batch, time, ...) → (batch, ...) or (batch, time, ...)

    Args:
        cell: a cell, or a list of cells that are stacked. A cell is a layer with a `state_size` (an integer, or a list
            of them, one for each state), a ``call(inputs, states)`` that returns ``(output, new states)``, `training`
            among its parameters if it wants it, and, if its states do not begin as zeros of (batch, size), a
            ``get_initial_state(batch_size)``.
        return_sequences: return the outputs of all steps, not only the last one.
        return_state: also return the last states.
        go_backwards: go through time from the end; outputs come in the order in which they were made.
        stateful: begin each batch with the states in which the last one ended; needs a fixed batch size.
        unroll: write the steps out one after another, for short sequences.
        zero_output_for_mask: the outputs of masked steps are zeros instead of the output before.

    Raises:
        ArgumentError: a cell without `call` or `state_size`.

    >>> import numpy as np
    >>> from ranvier.layers import LSTMCell
    >>> RNN([LSTMCell(4), LSTMCell(3)], return_sequences=True)(np.ones((2, 5, 6), "float32")).shape
    (2, 5, 3)
    """

    not_owned = Layer.not_owned | {"states"}
    states: Any

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(list(cell))
        if not callable(getattr(cell, "call", None)):
            raise ArgumentError(f"cell must have a `call(inputs, states)` method. Received: cell={cell!r}")
        if not hasattr(cell, "state_size"):
            raise ArgumentError(
                "cell must have a `state_size`: an integer, or a list of them, one for each state. "
                f"Received: cell={cell!r}"
            )
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = bool(unroll)
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.supports_masking = True
        self.states = None

    @property
    def state_size(self) -> Any:
        """The cell's `state_size`."""
        return self.cell.state_size

    @property
    def single_state(self) -> bool:
        """Whether the cell has one state, given as an integer."""
        return isinstance(self.state_size, int)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described; `custom_objects` holds the classes of a user's cells, by name."""
        with serialization.custom_object_scope(custom_objects or {}):
            return super().from_config(config)

    # --- building ---------------------------------------------------------------------------------------------------

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell for one time step, and make the kept states if there are any."""
        shapes = symbolic.flatten(jax.tree.map(_Shape, sequences_shape, is_leaf=_is_shape))
        batch, time = shapes[0].sizes[:2]
        if self.unroll and time is None:
            raise ShapeError(
                f"Layer '{self.name}' has unroll=True, so the number of time steps must be known. "
                f"Received: shape {sequences_shape}"
            )
        if isinstance(self.cell, Layer) and not self.cell.built:
            step = jax.tree.map(lambda s: (s[0], *s[2:]), sequences_shape, is_leaf=_is_shape)
            self.cell.build(step)
            if not serialization.is_builtin(type(self.cell)):
                self._rehearse(step)
        if self.stateful:
            self._make_states(sequences_shape, batch)

    def _rehearse(self, step: Any) -> None:
        """One step without numbers: layers that a user's cell builds when first called are built before the loop."""
        cell = self.cell
        inputs = jax.tree.map(lambda s: symbolic.KerasTensor(s, cell.compute_dtype), step, is_leaf=_is_shape)
        spec = jax.eval_shape(lambda: self.get_initial_state(2))
        states = jax.tree.map(lambda s: symbolic.KerasTensor((step_batch(step), *s.shape[1:]), s.dtype), spec)
        cell.compute_output_spec(inputs, states)

    def _make_states(self, sequences_shape: Any, batch: int | None) -> None:
        if batch is None:
            raise ShapeError(
                f"Layer '{self.name}' is stateful, so the batch size must be known: give Input(batch_shape=...) or "
                f"Input(shape, batch_size=...). Received: shape {sequences_shape}"
            )
        self.states = jax.tree.map(self._make_state, jax.eval_shape(lambda: self.get_initial_state(batch)))

    def _make_state(self, like: Any) -> Variable:
        zeros = np.zeros(like.shape, "float32")
        return Variable(zeros, dtype=self.variable_dtype, trainable=False, name="rnn_state")

    def _unsaved_variables(self) -> list[Variable]:
        """The kept states too: they go through compiled training, but no file holds them."""
        return super()._unsaved_variables() + symbolic.flatten(self.states)

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states before the first step: the cell's, or zeros."""
        if hasattr(self.cell, "get_initial_state"):
            states = self.cell.get_initial_state(batch_size=batch_size)
        else:
            sizes = self.state_size if isinstance(self.state_size, (list, tuple)) else [self.state_size]
            dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
            states = [zeros((batch_size, *(n if isinstance(n, (list, tuple)) else (n,))), dtype) for n in sizes]
        return list(states) if isinstance(states, (list, tuple)) else [states]

    # --- calling ----------------------------------------------------------------------------------------------------

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        """The last output, or all; after it the last states, if asked for.

        Args:
            sequences: (batch, time, ...).
            initial_state: the states before the first step; None: zeros, or the kept ones of a stateful layer.
            mask: (batch, time), False where a step is padding.
            training: passed on to the cell.
        """
        if symbolic.flatten(sequences)[0].shape[1] == 0:
            raise ShapeError(f"Layer '{self.name}' takes sequences of at least one step. Received: none")
        states = self._first_states(sequences, initial_state)
        last, outputs, states = self.inner_loop(sequences, states, mask, training)
        if self.stateful:
            jax.tree.map(lambda variable, value: variable.assign(value), self.states, states)
        output = outputs if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """The last output, all outputs (None unless `return_sequences`) and the last states."""
        xs = time_major(sequences)
        kept = None
        if mask is not None:  # of samples, (batch,), where a layer around this one took their time steps apart
            mask = jnp.asarray(mask, bool)
            kept = time_major(
                jnp.broadcast_to(mask.reshape(mask.shape[0], -1), symbolic.flatten(sequences)[0].shape[:2])
            )
        if self.go_backwards:
            xs, kept = jax.tree.map(lambda a: flip(a, 0), (xs, kept))
        with same_masks(self.cell, training):
            last, outputs, states = run_cell(
                self.cell, xs, initial_state, kept, training, zero_output_for_mask=self.zero_output_for_mask,
                unroll=self.unroll, all_outputs=self.return_sequences,
            )  # fmt: skip
        return last, None if outputs is None else time_major(outputs), states

    def _first_states(self, sequences: Any, initial_state: Any) -> Any:
        batch = symbolic.flatten(sequences)[0].shape[0]
        if initial_state is not None:
            return self._checked_states(initial_state, batch)
        if not self.stateful:
            return self.get_initial_state(batch)
        size = symbolic.flatten(self.states)[0].shape[0]
        if size != batch:
            raise ShapeError(
                f"Layer '{self.name}' is stateful with a batch size of {size}. Received: a batch of {batch}"
            )
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        return jax.tree.map(lambda v: v.value.astype(dtype), self.states)

    def _checked_states(self, given: Any, batch: int) -> Any:
        """States that a caller gave, nested as the cell's are."""
        wanted = jax.eval_shape(lambda: self.get_initial_state(batch))
        leaves, expected = symbolic.flatten(given), jax.tree.leaves(wanted)
        shapes, right = [tuple(a.shape) for a in leaves], [a.shape for a in expected]
        if shapes != right:
            raise ShapeError(
                f"Layer '{self.name}': initial_state must hold {len(right)} tensor(s) of shapes {right}. "
                f"Received: {len(shapes)} of shapes {shapes}"
            )
        cast = [jnp.asarray(a, e.dtype) for a, e in zip(leaves, expected, strict=True)]
        return jax.tree.unflatten(jax.tree.structure(wanted), cast)

    def compute_mask(self, _: Any, mask: Any) -> Any:  # type: ignore[override]
        """The mask goes on with sequences; states have none."""
        mask = mask if self.return_sequences else None
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        return [mask, *(None for _ in symbolic.flatten(self.state_size))] if self.return_state else mask

    # --- kept states ------------------------------------------------------------------------------------------------

    def reset_state(self) -> None:
        """Set the kept states of a stateful layer to zeros."""
        for variable in symbolic.flatten(self.states):
            variable.assign(np.zeros(variable.shape, "float32"))

    def reset_states(self) -> None:
        """`reset_state`, by its older name."""
        self.reset_state()


def run_cell(cell: Any, xs: Any, states: Any, mask: Any, training: Any, **options: Any) -> tuple[Any, Any, Any]:
    """`over_time` of a cell: stacked cells one after another, projections of inputs before the loop.

    Args:
        cell: any cell.
        xs: (time, batch, ...), nested as the cell likes it.
        states: the first states.
        mask: (time, batch) or None.
        training: whether there is dropout.
        options: those of `over_time`.
    """
    if type(cell).call is StackedRNNCells.call:
        # What a cell does depends only on the cells below it: each can go through all of time before the next.
        last, new = None, []
        for i, (inner, its) in enumerate(zip(cell.cells, states, strict=True)):
            top = options if i == len(cell.cells) - 1 else options | {"all_outputs": True}
            last, xs, its = run_cell(inner, xs, its, mask, training, **top)
            new.append(its)
        return last, xs, new
    if hoists(cell):
        dtype = cell.compute_dtype
        with autocast_scope(dtype if cell._casts_weights() else None):
            return cell.loop(xs.astype(dtype), states, mask, training, **options)
    takes_training = isinstance(cell, Layer) and "training" in call_parameters(type(cell)).names
    arguments = {"training": training} if takes_training else {}
    variables = [v for v in cell.variables if not v.born_trainable] if isinstance(cell, Layer) else []
    step = lambda x, states: cell(x, states, **arguments)  # noqa: E731
    return over_time(step, xs, states, mask, variables=variables, **options)


class _Shape:
    """A shape as one leaf."""

    def __init__(self, sizes: Any):
        self.sizes = sizes


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(v is None or isinstance(v, int) for v in value)


def step_batch(step: Any) -> int | None:
    """The batch size in the (nested) shapes of one step."""
    return symbolic.flatten(jax.tree.map(_Shape, step, is_leaf=_is_shape))[0].sizes[0]
