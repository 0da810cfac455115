"""Models made anew from the configuration of others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core import serialization, shared_objects
from ..core.errors import ArgumentError
from ..core.trees import assert_same_structure
from ..files import keras_format
from ..files.places import held
from ..metrics import Metric
from ..ops import symbolic
from ..optimizers import Optimizer
from .functional_config import constructed
from .model import Model
from .sequential import Sequential

__all__ = [
    "clone_model", "compile_arguments", "custom_objects_of", "duplicate", "pickled", "unpickled",
]  # fmt: skip


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model with the same layers and fresh weights, compiled as the original is, with a fresh optimizer.

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
        return _compiled_like(model, _from_config(model))
    if clone_function is None and input_tensors is None and call_function is None:
        return _compiled_like(model, _from_config(model))
    cloning = _Cloning(clone_function, call_function or _plain_call, recursive, cache)
    return _compiled_like(model, cloning.of(model, input_tensors))


def _compiled_like(model: Any, copy: Any) -> Any:
    """`copy`, compiled as `model` is."""
    if not model.compiled:
        return copy
    own = type(copy)
    if all(serialization.is_builtin(_definer(own, name)) for name in ("compile", "compile_from_config")):
        copy.compile(**compile_arguments(model))
        return copy
    with serialization.collecting() as custom_objects:
        config = serialization.config_value(model.get_compile_config(), short=False)
    with serialization.custom_object_scope(custom_objects):
        copy.compile_from_config(config)
    return copy


def _definer(cls: type, method: str) -> type:
    return next(base for base in cls.__mro__ if method in vars(base))


def _from_config(layer: Any, copies: shared_objects.Copies | None = None) -> Any:
    """A copy of the layer; `copies` knows those of the layers inside that others hold, too."""
    custom_objects: dict[str, Any] = {}

    def described(layer: Any) -> Any:
        with serialization.collecting() as found:
            config = _described(layer.get_config())
        custom_objects.update(found)
        return config

    def made(config: Any) -> Any:
        with serialization.custom_object_scope(custom_objects):
            return type(layer).from_config(config)

    return (copies or shared_objects.Copies()).of(layer, described, made)


def _described(value: Any) -> Any:
    """A configuration without live objects that have configurations of their own: the copy is to have others."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_described(v) for v in value)
    if isinstance(value, dict):
        return {k: _described(v) for k, v in value.items()}
    return serialization.serialize(value) if hasattr(value, "get_config") and not isinstance(value, type) else value


def _plain_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **kwargs)


class _Cloning:
    """One run of `clone_model`: how layers are copied and called, and the copies so far."""

    def __init__(
        self, copy: Callable[[Any], Any] | None, call: Callable[..., Any], recursive: bool, cache: dict[int, Any]
    ):
        self.copy = copy or functools.partial(_from_config, copies=shared_objects.Copies())
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
        given = symbolic.flatten(input_tensors)
        if len(given) > 1:
            raise ArgumentError(f"input_tensors must be the chain's single input. Received: {len(given)} tensors")
        first = given or ([_from_config(begin)] if begin is not None else [])
        layers = [*first, *(self._layer(layer) for layer in model.layers)]
        kind = type(model) if type(model).__init__ is Sequential.__init__ else Sequential
        return kind(layers, trainable=model.trainable, name=model.name)

    def _graph(self, model: Any, input_tensors: Any) -> Any:
        def call(operation: Any, args: Any, kwargs: Any) -> Any:
            if not hasattr(operation, "get_config"):  # a function of ops
                return operation(*args, **kwargs)
            return self.call(self._layer(operation), *args, **kwargs)

        if input_tensors is not None and not (
            symbolic.is_symbolic(model.input) and len(symbolic.flatten(input_tensors)) == 1
        ):
            assert_same_structure(model.input, input_tensors)
        if input_tensors is None:
            starts = [_from_config(t._keras_history.operation) for t in model.inputs]
            input_tensors = [layer._inbound_nodes[0].output_tensors[0] for layer in starts]
        inputs = symbolic.flatten(input_tensors)
        results, given = iter(model.graph.run(inputs, call)), iter(inputs)
        outputs = symbolic.rebuild(model._outputs_struct, lambda _: next(results))
        again = symbolic.rebuild(model._inputs_struct, lambda _: next(given))
        if not model._given_graph:  # the constructor of its class makes a graph of its own
            return Model(again, outputs, name=model.name)
        with serialization.collecting() as custom_objects:
            config = _described(model.get_config())
        with serialization.custom_object_scope(custom_objects):
            return constructed(type(model), config, again, outputs)


def custom_objects_of(model: Any) -> dict[str, Any]:
    """The classes and functions by name that a model's configuration names and that are not ranvier's own."""
    with serialization.collecting() as found:
        _described(model.get_config())
    return found


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
    copy = clone_model(model)
    if model.built and not copy.built and (shapes := model.get_build_config()):
        copy.build_from_config(shapes)
    if len(copy.variables) != len(model.variables):
        raise ArgumentError(
            f"Model '{model.name}' cannot be copied: its configuration makes {len(copy.variables)} variables, it has "
            f"{len(model.variables)}. Its class must describe itself by get_config and build."
        )
    pairs = list(zip(model.variables, copy.variables, strict=True))
    if copy.compiled and model.optimizer is not None and model.optimizer.built:
        copy.optimizer.build(copy.trainable_variables)
        pairs += zip(model.optimizer.variables, copy.optimizer.variables, strict=True)
    for mine, other in zip(model._layers_metrics(), copy._layers_metrics(), strict=False):
        pairs += zip(mine.variables, other.variables, strict=False)  # of metrics that layers hold
    for source, target in pairs:
        target.assign(source.stored_value())
    for source, target in zip(_held_optimizers(model), _held_optimizers(copy), strict=True):
        state: dict[str, Any] = {}
        source.save_own_variables(state)
        target.take(state)
    return copy


def _held_optimizers(model: Any) -> list[Any]:
    """The optimizers that attributes hold, beside the one that the model is compiled with."""
    return [one.owner for one in held(model) if isinstance(one.owner, Optimizer) and one.owner is not model.optimizer]


def pickled(model: Any) -> tuple[bytes, dict[str, Any], list[Any]]:
    """A model as its ``.keras`` file, the classes and functions of others that it names, and the states of its seeds."""
    with serialization.collecting() as custom_objects:
        content = keras_format.model_bytes(model)
    return content, custom_objects, [v.numpy() for v in _unsaved(model)]


def unpickled(content: bytes, custom_objects: dict[str, Any], seeds: list[Any]) -> Any:
    """The model that `pickled` took apart; its file goes through the checks that every file goes through.

    Raises:
        SerializationError: `content` is no ``.keras`` file that may be read.
    """
    model = keras_format.model_of_bytes(content, custom_objects)
    unsaved = _unsaved(model)
    if len(unsaved) == len(seeds):
        for variable, value in zip(unsaved, seeds, strict=True):
            variable.assign(value)
    return model


def _unsaved(model: Any) -> list[Any]:
    saved = {id(v) for v in model.weights}
    return [v for v in model.variables if id(v) not in saved]
