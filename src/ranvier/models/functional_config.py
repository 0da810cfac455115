"""A functional model as a configuration, in Keras's spelling: its layers, and for each the calls that connect it."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from ..core import serialization, shared_objects
from ..core.errors import SerializationError
from ..layers.base import Layer
from ..ops import symbolic
from ..ops.operation import Operation
from ..ops.symbolic import KerasTensor
from .function import Function
from .graph import sources
from .operation_config import function_of, spell_call

__all__ = [
    "config_of_tensors", "constructed", "from_config_of_tensors", "functional_config", "functional_from_config",
]  # fmt: skip


def functional_config(model: Any) -> dict[str, Any]:
    """Name, layers with their calls, inputs and outputs."""
    return shared_objects.whole(lambda: _described(model))


def _described(model: Any) -> dict[str, Any]:
    graph = model.graph
    inside = {id(node) for node in graph.nodes}
    # A shared layer's calls are numbered within this model.
    numbers: dict[tuple[int, int], int] = {}
    for operation in graph.operations:
        kept = [i for i, node in enumerate(operation._inbound_nodes) if id(node) in inside]
        numbers.update({(id(operation), index): n for n, index in enumerate(kept)})

    def history(tensor: KerasTensor) -> list[Any]:
        operation, node, index = tensor._keras_history
        return [operation.name, numbers[id(operation), node] + before[id(operation)], index]

    def argument(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            config = {"shape": value.shape, "dtype": value.dtype, "keras_history": history(value)}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, tuple):
            return tuple(argument(v) for v in value)
        if isinstance(value, list):
            return [argument(v) for v in value]
        if isinstance(value, dict):
            return {k: argument(v) for k, v in value.items()}
        return serialization.serialize(value)

    def ends(structure: Any) -> Any:
        if isinstance(structure, KerasTensor):
            name, number, index = history(structure)
            return [name, number + _counts_from_one(structure._keras_history.operation), index]
        if isinstance(structure, OrderedDict) and list(structure) != sorted(structure):
            # Its order is that of the leaves, which a dict would lose. Keras does, and pairs them wrongly: it cannot read it.
            return {"class_name": "__ordered__", "config": [[k, ends(v)] for k, v in structure.items()]}
        if isinstance(structure, dict):
            return {k: ends(v) for k, v in structure.items()}
        return [ends(v) for v in structure] if isinstance(structure, list) else tuple(ends(v) for v in structure)

    layers, calls_of = [], []
    for operation in graph.operations:
        nodes = [node for node in operation._inbound_nodes if id(node) in inside]
        if isinstance(operation, Operation):
            described = serialization.serialize(operation)
            calls = [(tuple(node.args), node.kwargs) for node in nodes if node.input_tensors]
        else:
            described, *call = spell_call(nodes[0])  # a function is called once under its name
            calls = [call]
        described["name"] = operation.name
        layers.append(described)
        calls_of.append(calls)
    # A reader makes all layers first, and with them the calls of layers that models inside have, too.
    before = {id(operation): shared_objects.calls_before(operation) for operation in graph.operations}
    for operation, described, calls in zip(graph.operations, layers, calls_of, strict=True):
        shared_objects.called(operation, len(calls))
        described["inbound_nodes"] = [
            {"args": tuple(argument(a) for a in args), "kwargs": argument(kwargs)} for args, kwargs in calls
        ]
    return {
        "name": model.name,
        "trainable": getattr(model, "trainable", True),
        "layers": layers,
        "input_layers": ends(model._inputs_struct),
        "output_layers": ends(model._outputs_struct),
    }


def functional_from_config(cls: type, config: dict[str, Any], custom_objects: Any = None) -> Any:
    """The model that `functional_config` (or Keras) described.

    Raises:
        SerializationError: calls that cannot be put in an order, or functions that ranvier does not have.
    """
    with shared_objects.reading():
        made = _connected(config, custom_objects)
        inputs, outputs = _ends(config["input_layers"], made), _ends(config["output_layers"], made)
        return constructed(cls, config, inputs, outputs)


class _Called:
    """An operation with its calls in one graph; in others it may have more."""

    def __init__(self, operation: Any, calls: list[Any]):
        self.operation = operation
        self.nodes: list[Any] = [] if calls else list(operation._inbound_nodes)
        self.expected = len(calls)
        self.first = 0  # the number under which the graph knows the first of them
        self.at_ends = 0  # how much higher the numbers at the graph's ends are

    def number(self, inside: list[int], ends: list[int]) -> None:
        """Find out how the calls are counted from the numbers that arguments and the graph's ends refer to."""
        if not self.expected:
            return
        last = self.expected - 1  # which is always used
        if _counts_from_one(self.operation) and ends and min(ends) > 0:
            self.at_ends = int(max([*inside, *(n - 1 for n in ends)]) >= last)
        highest = max([*inside, *(n - self.at_ends for n in ends)], default=0)
        self.first = max(0, highest - last)  # calls in other graphs are counted, too

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self.operation(*args, **kwargs)
        self.nodes.append(self.operation._inbound_nodes[-1])


def _connected(config: dict[str, Any], custom_objects: Any) -> dict[str, _Called]:
    """The layers of a graph by their names, called as the configuration says."""
    made: dict[str, _Called] = {}
    waiting: list[tuple[str, dict[str, Any]]] = []
    for described in config["layers"]:
        name = described.get("name") or described["config"]["name"]
        made[name] = _Called(_make(described, custom_objects), described["inbound_nodes"])
        waiting += [(name, call) for call in described["inbound_nodes"]]
    inside = list(_places([call for _, call in waiting]))
    ends = list(_places([config["input_layers"], config["output_layers"]]))
    for name, one in made.items():
        one.number([n for called, n, _ in inside if called == name], [n for called, n, _ in ends if called == name])
    while waiting:
        left = []
        blocked: set[str] = set()  # the calls of a layer are made in their order
        for name, call in waiting:
            if name in blocked or not _ready(call, made):
                left.append((name, call))
                blocked.add(name)
                continue
            args, kwargs = _arguments(call["args"], made), _arguments(call.get("kwargs") or {}, made)
            made[name](*args, **kwargs)
        if len(left) == len(waiting):
            raise SerializationError(f"The calls of {sorted({n for n, _ in left})} in the config wait for each other.")
        waiting = left
    return made


def config_of_tensors(model: Any) -> dict[str, Any]:
    """The constructor's arguments of a model whose class makes its graph from symbolic tensors."""

    def described() -> dict[str, Any]:
        items = dict(model._config_items())
        tensors = {k: v for k, v in items.items() if symbolic.any_symbolic(v)}
        starts = sources(symbolic.flatten(tensors))
        given = Function(starts, tensors, name=model.name)
        own = {k: serialization.config_value(v) for k, v in items.items() if k not in tensors}
        return own | {"constructor_graph": functional_config(given)}

    return shared_objects.whole(described)


def from_config_of_tensors(cls: type, config: dict[str, Any], custom_objects: Any = None) -> Any:
    """The model that `config_of_tensors` described."""
    own = {k: v for k, v in config.items() if k != "constructor_graph"}
    graph = config["constructor_graph"]
    with shared_objects.reading():
        tensors = _ends(graph["output_layers"], _connected(graph, custom_objects))
        return cls(**tensors, **serialization.deserialize_nested(own, custom_objects))


def constructed(cls: type, config: dict[str, Any], inputs: Any, outputs: Any) -> Any:
    """The model or function, with what its constructor takes beside the graph."""
    own = {k: serialization.deserialize_nested(v) for k, v in config.items() if k not in _GRAPH}
    if serialization.is_builtin(cls):
        own = {k: v for k, v in own.items() if k == "dtype"}  # what else a later version of Keras may say
    parameters = inspect.signature(cls.__init__).parameters
    rest = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    settings = {"name": config.get("name"), "trainable": config.get("trainable") is not False}
    if not issubclass(cls, Layer):
        del settings["trainable"]
    taken = {k: v for k, v in settings.items() if rest or k in parameters}
    keywords = {"inputs", "outputs"} <= {p.name for p in parameters.values() if p.kind is not p.POSITIONAL_ONLY}
    made = cls(inputs=inputs, outputs=outputs, **taken, **own) if keywords else cls(inputs, outputs, **taken, **own)
    if settings.get("trainable") is False:
        made.trainable = False
    return made


_GRAPH = ("name", "trainable", "layers", "input_layers", "output_layers")


def _make(described: dict[str, Any], custom_objects: Any) -> Any:
    found = function_of(described)
    return serialization.deserialize(described, custom_objects, only=Operation) if found is None else found


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _ready(value: Any, made: dict[str, _Called]) -> bool:
    """Whether the calls that give these arguments have been made."""
    if _is_tensor(value):
        name, node, _ = value["config"]["keras_history"]
        if name not in made:
            raise SerializationError(f"The config refers to the layer {str(name)[:100]!r}, which it does not hold.")
        return len(made[name].nodes) > node - made[name].first
    if isinstance(value, dict):
        return all(_ready(v, made) for v in value.values())
    if isinstance(value, (list, tuple)):
        return all(_ready(v, made) for v in value)
    return True


def _counts_from_one(operation: Any) -> bool:
    """Whether Keras counts the calls that a graph ends with from 1: those of functional models inside."""
    return getattr(operation, "graph", None) is not None and not hasattr(operation, "_chain")


def _places(value: Any) -> Iterator[list[Any]]:
    """The places of tensors: a layer's name, the number of its call and that of the output."""
    if isinstance(value, (list, tuple)) and len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
        yield list(value)
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _places(item)


def _tensor(place: Any, made: dict[str, _Called]) -> Any:
    name, node, index = place
    return made[name].nodes[node - made[name].first].output_tensors[index]


def _arguments(value: Any, made: dict[str, _Called]) -> Any:
    if _is_tensor(value):
        return _tensor(value["config"]["keras_history"], made)
    if isinstance(value, dict):
        if value.get("class_name") == "__tuple__":
            return tuple(_arguments(v, made) for v in value["config"]["value"])
        if "class_name" in value and "config" in value:
            return serialization.deserialize(value)
        return {k: _arguments(v, made) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_arguments(v, made) for v in value]
    return value


def _ends(places: Any, made: dict[str, _Called]) -> Any:
    if isinstance(places, dict) and places.get("class_name") == "__ordered__":
        return OrderedDict((k, _ends(v, made)) for k, v in places["config"])
    if isinstance(places, dict):
        return {k: _ends(v, made) for k, v in places.items()}
    if len(places) == 3 and isinstance(places[0], str) and isinstance(places[1], int):
        name, number, index = places
        return _tensor((name, number - made[name].at_ends, index), made)
    return [_ends(p, made) for p in places]
