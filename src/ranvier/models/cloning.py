"""Models made anew from the configuration of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..core import serialization
from ..core.errors import ArgumentError
from ..ops import symbolic
from .model import Model

__all__ = ["clone_model", "model_from_json"]


def clone_model(model: Model, input_tensors: Any = None, clone_function: Callable[[Any], Any] | None = None) -> Any:
    """A model with the same layers and fresh weights.

    Args:
        model: a functional or Sequential model, or one whose class describes itself by `get_config`.
        input_tensors: symbolic tensors to begin the clone with.
        clone_function: makes each layer's copy; None: from its configuration.
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model takes a model. Received: {model!r} of type {type(model).__name__}")
    if clone_function is None and input_tensors is None:
        return type(model).from_config(model.get_config())
    copy = clone_function or (lambda layer: type(layer).from_config(layer.get_config()))
    if hasattr(model, "_chain"):
        begin = getattr(model, "_input_layer", None)
        first = [input_tensors] if input_tensors is not None else [begin] if begin is not None else []
        return type(model)([*first, *(copy(layer) for layer in model.layers)], name=model.name)
    if model.graph is None:
        raise ArgumentError("A subclassed model has no graph: clone it without input_tensors and clone_function.")
    copies: dict[int, Any] = {}

    def call(operation: Any, args: Any, kwargs: Any) -> Any:
        if not hasattr(operation, "get_config"):
            return operation(*args, **kwargs)
        if id(operation) not in copies:
            copies[id(operation)] = copy(operation)
        return copies[id(operation)](*args, **kwargs)

    if input_tensors is None:
        starts = [
            type(t._keras_history.operation).from_config(t._keras_history.operation.get_config()) for t in model.inputs
        ]
        input_tensors = [layer._inbound_nodes[0].output_tensors[0] for layer in starts]
    inputs = symbolic.flatten(input_tensors)
    results = iter(model.graph.run(inputs, call))
    outputs = symbolic.rebuild(model._outputs_struct, lambda _: next(results))
    given = iter(inputs)
    return Model(symbolic.rebuild(model._inputs_struct, lambda _: next(given)), outputs, name=model.name)


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """The model, with fresh weights, that ``model.to_json()`` described."""
    return serialization.deserialize(json.loads(json_string), custom_objects)
