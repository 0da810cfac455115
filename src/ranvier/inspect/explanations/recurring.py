"""What recurrent layers compute, step by step: the gates and the states of `SimpleRNN`, `LSTM` and `GRU`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...layers.recurrent.cell import hoists
from ...layers.recurrent.gru import GRUCell
from ...layers.recurrent.loop import over_time
from ...layers.recurrent.lstm import LSTMCell
from ...layers.recurrent.simple_rnn import SimpleRNNCell
from .capture import Call
from .replays import Tap
from .twins import twin_of

__all__ = ["has_gates", "steps"]


def has_gates(layer: Any) -> bool:
    """Whether the layer's cell (or one of those that are stacked) is one whose gates can be shown."""
    cell = getattr(layer, "cell", None)
    return any(_advance_of(inner) is not None for inner in getattr(cell, "cells", [cell]))


def steps(call: Call, tap: Tap) -> Any:
    """A recurrent layer with the gates and states of every step."""
    layer = call.layer
    if not hasattr(layer.cell, "cells"):
        cell = _watched(layer.cell, tap, "")
    else:
        cells = [_watched(inner, tap, f"cell {i}: ") for i, inner in enumerate(layer.cell.cells)]
        cell = twin_of(layer.cell, cells=cells)
    return twin_of(layer, cell=cell).call(*call.args, **call.kwargs)


def _watched(cell: Any, tap: Tap, prefix: str) -> Any:
    """A twin of the cell whose loop hands everything to the tap."""
    found = _advance_of(cell)
    if found is None:
        return cell
    advance, quantities = found

    def loop(sequences: Any, states: Any, mask: Any, training: Any, **options: Any) -> tuple[Any, Any, Any]:
        masks, recurrent_masks = cell._masks(sequences[0], states[0], training)
        projected, recurrence = cell.project(sequences, masks), cell.recurrence(recurrent_masks)
        time, batch = projected.shape[:2]
        probes = {
            name: jnp.swapaxes(tap.ahead(prefix + name, (batch, time, cell.units), projected.dtype), 0, 1)
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
            tap.note(prefix + name, symbol, meaning, jnp.swapaxes(outputs[name], 0, 1), ("step", "unit"))
        return last["output"], outputs["output"] if wanted else None, states

    return twin_of(cell, loop=loop)


def _simple(cell: Any, x: Any, states: Any, recurrence: Any, through: Any) -> Any:
    z = through("sum", x + recurrence(states[0]))
    h = through("state", cell.activation(z))
    return h, [h]


def _long_short(cell: Any, x: Any, states: Any, recurrence: Any, through: Any) -> Any:
    h, c = states
    parts = jnp.split(x + recurrence(h), 4, axis=-1)
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
    }
    return table.get(type(cell).advance)
