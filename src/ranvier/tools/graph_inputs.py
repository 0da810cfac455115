"""Which inputs a symbolic tensor was computed from."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentTypeError
from ..ops.symbolic import KerasTensor

__all__ = ["get_source_inputs"]


def get_source_inputs(tensor: Any) -> list[KerasTensor]:
    """The `Input` tensors that `tensor` depends on, each once, in the order in which they are met.

    Raises:
        ArgumentTypeError: no symbolic tensor.
    """
    if not isinstance(tensor, KerasTensor):
        raise ArgumentTypeError(f"tensor must be symbolic: the result of Input() or of a layer. Received: {tensor!r}")
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        now = waiting.pop()
        if id(now) in seen:
            continue
        seen.add(id(now))
        history = getattr(now, "_keras_history", None)
        node = None if history is None else history.operation._inbound_nodes[history.node_index]
        if node is None or node.is_input or not node.input_tensors:
            found[id(now)] = now
        else:
            waiting += reversed(node.input_tensors)
    return list(found.values())
