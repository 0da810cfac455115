"""What recurrent layers compute, step by step: the gates and the states of `SimpleRNN`, `LSTM`, `GRU` and `ConvLSTM`,
and whatever people's own cells compute."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core.pure import Scope, current_scope, scope
from ...layers.base import Layer
from ...layers.recurrent.cell import hoistable, hoists
from ...layers.recurrent.conv_lstm import ConvLSTMCell
from ...layers.recurrent.dropout_masks import same_masks
from ...layers.recurrent.gru import GRUCell
from ...layers.recurrent.loop import over_time
from ...layers.recurrent.lstm import LSTMCell
from ...layers.recurrent.simple_rnn import SimpleRNNCell
from ...layers.signatures import call_parameters
from .capture import Call, is_float
from .replays import Tap
from .steps import Step, Steps
from .twins import twin_of

__all__ = ["has_gates", "steps"]


def has_gates(call: Call) -> bool:
    """Whether the steps of the layer's cells can be shown: all but those on several sequences at once."""
    return not isinstance(call.args[0], (list, tuple, dict)) and isinstance(getattr(call.layer, "cell", None), Layer)


def steps(call: Call, tap: Tap) -> Any:
    """A recurrent layer with the gates and states of every step."""
    layer = call.layer
    if not hasattr(layer.cell, "cells"):
        cell = _watched(layer.cell, tap, "")
    else:
        cells = [_watched(inner, tap, f"cell {i}: ") for i, inner in enumerate(layer.cell.cells)]
        cell = twin_of(layer.cell, cells=cells)
    training = call.training if isinstance(cell, _Loop) else None  # otherwise the layer itself sees to that
    with same_masks(layer.cell, training):
        return twin_of(layer, cell=cell).call(*call.args, **call.kwargs)


def _watched(cell: Any, tap: Tap, prefix: str) -> Any:
    """A twin of the cell whose loop hands everything to the tap."""
    found = _advance_of(cell)
    if found is None:
        return _Loop(cell, tap, prefix) if isinstance(cell, Layer) else cell
    advance, quantities = found

    def loop(sequences: Any, states: Any, mask: Any, training: Any, **options: Any) -> tuple[Any, Any, Any]:
        masks, recurrent_masks = cell._masks(sequences[0], states[0], training)
        projected, recurrence = _projected(cell, sequences, masks), cell.recurrence(recurrent_masks)
        (batch, *sizes), time = states[0].shape, len(projected)
        probes = {
            name: jnp.swapaxes(tap.ahead(prefix + name, (batch, time, *sizes), projected.dtype), 0, 1)
            for name in quantities
        }

        def step(given: Any, states: Any) -> Any:
            x, probe = given
            seen: dict[str, Any] = {}

            def through(name: str, value: Any) -> Any:
                seen[name] = value + probe[name]
                return seen[name]

            output, new = advance(cell, x, states, recurrence, through)
            return {"output": output, **seen}, new

        wanted = options.pop("all_outputs", True)
        last, outputs, states = over_time(step, (projected, probes), states, mask, all_outputs=True, **options)
        for name, (symbol, meaning) in quantities.items():
            tap.note(prefix + name, symbol, meaning, jnp.swapaxes(outputs[name], 0, 1), _axes(len(sizes)))
        return last["output"], outputs["output"] if wanted else None, states

    return twin_of(cell, loop=loop)


def _axes(sizes: int) -> tuple[str, ...]:
    return ("step", *("",) * (sizes - 1), "unit") if sizes else ("step",)


def _projected(cell: Any, sequences: Any, masks: Any) -> Any:
    """What a cell makes of the inputs of all steps."""
    if not isinstance(cell, ConvLSTMCell):
        return cell.project(sequences, masks)
    time, batch = sequences.shape[:2]
    masks = None if masks is None else [jnp.tile(m, (time, *(1,) * (m.ndim - 1))) for m in masks]
    images = cell.project(sequences.reshape(time * batch, *sequences.shape[2:]), masks)
    return images.reshape(time, batch, *images.shape[1:])


class _Loop:
    """Stands in the place of any cell, and takes its steps apart.

    Args:
        cell: the cell.
        tap: takes what each operation gives, at all steps together.
        prefix: of the names.
    """

    def __init__(self, cell: Any, tap: Tap, prefix: str):
        self.cell, self.tap, self.prefix = cell, tap, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cell, name)

    @hoistable
    def call(self, inputs: Any, states: Any) -> Any:
        """One step."""
        return self.cell(inputs, states)

    def loop(self, sequences: Any, states: Any, mask: Any, training: Any, **options: Any) -> tuple[Any, Any, Any]:
        """All steps, as `RecurrentCell.loop`."""
        cell, tap, prefix = self.cell, self.tap, self.prefix
        names = call_parameters(type(cell)).names
        arguments = {"training": training} if "training" in names else {}
        structure = jax.tree.structure((sequences, states))
        several = len(jax.tree.leaves(states)) > 1
        labels = [names[0], *(f"{names[1]}[{i}]" if several else names[1] for i in range(structure.num_leaves - 1))]

        def compute(x: Any, states: Any, through: Any) -> Any:
            arrays = jax.tree.leaves((x, states))

            def one(arrays: Any) -> Any:
                x, states = jax.tree.unflatten(structure, arrays)
                return cell(x, states, **arguments)

            frame = current_scope()
            known = [(frame.read(v), v.name) for v in cell.variables] if frame is not None else []
            return Steps(one, arrays, labels, known).run(arrays, through)[0]

        batch = len(jax.tree.leaves(states)[0])

        def look(x: Any, states: Any) -> Any:
            seen: dict[str, Any] = {}

            def through(step: Step, value: Any) -> Any:
                if value.shape[:1] == (batch,):
                    seen[step.name], told[step.name] = value, (step.symbol, step.meaning)
                return value

            with _apart():
                compute(x, states, through)
            return seen

        told: dict[str, tuple[str, str]] = {}
        like = jax.eval_shape(look, sequences[0], states)
        time = len(sequences)
        probes = {
            name: jnp.swapaxes(tap.ahead(prefix + name, (batch, time, *a.shape[1:]), a.dtype), 0, 1)
            for name, a in like.items()
            if is_float(a)
        }

        def step(given: Any, states: Any) -> Any:
            x, probe = given
            seen: dict[str, Any] = {}

            def through(step: Step, value: Any) -> Any:
                if step.name in like:
                    seen[step.name] = value = value + probe[step.name] if step.name in probe else value
                return value

            output, new = compute(x, states, through)
            return {"output": output, "seen": seen}, new

        wanted = options.pop("all_outputs", True)
        variables = [v for v in cell.variables if not v.born_trainable]
        last, outputs, states = over_time(
            step, (sequences, probes), states, mask, all_outputs=True, variables=variables, **options
        )
        for name, (symbol, meaning) in told.items():
            value = jnp.swapaxes(outputs["seen"][name], 0, 1)
            tap.note(prefix + name, symbol, meaning, value, _axes(value.ndim - 2))
        return last["output"], outputs["output"] if wanted else None, states


def _apart() -> Any:
    """A scope that begins as the present one is, and leaves it as it is."""
    frame, now = Scope(closed=False), current_scope()
    while now is not None:
        frame.values = now.values | frame.values
        now = getattr(now, "outer", None)
    return scope(frame)


def _simple(cell: Any, x: Any, states: Any, recurrence: Any, through: Any) -> Any:
    z = through("sum", x + recurrence(states[0]))
    h = through("state", cell.activation(z))
    return h, [h]


def _long_short(cell: Any, x: Any, states: Any, recurrence: Any, through: Any) -> Any:
    h, c = states
    parts = jnp.split(x + recurrence(h), 4, axis=cell._channel_axis if isinstance(cell, ConvLSTMCell) else -1)
    i, f, g, o = (
        through(f"{n} sum", z) for n, z in zip(("input", "forget", "candidate", "output"), parts, strict=True)
    )
    i = through("input gate", cell.recurrent_activation(i))
    f = through("forget gate", cell.recurrent_activation(f))
    g = through("candidate", cell.activation(g))
    o = through("output gate", cell.recurrent_activation(o))
    c = through("cell state", f * c + i * g)
    h = through("state", o * cell.activation(c))
    return h, [h, c]


def _gated(cell: Any, x: Any, states: Any, recurrence: Any, through: Any) -> Any:
    (h,) = states
    x_z, x_r, x_h = jnp.split(x, 3, axis=-1)
    if cell.reset_after:
        h_z, h_r, h_h = jnp.split(recurrence(h), 3, axis=-1)
    else:
        (h_z, h_r), h_h = jnp.split(recurrence(h, 0, 2, 3), 2, axis=-1), None
    z = through("update gate", cell.recurrent_activation(through("update sum", x_z + h_z)))
    r = through("reset gate", cell.recurrent_activation(through("reset sum", x_r + h_r)))
    past = r * h_h if cell.reset_after else recurrence(r * h, 2, 3, 3)
    new = through("candidate", cell.activation(through("candidate sum", x_h + past)))
    h = through("state", z * h + (1 - z) * new)
    return h, [h]


_SUMS = "x·W + h·U + b of the {} at each step"
_SIMPLE = {
    "sum": ("z", "x·W + h·U + b at each step, before the activation"),
    "state": ("h", "the state after each step, φ(z); the next step begins with it"),
}
_LONG_SHORT = {
    "input sum": ("zᵢ", _SUMS.format("input gate")),
    "forget sum": ("z_f", _SUMS.format("forget gate")),
    "candidate sum": ("z_g", _SUMS.format("candidate")),
    "output sum": ("zₒ", _SUMS.format("output gate")),
    "input gate": ("i", "σ(zᵢ): how much of the candidate enters the cell, 0 to 1"),
    "forget gate": ("f", "σ(z_f): how much of the cell is kept, 0 to 1"),
    "candidate": ("g", "φ(z_g): what could enter the cell"),
    "output gate": ("o", "σ(zₒ): how much of the cell is shown, 0 to 1"),
    "cell state": ("c", "the memory after each step, f·c + i·g"),
    "state": ("h", "what is shown of the memory after each step, o·φ(c)"),
}
_GATED = {
    "update sum": ("z_z", _SUMS.format("update gate")),
    "reset sum": ("z_r", _SUMS.format("reset gate")),
    "candidate sum": ("z_h", "x·W + b with what the reset gate lets through of the state, at each step"),
    "update gate": ("z", "σ(z_z): how much of the old state stays, 0 to 1"),
    "reset gate": ("r", "σ(z_r): how much of the old state the candidate sees, 0 to 1"),
    "candidate": ("ĥ", "φ(z_h): what could become the state"),
    "state": ("h", "the state after each step, z·h + (1 − z)·ĥ"),
}


def _advance_of(cell: Any) -> tuple[Any, dict[str, tuple[str, str]]] | None:
    """A step of the cell with its parts by name, and what they are; None for unknown cells."""
    if not hoists(cell):
        return None
    table = {
        SimpleRNNCell.advance: (_simple, _SIMPLE),
        LSTMCell.advance: (_long_short, _LONG_SHORT),
        GRUCell.advance: (_gated, _GATED),
        ConvLSTMCell.advance: (_long_short, _LONG_SHORT),
    }
    return table.get(type(cell).advance)
