"""Whether a model computes each row of a batch from that row alone, so that batches may be filled up."""

from __future__ import annotations

import types
from typing import Any

from ..layers.base import Layer
from .step import overridden

__all__ = ["is_rowwise"]


def is_rowwise(model: Any) -> bool:
    """Whether `predict` may add rows to a batch of `model`: the other rows' outputs stay the same, and no state moves.

    True only for what is known: models with a graph made of ranvier's own layers, without functions or methods of the
    user's, without an axis that is the batch's, without batch statistics, and for batches of any size.
    """
    if getattr(model, "graph", None) is None or overridden(model, "predict_step") is not None:
        return False
    if any(t.shape[0] is not None for t in (*model.inputs, *model.outputs)):
        return False
    return all(_is_known(layer) for layer in model._flatten_layers())


def _is_known(layer: Any) -> bool:
    methods = (type(layer).call, type(layer).__call__, *(v for v in vars(layer).values() if _is_function(v)))
    if not all((getattr(m, "__module__", None) or "").startswith("ranvier.") for m in methods):
        return False
    if getattr(layer, "stateful", False):
        return False
    if any(_has_first_axis(getattr(layer, name, None)) for name in ("axis", "axes")):
        return False
    graph = getattr(layer, "graph", None)
    return graph is None or all(
        isinstance(node.operation, Layer) and not node.kwargs.get("training") for node in graph.nodes
    )


def _is_function(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType))


def _has_first_axis(axis: Any) -> bool:
    return any(_has_first_axis(a) for a in axis) if isinstance(axis, (tuple, list)) else type(axis) is int and axis == 0
