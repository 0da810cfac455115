"""Models made anew from the configuration of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import serialization
from ..core.errors import ArgumentError
from ..losses import Loss
from ..metrics import Metric
from ..ops import symbolic
from ..ops.operation import Operation
from ..optimizers import Optimizer
from .model import Model

__all__ = ["clone_model", "compile_arguments", "custom_objects_of", "duplicate", "fresh_copy"]


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model with the same layers and fresh weights.

    Args:
        model: a functional or Sequential model, or one whose class describes itself by `get_config`.
        input_tensors: symbolic tensors to begin the clone with.
        clone_function: makes each layer's copy; None: from its configuration. Inputs are always copied.
        call_function: ``(layer, *args, **kwargs) → outputs``, called in place of each copy; functional models only.
        recursive: whether `clone_function` and `call_function` also see the layers of models inside, instead of
            `clone_function` seeing these models as layers.

    Raises:
        ArgumentError: not a model, or arguments that this kind of model does not take.

    >>> from ranvier import Sequential, layers
    >>> model = Sequential([layers.Input((2,)), layers.Dense(3)])
    >>> clone_model(model).count_params()
    9
    """
    cache = kwargs.pop("cache", {})
    if kwargs:
        raise ArgumentError(f"clone_model has no argument {', '.join(map(repr, kwargs))}.")
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model takes a model. Received: {model!r} of type {type(model).__name__}")
    chain, graph = hasattr(model, "_chain"), model.graph is not None
    if call_function is not None and (chain or not graph):
        raise ArgumentError(
            "call_function is for functional models: other models do not call their layers when they are made. "
            f"Received: a model of type {type(model).__name__}"
        )
    if not chain and not graph:
        if clone_function is not None or input_tensors is not None:
            raise ArgumentError("A subclassed model has no graph: clone it without input_tensors and clone_function.")
        return _from_config(model)
    if clone_function is None and input_tensors is None and call_function is None:
        return _from_config(model)
    return _Cloning(clone_function or _from_config, call_function or _plain_call, recursive, cache).of(
        model, input_tensors
    )


def _from_config(layer: Any) -> Any:
    with serialization.custom_object_scope(custom_objects_of(layer)):
        return type(layer).from_config(layer.get_config())


def _plain_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **kwargs)


class _Cloning:
    """One run of `clone_model`: how layers are copied and called, and the copies so far."""

    def __init__(self, copy: Callable[[Any], Any], call: Callable[..., Any], recursive: bool, cache: dict[int, Any]):
        self.copy = copy
        self.call = call
        self.recursive = recursive
        self.cache = cache

    def of(self, model: Model, input_tensors: Any) -> Any:
        """The clone of a functional or Sequential model."""
        return self._chain(model, input_tensors) if hasattr(model, "_chain") else self._graph(model, input_tensors)

    def _layer(self, layer: Any) -> Any:
        if id(layer) not in self.cache:
            opens = (
                self.recursive and isinstance(layer, Model) and (layer.graph is not None or hasattr(layer, "_chain"))
            )
            self.cache[id(layer)] = self.of(layer, None) if opens else self.copy(layer)
        return self.cache[id(layer)]

    def _chain(self, model: Any, input_tensors: Any) -> Any:
        begin = model._input_layer
        first = [input_tensors] if input_tensors is not None else [_from_config(begin)] if begin is not None else []
        return type(model)([*first, *(self._layer(layer) for layer in model.layers)], name=model.name)

    def _graph(self, model: Any, input_tensors: Any) -> Any:
        def call(operation: Any, args: Any, kwargs: Any) -> Any:
            if not hasattr(operation, "get_config"):  # a function of ops
                return operation(*args, **kwargs)
            return self.call(self._layer(operation), *args, **kwargs)

        if input_tensors is None:
            starts = [_from_config(t._keras_history.operation) for t in model.inputs]
            input_tensors = [layer._inbound_nodes[0].output_tensors[0] for layer in starts]
        inputs = symbolic.flatten(input_tensors)
        results, given = iter(model.graph.run(inputs, call)), iter(inputs)
        outputs = symbolic.rebuild(model._outputs_struct, lambda _: next(results))
        return Model(symbolic.rebuild(model._inputs_struct, lambda _: next(given)), outputs, name=model.name)


def custom_objects_of(model: Any) -> dict[str, Any]:
    """The classes and functions by name that a model's configuration names and that are not ranvier's own."""
    described: list[Any] = [*model._flatten_layers()]
    described += [
        operation for layer in described if (graph := getattr(layer, "graph", None)) for operation in graph.operations
    ]
    for layer in described[:]:
        described += [v for v in vars(layer).values() if callable(v) and hasattr(v, "__name__")]
    if getattr(model, "compiled", False):
        described += [model.optimizer, *symbolic.flatten(list(model._given_to_compile.values()))]
    found: dict[str, Any] = {}
    for thing in described:
        kind = type(thing) if isinstance(thing, (Operation, Loss, Metric, Optimizer)) else thing
        if callable(kind) and hasattr(kind, "__name__") and not serialization.is_builtin(kind):  # type: ignore[arg-type]
            found[serialization.get_registered_name(kind)] = found[kind.__name__] = kind
    return found


def fresh_copy(model: Any) -> Any:
    """A model with the same layers, fresh weights, compiled as the original was, with a fresh optimizer."""
    copy = clone_model(model)
    if model.compiled:
        copy.compile(**compile_arguments(model))
    return copy


def compile_arguments(model: Any) -> dict[str, Any]:
    """What `compile` was given, with a fresh optimizer and fresh metrics."""
    given = dict(model._given_to_compile)
    given["optimizer"] = type(model.optimizer).from_config(model.optimizer.get_config())
    for name in ("metrics", "weighted_metrics"):
        given[name] = symbolic.rebuild(given[name], _fresh_metric)
    return given


def _fresh_metric(metric: Any) -> Any:
    return type(metric).from_config(metric.get_config()) if isinstance(metric, Metric) else metric


def duplicate(model: Any) -> Any:
    """A model with the same layers and its own copies of all state: weights, seeds, optimizer."""
    copy = fresh_copy(model)
    if model.built and not copy.built and (shapes := model.get_build_config()):
        copy.build_from_config(shapes)
    if len(copy.variables) != len(model.variables):
        raise ArgumentError(
            f"Model '{model.name}' cannot be copied: its configuration makes {len(copy.variables)} variables, it has "
            f"{len(model.variables)}. Its class must describe itself by get_config and build."
        )
    pairs = list(zip(model.variables, copy.variables, strict=True))
    if model.compiled and model.optimizer is not None and model.optimizer.built:
        copy.optimizer.build(copy.trainable_variables)
        pairs += zip(model.optimizer.variables, copy.optimizer.variables, strict=True)
    for source, target in pairs:
        target.assign(source.stored_value())
    return copy
